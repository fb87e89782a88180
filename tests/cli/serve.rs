//! `vestibule serve`: the first start, the second server, and the end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::harness::HOST;
use crate::harness::browser::{Browser, exchange};
use crate::harness::gate::{Gate, invitation_path};
use crate::harness::person::{Person, signed_in};
use crate::{done, refused, run, vestibule};

use rustix::process::{Pid, Signal, kill_process};

const FIRST: &str = "This link makes you the first administrator:";

#[test]
fn an_empty_store_gets_a_first_administrator_once() {
    let mut gate = Gate::start("");
    gate.wait_for("It works once, until ");
    let output = gate.output();
    assert!(output.contains(FIRST), "{output}");
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "admin", &invitation_path(&output));
    assert!(signed_in(&mut browser));
    let shown = gate.cli(&["user", "show", "admin", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(done(&shown)).unwrap();
    assert_eq!(shown["user"]["groups"], serde_json::json!(["admin"]));
    gate.restart();
    // The first answer comes after everything that a start prints.
    assert_eq!(gate.browser().get("/_vestibule/login").status, 200);
    assert!(!gate.output().contains("/invite/"), "{}", gate.output());
}

#[test]
fn whoever_added_an_account_before_gets_no_other_administrator() {
    let mut gate = Gate::prepared("");
    gate.invite("ada");
    gate.spawn();
    assert_eq!(gate.browser().get("/_vestibule/login").status, 200);
    assert!(!gate.output().contains("/invite/"), "{}", gate.output());
    let list = gate.cli(&["user", "list"]);
    assert_eq!(done(&list).lines().count(), 2, "{list:?}");
}

#[test]
fn a_second_server_on_one_data_folder_says_so() {
    let gate = Gate::start("");
    let outcome = gate.cli(&["serve"]);
    let stderr = outcome.stderr.as_str();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        stderr.contains("error: another vestibule serves this data folder: "),
        "{stderr}"
    );
    assert!(stderr.contains("\nhint: stop the other one"), "{stderr}");
    assert_eq!(done(&gate.cli(&["user", "list"])).lines().count(), 2);
}

#[test]
fn a_taken_address_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let gate = Gate::prepared("");
    // The first start records that it made a key.
    gate.invite("zoe");
    let mut command = vestibule(&["serve", "--config"]);
    command.arg(gate.config()).args(["--listen", &address]);
    command.args(["--upstream", "http://127.0.0.1:9"]);
    let outcome = run(command.env("VESTIBULE_OPS__LISTEN", "off"));
    let stderr = refused(&outcome, 1);
    assert!(
        stderr.contains(&format!("cannot listen on {address}")),
        "{stderr}"
    );
}

#[test]
fn a_wrong_configuration_does_not_start() {
    let gate = Gate::prepared("[session]\nidle = \"soon\"\n");
    let outcome = gate.cli(&["serve"]);
    assert!(refused(&outcome, 2).contains("session.idle"));
    assert!(!gate.folder().join("data").exists());
}

/// An app that holds its one answer back until it is told to give it.
fn slow_app(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = vec![];
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

#[test]
fn sigterm_takes_no_more_work_and_finishes_what_is_under_way() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = app.local_addr().unwrap();
    let mut gate = Gate::start(&format!(
        "[access]\ndefault = \"bypass\"\n[[upstream]]\nurl = \"http://{upstream}\"\n"
    ));
    let (address, ops) = (gate.address(), gate.ops_address());
    let visitor = thread::spawn(move || Browser::new(address, HOST).get("/slow"));
    let mut held = slow_app(&app);
    let pid = i32::try_from(gate.pid()).ok().and_then(Pid::from_raw);
    kill_process(pid.unwrap(), Signal::TERM).unwrap();
    // Nobody new gets in any more, while operators can still see that it stops.
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    let ready = exchange(
        ops,
        b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    let ready = String::from_utf8(ready.unwrap()).unwrap();
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    held.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        .unwrap();
    let reply = visitor.join().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "late"));
    assert!(gate.stop().success());
    assert!(!gate.folder().join("data/admin.sock").exists());
}
