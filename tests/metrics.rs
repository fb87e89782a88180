//! What `/metrics` says: the series, and that nothing but them can ever stand there.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends by panicking"
)]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use harness::app::App;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::program::Program;
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

/// The metrics after a walk: a person enrols and uses the app, strangers are let in, sent away and refused.
fn walked() -> &'static str {
    static METRICS: LazyLock<String> = LazyLock::new(|| {
        let app = App::start();
        let rule =
            |path, policy| format!("[[access.rule]]\npath = \"{path}\"\npolicy = \"{policy}\"\n");
        let rules = rule("/open", "bypass") + &rule("/shut", "deny");
        let gate = Gate::start(&(app.upstream() + &rules));
        let mut browser = gate.browser();
        let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        assert_eq!(browser.get("/").status, 200);
        let cookies = browser.cookie_header();
        let socket = WebSocket::open(gate.address(), HOST, "/", &[("Cookie", &cookies)]);
        let mut socket = socket.unwrap();
        socket.echo("hello").unwrap();
        strangers_ask(&gate);
        let code = alice.authenticator.code();
        assert!(alice.sign_in(&mut gate.browser(), &code));
        assert!(!alice.sign_in(&mut gate.browser(), &code));
        alice.password = "wrong".to_owned();
        alice.give_password(&mut gate.browser());
        assert_eq!(gate.cli(&["backup", "walked"]).code, Some(0));
        gate.ops("/metrics").text()
    });
    &METRICS
}

fn strangers_ask(gate: &Gate) {
    let mut stranger = gate.browser();
    for (path, headers, status) in [
        ("/open", &[][..], 200),
        ("/open", &[("Remote_User", "root")], 200),
        ("/shut", &[], 403),
        ("/", &[("Accept", "text/html")], 303),
        ("/_vestibule/none", &[], 404),
        ("/open", &[("Expect", "the-best")], 417),
    ] {
        let reply = stranger.send("GET", path, headers, b"");
        assert_eq!(reply.status, status, "{path} {headers:?}");
    }
    let forged = stranger.post(&format!("{PORTAL}/login"), "csrf=x");
    assert_eq!(forged.status, 403);
}

#[track_caller]
fn assert_walked(expected: &[(&str, f64)]) {
    for (series, expected) in expected {
        assert_eq!(value(walked(), series), *expected, "{series}");
    }
}

#[test]
fn security_events_are_counted_by_name_and_reason() {
    let event = |(event, reason, expected): (&str, &str, f64)| {
        let labels = format!("event=\"{event}\",reason=\"{reason}\"");
        let series = format!("vestibule_audit_events_total{{{labels}}}");
        assert_eq!(value(walked(), &series), expected, "{series}");
    };
    [
        ("authn_login_success", "", 2.0),
        ("authn_login_fail", "wrong_password", 1.0),
        ("authn_login_fail", "unknown_account", 0.0),
        ("authn_token_reuse", "code_replayed", 1.0),
        ("authz_fail", "denied", 1.0),
        ("identity_header_spoofed", "identity-header", 1.0),
        ("input_validation_fail", "expect", 1.0),
        ("malicious_csrf", "no_cookie", 1.0),
        ("malicious_csrf", "token", 0.0),
        ("excess_rate_limit_exceeded", "address", 0.0),
    ]
    .into_iter()
    .for_each(event);
    // By the second that it is now, the code was of the present step or of the one before.
    let accepted = ["-1", "0", "+1"].map(|offset| {
        let series = format!("vestibule_totp_codes_accepted_total{{offset=\"{offset}\"}}");
        value(walked(), &series)
    });
    assert_eq!(accepted.iter().sum::<f64>(), 1.0);
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    assert_walked(&[
        ("vestibule_requests_total{class=\"app\"}", 2.0),
        ("vestibule_requests_total{class=\"bypassed\"}", 2.0),
        ("vestibule_requests_total{class=\"challenged\"}", 1.0),
        ("vestibule_requests_total{class=\"refused\"}", 3.0),
        ("vestibule_requests_total{class=\"unavailable\"}", 0.0),
        ("vestibule_requests_total{class=\"unanswered\"}", 0.0),
        (
            "vestibule_upstream_results_total{upstream=\"0\",result=\"2xx\"}",
            3.0,
        ),
        (
            "vestibule_upstream_results_total{upstream=\"0\",result=\"switched\"}",
            1.0,
        ),
        (
            "vestibule_upstream_results_total{upstream=\"0\",result=\"unreachable\"}",
            0.0,
        ),
        (
            "vestibule_upstream_response_seconds_count{upstream=\"0\"}",
            4.0,
        ),
        ("vestibule_tunnels_open", 1.0),
    ]);
    assert!(value(walked(), "vestibule_requests_total{class=\"portal\"}") > 10.0);
}

#[test]
fn the_ages_of_key_and_backup_are_told() {
    let now = value(walked(), "vestibule_time_seconds");
    for series in [
        "vestibule_signing_key_created_timestamp_seconds",
        "vestibule_last_backup_timestamp_seconds",
    ] {
        let age = now - value(walked(), series);
        assert!((0.0..600.0).contains(&age), "{series}: {age}");
    }
    let fresh = Gate::start("").ops("/metrics").text();
    value(&fresh, "vestibule_signing_key_created_timestamp_seconds");
    assert!(!fresh.contains("last_backup"), "{fresh}");
}

#[test]
fn hashing_store_and_process_are_measured() {
    assert_walked(&[
        ("vestibule_ready", 1.0),
        ("vestibule_hashing_jobs_running", 0.0),
        ("vestibule_hashing_jobs_waiting", 0.0),
        ("vestibule_hashing_refused_total", 0.0),
        ("vestibule_store_errors_total{operation=\"swap\"}", 0.0),
        ("vestibule_audit_write_failures_total", 0.0),
    ]);
    for series in [
        "vestibule_hashing_duration_seconds_count",
        "vestibule_hashing_wait_seconds_count",
        "vestibule_store_write_seconds_count{durability=\"synced\"}",
        "vestibule_limiter_keys",
        "vestibule_sessions_cached",
        "vestibule_time_seconds",
        "process_open_fds",
    ] {
        assert!(value(walked(), series) > 0.0, "{series}");
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
fn what_the_app_did_not_answer_counts_as_ours() {
    // Bound and closed again: nobody listens there now.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://{}\"\n[[access.rule]]\npath = \"/open\"\npolicy = \"bypass\"\n",
        nobody.unwrap()
    ));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    for _ in 0..3 {
        assert_eq!(browser.get("/").status, 502);
        assert_eq!(gate.browser().get("/open").status, 502);
    }
    let metrics = gate.ops("/metrics").text();
    let class = |name: &str| {
        value(
            &metrics,
            &format!("vestibule_requests_total{{class=\"{name}\"}}"),
        )
    };
    let counted = ["app", "bypassed", "refused", "unanswered"].map(class);
    assert_eq!(counted, [0.0, 0.0, 0.0, 6.0]);
}

#[test]
fn either_text_form_is_given_to_whoever_asks_for_it() {
    let gate = Gate::start("");
    let plain = gate.ops("/metrics");
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(plain.header("cache-control"), Some("no-store"));
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
fn what_is_no_request_is_recorded_where_operators_ask_too() {
    let gate = Gate::start("");
    let bytes = b"GET /metrics HTTP/1.1\nHost: x\r\n\r\n";
    let answer = harness::browser::exchange(gate.ops_address(), bytes).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    gate.wait_for("input_validation_fail");
    let series =
        "vestibule_audit_events_total{event=\"input_validation_fail\",reason=\"line-end\"}";
    assert_eq!(value(&gate.ops("/metrics").text(), series), 1.0);
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

/// Whether third-party programs may be used; says so when not.
fn third_party() -> bool {
    let wanted = std::env::var_os("VESTIBULE_TEST_THIRD_PARTY").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("left out: needs Prometheus (tests/run)");
    }
    wanted
}

fn monitoring() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring")
}

#[track_caller]
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(monitoring())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn promtool_finds_no_fault_with_names_helps_and_alerts() {
    if !third_party() {
        return;
    }
    promtool(&["check", "metrics"], walked());
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "--lint-fatal", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts_test.yml"], "");
}

#[test]
fn prometheus_scrapes_the_gate() {
    if !third_party() {
        return;
    }
    let gate = Gate::start("");
    let folder = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string(monitoring().join("prometheus.yml")).unwrap();
    let config = config
        .replace("127.0.0.1:9091", &gate.ops_address().to_string())
        .replace(
            "scrape_interval: 15s",
            "scrape_interval: 200ms\n  scrape_timeout: 200ms",
        );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    std::fs::copy(
        monitoring().join("alerts.yml"),
        folder.path().join("alerts.yml"),
    )
    .unwrap();
    let mut command = Command::new("prometheus");
    command
        .args([
            "--config.file=prometheus.yml",
            "--web.listen-address=127.0.0.1:0",
        ])
        .args(["--storage.tsdb.path=data", "--log.format=json"])
        .current_dir(folder.path());
    let prometheus = Program::start(&mut command);
    let listening = "\"msg\":\"Listening on\"";
    prometheus.wait_for(listening);
    let output = prometheus.output();
    let line = output
        .lines()
        .find(|line| line.contains(listening))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
    let start = std::time::Instant::now();
    let query =
        "GET /api/v1/query?query=vestibule_ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    loop {
        let answer = harness::browser::exchange(address, query.as_bytes()).unwrap();
        let reply = harness::browser::Reply::parse("/api/v1/query", &answer);
        if reply.text().contains("\"__name__\":\"vestibule_ready\"") {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{}", prometheus.output());
        std::thread::yield_now();
    }
}

/// Names of series that an expression asks for.
fn asked_for(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("vestibule_") || word.starts_with("process_"))
}

#[track_caller]
fn assert_known(expression: &str) {
    for name in asked_for(expression) {
        let known = walked().lines().any(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        assert!(known, "{name} in {expression}");
    }
}

#[test]
fn the_dashboard_asks_for_series_that_exist_and_for_no_data_source_of_ours() {
    let text = std::fs::read_to_string(monitoring().join("dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["uid"].is_null() && dashboard["id"].is_null());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["name"], "datasource");
    assert_eq!(variables[0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut expressions = 0;
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            assert_known(target["expr"].as_str().unwrap());
            expressions += 1;
        }
    }
    assert_eq!(
        text.matches("\"uid\": \"${datasource}\"").count(),
        panels.len() + expressions + 1
    );
}

#[test]
fn the_alerts_ask_for_series_that_exist() {
    let rules = std::fs::read_to_string(monitoring().join("alerts.yml")).unwrap();
    assert_known(&rules);
    assert!(asked_for(&rules).count() > 15);
}
