use crate::authz::target::{BadTarget, Scheme, Target};
use proptest::prelude::*;

fn target(path: &str) -> Result<Target, BadTarget> {
    Target::parse("https", "app.example.com", path)
}

#[test]
fn a_plain_target_is_taken_apart_and_kept_raw() {
    let target = Target::parse("https", "App.Example.com.:8443", "/a%20b/c?x=%zz&y").unwrap();
    assert_eq!(
        (
            target.scheme(),
            target.host(),
            target.port(),
            target.authority(),
            target.origin(),
            target.path(),
            target.query(),
            target.path_and_query(),
            target.url(),
            target.is_ambiguous(),
        ),
        (
            Scheme::Https,
            "app.example.com",
            8443,
            "app.example.com:8443",
            "https://app.example.com:8443",
            "/a%20b/c",
            Some("x=%zz&y"),
            "/a%20b/c?x=%zz&y",
            "https://app.example.com:8443/a%20b/c?x=%zz&y",
            false,
        )
    );
}

#[test]
fn hosts_have_one_spelling() {
    for (scheme, given, authority) in [
        ("http", "A.Example", "a.example"),
        ("http", "a.example.", "a.example"),
        ("http", "a.example:80", "a.example"),
        ("HTTPS", "a.example.:443", "a.example"),
        ("http", "a.example:443", "a.example:443"),
        ("http", "127.0.0.1:3000", "127.0.0.1:3000"),
        ("http", "[::1]", "[::1]"),
        ("https", "[0:0:0:0:0:0:0:1]:443", "[::1]"),
        ("http", "[2001:DB8::A]:8080", "[2001:db8::a]:8080"),
        ("http", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http", "my_app", "my_app"),
    ] {
        let target = Target::parse(scheme, given, "/").unwrap();
        assert_eq!(target.authority(), authority, "{given}");
    }
    let longest = format!("{}a", "a.".repeat(126));
    assert!(Target::parse("http", &longest, "/").is_ok());
}

#[test]
fn what_is_no_host_is_refused() {
    let long_label = "a".repeat(64);
    let long_name = format!("{}a", "a.".repeat(127));
    for bad in [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "u@a",
        "u:p@a",
        "a/evil",
        "a, b",
        "a,b",
        "b\u{fc}cher.example",
        "a:99999",
        "a:0",
        "a:080",
        "a:+80",
        "a:",
        "a:8o",
        "a:80:80",
        "[::1",
        "::1",
        "[::1]x",
        "[::1%eth0]",
        "[127.0.0.1]",
        "0x7f.1",
        "0x7f000001",
        "127.0.0.0X1",
        "127.1",
        "1",
        "256.1.1.1",
        "01.2.3.4",
        "a%41",
        "a\t",
        "a*",
        &long_label,
        &long_name,
    ] {
        assert_eq!(
            Target::parse("http", bad, "/"),
            Err(BadTarget::Authority),
            "{bad:?}"
        );
    }
}

#[test]
fn only_http_and_https_are_schemes() {
    for bad in ["", "ftp", "ws", "wss", "http:", "httpss", "javascript"] {
        assert_eq!(
            Target::parse(bad, "a", "/"),
            Err(BadTarget::Scheme),
            "{bad}"
        );
    }
}

#[test]
fn clear_paths_are_clear() {
    for path in [
        "/",
        "/open/y",
        "/OPEN/y",
        "/open/",
        "/a.b/..c/.d/...e/f.",
        "/.%20x/%20y/z%20",
        "/a%20b",
        "/%c3%a9",
        "/100%25",
        "/a%2Bb",
        "/:x@y!$&'()*+,=~-_",
        "/a|b^c`d",
        "/[x]",
        "/%E6%97%A5%E6%9C%AC",
        "/x%40y",
    ] {
        assert_eq!(target(path).map(|t| t.is_ambiguous()), Ok(false), "{path}");
    }
}

#[test]
fn paths_that_servers_read_differently_are_ambiguous() {
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
        "/open/..%3B/x",
        "/open%3ba/y",
        "/open;a/y",
        "/account%3Fa.css",
        "/account%23a.css",
        "/a%3f",
        "/open\\..\\x",
        "/x/..%5copen/y",
        "/open/%252e%252e/x",
        "/a/.",
        "/a/./b",
        "/a/..",
        "/a%2Fb",
        "/a%5Cb",
        "/account/%0A.css",
        "/%7f",
        "/%c0%af",
        "/%e0%80%af",
        "/%ff",
        "/%ef%bc%8f",
        "/%ef%bc%8e%ef%bc%8e/x",
        "/%ef%bd%8fpen",
        "/%e2%80%a5/x",
        "/%e2%84%aa",
        "/%cd%be",
        "/%7euser",
        "/%5fvestibule/login",
        "/a%2525",
        "/;",
    ] {
        assert_eq!(target(path).map(|t| t.is_ambiguous()), Ok(true), "{path}");
    }
}

#[test]
fn segments_of_nothing_but_dots_and_blanks_are_ambiguous() {
    for path in [
        "/open/..%20/admin",
        "/open/%20../admin",
        "/open/.%20./admin",
        "/open/.%20/admin",
        "/open/%20/admin",
        "/open/.../admin",
        "/open/....",
        "/a/%20",
        "/open/..%09/admin",
        "/open/..%c2%81/admin",
        "/open/..%c2%85/admin",
        "/open/..%c2%a0/admin",
        "/open/..%e1%9a%80/admin",
        "/open/..%e3%80%80/admin",
        "/open/..%e2%80%8b/admin",
        "/open/%ef%bb%bf../admin",
        "/open/.%e2%80%a4/admin",
        "/open/%ef%bc%8e%20%ef%bc%8e/admin",
        "/open/%e2%80%a6%20/admin",
    ] {
        assert_eq!(target(path).map(|t| t.is_ambiguous()), Ok(true), "{path}");
    }
}

#[test]
fn bytes_that_no_server_agrees_on_are_no_target() {
    for path in [
        "/open%00/y",
        "/open/..%00/admin",
        "/a\0",
        "/a\n",
        "/a\r",
        "/a\tb",
        "/a b",
        "/a\u{7f}",
        "/x#/open/",
        "/open/#/../x",
        "/%",
        "/%2",
        "/%zz",
        "/%2g",
        "/a%",
        "/\u{e9}",
        "/a\"",
        "/<",
        "/>",
        "/{",
        "/}",
        "*",
        "a",
        "/?a\n",
        "/?a#b",
        "/?\u{e9}",
        "/?a b",
        "/?\0",
    ] {
        assert_eq!(target(path), Err(BadTarget::Path), "{path:?}");
    }
}

#[test]
fn an_empty_path_is_the_root() {
    assert_eq!(
        target("").map(|t| t.path_and_query().to_owned()),
        Ok("/".to_owned())
    );
    assert_eq!(
        target("?a").map(|t| t.path_and_query().to_owned()),
        Ok("/?a".to_owned())
    );
}

#[test]
fn the_query_takes_no_part_in_the_path() {
    for (given, path) in [
        ("/open/y?/x", "/open/y"),
        ("/x?/open/", "/x"),
        ("/x?a=/open/../", "/x"),
        ("/x?a=//;\\%00%2f%", "/x"),
    ] {
        let target = target(given).unwrap();
        assert_eq!(
            (target.path(), target.is_ambiguous()),
            (path, false),
            "{given}"
        );
    }
}

#[test]
fn a_long_target_is_told_from_a_bad_one() {
    assert_eq!(
        target(&format!("/{}", "a".repeat(64 * 1024))),
        Err(BadTarget::TooLong)
    );
    assert!(target(&format!("/{}", "a".repeat(64 * 1024 - 1))).is_ok());
}

#[test]
fn whole_urls_are_read() {
    let target = Target::parse_url("https://A.example:443/x?y#").err();
    assert_eq!(target, Some(BadTarget::Path));
    for (given, url) in [
        ("https://A.example:443/x?y", "https://a.example/x?y"),
        ("http://a.example", "http://a.example/"),
        ("http://a.example?q=//", "http://a.example/?q=//"),
    ] {
        assert_eq!(Target::parse_url(given).unwrap().url(), url);
    }
    for bad in [
        "/x",
        "a.example/x",
        "http:/a/x",
        "https://u@a.example/",
        "https://a.example\\@b/",
        "https://#x",
        "",
    ] {
        assert!(Target::parse_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn look_alikes_of_our_own_paths_are_seen_through() {
    for path in [
        "/_vestibule",
        "/_vestibule/login",
        "//_vestibule/login",
        "/%5fvestibule/login",
        "/_VESTIBULE/login",
        "/_vestibule/../x",
        "/x/../_vestibule/login",
        "/%255fvestibule/login",
        "/./_vestibule",
        "/_vestibule;x/login",
        "/x\\..\\_vestibule",
        "/x%2f..%2f_vestibule/login",
        "/%ef%bc%bfvestibule/login",
        "/x/../_vestibule/%3B.//..//x",
        "/_vestibule%3Fx",
        "/_vestibule%23/login",
        "/x\\y/../_vestibule/login",
        "/x%2fy/../_vestibule/login",
        "/x%255cy/../_vestibule/login",
        "/x//y/..;z/..%2f../_vestibule",
        "/x/%c0%ae%c0%ae/_vestibule",
        "/x/%C0%AE./_vestibule/login",
        "/x/%e0%80%ae%f0%80%80%ae/_vestibule",
        "/%c1%9fvestibule",
        "/x%c0%af..%c1%9c_vestibule",
        "/x/%25c0%25ae%25c0%25ae/_vestibule",
        "/x/..;%c1/_vestibule",
        "/x/..%20/_vestibule",
        "/x/.../_vestibule",
        "/x/%c2%a0../_vestibule/login",
        "/.%20/_vestibule",
        "/_vestibule%20/login",
        "/_vestibule./login",
    ] {
        assert!(target(path).unwrap().resembles("/_vestibule"), "{path}");
    }
    for path in [
        "/",
        "/_vestibules",
        "/x/_vestibule",
        "/app?/_vestibule/",
        "/_vest/ibule",
        "/x%2fy/_vestibule",
        "/x/../_vestibules",
        "/x/%c0%ae%c0%ae/_vestibules",
        "/x/%c0%c0/_vestibule",
        "/x/%e0%80/%f0/_vestibule",
        "/x/.%20/_vestibule",
        "/._vestibule",
    ] {
        assert!(!target(path).unwrap().resembles("/_vestibule"), "{path}");
    }
}

#[test]
fn look_alikes_of_a_path_of_two_segments_are_seen_through() {
    for path in ["/a/b", "/a/./b/c", "/x\\y/../a/z/../b", "/a//b"] {
        assert!(target(path).unwrap().resembles("/a/b"), "{path}");
    }
    for path in ["/a", "/b/a", "/a/z/b", "/b/../a"] {
        assert!(!target(path).unwrap().resembles("/a/b"), "{path}");
    }
}

#[test]
fn a_logged_target_shows_no_query() {
    let printed = format!("{:?}", target("/x?token=secret").unwrap());
    assert_eq!(printed, "Target(\"https://app.example.com/x\")");
}

proptest! {
    #[test]
    fn parsing_never_panics(scheme in ".{0,8}", authority in ".{0,40}", path in ".{0,80}") {
        let _ = Target::parse(&scheme, &authority, &path);
        let _ = Target::parse_url(&path);
    }

    #[test]
    fn what_is_judged_is_what_was_received(authority in "[a-zA-Z0-9.:\\[\\]-]{1,20}", path in "/[ -~]{0,60}") {
        if let Ok(target) = Target::parse("http", &authority, &path) {
            prop_assert_eq!(target.path_and_query(), path.as_str());
            let _ = target.resembles("/_vestibule");
        }
    }

    #[test]
    fn a_target_reads_its_own_url_again(authority in "[a-zA-Z0-9.:\\[\\]-]{1,20}", path in "/[ -~]{0,60}") {
        if let Ok(target) = Target::parse("https", &authority, &path) {
            prop_assert_eq!(Target::parse_url(target.url()), Ok(target));
        }
    }

    #[test]
    fn a_clear_path_means_itself_after_decoding_and_resolving(path in "/[a-c./%235eEfF\\\\;]{0,24}") {
        if let Ok(target) = Target::parse("https", "a", &path)
            && !target.is_ambiguous()
        {
            let decoded = percent_encoding::percent_decode_str(&path).decode_utf8().unwrap();
            let again = percent_encoding::percent_decode_str(&decoded).decode_utf8().unwrap();
            let dots = decoded.split('/').any(|s| s == "." || s == "..");
            prop_assert!(!dots && !decoded.contains("//") && !decoded.contains(['\\', ';', '?', '#']));
            prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
            prop_assert_eq!(again, decoded.clone());
        }
    }
}
