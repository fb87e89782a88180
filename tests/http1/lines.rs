//! Header lines (RFC 9112 section 5), how many there may be, and what they may not ask for.

use crate::case::{Case, Place, Then, refused, served};

fn of(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [
        b"GET /x HTTP/1.1\r\nHost: a\r\n",
        lines.as_ref(),
        b"\r\n\r\n",
    ]
    .concat()
}

#[rustfmt::skip] // one line for each case
fn lines() -> Vec<Case> {
    let good = |what: &str, line: &[u8]| served(what, of(line), "GET /x HTTP/1.1", "");
    let bad = |what: &str, line: &[u8]| refused(what, of(line), 400, "header-line");
    let end = |what: &str, bytes: &str| refused(what, bytes, 400, "line-end");
    vec![
        good("an empty value", b"X:"),
        good("no white space", b"X:y"),
        good("white space around", b"X: \t y \t"),
        good("every sign of a name", b"a!#$%&'*+-.^`|~9: y"),
        good("bytes beyond ASCII in a value", b"X: \xe9\xff"),
        bad("no colon", b"X"),
        bad("no name", b": y"),
        bad("a space before the colon", b"X : y"),
        bad("a space in the name", b"X Y: z"),
        bad("a space in front", b" X: y"),
        bad("folded", b"X: y\r\n z"),
        bad("folded with a tab", b"X: y\r\n\tz"),
        bad("folded, empty", b"X: y\r\n \r\nZ: a"),
        bad("a carriage return in the value", b"X: y\rz"),
        bad("a carriage return at the end", b"X: y\r"),
        bad("a carriage return in the name", b"X\rY: z"),
        bad("NUL in the value", b"X: \0"),
        bad("NUL in the name", b"X\0: y"),
        bad("DEL", b"X: \x7f"),
        bad("an escape", b"X: \x1b[2J"),
        bad("a name beyond ASCII", b"X\xe9: y"),
        bad("a name in UTF-8", "X\u{e9}: y".as_bytes()),
        bad("a quote in the name", b"\"X\": y"),
        bad("a slash in the name", b"X/Y: z"),
        end("bare line feeds", "GET /x HTTP/1.1\nHost: a\n\n"),
        end("one bare line feed in the request line", "GET /x HTTP/1.1\nHost: a\r\n\r\n"),
        end("one bare line feed in a header line", "GET /x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        end("a bare line feed at the end", "GET /x HTTP/1.1\r\nHost: a\r\n\n"),
        end("a bare line feed and a request", "GET /x HTTP/1.1\r\nHost: a\r\nX: y\n\nGET /poison HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("LF CR", "GET /x HTTP/1.1\r\nHost: a\r\n\n\r", 400, "line-end"),
    ]
}

#[rustfmt::skip] // one line for each case
fn meanings() -> Vec<Case> {
    let bad = |what: &str, line: &str, status, reason| refused(what, of(line), status, reason);
    let connection = |line: &str| bad("struck out", &format!("Connection: {line}"), 400, "connection");
    vec![
        bad("another expectation", "Expect: tea", 417, "expect"),
        bad("an expectation and another", "Expect: 100-continue, tea", 417, "expect"),
        bad("an expectation with a word in front", "Expect: x 100-continue", 417, "expect"),
        bad("two lines of expectations", "Expect: 100-continue\r\nExpect: tea", 417, "expect"),
        bad("no expectation", "Expect:", 417, "expect"),
        served("an expectation without a body", of("Expect: 100-continue"), "GET /x HTTP/1.1", ""),
        connection("Host"),
        connection("close, Content-Length"),
        connection("Transfer-Encoding"),
        connection("transfer_encoding"),
        connection("Cookie"),
        connection("authorization"),
        connection("Origin"),
        connection("Sec-Fetch-Site"),
        connection("Content-Type"),
        connection("Via"),
        connection("\u{e9}"),
        bad("credentials beyond ASCII", "Authorization: Basic \u{e9}", 400, "authorization"),
        bad("a cookie's name beyond ASCII", "Cookie: \u{e9}=1", 400, "cookie-name"),
        bad("in a circle", "Via: 1.1 vestibule, 1.1 x, 1.1 vestibule", 508, "loop"),
        bad("in a circle, in two lines", "Via: 1.1 vestibule\r\nVia: 1.0 x, 1.1 vestibule (c)", 508, "loop"),
        served("through here once before", of("Via: 1.1 vestibule"), "GET /x HTTP/1.1", ""),
        served("another name in Via", of("Via: 1.1 vestibules, 1.1 x (vestibule), 1.1 not-vestibule"), "GET /x HTTP/1.1", ""),
    ]
}

#[rustfmt::skip] // one line for each case
fn sizes() -> Vec<Case> {
    let lines = |count: usize| "X: y\r\n".repeat(count);
    let many = |count: usize| of(lines(count).trim_end());
    let long = |length: usize| of(format!("X: {}", "y".repeat(length)));
    let cookie = |length: usize| of(format!("Cookie: {}", "c=d; ".repeat(length / 5)));
    let line = "GET /x HTTP/1.1";
    vec![
        served("a hundred lines", many(98), line, ""),
        refused("more lines than a hundred", many(100), 431, "head-too-large"),
        refused("a thousand lines", many(1000), 431, "head-too-large"),
        served("eight kilobytes of one cookie", of(format!("Cookie: c={}", "d".repeat(8000))), line, ""),
        refused("more than the app takes", long(16 * 1024), 431, "head-too-large"),
        refused("more than the limit", long(33 * 1024), 431, "head-too-large"),
        refused("more than a buffer", long(100_000), 431, "head-too-large"),
        refused("no end at all", [b"GET /x HTTP/1.1\r\nHost: a\r\n", &[b'X'; 200_000][..]].concat(), 431, "head-too-large"),
        refused("more cookies than are read", cookie(2000), 431, "cookies-too-large"),
    ]
}

#[test]
fn a_header_line_has_one_spelling() {
    Place::open().hold(&lines());
}

#[test]
fn nobody_asks_for_what_there_is_not() {
    Place::open().hold(&meanings());
}

#[test]
fn a_head_has_a_longest() {
    Place::open().hold(&sizes());
}

#[test]
fn a_connection_that_is_to_close_closes() {
    let closes = |line: &str| {
        served(
            "close",
            of(format!("Connection: {line}")),
            "GET /x HTTP/1.1",
            "",
        )
        .then(Then::Closes)
    };
    Place::open().hold(&[
        closes("close"),
        closes("Close"),
        closes("keep-alive, close"),
        closes("close\r\nConnection: keep-alive"),
    ]);
}
