//! Forms that other sites, tabs and people fill in.

use crate::harness::HOST;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{Person, signed_in};
use crate::{
    LOGIN, LOGOUT, SECOND_FACTOR, SESSION, TRANSACTION, enters, lenient, person, recorded,
};

#[test]
fn the_token_of_a_form_is_good_for_its_step_and_its_browser() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let (mut browser, mut other) = (gate.browser(), gate.browser());
    let token = |page: &Reply, field| page.form(&[field]).filled[0].1.clone();
    let login = token(&browser.get(LOGIN), "username");
    let foreign = token(&other.get(LOGIN), "username");
    let attempt = |browser: &mut Browser, csrf: &str| {
        let password = alice.password.replace(' ', "+");
        browser.post(
            LOGIN,
            &format!("csrf={csrf}&username=alice&password={password}"),
        )
    };
    for bad in ["", "x", &foreign, &login[..20], &login.to_uppercase()] {
        let reply = attempt(&mut browser, bad);
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (403, false),
            "{bad:?}"
        );
    }
    assert_eq!(
        attempt(&mut browser, &login).header("location"),
        Some(SECOND_FACTOR)
    );
    let second = token(&browser.get(SECOND_FACTOR), "code");
    let code = alice.authenticator.code();
    for bad in [&login, &foreign, &String::new()] {
        let reply = browser.post(SECOND_FACTOR, &format!("csrf={bad}&code={code}"));
        assert_eq!((reply.status, enters(&reply)), (403, false), "{bad:?}");
    }
    let reply = browser.post(SECOND_FACTOR, &format!("csrf={second}&code={code}"));
    assert!(enters(&reply), "{}", reply.text());
    for old in [&login, &second] {
        assert_eq!(browser.post(LOGOUT, &format!("csrf={old}")).status, 403);
    }
    assert!(signed_in(&mut browser));
    assert_eq!(recorded(&gate, "malicious_csrf"), 10);
}

/// What browsers say of a form that another site sends.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
    &[
        ("Origin", "http://evil.app.localhost"),
        ("Sec-Fetch-Site", "same-site"),
    ],
    &[("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
    &[("Origin", "null")],
    &[("Origin", "http://app.localhost:8080")],
    &[("Sec-Fetch-Site", "cross-site")],
];

/// Sends a form as another site makes the browser send it.
fn send_from(browser: &mut Browser, path: &str, body: &str, lines: &[(&str, &str)]) -> Reply {
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let lines = [&kind, lines].concat();
    browser.send("POST", path, &lines, body.as_bytes())
}

#[test]
fn a_form_of_another_site_signs_nobody_in() {
    let gate = lenient();
    let mallory = person(&gate, "mallory");
    // The attacker planted a cookie of their own, for which they have a token.
    let mut victim = gate.browser();
    let csrf = victim.get(LOGIN).form(&["username"]).filled[0].1.clone();
    let password = mallory.password.replace(' ', "+");
    let body = format!("csrf={csrf}&username=mallory&password={password}");
    for lines in FOREIGN {
        let reply = send_from(&mut victim, LOGIN, &body, lines);
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (403, false),
            "{lines:?}"
        );
    }
    assert_eq!(recorded(&gate, "malicious_csrf"), FOREIGN.len());
    // Old browsers say nothing: there the token alone decides.
    let reply = send_from(&mut victim, LOGIN, &body, &[]);
    assert_eq!(reply.header("location"), Some(SECOND_FACTOR));
}

#[test]
fn a_form_of_another_site_signs_nobody_out() {
    let gate = lenient();
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    for lines in FOREIGN {
        let reply = send_from(&mut browser.clone(), LOGOUT, "", lines);
        assert_eq!(
            (reply.status, reply.all("set-cookie").len()),
            (403, 0),
            "{lines:?}"
        );
        // `SameSite=Lax` cookies stay at home when another site sends a form.
        let mut without = browser.clone();
        without.set_cookie(SESSION, "");
        let reply = send_from(&mut without, LOGOUT, "", lines);
        let taken: Vec<String> = reply.all("set-cookie");
        assert!(
            !taken.iter().any(|line| line.starts_with("vestibule=;")),
            "{lines:?}: {taken:?}"
        );
    }
    assert!(signed_in(&mut browser));
}

#[test]
fn a_form_of_another_site_ends_no_login_under_way() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let mut browser = gate.browser();
    alice.give_password(&mut browser);
    // `SameSite=Strict` cookies stay at home.
    browser.set_cookie(TRANSACTION, "");
    for path in [LOGIN, SECOND_FACTOR, "/_vestibule/enrol", LOGOUT] {
        for lines in FOREIGN {
            let reply = send_from(&mut browser.clone(), path, "code=123456", lines);
            let taken = reply.all("set-cookie");
            assert!(
                !taken.iter().any(|line| line.contains("Max-Age=0")),
                "{path}: {taken:?}"
            );
        }
    }
}

#[test]
fn signing_out_asks_first() {
    let gate = lenient();
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    for method in ["GET", "HEAD"] {
        let reply = browser.send(method, LOGOUT, &[], b"");
        assert_eq!((reply.status, reply.all("set-cookie").len()), (200, 0));
    }
    assert!(signed_in(&mut browser));
    let stolen = browser.clone();
    Person::sign_out(&mut browser);
    assert_eq!(browser.cookie(SESSION), None);
    assert!(
        !signed_in(&mut stolen.clone()),
        "{HOST} still knows the cookie"
    );
}

#[test]
fn no_password_is_taken_over_plain_http_where_tls_is_meant() {
    let config = format!("public_url = \"https://{HOST}\"\n{LENIENT}");
    let gate = Gate::start(&config);
    let invitation = gate.invite("alice");
    // Whoever is no trusted proxy cannot say that it was encrypted before.
    for mut browser in [gate.browser(), gate.browser().over_tls()] {
        for path in [LOGIN, SECOND_FACTOR, LOGOUT, &invitation] {
            for reply in [
                browser.get(path),
                browser.post(path, "username=a&password=b"),
            ] {
                let fixed = (reply.status, reply.all("set-cookie").len());
                assert_eq!(fixed, (403, 0), "{path}: {}", reply.text());
                assert!(!reply.text().contains("<form"), "{path}");
            }
        }
    }
}
