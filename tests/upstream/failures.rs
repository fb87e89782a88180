//! Apps that are away, die, or are asked twice; clients that leave; requests in a circle.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::harness::HOST;
use crate::harness::gate::Gate;
use crate::wire::Wire;
use crate::{Door, FINE, configuration, get};

/// A port of this machine where nobody listens.
fn nowhere() -> SocketAddr {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.expect("a port is free")
}

#[test]
fn an_app_that_is_away_is_502_and_our_pages_are_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).expect("a socket file can be made"));
    for url in [
        format!("http://{}", nowhere()),
        "http://name-of-nobody.invalid:80".to_owned(),
        format!("unix:{}", dead.display()),
        format!("unix:{}", folder.path().join("none.sock").display()),
    ] {
        let gate = Gate::start(&format!(
            "[[upstream]]\nurl = \"{url}\"\nconnect_timeout = \"60s\"\n[access]\ndefault = \"bypass\"\n"
        ));
        let mut client = Wire::connect(gate.address());
        for method in ["GET", "POST", "HEAD"] {
            client.send(format!(
                "{method} /secret?t=s3cret HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"
            ));
            let answer = client.answer(method);
            assert_eq!((answer.status(), answer.whole), (502, true), "{url}");
            assert_eq!(answer.head.one("cache-control"), Some("no-store"));
            for inside in [
                "refused", "os error", "resolve", "lookup", "hyper", "invalid", ".sock", "s3cret",
            ] {
                assert!(
                    !answer.text().contains(inside),
                    "{inside} in {}",
                    answer.text()
                );
            }
        }
        client.send(get("/_vestibule/login"));
        assert_eq!(client.answer("GET").status(), 200);
    }
}

#[test]
fn an_app_whose_queue_is_full_is_504() {
    // Nobody accepts, and the kernel takes in one or two.
    let listener = socket_with_short_queue();
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let mut waiting = vec![];
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    let gate = Gate::start(&configuration(address, "", "connect_timeout = \"1s\"", ""));
    let mut client = Wire::connect(gate.address());
    client.send(get("/"));
    assert_eq!(client.answer("GET").status(), 504);
}

fn socket_with_short_queue() -> TcpListener {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(([127, 0, 0, 1], 0).into())
            .expect("a port is free");
        let listener = socket.listen(1).expect("it listens");
        listener.into_std().expect("a listener is a listener")
    })
}

#[test]
fn an_app_that_dies_before_its_answer_is_502_and_is_not_asked_again() {
    let door = Door::open();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let (mut client, app) = door.exchange(&get("/").replace("GET", method));
        drop(app);
        assert_eq!(client.answer(method).status(), 502, "{method}");
    }
    door.app.saw_no_more();
}

/// A second request on a used connection, which the app closes without an answer.
fn breaks_at_the_second(door: &Door, second: &str) -> Wire {
    let (mut client, mut app) = door.exchange(&get("/first"));
    app.send(FINE);
    client.answer("GET");
    client.send(second);
    app.head();
    client
}

#[test]
fn what_may_arrive_twice_is_sent_once_more_on_a_new_connection() {
    let door = Door::open();
    for method in ["GET", "OPTIONS"] {
        let mut client = breaks_at_the_second(&door, &get("/again").replace("GET", method));
        let mut app = door.app.connection();
        assert_eq!(app.head().first, format!("{method} /again HTTP/1.1"));
        app.send(FINE);
        assert_eq!(client.answer(method).status(), 200, "{method}");
        drop(app);
        // And not a third time.
        let mut client = breaks_at_the_second(&door, &get("/again").replace("GET", method));
        drop(door.app.connection());
        assert_eq!(client.answer(method).status(), 502, "{method}");
    }
    door.app.saw_no_more();
}

#[test]
fn what_may_do_something_is_sent_once() {
    let door = Door::open();
    for second in [
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"),
        format!("DELETE / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("MKCOL / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
    ] {
        let mut client = breaks_at_the_second(&door, &second);
        assert_eq!(client.answer("POST").status(), 502, "{second:?}");
    }
    for method in ["GET", "POST", "PUT", "PATCH"] {
        let request = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nok");
        let (mut client, app) = door.exchange(&request);
        drop(app);
        assert_eq!(client.answer(method).status(), 502, "{request:?}");
    }
    door.app.saw_no_more();
}

#[test]
fn a_client_that_leaves_takes_its_request_with_it() {
    let door = Door::open();
    for request in [
        get("/"),
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\nabc"),
        format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        ),
    ] {
        let (client, mut app) = door.exchange(&request);
        drop(client);
        let (body, _) = app.rest();
        assert!(
            !String::from_utf8_lossy(&body).contains("0\r\n\r\n"),
            "{request:?}"
        );
    }
    // While it is answered, too.
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nabc");
    client.head();
    drop(client);
    while app.try_send([b'x'; 4096]).is_ok() {}
}

#[test]
fn an_app_that_refuses_a_body_is_heard() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000000\r\n\r\nabc"
    ));
    app.send(FINE.replace("200 OK\r\n", "413 No\r\nConnection: close\r\n"));
    app.finish();
    let answer = client.answer("POST");
    assert_eq!((answer.status(), answer.text().as_str()), (413, "fine"));
}

#[test]
fn a_request_in_a_circle_is_stopped() {
    let door = Door::open();
    for via in [
        "1.1 vestibule, 1.1 vestibule",
        "1.0 vestibule, 1.1 cache, HTTP/1.1 vestibule",
    ] {
        let mut client = door.client_sending(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nVia: {via}\r\n\r\n"
        ));
        assert_eq!(client.answer("GET").status(), 508, "{via}");
    }
    door.app.saw_no_more();
}
