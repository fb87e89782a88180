//! Killed at any moment, the gate keeps every change that it acknowledged and revives no code.
//!
//! `VESTIBULE_TEST_SOAK=1` kills it two hundred times instead of eight.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use harness::app::App;
use harness::browser::{Browser, Gone};
use harness::gate::{Commands, Gate};
use harness::person::{Person, signed_in};
use harness::{DEADLINE, HOST};

/// Visitors come by a proxy, each from an address of their own, so that no limit on tries
/// stands in the way of what is tested.
const CONFIG: &str = "trusted_proxies = [\"127.0.0.1/32\"]
[throttle]
free_attempts = 100
codes_per_hour = 100
backup_codes_per_hour = 100
";

/// People who use the gate at the same time.
const WORKERS: usize = 3;

/// One account, with what the gate said about it and must not take back.
#[derive(Clone, Debug)]
struct Account {
    person: Person,
    /// Codes of either kind that let someone in.
    spent: Vec<String>,
    live: Vec<Browser>,
    ended: Vec<Browser>,
}

/// What was acknowledged so far, by account.
#[derive(Debug, Default)]
struct Facts {
    accounts: Mutex<Vec<Account>>,
    changed: Condvar,
}

impl Facts {
    fn note<T>(&self, change: impl FnOnce(&mut Vec<Account>) -> T) -> T {
        let mut accounts = self
            .accounts
            .lock()
            .expect("no worker panics with the facts");
        self.changed.notify_all();
        change(&mut accounts)
    }

    /// Waits until codes were spent and sessions ended so many times.
    fn wait_for(&self, count: usize) {
        let few = |accounts: &mut Vec<Account>| {
            let counts = accounts
                .iter()
                .map(|account| account.spent.len() + account.ended.len());
            counts.sum::<usize>() < count
        };
        let accounts = self
            .accounts
            .lock()
            .expect("no worker panics with the facts");
        let waited = self.changed.wait_timeout_while(accounts, DEADLINE, few);
        let (accounts, timeout) = waited.expect("no worker panics with the facts");
        drop(accounts);
        assert!(
            !timeout.timed_out(),
            "the gate acknowledges less than {count}"
        );
    }
}

#[test]
fn a_killed_gate_keeps_what_it_acknowledged() {
    let soak = std::env::var_os("VESTIBULE_TEST_SOAK").is_some_and(|value| value == "1");
    let app = App::start();
    let mut gate = Gate::start(&format!("{CONFIG}{}", app.upstream()));
    let mut all = vec![];
    let mut replays = Replays::default();
    for round in 0..if soak { 200 } else { 8 } {
        let facts = use_until_killed(&mut gate, round);
        gate.spawn();
        for account in &facts {
            check(account, gate.address(), &mut replays);
        }
        all.extend(facts);
    }
    for account in &all {
        check_sessions(account, gate.address());
    }
    let live = all.iter().map(|account| account.live.len()).sum::<usize>();
    let ended = all.iter().map(|account| account.ended.len()).sum::<usize>();
    // Otherwise the rounds were too short to show anything.
    assert!(
        live > 0 && ended > 0 && replays.timely > 0 && replays.backup > 0,
        "{live} live, {ended} ended, {replays:?}"
    );
}

/// Codes that were tried a second time.
#[derive(Debug, Default)]
struct Replays {
    /// Still in their window, so that only the record of their use stops them.
    timely: usize,
    backup: usize,
}

/// Lets people use the gate, kills it at a random moment, and returns what it acknowledged.
fn use_until_killed(gate: &mut Gate, round: usize) -> Vec<Account> {
    let facts = Arc::new(Facts::default());
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (facts, commands, address) = (Arc::clone(&facts), gate.commands(), gate.address());
            thread::spawn(move || {
                use_gate(&format!("r{round}w{worker}"), &facts, &commands, address)
            })
        })
        .collect();
    // Early and late in people's lives by turns, and at any moment of what they do then.
    facts.wait_for(3 + round % 8 * 3);
    thread::sleep(random_moment());
    gate.kill_9();
    for worker in workers {
        let Err(reason) = worker.join();
        if !reason.is::<Gone>() {
            resume_unwind(reason);
        }
    }
    facts.note(std::mem::take)
}

/// Between nothing and a quarter of a second.
fn random_moment() -> Duration {
    let mut byte = [0];
    aws_lc_rs::rand::fill(&mut byte).expect("the system has random numbers");
    Duration::from_millis(byte[0].into())
}

/// Enrols one person after the other, signs in and out in every way, writes down each answer.
fn use_gate(
    prefix: &str,
    facts: &Facts,
    commands: &Commands,
    address: SocketAddr,
) -> std::convert::Infallible {
    for number in 0.. {
        let name = format!("{prefix}n{number}");
        let Ok(invitation) = commands.invite(&name) else {
            resume_unwind(Box::new(Gone));
        };
        let mut browser = visitor(address, &name);
        let (mut person, page) = Person::enrol_to_codes(&mut browser, &name, &invitation);
        let spent = vec![person.authenticator.spent_code()];
        let account = Account {
            person: person.clone(),
            spent,
            live: vec![],
            ended: vec![],
        };
        let index = facts.note(|all| {
            all.push(account);
            all.len() - 1
        });
        Person::keep_codes(&mut browser, &page);
        facts.note(|all| all[index].live.push(browser));
        let [first, second] = [
            person.backup_codes[0].clone(),
            person.backup_codes[1].clone(),
        ];
        let code = person.authenticator.code();
        for code in [code, first, second] {
            let mut browser = visitor(address, &name);
            assert!(
                person.sign_in(&mut browser, &code),
                "{name} signs in with {code}"
            );
            facts.note(|all| {
                all[index].spent.push(code);
                all[index].live.push(browser);
            });
            sign_out_one(facts, index);
        }
    }
    unreachable!("the numbers do not end")
}

/// A browser behind the trusted proxy, at an address made from its name.
fn visitor(address: SocketAddr, name: &str) -> Browser {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let [a, b, c, ..] = digest.as_ref() else {
        unreachable!("a digest has 32 bytes")
    };
    Browser::new(address, HOST)
        .with_header("X-Forwarded-For", &format!("10.{a}.{b}.{c}"))
        .expecting_a_kill()
}

/// Ends the oldest session of an account. While the answer is on its way nothing is known.
fn sign_out_one(facts: &Facts, index: usize) {
    let mut browser = facts.note(|all| all[index].live.remove(0));
    let as_it_was = browser.clone();
    Person::sign_out(&mut browser);
    facts.note(|all| all[index].ended.push(as_it_was));
}

/// Everything that was acknowledged about an account still holds.
fn check(account: &Account, address: SocketAddr, replays: &mut Replays) {
    check_sessions(account, address);
    let Account { person, spent, .. } = account;
    for code in spent {
        let mut browser = visitor(address, &person.name).moved_to(address);
        assert!(
            !person.sign_in(&mut browser, code),
            "{}: {code} works again",
            person.name
        );
        if person.backup_codes.contains(code) {
            replays.backup += 1;
        } else if person.authenticator.is_timely(code) {
            replays.timely += 1;
        }
    }
    let mut browser = visitor(address, &person.name).moved_to(address);
    let kept = &person.backup_codes[9];
    assert!(
        person.sign_in(&mut browser, kept),
        "{}: {kept} is lost",
        person.name
    );
}

fn check_sessions(account: &Account, address: SocketAddr) {
    let is_in = |browser: &Browser| signed_in(&mut browser.clone().moved_to(address));
    let name = &account.person.name;
    for (at, browser) in account.live.iter().enumerate() {
        assert!(is_in(browser), "{name}: live session {at} is lost");
    }
    for (at, browser) in account.ended.iter().enumerate() {
        assert!(!is_in(browser), "{name}: ended session {at} lives");
    }
}
