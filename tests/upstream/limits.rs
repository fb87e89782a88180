//! How many and how much: connections in all and of one address, requests of one app, bodies, open files.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::Person;
use crate::harness::{DEADLINE, HOST};
use crate::wire::Wire;
use crate::{Door, FINE, ScriptedApp, configuration, get};

/// A connection that the gate serves, as its answer to a request for one of our own pages shows.
fn served(address: SocketAddr) -> Option<Wire> {
    let mut client = Wire::connect(address);
    client.try_send(get("/_vestibule/whoami")).ok()?;
    client.try_answer("GET").map(|_| client)
}

/// Tries until the gate serves one more.
fn served_soon(address: SocketAddr) -> Wire {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        if let Some(client) = served(address) {
            return client;
        }
    }
    panic!("no place became free");
}

#[test]
fn an_address_has_its_share_of_connections_and_no_more() {
    let door = Door::with("", "max_connections_per_address = 3");
    let address = door.gate.address();
    let mut kept: Vec<Wire> = (0..3)
        .map(|_| served(address).expect("there is a place"))
        .collect();
    for _ in 0..5 {
        door.client().closes();
    }
    door.gate.wait_for("max_connections_per_address");
    // Those that are there go on, and one that leaves makes room for one.
    for client in &mut kept {
        client.send(get("/_vestibule/whoami"));
        assert_eq!(client.answer("GET").status(), 401);
    }
    kept.pop();
    kept.push(served_soon(address));
    door.client().closes();
}

#[test]
fn a_trusted_proxy_and_a_socket_file_speak_for_many() {
    let door = Door::configured(
        "trusted_proxies = [\"127.0.0.0/8\"]",
        "",
        "max_connections_per_address = 1",
    );
    let all: Vec<_> = (0..5).map(|_| served(door.gate.address())).collect();
    assert!(all.iter().all(Option::is_some));

    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("gate.sock");
    let app = ScriptedApp::start();
    let mut gate = Gate::prepared(&configuration(
        app.address,
        "",
        "",
        "max_connections_per_address = 1",
    ));
    gate.spawn_on_socket(&path);
    let mut all: Vec<_> = (0..5)
        .map(|_| UnixStream::connect(&path).expect("the gate listens"))
        .collect();
    for stream in &mut all {
        stream
            .write_all(get("/_vestibule/whoami").as_bytes())
            .expect("the gate reads");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("the gate answers");
        assert_eq!(&start, b"HTTP/1.1 401");
    }
}

#[test]
fn connections_over_the_number_in_all_wait_for_a_place() {
    let door = Door::with("", "max_connections = 2");
    let kept: Vec<_> = (0..2).map(|_| served(door.gate.address())).collect();
    let mut third = door.client_sending(get("/_vestibule/whoami"));
    assert!(third.is_silent_for(Duration::from_millis(500)));
    drop(kept);
    assert_eq!(third.answer("GET").status(), 401);
}

#[test]
fn an_app_has_so_many_requests_at_once_and_the_next_is_told_to_come_back() {
    let door = Door::with("max_connections = 2\nconnect_timeout = \"2s\"", "");
    let (mut first, mut app) = door.exchange(&get("/1"));
    let (mut second, mut streaming) = door.exchange(&get("/2"));
    streaming.send("HTTP/1.1 200 OK\r\n\r\nabc");
    second.head();
    let mut refused = door.client_sending(get("/3"));
    let answer = refused.answer("GET");
    assert_eq!(
        (answer.status(), answer.head.one("retry-after")),
        (503, Some("5"))
    );
    door.app.saw_no_more();
    // Our own pages need no app.
    refused.send(get("/_vestibule/login"));
    assert_eq!(refused.answer("GET").status(), 200);
    // One that waits is served as soon as one ends, however it ends.
    let mut waiting = door.client_sending(get("/4"));
    app.send(FINE);
    assert_eq!(first.answer("GET").status(), 200);
    assert_eq!(app.head().first, "GET /4 HTTP/1.1");
    app.send(FINE);
    assert_eq!(waiting.answer("GET").status(), 200);
    let mut waiting = door.client_sending(get("/5"));
    app.head();
    drop(second);
    streaming.rest();
    let (_, mut other) = door.exchange(&get("/6"));
    app.send(FINE);
    assert_eq!(waiting.answer("GET").status(), 200);
    other.send(FINE);
}

#[test]
fn a_tunnel_is_one_of_the_apps_requests() {
    let door = Door::with("max_connections = 1\nconnect_timeout = \"3s\"", "");
    let (mut client, mut app) = door.exchange(&format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    app.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.head().status(), 101);
    assert_eq!(door.client_sending(get("/")).answer("GET").status(), 503);
    let mut waiting = door.client_sending(get("/next"));
    drop(client);
    app.closes();
    drop(app);
    let mut app = door.app.connection();
    assert_eq!(app.head().first, "GET /next HTTP/1.1");
    app.send(FINE);
    assert_eq!(waiting.answer("GET").status(), 200);
}

/// Asserts that `client` is told to come back, on a connection that goes on.
fn has_too_much_open(client: &mut Wire) {
    let answer = client.answer("GET");
    let wait = answer.head.one("retry-after");
    assert_eq!((answer.status(), wait), (429, Some("5")), "{answer:?}");
    client.send(get("/_vestibule/login"));
    assert_eq!(client.answer("GET").status(), 200);
}

#[test]
fn an_address_has_its_share_of_an_app_where_nobody_signs_in() {
    let door = Door::with("max_connections = 9\nmax_connections_per_user = 2", "");
    let (mut first, mut app) = door.exchange(&get("/1"));
    let (mut second, mut streaming) = door.exchange(&get("/2"));
    streaming.send("HTTP/1.1 200 OK\r\n\r\nabc");
    second.head();
    has_too_much_open(&mut door.client_sending(get("/3")));
    door.app.saw_no_more();
    // One that is answered makes room for one, and so does a client that leaves.
    app.send(FINE);
    assert_eq!(first.answer("GET").status(), 200);
    first.send(get("/4"));
    assert_eq!(app.head().first, "GET /4 HTTP/1.1");
    has_too_much_open(&mut door.client_sending(get("/5")));
    drop(second);
    streaming.rest();
    let (mut third, mut other) = door.exchange(&get("/6"));
    other.send(FINE);
    assert_eq!(third.answer("GET").status(), 200);
}

#[test]
fn nobody_waits_for_a_place_in_an_app_beyond_ones_own_share() {
    let upstream = "max_connections = 1\nmax_connections_per_user = 2\nconnect_timeout = \"60s\"";
    let door = Door::with(upstream, "");
    let (mut first, mut app) = door.exchange(&get("/1"));
    let mut second = door.client_sending(get("/2"));
    assert!(second.is_silent_for(Duration::from_millis(300)));
    has_too_much_open(&mut door.client_sending(get("/3")));
    app.send(FINE);
    assert_eq!(first.answer("GET").status(), 200);
    assert_eq!(app.head().first, "GET /2 HTTP/1.1");
    app.send(FINE);
    assert_eq!(second.answer("GET").status(), 200);
}

#[test]
fn a_proxy_that_names_its_clients_has_a_share_for_each_and_one_that_does_not_has_none() {
    let door = Door::configured(
        "trusted_proxies = [\"127.0.0.0/8\"]",
        "max_connections = 9\nmax_connections_per_user = 1",
        "",
    );
    let of = |client: &str| {
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {client}\r\n\r\n")
    };
    let _one = door.exchange(&of("192.0.2.1"));
    let _other = door.exchange(&of("192.0.2.2"));
    let _network = door.exchange(&of("2001:db8::1"));
    for client in ["192.0.2.1", "9.9.9.9, 192.0.2.2", "2001:db8::2"] {
        has_too_much_open(&mut door.client_sending(of(client)));
    }
    door.app.saw_no_more();
    let _unnamed: Vec<_> = (0..4).map(|_| door.exchange(&get("/"))).collect();
}

#[test]
fn a_user_has_one_share_of_an_app_with_all_sessions_and_takes_nobody_elses() {
    let app = ScriptedApp::start();
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://{}\"\nmax_connections = 9\nmax_connections_per_user = 2\n[proxy]\n{LENIENT}",
        app.address
    ));
    let mut browser = gate.browser();
    let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let mut other = gate.browser();
    assert!(alice.sign_in(&mut other, &alice.backup_codes[0]));
    let sessions = [browser.cookie_header(), other.cookie_header()];
    let mut bob = gate.browser();
    Person::enrol(&mut bob, "bob", &gate.invite("bob"));

    let ask = |cookies: &str| {
        let mut client = Wire::connect(gate.address());
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookies}\r\n\r\n"
        ));
        client
    };
    let last = FINE.replace("200 OK", "200 OK\r\nConnection: close");
    let held = sessions.each_ref().map(|cookies| {
        let client = ask(cookies);
        let mut wire = app.connection();
        assert_eq!(wire.head().one("remote-user"), Some("alice"));
        (client, wire)
    });
    for cookies in &sessions {
        has_too_much_open(&mut ask(cookies));
    }
    app.saw_no_more();
    let mut client = ask(&bob.cookie_header());
    let mut wire = app.connection();
    assert_eq!(wire.head().one("remote-user"), Some("bob"));
    wire.send(&last);
    assert_eq!(client.answer("GET").status(), 200);
    for (mut client, mut wire) in held {
        wire.send(&last);
        assert_eq!(client.answer("GET").status(), 200);
    }
    let mut client = ask(&sessions[0]);
    let mut wire = app.connection();
    wire.head();
    wire.send(&last);
    assert_eq!(client.answer("GET").status(), 200);
}

#[test]
fn a_body_over_the_apps_limit_is_413_and_never_arrives_whole() {
    let door = Door::with("max_body = \"1KiB\"", "");
    let mut client = door.client_sending(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1025\r\n\r\n"
    ));
    assert_eq!(client.answer("POST").status(), 413);
    door.app.saw_no_more();
    let (mut client, mut app) = door.exchange(&format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{}\r\n",
        "x".repeat(1024)
    ));
    client.send("1\r\nx\r\n0\r\n\r\n");
    assert_eq!(client.answer("POST").status(), 413);
    let (body, _) = app.rest();
    assert!(!body.ends_with(b"0\r\n\r\n"));
    let (mut client, mut app) = door.exchange(&format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    ));
    assert_eq!(app.exactly(1024), [b'x'; 1024]);
    app.send(FINE);
    assert_eq!(client.answer("POST").status(), 200);
}

#[test]
fn our_own_forms_are_small_and_forms() {
    let door = Door::open();
    for (kind, length, status) in [
        ("application/x-www-form-urlencoded", 16 * 1024 + 1_u64, 413),
        ("application/x-www-form-urlencoded", 1_u64 << 40, 413),
        ("multipart/form-data; boundary=x", 10, 415),
        ("text/plain", 10, 415),
    ] {
        let mut client = door.client_sending(format!(
            "POST /_vestibule/login HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        ));
        assert_eq!(client.answer("POST").status(), status, "{kind} {length}");
    }
}

/// Sets the limit of open files of a running gate.
fn limit_files(gate: &Gate, files: u64) {
    let pid = i32::try_from(gate.pid()).ok().and_then(Pid::from_raw);
    let limit = Rlimit {
        current: Some(files),
        ..getrlimit(Resource::Nofile)
    };
    prlimit(pid, Resource::Nofile, limit).expect("a child's limits can be set");
}

/// The number that the next file of a process gets: with that as its limit it opens none.
fn next_file(gate: &Gate) -> u64 {
    let taken = |number: &u64| {
        std::fs::symlink_metadata(format!("/proc/{}/fd/{number}", gate.pid())).is_ok()
    };
    (0..)
        .find(|number| !taken(number))
        .expect("some number is free")
}

#[test]
fn out_of_files_nobody_else_comes_in_and_everybody_inside_goes_on() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/"));
    let mut inside = served(door.gate.address()).expect("there is a place");
    limit_files(&door.gate, next_file(&door.gate));
    let mut outside = door.client_sending(get("/_vestibule/whoami"));
    door.gate.wait_for("cannot accept connections");
    assert!(outside.is_silent_for(Duration::from_millis(500)));
    for _ in 0..3 {
        app.send(FINE);
        assert_eq!(client.answer("GET").status(), 200);
        client.send(get("/"));
        app.head();
        inside.send(get("/_vestibule/login"));
        assert_eq!(inside.answer("GET").status(), 200);
    }
    assert_eq!(
        door.gate
            .output()
            .matches("cannot accept connections")
            .count(),
        1
    );
    limit_files(&door.gate, next_file(&door.gate) + 50);
    assert_eq!(outside.answer("GET").status(), 401);
}

#[test]
fn a_gate_takes_in_no_more_than_its_files_allow() {
    let app = ScriptedApp::start();
    let mut gate = Gate::prepared(&configuration(app.address, "", "", ""));
    // 128 are its own, 64 are kept to the app, and what is left serves pairs.
    gate.spawn_with_files(200);
    gate.wait_for("leaves room for 4 connections");
    let kept: Vec<_> = (0..4).map(|_| served(gate.address())).collect();
    assert!(kept.iter().all(Option::is_some));
    let mut fifth = Wire::connect(gate.address());
    fifth.send(get("/_vestibule/whoami"));
    assert!(fifth.is_silent_for(Duration::from_millis(300)));
    drop(kept);
    assert_eq!(fifth.answer("GET").status(), 401);
}

#[test]
fn a_low_limit_of_files_is_raised_as_far_as_it_may() {
    let door = Door::open();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", door.gate.pid()))
        .expect("the gate runs");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<&str> = line
        .expect("a limit")
        .split_whitespace()
        .skip(3)
        .take(2)
        .collect();
    assert_eq!(numbers[0], numbers[1], "soft and hard");
}
