//! The keys that sign identities, changed from outside: in time, in a hurry, after a leak, at any moment.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::thread;

use harness::app::{App, Seen};
use harness::assertion::Assertion;
use harness::browser::{Browser, Reply};
use harness::crowd::LENIENT;
use harness::gate::{Gate, Outcome};
use harness::person::{PORTAL, Person};
use serde_json::Value;

/// A gate before an app, and somebody who is signed in.
struct Scene {
    _app: App,
    gate: Gate,
    browser: Browser,
}

impl Scene {
    fn new() -> Self {
        let app = App::start();
        let gate = Gate::start(&format!("{}{LENIENT}", app.upstream()));
        let mut browser = gate.browser();
        Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        Self {
            _app: app,
            gate,
            browser,
        }
    }

    /// The assertion that the app gets with the next request.
    fn token(&self) -> String {
        let reply = self.browser.clone().get("/");
        assert_eq!(reply.status, 200, "{}", reply.text());
        let seen: Seen = serde_json::from_value(reply.json()).expect("the app answers what it saw");
        seen.all("x-vestibule-assertion")[0].to_owned()
    }
}

fn jwks(gate: &Gate) -> Reply {
    gate.browser().get(&format!("{PORTAL}/jwks.json"))
}

/// The names in the key set.
fn published(gate: &Gate) -> Vec<String> {
    let set = jwks(gate).json();
    let keys = set["keys"].as_array().expect("a key set");
    let names = keys.iter().map(|key| key["kid"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

fn signer(token: &str, set: &Value) -> Result<String, &'static str> {
    let kid = Assertion::verify(token, set)?.header["kid"].clone();
    Ok(kid.as_str().expect("a name").to_owned())
}

#[track_caller]
fn done(outcome: Outcome) -> String {
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
    outcome.stdout
}

/// What a command says about all keys: (name, algorithm, state).
fn keys(gate: &Gate, command: &[&str]) -> Vec<(String, String, String)> {
    let said = done(gate.cli(&[command, &["--json"]].concat()));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let member = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
    let keys = said["keys"].as_array().expect("keys").iter();
    keys.map(|key| {
        assert!(key["created"].is_string() && key["since"].is_string());
        (
            member(key, "kid"),
            member(key, "algorithm"),
            member(key, "state"),
        )
    })
    .collect()
}

fn states(keys: &[(String, String, String)]) -> Vec<&str> {
    keys.iter().map(|key| key.2.as_str()).collect()
}

#[test]
fn the_next_key_is_published_and_does_not_sign_yet() {
    let mut scene = Scene::new();
    let before = published(&scene.gate);
    let first = scene.token();
    let rotated = keys(&scene.gate, &["key", "rotate"]);
    assert_eq!(states(&rotated), ["active", "next"]);
    assert_eq!(rotated[0].0, before[0]);
    let names: Vec<String> = rotated.iter().map(|key| key.0.clone()).collect();
    assert_eq!(published(&scene.gate), names);
    assert_eq!(scene.token(), first, "nothing changed for the app");
    assert_eq!(
        keys(&scene.gate, &["key", "rotate"]),
        rotated,
        "once is enough"
    );
    scene.gate.restart();
    assert_eq!(published(&scene.gate), names);
    assert_eq!(keys(&scene.gate, &["key", "list"]), rotated);
}

#[test]
fn in_a_hurry_another_key_signs_at_once_and_the_old_one_still_verifies() {
    let scene = Scene::new();
    let (old_set, old) = (jwks(&scene.gate), scene.token());
    let said = done(scene.gate.cli(&["key", "rotate", "--now"]));
    assert!(said.contains("for up to 5 minutes"), "{said}");
    let (new_set, new) = (jwks(&scene.gate), scene.token());
    assert_ne!(old_set.header("etag"), new_set.header("etag"));
    let (old_set, new_set) = (old_set.json(), new_set.json());
    let signed = signer(&new, &new_set).expect("it verifies");
    assert_ne!(Ok(&signed), signer(&old, &new_set).as_ref());
    assert!(signer(&new, &old_set).is_err(), "this is what it costs");
    assert_eq!(
        states(&keys(&scene.gate, &["key", "list"])),
        ["active", "retired"]
    );
}

#[test]
fn a_leaked_key_is_out_of_the_set_and_of_every_statement_at_once() {
    let scene = Scene::new();
    let old = scene.token();
    let leaked = published(&scene.gate)[0].clone();
    let said = done(scene.gate.cli(&["key", "retire", &leaked]));
    assert!(said.contains("for up to 5 minutes"), "{said}");
    let (set, new) = (jwks(&scene.gate).json(), scene.token());
    assert_eq!(signer(&old, &set), Err("not one key of that name"));
    assert_eq!(signer(&new, &set).as_ref(), Ok(&published(&scene.gate)[0]));
    assert!(!published(&scene.gate).contains(&leaked));
    let again = scene.gate.cli(&["key", "retire", &leaked]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(
        again.stderr.contains("no key has this name\nhint: "),
        "{again:?}"
    );
    for event in ["key_activated", "key_revoked"] {
        assert!(scene.gate.output().contains(event), "{event}");
    }
}

#[test]
fn without_a_server_the_commands_do_the_same() {
    let mut gate = Gate::prepared("");
    gate.invite("zoe");
    let first = keys(&gate, &["key", "list"]);
    assert_eq!(states(&first), ["active"]);
    assert_eq!(
        states(&keys(&gate, &["key", "rotate", "--now"])),
        ["active", "retired"]
    );
    let left = keys(&gate, &["key", "retire", &first[0].0]);
    assert_eq!(states(&left), ["active"]);
    gate.spawn();
    assert_eq!(published(&gate), [left[0].0.clone()]);
}

#[test]
fn another_algorithm_is_a_rotation_with_both_keys_published() {
    let mut scene = Scene::new();
    let old = keys(&scene.gate, &["key", "list"]);
    let config = std::fs::read_to_string(scene.gate.config()).expect("readable");
    let config = format!("{config}\n[identity]\nalgorithm = \"EdDSA\"\n");
    std::fs::write(scene.gate.config(), config).expect("writable");
    scene.gate.restart();
    scene.gate.wait_for("key_published");
    let both = keys(&scene.gate, &["key", "list"]);
    assert_eq!(both[0], old[0]);
    assert_eq!((both[1].1.as_str(), both[1].2.as_str()), ("EdDSA", "next"));
    assert_eq!(published(&scene.gate).len(), 2);
}

#[test]
fn many_rotations_at_once_publish_one_key_and_too_many_in_a_hurry_are_refused() {
    let gate = Gate::start("");
    let at_once = |arguments: &[&str], count: usize| -> Vec<Outcome> {
        thread::scope(|scope| {
            let started: Vec<_> = (0..count)
                .map(|_| scope.spawn(|| gate.cli(arguments)))
                .collect();
            let ended = started.into_iter().map(|thread| thread.join());
            ended.map(|outcome| outcome.expect("it ran")).collect()
        })
    };
    at_once(&["key", "rotate"], 6)
        .into_iter()
        .for_each(|outcome| {
            done(outcome);
        });
    assert_eq!(states(&keys(&gate, &["key", "list"])), ["active", "next"]);
    let hurried = at_once(&["key", "rotate", "--now"], 10);
    let refused: Vec<_> = hurried.iter().filter(|o| o.code != Some(0)).collect();
    assert_eq!(refused.len(), 2, "{hurried:?}");
    assert!(
        refused[0].stderr.contains("hint: wait some minutes"),
        "{refused:?}"
    );
    let all = keys(&gate, &["key", "list"]);
    assert_eq!(states(&all).iter().filter(|s| **s == "active").count(), 1);
    assert_eq!(published(&gate).len(), 9);
}

#[test]
fn killed_while_keys_change_it_starts_with_one_that_signs_and_is_published() {
    let mut scene = Scene::new();
    for round in 0..4 {
        let commands = scene.gate.commands();
        let last = published(&scene.gate)[0].clone();
        let changing = thread::spawn(move || {
            let mut made = vec![];
            for arguments in [
                &["key", "rotate"][..],
                &["key", "retire", &last],
                &["key", "rotate"],
            ] {
                let outcome = commands.run(&[arguments, &["--json"]].concat(), "");
                if outcome.code == Some(0) {
                    made.push(arguments.join(" "));
                }
            }
            (last, made)
        });
        if round > 0 {
            scene.gate.wait_for("key_revoked");
        }
        scene.gate.kill_9();
        let (leaked, made) = changing.join().expect("the commands ended");
        scene.gate.spawn();
        scene.browser = scene.browser.clone().moved_to(scene.gate.address());
        let all = keys(&scene.gate, &["key", "list"]);
        assert_eq!(states(&all).iter().filter(|s| **s == "active").count(), 1);
        let set = jwks(&scene.gate).json();
        assert_eq!(signer(&scene.token(), &set).as_ref(), Ok(&all[0].0));
        // What was acknowledged holds.
        if made.iter().any(|command| command.contains("retire")) {
            assert!(all.iter().all(|key| key.0 != leaked), "{made:?}: {all:?}");
        }
    }
}
