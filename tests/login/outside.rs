//! What an outsider tries beside guessing: other gates' cookies, claims of a browser, dead marks.

use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};
use crate::{
    ENROL, LOGIN, LOGOUT, SECOND_FACTOR, SESSION, TRANSACTION, command, enters, give, lenient,
    person,
};

const DEVICE: &str = "vestibule-device";
const SEED: &str = "vestibule-csrf";

#[test]
fn the_cookies_of_another_gate_are_nobodys() {
    let app = App::start();
    let one_try = LENIENT.replace(
        "free_attempts = 100\ndelay = \"1s\"",
        "free_attempts = 1\ndelay = \"1h\"",
    );
    let ours = Gate::start(&(app.upstream() + &one_try));
    let theirs = Gate::start(&(app.upstream() + LENIENT));
    let mut alice = person(&ours, "alice");
    let mut browser = theirs.browser();
    let twin = Person::enrol(&mut browser, "alice", &theirs.invite("alice"));
    let mut half = theirs.browser();
    let page = twin.give_password(&mut half);
    let moved = |browser: &Browser| browser.clone().moved_to(ours.address());
    assert!(!signed_in(&mut moved(&browser)));
    assert_eq!(moved(&browser).get("/").status, 303);
    let code = alice.authenticator.code();
    let reply = moved(&half).submit(&page, &[("code", &code)]);
    assert_eq!((reply.status, enters(&reply)), (403, false));
    // Their mark makes their browser no known one here.
    let mut stranger = moved(&browser);
    stranger.set_cookie(SESSION, "");
    assert_eq!(give(&mut ours.browser(), "alice", "wrong").status, 403);
    assert_eq!(give(&mut stranger, "alice", &alice.password).status, 429);
    assert_eq!(app.seen(), []);
}

#[test]
fn a_revocation_makes_every_browser_a_stranger_again() {
    let gate = lenient();
    let mut browser = gate.browser();
    let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    browser.set_cookie(SESSION, "");
    let try_known = |browser: &Browser| {
        let reply = give(&mut browser.clone(), "alice", &alice.password);
        reply.header("location") == Some(SECOND_FACTOR)
    };
    for _ in 0..100 {
        give(&mut gate.browser(), "alice", "wrong");
    }
    assert!(try_known(&browser), "counted apart");
    command(&gate, &["user", "sign-out", "alice"]);
    assert!(!try_known(&browser), "a stranger like all others");
}

/// What browsers and others say of where a request comes from and what it is for.
const SITES: [&str; 6] = ["", "same-origin", "same-site", "cross-site", "none", "x"];
const MODES: [&str; 6] = [
    "",
    "navigate",
    "cors",
    "no-cors",
    "same-origin",
    "websocket",
];
const DESTS: [&str; 6] = ["", "document", "iframe", "empty", "script", "serviceworker"];

fn combinations() -> impl Iterator<Item = [&'static str; 3]> {
    let pairs = SITES
        .into_iter()
        .flat_map(|site| MODES.map(|mode| (site, mode)));
    pairs.flat_map(|(site, mode)| DESTS.map(|dest| [site, mode, dest]))
}

/// A bare request with these claims and the cookies of `browser`.
fn claim(browser: &Browser, method: &str, path: &str, claims: [&str; 3], body: &str) -> Reply {
    let names = ["Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"];
    let mut message = format!(
        "{method} {path} HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nAccept: text/html\r\n"
    );
    let lines = names.into_iter().zip(claims);
    for (name, value) in lines.filter(|(_, value)| !value.is_empty()) {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    let cookies = browser.cookie_header();
    if !cookies.is_empty() {
        message.push_str(&format!("Cookie: {cookies}\r\n"));
    }
    if method == "POST" {
        message.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        message.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let message = format!("{message}\r\n{body}");
    let answer = crate::harness::browser::exchange(browser.address(), message.as_bytes());
    Reply::parse(path, &answer.expect("the gate answers"))
}

#[test]
fn what_a_browser_claims_of_a_request_never_opens_anything() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let nobody = gate.browser();
    for claims in combinations() {
        let status = claim(&nobody, "GET", "/", claims, "").status;
        assert!([303, 401].contains(&status), "{claims:?}: {status}");
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn only_a_form_of_this_site_in_a_window_of_its_own_signs_in() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let csrf = browser.get(LOGIN).form(&["username"]).filled[0].1.clone();
    let password = alice.password.replace(' ', "+");
    let body = format!("csrf={csrf}&username=alice&password={password}");
    let mut taken = vec![];
    for claims in combinations() {
        let reply = claim(&browser, "POST", LOGIN, claims, &body);
        let expected = if reply.header("location") == Some(SECOND_FACTOR) {
            taken.push(claims);
            303
        } else {
            403
        };
        assert_eq!(reply.status, expected, "{claims:?}");
    }
    let sites = ["", "same-origin", "none"].into_iter();
    let expected: Vec<_> = sites
        .flat_map(|site| ["", "navigate"].map(|mode| (site, mode)))
        .flat_map(|(site, mode)| ["", "document"].map(|dest| [site, mode, dest]))
        .collect();
    assert_eq!(taken, expected);
}

#[test]
fn odd_methods_get_nobody_anywhere() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    for method in [
        "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL", "QUERY", "PURGE", "get", "Post",
        "GETT", "X",
    ] {
        for path in [
            LOGIN,
            SECOND_FACTOR,
            ENROL,
            LOGOUT,
            "/",
            "/_vestibule/whoami",
        ] {
            let reply = gate.browser().send(method, path, &[], b"");
            assert!(
                (400..=501).contains(&reply.status) && !reply.sets_a_cookie(),
                "{method} {path}: {}",
                reply.status
            );
        }
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn a_jar_full_of_planted_cookies_signs_nobody_in_and_out() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut mallory = gate.browser();
    Person::enrol(&mut mallory, "mallory", &gate.invite("mallory"));
    let mut victim = gate.browser();
    for name in [SESSION, TRANSACTION, DEVICE, SEED] {
        let planted = mallory.cookie(name).unwrap_or_else(|| "A".repeat(43));
        victim.set_cookie(name, &planted);
    }
    // The planted session shows whose it is, and another sign-in ends it.
    let page = {
        let mut tab = victim.clone();
        tab.set_cookie(SESSION, "");
        tab.get(LOGIN)
    };
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = victim.submit(&page, &fields);
    let page = victim.follow(answer);
    assert!(enters(
        &victim.submit(&page, &[("code", &alice.authenticator.code())])
    ));
    let me = victim.get(&format!("{PORTAL}/whoami")).json();
    assert_eq!(me["username"], "alice");
    assert!(!signed_in(&mut mallory), "the planted session");
}
