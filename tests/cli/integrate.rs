//! `vestibule integrate`: the configuration of a proxy, made for that of the gate.

use std::fs::write;

use crate::harness::gate::Outcome;
use crate::{done, refused, run, vestibule};

const GOOD: &str = "public_url = \"https://login.example.org:8443\"\nlisten = \"0.0.0.0:7000\"\n\
    trusted_proxies = [\"10.0.0.1\"]\n[portal]\npath = \"/gate\"\n\
    [session]\ncookie_domain = \"example.org\"\ncookie_name = \"sid.v1\"\n\
    [identity]\nassertion_header = \"X-Proof\"\n[identity.headers]\nuser = \"X-Remote-User\"\n";

const PROXIES: [&str; 6] = [
    "nginx",
    "caddy",
    "haproxy",
    "haproxy-lua",
    "traefik",
    "envoy",
];

fn integrate(proxy: &str, config: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("vestibule.toml"), config).unwrap();
    run(vestibule(&["integrate", proxy]).current_dir(folder.path()))
}

#[test]
fn every_file_has_the_addresses_and_names_of_the_configuration() {
    for proxy in PROXIES {
        let outcome = integrate(proxy, GOOD);
        let text = done(&outcome);
        let lower = text.to_lowercase();
        for word in [
            "127.0.0.1:7000",
            "/gate/authz",
            "x-remote-user",
            "x-proof",
            "remote-groups",
        ] {
            assert!(lower.contains(word), "{word} in {text}");
        }
        for word in ["vestibule-assertion", "/_vestibule"] {
            assert!(!lower.contains(word), "{word} in {text}");
        }
    }
    let nginx = integrate("nginx", GOOD).stdout;
    for line in [
        "    listen 8443 ssl;",
        "    server_name login.example.org;",
        "    server_name app.example.org;",
        "    \"~(?:^|;) *sid\\.v1[^=;]*=\" '';",
        "        proxy_set_header X-Original-URL    $scheme://$host:8443$request_uri;",
    ] {
        assert!(
            nginx.lines().any(|known| known == line),
            "{line} in {nginx}"
        );
    }
}

#[test]
fn without_a_domain_for_the_cookie_app_and_pages_are_on_one_host() {
    let domain = "cookie_domain = \"example.org\"\ncookie_name = \"sid.v1\"\n";
    assert!(GOOD.contains(domain));
    let config = GOOD.replace(domain, "");
    for proxy in PROXIES {
        let text = done(&integrate(proxy, &config)).to_owned();
        assert!(!text.contains("app.example.org"), "{text}");
        assert!(!text.contains("@together") && !text.contains("@apart"));
    }
    for (proxy, line) in [
        ("nginx", "    server_name login.example.org;"),
        ("nginx", "    if ($request_uri ~ \"^/gate/\") {"),
        ("nginx", "    \"~(?:^|;) *__Host-vestibule[^=;]*=\" '';"),
        ("caddy", "https://login.example.org:8443 {"),
        (
            "caddy",
            "\t@pages `{http.request.uri}.startsWith(\"/gate/\")`",
        ),
        ("haproxy", "    acl to_vestibule path_beg /gate/"),
        (
            "traefik",
            "      rule: \"Host(`login.example.org`) && !PathPrefix(`/gate/`) && !HeaderRegexp(`Upgrade`, `(?i)[^websockt]`) \
             && !(HeaderRegexp(`Content-Length`, `[1-9]`) && (Method(`GET`) || Method(`HEAD`) || Method(`OPTIONS`)))\"",
        ),
        (
            "envoy",
            "                        - match: { prefix: /gate/ }",
        ),
    ] {
        let text = integrate(proxy, &config).stdout;
        let stands = text.lines().filter(|known| *known == line).count();
        assert_eq!(stands, 1, "{line} in {text}");
    }
}

#[test]
fn methods_cannot_be_overridden_where_a_rule_names_them() {
    let rule = "[[access.rule]]\nmethods = [\"GET\"]\npolicy = \"bypass\"\n";
    for (config, named) in [(GOOD.to_owned(), false), (format!("{GOOD}{rule}"), true)] {
        let text = integrate("nginx", &config).stdout;
        assert_eq!(text.contains("X-HTTP-Method-Override"), named, "{text}");
    }
}

#[test]
fn what_no_recipe_can_do_is_said_with_a_hint() {
    for (line, instead, words) in [
        (
            "trusted_proxies = [\"10.0.0.1\"]",
            "",
            "trusted_proxies is empty",
        ),
        ("https://login", "http://login", "public_url is plain http"),
        (
            "0.0.0.0:7000",
            "unix:/run/gate.sock",
            "listen is a Unix socket",
        ),
    ] {
        assert!(GOOD.contains(line));
        let outcome = integrate("envoy", &GOOD.replace(line, instead));
        assert!(refused(&outcome, 2).contains(words), "{outcome:?}");
    }
}

#[test]
fn an_unknown_proxy_is_wrong_usage() {
    let outcome = integrate("apache", GOOD);
    assert!(
        refused(&outcome, 2).contains("nginx, caddy, haproxy"),
        "{outcome:?}"
    );
}
