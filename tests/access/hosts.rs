//! Several hosts and apps behind one gate: which app answers, and where the sign-in counts.

use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply, exchange};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};
use crate::location;

struct Scene {
    wiki: App,
    /// Below `/api` of the same host.
    api: App,
    shop: App,
    gate: Gate,
}

fn upstream(app: &App, host: &str, path: &str) -> String {
    format!("{}host = \"{host}\"\npath = \"{path}\"\n", app.upstream())
}

impl Scene {
    fn new(session: &str) -> Self {
        let (wiki, api, shop) = (App::start(), App::start(), App::start());
        let config = format!(
            "public_url = \"http://wiki.team.localhost\"\n{}{}{}{LENIENT}{session}",
            upstream(&wiki, "wiki.team.localhost", "/"),
            upstream(&api, "wiki.team.localhost", "/api"),
            upstream(&shop, "shop.team.localhost", "/"),
        );
        let gate = Gate::start(&config);
        Self {
            wiki,
            api,
            shop,
            gate,
        }
    }

    fn browser(&self, host: &str) -> Browser {
        Browser::new(self.gate.address(), host)
    }

    /// How many requests each app saw: wiki, api, shop.
    fn seen(&self) -> [usize; 3] {
        [&self.wiki, &self.api, &self.shop].map(|app| app.seen().len())
    }
}

#[test]
fn the_host_and_the_longest_path_choose_the_app_and_no_other_host_is_answered() {
    let scene = Scene::new("");
    let mut browser = scene.browser("wiki.team.localhost");
    Person::enrol(&mut browser, "alice", &scene.gate.invite("alice"));
    for (path, seen) in [
        ("/", [1, 0, 0]),
        ("/api", [1, 1, 0]),
        ("/api/v1?x=/", [1, 2, 0]),
        ("/apis", [2, 2, 0]),
        ("/x/api", [3, 2, 0]),
    ] {
        assert_eq!(browser.get(path).status, 200, "{path}");
        assert_eq!(scene.seen(), seen, "{path}");
    }
    for host in [
        "other.team.localhost",
        "team.localhost",
        "wiki.team.localhost.evil",
        "localhost",
    ] {
        let mut stranger = scene.browser(host);
        for path in ["/", "/api", &format!("{PORTAL}/login")] {
            let reply = stranger.get(path);
            assert_eq!(reply.status, 421, "{host}{path}");
            assert!(!reply.sets_a_cookie(), "{host}{path}");
        }
    }
    for spelling in [
        "WIKI.team.localhost",
        "wiki.team.localhost.",
        "wiki.team.localhost:80",
    ] {
        let mut known = scene.browser(spelling);
        assert_eq!(known.get("/").status, 303, "{spelling}");
    }
    assert_eq!(scene.seen(), [3, 2, 0]);
}

#[test]
fn without_a_shared_domain_each_host_has_a_sign_in_of_its_own() {
    let scene = Scene::new("");
    let mut wiki = scene.browser("wiki.team.localhost");
    let mut alice = Person::enrol(&mut wiki, "alice", &scene.gate.invite("alice"));
    let mut shop = scene.browser("shop.team.localhost");
    let challenge = shop.get("/cart?x=1");
    assert_eq!(
        location(&challenge),
        (303, "/_vestibule/login?rd=/cart%3Fx%3D1")
    );
    let page = shop.follow(challenge);
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = shop.submit(&page, &fields);
    let page = shop.follow(answer);
    let answer = shop.submit(&page, &[("code", &alice.authenticator.code())]);
    assert_eq!(location(&answer), (303, "/cart?x=1"));
    assert_eq!(shop.get("/cart?x=1").status, 200);
    assert_eq!(scene.seen(), [0, 0, 1]);
    // Signing out at one leaves the other.
    Person::sign_out(&mut shop);
    assert!(!signed_in(&mut shop));
    assert!(signed_in(&mut wiki));
}

#[test]
fn with_a_shared_domain_one_sign_in_counts_at_every_host() {
    let scene = Scene::new("[session]\ncookie_domain = \"team.localhost\"\n");
    let mut shop = scene.browser("shop.team.localhost");
    let challenge = shop.get("/cart");
    let login = "http://wiki.team.localhost/_vestibule/login?rd=http://shop.team.localhost/cart";
    assert_eq!(location(&challenge), (303, login));
    let mut wiki = scene.browser("wiki.team.localhost");
    let alice = Person::enrol(&mut wiki, "alice", &scene.gate.invite("alice"));
    Person::sign_out(&mut wiki);
    let page = wiki.visit(
        login
            .strip_prefix("http://wiki.team.localhost")
            .expect("ours"),
    );
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = wiki.submit(&page, &fields);
    let page = wiki.follow(answer);
    let answer = wiki.submit(&page, &[("code", &alice.backup_codes[0])]);
    assert_eq!(location(&answer), (303, "http://shop.team.localhost/cart"));
    // As a browser does with a cookie of the domain.
    shop.set_cookie("vestibule", &wiki.cookie("vestibule").expect("a session"));
    assert_eq!(shop.get("/cart").status, 200);
    assert_eq!(scene.seen(), [0, 0, 1]);
    let seen = scene.shop.seen().pop().expect("a request");
    assert_eq!(seen.all("remote-user"), ["alice"]);
    assert_eq!(seen.all("cookie"), Vec::<&str>::new());
}

#[test]
fn rules_are_for_the_host_that_was_asked() {
    let (wiki, shop) = (App::start(), App::start());
    let rules = "\
[access]
rule = [
    { host = \"shop.team.localhost\", policy = \"bypass\" },
    { host = \"*.team.localhost\", path = \"/open/**\", policy = \"bypass\" },
]
";
    let config = format!(
        "public_url = \"http://wiki.team.localhost\"\n{}{}{LENIENT}{rules}",
        upstream(&wiki, "wiki.team.localhost", "/"),
        upstream(&shop, "shop.team.localhost", "/"),
    );
    let gate = Gate::start(&config);
    for (host, path, status) in [
        ("shop.team.localhost", "/", 200),
        ("shop.team.localhost", "/a%2fb", 303),
        ("wiki.team.localhost", "/", 303),
        ("wiki.team.localhost", "/open/x", 200),
        ("WIKI.TEAM.localhost.:80", "/open/x", 200),
        ("wiki.team.localhost", "/open/..%2fx", 303),
    ] {
        let reply = Browser::new(gate.address(), host).get(path);
        assert_eq!(reply.status, status, "{host}{path}");
    }
    // The target of a proxy's request counts, not the Host beside it (RFC 9112, 3.2.2).
    let open = "shop.team.localhost";
    for (target, host, status) in [
        (open, open, 200),
        ("wiki.team.localhost", "wiki.team.localhost", 401),
        ("wiki.team.localhost", open, 401),
        (open, "wiki.team.localhost", 200),
    ] {
        let message =
            format!("GET http://{target}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = exchange(gate.address(), message.as_bytes()).expect("an answer");
        assert_eq!(Reply::parse("", &answer).status, status, "{target}, {host}");
    }
    let last = shop.seen().pop().expect("it was open");
    assert_eq!(last.all("host"), [open]);
}

#[test]
fn a_host_outside_the_shared_domain_has_a_sign_in_of_its_own() {
    let (wiki, club) = (App::start(), App::start());
    let gate = Gate::start(&format!(
        "public_url = \"http://wiki.team.localhost\"\n{}{}{LENIENT}[session]\ncookie_domain = \"team.localhost\"\n",
        upstream(&wiki, "wiki.team.localhost", "/"),
        upstream(&club, "club.localhost", "/"),
    ));
    let browser = |host: &str| Browser::new(gate.address(), host);
    let alice = Person::enrol(
        &mut browser("wiki.team.localhost"),
        "alice",
        &gate.invite("alice"),
    );
    let mut outside = browser("club.localhost");
    assert!(alice.sign_in(&mut outside, &alice.backup_codes[0]));
    assert_eq!(outside.get("/").status, 200);
    assert_eq!(club.seen().len(), 1);
    // A loop there is not held against the cookie of another host.
    let login = format!("{PORTAL}/login?rd=/x");
    let pages: Vec<_> = (0..3).map(|_| outside.get(&login)).collect();
    let last = pages[2].visible_text();
    assert_eq!(pages[2].status, 508, "{last}");
    assert!(!last.contains("team.localhost"), "{last}");
    Person::sign_out(&mut outside);
    assert!(!signed_in(&mut outside));
}
