//! One end of a connection, byte by byte. Every wait has a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::DEADLINE;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// What was read and not yet looked at.
    ahead: Vec<u8>,
}

/// A head as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first: String,
    /// Names in lower case, in the order of the wire.
    pub(crate) lines: Vec<(String, String)>,
}

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It said that nothing more comes.
    Closed,
    /// It broke off.
    Reset,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    /// Without its chunks.
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its framing says.
    pub(crate) whole: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(DEADLINE))
            .and_then(|()| stream.set_write_timeout(Some(DEADLINE)))
            .and_then(|()| stream.set_nodelay(true))
            .expect("a socket takes its options");
        Self {
            stream,
            ahead: vec![],
        }
    }

    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("the gate listens"))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the other side reads");
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more comes, and can still read. The other side may have gone already.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }

    /// Reads a head.
    pub(crate) fn head(&mut self) -> Head {
        self.try_head().expect("a head comes")
    }

    /// Reads a head, unless the other side ends the connection.
    pub(crate) fn try_head(&mut self) -> Option<Head> {
        let text = self.try_until("\r\n\r\n")?;
        let mut lines = text.trim_end().split("\r\n");
        Some(Head {
            first: lines.next().unwrap_or_default().to_owned(),
            lines: lines
                .map(|line| line.split_once(':').expect("a line has a colon"))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        })
    }

    /// Reads up to and with `end`.
    pub(crate) fn until(&mut self, end: &str) -> String {
        self.try_until(end)
            .unwrap_or_else(|| panic!("ended before {end:?}"))
    }

    fn try_until(&mut self, end: &str) -> Option<String> {
        loop {
            let found = find(&self.ahead, end.as_bytes());
            if let Some(at) = found {
                let rest = self.ahead.split_off(at + end.len());
                let text = std::mem::replace(&mut self.ahead, rest);
                return Some(String::from_utf8_lossy(&text).into_owned());
            }
            self.more().ok()?;
        }
    }

    /// Reads so many bytes.
    pub(crate) fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            self.more().expect("more bytes come");
        }
        let rest = self.ahead.split_off(length);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Reads until the other side ends the connection.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Err(end) = self.more() {
                return (std::mem::take(&mut self.ahead), end);
            }
        }
    }

    /// Waits until the other side ends the connection without another word.
    pub(crate) fn closes(&mut self) {
        let (rest, _) = self.rest();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Reads the answer to a request with `method`, final and whole or broken off.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("an answer comes")
    }

    /// The same, unless the other side ends the connection before the head is complete.
    pub(crate) fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let head = self.try_head()?;
        let status = head.status();
        let bodiless = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
        let (body, whole) = match (head.one("content-length"), head.one("transfer-encoding")) {
            _ if bodiless => (vec![], true),
            (Some(length), None) => self.up_to(length.parse().expect("a length is a number")),
            (None, Some("chunked")) => self.chunks(),
            (None, None) => (self.rest().0, true),
            odd => panic!("framed {odd:?}"),
        };
        Some(Answer { head, body, whole })
    }

    fn up_to(&mut self, length: usize) -> (Vec<u8>, bool) {
        while self.ahead.len() < length {
            if self.more().is_err() {
                return (std::mem::take(&mut self.ahead), false);
            }
        }
        (self.exactly(length), true)
    }

    fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = vec![];
        loop {
            let Some(size) = self.try_until("\r\n") else {
                return (body, false);
            };
            let size = usize::from_str_radix(size.trim_end(), 16).expect("a plain chunk size");
            let (chunk, whole) = self.up_to(size + 2);
            if !whole {
                body.extend(chunk);
                return (body, false);
            }
            body.extend(&chunk[..size]);
            if size == 0 {
                return (body, true);
            }
        }
    }

    /// Whether nothing comes and nothing ends for `time`.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream
            .set_read_timeout(Some(time))
            .expect("a deadline can be set");
        let mut byte = [0];
        let read = self.stream.peek(&mut byte);
        self.stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a deadline can be set");
        self.ahead.is_empty() && read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Reads what has come; an end is an error.
    fn more(&mut self) -> Result<(), End> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(End::Closed),
            Ok(length) => {
                self.ahead.extend(&buffer[..length]);
                Ok(())
            }
            Err(error) => {
                let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!waited, "nothing came, after {:?}", self.shown());
                Err(End::Reset)
            }
        }
    }

    fn shown(&self) -> String {
        let start = &self.ahead[..self.ahead.len().min(200)];
        String::from_utf8_lossy(start).into_owned()
    }
}

impl Head {
    pub(crate) fn status(&self) -> u16 {
        let word = self.first.split(' ').nth(1);
        word.and_then(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no status in {:?}", self.first))
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.lines.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header that stands there once at most.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands twice in {self:?}");
        all.first().copied()
    }

    /// As it was, for those who look for something in it.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.iter();
        lines.fold(self.first.clone(), |text, (name, value)| {
            format!("{text}\r\n{name}: {value}")
        })
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
