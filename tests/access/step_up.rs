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
    scene.time.set("+1441m");
    assert_eq!(location(&browser.get("/")), (303, "/_vestibule/login"));
}

#[test]
fn a_program_hears_that_a_fresh_code_is_needed_and_where() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let script = [("Sec-Fetch-Mode", "cors"), ("Accept", "application/json")];
    let reply = scene.browser.send("POST", "/admin/x", &script, b"");
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
    let first = browser.follow(challenge);
    let page = browser.submit(&first, &[("code", "000000")]);
    // The same person signs out in another tab, whose cookie this one keeps.
    let session = browser.cookie("vestibule").expect("a session");
    let step = browser.cookie("vestibule-login").expect("a step-up");
    Person::sign_out(browser);
    browser.set_cookie("vestibule", &session);
    browser.set_cookie("vestibule-login", &step);
    for form in [page, first] {
        let answer = browser.submit(&form, &[("code", &scene.alice.backup_codes[0])]);
        assert!(!answer.begins_a_session(), "{answer:?}");
        assert!(!signed_in(browser));
    }
    // Nor with somebody else's session.
    let other = &mut scene.bob;
    other.set_cookie("vestibule-login", &step);
    let page = other.get(&format!("{PORTAL}/second-factor"));
    let answer = other.submit(&page, &[("code", &scene.alice.backup_codes[1])]);
    assert!(!answer.begins_a_session(), "{answer:?}");
}

#[test]
fn a_visit_that_other_sites_begin_keeps_nothing_and_uses_nothing_up() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let browser = &mut scene.browser;
    let link = format!("{PORTAL}/second-factor?rd=/admin/x%3Fy%3D1");
    // More often than step-ups may begin; and a login cookie would not come along.
    for _ in 0..40 {
        let page = browser.get(&link);
        assert_eq!(page.status, 200);
        assert_eq!(browser.cookie("vestibule-login"), None);
    }
    // The other way to give a code leads back to the same place.
    let page = browser.get(&link);
    assert!(
        page.text().contains("with=backup&amp;rd=/admin/x%3Fy%3D1"),
        "{}",
        page.text()
    );
    let page = browser.get(&format!(
        "{PORTAL}/second-factor?with=backup&rd=/admin/x%3Fy%3D1"
    ));
    let wrong = browser.submit(&page, &[("code", "AAAA-AAAA-AAAA-AAAA")]);
    assert!([403, 422].contains(&wrong.status), "{wrong:?}");
    // A form that was shown before the wrong code is as good as the one behind it.
    for form in [&page, &wrong] {
        let again = browser.submit(form, &[("code", "000000")]);
        assert_eq!(again.status, 403, "{again:?}");
    }
    let answer = browser.submit(&page, &[("code", &scene.alice.backup_codes[0])]);
    assert_eq!(location(&answer), (303, "/admin/x?y=1"));
    assert_eq!(browser.get("/admin/x?y=1").status, 200);
}

#[test]
fn a_code_for_a_step_up_leads_nowhere_else() {
    if !third_party() {
        return;
    }
    let mut scene = twenty_minutes_later();
    let browser = &mut scene.browser;
    let page = browser.get(&format!("{PORTAL}/second-factor?rd=/admin/x"));
    let code = &scene.alice.backup_codes[0];
    let answer = browser.submit(&page, &[("code", code), ("rd", "https://evil.example/")]);
    assert_eq!(location(&answer), (303, "/"));
    // The form was for the session before.
    let stale = browser.submit(&page, &[("code", &scene.alice.backup_codes[1])]);
    assert!(!stale.begins_a_session(), "{stale:?}");
}
