//! The gate in front of an app: who is asked to sign in and how, which paths are open, and what
//! happens while others attack.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::app::App;
use harness::browser::{Browser, Reply, exchange};
use harness::crowd::{LENIENT, at_once};
use harness::gate::Gate;
use harness::person::{Person, signed_in};
use harness::websocket::WebSocket;
use harness::{DEADLINE, HOST};

/// A request with these lines and nothing else; what is answered and what the app saw.
fn ask(
    gate: &Gate,
    app: &App,
    method: &str,
    target: &str,
    lines: &[(&str, &str)],
) -> (Reply, Vec<String>) {
    let before = app.seen().len();
    let mut message =
        format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n");
    for (name, value) in lines {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    let answer = exchange(gate.address(), (message + "\r\n").as_bytes()).expect("an answer");
    let seen = app.seen().split_off(before);
    (
        Reply::parse(target, &answer),
        seen.into_iter().map(|seen| seen.target).collect(),
    )
}

#[test]
fn a_navigation_is_led_to_the_login_and_a_program_is_told() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let target = "/reports/7?from=1&to=%2F";
    let login = "/_vestibule/login?rd=/reports/7%3Ffrom%3D1%26to%3D%252F";
    for (method, lines) in [
        (
            "GET",
            &[("Sec-Fetch-Mode", "navigate"), ("Accept", "*/*")][..],
        ),
        ("HEAD", &[("Sec-Fetch-Mode", "navigate")]),
        (
            "GET",
            &[("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")],
        ),
        (
            "GET",
            &[("Accept", "application/json"), ("Accept", "text/html")],
        ),
    ] {
        let (reply, seen) = ask(&gate, &app, method, target, lines);
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, Some(login)),
            "{lines:?}"
        );
        assert_eq!(seen, Vec::<String>::new());
    }
    for (method, lines) in [
        ("GET", &[][..]),
        ("GET", &[("Accept", "*/*")]),
        ("GET", &[("Accept", "application/json")]),
        (
            "GET",
            &[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")],
        ),
        (
            "GET",
            &[("Sec-Fetch-Mode", "no-cors"), ("Accept", "image/*")],
        ),
        ("POST", &[("Accept", "text/html")]),
        ("DELETE", &[("Accept", "text/html")]),
        (
            "OPTIONS",
            &[
                ("Access-Control-Request-Method", "PUT"),
                ("Origin", "https://evil.example"),
            ],
        ),
        ("PROPFIND", &[("Depth", "1")]),
    ] {
        let (reply, seen) = ask(&gate, &app, method, target, lines);
        let what = format!("{method} {lines:?}");
        assert_eq!(
            (reply.status, reply.header("location")),
            (401, None),
            "{what}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Vestibule realm=\"vestibule\"")
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
        let problem = reply.json();
        assert_eq!(
            problem["type"], "urn:vestibule:problem:sign-in-required",
            "{what}"
        );
        assert_eq!(
            (&problem["status"], &problem["login_url"]),
            (&401.into(), &login.into()),
            "{what}"
        );
        assert_eq!(seen, Vec::<String>::new());
    }
}

#[test]
fn a_form_of_nobody_is_not_passed_on_and_its_sender_reads_so() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let lines = [("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")];
    let (reply, seen) = ask(&gate, &app, "POST", "/comments?on=7&x=%22", &lines);
    assert_eq!((reply.status, reply.header("location")), (401, None));
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    let challenge = reply.header("www-authenticate");
    assert_eq!(challenge, Some("Vestibule realm=\"vestibule\""));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let (html, text) = (reply.text(), reply.visible_text());
    let login = "href=\"/_vestibule/login?rd=/comments%3Fon%3D7%26x%3D%2522\" target=\"_blank\"";
    assert!(html.contains(login), "{html}");
    assert!(text.contains("was not passed on"), "{text}");
    assert_eq!(seen, Vec::<String>::new());
}

#[test]
fn a_handshake_of_nobody_is_told_so() {
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let refused = WebSocket::open(gate.address(), HOST, "/chat", &[]).expect_err("nobody gets in");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("upgrade"), None);
    assert_eq!(app.seen(), []);
}

const OPEN: &str = "[access]
[[access.rule]]
path = \"/open/**\"
policy = \"bypass\"
[[access.rule]]
path = [\"/healthz\", \"/*.css\"]
methods = [\"GET\", \"HEAD\"]
policy = \"bypass\"
";

#[test]
fn open_paths_are_open_and_no_others() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + OPEN));
    let navigation = [("Accept", "text/html")];
    for (method, target) in [
        ("GET", "/open/y"),
        ("POST", "/open/y"),
        ("GET", "/open/"),
        ("GET", "/open/y?/../x"),
        ("GET", "/open/a%20b%C3%A9"),
        ("GET", "/healthz"),
        ("HEAD", "/healthz"),
        ("GET", "/a.css"),
    ] {
        let (reply, seen) = ask(&gate, &app, method, target, &navigation);
        assert_eq!(
            (reply.status, seen),
            (200, vec![target.to_owned()]),
            "{method} {target}"
        );
    }
}

/// Targets that some server may take for an open one, with what a stranger is answered.
const CLOSED: &[(&str, &str, u16)] = &[
    ("GET", "/", 303),
    ("GET", "/open/../x", 303),
    ("GET", "/open/%2e%2e/x", 303),
    ("GET", "/open/%2E./x", 303),
    ("GET", "/open/./y", 303),
    ("GET", "/x/../open/y", 303),
    ("GET", "/x%2f..%2fopen/y", 303),
    ("GET", "/%6fpen/y", 303),
    ("GET", "/OPEN/y", 303),
    ("GET", "//open/y", 303),
    ("GET", "/open//y", 303),
    ("GET", "/open/..;/x", 303),
    ("GET", "/open/;/x", 303),
    ("GET", "/open;a/y", 303),
    ("GET", "/open\\..\\x", 303),
    ("GET", "/x/..%5copen/y", 303),
    ("GET", "/open/..%c0%afx", 303),
    ("GET", "/open/%ef%bc%8e%ef%bc%8e/x", 303),
    ("GET", "/open/..%ef%bc%8fx", 303),
    ("GET", "/open/%252e%252e/x", 303),
    ("GET", "/open/..%20/x", 303),
    ("GET", "/open/%20../x", 303),
    ("GET", "/open/.%20/y", 303),
    ("GET", "/open/.../x", 303),
    ("GET", "/open/y%0a", 303),
    ("GET", "/open%00/y", 400),
    ("GET", "/open/y%", 400),
    ("GET", "/open/y%zz", 400),
    ("GET", "/open/\u{e9}", 400),
    ("GET", "/x#/open/", 400),
    ("GET", "/open/#/../x", 400),
    ("GET", "/x?/open/", 303),
    ("GET", "/opener/y", 303),
    ("GET", "/x/open/y", 303),
    ("GET", "/x/a.css", 303),
    ("GET", "/account/%0A.css", 303),
    ("GET", "/a.css/x", 303),
    ("GET", "/a.cssx", 303),
    ("GET", "/healthz/", 303),
    ("GET", "/healthz/x", 303),
    ("POST", "/healthz", 401),
    ("GET", "http://app.localhost/open/../x", 303),
    ("GET", "?/open/y", 400),
    ("GET", "open/y", 400),
];

#[test]
fn no_other_spelling_of_an_open_path_is_open() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + OPEN));
    for (method, target, status) in CLOSED {
        let (reply, seen) = ask(&gate, &app, method, target, &[("Accept", "text/html")]);
        assert_eq!((reply.status, seen), (*status, vec![]), "{method} {target}");
    }
    assert_eq!(app.seen(), []);
}

#[test]
fn nobody_says_that_the_path_or_the_method_was_another() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + OPEN));
    let navigation = ("Accept", "text/html");
    for line in [
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Original-Uri",
        "X-Forwarded-Path",
    ] {
        let (reply, seen) = ask(&gate, &app, "GET", "/x", &[(line, "/open/y"), navigation]);
        assert_eq!((reply.status, seen), (303, vec![]), "{line}");
        ask(&gate, &app, "GET", "/open/y", &[(line, "/x")]);
        let seen = app.seen().pop().expect("the app saw it");
        assert_eq!(seen.all(&line.to_lowercase()), Vec::<&str>::new(), "{line}");
    }
    for line in [
        "HTTP-Method-Override",
        "Method-Override",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-HTTP-Verb",
        "X-Method",
        "X-Method-Override",
    ] {
        let (reply, _) = ask(&gate, &app, "GET", "/healthz", &[(line, "DELETE")]);
        assert_eq!(reply.status, 200);
        let seen = app.seen().pop().expect("the app saw it");
        assert_eq!(seen.all(&line.to_lowercase()), Vec::<&str>::new(), "{line}");
    }
}

#[test]
fn what_may_pass_goes_to_the_app_byte_for_byte() {
    let app = App::start();
    let gate = Gate::start(&format!("{}{LENIENT}{OPEN}", app.upstream()));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    for target in [
        "/group%2Fproject/-/blob/main/a%2fb.rs",
        "/open/../x",
        "/x/../open/y",
        "//double//slashes",
        "/a;b=c/d",
        "/%6fpen/y",
        "/open/%252e%252e/x",
        "/x?q=a+b&r=%2F&s={a}[b]|c^d`e",
        "/a'b(c)*!$&,:@~",
    ] {
        assert_eq!(browser.get(target).status, 200, "{target}");
        assert_eq!(
            app.seen().pop().map(|seen| seen.target).as_deref(),
            Some(target)
        );
    }
}

const FORBIDDEN: &str = "[access]
[[access.rule]]
path = [\"/admin\", \"/admin/**\"]
policy = \"deny\"
[[access.rule]]
path = \"/**\"
methods = [\"DELETE\"]
policy = \"deny\"
";

#[test]
fn what_is_forbidden_is_forbidden_to_everybody_under_every_spelling() {
    let app = App::start();
    let gate = Gate::start(&format!("{}{LENIENT}{FORBIDDEN}", app.upstream()));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let cookies = browser.cookie_header();
    let before = app.seen().len();
    for (method, target) in [
        ("GET", "/admin"),
        ("GET", "/admin/"),
        ("POST", "/admin/x"),
        ("GET", "/%61dmin/x"),
        ("GET", "//admin/x"),
        ("GET", "/x/../admin/x"),
        ("GET", "/x/%2e%2e/admin"),
        ("GET", "/x%2f..%2fadmin"),
        ("GET", "/admin;x=y"),
        ("GET", "/;/admin"),
        ("GET", "/./admin"),
        ("GET", "/admin%2f"),
        ("GET", "\\admin"),
        ("GET", "/\\admin"),
        ("GET", "/%EF%BD%81dmin"),
        ("DELETE", "/x"),
    ] {
        for lines in [
            &[][..],
            &[("Cookie", cookies.as_str()), ("Accept", "text/html")],
        ] {
            let (reply, _) = ask(&gate, &app, method, target, lines);
            let expected = if target.starts_with('\\') { 400 } else { 403 };
            assert_eq!(reply.status, expected, "{method} {target} {lines:?}");
        }
    }
    assert_eq!(app.seen().len(), before);
    assert_eq!(browser.get("/x").status, 200);
}

#[test]
fn an_open_web_socket_ends_with_its_session() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    for (name, command) in [
        ("signe", "sign-out"),
        ("dirk", "disable"),
        ("rita", "remove"),
    ] {
        let mut browser = gate.browser();
        Person::enrol(&mut browser, name, &gate.invite(name));
        let cookies = browser.cookie_header();
        let open = || WebSocket::open(gate.address(), HOST, "/chat", &[("Cookie", &cookies)]);
        let mut socket = open().expect("the handshake succeeds");
        assert_eq!(socket.echo("hello").expect("an echo"), "hello");
        assert_eq!(gate.cli(&["user", command, name]).code, Some(0));
        let ended = Instant::now();
        socket.wait_for_end();
        assert!(
            ended.elapsed() < Duration::from_secs(5),
            "{command}: {:?}",
            ended.elapsed()
        );
        assert_eq!(
            open().err().map(|reply| reply.status),
            Some(401),
            "{command}"
        );
    }
}

#[test]
fn signing_out_ends_the_web_sockets_of_that_session_alone() {
    let app = App::start();
    let gate = Gate::start(&(app.upstream() + LENIENT));
    let (mut leaving, mut staying) = (gate.browser(), gate.browser());
    let alice = Person::enrol(&mut leaving, "alice", &gate.invite("alice"));
    assert!(alice.sign_in(&mut staying, &alice.backup_codes[0]));
    let open = |browser: &Browser| {
        let cookies = browser.cookie_header();
        WebSocket::open(gate.address(), HOST, "/chat", &[("Cookie", &cookies)]).expect("it opens")
    };
    let (mut first, mut second) = (open(&leaving), open(&staying));
    Person::sign_out(&mut leaving);
    let ended = Instant::now();
    first.wait_for_end();
    assert!(
        ended.elapsed() < Duration::from_secs(5),
        "{:?}",
        ended.elapsed()
    );
    assert_eq!(second.echo("still here").expect("an echo"), "still here");
    assert!(signed_in(&mut staying));
}

#[test]
fn an_app_that_is_away_is_said_to_be_away_and_no_more() {
    // Bound and closed again: nobody listens there now.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = nobody.expect("a port is free");
    let config =
        format!("[[upstream]]\nurl = \"http://{address}\"\n[access]\ndefault = \"bypass\"\n");
    let gate = Gate::start(&config);
    let mut browser = gate.browser();
    let page = browser.get("/secret-path?token=s3cret");
    assert_eq!(page.status, 502);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let problem = browser.send("GET", "/x", &[("Sec-Fetch-Mode", "cors")], b"");
    let form = Browser::new(gate.address(), HOST).send("POST", "/x", &[], b"");
    assert!(form.text().contains("<title>"), "{}", form.text());
    let message = format!("DELETE /x HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let answer = exchange(gate.address(), message.as_bytes()).expect("an answer");
    let program = Reply::parse("", &answer);
    for reply in [&page, &problem, &form, &program] {
        let port = address.port().to_string();
        for inside in [
            "127.0.0.1",
            &port,
            "refused",
            "os error",
            "Connect",
            "hyper",
            "s3cret",
            "secret-path",
        ] {
            assert!(
                !reply.text().contains(inside),
                "{inside} in {}",
                reply.text()
            );
        }
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(program.json()["status"], 502);
}

#[test]
fn signed_in_visitors_do_not_notice_a_flood_of_sign_ins() {
    let app = App::start();
    let config = LENIENT
        .replace(
            "hashing_queue = 1000",
            "hashing_queue = 4\nhashing_threads = 1",
        )
        .replace("iterations = 1", "iterations = 10")
        .replace("7MiB", "64MiB");
    let gate = Gate::start(&(app.upstream() + &config));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let (over, turned_away) = (AtomicBool::new(false), AtomicUsize::new(0));
    let flood = |number: usize| {
        let mut browser = gate.browser();
        let page = browser.get("/_vestibule/login");
        let name = format!("name{number}");
        while !over.load(Ordering::Relaxed) {
            let reply = browser.submit(&page, &[("username", &name), ("password", "wrong")]);
            assert!([403, 503].contains(&reply.status), "{}", reply.text());
            if reply.status == 503 {
                let wait: u64 = reply
                    .header("retry-after")
                    .and_then(|s| s.parse().ok())
                    .expect("a time");
                assert!((1..=60).contains(&wait));
                turned_away.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..16 {
            let flood = &flood;
            scope.spawn(move || flood(number));
        }
        let begun = Instant::now();
        while turned_away.load(Ordering::Relaxed) == 0 && begun.elapsed() < DEADLINE {
            thread::yield_now();
        }
        let before = turned_away.load(Ordering::Relaxed);
        let statuses = at_once(64, |_| browser.clone().get("/").status);
        let during = turned_away.load(Ordering::Relaxed) > before;
        over.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 64]);
        assert!(during, "the flood went on meanwhile");
    });
}
