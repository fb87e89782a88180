//! `Content-Length`: one line, one spelling, and never beside chunks (RFC 9110 section 8.6, RFC 9112 section 6.3).

use crate::case::{Case, Place, Then, refused, served};

#[rustfmt::skip] // one line for each case
fn lengths() -> Vec<Case> {
    let of = |lines: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\nok");
    let bad = |what: &str, lines: &str| refused(what, of(lines), 400, "content-length");
    let line = "POST /x HTTP/1.1";
    vec![
        served("one", of("Content-Length: 2"), line, "ok"),
        served("white space around it", of("content-LENGTH:\t 2 \t"), line, "ok"),
        served("nothing at all", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", line, ""),
        bad("two", "Content-Length: 2\r\nContent-Length: 3"),
        bad("two equal ones", "Content-Length: 2\r\nContent-Length: 2"),
        bad("two equal ones in two spellings", "Content-Length: 2\r\nContent-Length: 02"),
        bad("two, in two cases", "Content-Length: 2\r\ncONTENT-lENGTH: 2"),
        bad("two, one empty", "Content-Length: 2\r\nContent-Length:"),
        bad("a list of equal ones", "Content-Length: 2, 2"),
        bad("a list", "Content-Length: 2,3"),
        bad("a comma", "Content-Length: 2,"),
        bad("a comma in front", "Content-Length: ,2"),
        bad("a plus", "Content-Length: +2"),
        bad("a minus", "Content-Length: -2"),
        bad("minus nothing", "Content-Length: -0"),
        bad("hexadecimal", "Content-Length: 0x2"),
        bad("a letter", "Content-Length: 2Z"),
        bad("an underscore", "Content-Length: 2_0"),
        bad("a space", "Content-Length: 2 2"),
        bad("a fraction", "Content-Length: 2.0"),
        bad("an exponent", "Content-Length: 2e0"),
        bad("a quote", "Content-Length: \"2\""),
        bad("another script's digits", "Content-Length: \u{662}"),
        bad("none", "Content-Length:"),
        bad("a zero in front", "Content-Length: 02"),
        bad("zeros in front", "Content-Length: 0002"),
        bad("two zeros", "Content-Length: 00"),
        bad("2^64 + 2", "Content-Length: 18446744073709551618"),
        bad("more than fits", "Content-Length: 99999999999999999999999"),
        refused("a space before the colon", of("Content-Length : 2"), 400, "header-line"),
        refused("a tab before the colon", of("Content-Length\t: 2"), 400, "header-line"),
        refused("a space in front", of(" Content-Length: 2"), 400, "header-line"),
        bad("folded", "Content-Length:\r\n 2"),
        refused("a vertical tab", of("Content-Length: \x0b2"), 400, "header-line"),
        refused("a carriage return behind it", of("Content-Length: 2\r"), 400, "header-line"),
        refused("an underscore", of("Content_Length: 2"), 400, "framing-spelling"),
        refused("an underscore, in capitals", of("CONTENT_LENGTH: 2"), 400, "framing-spelling"),
        refused("a dot in the name", of("Content.Length: 2"), 400, "framing-spelling"),
    ]
}

#[rustfmt::skip] // one line for each case
fn beside_chunks() -> Vec<Case> {
    let of = |lines: &str, body: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}");
    let bad = |what: &str, lines: &str, body: &str| refused(what, of(lines, body), 400, "content-length");
    let poison = "GET /poison HTTP/1.1\r\nHost: a\r\n\r\n";
    vec![
        bad("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"),
        bad("CL.TE with a whole request", "Content-Length: 38\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{poison}")),
        bad("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4", &format!("22\r\n{poison}\r\n0\r\n\r\n")),
        bad("a length of nothing", "Content-Length: 0\r\nTransfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n"),
        bad("equal in effect", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        bad("two lengths and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
    ]
}

/// A body where one is seldom: it is forwarded with its framing, never read as a request.
#[rustfmt::skip] // one line for each case
fn bodies() -> Vec<Case> {
    let poison = "GET /poison HTTP/1.1\r\nHost: a\r\n\r\n";
    let of = |method: &str| format!("{method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{poison}", poison.len());
    let line = |method: &str| format!("{method} /x HTTP/1.1");
    let methods = ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PROPFIND"];
    let mut cases: Vec<Case> = methods
        .iter()
        .map(|method| served("a request as the body", of(method), &line(method), poison))
        .collect();
    cases.push(
        served("of an HTTP/1.0 client", "POST /x HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", &line("POST"), "ok")
            .then(Then::Closes),
    );
    cases
}

#[test]
fn a_length_has_one_spelling() {
    Place::open().hold(&lengths());
}

#[test]
fn a_length_never_stands_beside_chunks() {
    Place::open().hold(&beside_chunks());
}

#[test]
fn a_body_is_a_body_whatever_the_method() {
    Place::open().hold(&bodies());
}
