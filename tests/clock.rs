//! The real gate on a machine whose clock is set while it runs, and between two runs.
//!
//! The clock is moved by libfaketime, so these run with third-party programs only.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::time::{SystemTime, UNIX_EPOCH};

use harness::app::{App, Seen};
use harness::assertion::Assertion;
use harness::browser::Browser;
use harness::crowd::LENIENT;
use harness::fake_time::FakeTime;
use harness::gate::Gate;
use harness::person::{PORTAL, Person, signed_in};
use harness::third_party;

/// A gate whose clock can be set, before an app; somebody is signed in.
struct Scene {
    _app: App,
    gate: Gate,
    time: FakeTime,
    alice: Person,
    browser: Browser,
}

impl Scene {
    fn new() -> Self {
        let app = App::start();
        let audit = "[log]\naudit_file = \"audit.jsonl\"\n";
        let mut gate = Gate::prepared(&format!("{}{LENIENT}{audit}", app.upstream()));
        let time = FakeTime::in_folder(gate.folder());
        gate.spawn_as(&["serve"], &time.set_by_hand());
        let mut browser = gate.browser();
        let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        Self {
            _app: app,
            gate,
            time,
            alice,
            browser,
        }
    }

    /// Stops, and starts again with the clock set so.
    fn restart(&mut self, offset: &str, arguments: &[&str]) {
        assert!(self.gate.stop().success());
        self.time.set(offset);
        self.gate.spawn_as(arguments, &self.time.set_by_hand());
        self.browser = self.browser.clone().moved_to(self.gate.address());
    }

    /// Signs in with the code that a right clock shows.
    fn sign_in(&mut self) -> Browser {
        let mut browser = self.gate.browser();
        let code = self.alice.authenticator.code();
        assert!(self.alice.sign_in(&mut browser, &code));
        browser
    }

    fn events(&self) -> String {
        std::fs::read_to_string(self.gate.folder().join("audit.jsonl")).expect("events")
    }
}

#[test]
fn a_clock_set_back_revives_no_session_and_codes_still_work() {
    if !third_party() {
        return;
    }
    let mut scene = Scene::new();
    scene.time.set("+50m");
    assert!(signed_in(&mut scene.browser), "an hour is not over");
    scene.time.set("+111m");
    let listed = scene.gate.cli(&["session", "list"]);
    assert!(!listed.stdout.contains("alice"), "it is over: {listed:?}");
    scene.time.set("+0");
    assert!(!signed_in(&mut scene.browser), "it was over");
    let mut again = scene.sign_in();
    let seen: Seen = serde_json::from_value(again.get("/").json()).expect("the app answers");
    let keys = again.get(&format!("{PORTAL}/jwks.json")).json();
    let token = seen.all("x-vestibule-assertion")[0];
    let assertion = Assertion::verify(token, &keys).expect("a genuine assertion");
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_secs();
    let issued = assertion.number("iat");
    assert!(
        issued.abs_diff(now) < 60,
        "for clocks that are right: {issued}"
    );
    assert!(scene.gate.stop().success());
    let events = scene.events();
    for told in ["\"reason\":\"forward\"", "\"reason\":\"behind\""] {
        assert!(events.contains(told), "{told}: {events}");
    }
}

#[test]
fn a_start_minutes_behind_goes_on_and_one_hours_behind_is_refused() {
    if !third_party() {
        return;
    }
    let mut scene = Scene::new();
    scene.time.set("+5m");
    assert!(signed_in(&mut scene.browser));
    scene.restart("+0", &["serve"]);
    assert!(signed_in(&mut scene.browser), "five minutes are tolerated");
    let mut other = scene.sign_in();
    scene.time.set("+3h");
    assert!(!signed_in(&mut other), "three hours are not slept through");
    assert!(scene.gate.stop().success());
    scene.time.set("+0");
    for _ in 0..2 {
        let environment = scene.time.set_by_hand();
        let refused = scene.gate.commands().run_in(&["serve"], "", &environment);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("but this store was in use at "),
            "{refused:?}"
        );
        assert!(refused.stderr.contains("--trust-clock"), "{refused:?}");
    }
    let listed = scene.gate.cli(&["user", "list"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
}

#[test]
fn a_clock_that_is_trusted_ends_the_sessions_from_the_time_ahead() {
    if !third_party() {
        return;
    }
    let mut scene = Scene::new();
    scene.time.set("+50m");
    assert!(
        signed_in(&mut scene.browser),
        "in use at a time that never was"
    );
    scene.restart("+0", &["serve", "--trust-clock"]);
    assert!(!signed_in(&mut scene.browser));
    let again = scene.sign_in();
    scene.restart("+0", &["serve"]);
    let mut again = again.moved_to(scene.gate.address());
    assert!(signed_in(&mut again), "once was enough");
}

#[test]
fn before_this_version_was_made_nothing_starts() {
    if !third_party() {
        return;
    }
    let gate = Gate::prepared("");
    let time = FakeTime::in_folder(gate.folder());
    time.set("@2020-01-01 00:00:00");
    let environment = time.set_by_hand();
    for arguments in [
        &["serve"][..],
        &["serve", "--trust-clock"],
        &["user", "add", "ada"],
    ] {
        let refused = gate.commands().run_in(arguments, "", &environment);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused
                .stderr
                .contains("before this version was made\nhint: "),
            "{refused:?}"
        );
    }
}
