use super::*;
use crate::authn::account::Profile;
use crate::authn::session::Resumed;
use crate::authz::explain::{Decider, explain};
use crate::authz::{Decision, Outcome, Shown, Subject, decide};
use crate::clock::Timestamp;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn rule(path: &str, policy: Policy) -> Rule {
    Rule {
        paths: vec![PathPattern::parse(path)],
        ..Rule::for_all(policy)
    }
}

fn target(path: &str) -> Target {
    Target::parse("https", "app.example.com", path).unwrap()
}

fn asked<'a>(method: &'a Method, target: &'a Target) -> Asked<'a> {
    Asked {
        method,
        target,
        client: "192.0.2.7".parse().unwrap(),
        destination: None,
    }
}

fn policy(rules: &Rules, path: &str) -> Policy {
    let target = target(path);
    rules.requirement(asked(&Method::GET, &target), None).policy
}

fn account(name: &str, groups: &[&str]) -> Account {
    let profile = Profile {
        groups: groups
            .iter()
            .map(|group| Group::parse(group).unwrap())
            .collect(),
        ..Profile::default()
    };
    Account::new(Username::parse(name).unwrap(), profile, NOW)
}

/// What becomes of a GET by somebody who has shown so many factors, the last one then.
fn outcome(rules: &Rules, path: &str, who: Option<(&Account, usize, Timestamp)>) -> String {
    let target = target(path);
    let session = who.map(|(account, factors, at)| Resumed::for_test(account.id(), factors, at));
    let subject = session
        .as_ref()
        .zip(who)
        .and_then(|(session, (account, ..))| Subject::new(session, account));
    match decide(rules, asked(&Method::GET, &target), subject, NOW) {
        Decision::Allow(permit) if permit.account().is_some() => "named".to_owned(),
        Decision::Allow(_) => "unnamed".to_owned(),
        Decision::Challenge(challenge) => format!("{challenge:?}"),
        Decision::Deny => "Deny".to_owned(),
    }
}

#[test]
fn no_rule_means_two_factors() {
    let rules = Rules::new(vec![], Policy::TwoFactor);
    assert_eq!(outcome(&rules, "/", None), "SignIn");
}

#[test]
fn each_policy_asks_each_visitor_for_what_is_missing() {
    let anna = account("anna", &[]);
    for (policy, nobody, one, two) in [
        (Policy::Bypass, "unnamed", "unnamed", "named"),
        (Policy::OneFactor, "SignIn", "named", "named"),
        (Policy::TwoFactor, "SignIn", "SecondFactor", "named"),
        (Policy::Deny, "Deny", "Deny", "Deny"),
    ] {
        let rules = Rules::new(vec![], policy);
        assert_eq!(outcome(&rules, "/", None), nobody, "{policy:?}");
        assert_eq!(
            outcome(&rules, "/", Some((&anna, 1, NOW))),
            one,
            "{policy:?}"
        );
        assert_eq!(
            outcome(&rules, "/", Some((&anna, 2, NOW))),
            two,
            "{policy:?}"
        );
    }
}

#[test]
fn a_session_of_another_account_is_nobodys() {
    let (anna, bea) = (account("anna", &[]), account("bea", &[]));
    let session = Resumed::for_test(anna.id(), 2, NOW);
    assert!(Subject::new(&session, &bea).is_none());
}

#[test]
fn a_second_factor_gets_too_old_where_a_rule_says_so() {
    let quarter = Duration::from_secs(900);
    let fresh = Rule {
        requirement: Requirement {
            max_age: Some(quarter),
            ..Requirement::of(Policy::TwoFactor)
        },
        ..rule("/admin/**", Policy::TwoFactor)
    };
    let rules = Rules::new(vec![fresh], Policy::TwoFactor);
    let anna = account("anna", &[]);
    let shown = |ago: u64| Some((&anna, 2, Timestamp(NOW.0 - ago)));
    assert_eq!(outcome(&rules, "/admin/x", shown(900)), "named");
    assert_eq!(outcome(&rules, "/admin/x", shown(901)), "FreshSecondFactor");
    assert_eq!(outcome(&rules, "/", shown(901)), "named");
    assert_eq!(
        outcome(&rules, "/x/..%2fadmin", shown(901)),
        "FreshSecondFactor"
    );
    let half = Some((&anna, 1, NOW));
    assert_eq!(outcome(&rules, "/admin/x", half), "SecondFactor");
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = vec![rule("/a/b", Policy::Deny), rule("/a/**", Policy::Bypass)];
    let rules = Rules::new(rules, Policy::TwoFactor);
    assert_eq!(policy(&rules, "/a/b"), Policy::Deny);
    assert_eq!(policy(&rules, "/a/c"), Policy::Bypass);
    assert_eq!(policy(&rules, "/c"), Policy::TwoFactor);
}

#[test]
fn the_query_takes_no_part() {
    let rules = Rules::new(vec![rule("/open/**", Policy::Bypass)], Policy::TwoFactor);
    assert_eq!(policy(&rules, "/open/y?/x"), Policy::Bypass);
    assert_eq!(policy(&rules, "/x?/open/"), Policy::TwoFactor);
    assert_eq!(policy(&rules, "/x?path=/open/y"), Policy::TwoFactor);
}

#[test]
fn an_ambiguous_target_meets_no_bypass_and_no_single_factor() {
    for weak in [Policy::Bypass, Policy::OneFactor] {
        let rules = Rules::new(vec![rule("/open/**", weak)], weak);
        for path in [
            "/open/../x",
            "/open/%2e%2e/x",
            "/open/%2E./x",
            "/x/../open/y",
            "/x%2f..%2fopen/y",
            "/%6fpen/y",
            "//open/y",
            "/open//y",
            "/open/..;/x",
            "/open;a/y",
            "/open/..\\x",
            "/x/..%5copen/y",
            "/open/%252e%252e/x",
            "/open/..%20/x",
            "/open/%20../x",
            "/open/.../x",
        ] {
            assert_eq!(policy(&rules, path), Policy::TwoFactor, "{path}");
        }
    }
}

#[test]
fn an_ambiguous_target_meets_the_strictest_rule_of_its_host() {
    let strict = rule("/admin/**", Policy::Deny);
    let rules = Rules::new(vec![rule("/**", Policy::Bypass), strict], Policy::Bypass);
    assert_eq!(policy(&rules, "/x"), Policy::Bypass);
    assert_eq!(policy(&rules, "/x/..%2fadmin/y"), Policy::Deny);
}

#[test]
fn what_a_rule_shuts_stays_shut_for_lax_servers() {
    for (shut, others) in [
        (
            "/admin/**",
            &["/ADMIN/x", "/admin%20/x", "/admin./x", "/Admin"][..],
        ),
        ("/exact", &["/exact/", "/Exact", "/exact.", "/%20exact"]),
        ("/exact/", &["/exact"]),
        ("/a/*", &["/A/", "/a%20/", "/A/x/"]),
        ("/@admin/**", &["/%40admin/x", "/%40ADMIN/x"]),
        ("/%40admin/**", &["/@admin/x"]),
        ("/a+b/**", &["/a%2Bb/x", "/a%2bb/x"]),
        ("/q:1", &["/q%3A1", "/q%3a1/"]),
        ("/x%7Cy/**", &["/x|y/z", "/x%7cy/z"]),
        ("/sp%5B1%5D/*", &["/sp[1]/x", "/sp%5b1]/x"]),
        (
            "/gehalt%C3%A4/**",
            &["/gehalt%c3%a4/x", "/gehalt%c3%84/x", "/Gehalta%cc%88/x"],
        ),
        (
            "/admin/**",
            &[
                "/adm%C4%B1n/x",
                "/ADM%C4%B0N/x",
                "/adm%C2%ADin/x",
                "/admin%EF%B8%8F/x",
            ],
        ),
        ("/.git/**", &["/.g%E2%80%8Cit/config", "/.GIT/config"]),
        (
            "/%CF%83%CE%B1%CF%82",
            &["/%CF%83%CE%B1%CF%83", "/%CE%A3%CE%91%CE%A3"],
        ),
        ("/*.secret", &["/a.SECRET", "/a%2B.secret"]),
        ("/a%2Ab", &["/a*b"]),
    ] {
        let rules = Rules::new(vec![rule(shut, Policy::Deny)], Policy::Bypass);
        for other in others {
            assert_eq!(policy(&rules, other), Policy::Deny, "{shut}: {other}");
        }
    }
}

#[test]
fn what_a_rule_opens_is_open_to_the_letter_alone() {
    for (open, others) in [
        ("/open/**", &["/OPEN/x", "/open%20/x", "/Open"][..]),
        ("/exact", &["/exact/", "/exact."]),
        ("/@open/**", &["/%40open/x"]),
        ("/a%2Ab", &["/a*b"]),
    ] {
        let rules = Rules::new(vec![rule(open, Policy::Bypass)], Policy::TwoFactor);
        for other in others {
            assert_eq!(policy(&rules, other), Policy::TwoFactor, "{open}: {other}");
        }
    }
    // Whoever does not mind case meets the first rule, and never the second.
    let open = rule("/api/open/**", Policy::Bypass);
    let rules = Rules::new(vec![open, rule("/api/**", Policy::Deny)], Policy::TwoFactor);
    assert_eq!(policy(&rules, "/API/open/x"), Policy::TwoFactor);
    assert_eq!(policy(&rules, "/API/x"), Policy::Deny);
}

#[test]
fn what_a_rule_opens_hides_no_later_rule_from_lax_servers() {
    let [open, shut] = [Policy::Bypass, Policy::Deny];
    for (rules, others) in [
        // Who does not mind case reads `/admin`, which the first rule is not about.
        (
            &[("/admin/", open), ("/admin/**", shut)][..],
            &["/admin", "/ADMIN", "/Admin", "/admin.", "/ADMIN/"][..],
        ),
        (
            &[("/a/*", open), ("/a/b/", shut), ("/**", open)],
            &["/A/b/", "/a/B/", "/A/b%20/"],
        ),
        (&[("/*.css", open), ("/A.CSS", shut)], &["/a.Css"]),
        // Who does not mind case may mind the slash.
        (&[("/admin", open), ("/admin/**", shut)], &["/ADMIN/"]),
    ] {
        let rules = rules.iter().map(|(path, policy)| rule(path, *policy));
        let rules = Rules::new(rules.collect(), Policy::Bypass);
        for other in others {
            assert_eq!(policy(&rules, other), Policy::Deny, "{other}");
        }
    }
}

#[test]
fn a_path_as_it_is_meant_is_not_asked_for_more_by_rules_that_others_hide() {
    let [open, shut] = [Policy::Bypass, Policy::Deny];
    for (rules, path) in [
        // As `/docs/`, too, it would meet the first rule, and never the second.
        (&[("/docs/", open), ("/docs/", shut)][..], "/docs"),
        (&[("/Docs/**", open), ("/Docs/x/", shut)], "/docs/x"),
        // Without its slash, too.
        (
            &[("/docs", open), ("/*", shut), ("/docs/**", open)],
            "/docs/",
        ),
    ] {
        let rules = rules.iter().map(|(path, policy)| rule(path, *policy));
        let rules = Rules::new(rules.collect(), open);
        assert_eq!(policy(&rules, path), open, "{path}");
    }
}

#[test]
fn an_explanation_names_the_fewest_rules_that_lax_servers_could_meet() {
    let aged = Rule {
        requirement: Requirement {
            policy: Policy::TwoFactor,
            max_age: Some(Duration::from_secs(60)),
        },
        ..rule("/*/x/", Policy::TwoFactor)
    };
    let rules = vec![
        rule("/admin/*/", Policy::OneFactor),
        aged,
        rule("/admin*/x*", Policy::TwoFactor),
        rule("/a*/*", Policy::Deny),
    ];
    let rules = Rules::new(rules, Policy::Bypass);
    let target = target("/ADMIN/X/");
    let explained = explain(&rules, asked(&Method::GET, &target), None, Shown::Nothing);
    let requirement = Requirement {
        policy: Policy::Deny,
        max_age: Some(Duration::from_secs(60)),
    };
    assert_eq!(explained.decider, Decider::Lax(vec![1, 3]));
    assert_eq!(explained.requirement, requirement);
}

#[test]
fn a_rule_for_other_methods_counts_for_an_ambiguous_target() {
    let writing = Rule {
        methods: vec![Method::POST],
        ..rule("/admin/**", Policy::Deny)
    };
    let rules = Rules::new(vec![writing], Policy::TwoFactor);
    assert_eq!(policy(&rules, "/x/..%2fadmin/y"), Policy::Deny);
}

#[test]
fn methods_are_a_condition_like_any_other() {
    let get_only = Rule {
        methods: vec![Method::GET],
        ..rule("/open", Policy::Bypass)
    };
    let (rules, target) = (
        Rules::new(vec![get_only], Policy::TwoFactor),
        target("/open"),
    );
    let policy = |method| rules.requirement(asked(method, &target), None).policy;
    assert_eq!(policy(&Method::GET), Policy::Bypass);
    assert_eq!(policy(&Method::POST), Policy::TwoFactor);
}

/// What is asked for somebody who moves what is open.
fn moving(rules: &Rules, destination: &str) -> Requirement {
    let (here, there) = (target("/open/x"), target(destination));
    let asked = Asked {
        destination: Some(&there),
        ..asked(&MOVE, &here)
    };
    rules.requirement(asked, Some(&account("ada", &["staff"])))
}

static MOVE: std::sync::LazyLock<Method> =
    std::sync::LazyLock::new(|| Method::from_bytes(b"MOVE").unwrap());

#[test]
fn whoever_moves_something_needs_what_its_destination_asks_for_too() {
    let fresh = Requirement {
        policy: Policy::TwoFactor,
        max_age: Some(Duration::from_secs(60)),
    };
    let with = |rule: Rule| Rule {
        requirement: fresh,
        ..rule
    };
    let rules = Rules::new(
        vec![
            rule("/open/**", Policy::Bypass),
            rule("/one/**", Policy::OneFactor),
            with(rule("/fresh/**", Policy::TwoFactor)),
            rule("/shut/**", Policy::Deny),
        ],
        Policy::TwoFactor,
    );
    for (destination, asks) in [
        ("/open/y", Requirement::of(Policy::Bypass)),
        ("/one/y", Requirement::of(Policy::OneFactor)),
        ("/y", Requirement::of(Policy::TwoFactor)),
        ("/fresh/y", fresh),
        ("/shut/y", Requirement::of(Policy::Deny)),
        ("/SHUT/y", Requirement::of(Policy::Deny)),
        (
            "/open/..%2fy",
            Requirement {
                policy: Policy::Deny,
                ..fresh
            },
        ),
    ] {
        assert_eq!(moving(&rules, destination), asks, "{destination}");
    }
}

#[test]
fn what_nobody_may_put_somewhere_is_not_moved_there_either() {
    let for_method = |method: &Method, policy| Rule {
        methods: vec![method.clone()],
        ..rule("/dav/**", policy)
    };
    for (method, policy) in [
        (&Method::PUT, Policy::Deny),
        (&*MOVE, Policy::Deny),
        (&Method::POST, Policy::OneFactor),
    ] {
        let rules = vec![
            rule("/open/**", Policy::Bypass),
            for_method(method, Policy::Deny),
        ];
        let asks = moving(&Rules::new(rules, Policy::OneFactor), "/dav/y");
        assert_eq!(asks, Requirement::of(policy), "{method}");
    }
}

#[test]
fn hosts_are_a_condition_like_any_other() {
    for (host, expected) in [
        ("app.example.com", Policy::Bypass),
        ("*.example.com", Policy::Bypass),
        ("wiki.example.com", Policy::TwoFactor),
        ("*.app.example.com", Policy::TwoFactor),
    ] {
        let rule = Rule {
            hosts: vec![HostPattern::parse(host)],
            ..Rule::for_all(Policy::Bypass)
        };
        let rules = Rules::new(vec![rule], Policy::TwoFactor);
        assert_eq!(policy(&rules, "/"), expected, "{host}");
    }
}

#[test]
fn networks_are_those_of_the_client() {
    for (network, expected) in [
        ("192.0.2.0/24", Policy::Bypass),
        ("192.0.2.7/32", Policy::Bypass),
        ("192.0.3.0/24", Policy::TwoFactor),
        ("::/0", Policy::TwoFactor),
    ] {
        let rule = Rule {
            networks: vec![network.parse().unwrap()],
            ..Rule::for_all(Policy::Bypass)
        };
        let rules = Rules::new(vec![rule], Policy::TwoFactor);
        assert_eq!(policy(&rules, "/"), expected, "{network}");
    }
}

#[test]
fn no_network_opens_anything_to_a_client_that_nobody_knows_and_each_could_shut_it_out() {
    let from = |path, policy, networks: &[&str]| Rule {
        networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
        ..rule(path, policy)
    };
    let all = ["::/0", "0.0.0.0/0", "::/128"];
    let rules = Rules::new(
        vec![
            from("/inside/**", Policy::Bypass, &all),
            from("/inside/**", Policy::OneFactor, &["10.0.0.0/8"]),
            rule("/inside/**", Policy::TwoFactor),
            from("/shut/**", Policy::OneFactor, &["192.0.2.0/24"]),
            from("/shut/**", Policy::Deny, &["198.51.100.0/24"]),
            rule("/shut/**", Policy::Bypass),
            from("/late/**", Policy::TwoFactor, &["198.51.100.0/24"]),
            rule("/**", Policy::Bypass),
        ],
        Policy::Deny,
    );
    for (client, path, expected) in [
        ("::", "/inside/a", Policy::TwoFactor),
        ("0.0.0.0", "/inside/a", Policy::TwoFactor),
        ("9.9.9.9", "/inside/a", Policy::Bypass),
        ("::", "/shut/a", Policy::Deny),
        ("198.51.100.1", "/shut/a", Policy::Deny),
        ("192.0.2.1", "/shut/a", Policy::OneFactor),
        ("9.9.9.9", "/shut/a", Policy::Bypass),
        ("::", "/SHUT/a", Policy::Deny),
        ("::", "/late/a", Policy::TwoFactor),
        ("::", "/other", Policy::Bypass),
        ("::", "/other/..%2fshut", Policy::Deny),
    ] {
        let target = target(path);
        let asked = Asked {
            client: client.parse().unwrap(),
            ..asked(&Method::GET, &target)
        };
        let found = rules.requirement(asked, None).policy;
        assert_eq!(found, expected, "{client} {path}");
    }
}

#[test]
fn whoever_is_not_named_goes_on_to_the_next_rule() {
    let staff = Rule {
        groups: vec![Group::parse("staff").unwrap()],
        ..rule("/wiki/**", Policy::OneFactor)
    };
    let anna_alone = Rule {
        users: vec![Username::parse("anna").unwrap()],
        ..rule("/diary/**", Policy::TwoFactor)
    };
    let rules = Rules::new(vec![staff, anna_alone], Policy::Deny);
    let (anna, bea) = (account("anna", &["guests"]), account("bea", &["staff"]));
    let of = |who, path| outcome(&rules, path, Some((who, 2, NOW)));
    assert_eq!(of(&anna, "/diary/1"), "named");
    assert_eq!(of(&bea, "/diary/1"), "Deny");
    assert_eq!(of(&anna, "/wiki/1"), "Deny");
    assert_eq!(of(&bea, "/wiki/1"), "named");
}

#[test]
fn users_and_groups_together_have_both_to_hold() {
    let both = Rule {
        users: vec![Username::parse("anna").unwrap()],
        groups: vec![Group::parse("staff").unwrap()],
        ..Rule::for_all(Policy::TwoFactor)
    };
    let rules = Rules::new(vec![both], Policy::Deny);
    for (name, groups, expected) in [
        ("anna", &["staff"][..], "named"),
        ("anna", &["Staff"], "Deny"),
        ("bea", &["staff"], "Deny"),
    ] {
        let who = account(name, groups);
        assert_eq!(
            outcome(&rules, "/", Some((&who, 2, NOW))),
            expected,
            "{name} {groups:?}"
        );
    }
}

#[test]
fn nobody_is_asked_to_sign_in_before_a_rule_for_some_can_be_judged() {
    let not_them = Rule {
        groups: vec![Group::parse("suspended").unwrap()],
        ..rule("/forum/**", Policy::Deny)
    };
    let not_her = Rule {
        users: vec![Username::parse("anna").unwrap()],
        ..rule("/chat/**", Policy::Deny)
    };
    let rules = Rules::new(
        vec![not_them, rule("/forum/**", Policy::Bypass), not_her],
        Policy::Bypass,
    );
    assert_eq!(outcome(&rules, "/forum/1", None), "SignIn");
    assert_eq!(outcome(&rules, "/chat/1", None), "SignIn");
    assert_eq!(outcome(&rules, "/", None), "unnamed");
    let (anna, bea) = (account("anna", &["suspended"]), account("bea", &[]));
    assert_eq!(outcome(&rules, "/forum/1", Some((&anna, 1, NOW))), "Deny");
    assert_eq!(outcome(&rules, "/forum/1", Some((&bea, 2, NOW))), "named");
}

#[test]
fn a_denied_path_is_denied_to_everybody() {
    let rules = Rules::new(vec![rule("/**", Policy::Deny)], Policy::TwoFactor);
    assert_eq!(outcome(&rules, "/", None), "Deny");
}

proptest! {
    #[test]
    fn no_spelling_of_a_path_weakens_its_policy(path in "/(open|x|\\.\\.|\\.|%2e|%2f|%5c|;|/|\\\\){0,6}") {
        let rules = Rules::new(vec![rule("/open/**", Policy::Bypass)], Policy::TwoFactor);
        if let Ok(target) = Target::parse("https", "app.example.com", &path) {
            let policy = rules.requirement(asked(&Method::GET, &target), None).policy;
            let plainly_open = path == "/open" || (path.starts_with("/open/") && !target.is_ambiguous());
            prop_assert_eq!(policy == Policy::Bypass, plainly_open, "{}", path);
        }
    }
}

/// A path of a few segments that rules are about, and other spellings under which some server reads it so.
fn respelled() -> impl Strategy<Value = (String, String)> {
    let segment = prop::sample::select(vec!["open", "admin", "a", "b", "x.css", "@b"]);
    let segments = prop::collection::vec(segment, 1..4);
    (segments, 0..21_usize, 0..4_usize, any::<bool>()).prop_map(|(segments, way, at, has_end)| {
        let at = at % segments.len();
        let plain = format!("/{}", segments.join("/"));
        let spell = |change: &dyn Fn(&str) -> String| {
            let mut spelled: Vec<String> = segments.iter().map(|s| (*s).to_owned()).collect();
            spelled[at] = change(segments[at]);
            format!("/{}", spelled.join("/"))
        };
        let first = |s: &str| format!("%{:02x}", s.as_bytes()[0]);
        let other = match way {
            0 => spell(&|s| format!("{}{}", first(s), &s[1..])),
            1 => spell(&|s| format!("{}{}", first(s).to_uppercase(), &s[1..])),
            2 => spell(&|s| format!("%25{:02x}{}", s.as_bytes()[0], &s[1..])),
            3 => spell(&|s| format!("./{s}")),
            4 => spell(&|s| format!("z/../{s}")),
            5 => spell(&|s| format!("z/%2e%2e/{s}")),
            6 => spell(&|s| format!("z/..;/{s}")),
            7 => spell(&|s| format!("{s};v=1")),
            8 => spell(&|s| format!("/{s}")),
            9 => plain.replace("/a", "%2fa"),
            10 => format!("/{}", plain[1..].replace('/', "\\")),
            11 => spell(&str::to_uppercase),
            12 => spell(&|s| format!("{s}%20")),
            13 => spell(&|s| format!("{s}.")),
            14 => plain.replace('@', "%40"),
            15 => spell(&|s| format!("z/..%20/{s}")),
            16 => spell(&|s| format!("z/.../{s}")),
            17 => spell(&|s| format!("%20./{s}")),
            18 => format!("{plain}/"),
            19 => format!("{}/", plain.to_uppercase()),
            _ => spell(&|s| {
                s.chars()
                    .map(|c| {
                        char::from_u32(u32::from(c) + 0xfee0).map_or(String::new(), |wide| {
                            let mut bytes = [0; 4];
                            wide.encode_utf8(&mut bytes)
                                .bytes()
                                .map(|b| format!("%{b:02X}"))
                                .collect()
                        })
                    })
                    .collect()
            }),
        };
        if has_end {
            (format!("{plain}/"), toggled(&other))
        } else {
            (plain, other)
        }
    })
}

/// With a slash at the end where there is none, without where there is one.
fn toggled(path: &str) -> String {
    let shorter = path.strip_suffix('/').map(str::to_owned);
    shorter.unwrap_or_else(|| format!("{path}/"))
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(vec![
        Policy::Bypass,
        Policy::OneFactor,
        Policy::TwoFactor,
        Policy::Deny,
    ])
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let paths = vec![
        "/open/**",
        "/admin/**",
        "/a",
        "/a/*",
        "/*.css",
        "/**",
        "/a/b/**",
        "/@b/**",
        "/admin/",
        "/a/",
        "/a/b/",
        "/*/b/",
        "/A",
    ];
    let methods = prop::sample::select(vec![vec![], vec![Method::GET], vec![Method::POST]]);
    let groups = prop::sample::select(vec![vec![], vec!["staff"], vec!["others"]]);
    let users = prop::sample::select(vec![vec![], vec!["bea"], vec!["anna"]]);
    let hosts = prop::sample::select(vec![
        vec![],
        vec!["app.example.com"],
        vec!["*.example.com"],
        vec!["other.example.com"],
    ]);
    let networks = prop::sample::select(vec![vec![], vec!["192.0.2.0/24"], vec!["10.0.0.0/8"]]);
    let age = prop::sample::select(vec![None, Some(Duration::from_secs(60))]);
    let path = prop::sample::select(paths);
    let people = (users, groups);
    (path, methods, people, networks, hosts, any_policy(), age).prop_map(
        |(path, methods, (users, groups), networks, hosts, policy, max_age)| Rule {
            methods,
            hosts: hosts.into_iter().map(HostPattern::parse).collect(),
            users: users
                .iter()
                .map(|user| Username::parse(user).unwrap())
                .collect(),
            groups: groups
                .iter()
                .map(|group| Group::parse(group).unwrap())
                .collect(),
            networks: networks
                .iter()
                .map(|network| network.parse().unwrap())
                .collect(),
            requirement: Requirement { policy, max_age },
            ..rule(path, policy)
        },
    )
}

/// How much stands in the way, so that two outcomes can be compared.
fn weight(outcome: &str) -> u8 {
    match outcome {
        "unnamed" | "named" => 0,
        "Deny" => 2,
        _ => 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn another_spelling_of_a_path_never_meets_less(
        rules in prop::collection::vec(any_rule(), 0..6),
        default in any_policy(),
        (plain, other) in respelled(),
        factors in 0..3_usize,
        age in prop::sample::select(vec![0_u64, 3_600]),
    ) {
        let rules = Rules::new(rules, default);
        let bea = account("bea", &["staff"]);
        let who = (factors > 0).then_some((&bea, factors, Timestamp(NOW.0 - age)));
        let Ok(target) = Target::parse("https", "app.example.com", &other) else {
            return Ok(());
        };
        // A rule that names this spelling and not the other is meant so.
        let mut paths = rules.all().iter().flat_map(|rule| &rule.paths);
        if !target.is_ambiguous() && paths.any(|path| path.matches(&other) && !path.matches(&plain)) {
            return Ok(());
        }
        let (said, meant) = (outcome(&rules, &other, who), outcome(&rules, &plain, who));
        prop_assert!(weight(&said) >= weight(&meant), "{} as {}: {} < {}", plain, other, said, meant);
    }

    #[test]
    fn a_rule_matches_whenever_one_that_it_covers_does(
        (one, two) in (any_rule(), any_rule()),
        (path, other) in respelled(),
    ) {
        prop_assert!(one.covers(&one) && Rule::for_all(Policy::Deny).covers(&two));
        let [bea, anna] = [account("bea", &["staff"]), account("anna", &[])];
        for path in [path, other] {
            let Ok(target) = Target::parse("https", "app.example.com", &path) else {
                continue;
            };
            for who in [None, Some(&bea), Some(&anna)] {
                let [first, second] = [&one, &two].map(|rule| rule.fit(asked(&Method::GET, &target), who));
                let is_met = second != Fit::Matches || first == Fit::Matches;
                prop_assert!(!one.covers(&two) || is_met, "{}: {:?}, {:?}", path, first, second);
                let both = first == Fit::Matches && second == Fit::Matches && !target.is_ambiguous();
                prop_assert!(!both || one.may_meet(&two), "{}", path);
            }
        }
    }

    #[test]
    fn plain_paths_and_rules_are_judged_by_the_letter(
        rules in prop::collection::vec(any_rule(), 0..6),
        default in any_policy(),
        (path, _) in respelled(),
    ) {
        let rules: Vec<Rule> = rules.into_iter().filter(Rule::is_plain).collect();
        let rules = Rules::new(rules, default);
        let target = target(path.trim_end_matches('/'));
        let asked = asked(&Method::GET, &target);
        let mut first = rules.all().iter().filter_map(|rule| rule.requirement(rule.fit(asked, None)));
        let expected = first.next().unwrap_or(Requirement::of(default));
        prop_assert_eq!(rules.requirement(asked, None), expected);
    }

    #[test]
    fn an_explanation_decides_as_the_decision_does(
        rules in prop::collection::vec(any_rule(), 0..6),
        default in any_policy(),
        (plain, other) in respelled(),
        is_plain in any::<bool>(),
        factors in 0..3_usize,
        age in prop::sample::select(vec![0_u64, 3_600]),
    ) {
        let rules = Rules::new(rules, default);
        let path = if is_plain { plain } else { other };
        let Ok(target) = Target::parse("https", "app.example.com", &path) else {
            return Ok(());
        };
        let bea = account("bea", &["staff"]);
        let who = (factors > 0).then_some(&bea);
        let shown = match factors {
            0 => Shown::Nothing,
            1 => Shown::OneFactor,
            _ => Shown::TwoFactor { age: Duration::from_secs(age) },
        };
        let explained = explain(&rules, asked(&Method::GET, &target), who, shown);
        let said = match explained.outcome {
            Outcome::Named => "named".to_owned(),
            Outcome::Unnamed => "unnamed".to_owned(),
            Outcome::Challenge(challenge) => format!("{challenge:?}"),
            Outcome::Deny => "Deny".to_owned(),
        };
        let decided = outcome(&rules, &path, who.map(|who| (who, factors, Timestamp(NOW.0 - age))));
        prop_assert_eq!(said, decided);
        let rests_on = match explained.decider {
            Decider::Rule(at) => rules.all()[at].requirement(explained.fits[at]),
            Decider::Default => Some(Requirement::of(rules.default_policy())),
            // They add to what the rule asks that matches to the letter.
            Decider::Lax(places) => {
                let asked = asked(&Method::GET, &target);
                for at in places {
                    let rule = &rules.all()[at];
                    let adds = rule.requirement(rule.lax_fit(asked, who));
                    prop_assert_eq!(adds.map(|adds| explained.requirement.and(adds)), Some(explained.requirement));
                }
                None
            }
            Decider::All => None,
        };
        prop_assert!(rests_on.is_none_or(|requirement| requirement == explained.requirement));
    }
}
