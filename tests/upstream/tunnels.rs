//! WebSockets (RFC 6455): who may open one, what else is never opened, and how they end.

use std::time::{Duration, Instant};

use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::Person;
use crate::harness::{DEADLINE, HOST};
use crate::wire::{End, Wire};
use crate::{Door, FINE, ScriptedApp, get};

const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A handshake as a page of our host sends it, with further lines.
fn handshake(lines: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Cookie: a=1\r\n{lines}\r\n"
    )
}

/// Opens a tunnel through which both sides have spoken.
fn open(door: &Door) -> (Wire, Wire) {
    let (mut client, mut app) = door.exchange(&handshake(""));
    app.send(format!("{ACCEPT}hello"));
    assert_eq!(client.head().status(), 101);
    assert_eq!(client.exactly(5), b"hello");
    client.send("ping");
    assert_eq!(app.exactly(4), b"ping");
    (client, app)
}

#[test]
fn a_handshake_is_built_anew_with_two_lines_for_one_hop() {
    let door = Door::open();
    let mut client = door.client_sending(handshake(
        "Keep-Alive: x\r\nHTTP2-Settings: AAA\r\nTE: trailers\r\nSec-WebSocket-Protocol: chat, 2\r\nRemote-User: root\r\n",
    ));
    let mut app = door.app.connection();
    let head = app.head();
    for (name, value) in [
        ("connection", Some("upgrade")),
        ("upgrade", Some("websocket")),
        ("sec-websocket-version", Some("13")),
        ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ==")),
        ("sec-websocket-protocol", Some("chat, 2")),
        ("keep-alive", None),
        ("http2-settings", None),
        ("te", None),
        ("content-length", None),
        ("remote-user", None),
    ] {
        assert_eq!(head.one(name), value, "{name}");
    }
    app.send(ACCEPT.replace("\r\n\r\n", "\r\nContent-Length: 9\r\nSec-WebSocket-Protocol: chat\r\nSet-Cookie: vestibule=x\r\nX-Vestibule-A: 1\r\n\r\n"));
    let head = client.head();
    for (name, value) in [
        ("connection", Some("upgrade")),
        ("upgrade", Some("websocket")),
        ("sec-websocket-protocol", Some("chat")),
        ("content-length", None),
        ("set-cookie", None),
        ("x-vestibule-a", None),
    ] {
        assert_eq!(head.one(name), value, "{name}");
    }
    client.send("x");
    assert_eq!(app.exactly(1), b"x");
}

#[test]
fn pages_of_other_origins_open_nothing() {
    let door = Door::open();
    let own = format!("Origin: http://{HOST}\r\n");
    for other in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: \r\n",
        "Origin: http://app.localhost.evil.example\r\n",
        "Origin: https://app.localhost\r\n",
        "Origin: http://app.localhost:81\r\n",
        "Origin: http://app.localhost/\r\nOrigin: http://evil.example\r\n",
        "",
    ] {
        let mut client = door.client_sending(handshake("").replace(&own, other));
        assert_eq!(client.answer("GET").status(), 403, "{other:?}");
    }
    door.app.saw_no_more();
}

#[test]
fn a_handshake_with_a_body_or_without_a_part_is_no_handshake() {
    let door = Door::open();
    let good = handshake("");
    for bad in [
        handshake("Content-Length: 3\r\n"),
        handshake("Transfer-Encoding: chunked\r\n"),
        good.replace("Version: 13", "Version: 8"),
        good.replace("Sec-WebSocket-Version: 13\r\n", ""),
        good.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    ] {
        let mut client = door.client_sending(&bad);
        assert_eq!(client.answer("GET").status(), 400, "{bad:?}");
        client.closes();
    }
    door.app.saw_no_more();
}

#[test]
fn nothing_but_websocket_is_ever_opened() {
    let door = Door::open();
    let good = handshake("");
    for other in [
        good.replace("Upgrade: websocket", "Upgrade: foo"),
        good.replace("Upgrade: websocket", "Upgrade: TLS/1.0"),
        good.replace("Upgrade: websocket", "Upgrade: h2c"),
        good.replace("Upgrade: websocket", "Upgrade: websocket, foo"),
        good.replace("Upgrade: websocket", "Upgrade: websocket/13"),
        good.replace("Upgrade: websocket", "Upgrade: foo\r\nUpgrade: websocket"),
        good.replace("keep-alive, Upgrade", "keep-alive"),
        good.replace("HTTP/1.1", "HTTP/1.0"),
        good.replace("GET", "PUT"),
    ] {
        let mut client = door.client_sending(&other);
        let mut app = door.app.connection();
        let head = app.head();
        assert_eq!(
            ["upgrade", "connection"].map(|name| head.one(name)),
            [None; 2],
            "{other:?}"
        );
        // An app that switches all the same gets nobody to talk to.
        app.send(format!("{ACCEPT}hello"));
        assert_eq!(client.answer("GET").status(), 502, "{other:?}");
        app.closes();
    }
}

#[test]
fn what_a_client_says_too_early_waits_for_the_answer() {
    let door = Door::open();
    let mut client = door.client_sending(handshake("") + "early");
    let mut app = door.app.connection();
    app.head();
    assert!(app.is_silent_for(Duration::from_millis(300)));
    app.send(ACCEPT);
    assert_eq!(app.exactly(5), b"early");
    assert_eq!(client.head().status(), 101);
}

#[test]
fn what_a_client_says_too_early_is_no_request_when_the_app_declines() {
    let door = Door::open();
    let mut client = door.client_sending(handshake("") + &get("/smuggled"));
    let mut app = door.app.connection();
    app.head();
    app.send(FINE);
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "fine"));
    assert_eq!(answer.head.one("connection"), Some("close"));
    client.closes();
    door.app.saw_no_more();
}

#[test]
fn an_app_that_switches_to_something_else_is_502() {
    let door = Door::open();
    for upgrade in [
        "Upgrade: foo\r\n",
        "Upgrade: h2c\r\n",
        "",
        "Upgrade: websocket\r\nUpgrade: foo\r\n",
        "Upgrade: websocket, foo\r\n",
    ] {
        let (mut client, mut app) = door.exchange(&handshake(""));
        app.send(format!(
            "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n{upgrade}\r\nhello"
        ));
        assert_eq!(client.answer("GET").status(), 502, "{upgrade:?}");
        app.closes();
    }
}

#[test]
fn bytes_pass_unchanged_and_in_any_number() {
    let door = Door::open();
    let (mut client, mut app) = open(&door);
    let bytes: Vec<u8> = (0..1_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 4])
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| client.send(&bytes));
        assert!(app.exactly(bytes.len()) == bytes);
    });
    std::thread::scope(|scope| {
        scope.spawn(|| app.send(&bytes));
        assert!(client.exactly(bytes.len()) == bytes);
    });
}

#[test]
fn a_side_that_is_done_still_hears_the_other() {
    let door = Door::open();
    let (mut client, mut app) = open(&door);
    client.finish();
    assert_eq!(app.rest(), (vec![], End::Closed));
    app.send("last words");
    drop(app);
    assert_eq!(client.rest(), (b"last words".to_vec(), End::Closed));
    let (mut client, mut app) = open(&door);
    app.finish();
    assert_eq!(client.rest(), (vec![], End::Closed));
    client.send("last words");
    drop(client);
    assert_eq!(app.rest(), (b"last words".to_vec(), End::Closed));
}

#[test]
fn a_side_that_leaves_takes_the_other_with_it() {
    let door = Door::open();
    let (client, mut app) = open(&door);
    drop(client);
    app.closes();
    let (mut client, app) = open(&door);
    drop(app);
    client.closes();
}

#[test]
fn a_silent_tunnel_is_closed_and_one_that_speaks_is_not() {
    let door = Door::with("", "tunnel_idle_timeout = \"1s\"");
    let (mut client, mut app) = open(&door);
    for _ in 0..8 {
        assert!(app.is_silent_for(Duration::from_millis(250)));
        client.send("x");
        assert_eq!(app.exactly(1), b"x");
    }
    client.closes();
    app.closes();
}

#[test]
fn one_address_has_so_many_tunnels_and_no_more() {
    let door = Door::with("", "max_tunnels_per_user = 2");
    let first = open(&door);
    let _second = open(&door);
    let mut third = door.client_sending(handshake(""));
    let answer = third.answer("GET");
    assert_eq!(
        (answer.status(), answer.head.one("retry-after")),
        (429, Some("5"))
    );
    door.app.saw_no_more();
    // Other requests are not concerned.
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send(FINE);
    assert_eq!(client.answer("GET").status(), 200);
    app.finish();
    app.closes();
    // A handshake that the app declines holds nothing.
    let (client, mut app) = first;
    drop(client);
    app.closes();
    drop(app);
    for _ in 0..3 {
        let (mut client, mut app) = retried(&door);
        app.send(FINE.replace("200 OK", "403 No\r\nConnection: close"));
        assert_eq!(client.answer("GET").status(), 403);
    }
}

/// A handshake that is tried again while the gate has not noticed yet that a tunnel is over.
fn retried(door: &Door) -> (Wire, Wire) {
    let begun = Instant::now();
    let moment = Duration::from_millis(20);
    while begun.elapsed() < DEADLINE {
        let mut client = door.client_sending(handshake(""));
        while client.is_silent_for(moment) {
            if let Some(mut app) = door.app.within(moment) {
                app.head();
                return (client, app);
            }
        }
        assert_eq!(client.answer("GET").status(), 429);
    }
    panic!("a tunnel that is over still counts");
}

#[test]
fn the_tunnels_of_a_user_are_counted_over_all_sessions_and_for_nobody_else() {
    let app = ScriptedApp::start();
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://{}\"\n[proxy]\nmax_tunnels_per_user = 2\n{LENIENT}",
        app.address
    ));
    let cookies = |name: &str, again: bool| {
        let mut browser = gate.browser();
        let person = Person::enrol(&mut browser, name, &gate.invite(name));
        let mut other = gate.browser();
        assert!(!again || person.sign_in(&mut other, &person.backup_codes[0]));
        [browser.cookie_header(), other.cookie_header()]
    };
    let open = |cookies: &str| {
        let mut client = Wire::connect(gate.address());
        client.send(handshake("").replace("a=1", cookies));
        client
    };
    let alice = cookies("alice", true);
    let mut kept = vec![];
    for cookies in &alice {
        let mut client = open(cookies);
        let mut wire = app.connection();
        assert_eq!(wire.head().one("remote-user"), Some("alice"));
        wire.send(ACCEPT);
        assert_eq!(client.head().status(), 101);
        kept.push((client, wire));
    }
    for cookies in &alice {
        assert_eq!(open(cookies).answer("GET").status(), 429);
    }
    app.saw_no_more();
    let mut client = open(&cookies("bob", false)[0]);
    let mut wire = app.connection();
    wire.head();
    wire.send(ACCEPT);
    assert_eq!(client.head().status(), 101);
}
