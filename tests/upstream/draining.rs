//! How the gate stops: nobody new comes in, whoever was heard gets a whole answer, and it does not take for ever.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::DEADLINE;
use crate::harness::gate::Gate;
use crate::wire::Wire;
use crate::{Door, FINE, ScriptedApp, configuration, get};

/// Whether somebody listens there.
fn listens(address: SocketAddr) -> bool {
    match TcpStream::connect(address) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            false
        }
    }
}

fn wait_until_nobody_listens(address: SocketAddr) {
    let begun = Instant::now();
    while listens(address) {
        assert!(begun.elapsed() < DEADLINE);
    }
}

#[test]
fn what_is_under_way_ends_and_nothing_new_begins() {
    let mut door = Door::open();
    let (mut idle, mut app) = door.exchange(&get("/"));
    app.send(FINE);
    idle.answer("GET");
    idle.send(get("/waiting"));
    app.head();
    let mut waiting = idle;
    let (mut streaming, mut stream) = door.exchange(&get("/stream"));
    stream.send("HTTP/1.1 200 OK\r\n\r\nabc");
    streaming.head();
    let mut silent = door.client();
    let mut idle = door.client_sending(get("/_vestibule/whoami"));
    idle.answer("GET");
    door.gate.ask_to_stop();
    wait_until_nobody_listens(door.gate.address());
    silent.closes();
    idle.closes();
    app.send(FINE);
    let answer = waiting.answer("GET");
    assert_eq!(
        (answer.text().as_str(), answer.head.one("connection")),
        ("fine", Some("close"))
    );
    waiting.closes();
    stream.send("def");
    assert_eq!(streaming.until("def\r\n"), "3\r\nabc\r\n3\r\ndef\r\n");
    drop(stream);
    assert_eq!(streaming.until("\r\n\r\n"), "0\r\n\r\n");
    assert!(door.gate.wait_for_end().success());
}

#[test]
fn what_has_arrived_when_the_signal_comes_is_answered() {
    let mut door = Door::open();
    let whoami = get("/_vestibule/whoami");
    let mut wires: Vec<Wire> = (0..8).map(|_| door.client_sending(&whoami)).collect();
    for wire in &mut wires {
        assert_eq!(wire.answer("GET").status(), 401);
    }
    door.gate.held_still(|| {
        for wire in &mut wires {
            wire.send(&whoami);
        }
        // The kernel accepts these; the gate has not heard of them yet.
        wires.extend((0..8).map(|_| door.client_sending(&whoami)));
        door.gate.ask_to_stop();
    });
    for wire in &mut wires {
        let answer = wire.answer("GET");
        assert_eq!((answer.status(), answer.whole), (401, true));
    }
    assert!(door.gate.wait_for_end().success());
}

#[test]
fn what_does_not_end_is_cut_off_when_the_drain_time_is_over() {
    let mut door = Door::with("", "drain_timeout = \"1s\"");
    let (mut client, mut app) = door.exchange(&get("/"));
    let begun = Instant::now();
    assert!(door.gate.stop().success());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    client.closes();
    app.closes();
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut door = Door::with("", "drain_timeout = \"10m\"");
    let (mut client, mut app) = door.exchange(&get("/"));
    door.gate.ask_to_stop();
    wait_until_nobody_listens(door.gate.address());
    assert!(client.is_silent_for(Duration::from_millis(300)));
    assert!(door.gate.stop().success());
    client.closes();
    app.closes();
}

#[test]
fn tunnels_end_at_once() {
    let mut door = Door::with("", "drain_timeout = \"10m\"");
    let (mut client, mut app) = door.exchange(
        "GET /ws HTTP/1.1\r\nHost: app.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    app.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.head().status(), 101);
    assert!(door.gate.stop().success());
    client.closes();
    app.closes();
}

/// What clients of all kinds met while the gate stopped.
#[derive(Debug, Default)]
struct Met {
    /// Paths that were answered in full.
    answered: Mutex<BTreeSet<String>>,
    /// Answers that began and did not end.
    torn: AtomicUsize,
}

/// Asks until the gate is gone; with a connection of its own for each request, or with one for all.
fn keep_asking(address: SocketAddr, name: usize, reuse: bool, met: &Met) {
    let mut kept: Option<Wire> = None;
    for round in 0.. {
        let mut wire = match kept.take() {
            Some(wire) => wire,
            None => match TcpStream::connect(address) {
                Ok(stream) => Wire::new(stream),
                Err(_) => return,
            },
        };
        let path = format!("/{name}/{round}");
        if wire.try_send(get(&path)).is_err() {
            continue;
        }
        let Some(answer) = wire.try_answer("GET") else {
            continue;
        };
        if !answer.whole || answer.text() != path {
            met.torn.fetch_add(1, Ordering::Relaxed);
        } else {
            met.answered
                .lock()
                .expect("nobody panics with it")
                .insert(path);
        }
        if reuse && answer.head.one("connection") != Some("close") {
            kept = Some(wire);
        }
    }
}

#[test]
fn under_load_every_request_that_reached_the_app_gets_its_whole_answer() {
    let heard = Arc::<Mutex<BTreeSet<String>>>::default();
    let seen = Arc::clone(&heard);
    let app = ScriptedApp::start().answer_all(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        seen.lock()
            .expect("nobody panics with it")
            .insert(path.clone());
        // Some take their time, as some pages do.
        if path.ends_with('7') {
            thread::sleep(Duration::from_millis(300));
        }
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        )
    });
    let mut gate = Gate::start(&configuration(app, "", "", ""));
    let address = gate.address();
    let met = Met::default();
    thread::scope(|scope| {
        for name in 0..24 {
            let met = &met;
            scope.spawn(move || keep_asking(address, name, name % 3 != 0, met));
        }
        let begun = Instant::now();
        while met.answered.lock().expect("nobody panics with it").len() < 300 {
            assert!(begun.elapsed() < DEADLINE);
            thread::sleep(Duration::from_millis(10));
        }
        gate.ask_to_stop();
        let begun = Instant::now();
        assert!(gate.wait_for_end().success());
        assert!(begun.elapsed() < Duration::from_secs(30), "the drain time");
    });
    let answered = met.answered.into_inner().expect("nobody panics with it");
    let heard = heard.lock().expect("nobody panics with it");
    let lost: Vec<_> = heard.difference(&answered).collect();
    assert_eq!((lost, met.torn.into_inner()), (vec![], 0));
}
