//! `vestibule session`: what is listed, and that an ended session is over at once.

use crate::harness::gate::{Gate, invitation_path};
use crate::harness::person::{Person, signed_in};
use crate::{done, refused};

use serde_json::{Value, json};

fn listed(gate: &Gate, arguments: &[&str]) -> Vec<Value> {
    let mut all = vec!["session", "list", "--json"];
    all.extend(arguments);
    let outcome = gate.cli(&all);
    let answer: Value = serde_json::from_str(done(&outcome)).unwrap();
    assert_eq!(answer["answer"], "sessions");
    answer["sessions"].as_array().unwrap().clone()
}

#[test]
fn sessions_are_listed_without_their_tokens_and_end_when_revoked() {
    let gate = Gate::start("");
    let mut ada = gate.browser().with_header("User-Agent", "Ada's\tbrowser");
    let mut bob = gate.browser();
    Person::enrol(&mut ada, "ada", &gate.invite("ada"));
    Person::enrol(&mut bob, "bob", &gate.invite("bob"));
    assert_eq!(listed(&gate, &[]).len(), 2);
    let sessions = listed(&gate, &["ada"]);
    let [session] = sessions.as_slice() else {
        panic!("{sessions:?}")
    };
    let keys: Vec<&String> = session.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["address", "agent", "id", "last_seen", "name", "since"]
    );
    assert_eq!(
        (&session["name"], &session["address"]),
        (&json!("ada"), &json!("127.0.0.1"))
    );
    let token = ada.cookie("vestibule").unwrap();
    let secret = token.rsplit('.').next().unwrap();
    let table = gate.cli(&["session", "list"]);
    assert!(!done(&table).contains(secret) && !session.to_string().contains(secret));
    assert!(!table.stdout.contains('\t'), "{table:?}");

    let id = session["id"].as_str().unwrap();
    assert_eq!(done(&gate.cli(&["session", "revoke", id])), "Done.\n");
    assert!(!signed_in(&mut ada) && signed_in(&mut bob));
    refused(&gate.cli(&["session", "revoke", id]), 1);
    assert_eq!(listed(&gate, &["ada"]), Vec::<Value>::new());
}

#[test]
fn without_a_server_a_session_is_ended_for_the_next_start() {
    let mut gate = Gate::start("");
    let mut ada = gate.browser();
    Person::enrol(&mut ada, "ada", &gate.invite("ada"));
    assert!(gate.stop().success());
    let sessions = listed(&gate, &[]);
    let id = sessions[0]["id"].as_str().unwrap();
    assert_eq!(done(&gate.cli(&["session", "revoke", id])), "Done.\n");
    gate.spawn();
    assert!(!signed_in(&mut ada.moved_to(gate.address())));
}

/// Each of these ends what is signed in, on the next request.
#[test]
fn commands_that_end_sessions_end_them_at_once() {
    let gate = Gate::start("");
    let mut first = gate.browser();
    let mut ada = Person::enrol(&mut first, "ada", &gate.invite("ada"));
    // Backup codes, because an authenticator has only so many codes a minute.
    let mut codes = std::mem::take(&mut ada.backup_codes);
    for (command, input) in [
        (&["user", "sign-out", "ada"][..], ""),
        (
            &["user", "passwd", "ada", "--password-stdin"],
            "four other wet dogs",
        ),
        (&["user", "disable", "ada"], ""),
    ] {
        let mut browser = gate.browser();
        let code = codes.pop().unwrap();
        assert!(ada.sign_in(&mut browser, &code), "before {command:?}");
        assert!(signed_in(&mut browser));
        done(&gate.commands().run(command, input));
        assert!(!signed_in(&mut browser), "after {command:?}");
        if !input.is_empty() {
            input.clone_into(&mut ada.password);
        }
    }
    done(&gate.cli(&["user", "enable", "ada"]));
    assert!(!signed_in(&mut first));
    let mut browser = gate.browser();
    let code = codes.pop().unwrap();
    assert!(ada.sign_in(&mut browser, &code));
    let reset = gate.cli(&["user", "reset-2fa", "ada"]);
    assert!(!signed_in(&mut browser));
    let mut again = gate.browser();
    Person::enrol(&mut again, "ada", &invitation_path(done(&reset)));
    done(&gate.cli(&["user", "remove", "ada"]));
    assert!(!signed_in(&mut again));
    assert_eq!(listed(&gate, &[]), Vec::<Value>::new());
}
