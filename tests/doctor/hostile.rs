//! The target is a stranger, too: what it says is bounded, and never printed as it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::{complaints, doctor};

/// Answers every connection so, until the test process ends.
fn server(answer: fn(&mut TcpStream, &str) -> std::io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 4096];
                // Whoever leaves early has heard enough.
                let _ = stream.read(&mut request).and_then(|length| {
                    let request = String::from_utf8_lossy(&request[..length]);
                    answer(&mut stream, &request)
                });
            });
        }
    });
    address
}

fn visit(address: SocketAddr) -> crate::harness::gate::Outcome {
    let connect = address.to_string();
    doctor(&["--url", "http://app.localhost/", "--connect", &connect])
}

#[test]
fn what_a_target_says_does_not_reach_the_terminal_as_it_is() {
    let address = server(|stream, _| {
        stream.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: /a\xc2\x9b2J/login?rd=/secret-rd\r\n\
              Set-Cookie: n\xc2\x9b2Jame=secret-value\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
    });
    let outcome = visit(address);
    let printed = outcome.stdout.clone() + &outcome.stderr;
    let is_plain = |c: char| c == '\n' || c.is_ascii_graphic() || c == ' ';
    assert!(printed.chars().all(is_plain), "{printed:?}");
    assert!(!printed.contains("secret"), "{printed}");
}

#[test]
fn redirects_without_end_are_a_loop() {
    let address = server(|stream, _| {
        stream.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )
    });
    let connect = address.to_string();
    let (code, bad) = complaints(&["--url", "http://app.localhost/", "--connect", &connect]);
    assert_eq!(code, Some(0));
    assert!(bad.contains(&"warn login-loop".to_owned()), "{bad:?}");
}

/// The most bytes that one connection took of a body without end.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_body_without_end_is_cut() {
    let address = server(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let mut taken = 0;
        loop {
            stream.write_all(&[b'x'; 65_536])?;
            taken += 65_536;
            TAKEN.fetch_max(taken, Ordering::Relaxed);
        }
    });
    assert_eq!(visit(address).code, Some(1));
    // One mebibyte, and what the buffers of two sockets hold.
    let taken = TAKEN.load(Ordering::Relaxed);
    assert!(taken < 48 * 1024 * 1024, "{taken}");
}

#[test]
fn what_is_no_http_cannot_be_reached() {
    let address = server(|stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"));
    let outcome = visit(address);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(2), ""),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("there is a connection, and no answer"),
        "{outcome:?}"
    );
}

#[test]
fn a_host_that_a_client_may_choose_is_found() {
    let address = server(|stream, request| {
        let host = request
            .lines()
            .find_map(|line| line.strip_prefix("x-forwarded-host: "))
            .unwrap_or("app.localhost");
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{host}/_vestibule/login\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes())
    });
    let connect = address.to_string();
    let (code, bad) = complaints(&["--url", "http://app.localhost/", "--connect", &connect]);
    assert_eq!(code, Some(1));
    assert!(
        bad.contains(&"open forwarded-headers".to_owned()),
        "{bad:?}"
    );
}
