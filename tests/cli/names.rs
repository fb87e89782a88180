//! Names in every script are welcome; names that deceive are refused in clear words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::harness::gate::Gate;
use crate::{done, refused, run, vestibule};

#[test]
fn names_of_any_script_are_kept_in_one_spelling() {
    let gate = Gate::prepared("");
    for (typed, kept) in [
        ("J\u{dc}RGEN", "j\u{fc}rgen"),
        ("ju\u{308}rgen.m", "j\u{fc}rgen.m"),
        ("\u{ff41}nna", "anna"),
        (
            "\u{43c}\u{430}\u{440}\u{438}\u{44f}",
            "\u{43c}\u{430}\u{440}\u{438}\u{44f}",
        ),
        ("\u{5d3}\u{5d5}\u{5d3}", "\u{5d3}\u{5d5}\u{5d3}"),
        ("\u{674e}\u{534e}", "\u{674e}\u{534e}"),
        ("o.brien@example.com", "o.brien@example.com"),
    ] {
        let outcome = gate.cli(&["user", "add", typed, "--json"]);
        let answer: serde_json::Value = serde_json::from_str(done(&outcome)).unwrap();
        assert_eq!(answer["user"]["name"], kept, "{typed}");
        done(&gate.cli(&["user", "show", typed]));
    }
}

#[test]
fn a_name_that_looks_like_another_is_taken() {
    let gate = Gate::prepared("");
    done(&gate.cli(&["user", "add", "paul10"]));
    for twin in ["PAUL10", "p\u{430}ul10", "paul1o", "paul\u{ff11}0"] {
        let outcome = gate.cli(&["user", "add", twin]);
        let stderr = refused(&outcome, 1);
        assert!(
            stderr.contains("looks the same, exists already"),
            "{twin}: {stderr}"
        );
    }
}

#[test]
fn hostile_names_are_refused_and_never_printed_raw() {
    let gate = Gate::prepared("");
    let long = "x".repeat(65);
    let huge = "x".repeat(100_000);
    for (name, words) in [
        ("", "at least one character"),
        (" ", "cannot be part of a user name"),
        ("a b", "cannot be part of a user name"),
        ("a/b", "cannot be part of a user name"),
        ("../../etc/passwd", "cannot be part of a user name"),
        ("a:b", "cannot be part of a user name"),
        ("a,b", "cannot be part of a user name"),
        ("$(id)", "cannot be part of a user name"),
        ("a\nb", "cannot be part of a user name"),
        ("a\u{1b}[2Jb", "cannot be part of a user name"),
        ("a\u{202e}b", "cannot be part of a user name"),
        ("a\u{200b}b", "cannot be part of a user name"),
        ("a\u{5d0}", "cannot mix characters"),
        (".a", "starts with a letter"),
        ("a..b", "no two dots in a row"),
        (&long, "at most 64 characters"),
        (&huge, "at most 64 characters"),
    ] {
        let outcome = gate.cli(&["user", "add", name]);
        let stderr = refused(&outcome, 1);
        assert!(stderr.contains(words), "{name:?}: {stderr}");
        let odd = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!stderr.contains(odd), "{stderr:?}");
        assert!(stderr.len() < 1_000, "{name:?}");
    }
    // What looks like an option is one.
    assert_eq!(gate.cli(&["user", "add", "-ada"]).code, Some(2));
    let mut command = vestibule(&["user", "add", "--config"]);
    command.arg(gate.config()).args(["--", "-ada"]);
    assert!(refused(&run(&mut command), 1).contains("starts with a letter"));
}

#[test]
fn hostile_profiles_are_refused() {
    let gate = Gate::prepared("");
    done(&gate.cli(&["user", "add", "ada"]));
    let groups: Vec<String> = (0..40).map(|n| format!("{n:0>60}")).collect();
    let many = groups.iter().flat_map(|group| ["--group", group]);
    let all: Vec<&str> = ["user", "set", "ada"].into_iter().chain(many).collect();
    for arguments in [
        &[
            "user",
            "set",
            "ada",
            "--display-name",
            "Ada\nRemote-Groups: admin",
        ][..],
        &["user", "set", "ada", "--display-name", "Ada \u{202e}nimda"],
        &["user", "set", "ada", "--display-name", &"x".repeat(129)],
        &["user", "set", "ada", "--email", "ada@example.com\r\nX: y"],
        &["user", "set", "ada", "--email", "ada"],
        &["user", "set", "ada", "--email", "a@b@c"],
        &["user", "set", "ada", "--group", "a b"],
        &["user", "set", "ada", "--group", "admin,staff"],
        &all,
    ] {
        let before = gate.cli(&["user", "show", "ada"]);
        refused(&gate.cli(arguments), 1);
        assert_eq!(gate.cli(&["user", "show", "ada"]), before, "{arguments:?}");
    }
}

#[test]
fn a_name_that_is_no_text_is_wrong_usage() {
    let mut command = vestibule(&["user", "show"]);
    let outcome = run(command.arg(OsStr::from_bytes(b"a\xff")));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}
