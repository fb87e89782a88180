//! Whom a request is for (RFC 9112 section 3.2).

use crate::case::{Case, Place, refused, served};

#[rustfmt::skip] // one line for each case
fn hosts() -> Vec<Case> {
    let of = |lines: &str| format!("GET /x HTTP/1.1\r\n{lines}\r\n");
    let good = |what: &str, host: &str| served(what, of(&format!("Host: {host}\r\n")), "GET /x HTTP/1.1", "");
    let bad = |what: &str, host: &str| refused(what, of(&format!("Host: {host}\r\n")), 400, "host");
    vec![
        good("upper case", "A.Example"),
        good("a dot at the end", "a.example."),
        good("the default port", "a:80"),
        good("a port", "a:8080"),
        good("an IPv4 address", "127.0.0.1"),
        good("an IPv6 address", "[::1]:80"),
        good("white space around", " a\t "),
        refused("none", of(""), 400, "no-host"),
        refused("two", of("Host: a\r\nHost: b\r\n"), 400, "doubled-host"),
        refused("two equal ones", of("Host: a\r\nHost: a\r\n"), 400, "doubled-host"),
        refused("two in two cases", of("Host: a\r\nhOST: b\r\n"), 400, "doubled-host"),
        refused("a space before the colon", of("Host : b\r\nHost: a\r\n"), 400, "header-line"),
        refused("a folded one", of("Host:\r\n a\r\n"), 400, "header-line"),
        refused("one behind a bare line feed", of("X: y\nHost: b\r\nHost: a\r\n"), 400, "line-end"),
        refused("one behind a bare carriage return", of("X: y\rHost: b\r\nHost: a\r\n"), 400, "header-line"),
        bad("empty", ""),
        bad("a space", "a b"),
        bad("a tab", "a\tb"),
        bad("a list", "a, b"),
        bad("a user", "u@a"),
        bad("a path", "a/evil"),
        bad("a backslash", "a\\evil"),
        bad("a query", "a?b"),
        bad("a fragment", "a#b"),
        bad("a percent code", "a%2eb"),
        bad("raw UTF-8", "\u{e9}.example"),
        bad("a port beyond all", "a:99999"),
        bad("a port with a zero in front", "a:080"),
        bad("a port with a sign", "a:+80"),
        bad("no port behind the colon", "a:"),
        bad("two ports", "a:80:80"),
        bad("half an IPv6 address", "[::1"),
        bad("an IPv6 address without brackets", "::1"),
        bad("a zone", "[fe80::1%25eth0]"),
        bad("an odd spelling of an address", "0x7f.1"),
        bad("a scheme", "http://a"),
        bad("an empty label", "a..b"),
        refused("a malformed one beside an absolute target", "GET http://a/x HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host"),
        refused("none beside an absolute target", "GET http://a/x HTTP/1.1\r\n\r\n", 400, "no-host"),
    ]
}

#[test]
fn a_host_has_one_reading() {
    Place::open().hold(&hosts());
}

#[test]
fn an_absolute_target_outranks_the_host() {
    let place = Place::open();
    place.send(
        b"GET http://B.example:80/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    );
    let seen = place.app.take();
    assert_eq!(seen[0].all("host"), ["b.example"]);
    assert_eq!(seen[0].all("x-forwarded-host"), ["b.example"]);
    assert!(
        seen[0].all("forwarded")[0].contains("host=\"b.example\""),
        "{seen:?}"
    );
}

#[test]
fn a_host_that_nobody_configured_is_misdirected() {
    let place = Place::with("host = \"wiki.localhost\"\n[access]\ndefault = \"bypass\"\n");
    for (target, host, status) in [
        ("/x", "wiki.localhost", 200),
        ("/x", "WIKI.localhost.:80", 200),
        ("/x", "evil.example", 421),
        ("/x", "wiki.localhost.evil.example", 421),
        ("/x", "x.wiki.localhost", 421),
        ("http://evil.example/x", "wiki.localhost", 421),
        ("http://wiki.localhost/x", "evil.example", 200),
        ("/_vestibule/login", "evil.example", 421),
    ] {
        for accept in ["text/html", "*/*"] {
            let message = format!(
                "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
            );
            let answers = place.send(message.as_bytes());
            assert_eq!(answers[0].status, status, "{target} {host}");
            assert_eq!(
                place.app.take().len(),
                usize::from(status == 200),
                "{target} {host}"
            );
            if status == 421 {
                let set = ["location", "set-cookie"].map(|name| answers[0].header(name));
                assert_eq!(set, [None, None], "{target} {host}");
                assert!(!answers[0].text().contains("evil"), "{}", answers[0].text());
            }
        }
    }
}
