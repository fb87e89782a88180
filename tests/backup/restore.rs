//! What a restore brings back, what it does not, and when it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};
use crate::{done, key_file, names, refused, users};

/// A gate with one enrolled user beside the first administrator.
fn with_alice() -> (Gate, Person) {
    let gate = Gate::start(LENIENT);
    let alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    (gate, alice)
}

#[test]
fn an_old_state_opens_no_door_that_was_shut_since() {
    let (mut gate, mut alice) = with_alice();
    let invitation = gate.invite("bob");
    let mut browser = gate.browser();
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut browser, &code));
    done(&gate, &["backup", "b"]);
    let spent = [alice.authenticator.code(), alice.backup_codes[0].clone()];
    for code in &spent {
        assert!(alice.sign_in(&mut gate.browser(), code));
    }
    gate.stop();
    let said = done(&gate, &["restore", "b", "--force", "--keep-backup-codes"]);
    let step = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 30;
    assert!(said.contains("alice") && said.contains("is in ") && said.contains("Check this list"));
    gate.spawn();
    assert!(
        !signed_in(&mut browser.moved_to(gate.address())),
        "a session came back"
    );
    assert!(
        !alice.sign_in(&mut gate.browser(), &spent[0]),
        "a code came back"
    );
    let old = gate.browser().get(&invitation);
    assert!(old.status >= 400, "an invitation came back: {}", old.status);
    while alice.authenticator.newest_step() <= step + 1 {
        alice.authenticator.code();
    }
    let fresh = alice.authenticator.spent_code();
    assert!(
        alice.sign_in(&mut gate.browser(), &fresh),
        "a fresh code works"
    );
    assert!(
        alice.sign_in(&mut gate.browser(), &alice.backup_codes[9]),
        "as was asked for"
    );
}

#[test]
fn a_signing_key_that_was_revoked_since_does_not_come_back() {
    let mut gate = Gate::start("");
    let leaked = signing_keys(&gate);
    done(&gate, &["backup", "b"]);
    done(&gate, &["key", "retire", &leaked[0]]);
    gate.stop();
    let said = done(&gate, &["restore", "b", "--force"]);
    assert!(said.contains("a new signing key"), "{said}");
    gate.spawn();
    let fresh = signing_keys(&gate);
    assert_eq!((leaked.len(), fresh.len()), (1, 1));
    assert_ne!(fresh, leaked);
}

/// The names in the key set.
fn signing_keys(gate: &Gate) -> Vec<String> {
    let set = gate.browser().get(&format!("{PORTAL}/jwks.json")).json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_spent_backup_code_stays_spent() {
    let (mut gate, alice) = with_alice();
    done(&gate, &["backup", "b"]);
    gate.wait_for("sys_backup");
    assert!(alice.sign_in(&mut gate.browser(), &alice.backup_codes[0]));
    gate.stop();
    let said = done(&gate, &["restore", "b", "--force"]);
    assert!(said.contains("Backup codes do not work any more"), "{said}");
    gate.spawn();
    for code in &alice.backup_codes[..2] {
        assert!(!alice.sign_in(&mut gate.browser(), code));
    }
}

#[test]
fn a_lost_folder_comes_back_with_three_commands() {
    let (mut gate, alice) = with_alice();
    let before = users(&gate);
    let file = gate.folder().join("b");
    done(&gate, &["backup", file.to_str().unwrap()]);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read(key_file(&gate)).unwrap();
    gate.kill_9();
    fs::remove_dir_all(gate.folder().join("data")).unwrap();
    let said = refused(&gate, &["restore", "b"]);
    assert!(
        said.contains("master.key is missing") && said.contains("put the master key"),
        "{said}"
    );
    fs::create_dir(gate.folder().join("data")).unwrap();
    fs::write(key_file(&gate), "0".repeat(64)).unwrap();
    fs::set_permissions(key_file(&gate), fs::Permissions::from_mode(0o600)).unwrap();
    let said = refused(&gate, &["restore", "b"]);
    assert!(said.contains("made under the master key with id"), "{said}");
    fs::write(key_file(&gate), key).unwrap();
    let json = done(&gate, &["restore", "b", "--json"]);
    let restored: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(restored["replaced"], serde_json::Value::Null);
    assert_eq!(restored["signing_keys_left_behind"], 1);
    assert_eq!(restored["users"].as_array().unwrap().len(), before.len());
    gate.spawn();
    assert_eq!(users(&gate), before);
    let page = alice.give_password(&mut gate.browser());
    assert!(
        page.text().contains("name=\"code\""),
        "the password is known"
    );
}

#[test]
fn a_running_server_and_a_store_in_use_are_left_alone() {
    let (mut gate, _) = with_alice();
    done(&gate, &["backup", "b"]);
    let said = refused(&gate, &["restore", "b", "--force"]);
    assert!(
        said.contains("a server runs on") && said.contains("stop it first"),
        "{said}"
    );
    gate.stop();
    let said = refused(&gate, &["restore", "b"]);
    assert!(
        said.contains("there is a store in") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(users(&gate).len(), 2);
    assert_eq!(
        names(&gate.folder().join("data")),
        ["VESTIBULE-STORE", "master.key", "store", "store.anchor"]
    );
}

#[test]
fn without_a_server_the_store_is_opened_for_a_backup() {
    let (mut gate, _) = with_alice();
    gate.stop();
    let json = done(&gate, &["backup", "b", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    let backup = &answer["backup"];
    assert_eq!(backup["accounts"], 2);
    assert_eq!(
        backup["bytes"],
        fs::metadata(gate.folder().join("b")).unwrap().len()
    );
    let none = Gate::prepared("");
    let said = refused(&none, &["backup", "b"]);
    assert!(said.contains("there is no store in"), "{said}");
}

#[test]
fn a_backup_goes_where_nothing_is_and_says_so() {
    let (gate, _) = with_alice();
    done(&gate, &["backup", "b"]);
    let said = refused(&gate, &["backup", "b"]);
    assert!(
        said.contains("b exists already") && said.contains("--force"),
        "{said}"
    );
    done(&gate, &["backup", "b", "--force"]);
    let key = fs::read(key_file(&gate)).unwrap();
    for foreign in ["data/master.key", "vestibule.toml", "data"] {
        let said = refused(&gate, &["backup", foreign, "--force"]);
        assert!(said.contains("exists already and is no backup"), "{said}");
    }
    assert_eq!(fs::read(key_file(&gate)).unwrap(), key);
    let said = refused(&gate, &["backup", "nowhere/b"]);
    assert!(said.contains("No such file or directory"), "{said}");
    assert_eq!(names(gate.folder()), ["b", "data", "vestibule.toml"]);
}

#[test]
fn a_backup_shows_neither_names_nor_hashes() {
    let (gate, alice) = with_alice();
    done(&gate, &["backup", "b"]);
    let text = fs::read_to_string(gate.folder().join("b")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 6, "{}", lines.len());
    for word in [
        "alice",
        "argon2",
        "password",
        "totp",
        "otpauth",
        alice.password.as_str(),
    ] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn damaged_files_are_refused_and_nothing_is_changed() {
    let (mut gate, _) = with_alice();
    done(&gate, &["backup", "b"]);
    gate.stop();
    let path = gate.folder().join("b");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let last = lines.len() - 1;
    let swapped = [lines[0], lines[2], lines[1]].concat() + &lines[3..].concat();
    for (content, word) in [
        (lines[..last].concat(), "a part is missing"),
        (lines[..1].concat(), "a part is missing"),
        (swapped, "line 2 is damaged"),
        (
            whole.clone() + lines[last],
            "something follows its last line",
        ),
        (whole.replacen(":1,", ":9,", 1), "format version 9"),
        ("hello\n".to_owned(), "no backup of vestibule"),
        (
            lines[0].to_owned() + &"A".repeat(300_000),
            "line 2 is longer",
        ),
    ] {
        fs::write(&path, content).unwrap();
        let said = refused(&gate, &["restore", "b", "--force"]);
        assert!(said.contains("error: b: ") && said.contains(word), "{said}");
    }
    assert_eq!(users(&gate).len(), 2);
    assert_eq!(
        names(&gate.folder().join("data")),
        ["VESTIBULE-STORE", "master.key", "store", "store.anchor"]
    );
}
