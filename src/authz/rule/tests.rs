use super::*;
use crate::authn::AccountId;
use crate::authz::{Challenge, Decision, decide};
use proptest::prelude::*;

fn rule(path: &str, policy: Policy) -> Rule {
    Rule {
        hosts: vec![],
        paths: vec![PathPattern::parse(path)],
        methods: vec![],
        policy,
    }
}

fn target(path: &str) -> Target {
    Target::parse("https", "app.example.com", path).unwrap()
}

fn policy(rules: &Rules, path: &str) -> Policy {
    rules.policy(&Method::GET, &target(path))
}

#[test]
fn no_rule_means_two_factors() {
    let rules = Rules::new(vec![], Policy::TwoFactor);
    let decision = decide(&rules, &Method::GET, &target("/"), None);
    assert!(matches!(
        decision,
        Decision::Challenge(Challenge::NoSession)
    ));
}

#[test]
fn patterns_match_whole_segments() {
    for (pattern, path, expected) in [
        ("/open", "/open", true),
        ("/open", "/opener", false),
        ("/open", "/open/", false),
        ("/open/**", "/open", true),
        ("/open/**", "/open/", true),
        ("/open/**", "/open/a/b", true),
        ("/open/**", "/opener/a", false),
        ("/**", "/", true),
        ("/**", "/a/b", true),
        ("/", "/", true),
        ("/", "/a", false),
        ("/users/*/avatar", "/users/7/avatar", true),
        ("/users/*/avatar", "/users/7/8/avatar", false),
        ("/*.css", "/a.css", true),
        ("/*.css", "/a/b.css", false),
        ("/*.css", "/account.css/x", false),
        ("/a*b*c", "/a-b-c", true),
        ("/a*b*c", "/acb", false),
        ("/a*a", "/a", false),
        ("/OPEN", "/open", false),
    ] {
        let actual = PathPattern::parse(pattern).matches(path);
        assert_eq!(actual, expected, "{pattern} on {path}");
    }
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
fn an_ambiguous_target_meets_no_bypass() {
    let rules = Rules::new(vec![rule("/open/**", Policy::Bypass)], Policy::TwoFactor);
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
    ] {
        assert_eq!(policy(&rules, path), Policy::TwoFactor, "{path}");
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
fn an_ambiguous_target_needs_two_factors_even_where_all_is_open() {
    let rules = Rules::new(vec![], Policy::Bypass);
    assert_eq!(policy(&rules, "/a%2fb"), Policy::TwoFactor);
}

#[test]
fn hosts_match_on_label_boundaries_and_in_any_case() {
    for (pattern, host, expected) in [
        ("app.example.com", "app.example.com", true),
        ("APP.example.com.", "app.example.com", true),
        ("app.example.com", "x.app.example.com", false),
        ("*.example.com", "app.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "badexample.com", false),
        ("*.example.com", ".example.com", false),
    ] {
        let actual = HostPattern::parse(pattern).matches(host);
        assert_eq!(actual, expected, "{pattern} on {host}");
    }
}

#[test]
fn methods_are_a_condition_like_any_other() {
    let get_only = Rule {
        methods: vec![Method::GET],
        ..rule("/open", Policy::Bypass)
    };
    let rules = Rules::new(vec![get_only], Policy::TwoFactor);
    assert_eq!(rules.policy(&Method::GET, &target("/open")), Policy::Bypass);
    assert_eq!(
        rules.policy(&Method::POST, &target("/open")),
        Policy::TwoFactor
    );
}

#[test]
fn a_denied_path_is_denied_to_everybody() {
    let rules = Rules::new(vec![rule("/**", Policy::Deny)], Policy::TwoFactor);
    let decision = decide(&rules, &Method::GET, &target("/"), None);
    assert!(matches!(decision, Decision::Deny));
}

#[test]
fn a_bypass_without_session_permits_nobody_in_particular() {
    let rules = Rules::new(vec![], Policy::Bypass);
    let Decision::Allow(permit) = decide(&rules, &Method::GET, &target("/"), None) else {
        panic!("a bypass lets everybody pass");
    };
    assert_eq!(permit.account(), None::<AccountId>);
}

proptest! {
    #[test]
    fn no_spelling_of_a_path_weakens_its_policy(path in "/(open|x|\\.\\.|\\.|%2e|%2f|%5c|;|/|\\\\){0,6}") {
        let rules = Rules::new(vec![rule("/open/**", Policy::Bypass)], Policy::TwoFactor);
        if let Ok(target) = Target::parse("https", "app.example.com", &path) {
            let policy = rules.policy(&Method::GET, &target);
            let plainly_open = path == "/open" || (path.starts_with("/open/") && !target.is_ambiguous());
            prop_assert_eq!(policy == Policy::Bypass, plainly_open, "{}", path);
        }
    }
}
