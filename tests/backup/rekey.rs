//! Another master key: nobody notices but the operator.

use std::fs;

use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{Person, signed_in};
use crate::{done, key_file, names, refused};

#[test]
fn after_a_change_of_the_key_everybody_signs_in_as_before() {
    let mut gate = Gate::start(LENIENT);
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    done(&gate, &["backup", "old"]);
    let said = refused(&gate, &["store", "rekey"]);
    assert!(said.contains("a server runs on"), "{said}");
    gate.stop();
    let old_key = fs::read(key_file(&gate)).unwrap();
    let outcome = gate.cli(&["store", "rekey"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("rows\n"), "{}", outcome.stderr);
    assert!(
        outcome
            .stdout
            .contains("Backups made until now open under it alone")
    );
    assert_ne!(fs::read(key_file(&gate)).unwrap(), old_key);
    gate.spawn();
    let mut browser = browser.moved_to(gate.address());
    assert!(signed_in(&mut browser), "sessions stay");
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut gate.browser(), &code));
    done(&gate, &["backup", "new"]);
    gate.stop();
    let said = refused(&gate, &["restore", "old", "--force"]);
    assert!(said.contains("made under the master key with id"), "{said}");
    done(&gate, &["restore", "new", "--force"]);
    let names = names(&gate.folder().join("data"));
    let kept: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("master.key."))
        .collect();
    assert_eq!(kept.len(), 1, "{names:?}");
    fs::copy(gate.folder().join("data").join(kept[0]), key_file(&gate)).unwrap();
    done(&gate, &["restore", "old", "--force"]);
    gate.spawn();
}

#[test]
fn a_key_in_a_folder_that_cannot_be_written_gives_way_to_another_file() {
    let mut gate = Gate::start("");
    gate.stop();
    let said = done(
        &gate,
        &["store", "rekey", "--new-key-file", "new.key", "--json"],
    );
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_ne!(answer["master_key"], answer["old_master_key"]);
    let said = refused(&gate, &["user", "list"]);
    assert!(
        said.contains("wrong master key") && said.contains("storage.master_key_file"),
        "{said}"
    );
    let config = fs::read_to_string(gate.config()).unwrap();
    let config = config + "[storage]\nmaster_key_file = \"new.key\"\n";
    fs::write(gate.config(), config).unwrap();
    gate.spawn();
}

#[test]
fn where_there_is_no_store_there_is_no_key_to_change() {
    let gate = Gate::prepared("");
    let said = refused(&gate, &["store", "rekey"]);
    assert!(said.contains("there is no store in"), "{said}");
    assert!(!gate.folder().join("data").exists());
}
