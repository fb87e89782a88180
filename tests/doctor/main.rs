//! `vestibule doctor` against real deployments: a good one is clean, and each bad thing is found.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

#[path = "../harness/mod.rs"]
#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

#[path = "../proxies/layout.rs"]
#[expect(dead_code, reason = "here every proxy runs with TLS")]
mod layout;

#[path = "../proxies/proxy.rs"]
#[expect(dead_code, reason = "here every proxy runs with TLS")]
mod proxy;

mod front;
mod hostile;
mod proxied;
mod recipes;
mod third_party;

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use harness::app::App;
use harness::gate::{Gate, Outcome, binary};
use serde_json::Value;

/// Runs the doctor with nothing of this process's configuration around it.
pub(crate) fn doctor(arguments: &[&str]) -> Outcome {
    doctor_with(arguments, &[])
}

fn doctor_with(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            command.env_remove(name);
        }
    }
    let empty = tempfile::tempdir().unwrap();
    let output = command
        .arg("doctor")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(empty.path())
        .output()
        .unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Every check with its result, and how it ended.
#[track_caller]
pub(crate) fn results(arguments: &[&str]) -> (Option<i32>, Vec<(String, String)>) {
    let outcome = doctor(&[arguments, &["--json"]].concat());
    let report: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let checks = report["checks"].as_array().unwrap().iter();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let results: Vec<_> = checks
        .map(|check| (text(check, "check"), text(check, "result")))
        .collect();
    let is_open = results.iter().any(|(_, result)| result == "open");
    assert_eq!(report["open"], is_open);
    let is_broken = results.iter().any(|(_, result)| result == "broken");
    assert_eq!(report["broken"], is_broken);
    assert_eq!(outcome.code, Some(i32::from(is_open || is_broken)));
    // Shown when a test fails.
    eprintln!("{}", outcome.stdout);
    (outcome.code, results)
}

/// The checks that did not find everything as it should be.
#[track_caller]
pub(crate) fn complaints(arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let (code, results) = results(arguments);
    let bad = results
        .into_iter()
        .filter(|(_, result)| ["warn", "broken", "open"].contains(&result.as_str()));
    (
        code,
        bad.map(|(check, result)| format!("{result} {check}"))
            .collect(),
    )
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// What everybody may see, and what needs a sign-in.
pub(crate) const RULES: &str = "\
[access]
rule = [{ path = [\"/open\", \"/open/**\"], policy = \"bypass\" }]
";

fn in_line(app: &App) -> Gate {
    Gate::start(&format!("{}{RULES}", app.upstream()))
}

#[test]
fn a_gate_in_line_is_clean() {
    let app = App::start();
    let gate = in_line(&app);
    let (address, upstream) = (gate.address().to_string(), format!("http://{}", nobody()));
    let arguments = [
        "--url",
        "http://app.localhost/closed/page?x=1",
        "--connect",
        &address,
        "--open",
        "/open",
        "--open",
        "/open/a/b",
        "--upstream",
        &upstream,
    ];
    let (code, results) = results(&arguments);
    let names: Vec<String> = results
        .iter()
        .map(|(check, result)| format!("{result} {check}"))
        .collect();
    let expected = [
        "ok sign-in",
        "ok login-page",
        "ok login-address",
        "ok cookies",
        "ok login-loop",
        "skip https",
        "ok open-paths",
        "ok identity-headers",
        "ok underscore-headers",
        "ok forwarded-headers",
        "ok upgrade",
        "ok rewrite-headers",
        "ok path-tricks",
        "ok other-requests",
        "ok odd-target",
        "ok check-endpoints",
        "ok ops-endpoints",
        "ok upstream",
    ];
    assert_eq!(
        (code, names),
        (Some(0), expected.map(str::to_owned).to_vec())
    );
    // A stranger came, and nobody let anything of it through but what is open.
    let seen = app.seen();
    assert!(
        seen.iter().all(|seen| seen.target.starts_with("/open")),
        "{seen:?}"
    );
}

#[test]
fn what_it_says_is_one_line_for_each_check_and_a_sum() {
    let app = App::start();
    let gate = in_line(&app);
    let address = gate.address().to_string();
    let outcome = doctor(&["--url", "http://app.localhost/open", "--connect", &address]);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(1), ""),
        "{outcome:?}"
    );
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "open    sign-in             open to everybody: a stranger gets 200 from http://app.localhost/open"
    );
    assert!(
        lines[1].contains("-> if that is meant, name the path with --open"),
        "{lines:?}"
    );
    assert!(
        lines.last().unwrap().starts_with("1 open: sign-in. "),
        "{lines:?}"
    );
}

#[test]
fn the_configuration_tells_portal_and_names() {
    let app = App::start();
    let config = format!(
        "portal = {{ path = \"/gate\" }}\n{}{RULES}[identity]\nheaders = {{ user = \"X-Who\" }}\n",
        app.upstream()
    );
    let gate = Gate::start(&config);
    let (address, config) = (
        gate.address().to_string(),
        gate.config().display().to_string(),
    );
    let arguments = [
        "--url",
        "http://app.localhost/",
        "--connect",
        &address,
        "--open",
        "/open",
        "--config",
        &config,
    ];
    assert_eq!(complaints(&arguments), (Some(0), vec![]));
    // Without it the portal is found by the sign-in.
    assert_eq!(complaints(&arguments[..6]), (Some(0), vec![]));
}

#[test]
fn an_app_that_can_be_reached_is_found_and_that_it_believes_forgeries() {
    let app = App::start();
    let gate = in_line(&app);
    let (address, upstream) = (
        gate.address().to_string(),
        format!("http://{}", app.address()),
    );
    let arguments = [
        "--url",
        "http://app.localhost/",
        "--connect",
        &address,
        "--upstream",
        &upstream,
    ];
    assert_eq!(
        complaints(&arguments),
        (Some(1), vec!["open upstream".to_owned()])
    );
    let said = doctor(&arguments).stdout;
    assert!(said.contains("takes a forged identity"), "{said}");
}

#[test]
fn the_listener_for_operators_is_not_for_everybody() {
    let gate = Gate::start("");
    let ops = gate.ops_address().to_string();
    let (code, complaints) = complaints(&["--url", "http://app.localhost/", "--connect", &ops]);
    assert_eq!(code, Some(1));
    assert!(
        complaints.contains(&"open ops-endpoints".to_owned()),
        "{complaints:?}"
    );
}

#[test]
fn wrong_usage_and_a_target_that_is_not_there_are_said_so() {
    let nobody = nobody().to_string();
    let key = front::tls_file("key.pem").display().to_string();
    let unreachable: &[&str] = &["--url", "http://app.localhost/", "--connect", &nobody];
    for arguments in [
        &[][..],
        &["--url", "ftp://app.localhost/"],
        &["--url", "app.localhost"],
        &["--url", "http://u:p@app.localhost/"],
        &["--url", "http://a/", "--open", "healthz"],
        &["--url", "http://a/", "--open", "/a?b"],
        &["--url", "http://a/", "--upstream", "unix:/run/app.sock"],
        &["--url", "http://a/", "--connect", "a:80"],
        &["--url", "http://a/", "--connect", "a=127.0.0.1:80"],
        &["--url", "https://a/", "--ca-file", "/nowhere"],
        &["--url", "https://a/", "--ca-file", &key],
        unreachable,
    ] {
        let outcome = doctor(arguments);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    }
}

/// Directly on the network, with nobody in front who could say anything true.
#[test]
fn a_gate_that_believes_everybody_is_found() {
    let app = App::start();
    let rules = "[access]\nrule = [{ path = \"/closed\", networks = \"10.0.0.0/8\", policy = \"bypass\" }]\n";
    let visit = |trusted: &str| {
        let gate = Gate::start(&format!(
            "trusted_proxies = [{trusted}]\n{}{rules}",
            app.upstream()
        ));
        let address = gate.address().to_string();
        let url = "http://app.localhost/closed";
        complaints(&["--url", url, "--connect", &address])
    };
    assert_eq!(visit(""), (Some(0), vec![]));
    let open = ["open forwarded-headers", "open check-endpoints"].map(str::to_owned);
    assert_eq!(visit("\"0.0.0.0/0\""), (Some(1), open.to_vec()));
}

/// As in a container of nothing but the binary.
#[test]
fn without_any_authority_a_file_is_asked_for_and_enough() {
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().display().to_string();
    let file = format!("{folder}/none.pem");
    let nothing = [
        ("SSL_CERT_DIR", folder.as_str()),
        ("SSL_CERT_FILE", file.as_str()),
    ];
    let nobody = nobody().to_string();
    let url = "https://app.localhost/";
    let outcome = doctor_with(&["--url", url, "--connect", &nobody], &nothing);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let error = "error: this system knows no certificate authority\nhint: ";
    assert!(outcome.stderr.starts_with(error), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--ca-file"), "{}", outcome.stderr);
    let ca = front::tls_file("ca.pem").display().to_string();
    let named = ["--url", url, "--connect", &nobody, "--ca-file", &ca];
    let outcome = doctor_with(&named, &nothing);
    assert!(
        outcome.stderr.contains("the connection is refused"),
        "{outcome:?}"
    );
    // Plain http needs none.
    let plain = ["--url", "http://app.localhost/", "--connect", &nobody];
    let outcome = doctor_with(&plain, &nothing);
    assert!(
        outcome.stderr.contains("the connection is refused"),
        "{outcome:?}"
    );
}

#[test]
fn a_name_that_leads_nowhere_is_no_proof_that_an_app_is_shut_off() {
    let app = App::start();
    let gate = in_line(&app);
    let address = gate.address().to_string();
    let arguments = [
        "--url",
        "http://app.localhost/",
        "--connect",
        &address,
        "--upstream",
        "http://app.invalid:3000",
    ];
    let (_, results) = results(&arguments);
    assert_eq!(
        results.last(),
        Some(&("upstream".to_owned(), "skip".to_owned()))
    );
}

#[test]
fn plain_http_is_open_unless_it_stays_on_this_machine() {
    let app = App::start();
    let gate = Gate::start(&format!(
        "public_url = \"http://app.example.com\"\n{}{RULES}",
        app.upstream()
    ));
    let address = gate.address().to_string();
    let arguments = ["--url", "http://app.example.com/", "--connect", &address];
    assert_eq!(
        complaints(&arguments),
        (Some(1), vec!["open https".to_owned()])
    );
}

#[test]
fn the_help_tells_what_results_and_exit_status_mean() {
    let help = doctor(&["--help"]).stdout;
    for part in ["open    a stranger", "broken  nobody", "Exit status 0:"] {
        assert!(help.contains(part), "{help}");
    }
}
