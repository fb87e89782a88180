//! Backups from outside: made, brought back, and neither half-made by a kill.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

mod kill;
mod rekey;
mod restore;
mod schedule;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use harness::gate::{Gate, Outcome};

/// What a command printed that did what it was told.
#[track_caller]
fn done(gate: &Gate, arguments: &[&str]) -> String {
    let outcome = gate.cli(arguments);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
    outcome.stdout
}

/// What a command said that was refused: why, and what to do.
#[track_caller]
fn refused(gate: &Gate, arguments: &[&str]) -> String {
    let outcome = gate.cli(arguments);
    let Outcome {
        code,
        stdout,
        stderr,
    } = &outcome;
    assert_eq!((*code, stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(
        stderr.starts_with("error: ") && stderr.contains("\nhint: ") && !stderr.contains("panic"),
        "{stderr}"
    );
    stderr.clone()
}

/// The names of all users, in order.
fn users(gate: &Gate) -> Vec<String> {
    let text = done(gate, &["user", "list", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let users = answer["users"].as_array().unwrap().iter();
    users
        .map(|user| user["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Adds users through the socket of a running gate, which is faster than by the command line.
fn add_users(gate: &Gate, prefix: &str, count: usize) {
    for number in 0..count {
        let body = format!(
            "{{\"command\":\"user-add\",\"name\":\"{prefix}{number:04}\",\"profile\":{{}},\"password\":null}}"
        );
        let request = format!(
            "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = UnixStream::connect(gate.folder().join("data/admin.sock")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

fn key_file(gate: &Gate) -> PathBuf {
    gate.folder().join("data/master.key")
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
