//! A sign-in that never arrives explains itself.

use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person};
use crate::{AUTH_HOST, Dialect, NAVIGATION, Question, Scene};

/// What a page says, with one blank between two words.
fn words(page: &Reply) -> String {
    let text = page.visible_text();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Goes round between the login page and a place that never sees the cookie, as a browser would.
fn round(gate: &Gate, browser: &mut Browser, head: &str) -> (u16, String) {
    let mut last = (0, String::new());
    for _ in 0..10 {
        let answer = crate::exchange(gate.address(), head.as_bytes()).expect("an answer");
        let challenge = Reply::parse("", &answer);
        let login = challenge.header("location").expect("a login page");
        let login = login
            .strip_prefix(&format!("http://{AUTH_HOST}"))
            .expect("on our host");
        let reply = browser.get(login);
        last = (reply.status, reply.visible_text());
        if last.0 != 303 {
            break;
        }
    }
    last
}

fn head(lines: &[(&str, &str)]) -> String {
    let mut head = Question::get("/page?x=1").head(Dialect::ForwardAuth);
    for (name, value) in lines {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

#[test]
fn a_cookie_that_is_for_another_host_is_named_as_the_cause() {
    let rules = "[access]\nrule = [{ host = \"wiki.team.localhost\", policy = \"two-factor\" }]\n";
    let config = format!(
        "public_url = \"http://{AUTH_HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}{rules}"
    );
    let gate = Gate::start(&config);
    let mut browser = Browser::new(gate.address(), AUTH_HOST);
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let (status, text) = round(&gate, &mut browser, &head(NAVIGATION));
    assert_eq!(status, 508);
    for part in ["session.cookie_domain", "wiki.team.localhost", AUTH_HOST] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_cookie_that_does_not_reach_a_host_that_no_rule_names_is_named_as_the_cause() {
    let config = format!(
        "public_url = \"http://{AUTH_HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}"
    );
    let gate = Gate::start(&config);
    let mut browser = Browser::new(gate.address(), AUTH_HOST);
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let (status, text) = round(&gate, &mut browser, &head(NAVIGATION));
    assert_eq!(status, 508);
    for part in ["session.cookie_domain", AUTH_HOST] {
        assert!(text.contains(part), "{text}");
    }
    // Nobody is sent to a host that only a proxy named.
    assert!(!text.contains("wiki.team.localhost"), "{text}");
    gate.wait_for("does not see the sign-in of auth.team.localhost");
    // A sign-in that was not led here by such a host goes home as ever.
    assert_eq!(browser.get(&format!("{PORTAL}/login")).status, 303);
}

#[test]
fn a_proxy_that_keeps_the_cookie_back_is_named_as_the_cause() {
    let scene = Scene::new("");
    let mut browser = scene.browser();
    scene
        .alice
        .sign_in(&mut browser, &scene.alice.backup_codes[0]);
    let (status, text) = round(&scene.gate, &mut browser, &head(NAVIGATION));
    assert_eq!(status, 508);
    assert!(text.contains("allowed_headers"), "{text}");
    // Another place is not held against it.
    let other = format!("{PORTAL}/login?rd=http://other.team.localhost/");
    assert_eq!(browser.get(&other).status, 303);
}

#[test]
fn two_cookies_at_the_place_itself_are_named_as_the_cause() {
    let scene = Scene::new("");
    let mut browser = scene.browser();
    scene
        .alice
        .sign_in(&mut browser, &scene.alice.backup_codes[0]);
    let two = [NAVIGATION, &[("Cookie", "vestibule=x; vestibule=y")]].concat();
    let (status, text) = round(&scene.gate, &mut browser, &head(&two));
    assert_eq!(status, 508);
    for part in ["two sign-in cookies", "session.cookie_name", "vestibule"] {
        assert!(text.contains(part), "{text}");
    }
    // Proxies that hand on what we answer let the browser forget the older one.
    let answer = crate::exchange(scene.gate.address(), head(&two).as_bytes()).expect("an answer");
    let lines = Reply::parse("", &answer).all("set-cookie");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("vestibule=;") && !lines[0].contains("Domain"));
}

#[test]
fn the_front_page_of_a_host_without_an_app_is_the_own_account() {
    let scene = Scene::new("");
    let mut browser = scene.browser();
    let reply = browser.get("/");
    assert_eq!(reply.header("location"), Some("/_vestibule/login"));
    scene
        .alice
        .sign_in(&mut browser, &scene.alice.backup_codes[0]);
    let reply = browser.get("/");
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, Some("/_vestibule/account"))
    );
    assert_eq!(browser.get("/other").status, 404);
    // Which leads nowhere else, for the apps are on other hosts.
    let account = browser.get("/_vestibule/account");
    let text = words(&account);
    assert!(text.contains("all sites of team.localhost"), "{text}");
    assert!(!text.contains("Go to"), "{text}");
}

#[test]
fn the_sign_in_names_the_host_that_it_leads_to() {
    let scene = Scene::new("");
    let shown = |query: &str| {
        let page = format!("{PORTAL}/login{query}");
        words(&scene.browser().get(&page))
    };
    let there = shown("?rd=http://wiki.team.localhost/page");
    assert!(
        there.contains("to continue to wiki.team.localhost"),
        "{there}"
    );
    let here = format!("to continue to {AUTH_HOST}");
    for query in ["", "?rd=/x", "?rd=http://wiki.elsewhere.example/"] {
        let text = shown(query);
        assert!(text.contains(&here), "{query}: {text}");
    }
}

#[test]
fn behind_plain_http_the_way_back_is_where_the_cookie_is_sent() {
    let config = format!(
        "public_url = \"https://{AUTH_HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}\
         [session]\ncookie_domain = \"team.localhost\"\n"
    );
    let gate = Gate::start(&config);
    let answer = crate::exchange(gate.address(), head(NAVIGATION).as_bytes()).expect("an answer");
    let reply = Reply::parse("", &answer);
    let expected =
        format!("https://{AUTH_HOST}{PORTAL}/login?rd=https://wiki.team.localhost/page%3Fx%3D1");
    assert_eq!(reply.header("location"), Some(expected.as_str()));
}
