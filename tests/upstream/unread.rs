//! Bodies that an app leaves unread, which would be the next request to it.

use crate::harness::gate::Gate;
use crate::harness::program::Program;
use crate::harness::{HOST, third_party};
use crate::wire::Wire;
use crate::{Door, FINE, get};
use std::process::Command;

/// A request inside a body, in another's name.
const INSIDE: &str = "GET /secret HTTP/1.1\r\nHost: app.localhost\r\nRemote-User: admin\r\n\r\n";

/// The same request as the body of others, framed in both ways.
fn carriers(path: &str) -> Vec<(&'static str, String)> {
    let length = INSIDE.len();
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    let framed = |method| {
        let line = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n");
        [
            (
                method,
                format!("{line}Content-Length: {length}\r\n\r\n{INSIDE}"),
            ),
            (
                method,
                format!(
                    "{line}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{INSIDE}\r\n0\r\n\r\n"
                ),
            ),
        ]
    };
    methods.into_iter().flat_map(framed).collect()
}

#[test]
fn a_request_with_a_body_has_a_connection_that_the_app_is_told_to_close() {
    let door = Door::open();
    for (method, request) in carriers("/first") {
        let mut client = door.client_sending(&request);
        let mut app = door.app.connection();
        assert_eq!(app.head().one("connection"), Some("close"), "{request:?}");
        // It answers at once, and would answer what it has not read, too.
        app.send(format!(
            "{FINE}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG"
        ));
        assert_eq!(client.answer(method).status(), 200, "{request:?}");
        app.rest();
        let (mut other, mut app) = door.exchange(&get("/second"));
        app.send(FINE);
        assert_eq!(other.answer("GET").text(), "fine", "{request:?}");
        app.finish();
        app.closes();
    }
}

#[test]
fn a_request_without_a_body_shares_its_connection_with_the_next() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/0"));
    for path in ["/1", "/2"] {
        app.send(FINE);
        assert_eq!(client.answer("GET").text(), "fine");
        client.send(get(path));
        app = door.next_after(app);
        let head = app.head();
        assert_eq!(head.first, format!("GET {path} HTTP/1.1"));
        assert_eq!(head.one("connection"), None);
    }
}

#[test]
fn python_s_own_server_runs_no_request_from_within_a_body() {
    if !third_party() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["open", "second", "secret"] {
        std::fs::write(folder.path().join(name), name).expect("the folder is writable");
    }
    let server = Program::start(
        Command::new("python3")
            .args(["-u", "-m", "http.server", "--protocol", "HTTP/1.1"])
            .args(["--bind", "127.0.0.1", "0", "--directory"])
            .arg(folder.path()),
    );
    let said = server.wait_for(" port ");
    let port = said.split_whitespace().next().expect("a port");
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://127.0.0.1:{port}\"\n[access]\n\
         rule = [{{ path = [\"/open\", \"/second\"], policy = \"bypass\" }}]\n"
    ));
    for (method, request) in carriers("/open") {
        let mut client = Wire::connect(gate.address());
        client.send(&request);
        client.answer(method);
        let mut other = Wire::connect(gate.address());
        other.send(get("/second"));
        assert_eq!(other.answer("GET").text(), "second", "{request:?}");
    }
    let log = server.output();
    assert!(log.contains("GET /open"), "{log}");
    assert!(!log.contains("/secret"), "{log}");
}
