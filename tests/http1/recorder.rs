//! An app that writes down every byte, believes none, and answers with the request line that it read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running app. It ends with its test.
#[derive(Debug)]
pub(crate) struct Recorder {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Record>>>,
}

/// One request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The request line, to the byte.
    pub(crate) line: String,
    /// Names as they came, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body without its framing; none when it broke off.
    pub(crate) body: Option<Vec<u8>>,
    /// What two servers could read in two ways; empty when all is well.
    pub(crate) faults: Vec<String>,
}

impl Record {
    /// All values of a header, whatever its case.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter();
        named
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

impl Recorder {
    /// Starts on a port that the system chooses.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::<Mutex<Vec<Record>>>::default();
        let records = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let records = Arc::clone(&records);
                thread::spawn(move || serve(stream, &records));
            }
        });
        Self { address, seen }
    }

    /// The lines of configuration that put this app behind a gate.
    pub(crate) fn upstream(&self) -> String {
        format!("[[upstream]]\nurl = \"http://{}\"\n", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that came since the last call.
    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.seen.lock().expect("no thread panics with the list"))
    }
}

/// Serves one connection of the gate until either side has enough.
fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Record>>) {
    let mut bytes = vec![];
    while let Some(record) = read_request(&mut stream, &mut bytes) {
        let whole = record.body.is_some();
        let answer = answer(&record.line);
        seen.lock()
            .expect("no thread panics with the list")
            .push(record);
        if !whole || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(line: &str) -> String {
    let length = line.len();
    let body = if line.starts_with("HEAD ") { "" } else { line };
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Reads until `enough` says how long the wanted part is; false when the other side ends before.
fn fill(stream: &mut TcpStream, bytes: &mut Vec<u8>, enough: impl Fn(&[u8]) -> bool) -> bool {
    let mut piece = [0; 4096];
    while !enough(bytes) {
        match stream.read(&mut piece) {
            Ok(1..) if bytes.len() > 10_000_000 => return false,
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            Ok(0) | Err(_) => return false,
        }
    }
    true
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Record> {
    let has_head = |bytes: &[u8]| find(bytes, b"\r\n\r\n").is_some();
    if !fill(stream, bytes, has_head) && bytes.is_empty() {
        return None;
    }
    let end = find(bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let head: Vec<u8> = bytes.drain(..end).collect();
    let mut record = read_head(&head);
    record.body = read_body(stream, bytes, &mut record);
    if record.body.is_some() && !bytes.is_empty() {
        // The gate never sends a request before it has the answer to the last one.
        let behind = String::from_utf8_lossy(bytes).into_owned();
        record.faults.push(format!("behind it stands {behind:?}"));
    }
    Some(record)
}

/// Takes a head apart, and names everything in it that some server could read otherwise.
fn read_head(head: &[u8]) -> Record {
    let text = String::from_utf8_lossy(head).into_owned();
    let mut faults = vec![];
    let bare = text.replace("\r\n", "");
    if !text.ends_with("\r\n\r\n") || bare.contains(|c: char| c.is_control() && c != '\t') {
        faults.push(format!("a malformed head {text:?}"));
    }
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let mut headers = vec![];
    for line in lines {
        match line.split_once(':') {
            Some((name, value)) if is_name(name) => {
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
            _ => faults.push(format!("a malformed line {line:?}")),
        }
    }
    let words: Vec<&str> = line.split(' ').collect();
    if !matches!(words[..], [_, target, "HTTP/1.1"] if target.starts_with('/') && !target.contains('#'))
    {
        faults.push(format!("a malformed request line {line:?}"));
    }
    let mut record = Record {
        line,
        headers,
        body: None,
        faults,
    };
    let counts = ["host", "content-length", "transfer-encoding"].map(|name| record.all(name).len());
    if counts[0] != 1 || counts[1] + counts[2] > 1 {
        record.faults.push(format!("framed in two ways: {text:?}"));
    }
    record
}

fn is_name(name: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(sign)
}

fn read_body(stream: &mut TcpStream, bytes: &mut Vec<u8>, record: &mut Record) -> Option<Vec<u8>> {
    let length = record
        .all("content-length")
        .first()
        .map(|text| text.parse::<usize>());
    let coding = record
        .all("transfer-encoding")
        .first()
        .map(|text| (*text).to_owned());
    match (length, coding.as_deref()) {
        (None, None) => Some(vec![]),
        (Some(Ok(length)), None) => {
            let whole = fill(stream, bytes, |bytes| bytes.len() >= length);
            whole.then(|| bytes.drain(..length).collect())
        }
        (None, Some("chunked")) => read_chunks(stream, bytes),
        (length, coding) => {
            record
                .faults
                .push(format!("framed as {length:?} {coding:?}"));
            None
        }
    }
}

/// Chunks as strictly as they can be read: a bare size in hexadecimal, no extension, no trailer.
fn read_chunks(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = vec![];
    loop {
        fill(stream, bytes, |bytes| find(bytes, b"\r\n").is_some()).then_some(())?;
        let end = find(bytes, b"\r\n")?;
        let line: Vec<u8> = bytes.drain(..end + 2).collect();
        let size = usize::from_str_radix(std::str::from_utf8(&line[..end]).ok()?, 16).ok()?;
        fill(stream, bytes, |bytes| bytes.len() >= size + 2).then_some(())?;
        let chunk: Vec<u8> = bytes.drain(..size + 2).collect();
        if !chunk.ends_with(b"\r\n") {
            return None;
        }
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Some(body);
        }
    }
}
