//! The target is a stranger, too: what it says is bounded, and never printed as it is.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::front::{raw, saying};
use crate::{complaints, doctor};

fn visit(address: SocketAddr) -> crate::harness::gate::Outcome {
    let connect = address.to_string();
    doctor(&["--url", "http://app.localhost/", "--connect", &connect])
}

#[test]
fn what_a_target_says_does_not_reach_the_terminal_as_it_is() {
    let address = raw(|stream, _| {
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
    let address = saying("302 Found\r\nLocation: /again");
    let connect = address.to_string();
    let (code, bad) = complaints(&["--url", "http://app.localhost/", "--connect", &connect]);
    assert_eq!(code, Some(1));
    assert!(bad.contains(&"broken login-loop".to_owned()), "{bad:?}");
}

/// The most bytes that one connection took of a body without end.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

#[test]
fn a_body_without_end_is_cut() {
    let address = raw(|stream, _| {
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
    let address = raw(|stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"));
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
    let address = raw(|stream, request| {
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

#[test]
fn heads_that_are_too_large_or_no_heads_are_said_so_and_never_shown() {
    for head in [
        format!(
            "HTTP/1.1 200 OK\r\nx: {}\r\n\r\n",
            "a\u{1b}".repeat(4_000_000)
        ),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: a\r\n".repeat(100_000)),
        "HTTP/1.1 2000 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\n\u{1b}[2J: x\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(3),
        String::new(),
    ] {
        let address = raw(move |stream, _| stream.write_all(head.as_bytes()));
        let outcome = visit(address);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(2), ""),
            "{outcome:?}"
        );
        let is_plain = |c: char| c == '\n' || c.is_ascii_graphic() || c == ' ';
        assert!(outcome.stderr.chars().all(is_plain), "{outcome:?}");
        assert!(outcome.stderr.len() < 400, "{outcome:?}");
    }
}

/// Without a limit this would take as long as the server likes.
#[test]
fn a_server_that_never_comes_to_the_point_is_left() {
    let began = Instant::now();
    let address = raw(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        loop {
            stream.write_all(b"a")?;
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let outcome = visit(address);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("it takes too long"), "{outcome:?}");
    // Ten seconds, and what a slow machine needs.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

/// Limits of proxies and pages with a clock in them are no reason to accuse a header.
#[test]
fn an_answer_that_changes_by_itself_accuses_no_header() {
    let count = AtomicUsize::new(0);
    let address = raw(move |stream, request| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let status = match number {
            40.. => "429 Too Many Requests",
            _ if request.starts_with("GET /open ") => "200 OK",
            _ => "401 Unauthorized",
        };
        let body = format!("request {number}");
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    });
    let connect = address.to_string();
    let url = "http://app.localhost/closed";
    let arguments = ["--url", url, "--connect", &connect, "--open", "/open"];
    let outcome = doctor(&arguments);
    let said = outcome.stdout;
    assert_eq!(outcome.code, Some(0), "{said}");
    assert!(!said.contains("somebody reads it"), "{said}");
    assert!(said.contains("gets 429: a limit is in the way"), "{said}");
}

#[test]
fn what_only_answers_is_neither_good_nor_left_out() {
    for (head, expected) in [
        ("404 Not Found", "broken sign-in"),
        ("421 Misdirected Request", "broken sign-in"),
        ("429 Too Many Requests", "broken sign-in"),
        ("502 Bad Gateway", "broken sign-in"),
        ("403 Forbidden", "warn sign-in"),
        (
            "302 Found\r\nLocation: http://127.0.0.1:1/x",
            "broken login-loop",
        ),
        (
            "302 Found\r\nLocation: /_vestibule/login",
            "broken login-loop",
        ),
        ("401 Unauthorized", "warn login-page"),
    ] {
        let connect = saying(head).to_string();
        let (_, bad) = complaints(&["--url", "http://app.localhost/", "--connect", &connect]);
        assert!(bad.contains(&expected.to_owned()), "{head}: {bad:?}");
    }
}
