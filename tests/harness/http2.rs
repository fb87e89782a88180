//! One request over HTTP/2 without TLS (RFC 9113, 3.3), with a path of any bytes. Its answer is waited for and not read.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const STREAM: u32 = 1;

/// Sends a GET with these lines, short ones, and returns when it was answered or refused.
pub(crate) fn get(address: SocketAddr, path: &[u8], lines: &[(&str, &str)]) -> io::Result<()> {
    let mut block = vec![];
    write_line(&mut block, b":method", b"GET");
    write_line(&mut block, b":scheme", b"http");
    write_line(&mut block, b":path", path);
    for (name, value) in lines {
        write_line(&mut block, name.as_bytes(), value.as_bytes());
    }
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let settings = frame(SETTINGS, 0, 0, &[]);
    let request = frame(HEADERS, END_STREAM | END_HEADERS, STREAM, &block);
    stream.write_all(&[PREFACE, &settings, &request].concat())?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let [l0, l1, l2, kind, flags, id @ ..] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        io::copy(&mut (&stream).take(u64::from(length)), &mut io::sink())?;
        let ours = u32::from_be_bytes(id) == STREAM;
        let ends = match kind {
            DATA | HEADERS => ours && flags & END_STREAM != 0,
            RST_STREAM => ours,
            other => other == GOAWAY,
        };
        if ends {
            return Ok(());
        }
    }
}

/// A line that is in no table, uncompressed (RFC 7541, 6.2.2).
fn write_line(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        assert!(text.len() < 127, "longer lengths are written differently");
        block.extend(u8::try_from(text.len()));
        block.extend(text);
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames here are short");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}
