//! What a client may not say in the gate's place, and what ends at this hop.

use crate::case::Place;
use crate::recorder::Record;

/// Names under which some gateway or app server expects an identity; all of it is the gate's to say, or nobody's.
const IDENTITIES: &[&str] = &[
    "X-Vestibule-Assertion",
    "X-Vestibule-User",
    "X-Vestibule-Anything",
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Group",
    "Remote-Groups",
    "X-Remote-User",
    "X-Remote-Group",
    "X-Remote-Groups",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Access-Token",
    "X-Webauth-User",
    "X-Webauth-Groups",
    "X-Authenticated-User",
    "X-User",
    "X-User-Id",
    "X-Email",
    "X-Authentik-Username",
    "X-Authentik-Jwt",
    "X-Pomerium-Jwt-Assertion",
    "X-Pomerium-Claim-Email",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-Iap-Jwt-Assertion",
    "Cf-Access-Jwt-Assertion",
    "Cf-Access-Authenticated-User-Email",
    "X-Ms-Client-Principal",
    "X-Ms-Client-Principal-Name",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "Ssl-Client-Cert",
    "Ssl-Client-S-Dn",
    "X-Ssl-Client-Cert",
    "X-Ssl-Client-Verify",
];

/// What only a proxy that is trusted could say about the way of a request.
const FORWARDING: &[&str] = &[
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Path",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-Real-Ip",
    "X-Client-Ip",
    "X-Cluster-Client-Ip",
    "Forwarded",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Original-Url",
    "X-Original-Uri",
    "X-Original-Method",
    "X-Original-Host",
    "X-Original-Forwarded-For",
    "X-Rewrite-Url",
    "X-Host",
    "Script-Name",
    "Path-Info",
    "Request-Uri",
    "X-Script-Name",
    "X-Ingress-Path",
    "X-Forwarded-PathBase",
    "X-Forwarded-Context",
    "X-ProxyContextPath",
    "X-VHM-Root",
    "X-Request-Uri",
    "X-Matched-Path",
    "X-Invoke-Path",
    "X-Middleware-Subrequest",
    "X-Astro-Path",
    "Disguised-Host",
    "Client-Cert",
    "Client-Cert-Chain",
    "True-Client-Ip",
    "Cf-Connecting-Ip",
    "Fastly-Client-Ip",
    "X-Azure-Clientip",
    "X-Envoy-External-Address",
    "X-Envoy-Original-Path",
    "X-Accel-Redirect",
    "X-Request-Id",
    "Early-Data",
    "Front-End-Https",
];

/// What belongs to one connection (RFC 9110 section 7.6.1), and what programs take for a proxy of theirs.
const HOP_BY_HOP: &[&str] = &[
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "TE",
    "Trailer",
    "Upgrade",
    "HTTP2-Settings",
    "Proxy",
];

/// The spellings that servers behind fold into one.
fn spellings(name: &str) -> [String; 4] {
    let folded = name.replace('-', "_");
    [
        name.to_owned(),
        folded.to_lowercase(),
        folded.replacen('_', "-", 1).to_uppercase(),
        folded,
    ]
}

/// The lines that an app could take for `name`, whatever it folds.
fn like<'a>(record: &'a Record, name: &str) -> Vec<&'a str> {
    let fold = |name: &str| {
        name.to_ascii_lowercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    };
    let wanted = fold(name);
    let lines = record
        .headers
        .iter()
        .filter(|(known, _)| fold(known) == wanted);
    lines.map(|(_, value)| value.as_str()).collect()
}

fn ask(place: &Place, lines: &str) -> Record {
    let message = format!("GET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n");
    let answers = place.send(message.as_bytes());
    assert_eq!(answers[0].status, 200, "{lines}: {answers:?}");
    let mut seen = place.app.take();
    assert_eq!(seen.len(), 1, "{lines}");
    seen.remove(0)
}

/// Under both settings for names with an underscore, on a path that is open to everybody.
fn places() -> [Place; 2] {
    let open = "[access]\n[[access.rule]]\npath = \"/open/**\"\npolicy = \"bypass\"\n";
    [
        Place::with(open),
        Place::with(&format!("{open}[proxy]\nunderscore_headers = \"keep\"\n")),
    ]
}

#[test]
fn nobody_claims_an_identity_on_an_open_path() {
    for place in places() {
        for name in IDENTITIES {
            for spelling in spellings(name) {
                for lines in [
                    format!("{spelling}: forged\r\n"),
                    format!("{spelling}: forged\r\n{spelling}: forged\r\n"),
                    format!("{spelling}:forged\r\nConnection: {spelling}\r\n"),
                ] {
                    let seen = ask(&place, &lines);
                    assert_eq!(like(&seen, name), Vec::<&str>::new(), "{lines}: {seen:?}");
                }
            }
        }
        assert!(
            place.gate.output().contains("identity_header_spoofed"),
            "it was recorded"
        );
    }
}

#[test]
fn nobody_says_how_a_request_came() {
    for place in places() {
        for name in FORWARDING {
            for spelling in spellings(name) {
                for lines in [
                    format!("{spelling}: forged.example\r\n"),
                    format!("Connection: {name}, {spelling}\r\n{spelling}: forged.example\r\n"),
                ] {
                    let seen = ask(&place, &lines);
                    let text = format!("{:?}", seen.headers);
                    assert!(!text.contains("forged"), "{lines}: {text}");
                }
            }
        }
    }
}

#[test]
fn the_gate_says_how_a_request_came() {
    let place = Place::open();
    let ours = "X-Forwarded-For, X-Real-Ip, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, Forwarded, X-Request-Id";
    for lines in [String::new(), format!("Connection: {ours}\r\n")] {
        let seen = ask(&place, &lines);
        for (name, value) in [
            ("host", "a"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "a"),
            ("x-forwarded-port", "80"),
            ("forwarded", "for=127.0.0.1;host=\"a\";proto=http"),
            ("via", "1.1 vestibule"),
        ] {
            assert_eq!(like(&seen, name), [value], "{name} {lines}");
        }
        assert_eq!(like(&seen, "x-request-id").len(), 1);
    }
}

#[test]
fn what_belongs_to_one_connection_ends_here() {
    for place in places() {
        for name in HOP_BY_HOP {
            for spelling in spellings(name) {
                let seen = ask(&place, &format!("{spelling}: x-end\r\nX-End: ended\r\n"));
                assert_eq!(
                    like(&seen, name),
                    Vec::<&str>::new(),
                    "{spelling}: {seen:?}"
                );
                let kept = usize::from(!spelling.eq_ignore_ascii_case("connection"));
                assert_eq!(like(&seen, "x-end").len(), kept, "{spelling}: {seen:?}");
            }
        }
    }
}

#[test]
fn what_is_not_ours_passes_unchanged() {
    let place = Place::open();
    for (name, value) in [
        ("Authorization", "Bearer a.b.c"),
        ("Accept-Encoding", "gzip, br;q=0.5"),
        ("Range", "bytes=0-1,5-"),
        ("If-None-Match", "\"a\", W/\"b\""),
        ("Cookie", "a=b; c=\"d e\";f"),
        ("User-Agent", "x (y; z) \u{9}w"),
        ("X-Odd!#$%&'*+.^`|~", "{}[]\\\""),
        ("X-Auth", "y"),
        ("X-Users", "y"),
        ("X-User-Agent", "y"),
        ("X-Email-Id", "y"),
        ("Remote-Users", "y"),
        ("X-Requested-With", "XMLHttpRequest"),
    ] {
        let seen = ask(&place, &format!("{name}: {value}\r\n"));
        assert_eq!(seen.all(name), [value], "{name}");
    }
}
