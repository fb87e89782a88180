//! Where a visitor goes after the login: never to another site, never in circles.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::harness::HOST;
use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person};
use crate::{LOGIN, SECOND_FACTOR, enters, lenient, person};

/// Targets that lead away, or nowhere.
const EVIL: [&str; 66] = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//evil.example/%2e%2e",
    "//app.localhost@evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/ /evil.example",
    " //evil.example",
    "/./\\evil.example",
    "/.//evil.example/..//\\evil.example",
    "/\u{0}/evil.example",
    "/\u{85}/evil.example",
    "/\u{a0}/evil.example",
    "/\u{2028}/evil.example",
    "/\u{3000}/evil.example",
    "/\u{ff0f}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "https:///evil.example",
    "http:evil.example",
    "http://evil.example/",
    "HTTP://evil.example/",
    "http://app.localhost@evil.example/",
    "http://app.localhost:80@evil.example/",
    "http://app.localhost.evil.example/",
    "http://evil.example#app.localhost",
    "http://evil.example\\@app.localhost/",
    "http://evil.example?app.localhost",
    "http://evil.example/app.localhost",
    "http://evilapp.localhost/",
    "http://app.localhost:8080/",
    "http://app.localhost:80/",
    "http://APP.localhost/",
    "http://app.localhost./",
    "https://app.localhost/",
    "http://2130706433/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://\u{ff41}pp.localhost/",
    "http://app\u{3002}localhost/",
    "ftp://app.localhost/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "/javascript:alert(1)\u{0}",
    "data:text/html,x",
    "vbscript:x",
    "evil.example",
    "?x",
    "#x",
    "/x\r\nSet-Cookie: a=b",
    "/x\nLocation: http://evil.example",
    "/_vestibule/logout",
    "/_vestibule/login?rd=/_vestibule/login",
    "/_VESTIBULE/logout",
    "/x/../_vestibule/logout",
    "/%5fvestibule/logout",
    "http://app.localhost/_vestibule/logout",
];

fn login_with(target: &str) -> String {
    format!(
        "{LOGIN}?rd={}",
        utf8_percent_encode(target, NON_ALPHANUMERIC)
    )
}

/// Where the form of a login page leads in the end.
fn remembered(page: &Reply) -> Option<String> {
    let form = page.form(&["username"]);
    let rd = form.filled.iter().find(|(name, _)| name == "rd");
    rd.map(|(_, value)| value.clone())
}

#[test]
fn no_target_leads_to_another_site_or_in_circles() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let mut verified = gate.browser();
    Person::enrol(&mut verified, "alice", &gate.invite("alice"));
    let mut nobody = gate.browser();
    let long = format!("/{}", "a".repeat(3 * 1024));
    for target in EVIL.into_iter().chain([long.as_str(), ""]) {
        let path = login_with(target);
        assert_eq!(remembered(&nobody.get(&path)), None, "{target:?}");
        assert_eq!(
            verified.get(&path).header("location"),
            Some("/"),
            "{target:?}"
        );
        // Encoded once more, it is no better.
        let twice = login_with(&utf8_percent_encode(target, NON_ALPHANUMERIC).to_string());
        assert_eq!(
            verified.get(&twice).header("location"),
            Some("/"),
            "{target:?} twice"
        );
    }
    for query in [
        "rd=/a&rd=/b",
        "rd=/a&rd=//evil.example",
        "RD=/a",
        "rd",
        "rd[]=/a",
    ] {
        let reply = verified.get(&format!("{LOGIN}?{query}"));
        assert_eq!(reply.header("location"), Some("/"), "{query}");
    }
}

/// What may stand before the name of another site.
const STARTS: [&str; 27] = [
    "//",
    "///",
    "////",
    "/\\",
    "\\/",
    "\\\\",
    "/\t/",
    "/\n/",
    "/\r\n/",
    "\t//",
    " //",
    "/ /",
    "/.//",
    "/./\\",
    "/..//",
    "//;@",
    "https:",
    "https:/",
    "https://",
    "https:\\\\",
    "https:///",
    "HtTp://",
    "http://app.localhost@",
    "http://app.localhost:x@",
    "http://app.localhost%00@",
    "http://app.localhost\\@",
    "//app.localhost@",
];

/// Other sites, as people and browsers write them.
const SITES: [&str; 11] = [
    "evil.example",
    "EVIL.example.",
    "evil.example:443",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "ev\u{131}l.example",
    "xn--evl-tma.example",
    "evil\u{3002}example",
    "app.localhost.evil.example",
    // A domain is not what merely ends like it.
    "evilteam.localhost",
];

/// What may follow it, to look like home.
const ENDS: [&str; 4] = [
    "",
    "/app.localhost/",
    "?http://app.localhost/",
    "#@app.localhost/",
];

#[test]
fn a_thousand_ways_to_write_another_site_lead_home() {
    let app = App::start();
    ways_home(&(app.upstream() + LENIENT), HOST);
}

#[test]
fn a_thousand_ways_lead_home_where_a_domain_shares_the_sign_in() {
    let app = App::start();
    let host = "app.team.localhost";
    let config = format!(
        "public_url = \"http://{host}\"\n{}{LENIENT}[session]\ncookie_domain = \"team.localhost\"\n",
        app.upstream()
    );
    ways_home(&config, host);
}

/// Sends somebody who is signed in at `host` through all of them.
fn ways_home(config: &str, host: &str) {
    let gate = Gate::start(config);
    let mut browser = Browser::new(gate.address(), host);
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let base = url::Url::parse(&format!("http://{host}/_vestibule/login")).expect("an address");
    let sites = SITES
        .into_iter()
        .flat_map(|site| ENDS.map(|end| format!("{site}{end}")));
    let targets = sites.flat_map(|site| STARTS.map(|start| format!("{start}{site}")));
    let mut number = 0;
    for target in targets.map(|target| target.replace("app.localhost", host)) {
        number += 1;
        let reply = browser.get(&login_with(&target));
        let location = reply.header("location").expect("a redirect").to_owned();
        let reached = base.join(&location).expect("an address");
        assert_eq!(
            reached.origin(),
            base.origin(),
            "{target:?} leads to {reached}"
        );
        let starts_clean = !location.contains(['\\', '\t', ' ']) && !location.starts_with("//");
        assert!(
            starts_clean && location.starts_with('/'),
            "{target:?}: {location:?}"
        );
    }
    assert!(number >= 1_000, "{number}");
}

#[test]
fn a_target_that_was_changed_in_the_form_is_read_again() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = browser.get(&login_with("/reports"));
    assert_eq!(remembered(&page).as_deref(), Some("/reports"));
    let fields = [
        ("username", "alice"),
        ("password", alice.password.as_str()),
        ("rd", "//evil.example"),
    ];
    let answer = browser.submit(&page, &fields);
    assert_eq!(answer.header("location"), Some(SECOND_FACTOR));
    let page = browser.follow(answer);
    let reply = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert!(enters(&reply));
    assert_eq!(reply.header("location"), Some("/"));
}

#[test]
fn a_visitor_comes_back_to_exactly_where_the_login_began() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let mut alice = person(&gate, "alice");
    let target = "/a%20b;c=d/%2F?x=%26&y=+&z=a%3Db&rd=//evil.example&q='(1)'";
    let mut browser = gate.browser();
    let reply = browser.get(target);
    assert_eq!(reply.status, 303);
    let page = browser.follow(reply);
    assert_eq!(remembered(&page).as_deref(), Some(target));
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = browser.submit(&page, &fields);
    let page = browser.follow(answer);
    let reply = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert_eq!(reply.header("location"), Some(target));
    assert_eq!(browser.follow(reply).json()["target"], target);
}

#[test]
fn a_wrong_password_does_not_lose_the_target() {
    let gate = lenient();
    let mut browser = gate.browser();
    let page = browser.get(&login_with("/reports?id=7&x=\"'>"));
    assert_eq!(remembered(&page), None, "quotes are no part of a target");
    let page = browser.get(&login_with("/reports?id=7&x='"));
    let page = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]);
    assert_eq!(remembered(&page).as_deref(), Some("/reports?id=7&x='"));
}

#[test]
fn an_address_of_the_app_that_looks_like_another_site_is_not_gone_back_to() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    for path in [
        "//evil.example/x",
        "///evil.example",
        "/\\evil.example",
        "/.//evil.example/..//x\\",
    ] {
        let reply = gate.browser().get(path);
        assert_eq!(reply.header("location"), Some(LOGIN), "{path}");
    }
}

#[test]
fn signing_out_leads_to_no_other_site() {
    let gate = lenient();
    let mut alice = gate.browser();
    Person::enrol(&mut alice, "alice", &gate.invite("alice"));
    let page = alice.get(&format!("{PORTAL}/logout?rd=%2F%2Fevil.example"));
    let reply = alice.submit(&page, &[("rd", "//evil.example")][..0]);
    assert_eq!((reply.status, reply.header("location")), (200, None));
    let reply = alice.get(&format!("{PORTAL}/logout?rd=%2F%2Fevil.example"));
    assert_eq!((reply.status, reply.header("location")), (200, None));
}
