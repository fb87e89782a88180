//! How long anybody may take: each wait ends, with the answer that says whose fault it was.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::HOST;
use crate::wire::Wire;
use crate::{Door, FINE, get};

const SECOND: Duration = Duration::from_secs(1);

/// A piece of time in which a slow sender sends one byte.
const TICK: Duration = Duration::from_millis(100);

/// Sends single bytes until the other side has ended the connection, and tells how long that took.
fn trickle(wire: &mut Wire) -> Duration {
    let begun = Instant::now();
    while wire.try_send("x").is_ok() {
        thread::sleep(TICK);
    }
    begun.elapsed()
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let door = Door::with("", "header_timeout = \"1s\"");
    let begun = Instant::now();
    door.client().closes();
    assert!(begun.elapsed() >= SECOND);
}

#[test]
fn a_head_that_trickles_in_is_cut_off_however_steadily() {
    let door = Door::with("", "header_timeout = \"1s\"");
    for start in ["GET /a", "GET / HTTP/1.1\r\nX: ", "\r\n\r\n"] {
        let mut client = door.client_sending(start);
        assert!(trickle(&mut client) >= SECOND / 2, "{start:?}");
    }
    // The second head of a connection as well.
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send(FINE);
    client.answer("GET");
    client.send("GET /");
    trickle(&mut client);
    door.app.saw_no_more();
}

#[test]
fn an_unused_connection_is_closed_after_its_own_time() {
    let door = Door::with("", "idle_timeout = \"1s\"");
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send(FINE);
    client.answer("GET");
    let begun = Instant::now();
    client.closes();
    assert!(begun.elapsed() >= SECOND / 2);
}

#[test]
fn a_body_that_stands_still_is_408_and_the_app_never_sees_its_end() {
    let door = Door::with("", "body_idle_timeout = \"1s\"");
    for (framing, sent) in [
        ("Content-Length: 10", "abc"),
        ("Content-Length: 10", ""),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
        ("Transfer-Encoding: chunked", "9\r\nabc"),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n"),
    ] {
        let (mut client, mut app) = door.exchange(&format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n{sent}"
        ));
        let answer = client.answer("POST");
        assert_eq!(
            (answer.status(), answer.whole),
            (408, true),
            "{framing} {sent:?}"
        );
        client.closes();
        let (body, _) = app.rest();
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(!body.contains("0\r\n\r\n"), "{body:?}");
    }
}

#[test]
fn a_body_that_trickles_in_is_cut_off_however_steadily() {
    // Never still for as long as it may be, and under 240 bytes a second.
    let door = Door::with("", "body_idle_timeout = \"2s\"");
    let (mut client, mut app) = door.exchange(&format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\n"
    ));
    let begun = Instant::now();
    while client.is_silent_for(TICK) {
        client.try_send("x").ok();
    }
    assert!(begun.elapsed() >= SECOND);
    assert_eq!(client.answer("POST").status(), 408);
    app.rest();
}

#[test]
fn a_form_of_ours_has_its_time_in_all() {
    let door = Door::with("", "");
    let mut client = door.client_sending(format!(
        "POST /_vestibule/login HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\nusername="
    ));
    // Faster than any idle time or rate would object to.
    let piece = "x".repeat(30);
    let begun = Instant::now();
    while client.is_silent_for(TICK) {
        client.try_send(&piece).ok();
    }
    let (took, answer) = (begun.elapsed(), client.answer("POST"));
    assert_eq!(answer.status(), 408, "{answer:?}");
    assert!(took >= 20 * SECOND, "{took:?}");
}

#[test]
fn an_app_that_does_not_answer_in_time_is_504_however_it_trickles() {
    let door = Door::with("response_timeout = \"1s\"", "");
    for (start, piece) in [
        ("", ""),
        ("HTTP/1.1 200 OK\r\nX: ", "x"),
        ("HTTP/1.1 100 Continue\r\n\r\n", ""),
    ] {
        let (mut client, mut app) = door.exchange(&get("/"));
        app.send(start);
        while client.is_silent_for(TICK) {
            app.try_send(piece).ok();
        }
        let answer = client.answer("GET");
        assert_eq!((answer.status(), answer.whole), (504, true), "{start:?}");
        app.rest();
    }
    // One interim answer after the other is no answer.
    let (mut client, mut app) = door.exchange(&get("/"));
    while client.is_silent_for(TICK) {
        app.try_send("HTTP/1.1 102 Wait\r\n\r\n").ok();
    }
    assert_eq!(client.answer("GET").status(), 504);
}

#[test]
fn an_upload_may_take_longer_than_the_answer_to_it() {
    let door = Door::with("response_timeout = \"1s\"", "");
    let (mut client, mut app) = door.exchange(&format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 20\r\n\r\n"
    ));
    for _ in 0..20 {
        thread::sleep(TICK);
        client.send("x");
    }
    assert_eq!(app.exactly(20), [b'x'; 20]);
    app.send(FINE);
    assert_eq!(client.answer("POST").status(), 200);
}

#[test]
fn an_app_that_falls_silent_within_its_answer_is_cut_off_on_both_sides() {
    let door = Door::with("idle_timeout = \"1s\"", "");
    for (sent, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "abc",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
    ] {
        let (mut client, mut app) = door.exchange(&get("/"));
        app.send(sent);
        let answer = client.answer("GET");
        assert_eq!(
            (answer.text().as_str(), answer.whole),
            (body, false),
            "{sent:?}"
        );
        app.closes();
    }
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_by_the_app_being_there() {
    let door = Door::open();
    let ask = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    );
    let mut client = door.client_sending(&ask);
    let mut app = door.app.connection();
    assert_eq!(app.head().one("expect"), None);
    assert_eq!(client.head().status(), 100);
    client.send("abc");
    assert_eq!(app.exactly(3), b"abc");
    app.send(FINE);
    assert_eq!(client.answer("POST").status(), 200);
    app.finish();
    app.closes();
    // Whoever may not pass is told so before a byte of the body.
    let mut client = door.client_sending(ask.replace("POST / ", "POST /_vestibule/nothing "));
    assert_eq!(client.answer("POST").status(), 404);
    // An app that answers without wanting the body has the last word.
    let (mut client, mut app) = door.exchange(&ask);
    app.send(FINE.replace("200 OK", "413 No"));
    let mut head = client.head();
    if head.status() == 100 {
        head = client.head();
    }
    assert_eq!(head.status(), 413);
    assert_eq!(client.exactly(4), b"fine");
    client.try_send("abc").ok();
}
