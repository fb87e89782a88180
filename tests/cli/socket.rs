//! The admin socket: who may speak to it, and what becomes of nonsense.

use std::fs::{Permissions, copy, metadata, set_permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::DEADLINE;
use crate::harness::gate::{Gate, Outcome, binary};
use crate::{done, refused, run, without_settings};

fn socket(gate: &Gate) -> PathBuf {
    gate.folder().join("data/admin.sock")
}

fn mode(path: &Path) -> u32 {
    metadata(path).unwrap().permissions().mode() & 0o7777
}

fn allow(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn socket_and_folder_belong_to_their_user_alone() {
    let gate = Gate::start("");
    assert_eq!(mode(&socket(&gate)), 0o600);
    assert_eq!(mode(&gate.folder().join("data")), 0o700);
    assert_eq!(mode(&gate.folder().join("data/master.key")), 0o600);
}

/// Runs `user list` as the user `nobody`.
fn as_nobody(gate: &Gate) -> Outcome {
    let program = gate.folder().join("vestibule");
    if !program.exists() {
        // Where the tests are built, nobody may have no access.
        copy(binary(), &program).unwrap();
    }
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new(&program);
        command.uid(65_534).gid(65_534);
        command
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "-u", "nobody"]).arg(&program);
        command
    };
    without_settings(&mut command).args(["user", "list", "--config"]);
    run(command.arg(gate.config()).current_dir("/"))
}

#[test]
fn another_user_gets_no_answer() {
    let gate = Gate::start("");
    allow(gate.folder(), 0o711);
    allow(gate.config(), 0o644);
    let outcome = as_nobody(&gate);
    assert!(refused(&outcome, 1).contains("as the user that runs the server"));
    // By its mode alone, when somebody opened the folder.
    allow(&gate.folder().join("data"), 0o711);
    let outcome = as_nobody(&gate);
    assert!(refused(&outcome, 1).contains("as the user that runs the server"));
    // By the user behind the connection, when somebody opened the socket too.
    allow(&socket(&gate), 0o666);
    let outcome = as_nobody(&gate);
    refused(&outcome, 1);
    gate.wait_for("another user tried the admin socket");
    done(&gate.cli(&["user", "list"]));
}

#[test]
fn a_socket_left_by_a_kill_is_replaced() {
    let mut gate = Gate::start("");
    gate.kill_9();
    assert!(socket(&gate).exists());
    done(&gate.cli(&["user", "add", "ada"]));
    gate.spawn();
    // The store belongs to the server now, so this was answered by the socket.
    assert!(done(&gate.cli(&["user", "list"])).contains("\nada "));
    assert_eq!(mode(&socket(&gate)), 0o600);
}

#[test]
fn a_file_in_the_place_of_the_socket_stops_no_command() {
    let gate = Gate::prepared("");
    done(&gate.cli(&["user", "add", "ada"]));
    std::fs::write(socket(&gate), "").unwrap();
    done(&gate.cli(&["user", "list"]));
}

/// Sends bytes and returns what came back until the server closed, or nothing when it says nothing.
fn say(gate: &Gate, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(gate)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // It may close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[test]
fn nonsense_is_refused_and_costs_nobody_anything() {
    let gate = Gate::start("");
    let before = done(&gate.cli(&["user", "list"])).to_owned();
    let long_name = format!(
        "{{\"command\":\"user-show\",\"name\":\"{}\"}}",
        "x".repeat(70_000)
    );
    let deep = "[".repeat(60_000);
    let endless =
        b"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    let big = [&endless[..], &[b' '; 200_000]].concat();
    for (bytes, status) in [
        (b"\0\0\0\0\r\n\r\n".to_vec(), "400"),
        (
            b"GET /v1/commands HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            "404",
        ),
        (post("/", "{}"), "404"),
        (post("/v1/commands", ""), "400"),
        (post("/v1/commands", "{}"), "400"),
        (post("/v1/commands", "{\"command\":\"user-list\"} x"), "400"),
        (post("/v1/commands", "{\"command\":\"user-burn\"}"), "400"),
        (
            post(
                "/v1/commands",
                "{\"command\":\"user-list\",\"as\":\"root\"}",
            ),
            "400",
        ),
        (post("/v1/commands", "{\"command\":\"user-show\"}"), "400"),
        (
            post("/v1/commands", "{\"command\":\"user-show\",\"name\":{}}"),
            "400",
        ),
        (post("/v1/commands", &long_name), "400"),
        (post("/v1/commands", &deep), "400"),
        (big, "400"),
    ] {
        let answer = say(&gate, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown:?} was answered {answer:?}"
        );
    }
    assert_eq!(done(&gate.cli(&["user", "list"])), before);
}

#[test]
fn a_silent_caller_keeps_nobody_waiting() {
    let mut gate = Gate::start("");
    let mut silent: Vec<UnixStream> = vec![];
    for _ in 0..50 {
        let mut stream = UnixStream::connect(socket(&gate)).unwrap();
        stream.write_all(b"POST /v1/comm").unwrap();
        silent.push(stream);
    }
    done(&gate.cli(&["user", "list"]));
    assert!(gate.stop().success());
}

#[test]
fn a_password_in_a_malformed_command_is_not_repeated() {
    let gate = Gate::start("[log]\nlevel = \"trace\"\n");
    let body =
        "{\"command\":\"user-passwd\",\"name\":\"admin\",\"password\":\"canary 7f3d\",\"x\":1}";
    let answer = say(&gate, &post("/v1/commands", body));
    let body = "{\"command\":\"user-passwd\",\"name\":\"admin\",\"password\":canary 7f3d}";
    let answer = answer + &say(&gate, &post("/v1/commands", body));
    let all = answer + &gate.output();
    assert!(!all.contains("canary"), "{all}");
}
