use crate::authz::target::Scheme;
use crate::identity::Names;
use crate::web::request::{Connection, Inbound, Peer, Settings, Trust};
use crate::web::upstream::headers::{
    MethodOverride, Policy, Underscores, clean_request, clean_response, is_loop, set_forwarding,
};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Version};
use proptest::prelude::*;

fn policy() -> Policy {
    Policy {
        names: Names {
            user: HeaderName::from_static("remote-user"),
            name: HeaderName::from_static("remote-name"),
            email: HeaderName::from_static("my.app~mail"),
            groups: HeaderName::from_static("my_app-groups"),
            assertion: HeaderName::from_static("x-vestibule-assertion"),
        },
        cookies: vec!["__Host-vestibule".to_owned(), "vestibule".to_owned()],
        underscores: Underscores::Drop,
        method_override: MethodOverride::Keep,
        origins: vec![],
    }
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

fn passes(name: &str, trust: Trust, policy: &Policy) -> bool {
    let cleaned = clean_request(map(&[(name, "1"), (name, "2")]), trust, policy);
    match cleaned.headers.len() {
        0 => false,
        2 => true,
        other => panic!("{other} of two lines passed"),
    }
}

const BOTH: [Trust; 2] = [Trust::Proxy, Trust::Stranger];

#[test]
fn every_spelling_of_an_identity_name_is_removed_from_everyone() {
    for name in [
        "Remote-User",
        "Remote-Name",
        "Remote-Email",
        "Remote-Groups",
        "Remote-Group",
        "My-App-Groups",
        "X-Vestibule-Assertion",
        "X-Vestibule-Anything",
        "X-Remote-User",
        "X-Remote-Group",
        "X-Remote-Groups",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-Preferred-Username",
        "X-Forwarded-Access-Token",
        "X-Auth-Request-User",
        "X-Webauth-User",
        "X-Authenticated-User",
        "X-User",
        "X-User-Id",
        "X-Email",
        "X-Authentik-Username",
        "X-Pomerium-Claim-Email",
        "X-Goog-Authenticated-User-Email",
        "X-Goog-Iap-Jwt-Assertion",
        "Cf-Access-Jwt-Assertion",
        "X-Ms-Client-Principal",
        "X-Ms-Client-Principal-Id",
        "X-Amzn-Oidc-Data",
        "Ssl-Client-Cert",
        "X-Ssl-Client-Dn",
    ] {
        let folded = name.replace('-', "_");
        let mixed = name.replacen('-', "_", 1);
        for spelling in [
            name,
            &name.to_lowercase(),
            &folded,
            &mixed,
            &folded.to_lowercase(),
        ] {
            for underscores in [Underscores::Drop, Underscores::Keep] {
                let policy = Policy {
                    underscores,
                    ..policy()
                };
                for trust in BOTH {
                    let twice = map(&[(spelling, "root"), (spelling, "admin")]);
                    let cleaned = clean_request(twice, trust, &policy);
                    assert_eq!(
                        (cleaned.headers.len(), cleaned.spoofed),
                        (0, 2),
                        "{spelling}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_configured_name_with_other_signs_is_removed_in_every_spelling() {
    for spelling in ["My.App~Mail", "my-app-mail", "MY_APP_MAIL", "my.app_mail"] {
        let cleaned = clean_request(map(&[(spelling, "root")]), Trust::Stranger, &policy());
        assert_eq!(
            (cleaned.headers.len(), cleaned.spoofed),
            (0, 1),
            "{spelling}"
        );
    }
}

#[test]
fn forwarding_headers_are_a_trusted_proxys_to_set() {
    for name in [
        "X-Forwarded-Client-Cert",
        "X-Forwarded-By",
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
        "Client-Cert",
        "Client-Cert-Chain",
    ] {
        let folded = name.replace('-', "_");
        for underscores in [Underscores::Drop, Underscores::Keep] {
            let policy = Policy {
                underscores,
                ..policy()
            };
            assert!(!passes(name, Trust::Stranger, &policy), "{name}");
            assert!(!passes(&folded, Trust::Stranger, &policy), "{folded}");
            assert!(passes(name, Trust::Proxy, &policy), "{name}");
            assert!(!passes(&folded, Trust::Proxy, &policy), "{folded}");
        }
    }
}

/// What we set, and what ends here.
const OURS: [&str; 31] = [
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
    "Client-IP",
    "X-Originating-IP",
    "X-Sendfile-Type",
    "Host",
    "Content-Length",
    "Early-Data",
    "Expect",
    "Max-Forwards",
    "X-Request-Id",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Scheme",
    "X-Scheme",
    "X-Accel-Redirect",
    "Connection",
    "Keep-Alive",
    "Te",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Proxy",
    "Http2-Settings",
];

/// What makes some app serve another path, method or host.
const RENAMING: [&str; 42] = [
    "X-Forwarded-Uri",
    "X-Forwarded-Method",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Original-Host",
    "X-Rewrite-URL",
    "X-Http-Host-Override",
    "Script-Name",
    "Path-Info",
    "Path-Translated",
    "Script-Filename",
    "Request-Uri",
    "Request-Method",
    "Query-String",
    "X-Script-Name",
    "X-Ingress-Path",
    "X-Forwarded-Prefix",
    "X-Forwarded-PathBase",
    "X-Forwarded-Context",
    "X-ProxyContextPath",
    "X-Forwarded-Script-Name",
    "X-Traversal-Path",
    "X-Request-Base",
    "Request-Base",
    "X-VHM-Root",
    "X-VHM-Host",
    "X-Request-Uri",
    "X-WAWS-Unencoded-Url",
    "X-Matched-Path",
    "X-Now-Route-Matches",
    "X-Invoke-Path",
    "X-Invoke-Query",
    "X-Middleware-Subrequest",
    "X-Middleware-Rewrite",
    "X-Astro-Path",
    "X-Astro-Locals",
    "X-Forwarded-Server",
    "Disguised-Host",
    "X-ProxyHost",
    "X-ProxyPort",
    "X-ProxyScheme",
];

#[test]
fn what_we_set_or_what_renames_the_target_passes_from_nobody() {
    for name in OURS.into_iter().chain(RENAMING) {
        for spelling in [name, &name.replace('-', "_")] {
            for underscores in [Underscores::Drop, Underscores::Keep] {
                let policy = Policy {
                    underscores,
                    ..policy()
                };
                for trust in BOTH {
                    let pass = passes(spelling, trust, &policy);
                    // A name without a dash has no other spelling.
                    assert!(!pass, "{spelling}");
                }
            }
        }
    }
}

#[test]
fn names_with_an_underscore_follow_the_setting() {
    let keep = Policy {
        underscores: Underscores::Keep,
        ..policy()
    };
    for trust in BOTH {
        assert!(!passes("my_header", trust, &policy()));
        assert!(passes("my_header", trust, &keep));
        assert!(passes("my-header", trust, &policy()));
        assert!(!passes("proxy_authorization", trust, &keep));
    }
}

#[test]
fn method_overrides_follow_the_setting() {
    let drop = Policy {
        method_override: MethodOverride::Drop,
        ..policy()
    };
    for name in [
        "HTTP-Method-Override",
        "Method-Override",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-HTTP-Verb",
        "X-Method",
        "X-Method-Override",
    ] {
        assert!(passes(name, Trust::Stranger, &policy()), "{name}");
        assert!(!passes(name, Trust::Stranger, &drop), "{name}");
        let keep = Policy {
            underscores: Underscores::Keep,
            ..drop.clone()
        };
        assert!(
            !passes(&name.replace('-', "_"), Trust::Proxy, &keep),
            "{name}"
        );
    }
}

#[test]
fn end_to_end_headers_pass_untouched_and_in_order() {
    let given = [
        ("authorization", "Bearer x"),
        ("accept-encoding", "gzip, br"),
        ("range", "bytes=0-1"),
        ("if-range", "\"e\""),
        ("x-own", "a"),
        ("x-own", "b"),
        ("x-obs", "\u{e9}"),
        ("referer", "https://a/"),
        ("via", "1.0 front"),
        ("origin", "https://a"),
        ("sec-fetch-mode", "cors"),
        ("x-middleware-prefetch", "1"),
    ];
    let cleaned = clean_request(map(&given), Trust::Stranger, &policy());
    assert_eq!(cleaned.headers, map(&given));
    assert_eq!(cleaned.spoofed, 0);
}

#[test]
fn nominated_headers_end_here() {
    let given = map(&[
        ("connection", "close, X-Own"),
        ("x-own", "1"),
        ("x-other", "2"),
    ]);
    let cleaned = clean_request(given, Trust::Stranger, &policy());
    assert_eq!(cleaned.headers, map(&[("x-other", "2")]));
}

#[test]
fn our_cookies_stay_here_and_the_others_keep_their_bytes() {
    for (given, kept) in [
        ("a=1; b=\"2\";c= 3", Some("a=1; b=\"2\";c= 3")),
        ("__Host-vestibule=t", None),
        ("a=1; __Host-vestibule=t; b=2", Some("a=1; b=2")),
        ("__Host-vestibule=t; a=1;  b=2", Some("a=1;  b=2")),
        ("a=1; __Host-vestibule-login=t", Some("a=1")),
        ("vestibule=t;a=\u{e9}", Some("a=\u{e9}")),
        (
            "__HOST-VESTIBULE=t; =__Host-vestibule=t; __Host-vestibule; \u{9}vestibule = t",
            None,
        ),
        (
            "x__Host-vestibule=1; my-vestibule=2",
            Some("x__Host-vestibule=1; my-vestibule=2"),
        ),
        ("a=__Host-vestibule=t", Some("a=__Host-vestibule=t")),
        ("", Some("")),
        ("; vestibule=1 ;", None),
    ] {
        let cleaned = clean_request(map(&[("cookie", given)]), Trust::Stranger, &policy());
        let expected: Vec<_> = kept
            .iter()
            .map(|kept| ("cookie".to_owned(), (*kept).to_owned()))
            .collect();
        assert_eq!(lines(&cleaned.headers), expected, "{given}");
    }
}

fn inbound(uri: &str, peer: &str, given: &[(&str, &str)]) -> Inbound {
    let mut parts = Request::builder().uri(uri).body(()).unwrap().into_parts().0;
    parts.headers = map(given);
    let connection = Connection {
        peer: match peer {
            "unix" => Peer::Unix { uid: 0 },
            address => Peer::Ip(address.parse().unwrap()),
        },
        scheme: Scheme::Http,
        slot: None,
    };
    let settings = Settings {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    };
    Inbound::read(&parts, &connection, &settings).unwrap()
}

fn forwarding(inbound: &Inbound, version: Version) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    set_forwarding(&mut headers, inbound, version);
    let id = headers.remove("x-request-id").unwrap();
    assert_eq!(id.to_str().unwrap(), inbound.id().as_str());
    lines(&headers)
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn a_stranger_is_named_as_it_connected() {
    let inbound = inbound(
        "/",
        "2001:db8::1",
        &[("host", "App.example:8080"), ("x-forwarded-for", "6.6.6.6")],
    );
    assert_eq!(
        forwarding(&inbound, Version::HTTP_11),
        owned(&[
            ("x-forwarded-for", "2001:db8::1"),
            ("x-real-ip", "2001:db8::1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "8080"),
            ("x-forwarded-host", "app.example:8080"),
            (
                "forwarded",
                "for=\"[2001:db8::1]\";host=\"app.example:8080\";proto=http"
            ),
            ("via", "1.1 vestibule"),
        ])
    );
}

#[test]
fn the_way_through_trusted_proxies_is_told_and_nothing_before() {
    let given = [
        ("host", "a"),
        ("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.0.0.2"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(
        forwarding(&inbound("/", "10.0.0.1", &given), Version::HTTP_10),
        owned(&[
            ("x-forwarded-for", "1.1.1.1, 10.0.0.2, 10.0.0.1"),
            ("x-real-ip", "1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-host", "a"),
            (
                "forwarded",
                "for=1.1.1.1;host=\"a\";proto=https, for=10.0.0.2, for=10.0.0.1"
            ),
            ("via", "1.0 vestibule"),
        ])
    );
}

#[test]
fn an_unknown_client_has_no_address() {
    let told = forwarding(&inbound("/", "unix", &[("host", "a")]), Version::HTTP_11);
    assert_eq!(told[0], ("x-forwarded-proto".to_owned(), "http".to_owned()));
    assert!(told.contains(&(
        "forwarded".to_owned(),
        "for=unknown;host=\"a\";proto=http".to_owned()
    )));
}

#[test]
fn no_proxy_stands_in_the_place_of_a_client_that_it_could_not_name() {
    let given = [
        ("host", "a"),
        ("x-forwarded-for", "6.6.6.6, unknown, 10.0.0.2"),
    ];
    let told = forwarding(&inbound("/", "10.0.0.1", &given), Version::HTTP_11);
    let named = |name: &str| told.iter().find(|(known, _)| known == name);
    assert_eq!(
        named("x-forwarded-for").unwrap().1,
        "unknown, 10.0.0.2, 10.0.0.1"
    );
    assert_eq!(named("x-real-ip"), None);
    assert_eq!(
        named("forwarded").unwrap().1,
        "for=unknown;host=\"a\";proto=http, for=10.0.0.2, for=10.0.0.1"
    );
}

#[test]
fn a_request_that_came_through_twice_is_a_loop() {
    for (given, expected) in [
        (&[][..], false),
        (&["1.1 vestibule"], false),
        (&["1.1 vestibule, 1.1 front, 1.1 vestibule"], true),
        (&["1.1 vestibule", "1.0  vestibule (comment)"], true),
        (&["1.1 vestibules, 1.1 my-vestibule, vestibule"], false),
    ] {
        let given: Vec<_> = given.iter().map(|value| ("via", *value)).collect();
        assert_eq!(is_loop(&map(&given)), expected, "{given:?}");
    }
}

#[test]
fn an_apps_response_keeps_its_own_and_loses_ours() {
    let given = [
        ("content-type", "text/html"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
        ("connection", "X-Hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("set-cookie", "__Host-vestibule=stolen"),
        ("set-cookie", "__HOST-VESTIBULE-LOGIN=x"),
        ("set-cookie", "=__Host-vestibule=x"),
        ("set-cookie", " vestibule"),
        ("x-vestibule-assertion", "x"),
        ("X_Vestibule_User", "x"),
        ("x-accel-redirect", "/secret"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("www-authenticate", "Basic"),
        ("location", "/x"),
        ("etag", "\"e\""),
        ("server", "app"),
        ("vary", "Cookie"),
    ];
    let kept = [
        ("content-type", "text/html"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
        ("www-authenticate", "Basic"),
        ("location", "/x"),
        ("etag", "\"e\""),
        ("server", "app"),
        ("vary", "Cookie"),
    ];
    assert_eq!(clean_response(map(&given), &policy()), map(&kept));
}

#[test]
fn no_sign_in_the_place_of_a_dash_passes_what_is_ours_to_set() {
    let policy = Policy {
        underscores: Underscores::Keep,
        method_override: MethodOverride::Keep,
        ..policy()
    };
    for sign in "!#$%&'*+.^_`|~".chars() {
        for name in [
            "remote-user",
            "x-vestibule-assertion",
            "x-forwarded-for",
            "x-original-url",
            "x-script-name",
            "x-middleware-subrequest",
            "script-name",
            "x-http-method-override",
            "x-real-ip",
        ] {
            let alias = name.replacen('-', &sign.to_string(), 1);
            let cleaned = clean_request(map(&[(&alias, "mallory")]), Trust::Proxy, &policy);
            assert!(cleaned.headers.is_empty(), "{alias}");
        }
    }
}

proptest! {
    #[test]
    fn no_spelling_of_our_names_ever_passes(
        name in "[rRxX][eEvV-]?[a-zA-Z_-]{0,24}",
        suffix in "(user|USER|assertion|x)?",
    ) {
        let name = format!("{name}{suffix}");
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else { return Ok(()) };
        let policy = Policy { underscores: Underscores::Keep, ..policy() };
        let mut headers = HeaderMap::new();
        headers.insert(parsed, HeaderValue::from_static("root"));
        let cleaned = clean_request(headers, Trust::Proxy, &policy);
        for name in cleaned.headers.keys() {
            let folded = name.as_str().replace('_', "-");
            prop_assert!(!folded.starts_with("x-vestibule-") && folded != "remote-user", "{}", name);
        }
    }

    #[test]
    fn no_cookie_of_ours_ever_passes(line in "([ ;=a-z]{0,4}(__Host-vestibule|vestibule|app)?[-=; \\t]{0,3}){0,5}") {
        let cleaned = clean_request(map(&[("cookie", &line)]), Trust::Stranger, &policy());
        let kept = cleaned.headers.get("cookie").map_or("", |value| value.to_str().unwrap());
        for pair in kept.split(';') {
            let name = pair.trim_start_matches([' ', '\t', '=']);
            prop_assert!(!name.starts_with("__Host-vestibule") && !name.starts_with("vestibule"), "{kept:?}");
        }
    }
}
