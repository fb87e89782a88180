//! The request line: its words, its version, its method, the form and length of its target (RFC 9112 section 3).

use crate::case::{Case, Place, Then, refused, served};

/// A request that consists of this line and a host.
fn line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

#[rustfmt::skip] // one line for each case
fn words() -> Vec<Case> {
    vec![
        served("a plain request", line("GET / HTTP/1.1"), "GET / HTTP/1.1", ""),
        refused("HTTP/0.9", "GET /\r\n", 400, "request-line"),
        refused("HTTP/0.9 with a head", "GET /\r\nHost: a\r\n\r\n", 400, "request-line"),
        refused("two spaces", line("GET  / HTTP/1.1"), 400, "request-line"),
        refused("two spaces before the version", line("GET /  HTTP/1.1"), 400, "request-line"),
        refused("a tab", line("GET\t/ HTTP/1.1"), 400, "request-line"),
        refused("a vertical tab", line("GET\x0b/ HTTP/1.1"), 400, "request-line"),
        refused("a space in the target", line("GET /a b HTTP/1.1"), 400, "request-line"),
        refused("a space in front", line(" GET / HTTP/1.1"), 400, "request-line"),
        refused("a space at the end", line("GET / HTTP/1.1 "), 400, "request-line"),
        refused("no method", line("/ HTTP/1.1"), 400, "request-line"),
        refused("no target", line("GET HTTP/1.1"), 400, "request-line"),
        refused("a carriage return in the line", line("GET /\rX HTTP/1.1"), 400, "path"),
        refused("two carriage returns", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, "request-line"),
        refused("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "request-line"),
        served("one empty line in front", line("\r\nGET / HTTP/1.1"), "GET / HTTP/1.1", ""),
        refused("two empty lines in front", line("\r\n\r\nGET / HTTP/1.1"), 400, "request-line"),
        refused("a bare line feed in front", line("\nGET / HTTP/1.1"), 400, "line-end"),
        refused("a bare carriage return in front", line("\rGET / HTTP/1.1"), 400, "request-line"),
    ]
}

#[rustfmt::skip] // one line for each case
fn versions() -> Vec<Case> {
    vec![
        refused("HTTP/1.2", line("GET / HTTP/1.2"), 505, "version"),
        refused("HTTP/1.9", line("GET / HTTP/1.9"), 505, "version"),
        refused("HTTP/2.0", line("GET / HTTP/2.0"), 505, "version"),
        refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"),
        refused("lower case", line("GET / http/1.1"), 400, "request-line"),
        refused("two digits", line("GET / HTTP/1.10"), 400, "request-line"),
        refused("a leading zero", line("GET / HTTP/01.1"), 400, "request-line"),
        refused("no dot", line("GET / HTTP/11"), 400, "request-line"),
        refused("a comma", line("GET / HTTP/1,1"), 400, "request-line"),
        refused("another protocol", line("GET / ICAP/1.0"), 400, "request-line"),
        served("HTTP/1.0", line("GET / HTTP/1.0"), "GET / HTTP/1.1", "").then(Then::Closes),
        refused("HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", 400, "no-host"),
    ]
}

#[rustfmt::skip] // one line for each case
fn methods() -> Vec<Case> {
    let options = |forwards: &str| format!("OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: {forwards}\r\n\r\n");
    let own = |what: &str, message: String| Case {
        seen: vec![],
        ..served(what, message, "", "").then(Then::Answered(204))
    };
    vec![
        served("a method of WebDAV", line("PROPFIND / HTTP/1.1"), "PROPFIND / HTTP/1.1", ""),
        refused("CONNECT", line("CONNECT b:443 HTTP/1.1"), 405, "method"),
        refused("CONNECT to a path", line("CONNECT /x HTTP/1.1"), 405, "method"),
        refused("TRACE", line("TRACE / HTTP/1.1"), 405, "method"),
        refused("TRACE that says it goes no further", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 405, "method"),
        refused("lower case", line("get / HTTP/1.1"), 501, "unknown-method"),
        refused("mixed case", line("Get / HTTP/1.1"), 501, "unknown-method"),
        refused("a token that is no method", line("G#T / HTTP/1.1"), 501, "unknown-method"),
        refused("a method as long as a book", line(&format!("{} / HTTP/1.1", "A".repeat(5000))), 501, "unknown-method"),
        refused("no token", line("G(T / HTTP/1.1"), 400, "request-line"),
        own("OPTIONS of the server", line("OPTIONS * HTTP/1.1")),
        own("OPTIONS that goes no further", options("0")),
        served("OPTIONS that goes further", options("1"), "OPTIONS /x HTTP/1.1", ""),
        refused("no number of forwards", options("x"), 400, "max-forwards"),
        refused("a signed number of forwards", options("+1"), 400, "max-forwards"),
        refused("OPTIONS of the server without a host", "OPTIONS * HTTP/1.1\r\n\r\n", 400, "no-host"),
    ]
}

#[rustfmt::skip] // one line for each case
fn forms() -> Vec<Case> {
    let get = |target: &str| line(&format!("GET {target} HTTP/1.1"));
    vec![
        served("absolute form", get("http://a/x?y"), "GET /x?y HTTP/1.1", ""),
        served("absolute form without a path", get("http://a"), "GET / HTTP/1.1", ""),
        served("absolute form with a query alone", get("http://a?y"), "GET /?y HTTP/1.1", ""),
        served("absolute form, the scheme in upper case", get("HTTP://a/x"), "GET /x HTTP/1.1", ""),
        refused("the scheme of another connection", get("https://a/x"), 400, "target-scheme"),
        refused("ftp", get("ftp://a/x"), 400, "target-scheme"),
        refused("ws", get("ws://a/x"), 400, "target-scheme"),
        refused("file", get("file:///etc/passwd"), 400, "target-form"),
        refused("a user", get("http://u@a/x"), 400, "target-authority"),
        refused("a user that looks like a host", get("http://a:80@b/x"), 400, "target-authority"),
        refused("an empty host", get("http:///x"), 400, "target-form"),
        refused("one slash", get("http:/a/x"), 400, "target-form"),
        refused("a port of none", get("http://a:/x"), 400, "target-authority"),
        refused("a port beyond all", get("http://a:99999/x"), 400, "target-authority"),
        refused("a backslash before the host", get("http:\\\\a/x"), 400, "target-form"),
        refused("authority form", get("a"), 400, "target-form"),
        refused("authority form with a port", get("a:80"), 400, "target-form"),
        refused("a path without a slash", get("x/y"), 400, "target-form"),
        refused("a query alone", get("?x"), 400, "target-form"),
        refused("an asterisk", get("*"), 400, "target-form"),
        refused("a fragment", get("/x#/open/"), 400, "path"),
        refused("a fragment in absolute form", get("http://a/x#y"), 400, "path"),
        refused("NUL", get("/x\0y"), 400, "path"),
        refused("DEL", get("/x\x7f"), 400, "path"),
        refused("a quote", get("/a\"b"), 400, "path"),
        refused("angle brackets", get("/a<b>"), 400, "path"),
        refused("braces", get("/a{b}"), 400, "path"),
        refused("raw UTF-8", get("/\u{e9}"), 400, "path"),
        refused("raw Latin-1", b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path"),
        refused("an encoded NUL", get("/x%00"), 400, "path"),
        refused("half a percent code", get("/x%4"), 400, "path"),
    ]
}

#[rustfmt::skip] // one line for each case
fn lengths() -> Vec<Case> {
    let of = |length: usize| format!("/{}", "a".repeat(length - 1));
    let get = |length: usize| line(&format!("GET {} HTTP/1.1", of(length)));
    let seen = format!("GET {} HTTP/1.1", of(8000));
    vec![
        served("8000 bytes", get(8000), &seen, ""),
        refused("more than the limit", get(16 * 1024 + 1), 414, "target-too-long"),
        refused("more than a buffer", get(70_000), 414, "target-too-long"),
        refused("no end at all", vec![b'A'; 100_000], 414, "target-too-long"),
    ]
}

#[test]
fn a_request_line_is_three_words() {
    Place::open().hold(&words());
}

#[test]
fn two_versions_are_spoken() {
    Place::open().hold(&versions());
}

#[test]
fn methods_are_known_or_refused() {
    Place::open().hold(&methods());
}

#[test]
fn a_target_has_one_form() {
    Place::open().hold(&forms());
}

#[test]
fn a_target_has_a_longest() {
    Place::open().hold(&lengths());
}

#[test]
fn forwards_are_counted_down() {
    let place = Place::open();
    for (sent, seen) in [("1", "0"), ("10", "9"), ("010", "9")] {
        place.send(
            format!("OPTIONS /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nMax-Forwards: {sent}\r\n\r\n").as_bytes(),
        );
        assert_eq!(place.app.take()[0].all("max-forwards"), [seen]);
    }
    // Of other methods the field says nothing (RFC 9110 section 7.6.2).
    place.send(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nMax-Forwards: x\r\n\r\n");
    assert_eq!(place.app.take()[0].all("max-forwards"), Vec::<&str>::new());
}

#[test]
fn what_the_server_can_do_is_said_by_the_server() {
    let place = Place::open();
    let answers = place.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(answers[0].status, 204);
    let allow = answers[0].header("allow").expect("it is said");
    assert!(
        allow.contains("GET") && !allow.contains("TRACE") && !allow.contains("CONNECT"),
        "{allow}"
    );
    assert_eq!(place.app.take(), []);
}
