//! Who may ask, and which requests cannot be understood in one way alone.

use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply, exchange};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person};
use crate::{DIALECTS, Dialect, NAVIGATION, Question, Scene};

const RULES: &str = "[access]\nrule = [{ path = \"/open/**\", policy = \"bypass\" }]\n";

/// What a question is answered that has no single meaning.
fn unclear(dialect: Dialect) -> u16 {
    match dialect {
        Dialect::AuthRequest => 403,
        Dialect::ForwardAuth | Dialect::ExtAuthz => 400,
    }
}

#[test]
fn nobody_but_a_trusted_proxy_is_answered() {
    let gate = Gate::start(&format!(
        "trusted_proxies = [\"192.0.2.1\"]\n{LENIENT}{RULES}"
    ));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let cookie = browser.cookie_header();
    for dialect in DIALECTS {
        for target in ["/open/x", "/page"] {
            let head = Question::get(target).head(dialect);
            let message = format!("{head}Cookie: {cookie}\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
            let answer = exchange(gate.address(), message.as_bytes()).expect("an answer");
            let reply = Reply::parse("", &answer);
            assert_eq!(reply.status, 403, "{dialect:?}");
            assert_eq!(reply.header("remote-user"), None);
        }
    }
}

#[test]
fn what_the_client_of_a_proxy_wrote_badly_is_no_fault_of_the_server() {
    let scene = Scene::new(RULES);
    let many = vec!["a=b"; 300].join("; ");
    for dialect in DIALECTS {
        for line in [
            ("Cookie", "\u{e9}=1"),
            ("Cookie", many.as_str()),
            ("Host", "other.team.localhost"),
        ] {
            let status = scene.ask(dialect, Question::get("/page"), &[line]).status;
            let expected: &[u16] = match dialect {
                Dialect::AuthRequest => &[403],
                Dialect::ForwardAuth | Dialect::ExtAuthz => &[400, 431],
            };
            assert!(expected.contains(&status), "{dialect:?} {line:?}: {status}");
        }
    }
}

#[test]
fn a_flood_of_checks_from_elsewhere_is_a_few_lines() {
    let gate = Gate::start(&format!("trusted_proxies = [\"192.0.2.1\"]\n{LENIENT}"));
    for dialect in DIALECTS {
        for _ in 0..20 {
            let message = format!("{}\r\n", Question::get("/page").head(dialect));
            let answer = exchange(gate.address(), message.as_bytes()).expect("an answer");
            assert_eq!(Reply::parse("", &answer).status, 403);
        }
    }
    // Lines come in order: once that of a new account is there, all before it are.
    let added = gate.cli(&["user", "add", "marker", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&added.stdout).expect("JSON");
    gate.wait_for(answer["user"]["id"].as_str().expect("an id"));
    let output = gate.output();
    let lines = output.matches("trusted_prox").count();
    // Three at once, and one more for every minute that this took.
    assert!((3..10).contains(&lines), "{lines} lines:\n{output}");
}

#[test]
fn a_header_that_is_missing_or_doubled_is_no_question() {
    let scene = Scene::new(RULES);
    for (dialect, names) in [
        (
            Dialect::AuthRequest,
            &["X-Original-URL", "X-Original-Method"][..],
        ),
        (
            Dialect::ForwardAuth,
            &[
                "X-Forwarded-Method",
                "X-Forwarded-Proto",
                "X-Forwarded-Host",
                "X-Forwarded-Uri",
            ],
        ),
    ] {
        let head = Question::get("/open/x").head(dialect);
        assert_eq!(scene.send(&format!("{head}\r\n")).status, 200);
        for name in names {
            let line = head
                .lines()
                .find(|line| line.starts_with(name))
                .expect("it is asked with");
            let without = head.replace(&format!("{line}\r\n"), "");
            let twice = format!("{head}{line}\r\n");
            let lower = format!("{head}{}\r\n", line.to_lowercase());
            for message in [without, twice, lower] {
                let reply = scene.send(&format!("{message}\r\n"));
                assert_eq!(reply.status, unclear(dialect), "{message}");
            }
        }
    }
}

#[test]
fn no_dialect_believes_the_headers_of_another() {
    let scene = Scene::new(RULES);
    let open = [
        ("X-Original-URL", "http://wiki.team.localhost/open/x"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Path", "/open/x"),
        ("X-Rewrite-URL", "/open/x"),
        ("X-HTTP-Method-Override", "GET"),
        ("Forwarded", "host=wiki.team.localhost;proto=http"),
    ];
    for dialect in DIALECTS {
        let head = Question::get("/page").head(dialect).to_lowercase();
        let foreign = open
            .iter()
            .filter(|(name, _)| !head.contains(&name.to_lowercase()));
        let lines: Vec<_> = foreign.copied().collect();
        assert_eq!(
            scene.ask(dialect, Question::get("/page"), &lines).status,
            401,
            "{dialect:?}"
        );
    }
}

#[test]
fn the_query_of_the_check_itself_counts_for_nothing() {
    let scene = Scene::new(RULES);
    for dialect in [Dialect::AuthRequest, Dialect::ForwardAuth] {
        let head = Question::get("/page").head(dialect);
        for query in [
            "?url=http://wiki.team.localhost/open/x",
            "?rd=/open/x&policy=bypass",
            "?",
        ] {
            let asked = head.replacen(" HTTP/", &format!("{query} HTTP/"), 1);
            assert_eq!(scene.send(&format!("{asked}\r\n")).status, 401, "{query}");
        }
    }
}

#[test]
fn no_other_path_of_ours_answers_checks() {
    let scene = Scene::new(RULES);
    for path in [
        "/authz",
        "/authz/",
        "/authz/auth-request/",
        "/authz/forward-auth/open/x",
        "/authz/ext-authz",
        "/authz/ext-authzx/open/x",
        "/authz/nginx",
    ] {
        let message = format!(
            "GET {PORTAL}{path} HTTP/1.1\r\nHost: wiki.team.localhost\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(scene.send(&message).status, 404, "{path}");
    }
}

#[test]
fn a_body_is_never_waited_for() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        let question = Question {
            method: "POST",
            ..Question::get("/open/x")
        };
        for lines in [
            &[("Content-Length", "3")][..],
            &[("Content-Length", "99999999999")],
            &[("Content-Length", "3"), ("Expect", "100-continue")],
        ] {
            let head = question.head(dialect).replace("Connection: close\r\n", "");
            let mut message = head;
            for (name, value) in lines {
                message.push_str(&format!("{name}: {value}\r\n"));
            }
            let reply = scene.send(&(message + "\r\n"));
            assert_eq!(reply.status, 200, "{dialect:?} {lines:?}");
        }
    }
}

/// What a client may write that means something to a server, or to a proxy on the way.
const MEANINGFUL: &[(&str, &str)] = &[
    ("Max-Forwards", "0"),
    ("Max-Forwards", "1"),
    ("If-None-Match", "*"),
    ("If-Match", "\"x\""),
    ("If-Modified-Since", "Tue, 24 Nov 2099 16:00:00 GMT"),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Range", "bytes=0-1"),
    ("Expect", "100-continue"),
    ("Upgrade", "websocket"),
    ("Connection", "close, Upgrade"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ("Sec-WebSocket-Version", "13"),
    ("Access-Control-Request-Method", "GET"),
    ("Origin", "http://wiki.team.localhost"),
    ("Accept-Encoding", "gzip"),
    ("User-Agent", "kube-probe/1.30"),
    ("User-Agent", "GoogleHC/1.0"),
    ("X-HTTP-Method-Override", "GET"),
    ("Sec-Fetch-Mode", "navigate"),
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "LOCK",
];

#[test]
fn no_method_and_no_header_of_a_client_changes_an_answer() {
    let scene = Scene::new(
        "[access]\nrule = [{ path = \"/open/**\", policy = \"bypass\" }, { path = \"/secret/**\", policy = \"deny\" }]\n",
    );
    let mut sets: Vec<Vec<(&str, &str)>> = MEANINGFUL.iter().map(|line| vec![*line]).collect();
    sets.push(MEANINGFUL[2..16].to_vec());
    sets.push(vec![]);
    for dialect in DIALECTS {
        for method in METHODS {
            for lines in &sets {
                for (target, expected) in [("/open/x", 200), ("/page", 401), ("/secret/x", 403)] {
                    let status = asked_by_a_proxy_that_keeps_the_method(
                        &scene, dialect, method, target, lines,
                    );
                    // A browser that navigates is sent to sign in.
                    let navigates = lines.iter().any(|(_, value)| *value == "navigate")
                        && ["GET", "HEAD"].contains(&method)
                        && dialect != Dialect::AuthRequest;
                    let expected = if expected == 401 && navigates {
                        303
                    } else {
                        expected
                    };
                    assert_eq!(status, expected, "{dialect:?} {method} {target} {lines:?}");
                }
            }
        }
    }
}

/// The status, where the check itself is made with the method of the request, as Traefik can be told to.
fn asked_by_a_proxy_that_keeps_the_method(
    scene: &Scene,
    dialect: Dialect,
    method: &str,
    target: &str,
    lines: &[(&str, &str)],
) -> u16 {
    let question = Question {
        method,
        ..Question::get(target)
    };
    let head = question.head(dialect);
    let (_, rest) = head.split_once(' ').expect("a request line");
    let mut message = format!("{method} {rest}");
    for (name, value) in lines {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    scene.send(&(message + "\r\n")).status
}

#[test]
fn whoever_gave_a_password_alone_does_not_pass() {
    let scene = Scene::new(RULES);
    let mut half = scene.half_signed_in();
    let cookie = half.cookie_header();
    for dialect in DIALECTS {
        let reply = scene.ask(dialect, Question::get("/page"), &[("Cookie", &cookie)]);
        assert_eq!(reply.status, 401, "{dialect:?}");
    }
    assert_eq!(half.get(&format!("{PORTAL}/whoami")).status, 401);
}

#[test]
fn two_session_cookies_are_nobodys() {
    let scene = Scene::new(RULES);
    let twice = format!("{0}; {0}", scene.cookie);
    for dialect in DIALECTS {
        let reply = scene.ask(dialect, Question::get("/page"), &[("Cookie", &twice)]);
        assert_ne!(reply.status, 200, "{dialect:?}");
    }
}

/// Path, and what is decided in front of the app and in every dialect about nobody.
const PATHS: &[(&str, u16)] = &[
    ("/open/y", 200),
    ("/open/y?/x", 200),
    ("/open/../x", 401),
    ("/open/%2e%2e/x", 401),
    ("/open/%2E./x", 401),
    ("/x/../open/y", 401),
    ("/x%2f..%2fopen/y", 401),
    ("/%6fpen/y", 401),
    ("/OPEN/y", 401),
    ("//open/y", 401),
    ("/open//y", 401),
    ("/open/..;/x", 401),
    ("/open/..%3b/x", 401),
    ("/open;a/y", 401),
    ("/open/..\\x", 401),
    ("/x/..%5copen/y", 401),
    ("/open/%252e%252e/x", 401),
    ("/open/a%3f/../x", 401),
    ("/opener/y", 401),
    ("/x?/open/", 401),
    ("/x?a=/open/", 401),
    ("/", 401),
    ("/open%00/y", 400),
    ("/x#/open/", 400),
    ("/open/#/../x", 400),
    ("/a%zz", 400),
    ("/a\"<>", 400),
];

#[test]
fn a_path_is_judged_alike_in_front_of_the_app_and_in_every_dialect() {
    let app = App::start();
    let inline = Gate::start(&format!("{}{LENIENT}{RULES}", app.upstream()));
    let scene = Scene::new(RULES);
    for (path, expected) in PATHS {
        let message = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            crate::harness::HOST
        );
        let answer = exchange(inline.address(), message.as_bytes()).expect("an answer");
        assert_eq!(
            Reply::parse("", &answer).status,
            *expected,
            "in line {path}"
        );
        for dialect in DIALECTS {
            let status = scene.ask(dialect, Question::get(path), &[]).status;
            let expected = match expected {
                400 => unclear(dialect),
                other => *other,
            };
            assert_eq!(status, expected, "{dialect:?} {path}");
        }
    }
}

#[test]
fn hosts_are_judged_in_one_spelling_and_nonsense_is_refused() {
    let scene =
        Scene::new("[access]\nrule = [{ host = \"open.team.localhost\", policy = \"bypass\" }]\n");
    for (host, expected) in [
        ("open.team.localhost", 200),
        ("OPEN.team.localhost", 200),
        ("open.team.localhost.", 200),
        ("open.team.localhost:80", 200),
        ("open.team.localhost:8443", 200),
        ("xopen.team.localhost", 401),
        ("open.team.localhost.evil", 401),
        ("open.team.localhost@evil", 0),
        ("open.team.localhost, evil", 0),
        ("", 0),
        ("[::1", 0),
    ] {
        for dialect in DIALECTS {
            let question = Question {
                host,
                ..Question::get("/x")
            };
            let status = scene.ask(dialect, question, &[]).status;
            match expected {
                0 => assert_ne!(status, 200, "{dialect:?} {host}"),
                expected => assert_eq!(status, expected, "{dialect:?} {host}"),
            }
        }
    }
}

#[test]
fn our_own_pages_are_let_through_on_our_host_and_judged_on_every_other() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        for (host, target, expected) in [
            (crate::AUTH_HOST, "/_vestibule/login", 200),
            (crate::AUTH_HOST, "/_vestibule/assets/x.css", 200),
            (crate::AUTH_HOST, "/_vestibule/", 200),
            // Proxies send us what lies below it, and this to the app.
            (crate::AUTH_HOST, "/_vestibule", 401),
            (crate::AUTH_HOST, "/_vestibule?a", 401),
            // The proxy, or the app behind it, takes these for `/admin`.
            (crate::AUTH_HOST, "/_vestibule/assets/..%2f..%2fadmin", 403),
            (crate::AUTH_HOST, "/_vestibule/invite/..%5C..%5Cadmin", 403),
            (crate::AUTH_HOST, "/_vestibule/invite/..\\..\\admin", 403),
            (
                crate::AUTH_HOST,
                "/_vestibule/assets/%252e%252e%252f..%252fadmin",
                403,
            ),
            (crate::AUTH_HOST, "/_vestibule/assets/..", 403),
            (crate::AUTH_HOST, "/_vestibule/authz/auth-request", 403),
            (crate::AUTH_HOST, "/_VESTIBULE/login", 403),
            (crate::AUTH_HOST, "//_vestibule/login", 403),
            ("wiki.team.localhost", "/_vestibule/login", 401),
            ("auth.team.localhost:8443", "/_vestibule/login", 401),
        ] {
            let question = Question {
                host,
                ..Question::get(target)
            };
            assert_eq!(
                scene.ask(dialect, question, &[]).status,
                expected,
                "{dialect:?} {host}{target}"
            );
        }
    }
}

#[test]
fn early_data_asks_for_nothing_that_changes_anything() {
    let scene = Scene::new(RULES);
    let early = [("Early-Data", "1")];
    for dialect in DIALECTS {
        let post = Question {
            method: "POST",
            ..Question::get("/open/x")
        };
        let expected = if dialect == Dialect::AuthRequest {
            403
        } else {
            425
        };
        assert_eq!(scene.ask(dialect, post, &early).status, expected);
        assert_eq!(
            scene.ask(dialect, Question::get("/open/x"), &early).status,
            200
        );
    }
}

#[test]
fn a_check_is_about_the_destination_too_in_every_dialect() {
    let scene = Scene::new("[access]\nrule = [{ path = \"/shut/**\", policy = \"deny\" }]\n");
    for dialect in DIALECTS {
        let moved = Question {
            method: "MOVE",
            ..Question::get("/page")
        };
        for (destination, expected) in [
            ("/page2", 200),
            ("http://wiki.team.localhost/page2", 200),
            ("https://wiki.team.localhost:8443/page2", 200),
            ("/shut/x", 403),
            ("http://auth.team.localhost/page2", unclear(dialect)),
            ("/_vestibule/login", unclear(dialect)),
            ("page2", unclear(dialect)),
        ] {
            let lines = [("Destination", destination), ("Cookie", &scene.cookie)];
            let status = scene.ask(dialect, moved, &lines).status;
            assert_eq!(status, expected, "{dialect:?} {destination}");
        }
    }
}

#[test]
fn an_ended_session_is_out_at_the_next_check() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        assert_eq!(
            scene.ask_for_alice(dialect, Question::get("/page")).status,
            200
        );
    }
    assert_eq!(scene.gate.cli(&["user", "sign-out", "alice"]).code, Some(0));
    for dialect in DIALECTS {
        let reply = scene.ask_for_alice(dialect, Question::get("/page"));
        assert_eq!(reply.status, 401, "{dialect:?}");
        let page = scene.ask(dialect, Question::get("/page"), NAVIGATION);
        assert!(page.header("location").is_some(), "{dialect:?}");
    }
}

#[test]
fn a_visitor_comes_back_from_the_login_page_to_where_the_proxy_asked() {
    let scene = Scene::new(RULES);
    let reply = scene.ask(Dialect::ForwardAuth, Question::get("/page?x=1"), NAVIGATION);
    let location = reply.header("location").expect("a login page").to_owned();
    let path = location
        .strip_prefix("http://auth.team.localhost")
        .expect("ours, in full");
    let mut browser = Browser::new(scene.gate.address(), crate::AUTH_HOST);
    let page = browser.visit(path);
    let fields = [
        ("username", "alice"),
        ("password", scene.alice.password.as_str()),
    ];
    let answer = browser.submit(&page, &fields);
    let page = browser.follow(answer);
    let code = scene.alice.backup_codes[0].as_str();
    let answer = browser.submit(&page, &[("code", code)]);
    assert_eq!(
        answer.header("location"),
        Some("http://wiki.team.localhost/page?x=1")
    );
    let lines = [("Cookie", browser.cookie_header())];
    let lines = [(lines[0].0, lines[0].1.as_str())];
    let reply = scene.ask(Dialect::ForwardAuth, Question::get("/page?x=1"), &lines);
    assert_eq!(reply.status, 200);
}
