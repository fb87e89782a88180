//! Floods of connections that want nothing but to be in the way: they stay within bounds, they go away in
//! their time, and whoever is signed in is served meanwhile.
//!
//! By default some hundreds of connections; with `VESTIBULE_TEST_SOAK=1` some thousands.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::Person;
use crate::harness::{DEADLINE, HOST};
use crate::wire::Wire;
use crate::{ScriptedApp, get};

/// How many connections a flood has: with the files of the test and of the gate in mind.
fn crowd() -> usize {
    let soak = std::env::var_os("VESTIBULE_TEST_SOAK").is_some();
    if soak { 4000 } else { 400 }
}

/// A gate with short times, an app that answers at once, and somebody who is signed in.
struct Site {
    gate: Gate,
    cookies: String,
    /// Resident memory before the flood, in KiB.
    before: u64,
}

const SHORT: &str = "header_timeout = \"3s\"\nidle_timeout = \"3s\"\nbody_idle_timeout = \"3s\"\n\
     max_connections_per_address = 100000\n";

impl Site {
    fn before(app: SocketAddr, upstream: &str) -> Self {
        // The floods of other tests count in this process too, and a gate inherits what it has.
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        setrlimit(Resource::Nofile, raised).expect("a soft limit can be raised");
        let gate = Gate::start(&format!(
            "[[upstream]]\nurl = \"http://{app}\"\n{upstream}\n[proxy]\n{SHORT}{LENIENT}\
             [[access.rule]]\npath = \"/open/**\"\npolicy = \"bypass\"\n"
        ));
        let mut browser = gate.browser();
        Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        let before = resident(&gate);
        Self {
            cookies: browser.cookie_header(),
            gate,
            before,
        }
    }

    fn with(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> Self {
        Self::before(ScriptedApp::start().answer_all(answer), "")
    }

    /// What the person who is signed in gets, on a connection of her own.
    fn visit(&self) -> u16 {
        let mut client = Wire::connect(self.gate.address());
        client.send(format!(
            "GET /hers HTTP/1.1\r\nHost: {HOST}\r\nCookie: {}\r\n\r\n",
            self.cookies
        ));
        client.answer("GET").status()
    }

    /// So many connections that have just said this.
    fn flood(&self, text: impl AsRef<[u8]>) -> Vec<Wire> {
        let connect = |_| {
            let mut wire = Wire::connect(self.gate.address());
            wire.try_send(text.as_ref()).ok();
            wire
        };
        (0..crowd()).map(connect).collect()
    }

    /// Asserts that the flood costs no more than so many KiB for each connection, and 16 MiB for all.
    fn costs_at_most(&self, each: u64) {
        let grown = resident(&self.gate).saturating_sub(self.before);
        let most = 16 * 1024 + each * crowd() as u64;
        assert!(grown <= most, "{grown} KiB, not {most}");
    }

    /// Waits until the gate has closed all connections but its own few; until then they cost no more than that.
    fn is_rid_of_them(&self, each: u64) {
        let begun = Instant::now();
        while sockets(&self.gate) > 20 {
            self.costs_at_most(each);
            let left = sockets(&self.gate);
            assert!(begun.elapsed() < DEADLINE, "{left} are left");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Resident memory in KiB.
fn resident(gate: &Gate) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", gate.pid())).expect("the gate runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.expect("a number of KiB")
}

fn sockets(gate: &Gate) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", gate.pid())).expect("the gate runs");
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

fn small(_: &str) -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
}

/// Says that it is over when it is dropped, by a failure too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a piece on every connection again and again until `over`.
fn trickle(wires: &mut [Wire], piece: &str, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for wire in wires.iter_mut() {
            wire.try_send(piece).ok();
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Lets a crowd trickle, visits meanwhile, and waits until all of it is gone.
fn withstands(site: &Site, start: &str, piece: &str, each: u64) {
    let mut wires = site.flood(start);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| trickle(&mut wires, piece, &over));
        let _over = Over(&over);
        assert!((0..20).all(|_| site.visit() == 200));
        site.is_rid_of_them(each);
    });
}

#[test]
fn silent_connections_are_cheap_and_go_away() {
    let site = Site::with(small);
    withstands(&site, "", "", 32);
}

#[test]
fn heads_that_trickle_in_are_cheap_and_go_away() {
    let site = Site::with(small);
    withstands(&site, "GET / HTTP/1.1\r\nX: ", "x", 48);
}

#[test]
fn heads_that_are_nearly_too_long_are_bounded_and_go_away() {
    let site = Site::with(small);
    let start = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(30 << 10));
    withstands(&site, &start, "x", 160);
}

#[test]
fn bodies_that_trickle_in_are_cheap_and_go_away() {
    let site = Site::with(small);
    // Nobody has to be signed in to be a nuisance there.
    let start = format!(
        "POST /_vestibule/login HTTP/1.1\r\nHost: {HOST}\r\nOrigin: http://{HOST}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\nusername="
    );
    withstands(&site, &start, "x", 64);
    let start = format!("POST /open/x HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10000\r\n\r\n");
    withstands(&site, &start, "x", 96);
}

#[test]
fn readers_that_take_nothing_hold_little_of_a_big_answer() {
    let app = ScriptedApp::start().answer_all(|head| {
        let length = if head.contains("/open/") { 8 << 20 } else { 2 };
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    });
    let site = Site::before(app, "");
    let number = crowd() / 4;
    let wires: Vec<Wire> = (0..number)
        .map(|_| {
            let mut wire = Wire::connect(site.gate.address());
            wire.send(get("/open/big"));
            wire
        })
        .collect();
    assert!((0..20).all(|_| site.visit() == 200));
    // As a whole the answers would be a hundred times that.
    site.costs_at_most(64);
    drop(wires);
    site.is_rid_of_them(64);
}

#[test]
fn an_app_that_holds_hundreds_of_requests_keeps_nobody_from_our_pages() {
    // It answers a request only when the other side has lost patience.
    let app = ScriptedApp::start();
    let site = Site::before(
        app.address,
        "max_connections = 50\nmax_connections_per_user = 1000\nconnect_timeout = \"2s\"",
    );
    let wires = site.flood(get("/open/slow"));
    let refused = AtomicUsize::new(0);
    let served = |path: &str| {
        let mut client = Wire::connect(site.gate.address());
        client.send(get(path));
        client.answer("GET").status()
    };
    for _ in 0..5 {
        assert_eq!(served("/_vestibule/login"), 200);
        refused.fetch_add(usize::from(served("/open/x") == 503), Ordering::Relaxed);
    }
    assert_eq!(refused.into_inner(), 5);
    site.costs_at_most(64);
    let held = std::iter::from_fn(|| app.within(Duration::ZERO));
    assert_eq!(held.count(), 50);
    drop(wires);
    site.is_rid_of_them(64);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let site = Site::with(small);
    let address = site.gate.address();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..crowd() / 2 {
                    let mut wire = match TcpStream::connect(address) {
                        Ok(stream) => Wire::new(stream),
                        Err(_) => continue,
                    };
                    let texts = ["", "GET", "\0\0\0", &get("/open/x"), "\r\n\r\n"];
                    wire.try_send(texts[round % texts.len()]).ok();
                }
            });
        }
        assert!((0..20).all(|_| site.visit() == 200));
    });
    site.is_rid_of_them(64);
    site.costs_at_most(0);
}
