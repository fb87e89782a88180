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
    .map(|original| original.map(|original| original.target))
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
        host in "(a\\.example|A\\.example\\.|a\\.example:443|a\\.example:8443|\\[::1\\]|a@b|a,b|)",
    ) {
        let inline = Target::parse("https", &host, &path).ok();
        for (dialect, reading) in Dialect::ALL.into_iter().zip(readings("GET", &host, &path)) {
            // nginx writes one text, in which a host may seem to end later or earlier.
            let differs = reading.is_some() && reading != inline;
            let passes = |target: &Target| {
                let asked = Asked { method: &Method::GET, target, client: [192, 0, 2, 7].into() };
                rules().requirement(asked, None).policy == Policy::Bypass
            };
            prop_assert!(!differs, "{dialect:?} {host}{path}: {reading:?}, in line {inline:?}");
            prop_assert_eq!(reading.as_ref().is_some_and(passes), reading.is_some() && inline.as_ref().is_some_and(passes));
        }
    }
}
