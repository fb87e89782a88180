use super::*;
use proptest::prelude::*;

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
fn a_host_is_within_its_domain_and_those_above_it() {
    for (host, expected) in [
        ("example.com", true),
        ("app.example.com", true),
        ("badexample.com", false),
        (".example.com", false),
        ("example.com.evil", false),
        ("com", false),
    ] {
        assert_eq!(is_within(host, "example.com"), expected, "{host}");
    }
}

#[test]
fn a_pattern_contains_what_matches_nothing_else() {
    for (pattern, other, expected) in [
        ("/**", "/", true),
        ("/**", "/**", true),
        ("/**", "/a/*/c/**", true),
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a/*", true),
        ("/a/**", "/a/b/**", true),
        ("/a/**", "/**", false),
        ("/a/**", "/ab/**", false),
        ("/a/*", "/a/**", false),
        ("/a/*", "/a/b*c", true),
        ("/a/b", "/a/*", false),
        ("/*", "/", true),
        ("/*.css", "/a*.css", true),
        ("/*.css", "/a*.cs", false),
        ("/a*c", "/a*b*c", true),
        ("/a*b*c", "/a*c", false),
        ("/a*", "/*", false),
        ("/A", "/a", false),
        ("/a", "/a/", false),
    ] {
        let [pattern, other] = [pattern, other].map(PathPattern::parse);
        assert_eq!(pattern.contains(&other), expected, "{pattern:?}, {other:?}");
    }
}

#[test]
fn patterns_that_share_no_path_are_apart() {
    for (pattern, other, expected) in [
        ("/a/**", "/a", true),
        ("/a/**", "/ab", false),
        ("/a/**", "/b/**", false),
        ("/a/b/**", "/a/**", true),
        ("/a/*", "/*/b", true),
        ("/a/*", "/a", false),
        ("/a/*", "/a/b/**", true),
        ("/a/b/c", "/a/*", false),
        ("/*.css", "/a.css", true),
        ("/*.css", "/a.js", false),
    ] {
        let [one, two] = [pattern, other].map(PathPattern::parse);
        assert_eq!(one.may_meet(&two), expected, "{pattern}, {other}");
        assert_eq!(two.may_meet(&one), expected, "{other}, {pattern}");
    }
    let [host, domain] = ["a.example.com", "*.example.com"].map(HostPattern::parse);
    assert!(host.may_meet(&domain) && domain.may_meet(&host));
    assert!(!host.may_meet(&HostPattern::parse("*.example.org")));
}

#[test]
fn a_host_pattern_contains_what_matches_nothing_else() {
    for (pattern, other, expected) in [
        ("a.example.com", "A.example.com.", true),
        ("a.example.com", "*.example.com", false),
        ("*.example.com", "*.example.com", true),
        ("*.example.com", "*.a.example.com", true),
        ("*.a.example.com", "*.example.com", false),
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "*.badexample.com", false),
    ] {
        let [pattern, other] = [pattern, other].map(HostPattern::parse);
        assert_eq!(pattern.contains(&other), expected, "{pattern:?}, {other:?}");
    }
}

/// Byte for byte: `*` is any text without a slash, a last `/**` nothing or whatever is below.
fn slowly(pattern: &[u8], path: &[u8]) -> bool {
    match (pattern, path) {
        (b"/**", [] | [b'/', ..]) | ([], []) => true,
        ([b'*', pattern_on @ ..], _) => {
            let longer =
                matches!(path, [byte, path_on @ ..] if *byte != b'/' && slowly(pattern, path_on));
            longer || slowly(pattern_on, path)
        }
        ([expected, pattern_on @ ..], [actual, path_on @ ..]) => {
            expected == actual && slowly(pattern_on, path_on)
        }
        _ => false,
    }
}

const PATTERN: &str = "(/(a|b|ab|\\*|a\\*|\\*b|a\\*b|\\*a\\*)){1,3}(/\\*\\*)?|/\\*\\*";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn looking_at_the_ends_first_changes_no_match(
        pattern in PATTERN,
        path in "(/(a|b|ab|abb|aab)?){1,4}",
    ) {
        let actual = PathPattern::parse(&pattern).matches(&path);
        prop_assert_eq!(actual, slowly(pattern.as_bytes(), path.as_bytes()), "{} on {}", pattern, path);
    }

    #[test]
    fn whatever_a_contained_pattern_matches_the_other_matches_too(
        pattern in PATTERN,
        other in PATTERN,
        path in "(/(a|b|ab|abb|aab)?){1,4}",
    ) {
        let [one, two] = [&pattern, &other].map(|text| PathPattern::parse(text));
        prop_assert!(one.contains(&one) && PathPattern::parse("/**").contains(&two));
        if one.contains(&two) && two.matches(&path) {
            prop_assert!(one.matches(&path), "{} contains {}, but not {}", pattern, other, path);
        }
        if one.matches(&path) && two.matches(&path) {
            prop_assert!(one.may_meet(&two) && two.may_meet(&one), "{} of {} and {}", path, pattern, other);
        }
    }
}
