//! Sessions: whose cookie counts, and what ends it.

use std::time::{Duration, Instant};

use crate::harness::HOST;
use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::{LENIENT, at_once};
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};
use crate::{
    ENROL, LOGIN, SECOND_FACTOR, SESSION, accept, command, enters, give, lenient, logins, person,
};

/// The cookies of an answer with their values left out, in order.
fn cookies(reply: &Reply) -> Vec<String> {
    let lines = reply.all("set-cookie").into_iter();
    lines
        .map(|line| {
            let (name, rest) = line.split_once('=').expect("a cookie has a name");
            let (value, attributes) = rest.split_once(';').expect("it has attributes");
            let value = if value.is_empty() { "" } else { "?" };
            format!("{name}={value};{attributes}")
        })
        .collect()
}

/// Walks from the invitation to the session and the sign-out, and collects every cookie line.
fn cookies_of_a_life(mut browser: Browser, link: &str) -> Vec<Vec<String>> {
    let page = browser.get(link);
    let mut lines = vec![cookies(&page)];
    let answer = crate::submit_password(&mut browser, &page);
    lines.push(cookies(&answer));
    let page = browser.follow(answer);
    let mut authenticator =
        crate::harness::authenticator::Authenticator::new(&crate::secret(&page));
    let page = browser.submit(&page, &[("code", &authenticator.code())]);
    lines.push(cookies(&page));
    lines.push(cookies(&browser.submit(&page, &[("kept", "yes")])));
    let page = browser.get(&format!("{PORTAL}/logout"));
    lines.push(cookies(&browser.submit(&page, &[])));
    lines
}

#[test]
fn cookies_over_tls_are_bound_to_their_host() {
    let config =
        format!("public_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}");
    let gate = Gate::start(&config);
    let common = "HttpOnly; SameSite=Lax; Secure; Path=/";
    let strict = "HttpOnly; SameSite=Strict; Secure; Path=/";
    let expected = [
        vec![format!("__Host-vestibule-csrf=?; {common}")],
        vec![format!("__Host-vestibule-login=?; {strict}")],
        vec![format!("__Host-vestibule-login=?; {strict}")],
        vec![
            format!("__Host-vestibule=?; {common}"),
            format!("__Host-vestibule-device=?; {common}; Max-Age=7776000"),
            format!("__Host-vestibule-login=; {strict}; Max-Age=0; Expires="),
        ],
        vec![format!("__Host-vestibule=; {common}; Max-Age=0; Expires=")],
    ];
    let mut lines = cookies_of_a_life(gate.browser().over_tls(), &gate.invite("alice"));
    without_dates(&mut lines);
    assert_eq!(lines, expected);
}

#[test]
fn cookies_over_plain_http_have_plain_names() {
    let gate = lenient();
    let lines = cookies_of_a_life(gate.browser(), &gate.invite("alice"));
    for line in lines.iter().flatten() {
        assert!(
            line.starts_with("vestibule") && !line.contains("Secure"),
            "{line}"
        );
        assert!(
            line.contains("; HttpOnly; SameSite=") && line.contains("; Path=/"),
            "{line}"
        );
        assert!(!line.contains("Domain"), "{line}");
    }
}

#[test]
fn a_shared_sign_in_shares_nothing_else() {
    let config = format!(
        "public_url = \"https://auth.example.test\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}[session]\ncookie_domain = \"example.test\"\n"
    );
    let gate = Gate::start(&config);
    let browser = Browser::new(gate.address(), "auth.example.test").over_tls();
    let lines = cookies_of_a_life(browser, &gate.invite("alice"));
    // What a browser may have kept from before is taken back.
    let older = ["vestibule=; HttpOnly", "vestibule-device=; HttpOnly"];
    let is_older = |line: &&String| {
        older.iter().any(|start| line.starts_with(start)) && !line.contains("Domain")
    };
    assert_eq!(lines.iter().flatten().filter(is_older).count(), 2);
    for line in lines.iter().flatten().filter(|line| !is_older(line)) {
        let name = line.split('=').next().unwrap_or_default();
        let shared = ["vestibule", "vestibule-device"].contains(&name);
        assert_eq!(line.contains("Domain=example.test"), shared, "{line}");
        assert_eq!(name.starts_with("__Host-"), !shared, "{line}");
        assert!(line.contains("; Secure"), "{line}");
    }
}

fn without_dates(lines: &mut [Vec<String>]) {
    for line in lines.iter_mut().flatten() {
        if let Some(at) = line.find("Expires=") {
            line.truncate(at + "Expires=".len());
        }
    }
}

#[test]
fn a_planted_session_ends_when_its_victim_signs_in() {
    let gate = lenient();
    let mut attacker = gate.browser();
    Person::enrol(&mut attacker, "mallory", &gate.invite("mallory"));
    let mut alice = person(&gate, "alice");
    let mut victim = gate.browser();
    let page = alice.give_password(&mut victim);
    let planted = attacker.cookie(SESSION).expect("signed in");
    victim.set_cookie(SESSION, &planted);
    assert!(enters(
        &victim.submit(&page, &[("code", &alice.authenticator.code())])
    ));
    assert_ne!(victim.cookie(SESSION), Some(planted));
    assert!(!signed_in(&mut attacker), "the planted session");
}

/// Cookie lines that are no session, made of one that lives, another one and the rest of its jar.
fn tossed(good: &str, other: &str, device: &str) -> Vec<String> {
    let half = |token: &str, at: usize| token.split('.').nth(at).unwrap_or_default().to_owned();
    vec![
        format!("vestibule={good}; vestibule={other}"),
        format!("vestibule={good}; vestibule={good}"),
        format!("vestibule=x; vestibule={good}"),
        format!("vestibule={good}; vestibule="),
        format!("Vestibule={good}"),
        format!("VESTIBULE={good}"),
        format!("__Host-vestibule={good}"),
        format!("=vestibule={good}"),
        format!("vestibule%3D{good}"),
        format!("vestibul%65={good}"),
        format!("vestibule=\"{good}\""),
        format!("vestibule={good}x"),
        format!("vestibule={}", &good[..good.len() - 1]),
        format!("vestibule={}", good.to_uppercase()),
        format!("vestibule=v1.{good}"),
        format!("vestibule={}.{}", half(other, 0), half(good, 1)),
        format!("vestibule={}.{}", half(good, 0), half(other, 1)),
        format!("vestibule={}.", half(good, 0)),
        format!("vestibule=.{}", half(good, 1)),
        format!("vestibule={device}"),
        format!("vestibule-device={good}"),
        format!("vestibule-login={good}"),
        format!("vestibule-csrf={good}"),
        format!("a=b, vestibule={good}"),
        "vestibule=".to_owned(),
        "vestibule".to_owned(),
        format!("vestibule={}", "A".repeat(good.len())),
    ]
}

#[test]
fn only_the_exact_cookie_once_is_a_session() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let (mut browser, mut other) = (gate.browser(), gate.browser());
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    Person::enrol(&mut other, "bob", &gate.invite("bob"));
    let value = |browser: &Browser, name| browser.cookie(name).expect("signed in");
    let (good, bobs) = (value(&browser, SESSION), value(&other, SESSION));
    let device = value(&browser, "vestibule-device");
    let ask = |lines: &[(&str, &str)], path: &str| {
        let reply = gate.browser().send("GET", path, lines, b"");
        reply.status
    };
    let whoami = "/_vestibule/whoami";
    assert_eq!(
        ask(&[("Cookie", &format!("vestibule={good}"))], whoami),
        200
    );
    for line in tossed(&good, &bobs, &device) {
        assert_eq!(ask(&[("Cookie", &line)], whoami), 401, "{line}");
        assert_eq!(ask(&[("Cookie", &line)], "/"), 303, "{line}");
    }
    let lines = [&good, &bobs].map(|value| format!("vestibule={value}"));
    let two_lines = lines.each_ref().map(|line| ("Cookie", line.as_str()));
    assert_eq!(ask(&two_lines, whoami), 401, "two lines");
    assert_eq!(app.seen(), []);
}

#[test]
fn a_session_is_taken_from_its_cookie_alone() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let token = browser.cookie(SESSION).expect("signed in");
    browser.get("/");
    let assertion = app.seen()[0].all("x-vestibule-assertion")[0].to_owned();
    for credential in [token, assertion] {
        let basic = data_encoding::BASE64.encode(format!("alice:{credential}").as_bytes());
        for (name, value) in [
            ("Authorization", format!("Bearer {credential}")),
            ("Authorization", format!("Basic {basic}")),
            ("Authorization", format!("Vestibule {credential}")),
            ("Proxy-Authorization", format!("Bearer {credential}")),
            ("X-Vestibule-Assertion", credential.clone()),
            ("Remote-User", "alice".to_owned()),
            ("X-Session", credential.clone()),
        ] {
            let lines = [(name, value.as_str())];
            let reply = gate.browser().send("GET", "/", &lines, b"");
            assert_eq!(reply.status, 303, "{name}");
        }
        for name in ["vestibule", "token", "session", "access_token", "jwt"] {
            let reply = gate.browser().get(&format!("/?{name}={credential}"));
            assert_eq!(reply.status, 303, "{name}");
        }
    }
    assert_eq!(app.seen().len(), 1);
}

/// Asks as the session of `browser` without changing it.
fn lives(browser: &Browser) -> bool {
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let known = signed_in(&mut one);
    assert_eq!(two.get("/").status == 303, !known, "page and app agree");
    known
}

#[test]
fn whatever_ends_a_session_ends_it_with_the_next_request() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    for (name, arguments) in [
        ("sign-out", vec!["user", "sign-out"]),
        ("disable", vec!["user", "disable"]),
        ("reset", vec!["user", "reset-2fa"]),
        ("remove", vec!["user", "remove"]),
    ] {
        let mut browser = gate.browser();
        let mut person = Person::enrol(&mut browser, name, &gate.invite(name));
        let mut half = gate.browser();
        let page = person.give_password(&mut half);
        assert!(lives(&browser), "{name}");
        let arguments = [arguments, vec![name]].concat();
        command(&gate, &arguments);
        assert!(!lives(&browser), "{arguments:?}");
        let reply = half.submit(&page, &[("code", &person.authenticator.code())]);
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (403, false),
            "{arguments:?}: half a login"
        );
    }
}

#[test]
fn a_new_password_ends_the_sessions_and_logins_of_the_old_one() {
    let gate = lenient();
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let mut half = gate.browser();
    let page = alice.give_password(&mut half);
    let arguments = ["user", "passwd", "alice", "--password-stdin"];
    let changed = gate
        .commands()
        .run(&arguments, "another long secret phrase");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(!signed_in(&mut browser));
    assert!(!enters(
        &half.submit(&page, &[("code", &alice.authenticator.code())])
    ));
    assert_eq!(
        give(&mut gate.browser(), "alice", &alice.password).status,
        403
    );
    let reply = give(&mut gate.browser(), "alice", "another long secret phrase");
    assert_eq!(reply.header("location"), Some(SECOND_FACTOR));
}

#[test]
fn disabling_somebody_ends_what_they_had_begun() {
    let gate = lenient();
    let link = gate.invite("alice");
    let mut enrolling = gate.browser();
    assert_eq!(
        accept(&mut enrolling, &link).header("location"),
        Some(ENROL)
    );
    let mut keeping = gate.browser();
    let (_, codes) = Person::enrol_to_codes(&mut keeping, "bob", &gate.invite("bob"));
    let invited = gate.invite("carol");
    for name in ["alice", "bob", "carol"] {
        command(&gate, &["user", "disable", name]);
    }
    assert_eq!(enrolling.get(ENROL).status, 403, "the enrolment");
    let reply = keeping.submit(&codes, &[("kept", "yes")]);
    assert_eq!((reply.status, enters(&reply)), (403, false), "the codes");
    assert_eq!(gate.browser().get(&invited).status, 404, "the invitation");
    for name in ["alice", "bob", "carol"] {
        command(&gate, &["user", "enable", name]);
    }
    assert_eq!(
        gate.browser().get(&invited).status,
        404,
        "the invitation, enabled again"
    );
    assert_ne!(
        enrolling.get(ENROL).status,
        200,
        "the enrolment, enabled again"
    );
}

#[test]
fn one_revoked_session_ends_alone() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let (mut first, mut second) = (gate.browser(), gate.browser());
    let alice = Person::enrol(&mut first, "alice", &gate.invite("alice"));
    assert!(alice.sign_in(&mut second, &alice.backup_codes[0]));
    let id = |browser: &Browser| {
        let me = browser.clone().get("/_vestibule/whoami").json();
        me["sid"].as_str().expect("a session has a name").to_owned()
    };
    let (revoked, kept) = (id(&first), id(&second));
    let listed = gate.cli(&["session", "list", "--json"]).stdout;
    assert!(
        listed.contains(&revoked) && listed.contains(&kept),
        "{listed}"
    );
    for cookie in [&first, &second].map(|browser| browser.cookie(SESSION)) {
        let token = cookie.expect("signed in");
        let secret = token.split('.').nth(1).expect("two parts").to_owned();
        assert!(!listed.contains(&secret), "a token is listed");
        assert!(!gate.output().contains(&secret), "a token is logged");
    }
    command(&gate, &["session", "revoke", &revoked]);
    assert!(!lives(&first) && lives(&second));
}

#[test]
fn the_oldest_of_too_many_sessions_ends() {
    let gate = Gate::start(&format!("{LENIENT}[session]\nmax_per_user = 2\n"));
    let mut first = gate.browser();
    let alice = Person::enrol(&mut first, "alice", &gate.invite("alice"));
    let (mut second, mut third) = (gate.browser(), gate.browser());
    // Age counts in seconds.
    let born = Instant::now();
    while born.elapsed() < Duration::from_secs(1) {
        assert!(signed_in(&mut first));
    }
    assert!(alice.sign_in(&mut second, &alice.backup_codes[0]));
    assert!(signed_in(&mut first) && signed_in(&mut second));
    assert!(alice.sign_in(&mut third, &alice.backup_codes[1]));
    let live = [first, second, third].map(|mut browser| signed_in(&mut browser));
    assert_eq!(live, [false, true, true]);
}

#[test]
fn no_number_of_sign_ins_at_once_makes_too_many_sessions() {
    let gate = Gate::start(&format!("{LENIENT}[session]\nmax_per_user = 2\n"));
    let alice = person(&gate, "alice");
    let ready = logins(&gate, &alice, 10, 1);
    let entered = at_once(ready.len(), |index| {
        let (mut browser, page) = ready[index].clone();
        enters(&browser.submit(&page, &[("code", &alice.backup_codes[index])]))
    });
    assert_eq!(entered, [true; 10]);
    let listed = gate.cli(&["session", "list", "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("an answer in JSON");
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_signed_out_session_stays_out() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let replay = browser.clone();
    assert!(lives(&replay));
    Person::sign_out(&mut browser);
    assert!(!lives(&replay));
    assert_eq!(
        replay.clone().get(LOGIN).status,
        200,
        "the login page asks again"
    );
}
