//! Chunks (RFC 9112 section 7.1): what is dropped, and what makes a body that the app never sees whole.

use crate::case::{Case, Place, refused, served};

fn of(body: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[rustfmt::skip] // one line for each case
fn good() -> Vec<Case> {
    let good = |what: &str, body: &str, seen: &str| served(what, of(body), "POST /x HTTP/1.1", seen);
    let long = "e".repeat(4000);
    vec![
        good("none", "0\r\n\r\n", ""),
        good("two", "2\r\nok\r\n3\r\nay!\r\n0\r\n\r\n", "okay!"),
        good("zeros in front", "0000000000000002\r\nok\r\n000\r\n\r\n", "ok"),
        good("a size in letters", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        good("a size in capitals", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        good("white space behind the size", "2 \t\r\nok\r\n0 \r\n\r\n", "ok"),
        good("extensions", "2;a;b=c;d=\"e;f\"\r\nok\r\n0;g\r\n\r\n", "ok"),
        good("a long extension", &format!("2;{long}\r\nok\r\n0\r\n\r\n"), "ok"),
        good("trailers", "2\r\nok\r\n0\r\nX-End: 1\r\nRemote-User: root\r\n\r\n", "ok"),
        good("a chunk that reads like an end", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ]
}

#[rustfmt::skip] // one line for each case
fn bad() -> Vec<Case> {
    let bad = |what: &str, body: &str| refused(what, of(body), 400, "chunk");
    let poison = "GET /poison HTTP/1.1\r\nHost: a\r\n\r\n";
    vec![
        bad("no size", "\r\nok\r\n0\r\n\r\n"),
        bad("a size of nothing, with an extension", ";a\r\nok\r\n0\r\n\r\n"),
        bad("hexadecimal with a prefix", "0x2\r\nok\r\n0\r\n\r\n"),
        bad("a minus", "-2\r\nok\r\n0\r\n\r\n"),
        bad("a plus", "+2\r\nok\r\n0\r\n\r\n"),
        bad("an underscore", "0_2\r\nok\r\n0\r\n\r\n"),
        bad("a letter beyond f", "2g\r\nok\r\n0\r\n\r\n"),
        bad("a space in front", " 2\r\nok\r\n0\r\n\r\n"),
        bad("two sizes", "2 2\r\nok\r\n0\r\n\r\n"),
        bad("a comma", "2,2\r\nok\r\n0\r\n\r\n"),
        bad("more digits than 64 bits have", "00000000000000002\r\nok\r\n0\r\n\r\n"),
        bad("2^64 + 2", "10000000000000002\r\nok\r\n0\r\n\r\n"),
        bad("a bare line feed behind the size", "2\nok\r\n0\r\n\r\n"),
        bad("a bare line feed behind an extension", "2;a\nok\r\n0\r\n\r\n"),
        bad("a bare carriage return behind the size", "2\rok\r\n0\r\n\r\n"),
        bad("a bare carriage return in an extension", "2;a\rb\r\nok\r\n0\r\n\r\n"),
        bad("two carriage returns", "2\r\r\nok\r\n0\r\n\r\n"),
        bad("NUL in an extension", "2;\0\r\nok\r\n0\r\n\r\n"),
        bad("an extension without a semicolon", "2 a=b\r\nok\r\n0\r\n\r\n"),
        bad("an extension over the limit", &format!("2;{}\r\nok\r\n0\r\n\r\n", "e".repeat(5000))),
        bad("white space over the limit", &format!("2{}\r\nok\r\n0\r\n\r\n", " ".repeat(5000))),
        bad("data longer than the size", "2\r\nokay\r\n0\r\n\r\n"),
        bad("data shorter than the size", "5\r\nok\r\n0\r\n\r\n"),
        bad("no line end behind the data", "2\r\nok0\r\n\r\n"),
        bad("a bare line feed behind the data", "2\r\nok\n0\r\n\r\n"),
        bad("a bare carriage return behind the data", "2\r\nok\r0\r\n\r\n"),
        bad("another line end than CR LF behind the data", "2\r\nokXX0\r\n\r\n"),
        bad("a bare line feed at the end", "0\r\n\n"),
        bad("a bare line feed behind a trailer", "0\r\nA: b\n\r\n"),
        bad("a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"),
        bad("a trailer without a colon", "0\r\nno colon\r\n\r\n"),
        bad("a trailer with NUL", "0\r\nA: \0\r\n\r\n"),
        bad("trailers over the limit", &format!("0\r\n{}\r\n", "A: b\r\n".repeat(1000))),
        bad("a request behind a line feed in an extension", &format!("2;\n{poison}")),
        bad("a request behind the end that one line feed makes", &format!("0\n\r\n{poison}")),
        bad("a request in an extension", &format!("2;{}\r\nok\r\n0\r\n\r\n", poison.replace("\r\n", "\n"))),
    ]
}

#[test]
fn chunks_are_framed_anew() {
    Place::open().hold(&good());
}

#[test]
fn malformed_chunks_never_make_a_body() {
    Place::open().hold(&bad());
}

#[test]
fn extensions_and_trailers_end_here() {
    let place = Place::open();
    let trailers = [
        "Host: evil",
        "Content-Length: 9",
        "Transfer-Encoding: x",
        "X-Vestibule-User: root",
        "Remote-User: root",
        "Authorization: Basic eDp5",
        "Cookie: vestibule=x",
    ];
    let body = format!(
        "2;secret-extension\r\nok\r\n0\r\n{}\r\n\r\n",
        trailers.join("\r\n")
    );
    let message = of(&body).replace(
        "Host: a",
        "Host: a\r\nConnection: close\r\nTrailer: Remote-User, Host\r\nTE: trailers",
    );
    let answers = place.send(message.as_bytes());
    assert_eq!(answers[0].status, 200, "{answers:?}");
    let seen = place.app.take();
    assert_eq!(
        (seen[0].body.as_deref(), &seen[0].faults),
        (Some(&b"ok"[..]), &vec![])
    );
    let names = [
        "trailer",
        "te",
        "remote-user",
        "x-vestibule-user",
        "authorization",
        "cookie",
    ];
    assert_eq!(
        names.map(|name| seen[0].all(name).len()),
        [0; 6],
        "{seen:?}"
    );
    assert_eq!(seen[0].all("host"), ["a"]);
}
