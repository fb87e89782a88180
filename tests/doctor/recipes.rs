//! The recipes in `examples/` on the real proxies with TLS: clean as they are, and each change that opens
//! something is found.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use tempfile::TempDir;

use crate::front::{answers_over_tls, saying, tls_file};
use crate::harness::app::App;
use crate::harness::gate::Gate;
use crate::harness::third_party;
use crate::layout::Layout;
use crate::proxy::{Edit, PROXIES, Proxy, Running, Setup, replaced};
use crate::{complaints, nobody};

/// What somebody changed, and what the doctor says then.
struct Case {
    proxy: Proxy,
    edits: &'static [(&'static str, &'static str, &'static str)],
    expected: &'static [&'static str],
}

const NGINX: &str = "nginx/vestibule.conf";
const CADDY: &str = "caddy/Caddyfile";
const HAPROXY: &str = "haproxy/haproxy.cfg";
const LUA: &str = "haproxy/vestibule.lua";
const TRAEFIK: &str = "traefik/vestibule.yaml";
const TRAEFIK_MAIN: &str = "traefik/traefik.yaml";
const ENVOY: &str = "envoy/envoy.yaml";

/// The files for TLS under the names that `certbot` gives them.
fn tls_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (ours, name) in [("leaf.pem", "fullchain.pem"), ("key.pem", "privkey.pem")] {
        std::fs::copy(tls_file(ours), folder.path().join(name)).unwrap();
    }
    folder
}

/// The gate of the recipes, whose configurations are alike but for comments.
fn gate(changes: &[(&str, &str)]) -> Gate {
    Gate::start(&replaced(&Layout::Apart.config(), changes))
}

/// What is not as it should be when a stranger comes to this proxy.
#[track_caller]
fn visit(proxy: SocketAddr, upstream: SocketAddr) -> (Option<i32>, Vec<String>) {
    let plain = saying("301 Moved\r\nLocation: https://app.example.com/");
    let ways = [
        format!("app.example.com:443={proxy}"),
        format!("auth.example.com:443={proxy}"),
        format!("app.example.com:80={plain}"),
    ];
    let (ca, upstream) = (tls_file("ca.pem"), format!("http://{upstream}"));
    let mut arguments = vec!["--url", "https://app.example.com/page?x=1"];
    arguments.extend(["--open", "/open/x", "--open", "/open/a/b"]);
    arguments.extend(ways.iter().flat_map(|way| ["--connect", way]));
    arguments.extend(["--ca-file", ca.to_str().unwrap()]);
    arguments.extend(["--upstream", &upstream]);
    complaints(&arguments)
}

fn run(proxy: Proxy, tls: &Path, gate: &Gate, app: &App, edits: &[Edit]) -> Running {
    Running::start_with(proxy, setup(Layout::Apart, tls, gate, app, edits))
}

fn setup<'a>(
    layout: Layout,
    tls: &'a Path,
    gate: &Gate,
    app: &App,
    edits: &'a [Edit],
) -> Setup<'a> {
    Setup {
        layout,
        gate: gate.address(),
        app: app.address(),
        tls: Some(tls),
        edits,
        is_ready: answers_over_tls,
    }
}

#[test]
fn every_recipe_is_clean_and_an_app_beside_the_gate_is_found() {
    if !third_party() {
        return;
    }
    let (tls, gate, app) = (tls_folder(), gate(&[]), App::start());
    for proxy in PROXIES {
        let running = run(proxy, tls.path(), &gate, &app, &[]);
        assert_eq!(
            visit(running.address, nobody()),
            (Some(0), vec![]),
            "{proxy:?}"
        );
        let beside = (Some(1), vec!["open upstream".to_owned()]);
        assert_eq!(visit(running.address, app.address()), beside, "{proxy:?}");
    }
}

#[test]
fn one_host_for_app_and_pages_is_clean_and_an_open_check_on_it_is_found() {
    if !third_party() {
        return;
    }
    let (tls, app) = (tls_folder(), App::start());
    let gate = Gate::start(&Layout::Together.config());
    let open = Edit {
        file: NGINX,
        from: "\"^/_vestibule/authz\"",
        to: "\"^/nothing\"",
    };
    let visit_of = |proxy, edits: &[Edit]| {
        let setup = setup(Layout::Together, tls.path(), &gate, &app, edits);
        visit(Running::start_with(proxy, setup).address, nobody())
    };
    let visit_of = &visit_of;
    thread::scope(|scope| {
        for proxy in PROXIES {
            scope.spawn(move || assert_eq!(visit_of(proxy, &[]), (Some(0), vec![]), "{proxy:?}"));
        }
        let found = (Some(1), vec!["open check-endpoints".to_owned()]);
        assert_eq!(visit_of(Proxy::Nginx, &[open]), found);
    });
}

#[test]
fn every_careless_change_of_a_recipe_is_found() {
    if !third_party() {
        return;
    }
    let (tls, gate, app) = (tls_folder(), gate(&[]), App::start());
    let (tls, gate, app) = (tls.path(), &gate, &app);
    let wrong: Vec<String> = thread::scope(|scope| {
        let by_proxy = PROXIES.map(|proxy| {
            let cases = CASES.iter().filter(move |case| case.proxy == proxy);
            scope.spawn(move || {
                let wrong = cases.filter_map(|case| difference(case, tls, gate, app));
                wrong.collect::<Vec<_>>()
            })
        });
        let wrong = by_proxy.map(|thread| thread.join().expect("all are visited"));
        wrong.concat()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the doctor says in place of what was expected.
fn difference(case: &Case, tls: &Path, gate: &Gate, app: &App) -> Option<String> {
    let edits: Vec<Edit> = case
        .edits
        .iter()
        .map(|&(file, from, to)| Edit { file, from, to })
        .collect();
    let running = run(case.proxy, tls, gate, app, &edits);
    let (code, bad) = visit(running.address, nobody());
    let differs = bad != case.expected || code != Some(1);
    differs.then(|| format!("{:?} {:?}: {code:?} {bad:?}", case.proxy, case.edits))
}

#[test]
fn a_public_url_that_is_not_what_browsers_see_is_found() {
    if !third_party() {
        return;
    }
    let (tls, app) = (tls_folder(), App::start());
    let right = "https://auth.example.com";
    for (public_url, expected) in [
        (
            "http://auth.example.com",
            &[
                "broken login-page",
                "open login-address",
                "broken login-loop",
                "open plain-redirects",
            ][..],
        ),
        (
            "https://login.example.com",
            &["broken login-page", "broken login-loop"],
        ),
    ] {
        let gate = gate(&[(right, public_url)]);
        let running = run(Proxy::Caddy, tls.path(), &gate, &app, &[]);
        let (code, bad) = visit(running.address, nobody());
        let found: Vec<&str> = bad.iter().map(String::as_str).collect();
        assert!(
            expected.iter().all(|finding| found.contains(finding)),
            "{public_url}: {found:?}"
        );
        assert_eq!(code, Some(1), "{public_url}");
    }
}

#[test]
fn a_sign_in_that_does_not_reach_the_host_of_the_app_is_found() {
    if !third_party() {
        return;
    }
    let (tls, app) = (tls_folder(), App::start());
    let gate = gate(&[("cookie_domain = \"example.com\"", "")]);
    let running = run(Proxy::Nginx, tls.path(), &gate, &app, &[]);
    let found = (Some(1), vec!["broken login-address".to_owned()]);
    assert_eq!(visit(running.address, nobody()), found);
}

const CASES: &[Case] = &[
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "Remote-User $vestibule_remote_user",
            "Remote-User $http_remote_user",
        )],
        expected: &["open identity-headers"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "server_name app.example.com;",
            "server_name app.example.com;\n    underscores_in_headers on;",
        )],
        expected: &["open underscore-headers"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "        proxy_set_header X-Original-Method $request_method;",
            "        proxy_set_header X-Original-Method $request_method;\n        proxy_set_header Cookie '';",
        )],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "proxy_pass         http://vestibule;",
            "proxy_pass         http://vestibule;\n        proxy_hide_header Set-Cookie;",
        )],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    default '';\n    \"~*^HTTP/1\\.1 websocket 0?$\" websocket;",
            "    default $http_upgrade;",
        )],
        expected: &["open upgrade"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(NGINX, "\"^/_vestibule/authz\"", "\"^/nothing\"")],
        expected: &["open check-endpoints"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(NGINX, "X-Forwarded-Proto $scheme", "X-Nothing $scheme")],
        expected: &["broken login-page"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    client_max_body_size 0;",
            "    location = /open/x { return 301 http://$host/open/x/; }",
        )],
        expected: &["open plain-redirects", "warn open-paths"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    client_max_body_size 0;",
            "    client_max_body_size 0;\n    location @open { proxy_pass http://vestibule_app; }\n    error_page 418 = @open;\n    if ($http_accept !~ html) { return 418; }",
        )],
        expected: &["open other-requests"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    client_max_body_size 0;",
            "    client_max_body_size 0;\n    location @open { proxy_pass http://vestibule_app; }\n    error_page 418 = @open;\n    if ($request_method = HEAD) { return 418; }",
        )],
        expected: &["open other-requests"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    client_max_body_size 0;",
            "    client_max_body_size 0;\n    location @open { proxy_pass http://vestibule_app; }\n    error_page 418 = @open;\n    if ($request_method = OPTIONS) { return 418; }",
        )],
        expected: &["open other-requests"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[(
            NGINX,
            "    client_max_body_size 0;",
            "    client_max_body_size 0;\n    location @open { proxy_pass http://vestibule_app; }\n    error_page 418 = @open;\n    if ($http_upgrade = websocket) { return 418; }",
        )],
        expected: &["open other-requests"],
    },
    Case {
        proxy: Proxy::Nginx,
        edits: &[
            (
                NGINX,
                "upstream vestibule {",
                "map $http_x_original_url $asked {\n    default $http_x_original_url;\n    '' $scheme://$host$request_uri;\n}\nupstream vestibule {",
            ),
            (
                NGINX,
                "X-Original-URL    $scheme://$host$request_uri;",
                "X-Original-URL    $asked;",
            ),
        ],
        expected: &["open rewrite-headers"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[
            (CADDY, "\t\trequest_header -Remote-User\n", ""),
            (CADDY, "\t\t\t\tRemote-User\n", ""),
        ],
        expected: &["open identity-headers"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[(
            CADDY,
            "\treverse_proxy 127.0.0.1:8080\n",
            "\treverse_proxy 127.0.0.1:8080 {\n\t\ttrusted_proxies 0.0.0.0/0\n\t}\n",
        )],
        expected: &["open forwarded-headers"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[(
            CADDY,
            "uri /_vestibule/authz/forward-auth",
            "uri /_vestibule/authz/forward-auth\n\t\t\ttrusted_proxies 0.0.0.0/0",
        )],
        expected: &["open forwarded-headers"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[(
            CADDY,
            "\treverse_proxy 127.0.0.1:8080\n",
            "\treverse_proxy 127.0.0.1:8080 {\n\t\theader_down -Set-Cookie\n\t}\n",
        )],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[(
            CADDY,
            "\treverse_proxy 127.0.0.1:8080\n",
            "\treverse_proxy 127.0.0.1:8080 {\n\t\theader_up -Cookie\n\t}\n",
        )],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Caddy,
        edits: &[(
            CADDY,
            "\t\trespond @rootless 400\n",
            "\t\treverse_proxy @rootless 127.0.0.1:3000\n",
        )],
        expected: &["open odd-target"],
    },
    Case {
        proxy: Proxy::Haproxy,
        edits: &[(HAPROXY, "    http-request del-header Remote-User\n", "")],
        expected: &["open identity-headers"],
    },
    Case {
        proxy: Proxy::Haproxy,
        edits: &[(
            HAPROXY,
            "    http-request del-header [^-0-9A-Za-z] -m reg\n",
            "",
        )],
        expected: &["open underscore-headers"],
    },
    Case {
        proxy: Proxy::Haproxy,
        edits: &[(LUA, "\"cookie\", ", "")],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Haproxy,
        edits: &[(
            HAPROXY,
            "X-Forwarded-Proto https",
            "X-Forwarded-Proto https unless { req.hdr(X-Forwarded-Proto) -m found }",
        )],
        expected: &["open forwarded-headers"],
    },
    Case {
        proxy: Proxy::Haproxy,
        edits: &[(HAPROXY, "path_beg /_vestibule/authz", "path_beg /nothing")],
        expected: &["open check-endpoints"],
    },
    Case {
        proxy: Proxy::Traefik,
        edits: &[
            (TRAEFIK, "          Remote_User: \"\"\n", ""),
            (TRAEFIK_MAIN, "      aliasHeadersStrategy: delete\n", ""),
        ],
        expected: &["open underscore-headers"],
    },
    Case {
        proxy: Proxy::Traefik,
        edits: &[
            (TRAEFIK, "          Remote-User: \"\"\n", ""),
            (TRAEFIK, "          - \"Remote-User\"\n", ""),
        ],
        expected: &["open identity-headers"],
    },
    Case {
        proxy: Proxy::Traefik,
        edits: &[
            (
                TRAEFIK_MAIN,
                "    address: \":443\"",
                "    forwardedHeaders: { insecure: true }\n    address: \":443\"",
            ),
            (
                TRAEFIK,
                "trustForwardHeader: false",
                "trustForwardHeader: true",
            ),
        ],
        expected: &["open forwarded-headers"],
    },
    Case {
        proxy: Proxy::Traefik,
        edits: &[(
            TRAEFIK,
            "        trustForwardHeader: false",
            "        trustForwardHeader: false\n        authRequestHeaders: [Accept]",
        )],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Traefik,
        edits: &[(TRAEFIK, " && !PathPrefix(`/_vestibule/authz`)", "")],
        expected: &["open check-endpoints"],
    },
    Case {
        proxy: Proxy::Envoy,
        edits: &[
            (ENVOY, "                        - remove: Remote-User\n", ""),
            (
                ENVOY,
                "                              - exact: remote-user\n",
                "",
            ),
        ],
        expected: &["open identity-headers"],
    },
    Case {
        proxy: Proxy::Envoy,
        edits: &[
            (ENVOY, "action: DROP_HEADER", "action: ALLOW"),
            (ENVOY, "[^:].*[^-0-9A-Za-z].*", "[^:].*[^-_0-9A-Za-z].*"),
        ],
        expected: &["open underscore-headers"],
    },
    Case {
        proxy: Proxy::Envoy,
        edits: &[(ENVOY, "                          - exact: cookie\n", "")],
        expected: &["broken login-loop"],
    },
    Case {
        proxy: Proxy::Envoy,
        edits: &[(ENVOY, "prefix: /_vestibule/authz }", "prefix: /nothing }")],
        expected: &["open check-endpoints"],
    },
];
