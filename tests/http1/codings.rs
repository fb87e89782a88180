//! `Transfer-Encoding`: one line that says `chunked` (RFC 9112 section 6.1), and none of its disguises.

use crate::case::{Case, Place, refused, served};

const CHUNKS: &str = "2\r\nok\r\n0\r\n\r\n";

#[rustfmt::skip] // one line for each case
fn codings() -> Vec<Case> {
    let of = |lines: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{CHUNKS}");
    let bad = |what: &str, lines: &str| refused(what, of(lines), 400, "transfer-encoding");
    let unknown = |what: &str, lines: &str| refused(what, of(lines), 501, "unknown-transfer-encoding");
    vec![
        served("chunked", of("Transfer-Encoding: chunked"), "POST /x HTTP/1.1", "ok"),
        served("in capitals", of("TRANSFER-ENCODING: CHUNKED"), "POST /x HTTP/1.1", "ok"),
        served("white space around it", of("Transfer-Encoding:\tchunked \t"), "POST /x HTTP/1.1", "ok"),
        bad("nothing", "Transfer-Encoding:"),
        bad("a comma in front", "Transfer-Encoding: ,chunked"),
        bad("a comma behind", "Transfer-Encoding: chunked,"),
        bad("twice in a list", "Transfer-Encoding: chunked, chunked"),
        bad("two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        bad("two lines, one empty", "Transfer-Encoding: chunked\r\nTransfer-Encoding:"),
        bad("two lines, in two cases", "Transfer-Encoding: chunked\r\nTransfer-encoding: chunked"),
        unknown("identity", "Transfer-Encoding: identity"),
        unknown("gzip, then chunked", "Transfer-Encoding: gzip, chunked"),
        unknown("chunked, then gzip", "Transfer-Encoding: chunked, gzip"),
        unknown("chunked, then identity", "Transfer-Encoding: chunked, identity"),
        unknown("a line of chunked, a line of identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        unknown("a line of nonsense, a line of chunked", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
        unknown("a parameter", "Transfer-Encoding: chunked;q=1"),
        unknown("quotes", "Transfer-Encoding: \"chunked\""),
        unknown("single quotes", "Transfer-Encoding: 'chunked'"),
        unknown("brackets", "Transfer-Encoding: [chunked]"),
        unknown("a letter in front", "Transfer-Encoding: xchunked"),
        unknown("a letter behind", "Transfer-Encoding: chunkedx"),
        unknown("cut short", "Transfer-Encoding: chunk"),
        unknown("a space within", "Transfer-Encoding: chun ked"),
        unknown("a word behind", "Transfer-Encoding: chunked x"),
        unknown("a colon", "Transfer-Encoding: : chunked"),
        unknown("a no-break space", "Transfer-Encoding: \u{a0}chunked"),
        unknown("a long s", "Transfer-Encoding: chun\u{212a}ed"),
    ]
}

#[rustfmt::skip] // one line for each case
fn disguises() -> Vec<Case> {
    let of = |lines: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{CHUNKS}");
    let line = |what: &str, lines: &str| refused(what, of(lines), 400, "header-line");
    vec![
        line("a vertical tab", "Transfer-Encoding: \x0bchunked"),
        line("a form feed", "Transfer-Encoding: chunked\x0c"),
        line("NUL", "Transfer-Encoding: chunked\0"),
        line("a space before the colon", "Transfer-Encoding : chunked"),
        line("a tab before the colon", "Transfer-Encoding\t: chunked"),
        line("a space in front", " Transfer-Encoding: chunked"),
        line("a tab in front, behind another line", "X: y\r\n\tTransfer-Encoding: chunked"),
        refused("folded", of("Transfer-Encoding:\r\n chunked"), 400, "transfer-encoding"),
        line("folded behind its name", "Transfer-Encoding\r\n : chunked"),
        line("behind a bare carriage return", "X: y\rTransfer-Encoding: chunked"),
        line("a sign in the name", "Transfer\0Encoding: chunked"),
        refused("behind a bare line feed", of("X: y\nTransfer-Encoding: chunked"), 400, "line-end"),
        refused("an underscore", of("Transfer_Encoding: chunked"), 400, "framing-spelling"),
        refused("a dot", of("Transfer.Encoding: chunked"), 400, "framing-spelling"),
        refused(
            "in HTTP/1.0",
            format!("POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{CHUNKS}"),
            400,
            "transfer-encoding",
        ),
        refused(
            "a disguise beside a length",
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
            400,
            "transfer-encoding",
        ),
        refused(
            "an unknown one beside a length",
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n",
            501,
            "unknown-transfer-encoding",
        ),
    ]
}

#[test]
fn chunked_has_one_spelling() {
    Place::open().hold(&codings());
}

#[test]
fn what_looks_like_a_transfer_coding_is_refused() {
    Place::open().hold(&disguises());
}
