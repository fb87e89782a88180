//! What the logs say, that nothing can be slipped into them, and who reads them.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::fs::{read_to_string, rename, write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use harness::app::App;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::{DEADLINE, HOST};
use rustix::process::Signal;
use serde_json::Value;

/// Lines of the log that are JSON and have this target.
fn json_lines(gate: &Gate, target: &str) -> Vec<Value> {
    let output = gate.output();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["target"] == target)
        .collect()
}

/// Waits until the file has a line with this text.
fn wait_for_line(file: &Path, text: &str) -> String {
    let start = Instant::now();
    loop {
        let lines = read_to_string(file).unwrap_or_default();
        if let Some(line) = lines.lines().find(|line| line.contains(text)) {
            return line.to_owned();
        }
        assert!(start.elapsed() < DEADLINE, "no {text} in {lines}");
        std::thread::yield_now();
    }
}

#[test]
fn a_security_event_is_a_record_of_the_json_log_with_fields_of_its_own() {
    let gate = Gate::start("[log]\nformat = \"json\"\naccess = \"on\"\n");
    let alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    let stranger = Person {
        password: "a wrong one, but long".to_owned(),
        ..alice
    };
    let reply = stranger.give_password(&mut gate.browser());
    let id = reply.header("x-request-id").unwrap();
    gate.wait_for("wrong_password");
    let events = json_lines(&gate, "audit");
    let failed = events
        .iter()
        .find(|line| line["event"] == "authn_login_fail")
        .unwrap();
    assert_eq!(failed["address"], "127.0.0.1");
    assert_eq!(failed["reason"], "wrong_password");
    assert_eq!(failed["request_id"], id);
    assert!(failed["account"].as_str().unwrap().starts_with("u_"));
    assert!(failed.get("message").is_none(), "{failed}");
    let entered = events
        .iter()
        .find(|line| line["event"] == "authn_login_success")
        .unwrap();
    assert_eq!(entered["factor"], "totp");
    assert!(entered["session"].as_str().unwrap().starts_with("s_"));
}

#[test]
fn the_access_log_tells_who_asked_for_what_and_holds_no_secret() {
    let app = App::start();
    let config = format!(
        "{}[log]\nformat = \"json\"\naccess = \"on\"\n",
        app.upstream()
    );
    let gate = Gate::start(&config);
    let invitation = gate.invite("alice");
    let token = invitation.rsplit('/').next().unwrap().to_owned();
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &invitation);
    // Spellings that do not lead to the page hold the token all the same.
    for path in [
        format!("{invitation}/"),
        invitation.replace("_vestibule", "%5Fvestibule"),
        format!("/{invitation}"),
        format!("{PORTAL}/Invite/{token}"),
    ] {
        assert_eq!(browser.get(&path).status, 404, "{path}");
    }
    let odd = browser.send("GET", &invitation, &[("Expect", "the-best")], b"");
    assert_eq!(odd.status, 417);
    let reply = browser.get("/page?secret=canary");
    let id = reply.header("x-request-id").unwrap();
    gate.wait_for(id);
    let lines = json_lines(&gate, "access");
    let line = lines.iter().find(|line| line["request_id"] == id).unwrap();
    for (field, expected) in [
        ("address", "127.0.0.1"),
        ("method", "GET"),
        ("host", HOST),
        ("path", "/page"),
        ("class", "app"),
    ] {
        assert_eq!(line[field], expected, "{line}");
    }
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    let account = line["account"].as_str().unwrap();
    assert!(account.starts_with("u_"), "{account}");
    let paths: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["path"].as_str())
        .collect();
    assert!(paths.contains(&"/_vestibule/invite/…"), "{paths:?}");
    let unread = lines.iter().find(|line| line["status"] == 417).unwrap();
    assert!(unread.get("path").is_none(), "{unread}");
    let output = gate.output();
    assert!(
        !output.contains("canary") && !output.contains(&token),
        "{output}"
    );
}

#[test]
fn without_being_asked_for_there_is_no_access_log() {
    let gate = Gate::start("");
    let id = gate.browser().get("/nothing-special");
    assert_eq!(id.status, 303);
    // Lines come in order: once that of a later event is there, all before it are.
    gate.invite("marker");
    gate.wait_for("invitation_created");
    assert!(!gate.output().contains("nothing-special"));
}

#[test]
fn a_request_has_one_id_wherever_it_is_named() {
    let app = App::start();
    for (trusted, ours) in [("trusted_proxies = [\"127.0.0.1\"]\n", true), ("", false)] {
        let gate = Gate::start(&format!(
            "{trusted}{}[[access.rule]]\npath = \"/open\"\npolicy = \"bypass\"\n",
            app.upstream()
        ));
        let mut browser = gate
            .browser()
            .with_header("X-Request-Id", "from-the-proxy-1");
        let mut ids = vec![];
        for (path, status) in [("/open", 200), ("/_vestibule/none", 404), ("/", 303)] {
            let reply = browser.get(path);
            assert_eq!(reply.status, status);
            let id = reply.header("x-request-id").unwrap().to_owned();
            assert_eq!(id == "from-the-proxy-1", ours, "{path}: {id}");
            if status == 404 {
                assert!(reply.text().contains(&id), "the error page names it");
            }
            ids.push(id);
        }
        let seen = app.seen();
        assert_eq!(seen.last().unwrap().all("x-request-id"), [&ids[0]]);
        let forged = browser.post(&format!("{PORTAL}/login"), "csrf=x");
        let id = forged.header("x-request-id").unwrap();
        let line = gate.wait_for(&format!("request_id=\"{id}\""));
        assert!(line.contains("no_cookie"), "{line}");
    }
}

#[test]
fn no_name_ends_a_line_or_moves_the_cursor() {
    for format in ["text", "json"] {
        let gate = Gate::start(&format!("[log]\nformat = \"{format}\"\naccess = \"on\"\n"));
        let mut browser = gate.browser();
        let forged =
            "bob\r\n2026-01-01T00:00:00Z  INFO audit: event=\"forged\"\u{1b}[2J\u{7}\u{9b}";
        let page = browser.get(&format!("{PORTAL}/login"));
        let fields = [("username", forged), ("password", forged)];
        browser.submit(&page, &fields);
        for path in ["/a%0d%0aINFO%20forged", "/%1b%5b2J"] {
            browser.get(path);
        }
        gate.invite("marker");
        gate.wait_for("invitation_created");
        let output = gate.output();
        let bare = |c: char| c.is_control() && c != '\n';
        assert!(!output.contains(bare), "{output:?}");
        let forged = output.lines().filter(|line| line.contains("forged"));
        assert!(
            forged.clone().all(|line| line.contains("%0d%0aINFO")),
            "{output}"
        );
    }
}

#[test]
fn a_hangup_opens_the_audit_file_again_and_changes_nothing_else() {
    let gate = Gate::prepared("");
    let file = gate.folder().join("audit.jsonl");
    let config = read_to_string(gate.config()).unwrap();
    let log = format!("{config}[log]\naudit_file = {file:?}\n");
    write(gate.config(), log).unwrap();
    let mut gate = gate;
    gate.spawn();
    gate.invite("ada");
    wait_for_line(&file, "user_created");
    let moved = gate.folder().join("audit.jsonl.1");
    rename(&file, &moved).unwrap();
    gate.invite("bob");
    let old = read_to_string(&moved).unwrap();
    assert_eq!(old.matches("user_created").count(), 3, "{old}");
    gate.signal(Signal::HUP);
    gate.wait_for("the audit file was opened again");
    gate.invite("cyd");
    wait_for_line(&file, "user_created");
    assert_eq!(read_to_string(&moved).unwrap(), old);
    assert!(gate.stop().success());
}

/// Whether third-party programs may be used; says so when not.
fn third_party() -> bool {
    let wanted = std::env::var_os("VESTIBULE_TEST_THIRD_PARTY").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("left out: needs fail2ban (tests/run)");
    }
    wanted
}

/// The addresses that the shipped filter finds in `log`, in order.
fn found(log: &Path) -> Vec<String> {
    let filter =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fail2ban/filter.d/vestibule.conf");
    let output = Command::new("fail2ban-regex")
        .args(["--out", "ip"])
        .arg(log)
        .arg(filter)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
    said.lines().map(str::to_owned).collect()
}

/// Fails to sign in as a client behind the proxy, then signs in as another one.
fn walk_behind_a_proxy(gate: &Gate) {
    let from = |address: &str| gate.browser().with_header("X-Forwarded-For", address);
    let mut alice = Person::enrol(&mut from("198.51.100.7"), "alice", &gate.invite("alice"));
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut from("198.51.100.7"), &code));
    // The name of somebody else in it makes no line about him.
    let mut wrong = alice.clone();
    wrong.password = "address=\"198.51.100.7\"".to_owned();
    wrong.give_password(&mut from("203.0.113.9"));
    wrong.name = "event=\"authn_login_fail\" address=\"198.51.100.7\"".to_owned();
    wrong.give_password(&mut from("2001:db8::9"));
    assert!(!alice.sign_in(&mut from("203.0.113.10"), &code));
}

#[test]
fn fail2ban_bans_who_fails_in_every_format_and_nobody_else() {
    if !third_party() {
        return;
    }
    let expected = ["203.0.113.9", "2001:db8::9", "203.0.113.10"];
    for format in ["text", "json", "file"] {
        let folder = tempfile::tempdir().unwrap();
        let audit = folder.path().join("audit.jsonl");
        let log = match format {
            "file" => format!("audit_file = {audit:?}\n"),
            format => format!("format = {format:?}\naccess = \"on\"\n"),
        };
        let mut gate = Gate::start(&format!("trusted_proxies = [\"127.0.0.1\"]\n[log]\n{log}"));
        walk_behind_a_proxy(&gate);
        let output: PathBuf = folder.path().join("log");
        // The end is awaited, so that every line is there.
        gate.signal(Signal::TERM);
        let lines = if format == "file" {
            wait_for_line(&audit, "sys_shutdown");
            read_to_string(&audit).unwrap()
        } else {
            gate.wait_for("sys_shutdown");
            gate.output()
        };
        write(&output, lines).unwrap();
        assert_eq!(found(&output), expected, "{format}");
        assert!(gate.stop().success());
    }
}
