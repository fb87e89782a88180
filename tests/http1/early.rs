//! Requests in TLS early data, which whoever recorded them can send again (RFC 8470).

use crate::case::{Case, Place, Then, refused, served};

#[rustfmt::skip] // one line for each case
fn messages() -> Vec<Case> {
    let of = |line: &str, lines: &str| format!("{line} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let early = |line: &str| of(line, "Early-Data: 1\r\n");
    let good = |line: &str| served("reading the app", early(line), &format!("{line} HTTP/1.1"), "");
    let bad = |what: &str, bytes: String| refused(what, bytes, 425, "too-early");
    vec![
        good("GET /x"),
        good("HEAD /x").then(Then::GoesOn),
        good("OPTIONS /x"),
        good("GET /x/_vestibule"),
        bad("a form", of("POST /x", "Early-Data: 1\r\nContent-Length: 3\r\n") + "a=b"),
        bad("chunks", of("POST /x", "Early-Data: 1\r\nTransfer-Encoding: chunked\r\n") + "3\r\na=b\r\n0\r\n\r\n"),
        bad("a change without a body", early("DELETE /x")),
        bad("a change of one property", early("PATCH /x")),
        bad("a method of WebDAV that only reads, which not everybody knows", early("PROPFIND /x")),
        bad("another value", of("POST /x", "Early-Data: 0\r\n")),
        bad("no value", of("POST /x", "Early-Data:\r\n")),
        bad("two lines", of("POST /x", "Early-Data: 0\r\nearly-data: 1\r\n")),
        bad("a line that is nominated to end", of("POST /x", "Connection: Early-Data\r\nEarly-Data: 1\r\n")),
        bad("the page for signing in", early("GET /_vestibule/login")),
        bad("signing in", of("POST /_vestibule/login", "Early-Data: 1\r\nContent-Length: 0\r\n")),
        bad("a code", of("POST /_vestibule/second-factor", "Early-Data: 1\r\nContent-Length: 0\r\n")),
        bad("an invitation", early("GET /_vestibule/invite/abc.def")),
        bad("who is signed in", early("GET /_vestibule/whoami")),
        bad("no page of ours", early("GET /_vestibule/x")),
        bad("another spelling of ours", early("GET /%5fvestibule/login")),
        served("a change that came after the handshake", of("DELETE /x", ""), "DELETE /x HTTP/1.1", ""),
    ]
}

#[test]
fn a_copy_may_read_the_app_and_nothing_else() {
    Place::open().hold(&messages());
}

#[test]
fn the_app_hears_that_a_request_could_be_a_copy() {
    let place = Place::open();
    for (lines, expected) in [
        ("Early-Data: 1\r\n", vec!["1"]),
        ("Early-Data: 0\r\nEarly-Data: x\r\n", vec!["1"]),
        ("Connection: Early-Data\r\nEarly-Data: 1\r\n", vec!["1"]),
        ("Connection: early-data\r\n", vec![]),
        ("Early_Data: 1\r\n", vec![]),
        ("", vec![]),
    ] {
        let message = format!("GET /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        place.send((message + "GET / HTTP/1.0\r\nHost: a\r\n\r\n").as_bytes());
        let seen = place.app.take();
        assert_eq!(seen[0].all("early-data"), expected, "{lines}");
        assert_eq!(seen[1].all("early-data"), Vec::<&str>::new(), "{lines}");
    }
}
