//! An app that answers without reading a body, behind the recipes: what stands in the body is no request.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::browser::exchange;
use crate::harness::gate::Gate;
use crate::harness::{DEADLINE, third_party};
use crate::layout::Layout;
use crate::proxy::{PROXIES, Running};
use crate::scene::APP_HOST;

/// What nobody may ask for who is nobody, in another's name.
const INSIDE: &str = "GET /page HTTP/1.1\r\nHost: app.example.com\r\nRemote-User: alice\r\n\r\n";

/// Answers at each head, as `http.server` of Python does, and takes what follows for the next one.
struct Careless {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Careless {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has one");
        let lines = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&lines);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { address, lines }
    }

    fn seen(&self) -> Vec<String> {
        self.lines.lock().expect("no test has panicked").clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>) -> Option<()> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let (mut ahead, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let Some((head, rest)) = ahead.split_once("\r\n\r\n") else {
            let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
            ahead.push_str(&String::from_utf8_lossy(&buffer[..length]));
            continue;
        };
        let line = head.lines().next().unwrap_or_default().to_owned();
        seen.lock().expect("no test has panicked").push(line);
        let closes = head.to_ascii_lowercase().contains("connection: close");
        ahead = rest.to_owned();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
        stream.write_all(answer).ok()?;
        if closes {
            stream.shutdown(Shutdown::Write).ok()?;
            while stream
                .read(&mut buffer)
                .ok()
                .is_some_and(|length| length > 0)
            {}
            return Some(());
        }
    }
}

/// Requests for what is open, with the other one in their body. Where that comes in chunks, the size of the first one stands before it.
fn carriers() -> Vec<String> {
    let length = INSIDE.len();
    let plain = "Connection: close\r\n";
    let handshake = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let of = |method: &str, lines: &str| {
        let head = format!("{method} /open/x HTTP/1.1\r\nHost: {APP_HOST}\r\n{lines}");
        [
            format!("{head}Content-Length: {length}\r\n\r\n{INSIDE}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{INSIDE}\r\n0\r\n\r\n"),
        ]
    };
    [of("GET", plain), of("HEAD", plain), of("GET", handshake)].concat()
}

#[test]
fn what_an_app_leaves_unread_is_no_request() {
    if !third_party() {
        return;
    }
    for layout in [Layout::Apart, Layout::Together] {
        let gate = Gate::start(&layout.plain_config());
        for proxy in PROXIES {
            let app = Careless::start();
            let running = Running::start(proxy, layout, gate.address(), app.address);
            let last =
                format!("GET /open/last HTTP/1.1\r\nHost: {APP_HOST}\r\nConnection: close\r\n\r\n");
            for request in carriers().iter().chain([&last]) {
                // Whatever the answer is, none at all too: the app is asked what it saw.
                let _ = exchange(running.address, request.as_bytes());
            }
            let seen = app.seen();
            let has = |path: &str| seen.iter().any(|line| line.contains(path));
            assert!(
                has("/open/last") && !has("/page"),
                "{proxy:?} {layout:?}: {seen:?}"
            );
        }
    }
}
