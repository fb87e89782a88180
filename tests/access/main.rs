//! Access rules, as visitors meet them: who is asked for what, and what the app learns.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod hosts;
mod nowhere;
mod step_up;
mod twice;

use harness::HOST;
use harness::app::App;
use harness::browser::{Browser, Reply};
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::websocket::WebSocket;

/// An app behind a gate with these rules, and somebody who has an account there.
pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) gate: Gate,
    pub(crate) alice: Person,
}

impl Scene {
    pub(crate) fn new(rules: &str) -> Self {
        let app = App::start();
        let gate = Gate::start(&format!("{}{LENIENT}{rules}", app.upstream()));
        let alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
        Self { app, gate, alice }
    }

    /// Follows a challenge to the login page and gives the password there; the answer is that of the gate.
    pub(crate) fn give_password(&self, browser: &mut Browser, path: &str) -> Reply {
        let challenge = browser.get(path);
        let page = browser.follow(challenge);
        let fields = [
            ("username", self.alice.name.as_str()),
            ("password", &self.alice.password),
        ];
        browser.submit(&page, &fields)
    }
}

/// Where an answer leads.
pub(crate) fn location(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.header("location").unwrap_or_default())
}

/// Who the app takes the sender of its newest request for.
pub(crate) fn named(app: &App) -> Vec<String> {
    let seen = app.seen().pop().expect("a request arrived");
    seen.all("remote-user")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

const ONE_FACTOR: &str = "\
[access]
rule = [
    { path = \"/wiki/**\", policy = \"one-factor\" },
    { path = \"/open/**\", policy = \"bypass\" },
]
";

#[test]
fn a_password_is_enough_where_one_factor_is_asked_for_and_nowhere_else() {
    let mut scene = Scene::new(ONE_FACTOR);
    let mut browser = scene.gate.browser();
    let answer = scene.give_password(&mut browser, "/wiki/page?x=1");
    assert_eq!(location(&answer), (303, "/wiki/page?x=1"));
    assert_eq!(browser.get("/wiki/page?x=1").status, 200);
    assert_eq!(named(&scene.app), ["alice"]);
    // What everybody may see is seen by nobody in particular.
    assert_eq!(browser.get("/open/door").status, 200);
    assert_eq!(named(&scene.app), Vec::<String>::new());
    let before = scene.app.seen().len();
    let elsewhere = browser.get("/admin");
    assert_eq!(
        location(&elsewhere),
        (303, "/_vestibule/second-factor?rd=/admin")
    );
    // The dots could lead anywhere.
    let ambiguous = browser.get("/wiki/..%2fadmin");
    assert_eq!(ambiguous.status, 303);
    let page = browser.follow(elsewhere);
    assert!(
        page.visible_text().contains("You are signed in as"),
        "{}",
        page.visible_text()
    );
    let old = browser.cookie("vestibule").expect("a session");
    let answer = browser.submit(&page, &[("code", &scene.alice.authenticator.code())]);
    assert_eq!(location(&answer), (303, "/admin"));
    assert_eq!(scene.app.seen().len(), before);
    assert_eq!(browser.get("/admin").status, 200);
    assert_eq!(named(&scene.app), ["alice"]);
    let mut thief = scene.gate.browser();
    thief.set_cookie("vestibule", &old);
    assert_eq!(
        location(&thief.get("/wiki/page")).1,
        "/_vestibule/login?rd=/wiki/page"
    );
}

#[test]
fn a_session_of_one_factor_shows_what_it_is() {
    let scene = Scene::new(ONE_FACTOR);
    let mut browser = scene.gate.browser();
    scene.give_password(&mut browser, "/wiki/");
    let whoami = browser.get(&format!("{PORTAL}/whoami")).json();
    assert_eq!(whoami["acr"], "urn:vestibule:one-factor");
    assert_eq!(whoami["amr"], serde_json::json!(["pwd"]));
    assert_eq!(
        location(&browser.get(&format!("{PORTAL}/account"))).1,
        "/_vestibule/second-factor"
    );
    // So that strangers do not lock out who never needs a code (see manual::throttles).
    assert!(browser.cookie("vestibule-device").is_some());
    browser.get("/wiki/");
    let seen = scene.app.seen().pop().expect("a request arrived");
    let assertion = seen.all("x-vestibule-assertion").join("");
    let keys = browser.get(&format!("{PORTAL}/jwks.json")).json();
    let assertion = harness::assertion::Assertion::verify(&assertion, &keys).expect("it is signed");
    assert_eq!(assertion.claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(assertion.text("acr"), "urn:vestibule:one-factor");
}

#[test]
fn without_a_way_back_to_what_one_factor_opens_both_are_asked_for() {
    let scene = Scene::new(ONE_FACTOR);
    for back in ["", "?rd=/open/door", "?rd=/admin", "?rd=/wiki/..%252fadmin"] {
        let mut browser = scene.gate.browser();
        let page = browser.visit(&format!("{PORTAL}/login{back}"));
        let fields = [
            ("username", scene.alice.name.as_str()),
            ("password", &scene.alice.password),
        ];
        let answer = browser.submit(&page, &fields);
        assert_eq!(
            location(&answer),
            (303, "/_vestibule/second-factor"),
            "{back}"
        );
        assert!(!answer.begins_a_session(), "{back}");
    }
}

#[test]
fn a_login_under_way_opens_nothing_that_one_factor_opens() {
    let scene = Scene::new(ONE_FACTOR);
    let mut browser = scene.gate.browser();
    scene.give_password(&mut browser, "/admin");
    let answer = browser.get("/wiki/");
    assert_eq!(location(&answer), (303, "/_vestibule/login?rd=/wiki/"));
}

#[test]
fn groups_users_and_networks_count_and_the_others_are_shut_out() {
    let rules = "\
[access]
default = \"deny\"
rule = [
    { path = \"/staff/**\", groups = [\"staff\"], policy = \"two-factor\" },
    { path = \"/alice/**\", users = [\"Alice\"], policy = \"two-factor\" },
    { path = \"/office/**\", networks = [\"192.0.2.0/24\"], policy = \"bypass\" },
]
";
    let app = App::start();
    let trust = "trusted_proxies = [\"127.0.0.1/32\"]\n";
    let gate = Gate::start(&format!("{trust}{}{LENIENT}{rules}", app.upstream()));
    let mut alice = gate.browser();
    Person::enrol(&mut alice, "alice", &gate.invite("alice"));
    let mut bob = gate.browser();
    Person::enrol(&mut bob, "bob", &gate.invite("bob"));
    assert_eq!(
        gate.cli(&["user", "set", "bob", "--group", "staff"]).code,
        Some(0)
    );
    for (path, of_alice, of_bob, of_nobody) in [
        ("/staff/x", 403, 200, 303),
        ("/alice/x", 200, 403, 303),
        ("/office/x", 403, 403, 403),
        ("/", 403, 403, 403),
    ] {
        assert_eq!(alice.get(path).status, of_alice, "alice {path}");
        assert_eq!(bob.get(path).status, of_bob, "bob {path}");
        assert_eq!(gate.browser().get(path).status, of_nobody, "nobody {path}");
    }
    let mut guest = gate.browser();
    let from = |guest: &mut Browser, address: &str| {
        let lines = [("X-Forwarded-For", address)];
        guest.send("GET", "/office/x", &lines, b"").status
    };
    assert_eq!(from(&mut guest, "192.0.2.9"), 200);
    assert_eq!(from(&mut guest, "192.0.3.9"), 403);
    // What a visitor adds in front of what the proxy saw is believed by nobody.
    assert_eq!(from(&mut guest, "192.0.2.9, 192.0.3.9"), 403);
    // Out of the group, out of the door.
    assert_eq!(
        gate.cli(&["user", "set", "bob", "--group", ""]).code,
        Some(0)
    );
    assert_eq!(bob.get("/staff/x").status, 403);
}

#[test]
fn an_open_websocket_closes_when_its_user_may_no_longer_have_it() {
    let rules = "\
[access]
rule = [
    { path = \"/staff/**\", groups = [\"staff\"], policy = \"two-factor\" },
    { path = \"/staff/**\", policy = \"deny\" },
]
";
    let scene = Scene::new(rules);
    let set = |group| {
        scene
            .gate
            .cli(&["user", "set", "alice", "--group", group])
            .code
    };
    assert_eq!(set("staff"), Some(0));
    let mut browser = scene.gate.browser();
    scene
        .alice
        .sign_in(&mut browser, &scene.alice.backup_codes[0]);
    let cookies = browser.cookie_header();
    let lines = [("Cookie", cookies.as_str())];
    let open = |target| WebSocket::open(scene.gate.address(), HOST, target, &lines);
    let mut staff = open("/staff/live").expect("a member may");
    let mut other = open("/live").expect("everybody who is signed in may");
    assert_eq!(staff.echo("a").expect("it is open"), "a");
    assert_eq!(set("guests"), Some(0));
    staff.wait_for_end();
    assert_eq!(other.echo("b").expect("it stays open"), "b");
    assert!(open("/staff/live").is_err());
}

#[test]
fn a_code_for_a_step_up_counts_for_no_login_that_is_under_way() {
    let scene = Scene::new("");
    let bob = Person::enrol(&mut scene.gate.browser(), "bob", &scene.gate.invite("bob"));
    let mut browser = scene.gate.browser();
    let login = browser.get("/_vestibule/login");
    let [first, second, ..] = &scene.alice.backup_codes[..] else {
        panic!("there are ten");
    };
    scene.alice.sign_in(&mut browser, first);
    let step_up = browser.get("/_vestibule/second-factor");
    let fields = [("username", "bob"), ("password", bob.password.as_str())];
    let begun = browser.submit(&login, &fields);
    assert_eq!(location(&begun), (303, "/_vestibule/second-factor"));
    let answer = browser.submit(&step_up, &[("code", second)]);
    assert!(answer.begins_a_session(), "{answer:?}");
}

#[test]
fn nobody_fills_the_store_with_step_ups() {
    let scene = Scene::new("");
    let mut browser = scene.gate.browser();
    scene
        .alice
        .sign_in(&mut browser, &scene.alice.backup_codes[0]);
    let page = browser.get("/_vestibule/second-factor");
    let mut begin = || browser.submit(&page, &[("code", "no code")]).status;
    let statuses: Vec<u16> = (0..40).map(|_| begin()).collect();
    assert_eq!(statuses[..30], [422; 30]);
    assert!(statuses[30..].contains(&429), "{statuses:?}");
}

#[test]
fn whoever_has_shown_enough_is_sent_on_from_the_login_page() {
    let scene = Scene::new(ONE_FACTOR);
    let mut browser = scene.gate.browser();
    scene.give_password(&mut browser, "/wiki/page");
    for (page, leads_to) in [
        ("/login?rd=/wiki/page", "/wiki/page"),
        ("/login?rd=/admin", "/_vestibule/second-factor?rd=/admin"),
        ("/login", "/_vestibule/second-factor"),
        ("/account", "/_vestibule/second-factor"),
    ] {
        let reply = browser.get(&format!("/_vestibule{page}"));
        assert_eq!(location(&reply), (303, leads_to), "{page}");
    }
}

#[test]
fn a_password_alone_pushes_out_nobody_who_has_shown_both_factors() {
    for most in [1, 2] {
        let rules = format!("{ONE_FACTOR}[session]\nmax_per_user = {most}\n");
        let scene = Scene::new(&rules);
        scene.gate.cli(&["user", "sign-out", "alice"]);
        let owners = (0..most).map(|index| {
            let mut owner = scene.gate.browser();
            let code = &scene.alice.backup_codes[index];
            assert!(scene.alice.sign_in(&mut owner, code));
            owner
        });
        let mut owners: Vec<Browser> = owners.collect();
        // The owners are away, and somebody else is not. Each of those takes the place of the one before.
        let mut others = Vec::new();
        for _ in 0..3 {
            let mut other = scene.gate.browser();
            let answer = scene.give_password(&mut other, "/wiki/page");
            assert_eq!(location(&answer), (303, "/wiki/page"));
            others.push(other);
        }
        let live: Vec<u16> = others
            .iter_mut()
            .map(|other| other.get("/wiki/page").status)
            .collect();
        assert_eq!(live, [303, 303, 200], "max_per_user = {most}");
        for owner in &mut owners {
            assert_eq!(owner.get("/admin").status, 200, "max_per_user = {most}");
        }
        let mut one_more = scene.gate.browser();
        let code = &scene.alice.backup_codes[most];
        assert!(scene.alice.sign_in(&mut one_more, code));
        assert_eq!(others[2].get("/wiki/page").status, 303);
        let stay = owners
            .iter_mut()
            .filter_map(|owner| (owner.get("/admin").status == 200).then_some(()));
        assert_eq!(stay.count(), most - 1, "both factors end both");
    }
}

#[test]
fn nobody_has_the_app_write_where_they_may_not() {
    let app = App::start();
    let rules = "[access]\nrule = [{ path = \"/shut/**\", policy = \"deny\" }]\n";
    let gate = Gate::start(&format!("{}{LENIENT}{rules}", app.upstream()));
    let mut alice = gate.browser();
    Person::enrol(&mut alice, "alice", &gate.invite("alice"));
    // The status, and which destination the app saw.
    let mut ask = |method: &str, destination: &str| {
        let before = app.seen().len();
        let lines = [("Destination", destination)];
        let status = alice.send(method, "/a", &lines, b"").status;
        let seen = app.seen();
        let passed = seen[before..]
            .iter()
            .map(|seen| seen.all("destination").join("|"));
        (status, passed.collect::<Vec<_>>())
    };
    for method in ["MOVE", "COPY", "POST"] {
        for open in ["/b%20c".to_owned(), format!("https://{HOST}/b")] {
            let expected = (200, vec![open.clone()]);
            assert_eq!(ask(method, &open), expected, "{method} {open}");
        }
        for path in ["/shut/b", "/SHUT/b", "/b/../shut/b"] {
            for shut in [path.to_owned(), format!("http://{HOST}{path}")] {
                assert_eq!(ask(method, &shut), (403, vec![]), "{method} {shut}");
            }
        }
        for unclear in ["b", "http://other.example.com/b", "/_vestibule/b", "/b?c"] {
            assert_eq!(ask(method, unclear), (400, vec![]), "{method} {unclear}");
        }
    }
}
