use super::*;

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
