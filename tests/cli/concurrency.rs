//! Many commands at once: none is lost, and no name is given twice.

use std::thread;

use crate::done;
use crate::harness::gate::{Gate, Outcome};

/// Adds, at the same time, each of `names`.
fn add_all(gate: &Gate, names: &[String]) -> Vec<Outcome> {
    let commands = gate.commands();
    thread::scope(|scope| {
        let started: Vec<_> = names
            .iter()
            .map(|name| {
                let commands = &commands;
                scope.spawn(move || commands.run(&["user", "add", name], ""))
            })
            .collect();
        let ended = started.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    })
}

fn successes(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|one| one.code == Some(0)).count()
}

fn users(gate: &Gate) -> usize {
    done(&gate.cli(&["user", "list"])).lines().count() - 1
}

#[test]
fn different_names_are_all_added_and_one_name_once() {
    let gate = Gate::start("");
    let many: Vec<String> = (0..8).map(|n| format!("user{n}x")).collect();
    let outcomes = add_all(&gate, &many);
    assert_eq!(successes(&outcomes), 8, "{outcomes:?}");
    let same = vec!["ada".to_owned(); 8];
    let outcomes = add_all(&gate, &same);
    assert_eq!(successes(&outcomes), 1, "{outcomes:?}");
    // The first administrator is there as well.
    assert_eq!(users(&gate), 10);
}

#[test]
fn without_a_server_commands_wait_or_say_that_the_store_is_in_use() {
    let gate = Gate::prepared("");
    gate.invite("root");
    let many: Vec<String> = (0..4).map(|n| format!("user{n}x")).collect();
    let outcomes = add_all(&gate, &many);
    for outcome in outcomes.iter().filter(|one| one.code != Some(0)) {
        assert!(
            crate::refused(outcome, 1).contains("data folder"),
            "{outcome:?}"
        );
    }
    assert!(successes(&outcomes) > 0);
    assert_eq!(users(&gate), 1 + successes(&outcomes));
}
