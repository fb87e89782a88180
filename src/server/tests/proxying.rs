//! Requests and responses on their way through.

use crate::server::tests::rig::Rig;
use crate::web::upstream::{HostHeader, Underscores};
use std::time::Duration;
use tokio::net::UnixListener;

const SHORT: Duration = Duration::from_millis(300);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_request_is_built_anew_from_its_parts() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(
            "GET /a%2Fb?x=%zz HTTP/1.1\r\nHOST: App.example.com\r\nCookie: a=1; __Host-vestibule=t; b=2\r\n\
             Authorization: Bearer x\r\nX-Own: 1\r\nX-Own: 2\r\nConnection: keep-alive\r\nTE: trailers\r\n\
             Proxy-Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\nX-Request-Id: chosen-by-client\r\n\r\n",
        )
        .await;
    let mut app = rig.app().await;
    let mut head = app.head().await;
    let id = head.one("x-request-id").unwrap().to_owned();
    assert_eq!(id.len(), 32);
    head.lines.retain(|line| !line.starts_with("x-request-id"));
    assert_eq!(head.first, "GET /a%2Fb?x=%zz HTTP/1.1");
    assert_eq!(
        head.lines,
        [
            "authorization: Bearer x",
            "cookie: a=1; b=2",
            "forwarded: for=127.0.0.1;host=\"app.example.com\";proto=http",
            "host: app.example.com",
            "remote-user: alice",
            "via: 1.1 vestibule",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: app.example.com",
            "x-forwarded-port: 80",
            "x-forwarded-proto: http",
            "x-own: 1",
            "x-own: 2",
            "x-real-ip: 127.0.0.1",
            "x-vestibule-assertion: signed",
        ]
    );
    app.send(EMPTY).await;
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn nobody_speaks_in_our_name() {
    for underscores in [Underscores::Drop, Underscores::Keep] {
        let rig = Rig::with(|config| config.underscores = underscores).await;
        let _client = rig
            .client_sending(
                "GET / HTTP/1.1\r\nHost: a\r\nRemote-User: root\r\nREMOTE_USER: root\r\nRemote_user: root\r\n\
                 remote-user: admin\r\nRemote-Groups: admin\r\nX_Vestibule-Assertion: forged\r\n\
                 X-Vestibule-Assertion: forged\r\nX-Forwarded-User: root\r\nX_Forwarded_For: 6.6.6.6\r\n\
                 Connection: close, X-Vestibule-Assertion, Remote-User, X-Forwarded-For, X-Request-Id, Via\r\n\r\n"
                    .replace(", Via", ""),
            )
            .await;
        let head = rig.app().await.head().await;
        let ours = |line: &&String| {
            let name = line.split(':').next().unwrap().replace('_', "-");
            name.contains("vestibule")
                || name.contains("remote")
                || name.contains("user")
                || name.contains("forwarded-for")
        };
        let seen: Vec<_> = head.lines.iter().filter(ours).collect();
        assert_eq!(
            seen,
            [
                "remote-user: alice",
                "x-forwarded-for: 127.0.0.1",
                "x-vestibule-assertion: signed"
            ]
        );
        assert_eq!(head.all("connection"), [""; 0]);
    }
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_clients() {
    let rig =
        Rig::with(|config| config.request.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()])
            .await;
    let _client = rig
        .client_sending(
            "GET / HTTP/1.1\r\nHost: app.example.com\r\nX-Forwarded-For: 6.6.6.6, 1.1.1.1\r\nX-Forwarded-Proto: https\r\n\
             X-Request-Id: from-the-proxy\r\nRemote-User: root\r\n\r\n",
        )
        .await;
    let head = rig.app().await.head().await;
    assert_eq!(
        [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-request-id",
            "remote-user"
        ]
        .map(|name| head.one(name)),
        [
            "1.1.1.1, 127.0.0.1",
            "https",
            "443",
            "from-the-proxy",
            "alice"
        ]
        .map(Some)
    );
}

#[tokio::test]
async fn the_app_may_see_its_own_host() {
    let rig = Rig::with(|config| config.upstream.host_header = HostHeader::Upstream).await;
    let _client = rig.client_sending(GET).await;
    let head = rig.app().await.head().await;
    let host = head.one("host").unwrap();
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    assert_eq!(head.one("x-forwarded-host"), Some("a"));
}

#[tokio::test]
async fn unknown_hosts_are_misdirected() {
    let rig = Rig::with(|config| config.upstream.host = Some("a".to_owned())).await;
    let mut client = rig
        .client_sending("GET / HTTP/1.1\r\nHost: b\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 421);
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let rig = Rig::new().await;
    let mut client = rig.client().await;
    client.send(GET).await;
    let mut app = rig.app().await;
    for _ in 0..3 {
        app.head().await;
        app.send(EMPTY).await;
        assert_eq!(client.head().await.status(), 200);
        client.send(GET).await;
    }
    app.head().await;
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
        )
        .await;
    let mut app = rig.app().await;
    assert_eq!(app.head().await.one("transfer-encoding"), Some("chunked"));
    assert_eq!(app.until("one\r\n").await, "3\r\none\r\n");
    app.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        .await;
    assert_eq!(
        client.head().await.one("transfer-encoding"),
        Some("chunked")
    );
    assert_eq!(client.until("\n\n\r\n").await, "9\r\ndata: 1\n\n\r\n");
    client.send("3\r\ntwo\r\n").await;
    assert_eq!(app.until("two\r\n").await, "3\r\ntwo\r\n");
    app.send("data: 2\n\n").await;
    assert_eq!(client.until("\n\n\r\n").await, "9\r\ndata: 2\n\n\r\n");
    client.send("0\r\n\r\n").await;
    assert_eq!(app.until("\r\n\r\n").await, "0\r\n\r\n");
    drop(app);
    assert_eq!(client.until("\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_stalled_upload_is_cut_off_on_both_sides() {
    let rig = Rig::with(|config| config.upstream.request_body.idle = SHORT).await;
    for (framing, sent) in [
        ("Content-Length: 10", "abc"),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
    ] {
        let mut client = rig
            .client_sending(format!(
                "POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{sent}"
            ))
            .await;
        let mut app = rig.app().await;
        app.head().await;
        assert_eq!(app.rest().await, sent);
        let head = client.head().await;
        assert_eq!((head.status(), head.one("reason")), (408, Some("body-cut")));
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test]
async fn an_upload_over_the_limit_is_413() {
    let rig = Rig::with(|config| config.upstream.request_body.bytes = Some(4)).await;
    let mut client = rig
        .client_sending("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde")
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.one("connection")),
        (413, Some("close"))
    );
    rig.app_saw_nothing().await;
    let mut client = rig
        .client_sending(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        )
        .await;
    let mut app = rig.app().await;
    app.head().await;
    assert_eq!(app.until("abc\r\n").await, "3\r\nabc\r\n");
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 413);
    app.closes_silently().await;
}

#[tokio::test]
async fn the_apps_end_of_a_body_is_the_clients() {
    for (app_sends, client_gets) in [
        ("HTTP/1.1 200 OK\r\n\r\nabc", "3\r\nabc\r\n0\r\n\r\n"),
        ("HTTP/1.0 200 OK\r\n\r\nabc", "3\r\nabc\r\n0\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcEXTRA",
            "abc",
        ),
        // Broken off: never a proper end.
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "3\r\nabc\r\n",
        ),
    ] {
        let rig = Rig::new().await;
        let mut client = rig
            .client_sending("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
        let mut app = rig.app().await;
        app.head().await;
        app.send(app_sends).await;
        drop(app);
        let head = client.head().await;
        assert_eq!(head.first, "HTTP/1.1 200 OK");
        if app_sends.contains("Content-Length: 10") {
            assert_eq!(head.one("content-length"), Some("10"));
        }
        assert_eq!(client.rest().await, client_gets, "{app_sends:?}");
    }
}

#[tokio::test]
async fn a_silent_app_is_cut_off_within_its_body() {
    let rig = Rig::with(|config| config.upstream.idle_timeout = SHORT).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        .await;
    client.head().await;
    assert_eq!(client.rest().await, "abc");
    app.closes_silently().await;
}

#[tokio::test]
async fn informational_answers_end_at_the_gate() {
    let rig = Rig::new().await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send(format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{EMPTY}"
    ))
    .await;
    let head = client.head().await;
    assert_eq!((head.status(), head.one("link")), (200, None));
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on_when_the_app_is_there() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        )
        .await;
    let mut app = rig.app().await;
    let head = app.head().await;
    assert_eq!(
        (head.one("expect"), head.one("content-length")),
        (None, Some("2"))
    );
    assert_eq!(client.head().await.status(), 100);
    client.send("ok").await;
    assert_eq!(app.exactly(2).await, "ok");
    app.send(EMPTY).await;
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let rig = Rig::new().await;
    for (method, app_sends, length) in [
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            Some("5"),
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\n",
            None,
        ),
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
            None,
        ),
    ] {
        let mut client = rig
            .client_sending(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let mut app = rig.app().await;
        app.head().await;
        app.send(app_sends).await;
        drop(app);
        let head = client.head().await;
        assert_eq!(head.one("content-length"), length, "{method} {app_sends:?}");
        assert_eq!(head.one("transfer-encoding"), None);
        client.closes_silently().await;
    }
}

#[tokio::test]
async fn answers_that_can_be_read_in_two_ways_are_502() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(110));
    let big = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    for (method, app_sends) in [
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
        ("GET", "nonsense\r\n\r\n"),
        ("GET", &many),
        ("GET", &big),
        ("GET", ""),
        ("GET", "HTTP/1.1 200 OK\r\nX: "),
    ] {
        let rig = Rig::new().await;
        let mut client = rig
            .client_sending(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let mut app = rig.app().await;
        app.head().await;
        app.send_what_is_taken(app_sends).await;
        drop(app);
        let head = client.head().await;
        let shown = &app_sends[..app_sends.len().min(60)];
        assert_eq!(
            (head.status(), head.one("content-length")),
            (502, if method == "HEAD" { None } else { Some("0") }),
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn an_app_keeps_its_cookies_and_cannot_set_ours() {
    let rig = Rig::new().await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send(
        "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: __Host-vestibule=x; Path=/\r\nSet-Cookie: b=2\r\n\
         X-Vestibule-Assertion: x\r\nX-Accel-Redirect: /x\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let mut head = client.head().await;
    head.lines.retain(|line| !line.starts_with("date: "));
    assert_eq!(
        head.lines,
        ["content-length: 0", "set-cookie: a=1", "set-cookie: b=2"]
    );
}

#[tokio::test]
async fn an_unreachable_app_is_502_and_a_silent_one_504() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let rig = Rig::before(&format!("http://{nowhere}"), |_| {}).await;
    let mut client = rig.client_sending(GET).await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.one("reason")),
        (502, Some("unreachable"))
    );

    let rig = Rig::with(|config| config.upstream.response_timeout = SHORT).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    let head = client.head().await;
    assert_eq!((head.status(), head.one("reason")), (504, Some("timeout")));
    app.closes_silently().await;
}

#[tokio::test]
async fn a_long_upload_is_no_late_answer() {
    let rig = Rig::with(|config| config.upstream.response_timeout = SHORT).await;
    let mut client = rig
        .client_sending("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
        .await;
    let mut app = rig.app().await;
    app.head().await;
    for _ in 0..8 {
        tokio::time::sleep(SHORT / 4).await;
        client.send("x").await;
    }
    assert_eq!(app.exactly(8).await, "xxxxxxxx");
    app.send(EMPTY).await;
    assert_eq!(client.head().await.status(), 200);
}

/// Answers a first request, reads the head of a second one on the same connection, and breaks off.
async fn second_request_breaks(rig: &Rig, second: &str) -> crate::server::tests::rig::Wire {
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    app.send(EMPTY).await;
    client.head().await;
    client.send(second).await;
    app.head().await;
    client
}

#[tokio::test]
async fn a_harmless_request_survives_a_dead_connection_from_the_pool() {
    for method in ["GET", "OPTIONS"] {
        let rig = Rig::new().await;
        let mut client = second_request_breaks(
            &rig,
            &format!("{method} /again HTTP/1.1\r\nHost: a\r\n\r\n"),
        )
        .await;
        let mut app = rig.app().await;
        assert_eq!(app.head().await.first, format!("{method} /again HTTP/1.1"));
        app.send(EMPTY).await;
        assert_eq!(client.head().await.status(), 200);
    }
}

#[tokio::test]
async fn other_requests_are_never_sent_twice() {
    for second in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let rig = Rig::new().await;
        let mut client = second_request_breaks(&rig, second).await;
        assert_eq!(client.head().await.status(), 502, "{second:?}");
        rig.app_saw_nothing().await;
    }
}

#[tokio::test]
async fn a_fresh_connection_that_breaks_is_not_tried_again() {
    let rig = Rig::new().await;
    let mut client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    drop(app);
    assert_eq!(client.head().await.status(), 502);
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_with_it() {
    let rig = Rig::new().await;
    let client = rig.client_sending(GET).await;
    let mut app = rig.app().await;
    app.head().await;
    drop(client);
    app.closes_silently().await;
}

#[tokio::test]
async fn an_app_behind_a_socket_file_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let rig = Rig::before(&format!("unix:{}", path.display()), |_| {}).await;
    let mut client = rig.client_sending(GET).await;
    let mut app = crate::server::tests::rig::Wire::new(listener.accept().await.unwrap().0);
    assert_eq!(app.head().await.one("host"), Some("a"));
    app.send(EMPTY).await;
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn an_old_client_gets_an_answer_it_can_read() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        .await;
    let mut app = rig.app().await;
    let head = app.head().await;
    assert_eq!(
        (head.first.as_str(), head.one("via")),
        ("GET / HTTP/1.1", Some("1.0 vestibule"))
    );
    app.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.one("transfer-encoding"), None);
    assert_eq!(client.rest().await, "abc");
}

#[tokio::test]
async fn a_request_that_runs_in_a_circle_is_stopped() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 vestibule, 1.1 vestibule\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 508);
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn a_head_that_the_app_could_not_read_is_431() {
    let rig = Rig::new().await;
    let mut client = rig
        .client_sending(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: a={}\r\n\r\n",
            "x".repeat(16 * 1024)
        ))
        .await;
    assert_eq!(client.head().await.status(), 431);
    rig.app_saw_nothing().await;
}
