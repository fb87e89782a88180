//! The guard alone, and in front of the parser: what it hands on, the parser takes, and as the same messages.

use crate::authz::target::Scheme;
use crate::server::guard::body::{Message, Progress};
use crate::server::guard::head::{Head, Limits};
use crate::server::guard::{Desk, Place};
use crate::server::{Settings, Stop, carry};
use crate::web::request::{Connection, Peer, Refusal};
use crate::web::{Body, body};
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMITS: Limits = Limits {
    bytes: 1000,
    lines: 10,
};

/// Reads a head that comes at once; its length, or what is wrong.
fn read(text: &[u8]) -> Result<Option<usize>, Refusal> {
    let read = Head::new().read(text, &LIMITS);
    read.map(|done| done.map(|(length, _)| length))
}

#[test]
fn a_head_has_one_spelling() {
    for (text, expected) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"[..], Ok(Some(27))),
        (b"\r\nGET / HTTP/1.0\r\n\r\n", Ok(Some(20))),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", Ok(None)),
        (b"", Ok(None)),
        (b"\r", Ok(None)),
        (b"GE", Ok(None)),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", Ok(Some(22))),
        (b"GET http://a/ HTTP/1.1\r\n\r\n", Ok(Some(26))),
        (b"GET / HTTP/1.1\r\nA:\r\nB: \xff\t~\r\n\r\n", Ok(Some(30))),
        (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", Err(Refusal::RequestLine)),
        (b"\nGET / HTTP/1.1\r\n\r\n", Err(Refusal::LineEnd)),
        (b"GET / HTTP/1.1\n", Err(Refusal::LineEnd)),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", Err(Refusal::LineEnd)),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Err(Refusal::LineEnd)),
        (b"GET / HTTP/1.1\r\r\n", Err(Refusal::RequestLine)),
        (b"GET /\r\n", Err(Refusal::RequestLine)),
        (b"\x16\x03\x01", Err(Refusal::RequestLine)),
        (b"GET  / HTTP/1.1\r\n", Err(Refusal::RequestLine)),
        (b" GET / HTTP/1.1\r\n", Err(Refusal::RequestLine)),
        (b"GET / HTTP/1.1 \r\n", Err(Refusal::RequestLine)),
        (b"GET / http/1.1\r\n", Err(Refusal::RequestLine)),
        (b"GET / HTTP/1.10\r\n", Err(Refusal::RequestLine)),
        (b"GET / HTTP/1.2\r\n", Err(Refusal::Version)),
        (b"PRI * HTTP/2.0\r\n", Err(Refusal::Version)),
        (b"G(T / HTTP/1.1\r\n", Err(Refusal::RequestLine)),
        (b"CONNECT a:1 HTTP/1.1\r\n", Err(Refusal::Method)),
        (b"GET /a#b HTTP/1.1\r\n", Err(Refusal::Path)),
        (b"GET /a\x7f HTTP/1.1\r\n", Err(Refusal::Path)),
        (b"GET /\xc3\xa9 HTTP/1.1\r\n", Err(Refusal::Path)),
        (b"GET /` HTTP/1.1\r\n", Err(Refusal::Path)),
        (b"GET a/b HTTP/1.1\r\n", Err(Refusal::TargetForm)),
        (b"GET http:///x HTTP/1.1\r\n", Err(Refusal::TargetForm)),
    ] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(read(text), expected, "{shown:?}");
    }
}

#[test]
fn a_header_line_has_one_spelling() {
    for (line, refusal) in [
        (&b"X : a"[..], Refusal::HeaderLine),
        (b" X: a", Refusal::HeaderLine),
        (b"X\t: a", Refusal::HeaderLine),
        (b"\tfolded", Refusal::HeaderLine),
        (b"no colon", Refusal::HeaderLine),
        (b": a", Refusal::HeaderLine),
        (b"X: a\rb", Refusal::HeaderLine),
        (b"X: a\0b", Refusal::HeaderLine),
        (b"X: \x7f", Refusal::HeaderLine),
        (b"X\0: a", Refusal::HeaderLine),
        (b"X\xff: a", Refusal::HeaderLine),
        (
            b"Content-Length: 1\r\ncontent-length: 1",
            Refusal::ContentLength,
        ),
        (b"Content-Length: 01", Refusal::ContentLength),
        (b"Content-Length: 1, 1", Refusal::ContentLength),
        (b"Content-Length:", Refusal::ContentLength),
        (
            b"Content-Length: 10000000000000000000",
            Refusal::ContentLength,
        ),
        (
            b"Content-Length: 1\r\nTransfer-Encoding: chunked",
            Refusal::ContentLength,
        ),
        (
            b"Transfer-Encoding: chunked\r\nContent-Length: 1",
            Refusal::ContentLength,
        ),
        (
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Refusal::TransferEncoding,
        ),
        (
            b"Transfer-Encoding: chunked, chunked",
            Refusal::TransferEncoding,
        ),
        (b"Transfer-Encoding: gzip", Refusal::UnknownTransferEncoding),
        (
            b"Transfer-Encoding: \"chunked\"",
            Refusal::UnknownTransferEncoding,
        ),
    ] {
        let text = [b"POST / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat();
        let shown = String::from_utf8_lossy(line);
        assert_eq!(read(&text), Err(refusal), "{shown:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(old), Err(Refusal::TransferEncoding));
}

#[test]
fn a_head_is_bounded_however_it_comes() {
    let lines = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert!(matches!(read(lines(10).as_bytes()), Ok(Some(_))));
    assert_eq!(read(lines(11).as_bytes()), Err(Refusal::HeadTooLarge));
    let target = format!("GET /{}", "a".repeat(1000));
    assert_eq!(read(target.as_bytes()), Err(Refusal::TargetTooLong));
    let value = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(1000));
    assert_eq!(read(value.as_bytes()), Err(Refusal::HeadTooLarge));
    assert_eq!(
        read((value + "\r\n\r\n").as_bytes()),
        Err(Refusal::HeadTooLarge)
    );
}

/// Reads a chunked body to where it ends, or stops.
fn chunks(text: &[u8]) -> (usize, Progress) {
    Message::chunked().read(text)
}

#[test]
fn chunks_end_where_the_grammar_says() {
    for (text, length) in [
        (&b"0\r\n\r\nnext"[..], 5),
        (b"2\r\nok\r\n0\r\n\r\nnext", 12),
        (b"0002;a=\"b\" \r\nok\r\n000\r\nA: b\r\n\r\nnext", 30),
        (b"2 \t;a\r\nok\r\n0\r\n\r\nnext", 16),
        (b"A\r\n0123456789\r\n0\r\n\r\n", 20),
    ] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(chunks(text), (length, Progress::Over), "{shown:?}");
    }
}

#[test]
fn chunks_of_another_grammar_are_malformed_where_it_begins() {
    for (text, length) in [
        (&b"\r\n"[..], 0),
        (b" 2\r\n", 0),
        (b"-2\r\n", 0),
        (b"0x2\r\n", 1),
        (b"2\nok", 1),
        (b"2;a\nok", 3),
        (b"2;\ra\r\nok", 3),
        (b"2 a\r\nok", 2),
        (b"2;\0\r\nok", 2),
        (b"00000000000000002\r\n", 16),
        (b"2\r\nokX", 5),
        (b"2\r\nok\r2", 6),
        (b"2\r\nok\n", 5),
        (b"0\r\n\n", 3),
        (b"0\r\nA: b\n", 7),
        (b"0\r\nA: b\r\r", 8),
    ] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(chunks(text), (length, Progress::Malformed), "{shown:?}");
    }
    let extra = "x".repeat(5000);
    for text in [
        format!("2;{extra}"),
        format!("0\r\n{extra}"),
        format!("2{}", " ".repeat(5000)),
    ] {
        assert_eq!(
            chunks(text.as_bytes()).1,
            Progress::Malformed,
            "{}",
            &text[..9]
        );
    }
}

proptest! {
    #[test]
    fn chunks_are_read_alike_in_one_piece_and_in_many(
        text in prop::collection::vec(prop::sample::select(b"02aF;\r\n\r\nx: ".to_vec()), 0..60),
        piece in 1_usize..7,
    ) {
        let mut whole = vec![];
        whole.extend_from_slice(b"2\r\nok\r\n");
        whole.extend(text);
        let expected = chunks(&whole);
        let mut message = Message::chunked();
        let mut read = 0;
        let mut progress = Progress::Under;
        for part in whole.chunks(piece) {
            let (length, now) = message.read(part);
            read += length;
            progress = now;
            if now != Progress::Under {
                break;
            }
        }
        prop_assert_eq!((read, progress), expected);
    }

    #[test]
    fn a_head_is_read_alike_in_one_piece_and_in_many(parts in odd_head(), piece in 1_usize..9) {
        let whole = parts.as_bytes();
        let mut head = Head::new();
        let mut ends: Vec<usize> = (0..whole.len()).step_by(piece).skip(1).collect();
        ends.push(whole.len());
        let read = ends.into_iter().find_map(|end| head.read(&whole[..end], &LIMITS).transpose());
        prop_assert_eq!(read.transpose(), Head::new().read(whole, &LIMITS));
    }
}

#[test]
fn a_request_without_the_ticket_of_its_head_is_read_in_two_ways() {
    let ticket = |head: &[u8]| Head::new().read(head, &LIMITS).unwrap().unwrap().1;
    let plain = ticket(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    let length = ticket(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n");
    let chunks = ticket(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    let request = |body: Body| {
        let request = Request::builder().header("x", "y");
        request.body(body).unwrap()
    };
    for (facts, body, fits) in [
        (Some(plain), body::empty(), true),
        (Some(length), body::full("ok"), true),
        (Some(plain), body::full("ok"), false),
        (Some(length), body::empty(), false),
        (Some(length), body::full("ok!"), false),
        (Some(chunks), body::full("ok"), false),
        (None, body::empty(), false),
    ] {
        let desk = Desk::new();
        if let Some(facts) = facts {
            desk.leave(Ok(facts));
        }
        let admitted = desk.admit(request(body)).map(|_| ());
        let expected = if fits {
            Ok(())
        } else {
            Err(Refusal::TwoReadings)
        };
        assert_eq!(admitted, expected, "{facts:?}");
        // One ticket, one request; and nothing follows on what was read in two ways.
        let again = desk.admit(request(body::empty())).map(|_| ());
        assert_eq!(again, Err(Refusal::TwoReadings));
        assert!(matches!(*desk.place(), Place::Closed));
    }
    let two_lines = Request::builder().header("x", "y").header("x", "z");
    let desk = Desk::new();
    desk.leave(Ok(plain));
    let admitted = desk.admit(two_lines.body(body::empty()).unwrap());
    assert_eq!(admitted.map(|_| ()), Err(Refusal::TwoReadings));
}

/// What one connection brought: the messages that the service saw, and all that was answered.
struct Served {
    seen: Vec<String>,
    answer: String,
}

/// Serves `bytes` on one connection that takes `piece` bytes at a time.
async fn serve(bytes: Vec<u8>, piece: usize) -> Served {
    let (client, server) = tokio::io::duplex(piece);
    let seen = Arc::new(Mutex::new(vec![]));
    let service = {
        let seen = Arc::clone(&seen);
        move |request, _| answer(request, Arc::clone(&seen))
    };
    let connection = Connection {
        peer: Peer::Unix { uid: 0 },
        scheme: Scheme::Http,
        slot: None,
    };
    let (server, settings) = (Box::new(server), Arc::new(Settings::default()));
    let stop = Stop::default();
    let serving = tokio::spawn(carry(server, connection, settings, service, stop));
    let (mut read, mut write) = tokio::io::split(client);
    let mut answer = vec![];
    let sending = async {
        // The other side may stop listening in the middle.
        let _ = write.write_all(&bytes).await;
    };
    let (_, end) = tokio::join!(sending, read.read_to_end(&mut answer));
    end.unwrap();
    drop((read, write));
    serving.await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    Served {
        seen,
        answer: String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// Answers with a mark, so that an answer of the parser's own shows by its absence.
async fn answer(
    request: Result<Request<Incoming>, Refusal>,
    seen: Arc<Mutex<Vec<String>>>,
) -> Response<Body> {
    let mut response = Response::new(body::empty());
    let mark = match request {
        Err(refusal) => {
            *response.status_mut() = refusal.status();
            refusal.complete(response.headers_mut());
            refusal.name()
        }
        Ok(request) => {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
                Err(error) => format!("{}", body::of_client(error)),
            };
            let line = format!("{} {} {body:?}", parts.method, parts.uri);
            seen.lock().unwrap().push(line);
            "served"
        }
    };
    let mark = HeaderValue::from_static(mark);
    response.headers_mut().insert("mark", mark);
    response
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[test]
fn requests_of_one_connection_are_served_one_after_the_other() {
    let bytes = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok\
        POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: x\r\n\r\n\
        \r\nGET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n\r\n";
    for piece in [1, 7, 64, 100_000] {
        let served = run(serve(bytes.to_vec(), piece));
        let expected = [
            "GET /1 \"\"",
            "POST /2 \"ok\"",
            "POST /3 \"ok\"",
            "GET /4 \"\"",
        ];
        assert_eq!(served.seen, expected, "{piece}");
        assert_eq!(served.answer.matches("mark: served").count(), 4, "{piece}");
    }
}

#[test]
fn a_refusal_is_answered_in_its_turn_and_is_the_last() {
    let bytes = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok\
        GET /2 HTTP/1.1\nHost: a\n\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [1, 7, 64, 100_000] {
        let served = run(serve(bytes.to_vec(), piece));
        assert_eq!(served.seen, ["POST /1 \"ok\""], "{piece}");
        let marks: Vec<&str> = served.answer.split("mark: ").skip(1).collect();
        assert_eq!(marks.len(), 2, "{piece}: {}", served.answer);
        assert!(marks[0].starts_with("served\r\n"), "{}", served.answer);
        assert!(marks[1].starts_with("line-end\r\n"), "{}", served.answer);
        assert!(served.answer.contains("connection: close\r\n"));
    }
}

#[test]
fn a_malformed_chunk_is_the_end_of_the_connection() {
    let bytes =
        b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n0\r\n\r\n\
        GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [1, 7, 64, 100_000] {
        let served = run(serve(bytes.to_vec(), piece));
        assert_eq!(
            served.seen,
            ["POST /1 \"the body is malformed\""],
            "{piece}"
        );
    }
}

#[test]
fn a_head_as_long_as_the_limit_is_served_and_a_longer_one_is_not() {
    let limit = Settings::default().buffer;
    for (length, mark) in [(limit, "served"), (limit + 1, "head-too-large")] {
        let start = "GET / HTTP/1.1\r\nConnection: close\r\nA: ";
        let head = format!("{start}{}\r\n\r\n", "a".repeat(length - start.len() - 4));
        for piece in [1000, 200_000] {
            let served = run(serve(head.clone().into_bytes(), piece));
            assert!(
                served.answer.contains(&format!("mark: {mark}\r\n")),
                "{length}: {}",
                served.answer
            );
        }
    }
}

/// Request lines and what passes for them.
const REQUEST_LINES: &[&str] = &[
    "GET / HTTP/1.1",
    "POST /a?b HTTP/1.1",
    "HEAD / HTTP/1.1",
    "GET / HTTP/1.0",
    "GET / HTTP/1.2",
    "GET  / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /",
    "GET /x#y HTTP/1.1",
    "GET /{}|\\^[]\"` HTTP/1.1",
    "GET /?{}|\\^[]` HTTP/1.1",
    "GET http://a HTTP/1.1",
    "GET http://a:b@c/ HTTP/1.1",
    "GET a HTTP/1.1",
    "GET ?a HTTP/1.1",
    "GET http://[::1 HTTP/1.1",
    "GET //a HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "CONNECT a:1 HTTP/1.1",
    "G!T$ / HTTP/1.1",
    "",
];

/// Header lines, with the tricks of the trade.
const LINES: &[&str] = &[
    "Host: a",
    "Content-Length: 2",
    "Content-Length: 2",
    "Content-Length: 02",
    "Content-Length: 0",
    "Content-Length: 9",
    "content-length: 2 ",
    "Content-Length : 2",
    "Transfer-Encoding: chunked",
    "transfer-encoding:\tChunked ",
    "Transfer-Encoding: x, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Connection: close",
    "Connection: keep-alive, upgrade",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "X: \u{b}",
    "X: \u{7f}",
    "X: \u{e9}",
    "X!#$%&'*+-.^_`|~: y",
    "X\u{e9}: y",
    " folded",
    "X",
    ":",
    "X:",
];

const ENDS: &[&str] = &[
    "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\n\r", "\r\r\n",
];

fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(all)
}

fn odd_head() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec((one_of(LINES), one_of(ENDS)), 0..5);
    let start = one_of(&["", "", "", "\r\n", "\r\n\r\n", "\n"]);
    let ends = (one_of(ENDS), one_of(ENDS));
    (start, one_of(REQUEST_LINES), lines, ends).prop_map(|(start, first, lines, (end, last))| {
        let lines: String = lines
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect();
        format!("{start}{first}{end}{lines}{last}")
    })
}

fn odd_body() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "",
        "ok",
        "2\r\nok\r\n0\r\n\r\n",
        "2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n",
        "2;x=y\r\nok\r\n0\r\nno colon\r\n\r\n",
        "2\nok\n0\n\n",
        "02 \r\nok\r\n00\r\n\r\n",
        "fffffffffffffffff\r\n",
        "2\r\nok0\r\n\r\n",
        "0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    ])
}

proptest! {


    /// The parser takes every head that the guard hands on, as the request that it was taken for, and however
    /// the bytes come.
    #[test]
    fn guard_and_parser_agree(
        messages in prop::collection::vec((odd_head(), odd_body()), 1..4),
        piece in 1_usize..200,
    ) {
        let bytes: String = messages.iter().map(|(head, body)| format!("{head}{body}")).collect();
        let bytes = bytes + &"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".repeat(3);
        let (whole, pieces) = run(async {
            tokio::join!(serve(bytes.clone().into_bytes(), 100_000), serve(bytes.clone().into_bytes(), piece))
        });
        prop_assert!(!whole.answer.contains("two-readings"), "{bytes:?}");
        for served in [&whole, &pieces] {
            let answers = served.answer.matches("HTTP/1.1 ").count() - served.answer.matches("HTTP/1.1 100 ").count()
                + served.answer.matches("HTTP/1.0 ").count();
            prop_assert_eq!(answers, served.answer.matches("mark: ").count(), "{:?} {}", bytes, served.answer);
        }
        prop_assert_eq!(&whole.seen, &pieces.seen, "{:?}", bytes);
    }
}
