//! Killed at any moment, a backup is whole or not there, and a store is the old one or the new one.
//!
//! `VESTIBULE_CRASH_ROUNDS` says how often (default 6); `VESTIBULE_TEST_SOAK=1` makes it 60.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::gate::Gate;
use crate::{add_users, done, names, users};

fn rounds() -> usize {
    let asked = std::env::var("VESTIBULE_CRASH_ROUNDS").ok();
    let soak = std::env::var("VESTIBULE_TEST_SOAK").is_ok_and(|value| value == "1");
    asked.map_or(if soak { 60 } else { 6 }, |rounds| rounds.parse().unwrap())
}

/// Starts a command, and kills it at a random moment of the time that it takes.
fn kill_within(gate: &Gate, arguments: &[&str], time: Duration) {
    let program = gate.commands().start(arguments);
    let mut byte = [0];
    aws_lc_rs::rand::fill(&mut byte).expect("the system has random numbers");
    std::thread::sleep(time.mul_f64(f64::from(byte[0]) / 220.0));
    program.end(Signal::KILL);
}

/// A stopped gate with users, and how long it takes to do `arguments` to its end.
fn stopped(count: usize) -> Gate {
    let mut gate = Gate::start("");
    add_users(&gate, "user", count);
    gate.stop();
    gate
}

#[test]
fn a_killed_restore_leaves_the_old_store_or_the_new_one() {
    let gate = stopped(150);
    done(&gate, &["backup", "without"]);
    let without = users(&gate);
    done(&gate, &["user", "add", "later"]);
    done(&gate, &["backup", "with"]);
    let with = users(&gate);
    let begun = Instant::now();
    done(&gate, &["restore", "with", "--force"]);
    let time = begun.elapsed();
    let (mut holds_later, mut old, mut new) = (true, 0, 0);
    for _ in 0..rounds() {
        let (file, before, after) = if holds_later {
            ("without", &with, &without)
        } else {
            ("with", &without, &with)
        };
        kill_within(&gate, &["restore", file, "--force"], time);
        let found = users(&gate);
        if found == *after {
            new += 1;
            holds_later = !holds_later;
        } else {
            assert_eq!(found, *before);
            old += 1;
        }
    }
    let left = names(&gate.folder().join("data"));
    let aside = left.iter().filter(|name| name.starts_with("replaced-"));
    assert_eq!(aside.count(), new + 1, "{left:?}");
    assert!(!left.contains(&"next".to_owned()), "{left:?}");
    println!("{old} old, {new} new");
}

#[test]
fn a_killed_change_of_the_key_leaves_a_store_and_its_key() {
    let mut gate = stopped(150);
    let all = users(&gate);
    let begun = Instant::now();
    done(&gate, &["store", "rekey"]);
    let time = begun.elapsed();
    for _ in 0..rounds() {
        kill_within(&gate, &["store", "rekey"], time);
        assert_eq!(users(&gate), all);
    }
    done(&gate, &["store", "rekey"]);
    gate.spawn();
    assert_eq!(users(&gate), all);
    let left = names(&gate.folder().join("data"));
    let odd: Vec<&String> = left
        .iter()
        .filter(|name| name.starts_with("replaced-") || *name == "next")
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn a_killed_backup_is_whole_or_not_there() {
    let gate = stopped(150);
    let all = users(&gate);
    let begun = Instant::now();
    done(&gate, &["backup", "first"]);
    let time = begun.elapsed();
    for round in 0..rounds() {
        let file = format!("b{round}");
        kill_within(&gate, &["backup", &file], time);
        if gate.folder().join(&file).exists() {
            done(&gate, &["restore", &file, "--force"]);
            fs::remove_file(gate.folder().join(&file)).unwrap();
        }
        assert_eq!(users(&gate), all);
        done(&gate, &["backup", &file]);
    }
    let drafts = names(gate.folder()).into_iter();
    let drafts: Vec<String> = drafts.filter(|name| name.ends_with(".draft")).collect();
    assert!(
        drafts.is_empty(),
        "the next backup removes them: {drafts:?}"
    );
}
