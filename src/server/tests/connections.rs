//! How connections begin, wait and end.

use crate::server::tests::rig::{Rig, Wire, within};
use crate::server::{Listen, Listener, Settings, Stop, serve};
use crate::web::body;
use crate::web::request::{Connection, Peer, Refusal};
use http::{Request, Response};
use hyper::body::Incoming;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const TRACE: &str = "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A rig in which only the given deadline is short.
async fn impatient(adjust: impl FnOnce(&mut Settings)) -> Rig {
    Rig::with(|config| {
        config.server.head_timeout = LONG;
        config.server.idle_timeout = LONG;
        config.server.write_timeout = LONG;
        adjust(&mut config.server);
    })
    .await
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_closed() {
    let rig = impatient(|server| server.head_timeout = SHORT).await;
    let began = Instant::now();
    rig.client().await.closes_silently().await;
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_head_that_trickles_in_is_closed() {
    let rig = impatient(|server| server.head_timeout = SHORT).await;
    let mut client = rig.client_sending("GET / HTTP/1.1\r\nX: ").await;
    let began = Instant::now();
    let trickle = async {
        while client.try_send(b"x").await {
            tokio::time::sleep(SHORT / 8).await;
        }
    };
    within(trickle).await;
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_second_head_has_the_same_deadline_as_the_first() {
    let rig = impatient(|server| server.head_timeout = SHORT).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200);
    client.send("G").await;
    client.closes_silently().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_own_time() {
    let rig = impatient(|server| server.idle_timeout = SHORT).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    // The app takes longer than the idle time: a request under way is not idle.
    tokio::time::sleep(SHORT * 2).await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200);
    client.closes_silently().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let rig = impatient(|server| server.write_timeout = SHORT).await;
    let client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        .await;
    let flood = async {
        let chunk = vec![b'x'; 1 << 20];
        // Ends because the gate breaks the connection off, long before the promised length.
        while tokio::time::timeout(LONG, app.try_send(&chunk))
            .await
            .unwrap()
        {}
    };
    within(flood).await;
    drop(client);
}

#[tokio::test]
async fn a_panic_costs_one_request_its_answer() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.one("cache-control")),
        (500, Some("no-store"))
    );
    client.until("here.\n").await;
    client.send(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let rig = impatient(|server| server.max_connections = 1).await;
    let first = rig.client().await;
    let mut second = rig.client_sending(TRACE).await;
    let answered = tokio::time::timeout(SHORT, second.head()).await;
    assert!(answered.is_err(), "{answered:?}");
    drop(first);
    assert_eq!(second.head().await.status(), 405);
}

#[tokio::test]
async fn connections_over_the_share_of_their_address_are_closed_unless_it_is_shared() {
    let rig = impatient(|server| server.max_connections_per_address = 1).await;
    let first = rig.client_sending(TRACE).await;
    rig.client().await.closes_silently().await;
    drop(first);
    let shared = impatient(|server| {
        server.max_connections_per_address = 1;
        server.shared_addresses = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let _first = shared.client().await;
    let mut second = shared.client_sending(TRACE).await;
    assert_eq!(second.head().await.status(), 405);
}

#[tokio::test]
async fn a_client_that_takes_too_little_is_cut_off_however_steadily() {
    let rig = impatient(|server| {
        server.write_timeout = SHORT;
        server.write_rate = u32::MAX;
    })
    .await;
    let mut client = TcpStream::connect(rig.address).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        .await;
    let slow_reader = async {
        let mut piece = vec![0; 256 * 1024];
        // Never still for long, and slower than it may be.
        while client.read(&mut piece).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(SHORT / 4).await;
        }
    };
    let flood = async {
        let chunk = vec![b'x'; 1 << 20];
        while app.try_send(&chunk).await {}
    };
    within(async { tokio::join!(slow_reader, flood) }).await;
}

#[tokio::test]
async fn stopping_ends_idle_connections_at_once_and_lets_requests_finish() {
    let mut rig = Rig::new().await;
    let mut idle = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(idle.head().await.status(), 200);
    let mut busy = rig.client_sending(GET).await;
    app.head().await;
    rig.shutdown.cancel();
    idle.closes_silently().await;
    assert!(TcpStream::connect(rig.address).await.is_err());
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    assert_eq!(busy.head().await.one("connection"), Some("close"));
    assert_eq!(busy.rest().await, "ok");
    within(&mut rig.serving).await.unwrap();
}

/// Sends past the reactor, which hears of it when it is asked next.
fn send_unheard(mut stream: &std::net::TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

/// One request has had its answer: from then on the server waits for the reactor.
async fn waiting_rig() -> Rig {
    let rig = Rig::new().await;
    let mut client = rig.client_sending(TRACE).await;
    assert_eq!(client.head().await.status(), 405);
    rig
}

#[tokio::test]
async fn a_connection_in_the_queue_of_the_kernel_has_its_answer_when_the_server_stops() {
    let mut rig = waiting_rig().await;
    let client = std::net::TcpStream::connect(rig.address).unwrap();
    send_unheard(&client, TRACE);
    rig.shutdown.cancel();
    client.set_nonblocking(true).unwrap();
    let mut client = Wire::new(TcpStream::from_std(client).unwrap());
    assert_eq!(client.head().await.status(), 405);
    within(&mut rig.serving).await.unwrap();
}

#[tokio::test]
async fn a_request_that_arrived_unread_has_its_answer_when_the_server_stops() {
    let mut rig = waiting_rig().await;
    let unheard = std::net::TcpStream::connect(rig.address).unwrap();
    unheard.set_nonblocking(true).unwrap();
    let client = TcpStream::from_std(unheard.try_clone().unwrap()).unwrap();
    let mut client = Wire::new(client);
    client.send(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200);
    send_unheard(&unheard, TRACE);
    rig.shutdown.cancel();
    assert_eq!(client.head().await.status(), 405);
    within(&mut rig.serving).await.unwrap();
}

#[tokio::test]
async fn requests_that_do_not_end_are_cut_off_when_the_drain_time_is_over() {
    let mut rig = impatient(|server| server.drain_timeout = SHORT).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    rig.shutdown.cancel();
    client.closes_silently().await;
    within(&mut rig.serving).await.unwrap();
    app.closes_silently().await;
}

#[tokio::test]
async fn a_head_over_the_buffer_and_too_many_lines_are_431() {
    let rig = Rig::new().await;
    for head in [
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(33 * 1024)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X: 1\r\n".repeat(100)
        ),
    ] {
        let mut client = rig.client_sending(head).await;
        assert_eq!(client.head().await.status(), 431);
    }
    rig.app_saw_nothing().await;
}

/// Answers with who connected.
async fn name_the_peer(
    _: Result<Request<Incoming>, Refusal>,
    connection: Connection,
) -> Response<crate::web::Body> {
    Response::new(body::full(format!("{:?}.", connection.peer)))
}

#[tokio::test]
async fn a_socket_file_replaces_a_dead_one_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listen: Listen = format!("unix:{}", path.display()).parse().unwrap();
    let listener = Listener::bind(&listen).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let again = Listener::bind(&listen).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);

    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(
        listener,
        Settings::default(),
        name_the_peer,
        Stop {
            gently: shutdown.clone(),
            ..Stop::default()
        },
    ));
    let mut client = Wire::new(UnixStream::connect(&path).await.unwrap());
    client.send(GET).await;
    client.head().await;
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(
        client.until(".").await,
        format!("{:?}.", Peer::Unix { uid })
    );
    shutdown.cancel();
    within(serving).await.unwrap();
    assert!(!path.exists());

    std::fs::write(&path, "precious").unwrap();
    assert_eq!(
        Listener::bind(&listen).await.unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

#[test]
fn listeners_are_read_and_written() {
    for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/vestibule.sock"] {
        assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
    }
    for bad in [
        "",
        "8080",
        "localhost:8080",
        "unix:relative",
        "unix:",
        "127.0.0.1",
    ] {
        assert!(bad.parse::<Listen>().is_err(), "{bad}");
    }
}
