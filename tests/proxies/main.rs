//! The recipes in `examples/` on the real proxies: one table of requests, the same answers everywhere.
//!
//! Only ports, folders and TLS are changed for the test. It runs when `VESTIBULE_TEST_THIRD_PARTY=1` says
//! that the proxies are there.

#![expect(clippy::panic, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

#[expect(
    dead_code,
    reason = "here it is an app of which the lines of requests count"
)]
#[path = "../http1/recorder.rs"]
mod recorder;

mod inherited;
mod layout;
mod odd_bytes;
mod proxy;
mod scene;
mod table;
mod unread;

use std::fmt::Write as _;
use std::thread;

use harness::third_party;
use harness::websocket::WebSocket;
use layout::Layout;
use proxy::{PROXIES, Proxy};
use scene::{APP_HOST, Asked, Scene, Visitor};
use table::table;

/// The gate directly in front of the app: what all others are compared with.
#[test]
fn in_line_mode_answers_the_table() {
    if third_party() {
        for layout in [Layout::Apart, Layout::Together] {
            assert_eq!(complaints(&Scene::in_line(layout)), "");
        }
    }
}

#[test]
fn every_proxy_answers_the_table_as_in_line_mode_does() {
    if third_party() {
        judge_proxies(Layout::Apart);
    }
}

#[test]
fn so_does_every_proxy_that_has_app_and_pages_on_one_host() {
    if third_party() {
        judge_proxies(Layout::Together);
    }
}

fn judge_proxies(layout: Layout) {
    let gate = &scene::asked_by_proxies(layout);
    let complaints: Vec<String> = thread::scope(|scope| {
        let started =
            PROXIES.map(|proxy| scope.spawn(move || complaints(&Scene::behind(gate, proxy))));
        started
            .into_iter()
            .map(|thread| thread.join().expect("the table is answered"))
            .collect()
    });
    assert_eq!(complaints.concat(), "");
}

#[test]
fn no_proxy_lets_anybody_pass_when_the_gate_is_dead() {
    if third_party() {
        let gate = scene::asked_by_proxies(Layout::Apart);
        let scenes = PROXIES.map(|proxy| Scene::behind(&gate, proxy));
        gate.kill();
        nobody_passes(&scenes);
    }
}

#[test]
fn no_proxy_lets_anybody_pass_whose_session_cannot_be_looked_up() {
    if third_party() {
        let gate = scene::asked_by_proxies(Layout::Together);
        let scenes = PROXIES.map(|proxy| Scene::behind(&gate, proxy));
        gate.lose_store();
        nobody_passes(&scenes);
    }
}

/// Not even Alice, nor to what is open: nothing says that it is.
fn nobody_passes(scenes: &[Scene]) {
    let ask = |scene: &Scene, target| {
        let answer = scene.ask(&Asked::get(Visitor::Alice, target));
        let status = answer.reply.map(|reply| reply.status);
        assert!(
            status.is_some_and(|status| (500..=504).contains(&status)) && answer.seen.is_none(),
            "{:?} {target}: {status:?}",
            scene.proxy
        );
    };
    // At once: HAProxy tries again for seconds.
    thread::scope(|scope| {
        for scene in scenes {
            for target in ["/open/x", "/page"] {
                scope.spawn(move || ask(scene, target));
            }
        }
    });
}

#[test]
fn browsers_are_told_once_to_stay_with_https() {
    if !third_party() {
        return;
    }
    for layout in [Layout::Apart, Layout::Together] {
        let gate = scene::asked_by_proxies(layout);
        for proxy in [Proxy::Nginx, Proxy::Haproxy, Proxy::Envoy] {
            told_once(&Scene::behind(&gate, proxy));
        }
    }
}

fn told_once(scene: &Scene) {
    let proxy = scene.proxy;
    let told = |target, lines| {
        let asked = Asked {
            lines,
            ..Asked::get(Visitor::Nobody, target)
        };
        let reply = scene.ask(&asked).reply.expect("an answer");
        reply.all("strict-transport-security")
    };
    let year = ["max-age=31536000"];
    assert_eq!(told("/open/x", &[]), year, "{proxy:?}");
    assert_eq!(told("/page", &[]), year, "{proxy:?}");
    assert_eq!(
        told("/page", &[("Sec-Fetch-Mode", "navigate")]),
        year,
        "{proxy:?}"
    );
    let by_app = told("/open/x", &[("X-Wanted-Hsts", "max-age=1")]);
    assert_eq!(by_app, ["max-age=1"], "{proxy:?}");
}

/// What differs from the table.
fn complaints(scene: &Scene) -> String {
    let mut complaints = String::new();
    for case in table(scene.layout) {
        let answer = scene.ask(&case.asked);
        let expected = case.expected(scene.proxy);
        for complaint in answer.complaints(expected) {
            let _ = writeln!(
                complaints,
                "{:?}: {:?}: {complaint}",
                scene.proxy, case.asked
            );
        }
    }
    complaints.push_str(&websockets(scene));
    complaints.push_str(&hosts_with_a_path(scene));
    complaints.push_str(&rootless_targets(scene));
    // The forms go by host and scheme, which the proxy has to hand on; a form that is missing ends the test.
    scene.give_password().form(&["code"]);
    if scene.proxy != Proxy::InLine {
        complaints.push_str(&checks_from_outside(scene));
        complaints.push_str(&unknown_hosts(scene));
    }
    if scene.app_was_misused() {
        let _ = writeln!(
            complaints,
            "{:?}, or one beside it: the app could not read what it got",
            scene.proxy
        );
    }
    complaints
}

/// A handshake passes with a sign-in and echoes; without one it ends in 401.
fn websockets(scene: &Scene) -> String {
    let cookie = scene.cookie(Visitor::Alice);
    let open = |lines: &[(&str, &str)]| WebSocket::open(scene.address, APP_HOST, "/socket", lines);
    let echoed = open(&[("Cookie", &cookie), ("Remote-User", "mallory")])
        .map(|mut socket| socket.echo("hello").unwrap_or_default());
    let mut complaints = String::new();
    if !matches!(&echoed, Ok(text) if text == "hello") {
        let _ = writeln!(complaints, "{:?}: WebSocket: {echoed:?}", scene.proxy);
    }
    if let Some(wish) = scene.wish_beside_a_handshake() {
        let _ = writeln!(complaints, "{:?}: {wish}", scene.proxy);
    }
    let refused = open(&[]).err().map(|reply| reply.status);
    if refused != Some(401) {
        let _ = writeln!(
            complaints,
            "{:?}: WebSocket of nobody: {refused:?}",
            scene.proxy
        );
    }
    complaints
}

/// A client that writes an open path behind the host gets no other one for it.
fn hosts_with_a_path(scene: &Scene) -> String {
    let port = scene.address.port().to_string();
    let behind = [
        "/open/x",
        ":80/open/x",
        ":/open/x",
        "/open/x?",
        "?",
        ":80?",
        "#",
        "/open/x#",
        "\\open",
        ".:80/open",
    ];
    let hosts = behind.into_iter().flat_map(|behind| {
        [behind.to_owned(), behind.replace("80", &port)].map(|behind| format!("{APP_HOST}{behind}"))
    });
    at_once(hosts, |host| {
        let opened = scene.reaches_app("/page", &host);
        opened.then(|| format!("{:?}: Host: {host} opens /page\n", scene.proxy))
    })
}

/// Under a host of nobody's there is no app, for rules may be for a host.
fn unknown_hosts(scene: &Scene) -> String {
    let hosts = ["evil.example.org", "127.0.0.1", "localhost", "example.com"];
    at_once(hosts, |host| {
        let opened = scene.reaches_app("/open/x", host);
        opened.then(|| format!("{:?}: Host: {host} reaches the app\n", scene.proxy))
    })
}

/// What has no slash in front is no path: Caddy asks for what stands behind `x:` in place of the check.
fn rootless_targets(scene: &Scene) -> String {
    let (pages, port) = (scene.layout.pages(), scene.address.port());
    let targets = [
        format!("x:http://{pages}/_vestibule/jwks.json"),
        format!("x:http://{pages}:{port}/_vestibule/login?"),
        format!("x:http://{APP_HOST}/_vestibule/jwks.json"),
        format!("x:http://{APP_HOST}/open/x"),
        format!("x:http://{pages}/_vestibule/authz/auth-request"),
        "x:open".to_owned(),
        "*".to_owned(),
    ];
    at_once(targets, |target| {
        let told = scene.ask_portal_whole(&target);
        let told = told.is_some_and(|reply| reply.header("x-vestibule-assertion").is_some());
        let opened = scene.reaches_app(&target, APP_HOST);
        (told || opened).then(|| {
            let what = if told {
                "tells who Alice is"
            } else {
                "reaches the app"
            };
            format!("{:?}: {target} {what}\n", scene.proxy)
        })
    })
}

/// What is wrong with any of them. Envoy keeps each connection that it refused for a second.
fn at_once<T: Send>(
    all: impl IntoIterator<Item = T>,
    complaint: impl Fn(T) -> Option<String> + Sync,
) -> String {
    let complaint = &complaint;
    thread::scope(|scope| {
        let started: Vec<_> = all
            .into_iter()
            .map(|one| scope.spawn(move || complaint(one)))
            .collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended
            .filter_map(|complaint| complaint.expect("it is asked for"))
            .collect()
    })
}

/// The checks are for proxies: no browser gets an answer out of them. What only looks like one is asked about, on one
/// host, and denied.
fn checks_from_outside(scene: &Scene) -> String {
    let asks = [
        "/_vestibule/authz/auth-request",
        "/_vestibule/authz/forward-auth",
        "/_vestibule/authz/ext-authz/open/x",
        "/_vestibule/authz/ext-authz/../../x",
        "/_vestibule/authz/ext-authz/../../../internal/x",
        "/_vestibule/authz/ext-authz/%2e%2e/%2e%2e/x",
        "/_vestibule/./authz/ext-authz/open/x",
        "/_vestibule/%61uthz/auth-request",
        "/_vestibule//authz/auth-request",
        "//_vestibule/authz/ext-authz/open/x",
        "/x/../_vestibule/authz/auth-request",
        "/_vestibule%2fauthz/auth-request",
        "/_VESTIBULE/authz/auth-request",
    ];
    at_once(asks, |target| {
        let status = scene.ask_portal(target);
        let refused = matches!(status, Some(403 | 404));
        (!refused).then(|| format!("{:?}: {target} answers {status:?}\n", scene.proxy))
    })
}
