//! A WebSocket client, as small as a test needs it (RFC 6455).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;
use super::app::accept_key;
use super::browser::Reply;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The lines of a handshake.
pub(crate) const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
];

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket(TcpStream);

impl WebSocket {
    /// Shakes hands for `path`, as a page of `host` would, with these extra header lines; the
    /// answer when it is not 101.
    pub(crate) fn open(
        address: SocketAddr,
        host: &str,
        path: &str,
        lines: &[(&str, &str)],
    ) -> Result<Self, Reply> {
        let mut stream = TcpStream::connect(address).expect("the gate listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a deadline can be set");
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n");
        for (name, value) in HANDSHAKE.iter().chain(lines) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream
            .write_all((request + "\r\n").as_bytes())
            .expect("the gate reads");
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the gate answers");
            head.push(byte[0]);
        }
        let reply = Reply::parse(path, &head);
        if reply.status != 101 {
            return Err(reply);
        }
        assert_eq!(
            reply.header("sec-websocket-accept"),
            Some(accept_key(KEY.as_bytes()).as_str())
        );
        Ok(Self(stream))
    }

    /// Sends a short text and returns what comes back.
    pub(crate) fn echo(&mut self, text: &str) -> io::Result<String> {
        let length = u8::try_from(text.len()).expect("a short text");
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.0.write_all(&frame)?;
        let mut answer = vec![0; 2 + text.len()];
        self.0.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[2..]).into_owned())
    }

    /// Waits until the other side ends the connection, in whatever way.
    pub(crate) fn wait_for_end(&mut self) {
        let mut rest = vec![];
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "still open"),
        }
    }
}
