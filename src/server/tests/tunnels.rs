//! WebSockets: the handshake, the tunnel, and its ends.

use crate::server::tests::rig::{Rig, Wire, within};
use crate::web::upstream::upgrade::End;
use std::time::Duration;

fn handshake(lines: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

const ORIGIN: &str = "Cookie: a=1\r\nOrigin: https://app.example.com\r\n";
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A tunnel through which both sides have just spoken.
async fn open(rig: &Rig) -> (Wire, Wire) {
    let mut client = rig.client_sending(handshake(ORIGIN)).await;
    let mut app = rig.app().await;
    app.head().await;
    // What the app says right behind its head belongs to the tunnel.
    app.send(format!("{ACCEPT}hello")).await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.exactly(5).await, "hello");
    client.send("ping").await;
    assert_eq!(app.exactly(4).await, "ping");
    (client, app)
}

#[tokio::test]
async fn a_handshake_is_rebuilt_and_its_key_kept() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(handshake(&format!(
            "{ORIGIN}Remote-User: root\r\nSec-WebSocket-Protocol: x\r\n"
        )))
        .await;
    let mut app = rig.app().await;
    let head = app.head().await;
    assert_eq!(
        [
            "connection",
            "upgrade",
            "sec-websocket-key",
            "sec-websocket-protocol",
            "remote-user",
            "content-length"
        ]
        .map(|name| head.one(name)),
        [
            Some("upgrade"),
            Some("websocket"),
            Some("dGhlIHNhbXBsZSBub25jZQ=="),
            Some("x"),
            Some("alice"),
            None
        ]
    );
    app.send(ACCEPT).await;
    let head = client.head().await;
    assert_eq!(
        [
            "connection",
            "upgrade",
            "sec-websocket-accept",
            "content-length"
        ]
        .map(|name| head.one(name)),
        [
            Some("upgrade"),
            Some("websocket"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            None
        ]
    );
}

#[tokio::test]
async fn what_a_client_says_before_the_answer_waits_for_it() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(format!("{}early", handshake(ORIGIN)))
        .await;
    let mut app = rig.app().await;
    app.head().await;
    app.send(ACCEPT).await;
    assert_eq!(app.exactly(5).await, "early");
    assert_eq!(client.head().await.status(), 101);
}

#[tokio::test]
async fn a_tunnel_ends_when_either_side_leaves() {
    let mut rig = Rig::new().await;
    let (client, mut app) = open(&rig).await;
    drop(client);
    app.closes_silently().await;
    drop(app);
    assert_eq!(within(rig.tunnel_ends.recv()).await, Some(End::Closed));
}

#[tokio::test]
async fn a_side_that_is_done_may_still_listen() {
    let mut rig = Rig::new().await;
    let (mut client, mut app) = open(&rig).await;
    client.finish_writing().await;
    app.closes_silently().await;
    app.send("last words").await;
    drop(app);
    assert_eq!(client.rest().await, "last words");
    assert_eq!(within(rig.tunnel_ends.recv()).await, Some(End::Closed));
}

#[tokio::test]
async fn a_tunnel_ends_with_its_session() {
    let mut rig = Rig::new().await;
    let (mut client, mut app) = open(&rig).await;
    rig.session.cancel();
    assert_eq!(within(rig.tunnel_ends.recv()).await, Some(End::Ended));
    client.closes_silently().await;
    app.closes_silently().await;
}

#[tokio::test]
async fn a_session_that_ends_during_the_handshake_opens_nothing() {
    let mut rig = Rig::new().await;
    let mut client = rig.client_sending(handshake(ORIGIN)).await;
    let mut app = rig.app().await;
    app.head().await;
    rig.session.cancel();
    app.send(ACCEPT).await;
    assert_eq!(within(rig.tunnel_ends.recv()).await, Some(End::Ended));
    client.rest().await;
    app.closes_silently().await;
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let mut rig =
        Rig::with(|config| config.upstream.tunnel_idle_timeout = Duration::from_millis(500)).await;
    let (mut client, mut app) = open(&rig).await;
    assert_eq!(within(rig.tunnel_ends.recv()).await, Some(End::Idle));
    client.closes_silently().await;
    app.closes_silently().await;
}

#[tokio::test]
async fn a_tunnel_counts_as_a_connection() {
    let mut rig = Rig::with(|config| config.server.max_connections = 1).await;
    let (client, app) = open(&rig).await;
    let mut second = rig
        .client_sending("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let answered = tokio::time::timeout(Duration::from_millis(50), second.head()).await;
    assert!(answered.is_err(), "{answered:?}");
    drop((client, app));
    within(rig.tunnel_ends.recv()).await;
    assert_eq!(second.head().await.status(), 405);
}

#[tokio::test]
async fn pages_of_other_origins_open_nothing() {
    let rig = Rig::new().await;
    for lines in [
        "Cookie: a=1\r\n",
        "Cookie: a=1\r\nOrigin: null\r\n",
        "Cookie: a=1\r\nOrigin: https://evil.example\r\n",
        "Cookie: a=1\r\nOrigin: https://app.example.com.evil.example\r\n",
        "Cookie: a=1\r\nOrigin: https://app.example.com:8443\r\n",
        "Cookie: a=1\r\nOrigin: https://app.example.com\r\nOrigin: https://evil.example\r\n",
        "Origin: https://evil.example\r\n",
    ] {
        let mut client = rig.client_sending(handshake(lines)).await;
        let head = client.head().await;
        assert_eq!(
            (head.status(), head.one("reason")),
            (403, Some("handshake-origin")),
            "{lines:?}"
        );
    }
    rig.app_saw_nothing().await;
    // Our own page, the request's own origin, and a program that has no cookies to be borrowed.
    for lines in [
        ORIGIN,
        "Cookie: a=1\r\nOrigin: http://APP.example.com:80\r\n",
        "",
    ] {
        let _client = rig.client_sending(handshake(lines)).await;
        assert_eq!(
            rig.app().await.head().await.one("upgrade"),
            Some("websocket"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn odd_handshakes_are_refused() {
    let rig = Rig::new().await;
    let good = handshake(ORIGIN);
    for bad in [
        good.replace("Version: 13", "Version: 8"),
        good.replace("Sec-WebSocket-Version: 13\r\n", ""),
        good.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"),
        good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        handshake(&format!(
            "{ORIGIN}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )),
        handshake(&format!("{ORIGIN}Content-Length: 3\r\n")),
        handshake(&format!("{ORIGIN}Transfer-Encoding: chunked\r\n")),
    ] {
        let mut client = rig.client_sending(&bad).await;
        let head = client.head().await;
        assert_eq!(
            (head.status(), head.one("reason")),
            (400, Some("handshake")),
            "{bad:?}"
        );
    }
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn other_upgrades_are_ordinary_requests() {
    let good = handshake(ORIGIN);
    for other in [
        good.replace("Upgrade: WebSocket", "Upgrade: h2c\r\nHTTP2-Settings: AAA"),
        good.replace("Upgrade: WebSocket", "Upgrade: TLS/1.0"),
        good.replace("Upgrade: WebSocket", "Upgrade: websocket, foo"),
        good.replace(
            "Upgrade: WebSocket",
            "Upgrade: websocket\r\nUpgrade: websocket",
        ),
        good.replace("Connection: keep-alive, Upgrade", "Connection: keep-alive"),
        good.replace("GET ", "POST "),
        good.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let rig = Rig::new().await;
        let mut client = rig.client_sending(&other).await;
        let mut app = rig.app().await;
        let head = app.head().await;
        assert_eq!(
            ["upgrade", "connection", "http2-settings"].map(|name| head.one(name)),
            [None; 3],
            "{other:?}"
        );
        app.send(ACCEPT).await;
        assert_eq!(
            client.head().await.status(),
            502,
            "nobody asked for a switch"
        );
    }
}

#[tokio::test]
async fn an_app_that_declines_answers_once() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(format!(
            "{}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            handshake(ORIGIN)
        ))
        .await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.one("connection")),
        (200, Some("close"))
    );
    assert_eq!(client.rest().await, "no");
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn an_app_that_switches_to_something_else_is_502() {
    let rig = Rig::new().await;
    for upgrade in [
        "Upgrade: foo\r\n",
        "",
        "Upgrade: websocket\r\nUpgrade: foo\r\n",
    ] {
        let mut client = rig.client_sending(handshake(ORIGIN)).await;
        let mut app = rig.app().await;
        app.head().await;
        app.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{upgrade}\r\n"
        ))
        .await;
        assert_eq!(client.head().await.status(), 502, "{upgrade:?}");
        app.closes_silently().await;
    }
}
