//! A gate behind a proxy, good and careless.

use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderValue, Uri};
use std::net::SocketAddr;

use crate::front::{Behind, Conduct, Front, saying, tls_file};
use crate::harness::app::App;
use crate::harness::gate::Gate;
use crate::{RULES, complaints, doctor, nobody, results};

/// A gate for https behind a proxy on this machine, with an app.
struct Scene {
    _app: App,
    gate: Gate,
    front: Front,
    ca: String,
}

impl Scene {
    fn new(certificate: &str, rules: &str, conduct: Conduct) -> Self {
        Self::trusting("127.0.0.1", certificate, rules, conduct)
    }

    fn trusting(trusted: &str, certificate: &str, rules: &str, conduct: Conduct) -> Self {
        let app = App::start();
        let config = format!(
            "public_url = \"https://app.localhost\"\ntrusted_proxies = [\"{trusted}\"]\n{}{rules}",
            app.upstream()
        );
        let gate = Gate::start(&config);
        let behind = Behind {
            gate: gate.address(),
            app: app.address(),
        };
        Self {
            front: Front::start(Some(certificate), behind, conduct),
            ca: tls_file("ca.pem").display().to_string(),
            gate,
            _app: app,
        }
    }

    fn arguments<'a>(&'a self, address: &'a str) -> Vec<&'a str> {
        let url = "https://app.localhost/closed";
        vec![
            "--url",
            url,
            "--connect",
            address,
            "--ca-file",
            &self.ca,
            "--open",
            "/open",
            "--open",
            "/open/a",
        ]
    }

    #[track_caller]
    fn complaints(&self) -> (Option<i32>, Vec<String>) {
        let plain = saying("301 Moved\r\nLocation: https://app.localhost/closed");
        self.complaints_beside(plain)
    }

    /// The same with something else on port 80.
    #[track_caller]
    fn complaints_beside(&self, plain: SocketAddr) -> (Option<i32>, Vec<String>) {
        let address = self.front.address().to_string();
        let plain = format!("app.localhost:80={plain}");
        complaints(&[&self.arguments(&address)[..], &["--connect", &plain]].concat())
    }
}

/// Removes what a client says about its way and says it anew.
fn clean(parts: &mut Parts) {
    let headers = &mut parts.headers;
    let claims = [
        "forwarded",
        "x-real-ip",
        "x-original-url",
        "x-original-method",
    ];
    let doubtful: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-forwarded-") || claims.contains(&name.as_str()))
        .cloned()
        .collect();
    for name in doubtful {
        headers.remove(name);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
}

fn careful(parts: &mut Parts, behind: Behind) -> SocketAddr {
    clean(parts);
    if parts.uri.path().starts_with("/_vestibule/authz/") {
        parts.uri = Uri::from_static("/_vestibule/nothing");
    }
    behind.gate
}

fn hsts(headers: &mut HeaderMap) {
    headers.insert(
        "strict-transport-security",
        HeaderValue::from_static("max-age=31536000"),
    );
}

const CAREFUL: Conduct = Conduct {
    forward: careful,
    back: hsts,
};

fn found(complaints: &[&str]) -> (Option<i32>, Vec<String>) {
    let code = complaints
        .iter()
        .any(|complaint| !complaint.starts_with("warn"));
    let complaints = complaints.iter().map(|complaint| (*complaint).to_owned());
    (Some(i32::from(code)), complaints.collect())
}

#[test]
fn a_gate_behind_a_careful_proxy_is_clean() {
    let scene = Scene::new("leaf.pem", RULES, CAREFUL);
    assert_eq!(scene.complaints(), found(&[]));
    let address = scene.front.address().to_string();
    let (_, results) = results(&scene.arguments(&address));
    for check in [
        "certificate",
        "hsts",
        "cookies",
        "login-page",
        "check-endpoints",
    ] {
        let found = results.iter().find(|(name, _)| name == check);
        assert_eq!(found.unwrap().1, "ok", "{check}");
    }
    let said = doctor(&scene.arguments(&address)).stdout;
    assert!(
        said.contains("Secure, HttpOnly and SameSite, all that are set"),
        "{said}"
    );
}

#[test]
fn a_proxy_that_hands_on_whatever_it_gets_is_found() {
    let careless = Conduct {
        forward: |parts, behind| {
            let headers = &mut parts.headers;
            headers
                .entry("x-forwarded-proto")
                .or_insert(HeaderValue::from_static("https"));
            behind.gate
        },
        back: |_| {},
    };
    let rules = "[access]\nrule = [{ path = [\"/open\", \"/open/**\"], policy = \"bypass\" }, \
                 { path = \"/closed\", networks = \"127.0.0.1\", policy = \"bypass\" }]\n";
    let scene = Scene::new("leaf.pem", rules, careless);
    let (code, bad) = scene.complaints();
    // Without X-Forwarded-For everybody comes from this machine, as far as the gate can tell.
    assert_eq!(code, Some(1));
    assert!(bad.contains(&"open sign-in".to_owned()), "{bad:?}");
    assert!(bad.contains(&"open check-endpoints".to_owned()), "{bad:?}");
    assert!(bad.contains(&"warn hsts".to_owned()), "{bad:?}");
}

#[test]
fn an_address_that_a_client_may_choose_is_found() {
    let believing = Conduct {
        forward: |parts, behind| {
            let said = parts.headers.get("x-forwarded-for").cloned();
            let to = careful(parts, behind);
            if let Some(said) = said {
                parts.headers.insert("x-forwarded-for", said);
            }
            to
        },
        back: hsts,
    };
    let rules = "[access]\nrule = [{ path = [\"/open\", \"/open/**\"], policy = \"bypass\" }, \
                 { path = \"/closed\", networks = \"127.0.0.0/8\", policy = \"bypass\" }]\n";
    let scene = Scene::new("leaf.pem", rules, believing);
    assert_eq!(scene.complaints(), found(&["open forwarded-headers"]));
}

#[test]
fn open_paths_that_lead_past_the_gate_are_found() {
    let past = Conduct {
        forward: |parts, behind| {
            if parts.uri.path().starts_with("/open") {
                return behind.app;
            }
            careful(parts, behind)
        },
        back: hsts,
    };
    let scene = Scene::new("leaf.pem", RULES, past);
    assert_eq!(
        scene.complaints(),
        found(&[
            "open identity-headers",
            "open underscore-headers",
            "open forwarded-headers",
            "open upgrade",
            // The app shows what it got.
            "warn rewrite-headers",
            "open path-tricks",
        ])
    );
}

#[test]
fn a_path_that_a_header_may_choose_is_found() {
    let rewriting = Conduct {
        forward: |parts, behind| {
            let named = parts.headers.get("x-rewrite-url").cloned();
            if let Some(path) = named.and_then(|path| path.to_str().ok()?.parse().ok()) {
                parts.uri = path;
            }
            careful(parts, behind)
        },
        back: hsts,
    };
    let scene = Scene::new("leaf.pem", RULES, rewriting);
    assert_eq!(scene.complaints(), found(&["open rewrite-headers"]));
}

#[test]
fn a_prefix_that_a_header_cuts_off_the_path_is_found() {
    let cutting = Conduct {
        forward: |parts, behind| {
            let prefix = parts.headers.get("x-script-name").cloned();
            let rest = prefix.and_then(|prefix| {
                let rest = parts.uri.path().strip_prefix(prefix.to_str().ok()?)?;
                format!("/{}", rest.trim_start_matches('/')).parse().ok()
            });
            if let Some(rest) = rest {
                parts.uri = rest;
            }
            careful(parts, behind)
        },
        back: hsts,
    };
    let scene = Scene::new("leaf.pem", RULES, cutting);
    assert_eq!(scene.complaints(), found(&["warn rewrite-headers"]));
}

#[test]
fn cookies_that_lose_an_attribute_are_found() {
    let stripping = Conduct {
        forward: careful,
        back: |headers| {
            hsts(headers);
            let lines: Vec<String> = headers
                .get_all("set-cookie")
                .iter()
                .map(|line| line.to_str().unwrap().replace("; Secure", ""))
                .collect();
            headers.remove("set-cookie");
            for line in lines {
                headers.append("set-cookie", line.parse().unwrap());
            }
        },
    };
    let scene = Scene::new("leaf.pem", RULES, stripping);
    assert_eq!(scene.complaints(), found(&["open cookies"]));
}

#[test]
fn a_gate_that_is_set_up_for_http_is_found() {
    let app = App::start();
    let gate = Gate::start(&format!("{}{RULES}", app.upstream()));
    let behind = Behind {
        gate: gate.address(),
        app: app.address(),
    };
    let front = Front::start(Some("leaf.pem"), behind, CAREFUL);
    let (address, ca) = (
        front.address().to_string(),
        tls_file("ca.pem").display().to_string(),
    );
    let url = "https://app.localhost/closed";
    let (code, bad) = complaints(&["--url", url, "--connect", &address, "--ca-file", &ca]);
    assert_eq!(code, Some(1));
    assert!(bad.contains(&"open cookies".to_owned()), "{bad:?}");
}

#[test]
fn a_certificate_that_no_browser_takes_is_found() {
    let scene = Scene::new("old.pem", RULES, CAREFUL);
    assert_eq!(scene.complaints(), found(&["open certificate"]));
    let good = Scene::new("leaf.pem", RULES, CAREFUL);
    let address = good.front.address().to_string();
    let other = [
        "--url",
        "https://other.localhost/",
        "--connect",
        &address,
        "--ca-file",
        &good.ca,
    ];
    assert_eq!(complaints(&other), found(&["open certificate"]));
    // The gate itself speaks no TLS.
    let plain = good.gate.address().to_string();
    let none = [
        "--url",
        "https://app.localhost/",
        "--connect",
        &plain,
        "--ca-file",
        &good.ca,
    ];
    assert_eq!(complaints(&none), found(&["open certificate"]));
}

/// Each proxy on the way adds whom it saw; a gate that trusts them all believes the first, whom nobody saw.
#[test]
fn trust_in_every_address_of_the_way_is_found() {
    let appending = Conduct {
        forward: |parts, behind| {
            let said = parts.headers.get("x-forwarded-for").cloned();
            let to = careful(parts, behind);
            let said = said.as_ref().map(|said| said.to_str().unwrap());
            let all = said.map(|said| format!("{said}, 203.0.113.7"));
            if let Some(all) = all {
                let all = HeaderValue::try_from(all).unwrap();
                parts.headers.insert("x-forwarded-for", all);
            }
            to
        },
        back: hsts,
    };
    let rules = "[access]\nrule = [{ path = [\"/open\", \"/open/**\"], policy = \"bypass\" }, \
                 { path = \"/closed\", networks = \"10.0.0.0/8\", policy = \"bypass\" }]\n";
    let scene = Scene::new("leaf.pem", rules, appending);
    assert_eq!(scene.complaints(), found(&[]));
    let everybody = Scene::trusting("0.0.0.0/0", "leaf.pem", rules, appending);
    assert_eq!(everybody.complaints(), found(&["open forwarded-headers"]));
}

#[test]
fn what_port_80_does_beside_https_is_judged() {
    let scene = Scene::new("leaf.pem", RULES, CAREFUL);
    for (head, expected) in [
        (
            "308 Moved\r\nLocation: https://app.localhost/closed",
            &[][..],
        ),
        ("404 Not Found", &[]),
        ("200 OK", &["open plain-http"]),
        ("401 Unauthorized", &["open plain-http"]),
        (
            "301 Moved\r\nLocation: http://app.localhost/x",
            &["open plain-http"],
        ),
        (
            "301 Moved\r\nLocation: https://app.example.net/",
            &["open plain-http"],
        ),
        (
            "301 Moved\r\nLocation: https://app.localhost/\r\nSet-Cookie: a=b",
            &["open plain-http"],
        ),
    ] {
        assert_eq!(
            scene.complaints_beside(saying(head)),
            found(expected),
            "{head}"
        );
    }
    // The gate, published without TLS beside the proxy that has it.
    let gate = scene.gate.address();
    assert_eq!(scene.complaints_beside(gate), found(&["open plain-http"]));
    assert_eq!(scene.complaints_beside(nobody()), found(&[]));
}

#[test]
fn a_url_that_leads_from_http_to_https_is_judged_there() {
    let scene = Scene::new("leaf.pem", RULES, CAREFUL);
    let plain = saying("301 Moved\r\nLocation: https://app.localhost/closed");
    let ways = [
        format!("app.localhost:443={}", scene.front.address()),
        format!("app.localhost:80={plain}"),
    ];
    let mut arguments = vec![
        "--url",
        "http://app.localhost/closed",
        "--ca-file",
        &scene.ca,
    ];
    arguments.extend(ways.iter().flat_map(|way| ["--connect", way]));
    let (code, results) = results(&arguments);
    assert_eq!(code, Some(0));
    let ok = |check: &str| (check.to_owned(), "ok".to_owned());
    for check in ["hsts", "plain-http", "plain-redirects", "cookies"] {
        assert!(results.contains(&ok(check)), "{check}: {results:?}");
    }
}
