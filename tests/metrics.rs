//! What `/metrics` says: the series, and that nothing but them can ever stand there.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use harness::app::App;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::websocket::WebSocket;
use harness::{DEADLINE, HOST};

/// Limits that no test of many tries meets.
const LENIENT: &str = "[throttle]\nlogins_per_minute = 100000\nlogins_per_hour = 1000000\n";

/// The value of one series; it has to be there.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("no {series} in:\n{metrics}"));
    value.parse().unwrap()
}

/// The names and labels of all series.
fn series(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

#[test]
fn a_walk_leaves_its_traces_in_the_series() {
    let app = App::start();
    let gate = Gate::start(&format!(
        "{}[[access.rule]]\npath = \"/open\"\npolicy = \"bypass\"\n[[access.rule]]\npath = \"/shut\"\npolicy = \"deny\"\n",
        app.upstream()
    ));
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    assert_eq!(browser.get("/").status, 200);
    let mut socket = WebSocket::open(
        gate.address(),
        HOST,
        "/",
        &[("Cookie", &browser.cookie_header())],
    )
    .unwrap();
    socket.echo("hello").unwrap();
    let mut stranger = gate.browser();
    assert_eq!(stranger.get("/open").status, 200);
    assert_eq!(stranger.get("/shut").status, 403);
    assert_eq!(stranger.get("/").status, 303);
    assert_eq!(stranger.get("/_vestibule/none").status, 404);
    assert_eq!(
        stranger.post(&format!("{PORTAL}/login"), "csrf=x").status,
        403
    );
    let spoofed = stranger.send("GET", "/open", &[("Remote_User", "root")], b"");
    assert_eq!(spoofed.status, 200);
    let odd = stranger.send("GET", "/open", &[("Expect", "the-best")], b"");
    assert_eq!(odd.status, 417);
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut gate.browser(), &code));
    assert!(!alice.sign_in(&mut gate.browser(), &code));
    alice.password = "wrong".to_owned();
    alice.give_password(&mut gate.browser());

    let metrics = gate.ops("/metrics").text();
    let event = |event: &str, reason: &str| {
        let labels = format!("event=\"{event}\",reason=\"{reason}\"");
        value(
            &metrics,
            &format!("vestibule_audit_events_total{{{labels}}}"),
        )
    };
    assert_eq!(event("authn_login_success", ""), 2.0);
    assert_eq!(event("authn_login_fail", "wrong_password"), 1.0);
    assert_eq!(event("authn_token_reuse", "code_replayed"), 1.0);
    assert_eq!(event("authz_fail", "denied"), 1.0);
    assert_eq!(event("identity_header_spoofed", "identity-header"), 1.0);
    assert_eq!(event("input_validation_fail", "expect"), 1.0);
    assert_eq!(event("malicious_csrf", "no_cookie"), 1.0);
    assert_eq!(event("malicious_csrf", "token"), 0.0);
    assert_eq!(event("excess_rate_limit_exceeded", "address"), 0.0);
    let class = |class: &str| {
        value(
            &metrics,
            &format!("vestibule_requests_total{{class=\"{class}\"}}"),
        )
    };
    assert_eq!((class("app"), class("bypassed")), (2.0, 2.0));
    assert_eq!((class("challenged"), class("refused")), (1.0, 3.0));
    assert_eq!(class("unavailable"), 0.0);
    assert!(class("portal") > 10.0);
    let upstream = |result: &str| {
        let labels = format!("upstream=\"0\",result=\"{result}\"");
        value(
            &metrics,
            &format!("vestibule_upstream_results_total{{{labels}}}"),
        )
    };
    assert_eq!((upstream("2xx"), upstream("switched")), (3.0, 1.0));
    assert_eq!((upstream("unreachable"), upstream("timeout")), (0.0, 0.0));
    for (series, expected) in [
        (
            "vestibule_upstream_response_seconds_count{upstream=\"0\"}",
            4.0,
        ),
        ("vestibule_tunnels_open", 1.0),
        ("vestibule_ready", 1.0),
        ("vestibule_hashing_jobs_running", 0.0),
        ("vestibule_hashing_jobs_waiting", 0.0),
        ("vestibule_hashing_refused_total", 0.0),
        ("vestibule_store_errors_total{operation=\"swap\"}", 0.0),
        ("vestibule_audit_write_failures_total", 0.0),
    ] {
        assert_eq!(value(&metrics, series), expected, "{series}");
    }
    // By the minute that it is now, the code was of the present step or of the one before.
    let accepted = |offset: &str| {
        value(
            &metrics,
            &format!("vestibule_totp_codes_accepted_total{{offset=\"{offset}\"}}"),
        )
    };
    assert_eq!(accepted("-1") + accepted("0") + accepted("+1"), 1.0);
    for series in [
        "vestibule_hashing_duration_seconds_count",
        "vestibule_hashing_wait_seconds_count",
        "vestibule_store_write_seconds_count{durability=\"synced\"}",
        "vestibule_limiter_keys",
        "vestibule_sessions_cached",
        "process_open_fds",
    ] {
        assert!(value(&metrics, series) > 0.0, "{series}");
    }
}

/// Sends many requests over one connection and waits until all are answered.
fn pipelined(address: SocketAddr, requests: impl Iterator<Item = String>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || reader.read_to_end(&mut vec![]).unwrap());
    for request in requests {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let last = format!("GET /last HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(last.as_bytes()).unwrap();
    assert!(reading.join().unwrap() > 0);
}

#[test]
fn ten_thousand_names_and_paths_make_no_series() {
    let gate = Gate::start(LENIENT);
    let before = gate.ops("/metrics").text();
    let mut browser = gate.browser();
    let page = browser.get(&format!("{PORTAL}/login"));
    let csrf = page.form(&["username"]).filled[0].1.clone();
    let cookies = browser.cookie_header();
    // A password that is too long is refused without a hash, so this is quick.
    let logins = (0..5_000).map(|n| {
        let body = format!("csrf={csrf}&username=canary{n}&password={}", "x".repeat(300));
        format!(
            "POST {PORTAL}/login HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookies}\r\nSec-Fetch-Mode: navigate\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    pipelined(gate.address(), logins);
    let paths = (0..5_000).map(|n| {
        format!(
            "GET /canary{n}?canary={n} HTTP/1.1\r\nHost: {HOST}\r\nRemote-User: canary{n}\r\n\r\n"
        )
    });
    pipelined(gate.address(), paths);
    let after = gate.ops("/metrics").text();
    assert_eq!(series(&before), series(&after));
    let class = |class: &str| format!("vestibule_requests_total{{class=\"{class}\"}}");
    assert_eq!(value(&after, &class("challenged")), 5_002.0);
    assert!(value(&after, &class("portal")) >= 5_000.0);
    assert!(!after.contains("canary"), "{after}");
}

#[test]
fn either_text_form_is_given_to_whoever_asks_for_it() {
    let gate = Gate::start("");
    let plain = gate.ops("/metrics");
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(!plain.text().contains("# EOF"));
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3\r\n";
    let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}Connection: close\r\n\r\n");
    let answer = harness::browser::exchange(gate.ops_address(), request.as_bytes()).unwrap();
    let open = harness::browser::Reply::parse("/metrics", &answer);
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(open.text().ends_with("# EOF\n"));
    assert_eq!(series(&open.text()), series(&plain.text()));
}

#[test]
fn the_public_listener_has_no_metrics() {
    let gate = Gate::start("");
    for path in ["/metrics", "/_vestibule/metrics"] {
        let reply = gate.browser().get(path);
        assert!(
            [303, 404].contains(&reply.status),
            "{path}: {}",
            reply.status
        );
    }
}
