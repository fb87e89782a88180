//! Several messages on one connection: each is read where the last one ended, and judged alone.

use crate::case::{Case, Place, Then, refused, served};

const POISON: &str = "GET /poison HTTP/1.1\r\nHost: a\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn post(path: &str, lines: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}")
}

#[rustfmt::skip] // one line for each case
fn pipelines() -> Vec<Case> {
    let length = post("/2", "Content-Length: 2", "ok");
    let chunks = post("/3", "Transfer-Encoding: chunked", "2\r\nok\r\n0\r\nT: x\r\n\r\n");
    let first = served("all kinds", get("/1") + &length + &chunks, "GET /1 HTTP/1.1", "");
    let line_feeds = "GET /2 HTTP/1.1\nHost: a\n\n";
    let with = |what: &str, second: &str, status, reason| {
        served(what, get("/1") + second + &get("/3"), "GET /1 HTTP/1.1", "").then(Then::Refused(status, reason))
    };
    vec![
        first.and("POST /2 HTTP/1.1", "ok").and("POST /3 HTTP/1.1", "ok"),
        served("an empty line between two", get("/1") + "\r\n", "GET /1 HTTP/1.1", ""),
        with("bare line feeds", line_feeds, 400, "line-end"),
        with("two empty lines between two", "\r\n\r\n", 400, "request-line"),
        with("nonsense", "nonsense\r\n", 400, "request-line"),
        with("bytes beyond a length", "XX", 501, "unknown-method"),
        with("a length beside chunks", &post("/2", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400, "content-length"),
        with("no host", "GET /2 HTTP/1.1\r\n\r\n", 400, "no-host"),
        with("a malformed chunk", &post("/2", "Transfer-Encoding: chunked", "2\r\nokX\r\n"), 400, "chunk"),
        served("behind a close", get("/1").replace("Host", "Connection: close\r\nHost") + POISON, "GET /1 HTTP/1.1", "").then(Then::Closes),
        served("behind an HTTP/1.0 request", get("/1").replace("HTTP/1.1", "HTTP/1.0") + POISON, "GET /1 HTTP/1.1", "").then(Then::Closes),
        served("CL.0: a request as the body", post("/1", &format!("Content-Length: {}", POISON.len()), POISON), "POST /1 HTTP/1.1", POISON),
        served("0.CL: a request behind no body", post("/1", "Content-Length: 0", POISON), "POST /1 HTTP/1.1", "").and("GET /poison HTTP/1.1", ""),
        served("a request behind the last chunk", post("/1", "Transfer-Encoding: chunked", "0\r\n\r\n") + POISON, "POST /1 HTTP/1.1", "").and("GET /poison HTTP/1.1", ""),
    ]
}

#[rustfmt::skip] // one line for each case
fn expectations() -> Vec<Case> {
    let expect = |lines: &str| format!("Expect: 100-continue\r\n{lines}");
    let length = format!("Content-Length: {}", POISON.len());
    vec![
        served("a body that was announced", post("/1", &expect("Content-Length: 2"), "ok"), "POST /1 HTTP/1.1", "ok"),
        served("a request as that body", post("/1", &expect(&length), POISON), "POST /1 HTTP/1.1", POISON),
        served("chunks", post("/1", &expect("Transfer-Encoding: chunked"), "2\r\nok\r\n0\r\n\r\n"), "POST /1 HTTP/1.1", "ok"),
        refused("a body over a limit that is refused before", post("/1", &(expect(&length) + "\r\nConnection: Cookie"), POISON), 400, "connection"),
    ]
}

#[rustfmt::skip] // one line for each case
fn upgrades() -> Vec<Case> {
    let lines = |protocol: &str| format!("Connection: Upgrade\r\nUpgrade: {protocol}");
    let asks = |protocol: &str, more: &str| format!("GET /1 HTTP/1.1\r\nHost: a\r\n{}{more}\r\n\r\n", lines(protocol));
    let key = "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let line = "GET /1 HTTP/1.1";
    vec![
        served("to h2c", asks("h2c", "\r\nHTTP2-Settings: AAMAAABkAARAAAAA"), line, ""),
        served("to something", asks("foo", ""), line, ""),
        served("to TLS", asks("TLS/1.0", ""), line, ""),
        served("to one of several", asks("h2c, websocket", key), line, ""),
        served("to WebSocket, by POST", asks("websocket", key).replace("GET", "POST"), "POST /1 HTTP/1.1", ""),
        served("to WebSocket, which the app does not speak", asks("websocket", key) + POISON, line, "").then(Then::Closes),
        refused("to WebSocket with a length", asks("websocket", &format!("{key}\r\nContent-Length: 2")) + "ok", 400, "handshake"),
        refused("to WebSocket with chunks", asks("websocket", &format!("{key}\r\nTransfer-Encoding: chunked")) + "0\r\n\r\n", 400, "handshake"),
        refused("to WebSocket without a key", asks("websocket", ""), 400, "handshake"),
    ]
}

#[test]
fn each_message_begins_where_the_last_one_ended() {
    Place::open().hold(&pipelines());
}

#[test]
fn an_expectation_hides_no_request() {
    Place::open().hold(&expectations());
}

#[test]
fn an_upgrade_hides_no_request() {
    Place::open().hold(&upgrades());
}

#[test]
fn a_stranger_who_is_turned_away_early_leaves_nothing_behind() {
    let place = Place::with("");
    for (lines, body) in [
        (
            format!("Content-Length: {}", POISON.len()),
            POISON.to_owned(),
        ),
        (
            format!("Expect: 100-continue\r\nContent-Length: {}", POISON.len()),
            POISON.to_owned(),
        ),
        (
            "Transfer-Encoding: chunked".to_owned(),
            format!("{:x}\r\n{POISON}\r\n0\r\n\r\n", POISON.len()),
        ),
        (
            "Content-Length: 1000000".to_owned(),
            format!("{POISON}{}", "x".repeat(1_000_000 - POISON.len())),
        ),
    ] {
        let honest = "GET /honest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answers = place.send((post("/x", &lines, &body) + honest).as_bytes());
        assert!((1..=2).contains(&answers.len()), "{lines}: {answers:?}");
        assert!(
            answers.iter().all(|answer| answer.status == 401),
            "{lines}: {answers:?}"
        );
        assert_eq!(place.app.take(), [], "{lines}");
    }
}

#[test]
fn every_refusal_is_written_down_with_its_reason() {
    let place = Place::open();
    for (bytes, reason) in [
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), "line-end"),
        ("GET /\r\n".to_owned(), "request-line"),
        (get("/").replace("Host", "X Y"), "header-line"),
        (
            post("/", "Content-Length: 2\r\nContent-Length: 2", "ok"),
            "content-length",
        ),
        (post("/", "Transfer-Encoding: chunked", "2\nok"), "chunk"),
        (get("/#"), "path"),
        (get("/").replace("1.1", "1.3"), "version"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "no-host"),
    ] {
        place.send(bytes.as_bytes());
        let line = place.gate.wait_for(&format!("reason=\"{reason}\""));
        assert!(line.len() < 200, "{line}");
    }
    assert_eq!(
        place
            .gate
            .output()
            .matches("event=\"input_validation_fail\"")
            .count(),
        8
    );
}
