use super::*;
use crate::authz::pattern::PathPattern;
use crate::authz::rule::{Policy, Rule, Rules};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

const PORTAL: &str = "/_vestibule";

fn headers(lines: &[(&'static str, &str)]) -> Option<HeaderMap> {
    let lines = lines.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    lines.collect()
}

/// What each dialect makes of one request: nginx, Traefik or Caddy, Envoy.
fn readings(method: &str, host: &str, path: &str) -> [Option<Target>; 3] {
    let url = format!("https://{host}{path}");
    let nginx = headers(&[("x-original-url", &url), ("x-original-method", method)]);
    let traefik = headers(&[
        ("x-forwarded-method", method),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", host),
        ("x-forwarded-uri", path),
    ]);
    let check = format!("{PORTAL}{}{path}", Dialect::ExtAuthz.path());
    let envoy = Target::parse("https", host, &check).ok().and_then(|check| {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        ext_authz::read(PORTAL, &method, &check)
    });
    [
        nginx.and_then(|headers| auth_request::read(&headers)),
        traefik.and_then(|headers| forward_auth::read(&headers)),
        envoy,
    ]
    .map(|original| original.map(|(_, target)| target))
}

/// The URL that nginx writes, which is the host of the client and then the path.
fn url(url: &str) -> Option<Target> {
    let lines = headers(&[("x-original-url", url), ("x-original-method", "GET")]);
    auth_request::read(&lines.unwrap()).map(|(_, target)| target)
}

#[test]
fn no_host_of_a_client_makes_another_path_of_the_one_that_follows() {
    let plain = url("https://a.example/admin").unwrap();
    assert_eq!((plain.authority(), plain.path()), ("a.example", "/admin"));
    // nginx takes each of these for a host.
    for host in [
        "a.example?",
        "a.example?x",
        "a.example#",
        "a.example\\",
        "a.example;",
        "a.example%2f",
        "u@a.example",
        "a.example:443?",
        "a.example:",
    ] {
        assert_eq!(url(&format!("https://{host}/admin")), None, "{host}");
    }
    for short in [
        "https://a.example",
        "https://a.example?x",
        "https:///admin",
        "//a.example/",
    ] {
        assert_eq!(url(short), None, "{short}");
    }
}

#[test]
fn a_method_that_is_refused_in_front_of_an_app_is_none_here() {
    let target = Target::parse("https", "auth.example", "/_vestibule/authz/ext-authz/x").unwrap();
    let asked = |dialect, method: &str| {
        let lines = headers(&[
            ("x-original-url", "https://a.example/x"),
            ("x-original-method", method),
            ("x-forwarded-method", method),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.example"),
            ("x-forwarded-uri", "/x"),
        ]);
        let mut parts = http::Request::new(()).into_parts().0;
        parts.method = Method::from_bytes(method.as_bytes()).unwrap();
        parts.headers = lines.unwrap();
        read(dialect, PORTAL, &parts, &target)
    };
    for dialect in Dialect::ALL {
        for method in ["GET", "POST", "PROPFIND", "OPTIONS"] {
            let original = asked(dialect, method).unwrap();
            assert_eq!(
                (original.method.as_str(), original.target.path()),
                (method, "/x")
            );
        }
        for method in ["post", "Get", "TRACE", "CONNECT", "NONE"] {
            assert_eq!(asked(dialect, method), None, "{dialect:?} {method}");
        }
    }
}

fn rules() -> Rules {
    let rule = |path, policy| Rule {
        paths: vec![PathPattern::parse(path)],
        ..Rule::for_all(policy)
    };
    let open = rule("/open/**", Policy::Bypass);
    Rules::new(
        vec![rule("/open/not", Policy::Deny), open],
        Policy::TwoFactor,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_dialect_reads_the_target_that_in_line_mode_reads_or_none(
        path in "/(open|not|x|a\\.b|\\.\\.|\\.|%2e|%2f|%5c|%00|%|;|:|@|\\?|&|#|/|\\\\| |\u{e9}){0,7}",
        host in "(a\\.example|A\\.example\\.|a\\.example:443|a\\.example:8443|\\[::1\\]|a@b|a,b|a\\.example\\?|a\\.example#|)",
    ) {
        let inline = Target::parse("https", &host, &path).ok();
        for (dialect, reading) in Dialect::ALL.into_iter().zip(readings("GET", &host, &path)) {
            // nginx writes one text, in which a host may seem to end later or earlier.
            let differs = reading.is_some() && reading != inline;
            let passes = |target: &Target| {
                let asked = Asked { method: &Method::GET, target, client: [192, 0, 2, 7].into(), destination: None };
                rules().requirement(asked, None).policy == Policy::Bypass
            };
            prop_assert!(!differs, "{dialect:?} {host}{path}: {reading:?}, in line {inline:?}");
            prop_assert_eq!(reading.as_ref().is_some_and(passes), reading.is_some() && inline.as_ref().is_some_and(passes));
        }
    }
}
