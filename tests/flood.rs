//! A botnet: every try from an address of its own, half of them for one victim.
//!
//! `VESTIBULE_TEST_SOAK=1` sends a hundred thousand tries instead of three thousand.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use harness::browser::Reply;
use harness::crowd::at_once;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};

/// As few slots as there may be, each of which grants one try: the flood fills them all.
const CONFIG: &str = "trusted_proxies = [\"127.0.0.1/32\"]
[password]
memory = \"7MiB\"
iterations = 1
hashing_queue = 1000
[throttle]
max_keys = 1000
free_attempts = 1
delay = \"1h\"
";

/// What a flood may make the process grow by, in KiB: buffers and log lines, no keys.
const GROWTH: u64 = 48 * 1024;

const BOTS: usize = 8;

fn tries() -> u32 {
    let soak = std::env::var_os("VESTIBULE_TEST_SOAK").is_some_and(|value| value == "1");
    if soak { 100_000 } else { 3_000 }
}

/// One try from one address, spread over the whole of IPv4.
fn attempt(gate: &Gate, number: u32, name: &str) -> Reply {
    let address = Ipv4Addr::from(number.wrapping_mul(2_654_435_769) | 1);
    let mut browser = gate
        .browser()
        .with_header("X-Forwarded-For", &address.to_string());
    let page = browser.get(&format!("{PORTAL}/login"));
    browser.submit(&page, &[("username", name), ("password", "wrong")])
}

/// Memory of the process that is in use, in KiB.
fn resident(gate: &Gate) -> u64 {
    let path = format!("/proc/{}/status", gate.pid());
    let status = std::fs::read_to_string(path).expect("the gate runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("the kernel tells the size")
}

#[test]
fn a_botnet_costs_no_memory_and_does_not_keep_the_owner_out() {
    let gate = Gate::start(CONFIG);
    let mut home = gate
        .browser()
        .with_header("X-Forwarded-For", "198.51.100.7");
    let mut alice = Person::enrol(&mut home, "alice", &gate.invite("alice"));
    Person::sign_out(&mut home);
    (0..200).for_each(|number| drop(attempt(&gate, number, &format!("early{number}"))));
    let (before, begun) = (resident(&gate), Instant::now());
    let (looked_at, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
    at_once(BOTS, |_| {
        loop {
            let number =
                u32::try_from(next.fetch_add(1, Ordering::Relaxed)).expect("a small number");
            if number >= tries() {
                return;
            }
            let victim = number % 2 == 0;
            let name = if victim {
                "alice".to_owned()
            } else {
                format!("name{number}")
            };
            let reply = attempt(&gate, 1_000 + number, &name);
            assert!([403, 429, 503].contains(&reply.status), "{}", reply.text());
            looked_at.fetch_add(
                usize::from(victim && reply.status == 403),
                Ordering::Relaxed,
            );
        }
    });
    let looked_at = looked_at.into_inner();
    assert!(looked_at <= 1, "{looked_at} passwords in an hour");
    let grown = resident(&gate).saturating_sub(before);
    assert!(grown <= GROWTH, "{grown} KiB more than {before}");
    eprintln!(
        "{} tries in {:?}: {before} KiB before, {grown} KiB more",
        tries(),
        begun.elapsed()
    );
    let stranger = attempt(&gate, 7, "alice");
    assert_eq!(stranger.status, 429, "strangers wait");
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut home, &code), "the owner does not");
}
