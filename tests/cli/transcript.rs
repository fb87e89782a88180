//! A long conversation, word for word, once with a running server and once without.

use std::path::Path;

use crate::harness::gate::{Commands, Gate};
use crate::{done, refused};

/// Commands after `$`, with their standard input after `<<<`, and what they print: standard
/// output, standard error, the exit status when it is not 0.
const TRANSCRIPT: &str = include_str!("transcript.txt");

#[test]
fn a_running_server_answers_as_written_down() {
    let mut gate = prepared();
    gate.spawn();
    compare("running", &spoken(&gate.commands()));
}

#[test]
fn without_a_server_the_answers_are_the_same() {
    compare("alone", &spoken(&prepared().commands()));
}

/// Shows the first difference, and leaves the whole conversation where a person can look at it.
fn compare(name: &str, spoken: &str) {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("transcript-{name}.txt"));
    std::fs::write(&kept, spoken).expect("the target folder is writable");
    let mut lines = spoken.lines().zip(TRANSCRIPT.lines()).zip(1..);
    if let Some(((said, written), at)) = lines.find(|((said, written), _)| said != written) {
        panic!(
            "line {at} differs\nwritten: {written}\nsaid:    {said}\nall of it: {}",
            kept.display()
        );
    }
    assert_eq!(spoken.len(), TRANSCRIPT.len(), "see {}", kept.display());
}

#[test]
fn where_there_is_no_store_only_the_first_user_makes_one() {
    let gate = Gate::prepared("");
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "ada"],
        &["user", "invite", "ada"],
        &["user", "remove", "ada"],
        &["session", "list"],
    ] {
        let outcome = gate.cli(arguments);
        assert!(refused(&outcome, 1).contains("there is no store in "));
        assert!(!gate.folder().join("data").exists(), "{arguments:?}");
    }
    done(&gate.cli(&["user", "add", "ada"]));
}

/// The first start of a server makes a first administrator, unless there is an account already.
fn prepared() -> Gate {
    let gate = Gate::prepared("");
    gate.invite("zoe");
    gate
}

fn spoken(commands: &Commands) -> String {
    let lines = TRANSCRIPT.lines().filter(|line| line.starts_with("$ "));
    let mut text = String::new();
    for line in lines {
        let (command, input) = line.split_once(" <<< ").unwrap_or((line, ""));
        let words = words(command);
        let arguments: Vec<&str> = words.iter().skip(2).map(String::as_str).collect();
        let outcome = commands.run(&arguments, input);
        text.push_str(&format!("{line}\n{}{}", outcome.stdout, outcome.stderr));
        if outcome.code != Some(0) {
            text.push_str(&format!("[{}]\n", outcome.code.unwrap_or(-1)));
        }
    }
    anonymous(&text)
}

/// The words of a command line; single quotes hold spaces together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = None::<String>;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Without what differs from run to run: ids, times, tokens.
fn anonymous(text: &str) -> String {
    let pieces = text.split_inclusive([' ', '\n', '"']);
    pieces.map(anonymous_piece).collect()
}

fn anonymous_piece(piece: &str) -> String {
    let word = piece.trim_end_matches([' ', '\n', '"', ':']);
    let rest = &piece[word.len()..];
    let is_time = word.len() == 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    let token = word.split_once("/invite/");
    match token {
        Some((before, _)) => format!("{before}/invite/TOKEN{rest}"),
        None if is_time => format!("TIME{rest}"),
        None if word.len() > 20 && word.starts_with("u_") => format!("ID{rest}"),
        None => piece.to_owned(),
    }
}
