//! Passwords come by standard input, never as an argument that every process can read.

use std::io::Write;
use std::process::Stdio;

use crate::harness::gate::{Gate, Outcome};
use crate::harness::person::Person;
use crate::{done, refused, vestibule};

const CANARY: &str = "canary battery staple 7f3d";

#[test]
fn no_option_takes_a_password() {
    let gate = Gate::prepared("");
    for arguments in [
        &["user", "add", "ada", "--password", CANARY][..],
        &["user", "add", "ada", CANARY],
        &["user", "passwd", "ada", CANARY],
        &["user", "add", "ada", "--password-stdin", "yes"],
    ] {
        let outcome = gate.cli(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
}

#[test]
fn without_a_terminal_passwd_asks_for_standard_input() {
    let gate = Gate::prepared("");
    gate.invite("ada");
    let outcome = gate.cli(&["user", "passwd", "ada"]);
    assert!(refused(&outcome, 2).contains("--password-stdin"));
}

#[test]
fn one_line_is_the_password_whatever_ends_it() {
    let gate = Gate::start("[throttle]\nfree_attempts = 100\n");
    let mut browser = gate.browser();
    let mut ada = Person::enrol(&mut browser, "ada", &gate.invite("ada"));
    for (input, password) in [
        ("canary one two three", "canary one two three"),
        ("canary four five six\n", "canary four five six"),
        ("canary seven eight\r\n", "canary seven eight"),
        (" canary with spaces \n", " canary with spaces "),
        ("ka\u{308}narienvogel im mai\n", "k\u{e4}narienvogel im mai"),
    ] {
        done(&set(&gate, input.as_bytes()));
        password.clone_into(&mut ada.password);
        let page = ada.give_password(&mut gate.browser());
        page.form(&["code"]);
    }
}

#[test]
fn what_is_no_password_is_refused() {
    let gate = Gate::prepared("");
    gate.invite("ada");
    let long = [b'x'; 10_000];
    for (input, code) in [
        (&b""[..], 1),
        (b"\n", 1),
        (b"\xff\xfe not utf-8 at all", 1),
        (b"canary with a \0 inside", 1),
        (b"canary \x1b[2J and so on", 1),
        (b"first canary line\nsecond canary line\n", 2),
        (&long, 1),
    ] {
        let outcome = set(&gate, input);
        let shown = String::from_utf8_lossy(&input[..input.len().min(40)]).into_owned();
        assert_eq!(outcome.code, Some(code), "{shown:?}: {outcome:?}");
        assert!(!refused(&outcome, code).contains("canary"), "{outcome:?}");
    }
}

fn set(gate: &Gate, input: &[u8]) -> Outcome {
    let mut command = vestibule(&["user", "passwd", "ada", "--password-stdin", "--config"]);
    let mut child = command
        .arg(gate.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads no more than it needs, so the rest may find the pipe closed.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
