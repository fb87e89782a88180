//! A code afresh: asked for when the last one is too old, and worth only what it was asked for.

use crate::harness::app::App;
use crate::harness::browser::Browser;
use crate::harness::crowd::LENIENT;
use crate::harness::fake_time::FakeTime;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};
use crate::harness::third_party;
use crate::{location, named};

const RULES: &str = "\
[access]
rule = [{ path = \"/admin/**\", policy = \"two-factor\", max_age = \"15m\" }]
";

struct Scene {
    app: App,
    _gate: Gate,
    time: FakeTime,
    alice: Person,
    browser: Browser,
    bob: Browser,
}

/// Somebody signed in twenty minutes ago.
fn twenty_minutes_later() -> Scene {
    let app = App::start();
    let mut gate = Gate::prepared(&format!("{}{LENIENT}{RULES}", app.upstream()));
    let time = FakeTime::in_folder(gate.folder());
    gate.spawn_as(&["serve"], &time.passing());
    let mut browser = gate.browser();
    let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    assert_eq!(browser.get("/admin/x").status, 200);
    let mut bob = gate.browser();
    Person::enrol(&mut bob, "bob", &gate.invite("bob"));
    time.set("+20m");
    Scene {
        app,
        _gate: gate,
        time,
        alice,
        browser,
        bob,
    }
}

#[test]
fn an_old_code_is_asked_for_afresh_and_the_session_goes_on() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let browser = &mut scene.browser;
    assert_eq!(browser.get("/").status, 200);
    let challenge = browser.get("/admin/x?y=1");
    assert_eq!(
        location(&challenge),
        (303, "/_vestibule/second-factor?rd=/admin/x%3Fy%3D1")
    );
    let page = browser.follow(challenge);
    let wrong = browser.submit(&page, &[("code", "000000")]);
    assert_eq!(wrong.status, 403);
    assert_eq!(location(&browser.get("/admin/x")).0, 303);
    let answer = browser.submit(&wrong, &[("code", &scene.alice.backup_codes[0])]);
    assert_eq!(location(&answer), (303, "/admin/x?y=1"));
    assert_eq!(browser.get("/admin/x?y=1").status, 200);
    assert_eq!(named(&scene.app), ["alice"]);
    // A fresh code makes no session young: its life counts from its beginning.
    for minutes in (50..24 * 60).step_by(50) {
        scene.time.set(&format!("+{minutes}m"));
        assert_eq!(browser.get("/").status, 200, "after {minutes} min");
    }
    scene.time.set("+24h1m");
    assert_eq!(location(&browser.get("/")), (303, "/_vestibule/login"));
}

#[test]
fn a_program_hears_that_a_fresh_code_is_needed_and_where() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let reply = scene
        .browser
        .send("POST", "/admin/x", &[("Accept", "application/json")], b"");
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Vestibule realm=\"vestibule\", error=\"step_up_required\"")
    );
    let problem = reply.json();
    assert_eq!(problem["type"], "urn:vestibule:problem:step-up-required");
    assert_eq!(
        problem["login_url"],
        "/_vestibule/second-factor?rd=/admin/x"
    );
}

#[test]
fn a_step_up_dies_with_its_session() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let browser = &mut scene.browser;
    let challenge = browser.get("/admin/x");
    let page = browser.follow(challenge);
    // The same person signs out in another tab, whose cookie this one keeps.
    let session = browser.cookie("vestibule").expect("a session");
    let step = browser.cookie("vestibule-login").expect("a step-up");
    Person::sign_out(browser);
    browser.set_cookie("vestibule", &session);
    browser.set_cookie("vestibule-login", &step);
    let answer = browser.submit(&page, &[("code", &scene.alice.backup_codes[0])]);
    assert!(!answer.begins_a_session(), "{answer:?}");
    assert!(!signed_in(browser));
    // Nor with somebody else's session.
    let other = &mut scene.bob;
    other.set_cookie("vestibule-login", &step);
    let page = other.get(&format!("{PORTAL}/second-factor"));
    let answer = other.submit(&page, &[("code", &scene.alice.backup_codes[1])]);
    assert!(!answer.begins_a_session(), "{answer:?}");
}
