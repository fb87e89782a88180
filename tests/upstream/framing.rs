//! Where an answer begins and ends (RFC 9112): passed on in framing of our own, broken off, or 502; and what
//! belongs to no answer reaches nobody.

use crate::harness::HOST;
use crate::harness::crowd::at_once;
use crate::harness::gate::Gate;
use crate::wire::Wire;
use crate::{Door, FINE, ScriptedApp, configuration, get};

/// What becomes of an answer.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It arrives, with this status and body.
    Whole(u16, &'static str),
    /// It begins, and never ends properly.
    Broken(u16, &'static str),
    /// The client reads that the app answered nonsense.
    BadGateway,
}

/// What becomes of the connection to the app.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    Kept,
    Closed,
}

use Fate::{BadGateway, Broken, Whole};
use Link::{Closed, Kept};

/// What the app sends, what becomes of it, and of its connection.
type Row = (&'static str, Fate, Link);

const GOOD: &[Row] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        Whole(200, ""),
        Kept,
    ),
    (
        "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 Any \u{e9} reason\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 599 Own\r\nContent-Length: 3\r\n\r\nabc",
        Whole(599, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n003;ext=\"x\"\r\nabc\r\n0\r\n\r\n",
        Whole(200, "abc"),
        Kept,
    ),
    // What follows the last chunk becomes a header nowhere.
    (
        "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\nSet-Cookie: a=1\r\n\r\n",
        Whole(200, "abc"),
        Kept,
    ),
    // The app's end is the body's end.
    ("HTTP/1.1 200 OK\r\n\r\nabc", Whole(200, "abc"), Closed),
    ("HTTP/1.0 200 OK\r\n\r\nabc", Whole(200, "abc"), Closed),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Closed,
    ),
    ("HTTP/1.1 204 No Content\r\n\r\n", Whole(204, ""), Kept),
    (
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        Whole(204, ""),
        Kept,
    ),
    (
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\n",
        Whole(304, ""),
        Kept,
    ),
    (
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        Whole(304, ""),
        Kept,
    ),
    // Interim answers end here, whatever they say (RFC 9110, 15.2, asks to forward them; hyper cannot).
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 102 Wait\r\nX: 1\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        Whole(200, "abc"),
        Kept,
    ),
];

const CUT: &[Row] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        Broken(200, ""),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0x3\r\nabc\r\n0\r\n\r\n",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10000000000000000\r\nabc",
        Broken(200, "abc"),
        Closed,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        Broken(200, "abc"),
        Closed,
    ),
];

/// What two readers could understand as two answers, or nobody as one.
const BAD: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\nabc",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 1, 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\r\n folded\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\r\n\tfolded\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX : a\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nno colon\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n: no name\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\0b\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\rSet-Cookie: b=1\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX\u{e9}: a\r\n\r\nabc",
    "HTTP/1.1 600 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 999 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 099 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 000 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 20 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 2000 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 abc Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 -20 Odd\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.2 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "http/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "ICY 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "<html>as HTTP/0.9 would</html>",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: cut o",
    "HTTP",
    "",
];

/// Lets the app say this, and tells what a client got, and whether the app's connection serves the next one.
fn judge(door: &Door, method: &str, sent: &[u8], fate: Fate, link: Link) {
    let shown = String::from_utf8_lossy(&sent[..sent.len().min(300)]).into_owned();
    let (mut client, mut app) = door.exchange(&get("/first").replace("GET", method));
    app.try_send(sent).ok();
    if link == Closed {
        app.finish();
    }
    let answer = client.try_answer(method);
    // The version is ours, whatever the app's was.
    let first = answer.as_ref().map(|answer| answer.head.first.as_str());
    assert!(
        first.is_none_or(|first| first.starts_with("HTTP/1.1 ")),
        "{first:?}"
    );
    match (fate, answer) {
        (Whole(status, body), Some(answer)) => {
            let got = (answer.status(), answer.text());
            assert_eq!(got, (status, body.to_owned()), "{shown:?}");
            assert!(answer.whole, "{shown:?}");
        }
        (Broken(status, body), Some(answer)) => {
            assert_eq!(answer.status(), status, "{shown:?}");
            assert!(body.starts_with(&answer.text()), "{shown:?}");
            assert!(!answer.whole, "{shown:?}");
        }
        // It broke off before the head was on its way.
        (Broken(..), None) => {}
        (BadGateway, Some(answer)) => {
            assert_eq!((answer.status(), answer.whole), (502, true), "{shown:?}");
            says_nothing_of_the_inside(&answer.text());
        }
        (Whole(..) | BadGateway, None) => panic!("no answer to {shown:?}"),
    }
    let mut other = door.client_sending(get("/next"));
    let mut app = match link {
        Kept => door.next_after(app),
        Closed => {
            app.closes();
            door.app.connection()
        }
    };
    assert_eq!(app.head().first, "GET /next HTTP/1.1", "{shown:?}");
    app.send(FINE);
    assert_eq!(other.answer("GET").text(), "fine", "{shown:?}");
    app.finish();
    app.closes();
}

fn says_nothing_of_the_inside(text: &str) {
    for word in [
        "hyper",
        "os error",
        "127.0.0.1",
        "parse",
        "header",
        "upstream",
        "connection",
    ] {
        assert!(!text.to_lowercase().contains(word), "{word} in {text}");
    }
}

#[test]
fn answers_that_can_be_read_in_one_way_arrive() {
    let door = Door::open();
    for (sent, fate, link) in GOOD {
        judge(&door, "GET", sent.as_bytes(), *fate, *link);
    }
}

#[test]
fn answers_that_break_off_never_seem_to_end() {
    let door = Door::open();
    for (sent, fate, link) in CUT {
        judge(&door, "GET", sent.as_bytes(), *fate, *link);
    }
}

#[test]
fn answers_that_can_be_read_in_two_ways_or_in_none_are_502() {
    let door = Door::open();
    for sent in BAD {
        judge(&door, "GET", sent.as_bytes(), BadGateway, Closed);
    }
}

#[test]
fn heads_over_the_limits_are_502() {
    let door = Door::open();
    let lines = |count: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n",
            "X: 1\r\n".repeat(count)
        )
    };
    let bytes = |count: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n",
            "x".repeat(count)
        )
    };
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20));
    judge(&door, "GET", lines(90).as_bytes(), Whole(200, ""), Kept);
    judge(
        &door,
        "GET",
        bytes(60 << 10).as_bytes(),
        Whole(200, ""),
        Kept,
    );
    for over in [lines(110), bytes(66 << 10), endless] {
        judge(&door, "GET", over.as_bytes(), BadGateway, Closed);
    }
}

#[test]
fn an_answer_to_head_has_the_lines_of_the_one_to_get_and_no_body() {
    let door = Door::open();
    for (sent, length) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some("5")),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            None,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", None),
    ] {
        let (mut client, mut app) = door.exchange(&get("/first").replace("GET", "HEAD"));
        app.send(sent);
        let head = client.head();
        assert_eq!(
            (head.status(), head.one("content-length")),
            (200, length),
            "{sent:?}"
        );
        // Whatever came behind it would be read here, if it reached anybody.
        app.try_send("late").ok();
        app.closes();
        client.send(get("/next"));
        let mut app = door.app.connection();
        assert_eq!(app.head().first, "GET /next HTTP/1.1");
        app.send(FINE);
        assert_eq!(client.answer("GET").text(), "fine");
        app.finish();
        app.closes();
    }
    for sent in [
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        judge(&door, "HEAD", sent.as_bytes(), BadGateway, Closed);
    }
}

/// Answers with more bytes than belong to them.
const EXTRA: &[(&str, &str, u16)] = &[
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        200,
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        200,
    ),
    ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
    (
        "GET",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        304,
    ),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200),
];

#[test]
fn what_belongs_to_no_answer_reaches_nobody() {
    let door = Door::open();
    for (method, sent, status) in EXTRA {
        for extra in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG",
            "x",
            "\r\n",
        ] {
            let (mut client, mut app) = door.exchange(&get("/first").replace("GET", method));
            app.send(format!("{sent}{extra}"));
            let answer = client.answer(method);
            assert_eq!((answer.status(), answer.whole), (*status, true), "{sent:?}");
            // The connection ends without having carried another request.
            app.closes();
            client.send(get("/next"));
            let mut app = door.app.connection();
            assert_eq!(app.head().first, "GET /next HTTP/1.1", "{sent:?}");
            app.send(FINE);
            assert_eq!(client.answer("GET").text(), "fine", "{sent:?}{extra:?}");
            app.finish();
            app.closes();
        }
    }
}

#[test]
fn nobody_gets_the_answer_to_another_request_from_an_app_that_answers_twice() {
    // Both in one piece, so that the second one is there before the connection could be used again.
    let twice = |head: &str| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG";
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}{wrong}",
            path.len()
        )
    };
    let app = ScriptedApp::start().answer_all(twice);
    let gate = Gate::start(&configuration(app, "", "", ""));
    let address = gate.address();
    at_once(4, |thread| {
        let mut client = Wire::connect(address);
        for round in 0..100 {
            let path = format!("/{thread}/{round}");
            client.send(get(&path));
            let answer = client.answer("GET");
            assert!(answer.status() == 200 || answer.status() == 502);
            if answer.status() == 200 {
                assert_eq!(answer.text(), path);
            }
        }
    });
}

#[test]
fn bytes_on_an_unused_connection_end_it() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/first"));
    app.send(FINE);
    assert_eq!(client.answer("GET").text(), "fine");
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG");
    app.closes();
    client.send(get("/next"));
    let mut app = door.app.connection();
    app.head();
    app.send(FINE);
    assert_eq!(client.answer("GET").text(), "fine");
}

#[test]
fn an_answer_in_single_bytes_is_the_same_answer() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/"));
    for byte in
        b"HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    {
        app.send([*byte]);
    }
    let answer = client.answer("GET");
    assert_eq!(
        (answer.text().as_str(), answer.whole, answer.head.one("x")),
        ("abc", true, Some("1"))
    );
}

#[test]
fn a_stream_is_passed_on_piece_by_piece() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/events"));
    app.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    assert_eq!(client.head().one("transfer-encoding"), Some("chunked"));
    for round in 0..5 {
        let event = format!("data: {round}\n\n");
        app.send(&event);
        // Nothing else is under way that could push it through.
        assert_eq!(
            client.until("\n\n\r\n"),
            format!("{:X}\r\n{event}\r\n", event.len())
        );
    }
    drop(app);
    assert_eq!(client.until("\r\n\r\n"), "0\r\n\r\n");
}

#[test]
fn an_old_client_reads_the_end_of_the_connection_as_the_end() {
    let door = Door::open();
    for sent in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nabc",
    ] {
        let (mut client, mut app) =
            door.exchange(&format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n"));
        app.send(sent);
        app.finish();
        let head = client.head();
        assert_eq!(head.one("transfer-encoding"), None);
        assert_eq!(client.rest().0, b"abc");
        app.closes();
    }
}
