//! The command line from outside: every command of this version, with a running server and without.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

mod access;
mod check;
mod concurrency;
mod demo;
mod healthcheck;
mod integrate;
mod names;
mod passwords;
mod secrets;
mod serve;
mod sessions;
mod socket;
mod transcript;

use std::process::Command;

use harness::gate::{Outcome, binary};

/// What a command printed that did what it was told.
#[track_caller]
fn done(outcome: &Outcome) -> &str {
    let Outcome {
        code,
        stdout,
        stderr,
    } = outcome;
    assert_eq!((*code, stderr.as_str()), (Some(0), ""), "{stdout}");
    stdout
}

/// What a command said that failed while running (1) or was used wrongly (2): nothing on standard
/// output, on standard error why, and what to do.
#[track_caller]
fn refused(outcome: &Outcome, code: i32) -> &str {
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(code), ""),
        "{outcome:?}"
    );
    let stderr = outcome.stderr.as_str();
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(stderr.contains("\nhint: "), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// The binary with nothing of this process's configuration around it.
fn vestibule(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    without_settings(&mut command).args(arguments);
    command
}

/// Takes away what would configure the binary from outside its file.
fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Outcome {
    let output = command.output().expect("the binary starts");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
