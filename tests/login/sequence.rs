//! Steps out of order, and what comes with an invitation.

use crate::harness::app::App;
use crate::harness::authenticator::Authenticator;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::{LENIENT, at_once};
use crate::harness::gate::Gate;
use crate::harness::person::{Person, signed_in};
use crate::{
    ENROL, LOGIN, SECOND_FACTOR, SESSION, TRANSACTION, accept, add_with_password, enters, give,
    is_over, lenient, person, recorded, secret, submit_password, thief, wrong_code,
};

#[test]
fn a_code_without_a_password_leads_nowhere() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = browser.get(LOGIN);
    let token = page.form(&["username"]).filled[0].1.clone();
    let body = format!("csrf={token}&code={}", alice.authenticator.code());
    for path in [SECOND_FACTOR, ENROL] {
        let reply = browser.post(path, &body);
        assert!(
            is_over(&reply) && !enters(&reply),
            "{path}: {}",
            reply.text()
        );
    }
    assert_eq!(recorded(&gate, "sequence_fail"), 2);
    assert!(!signed_in(&mut browser));
}

#[test]
fn half_a_sign_in_opens_nothing() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let alice = person(&gate, "alice");
    let mut browser = gate.browser();
    alice.give_password(&mut browser);
    let transaction = browser.cookie(TRANSACTION).expect("a login is under way");
    assert_eq!(browser.get("/").status, 303);
    assert!(!signed_in(&mut browser));
    browser.set_cookie(SESSION, &transaction);
    assert_eq!(browser.get("/").status, 303);
    assert!(!signed_in(&mut browser));
    assert_eq!(app.seen(), []);
}

#[test]
fn a_code_counts_for_whoever_gave_the_password_and_ends_the_old_session() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let mut bob = Person::enrol(&mut browser, "bob", &gate.invite("bob"));
    let bobs = thief(&gate, &browser, &[SESSION]);
    let page = {
        // Signed in, the login page leads on; the form of another tab is still open.
        let mut tab = browser.clone();
        tab.set_cookie(SESSION, "");
        tab.get(LOGIN)
    };
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = browser.submit(&page, &fields);
    let page = browser.follow(answer);
    let refused = browser.submit(&page, &[("code", &bob.authenticator.code())]);
    assert!(!enters(&refused), "bob's code for alice");
    assert!(signed_in(&mut bobs.clone()), "nothing ended yet");
    let answer = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert!(enters(&answer), "{}", answer.text());
    let me = browser.get("/_vestibule/whoami").json();
    assert_eq!(me["username"], "alice");
    assert!(
        !signed_in(&mut bobs.clone()),
        "the old session of this browser"
    );
}

#[test]
fn a_login_is_used_up_by_its_success() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    let mut replay = browser.clone();
    assert!(enters(
        &browser.submit(&page, &[("code", &alice.authenticator.code())])
    ));
    assert_eq!(browser.cookie(TRANSACTION), None);
    let reply = replay.submit(&page, &[("code", &alice.backup_codes[0])]);
    assert!(is_over(&reply), "{}", reply.text());
    assert_eq!(
        replay.cookie(TRANSACTION),
        None,
        "the dead cookie is taken back"
    );
}

#[test]
fn five_wrong_codes_end_a_login() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    let wrong = wrong_code(&alice.authenticator);
    for _ in 0..5 {
        let reply = browser.submit(&page, &[("code", &wrong)]);
        assert!(!is_over(&reply) && reply.status == 403, "{}", reply.text());
    }
    let reply = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert!(is_over(&reply) && !enters(&reply), "{}", reply.text());
    assert_eq!(browser.cookie(TRANSACTION), None);
}

#[test]
fn what_is_no_code_costs_no_try() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    for text in [
        "",
        "12345",
        "1234567",
        "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
        "abc",
        &"1".repeat(200),
    ] {
        let reply = browser.submit(&page, &[("code", text)]);
        assert_eq!(reply.status, 422, "{text:?}");
    }
    let code = alice.authenticator.code();
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert!(enters(&browser.submit(&page, &[("code", &spaced)])));
}

#[test]
fn a_password_alone_binds_no_authenticator() {
    let gate = lenient();
    let password = "a password nobody guesses";
    add_with_password(&gate, "alice", password);
    let mut browser = gate.browser();
    let reply = give(&mut browser, "alice", password);
    assert_eq!((reply.status, reply.sets_a_cookie()), (403, false));
    assert_eq!(browser.get(ENROL).header("location"), Some(LOGIN));
}

#[test]
fn of_two_enrolments_at_once_the_newer_counts() {
    let gate = Gate::start(&format!("{LENIENT}[totp]\nenrolment = \"first-sign-in\"\n"));
    let password = "a password nobody guesses";
    add_with_password(&gate, "alice", password);
    let (mut first, mut second) = (gate.browser(), gate.browser());
    let answer = give(&mut first, "alice", password);
    let older = first.follow(answer);
    let answer = give(&mut second, "alice", password);
    let newer = second.follow(answer);
    assert_ne!(secret(&older), secret(&newer));
    // Whoever came later knows the newer secret: nobody else may be led to scan it.
    let reloaded = first.get(ENROL);
    assert_eq!(reloaded.status, 200);
    assert!(
        !reloaded.text().contains(&secret(&newer)),
        "seen by the first"
    );
    let fresh = Authenticator::new(&secret(&newer)).code();
    let reply = first.submit(&older, &[("code", &fresh)]);
    assert_eq!((reply.status, reply.sets_a_cookie()), (403, false));
    let stale = Authenticator::new(&secret(&older)).code();
    let reply = first.submit(&older, &[("code", &stale)]);
    assert_eq!((reply.status, reply.sets_a_cookie()), (403, false));
    let reply = second.submit(
        &newer,
        &[("code", &Authenticator::new(&secret(&newer)).code())],
    );
    assert_eq!(reply.status, 200, "{}", reply.text());
    // Bound is bound: the first browser cannot bind another one over it.
    let fresh = Authenticator::new(&secret(&newer)).code();
    let reply = first.submit(&older, &[("code", &fresh)]);
    assert!(
        !reply.sets_a_cookie() && reply.status >= 400,
        "{}",
        reply.text()
    );
}

#[test]
fn looking_at_an_invitation_uses_nothing_up() {
    let gate = lenient();
    let link = gate.invite("alice");
    for _ in 0..10 {
        assert_eq!(gate.browser().get(&link).status, 200);
        assert_eq!(gate.browser().send("HEAD", &link, &[], b"").status, 200);
    }
    assert_eq!(
        accept(&mut gate.browser(), &link).header("location"),
        Some(ENROL)
    );
}

#[test]
fn an_invitation_is_accepted_once_under_concurrency() {
    let gate = lenient();
    let link = gate.invite("alice");
    let visits = visits(&gate, &link, 16);
    let answers = at_once(visits.len(), |index| {
        let (browser, page) = &visits[index];
        submit_password(&mut browser.clone(), page)
    });
    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|reply| reply.status == 303);
    assert_eq!(accepted.len(), 1);
    for reply in refused {
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (404, false),
            "{}",
            reply.text()
        );
    }
}

/// Browsers that all look at the same page.
fn visits(gate: &Gate, path: &str, number: usize) -> Vec<(Browser, Reply)> {
    let visit = |_| {
        let mut browser = gate.browser();
        let page = browser.get(path);
        (browser, page)
    };
    (0..number).map(visit).collect()
}

#[test]
fn an_invitation_ends_the_login_that_was_under_way() {
    let gate = lenient();
    let mallory = person(&gate, "mallory");
    let mut browser = gate.browser();
    mallory.give_password(&mut browser);
    let planted = browser.clone();
    assert_eq!(planted.clone().get(SECOND_FACTOR).status, 200);
    let answer = accept(&mut browser, &gate.invite("alice"));
    assert_eq!(answer.header("location"), Some(ENROL));
    assert_eq!(planted.clone().get(SECOND_FACTOR).status, 303);
}

#[test]
fn ten_wrong_codes_drop_a_shown_secret() {
    let gate = lenient();
    let mut browser = gate.browser();
    let answer = accept(&mut browser, &gate.invite("alice"));
    let page = browser.follow(answer);
    let shown = secret(&page);
    let mut authenticator = Authenticator::new(&shown);
    let wrong = wrong_code(&authenticator);
    for _ in 0..10 {
        assert_eq!(browser.submit(&page, &[("code", &wrong)]).status, 403);
    }
    let reply = browser.submit(&page, &[("code", &authenticator.code())]);
    assert_eq!(
        (reply.status, reply.sets_a_cookie()),
        (403, false),
        "{}",
        reply.text()
    );
    assert!(
        !browser.get(ENROL).text().contains(&shown),
        "the old secret is never shown again"
    );
}

#[test]
fn nobody_brings_a_secret_along() {
    let gate = lenient();
    let mut browser = gate.browser();
    let answer = accept(&mut browser, &gate.invite("alice"));
    let page = browser.follow(answer);
    let csrf = page.form(&["code"]).filled[0].1.clone();
    let mut own = Authenticator::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let body = format!(
        "csrf={csrf}&code={}&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        own.code()
    );
    let reply = browser.post(ENROL, &body);
    assert_eq!(
        (reply.status, reply.sets_a_cookie()),
        (400, false),
        "{}",
        reply.text()
    );
    assert_eq!(secret(&browser.get(ENROL)), secret(&page));
}

#[test]
fn the_old_cookie_is_dead_after_each_step() {
    let gate = lenient();
    let mut browser = gate.browser();
    let link = gate.invite("alice");
    let answer = accept(&mut browser, &link);
    let page = browser.follow(answer);
    assert_eq!(gate.browser().get(&link).status, 404, "the link");
    let enrolling = browser.clone();
    let mut authenticator = Authenticator::new(&secret(&page));
    let page = browser.submit(&page, &[("code", &authenticator.code())]);
    assert_ne!(browser.cookie(TRANSACTION), enrolling.cookie(TRANSACTION));
    assert_eq!(enrolling.clone().get(ENROL).status, 403, "the enrolment");
    let keeping = browser.clone();
    let reply = browser.submit(&page, &[("kept", "yes")]);
    assert!(enters(&reply), "{}", reply.text());
    assert!(
        is_over(&keeping.clone().submit(&page, &[("kept", "yes")])),
        "the codes"
    );
    assert_eq!(keeping.clone().get(ENROL).status, 403, "the codes");
    // A second password ends the login that the first one began.
    let alice = ("alice", "a password nobody guesses");
    let mut browser = gate.browser();
    give(&mut browser, alice.0, alice.1);
    let first = browser.clone();
    give(&mut browser, alice.0, alice.1);
    assert_ne!(browser.cookie(TRANSACTION), first.cookie(TRANSACTION));
    assert_eq!(
        first.clone().get(SECOND_FACTOR).status,
        303,
        "the first password"
    );
}
