//! Who gets what at every address of ours: one table, and the headers that no answer lacks.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::io::{Read, Write};
use std::net::TcpStream;

use harness::app::App;
use harness::browser::{Browser, Reply, exchange};
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::{DEADLINE, HOST};
use vestibule::web::route::Page;

/// The visitors of the table, one browser for each thing that can be under way.
struct Visitors {
    _app: App,
    _gate: Gate,
    /// Nothing at all.
    nobody: Browser,
    /// The password was given.
    half: Browser,
    /// An invitation was accepted.
    enrolling: Browser,
    /// The backup codes are shown.
    keeping: Browser,
    /// Signed in, and signed out by an administrator.
    expired: Browser,
    /// Signed in.
    verified: Browser,
    /// An invitation that still works, and one that was used.
    invitations: [String; 2],
}

impl Visitors {
    fn arrive() -> Self {
        let app = App::start();
        let gate = Gate::start(&(app.upstream() + LENIENT));
        let mut expired = gate.browser();
        Person::enrol(&mut expired, "eve", &gate.invite("eve"));
        assert_eq!(gate.cli(&["user", "sign-out", "eve"]).code, Some(0));
        let (mut verified, used) = (gate.browser(), gate.invite("vera"));
        let vera = Person::enrol(&mut verified, "vera", &used);
        let mut half = gate.browser();
        vera.give_password(&mut half);
        let mut keeping = gate.browser();
        Person::enrol_to_codes(&mut keeping, "karl", &gate.invite("karl"));
        let (mut enrolling, link) = (gate.browser(), gate.invite("emil"));
        let page = enrolling.get(&link);
        let password = "a password nobody guesses";
        let fields = [("new_password", password), ("new_password_again", password)];
        enrolling.submit(&page, &fields);
        let open = gate.invite("otto");
        Self {
            _app: app,
            nobody: gate.browser(),
            _gate: gate,
            half,
            enrolling,
            keeping,
            expired,
            verified,
            invitations: [open, used],
        }
    }

    fn all(&self) -> [(&'static str, &Browser); 6] {
        [
            ("nobody", &self.nobody),
            ("half", &self.half),
            ("enrolling", &self.enrolling),
            ("keeping", &self.keeping),
            ("expired", &self.expired),
            ("verified", &self.verified),
        ]
    }

    /// Every page with its name in the table and its address.
    fn pages(&self) -> Vec<(String, String)> {
        let mut pages: Vec<(String, String)> = FIXED
            .iter()
            .map(|path| (format!("_{path}"), format!("{PORTAL}{path}")))
            .collect();
        let [open, used] = &self.invitations;
        pages.push(("_/invite/OPEN".to_owned(), open.clone()));
        pages.push(("_/invite/USED".to_owned(), used.clone()));
        pages.push(("_/invite/x".to_owned(), format!("{PORTAL}/invite/x")));
        pages.push(("_/assets/STYLE".to_owned(), self.style()));
        pages.push(("_/assets/x".to_owned(), format!("{PORTAL}/assets/x")));
        pages.push(("_/unknown".to_owned(), format!("{PORTAL}/unknown")));
        pages
    }

    fn style(&self) -> String {
        let page = self.nobody.clone().get(&format!("{PORTAL}/login")).text();
        let (_, rest) = page
            .split_once("<link rel=\"stylesheet\" href=\"")
            .expect("a page has a style sheet");
        rest.split('"').next().expect("a quote ends it").to_owned()
    }
}

/// The paths that the table has rows for, below ours.
const FIXED: [&str; 9] = [
    "",
    "/",
    "/login",
    "/second-factor",
    "/enrol",
    "/account",
    "/logout",
    "/jwks.json",
    "/whoami",
];

/// An answer in one cell: status, kind or target, cookies set (`+`) and taken back (`-`).
fn cell(reply: &Reply) -> String {
    let kind = match reply.header("content-type") {
        Some("text/html; charset=utf-8") => "html",
        Some("application/problem+json") => "problem",
        Some("application/json") => "json",
        Some("application/jwk-set+json") => "keys",
        Some("text/css; charset=utf-8") => "css",
        Some(other) => other,
        None => "",
    };
    let target = reply.header("location").unwrap_or_default();
    let mut cell = format!("{} {kind}{}", reply.status, target.replace(PORTAL, "_"));
    for line in reply.all("set-cookie") {
        let sign = if line.contains("Max-Age=0") { '-' } else { '+' };
        let name = line.split('=').next().unwrap_or_default();
        cell.push_str(&format!(" {sign}{name}"));
    }
    cell
}

/// What each visitor gets: path, visitor, GET as a navigation, POST of a form without a token.
const TABLE: &str = include_str!("routes.txt");

#[test]
fn every_visitor_gets_what_the_table_says() {
    let visitors = Visitors::arrive();
    let mut table = String::new();
    for (name, path) in visitors.pages() {
        for (visitor, browser) in visitors.all() {
            let get = cell(&browser.clone().get(&path));
            let post = cell(&browser.clone().post(&path, "x=y"));
            table.push_str(&format!("{name:<16}{visitor:<11}{get:<44}{post}\n"));
        }
    }
    let differs = table
        .lines()
        .zip(TABLE.lines())
        .find(|(is, should)| is != should);
    assert_eq!(table, TABLE, "the first difference: {differs:#?}");
}

#[test]
fn the_table_lists_every_page() {
    let known = Page::FIXED.map(|(path, _)| path);
    assert_eq!(known, FIXED);
}

/// The value of a header that has to be there.
fn value<'r>(reply: &'r Reply, name: &str) -> &'r str {
    let what = format!("{name} of {} {}", reply.status, reply.path);
    reply.header(name).expect(&what)
}

/// What every answer of ours says beside its content.
fn assert_secure(reply: &Reply) {
    let (policy, what) = (value(reply, "content-security-policy"), &reply.path);
    for directive in [
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(
            policy.split("; ").any(|part| part == directive),
            "{what}: {policy}"
        );
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(value(reply, "x-content-type-options"), "nosniff", "{what}");
    assert_eq!(value(reply, "x-frame-options"), "DENY", "{what}");
    assert_eq!(value(reply, "referrer-policy"), "same-origin", "{what}");
    assert_eq!(
        value(reply, "cross-origin-opener-policy"),
        "same-origin",
        "{what}"
    );
    assert_eq!(reply.header("server"), None, "{what}");
    let kept = match reply.status {
        200 if what.contains("/assets/") => "public, max-age=31536000, immutable",
        200 if what.ends_with("/jwks.json") => "public, max-age=300",
        _ => "no-store",
    };
    assert_eq!(value(reply, "cache-control"), kept, "{what}");
    let varies = match reply.status {
        200 if what.contains("/assets/") || what.ends_with("/jwks.json") => "Accept-Encoding",
        _ => "Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept",
    };
    assert_eq!(reply.all("vary"), [varies], "{what}");
    assert_eq!(
        reply.header("content-type").is_some(),
        !reply.body.is_empty(),
        "{what}"
    );
}

#[test]
fn every_answer_of_ours_is_secure() {
    let visitors = Visitors::arrive();
    for (_, path) in visitors.pages() {
        for (_, browser) in visitors.all() {
            assert_secure(&browser.clone().get(&path));
            assert_secure(&browser.clone().post(&path, "x=y"));
            assert_secure(&browser.clone().send("DELETE", &path, &[], b""));
        }
    }
    // What the gate answers in place of the app, and what it cannot read.
    let mut nobody = visitors.nobody.clone();
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/"),
        ("TRACE", "/"),
        ("GET", "/%00"),
        ("GET", "/%5fvestibule/login"),
        ("HUH", "/"),
    ] {
        assert_secure(&nobody.send(method, path, &[], b""));
    }
}

#[test]
fn a_site_over_tls_stays_there() {
    let app = App::start();
    let config = format!("public_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n");
    let gate = Gate::start(&(config + &app.upstream()));
    let mut browser = gate.browser().over_tls();
    for path in [
        "/",
        "/_vestibule/login",
        "/_vestibule/jwks.json",
        "/_vestibule/x",
        "/%00",
    ] {
        let reply = browser.get(path);
        assert_eq!(
            value(&reply, "strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
    }
}

#[test]
fn nothing_but_get_head_and_post_is_answered() {
    let visitors = Visitors::arrive();
    let posts = ["/login", "/second-factor", "/enrol", "/logout", "/invite/"];
    for (_, path) in visitors
        .pages()
        .into_iter()
        .filter(|(name, _)| name != "_/unknown")
    {
        let allowed = if posts.iter().any(|post| path.contains(post)) {
            "GET, HEAD, POST"
        } else {
            "GET, HEAD"
        };
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
            let reply = visitors.verified.clone().send(method, &path, &[], b"");
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, Some(allowed)),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn trace_and_connect_go_nowhere() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + "[access]\ndefault = \"bypass\"\n"));
    for (line, status) in [
        ("TRACE / HTTP/1.1", 405),
        ("TRACE /_vestibule/login HTTP/1.1", 405),
        ("CONNECT app.localhost:80 HTTP/1.1", 405),
        ("CONNECT /_vestibule/login HTTP/1.1", 405),
        ("HUH / HTTP/1.1", 501),
    ] {
        let message =
            format!("{line}\r\nHost: {HOST}\r\nX-Secret: s3cret\r\nConnection: close\r\n\r\n");
        let answer = exchange(gate.address(), message.as_bytes()).expect("an answer");
        let reply = Reply::parse(line, &answer);
        assert_eq!(reply.status, status, "{line}");
        assert!(!reply.text().contains("s3cret"), "{line} was echoed");
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn a_head_is_a_get_without_its_content() {
    let visitors = Visitors::arrive();
    let comparable = |mut reply: Reply| {
        // A fresh seed each time, the time of the answer, and what RFC 9110, 9.3.2 leaves open.
        let differ = ["set-cookie", "date", "content-length", "x-request-id"];
        reply
            .headers
            .retain(|(name, _)| !differ.contains(&name.as_str()));
        (reply.status, reply.headers)
    };
    for (_, path) in visitors.pages() {
        for (_, browser) in visitors.all() {
            let get = browser.clone().get(&path);
            let head = browser
                .clone()
                .send("HEAD", &path, &[("Accept", "text/html")], b"");
            assert_eq!(head.body, b"", "{path}");
            assert_eq!(comparable(head), comparable(get), "{path}");
        }
    }
}

#[test]
fn scripts_and_frames_of_the_app_load_no_page() {
    let visitors = Visitors::arrive();
    for (name, path) in visitors.pages() {
        if ["assets", "jwks", "whoami", "unknown"]
            .iter()
            .any(|part| name.contains(part))
        {
            continue;
        }
        for lines in [
            [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
            [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
            [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
            [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "embed")],
            [
                ("Sec-Fetch-Mode", "same-origin"),
                ("Sec-Fetch-Dest", "serviceworker"),
            ],
        ] {
            for (_, browser) in visitors.all() {
                for method in methods(&name) {
                    let reply = bare(browser, method, &path, &lines);
                    assert_eq!(
                        (reply.status, reply.all("set-cookie").len()),
                        (403, 0),
                        "{path}: {lines:?}"
                    );
                }
            }
        }
    }
}

fn methods(name: &str) -> &'static [&'static str] {
    match name {
        "_" | "_/" | "_/account" => &["GET"],
        _ => &["GET", "POST"],
    }
}

/// A request with these lines and the cookies of `browser`, and nothing else.
fn bare(browser: &Browser, method: &str, path: &str, lines: &[(&str, &str)]) -> Reply {
    let mut message = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
    let cookies = browser.cookie_header();
    let length = if method == "POST" { "0" } else { "" };
    for (name, value) in lines
        .iter()
        .chain(&[("Cookie", cookies.as_str()), ("Content-Length", length)])
    {
        if !value.is_empty() {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let answer = exchange(browser.address(), (message + "\r\n").as_bytes());
    Reply::parse(path, &answer.expect("an answer"))
}

#[test]
fn what_scripts_may_ask_they_may_ask() {
    let visitors = Visitors::arrive();
    let script = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")];
    for (path, status) in [("/jwks.json", 200), ("/whoami", 200)] {
        let reply = bare(
            &visitors.verified,
            "GET",
            &format!("{PORTAL}{path}"),
            &script,
        );
        assert_eq!(reply.status, status, "{path}");
    }
    let keys = bare(&visitors.nobody, "GET", "/_vestibule/jwks.json", &script);
    assert_eq!(value(&keys, "access-control-allow-origin"), "*");
    let me = bare(&visitors.verified, "GET", "/_vestibule/whoami", &script);
    assert_eq!(me.header("access-control-allow-origin"), None);
}

#[test]
fn probes_are_not_answered_in_public() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let mut public = gate.browser();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(
            cell(&public.get(path)),
            format!("303 _/login?rd={path}"),
            "{path}"
        );
        let below = format!("{PORTAL}{path}");
        assert_eq!(public.get(&below).status, 404, "{below}");
    }
    let mut ops = Browser::new(gate.ops_address(), "localhost");
    assert_eq!(ops.get("/healthz").text(), "alive\n");
    assert_eq!(ops.get("/readyz").text(), "ready\n");
    for path in ["/_vestibule/login", "/_vestibule/whoami", "/"] {
        assert_eq!(ops.get(path).status, 404, "{path}");
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn other_spellings_of_our_path_are_nobodys() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + "[access]\ndefault = \"bypass\"\n"));
    let mut browser = gate.browser();
    for path in [
        "/_vestibule/login/",
        "/_vestibule//login",
        "/_vestibule/./login",
        "/_vestibule/../secret",
        "/_vestibule/login/../../secret",
        "/_vestibule/login;x=y",
        "/_vestibule;x/login",
        "//_vestibule/login",
        "/./_vestibule/login",
        "/x/../_vestibule/login",
        "/x/%2e%2e/_vestibule/login",
        "/x%2f..%2f_vestibule/login",
        "/%5fvestibule/login",
        "/%255fvestibule/login",
        "/_vestibule%2flogin",
        "/_vestibule%5clogin",
        "/_vestibule\\login",
        "/\\_vestibule/login",
        "/_VESTIBULE/login",
        "/_Vestibule/Login",
        "/_vestibule/login%20",
        "/_vestibule/login.css",
        "/_vestibule/account/x.css",
        "/%EF%BC%BFvestibule/login",
        "/_vestibul%C4%93/../_vestibule/login",
    ] {
        let reply = browser.get(path);
        assert_eq!(
            (reply.status, reply.all("set-cookie").len()),
            (404, 0),
            "{path}"
        );
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn a_host_that_nobody_configured_gets_nothing() {
    let app = App::start();
    let upstream = format!("{}host = \"{HOST}\"\n", app.upstream());
    let gate = Gate::start(&(upstream + "[access]\ndefault = \"bypass\"\n"));
    let mut stranger = Browser::new(gate.address(), "evil.example");
    for path in [
        "/",
        "/_vestibule/login",
        "/_vestibule/account",
        "/_vestibule/x",
    ] {
        let reply = stranger.get(path);
        assert_eq!(
            (reply.status, reply.all("set-cookie").len()),
            (421, 0),
            "{path}"
        );
    }
    assert_eq!(app.seen(), []);
}

/// Browsers hold the redirect after a form against the policy of its page.
#[test]
fn a_form_may_lead_to_every_configured_host() {
    let app = App::start();
    let wiki = format!("{}host = \"wiki.app.localhost\"\n", app.upstream());
    let own = format!("{}host = \"{HOST}\"\n", app.upstream());
    let gate = Gate::start(&(own + &wiki));
    let page = gate.browser().get("/_vestibule/login");
    let policy = page.header("content-security-policy").unwrap_or_default();
    let targets = policy
        .split("; ")
        .find(|rule| rule.starts_with("form-action"));
    let expected = format!("form-action 'self' http://{HOST} http://wiki.app.localhost");
    assert_eq!(targets, Some(expected.as_str()));
}

#[test]
fn forms_are_read_within_their_bounds() {
    let gate = Gate::start(LENIENT);
    let mut browser = gate.browser();
    browser.get("/_vestibule/login");
    let form = "application/x-www-form-urlencoded";
    let large = format!("username={}", "a".repeat(1024 * 1024));
    let many = "a=b&".repeat(33);
    for (kind, body, status) in [
        ("text/plain", "username=a&password=b", 415),
        ("multipart/form-data; boundary=x", "--x--", 415),
        ("", "username=a", 415),
        (form, large.as_str(), 413),
        (form, "username=a&username=b", 400),
        (form, "%zz=%ff", 400),
        (form, many.as_str(), 400),
        (
            "application/x-www-form-urlencoded; charset=utf-16",
            "a=b",
            415,
        ),
        (form, "username=a&password=b", 403),
    ] {
        let lines = [("Content-Type", kind), ("Origin", "http://app.localhost")];
        let reply = browser.send("POST", "/_vestibule/login", &lines, body.as_bytes());
        assert_eq!(reply.status, status, "{kind}: {:.40}", body);
        assert_secure(&reply);
    }
}

/// Writes bytes and returns all that came before the connection was over.
fn answers(gate: &Gate, message: &str) -> String {
    let mut stream = TcpStream::connect(gate.address()).expect("the gate listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a deadline can be set");
    stream
        .write_all(message.as_bytes())
        .expect("the gate reads");
    let mut text = vec![];
    stream.read_to_end(&mut text).expect("the gate answers");
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn a_body_that_nobody_reads_is_no_request() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let smuggled =
        format!("GET /_vestibule/whoami HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    for (target, kind) in [
        ("/", "text/plain"),
        ("/_vestibule/account", "text/plain"),
        (
            "/_vestibule/second-factor",
            "application/x-www-form-urlencoded",
        ),
        ("/_vestibule/login", "text/plain"),
        ("/_vestibule/unknown", "text/plain"),
        ("/_vestibule/invite/x", "application/x-www-form-urlencoded"),
    ] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\n");
        let length = smuggled.len();
        let sized = format!("{head}Content-Length: {length}\r\n\r\n{smuggled}");
        let chunked = format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{smuggled}\r\n0\r\n\r\n"
        );
        for message in [sized, chunked] {
            // The last request of the connection is a real one, so that it comes to an end.
            let end = format!(
                "GET /_vestibule/jwks.json HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
            );
            let text = answers(&gate, &format!("{message}{end}"));
            let number = text.matches("HTTP/1.1 ").count();
            assert_eq!(
                (number, text.contains("\"keys\"")),
                (2, true),
                "{target}: {text}"
            );
        }
    }
    assert_eq!(app.seen(), []);
}
