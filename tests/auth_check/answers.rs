//! What each proxy is answered.

use crate::AUTH_HOST;
use crate::harness::assertion::Assertion;
use crate::harness::person::PORTAL;
use crate::harness::third_party;
use crate::{DIALECTS, Dialect, NAVIGATION, Question, Scene, identity};

const RULES: &str = "\
[access]
cors_origins = [\"https://spa.example\"]
rule = [
    { path = \"/open/**\", policy = \"bypass\" },
    { path = \"/never/**\", policy = \"deny\" },
    { path = \"/drop/**\", methods = \"DELETE\", policy = \"deny\" },
    { host = \"*.wiki.team.localhost\", policy = \"bypass\" },
]
";

#[test]
fn somebody_who_is_signed_in_passes_with_every_identity_header() {
    let scene = Scene::new(RULES);
    let keys = scene
        .gate
        .browser()
        .get(&format!("{PORTAL}/jwks.json"))
        .json();
    for dialect in DIALECTS {
        let reply = scene.ask_for_alice(dialect, Question::get("/page?x=1"));
        assert_eq!(reply.status, 200, "{dialect:?}: {reply:?}");
        let lines = identity(&reply);
        let value = |at: usize| lines[at].1.clone().expect("every name stands there");
        assert_eq!(
            [value(0), value(1), value(2), value(3)],
            ["alice", "", "", ""],
            "{dialect:?}"
        );
        let assertion = Assertion::verify(&value(4), &keys).expect("it is signed");
        assert_eq!(assertion.text("preferred_username"), "alice");
        assert!(!reply.sets_a_cookie(), "{dialect:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.text(), "");
    }
}

#[test]
fn what_is_open_passes_and_every_identity_header_is_empty() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        for (host, target) in [
            ("wiki.team.localhost", "/open/x"),
            ("a.wiki.team.localhost", "/"),
        ] {
            let question = Question {
                host,
                ..Question::get(target)
            };
            let reply = scene.ask(dialect, question, &[("Remote-User", "root")]);
            assert_eq!(reply.status, 200, "{dialect:?} {target}");
            assert!(
                identity(&reply)
                    .iter()
                    .all(|(_, value)| value.as_deref() == Some("")),
                "{reply:?}"
            );
        }
    }
}

#[test]
fn a_check_that_passes_is_counted_by_whether_somebody_is_named() {
    let scene = Scene::new(RULES);
    let counted = || {
        let metrics = scene.gate.ops("/metrics").text();
        ["app", "bypassed"].map(|class| {
            let series = format!("vestibule_requests_total{{class=\"{class}\"}} ");
            let mut lines = metrics.lines();
            let count = lines.find_map(|line| line.strip_prefix(&series));
            count.expect("it is counted").parse::<u64>().unwrap()
        })
    };
    let before = counted();
    for dialect in DIALECTS {
        scene.ask_for_alice(dialect, Question::get("/page"));
        scene.ask(dialect, Question::get("/open/x"), &[]);
        scene.ask(dialect, Question::get("/open/y"), &[]);
    }
    let after = counted();
    assert_eq!([0, 1].map(|at| after[at] - before[at]), [3, 6]);
}

#[test]
fn a_navigation_is_sent_to_the_login_page_in_full_and_a_program_is_told() {
    let scene = Scene::new(RULES);
    let login =
        format!("http://{AUTH_HOST}{PORTAL}/login?rd=http://wiki.team.localhost/page%3Fx%3D1");
    for dialect in DIALECTS {
        let question = Question::get("/page?x=1");
        let reply = scene.ask(dialect, question, NAVIGATION);
        let program = scene.ask(dialect, question, &[("Accept", "application/json")]);
        match dialect {
            Dialect::AuthRequest => {
                assert_eq!((reply.status, program.status), (401, 401));
                assert_eq!(reply.header("location"), Some(login.as_str()));
                assert_eq!(reply.header("x-vestibule-redirect"), Some(login.as_str()));
                assert_eq!(program.header("location"), Some(login.as_str()));
                assert_eq!(program.header("x-vestibule-redirect"), None);
            }
            Dialect::ForwardAuth | Dialect::ExtAuthz => {
                assert_eq!((reply.status, program.status), (303, 401), "{dialect:?}");
                assert_eq!(reply.header("location"), Some(login.as_str()));
                assert_eq!(program.header("location"), None);
            }
        }
        if dialect != Dialect::AuthRequest {
            assert_eq!(program.json()["login_url"], login.as_str());
        }
        assert_eq!(
            program.header("www-authenticate"),
            Some("Vestibule realm=\"vestibule\"")
        );
        assert_eq!(program.header("grpc-status"), None, "{dialect:?}");
        assert!(!reply.sets_a_cookie() && !program.sets_a_cookie());
    }
    let post = Question {
        method: "POST",
        ..Question::get("/page")
    };
    for dialect in DIALECTS {
        assert_eq!(
            scene.ask(dialect, post, NAVIGATION).status,
            401,
            "{dialect:?}"
        );
    }
}

#[test]
fn what_is_denied_is_403_for_everybody_and_small() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        for lines in [&[][..], NAVIGATION, &[("Cookie", scene.cookie.as_str())]] {
            let reply = scene.ask(dialect, Question::get("/never/x"), lines);
            assert_eq!(reply.status, 403, "{dialect:?}");
            assert_eq!(
                identity(&reply)
                    .iter()
                    .filter(|(_, value)| value.is_some())
                    .count(),
                0
            );
        }
        let drop = Question {
            method: "DELETE",
            ..Question::get("/drop/x")
        };
        assert_eq!(
            scene.ask_for_alice(dialect, drop).status,
            403,
            "{dialect:?}"
        );
        assert_eq!(
            scene
                .ask_for_alice(dialect, Question::get("/drop/x"))
                .status,
            200
        );
    }
}

#[test]
fn every_reply_is_below_three_kibibytes() {
    let scene = Scene::new(RULES);
    // As much as an account may hold.
    let groups: Vec<String> = (10..25)
        .map(|number| format!("{number}{}", "g".repeat(62)))
        .collect();
    let mut arguments = vec!["user", "set", "alice"];
    for group in &groups {
        arguments.extend(["--group", group.as_str()]);
    }
    assert_eq!(scene.gate.cli(&arguments).code, Some(0));
    let long = format!("/page?{}", "x".repeat(1500));
    for dialect in DIALECTS {
        for (target, lines) in [
            ("/page", &[("Cookie", scene.cookie.as_str())][..]),
            ("/never/", NAVIGATION),
            (&long, NAVIGATION),
            (&long, &[]),
        ] {
            let mut head = Question::get(target).head(dialect);
            for (name, value) in lines {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            let answer = crate::exchange(scene.gate.address(), (head + "\r\n").as_bytes())
                .expect("an answer");
            assert!(
                answer.len() < 3 * 1024,
                "{dialect:?} {target}: {} bytes",
                answer.len()
            );
        }
    }
}

#[test]
fn scripts_of_configured_origins_may_read_that_a_sign_in_is_needed() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        let with = |origin| {
            let lines = [("Origin", origin), ("Sec-Fetch-Mode", "cors")];
            let reply = scene.ask(dialect, Question::get("/api"), &lines);
            assert_eq!(reply.status, 401, "{dialect:?}");
            let varies = ["Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept", "Origin"];
            assert_eq!(reply.all("vary"), varies, "{dialect:?} {origin}");
            let names = [
                "access-control-allow-origin",
                "access-control-allow-credentials",
            ];
            names.map(|name| reply.header(name).map(str::to_owned))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            with("https://spa.example"),
            [some("https://spa.example"), some("true")]
        );
        for other in [
            "https://evil.example",
            "null",
            "https://spa.example.evil",
            "http://spa.example",
        ] {
            assert_eq!(with(other), [None, None], "{other}");
        }
    }
}

#[test]
fn a_form_of_nobody_is_answered_in_words_where_the_proxy_hands_them_on() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        let sent = Question {
            method: "POST",
            ..Question::get("/comments?on=7")
        };
        let reply = scene.ask(dialect, sent, &[("Sec-Fetch-Mode", "navigate")]);
        assert_eq!(reply.status, 401, "{dialect:?}");
        assert_eq!(reply.header("x-vestibule-redirect"), None, "{dialect:?}");
        let challenge = reply.header("www-authenticate");
        assert_eq!(challenge, Some("Vestibule realm=\"vestibule\""));
        let words = "so what you sent was not passed on";
        let is_told = reply.text().contains(words);
        assert_eq!(is_told, dialect != Dialect::AuthRequest, "{dialect:?}");
    }
}

#[test]
fn a_grpc_client_hears_its_own_code() {
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        let call = Question {
            method: "POST",
            ..Question::get("/pkg.Service/Call")
        };
        let reply = scene.ask(dialect, call, &[("Content-Type", "application/grpc+proto")]);
        assert_eq!(
            (reply.status, reply.header("grpc-status")),
            (401, Some("16")),
            "{dialect:?}"
        );
    }
}

#[test]
fn an_invented_token_is_nobody() {
    let scene = Scene::new(RULES);
    let invented = scene.cookie.replace(|c: char| c.is_ascii_digit(), "7");
    assert_ne!(invented, scene.cookie);
    for dialect in DIALECTS {
        let reply = scene.ask(dialect, Question::get("/page"), &[("Cookie", &invented)]);
        assert_eq!(reply.status, 401, "{dialect:?}");
    }
}

#[test]
fn a_session_that_cannot_be_looked_up_lets_nobody_in() {
    if !third_party() {
        return;
    }
    let scene = Scene::new(RULES);
    for dialect in DIALECTS {
        let reply = scene.ask_for_alice(dialect, Question::get("/page"));
        assert_eq!(reply.status, 200, "{dialect:?}");
    }
    // Changed, so that what is in memory of her counts no more.
    let changed = scene
        .gate
        .cli(&["user", "set", "alice", "--group", "staff"]);
    assert_eq!(changed.code, Some(0), "{changed:?}");
    scene.gate.lose_store();
    for dialect in DIALECTS {
        let expected = match dialect {
            Dialect::AuthRequest => 500,
            Dialect::ForwardAuth | Dialect::ExtAuthz => 503,
        };
        for target in ["/page", "/open/x"] {
            let reply = scene.ask_for_alice(dialect, Question::get(target));
            assert_eq!(reply.status, expected, "{dialect:?} {target}");
            let named = identity(&reply)
                .iter()
                .filter(|(_, value)| value.is_some())
                .count();
            assert_eq!(named, 0, "{reply:?}");
        }
    }
}
