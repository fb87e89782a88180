//! `vestibule check`: the whole configuration read, nothing bound and nothing made.

use std::fs::{read_dir, write};
use std::path::Path;

use crate::harness::gate::Outcome;
use crate::{done, refused, run, vestibule};

use serde_json::Value;
use tempfile::TempDir;

/// Runs `check` in a folder that holds nothing but this file.
fn check(text: &str, options: &[&str]) -> (TempDir, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("vestibule.toml"), text).unwrap();
    let mut command = vestibule(&["check"]);
    let outcome = run(command.args(options).current_dir(folder.path()));
    (folder, outcome)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

const GOOD: &str = "[session]\nidle = \"15m\"\n[[upstream]]\nurl = \"http://127.0.0.1:3000\"\n";

#[test]
fn a_good_file_is_shown_with_where_each_value_comes_from() {
    let (folder, outcome) = check(GOOD, &[]);
    let text = done(&outcome);
    let line = text.lines().find(|line| line.starts_with("session.idle "));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words, ["session.idle", "15m", "vestibule.toml:2"]);
    assert!(text.ends_with("The configuration is good.\n"), "{text}");
    assert_eq!(names(folder.path()), ["vestibule.toml"]);
}

#[test]
fn as_json_every_value_has_its_key_and_origin() {
    let (_folder, outcome) = check(GOOD, &["--json"]);
    let report: Value = serde_json::from_str(done(&outcome)).unwrap();
    assert_eq!(report["warnings"], serde_json::json!([]));
    let values = report["values"].as_array().unwrap();
    let found = values.iter().find(|value| value["key"] == "session.idle");
    let expected =
        serde_json::json!({"key": "session.idle", "value": "15m", "origin": "vestibule.toml:2"});
    assert_eq!(found, Some(&expected));
    let default = values
        .iter()
        .find(|value| value["key"] == "session.lifetime");
    assert_eq!(default.unwrap()["origin"], "default");
}

#[test]
fn every_mistake_is_named_with_its_line_and_what_to_do() {
    let text = "lisen = \"127.0.0.1:8080\"\n[session]\nidle = \"soon\"\n\n[totp]\nskew = 7\n";
    let (_folder, outcome) = check(text, &[]);
    let stderr = refused(&outcome, 2);
    for start in [
        "error: vestibule.toml:1: lisen: ",
        "error: vestibule.toml:3: session.idle: ",
        "error: vestibule.toml:6: totp.skew: ",
    ] {
        assert!(
            stderr.lines().any(|line| line.starts_with(start)),
            "{stderr}"
        );
    }
    assert!(stderr.contains("listen"), "the nearest key: {stderr}");
    let hints = stderr.lines().filter(|line| line.starts_with("hint: "));
    assert_eq!(hints.count(), 3, "{stderr}");
}

#[test]
fn as_json_a_mistake_has_its_place_and_hint() {
    let (_folder, outcome) = check("[session]\nidle = \"soon\"\n", &["--json"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), ""));
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let [error] = report["errors"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!(error["severity"], "error");
    assert_eq!(error["origin"], "vestibule.toml:2");
    assert_eq!(error["key"], "session.idle");
    assert!(error["what"].is_string() && error["hint"].is_string());
}

#[test]
fn a_wrong_variable_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = vestibule(&["check"]);
    command.env("VESTIBULE_SESSION__IDLE", "soon");
    let outcome = run(command.current_dir(folder.path()));
    let stderr = refused(&outcome, 2);
    assert!(
        stderr.starts_with("error: VESTIBULE_SESSION__IDLE: session.idle: "),
        "{stderr}"
    );
}

#[test]
fn a_warning_goes_to_standard_error_and_the_status_stays_0() {
    let (_folder, outcome) = check(&format!("{GOOD}[access]\ndefault = \"bypass\"\n"), &[]);
    assert_eq!(outcome.code, Some(0));
    assert!(
        outcome
            .stderr
            .starts_with("warning: vestibule.toml:6: access.default: "),
        "{outcome:?}"
    );
}

#[test]
fn a_missing_or_broken_file_is_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = vestibule(&["check", "--config", "nowhere.toml"]);
    let outcome = run(command.current_dir(folder.path()));
    assert!(refused(&outcome, 2).contains("nowhere.toml"));
    let (_folder, outcome) = check("listen = \"127.0.0.1:8080\nportal\n", &[]);
    assert!(refused(&outcome, 2).contains("vestibule.toml:1"));
    let (_folder, outcome) = check("listen = \"\u{1b}[31m\"\n", &[]);
    let stderr = refused(&outcome, 2);
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &["frobnicate"][..],
        &["user"],
        &["user", "show"],
        &["user", "list", "--frobnicate"],
        &["serve", "--listen"],
        &["demo", "--listen", "nowhere"],
        &[],
    ] {
        let outcome = run(&mut vestibule(arguments));
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        let hints = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("hint: "));
        assert_eq!(hints.count(), 1, "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    let help = run(&mut vestibule(&["--help"]));
    for command in ["demo", "serve", "check", "healthcheck", "user", "session"] {
        assert!(done(&help).contains(&format!("\n  {command} ")), "{help:?}");
    }
    let version = run(&mut vestibule(&["--version"]));
    assert_eq!(
        done(&version),
        concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
