//! Framing, hosts and targets as bytes on the wire: refused, or forwarded as exactly one well-formed request.

use crate::server::tests::rig::{Rig, Wire};
use proptest::prelude::*;

/// Sends a request whose answer must be `status` without the app hearing of it.
async fn refused(rig: &Rig, request: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(request).into_owned();
    let mut client = rig.client_sending(request).await;
    let head = client.head().await;
    assert_eq!(head.status(), status, "{shown:?} {head:?}");
    if status != 204 {
        assert_eq!(head.one("connection"), Some("close"), "{shown:?}");
        client.rest().await;
    }
}

#[tokio::test]
async fn odd_request_lines_are_refused() {
    let rig = Rig::new().await;
    for (line, status) in [
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/2.0", 505),
        ("GET  / HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET ?a HTTP/1.1", 400),
        ("OPTIONS * HTTP/1.1", 204),
        ("CONNECT a:443 HTTP/1.1", 405),
        ("TRACE / HTTP/1.1", 405),
        ("get / HTTP/1.1", 501),
        ("G#T / HTTP/1.1", 501),
        ("GET ftp://a/ HTTP/1.1", 400),
        ("GET https://a/ HTTP/1.1", 400),
        ("GET http://u@a/ HTTP/1.1", 400),
        ("GET /open%00 HTTP/1.1", 400),
        ("GET /% HTTP/1.1", 400),
        ("GET /\u{e9} HTTP/1.1", 400),
        ("GET /a\"b HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /a{b} HTTP/1.1", 400),
    ] {
        refused(
            &rig,
            format!("{line}\r\nHost: a\r\n\r\n").as_bytes(),
            status,
        )
        .await;
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17_000));
    refused(&rig, long.as_bytes(), 414).await;
    rig.app_saw_nothing().await;
}

#[tokio::test]
async fn odd_hosts_are_refused() {
    let rig = Rig::new().await;
    for lines in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: u@a\r\n",
        "Host: a/evil\r\n",
        "Host: a, b\r\n",
        "Host: \u{e9}\r\n",
        "Host: a:99999\r\n",
    ] {
        for version in ["1.0", "1.1"] {
            let request = format!("GET / HTTP/{version}\r\n{lines}\r\n");
            let mut client = rig.client_sending(request).await;
            assert_eq!(client.head().await.status(), 400, "{lines:?}");
        }
    }
    rig.app_saw_nothing().await;
}

/// Header lines that frame a message in two ways, or in none.
const ODD_LINES: &[(&str, u16)] = &[
    ("Content-Length: 1\r\nContent-Length: 2", 400),
    ("Content-Length: 1, 1", 400),
    ("Content-Length: +1", 400),
    ("Content-Length: -1", 400),
    ("Content-Length: 0x1", 400),
    ("Content-Length: 1_0", 400),
    ("Content-Length: 1Z", 400),
    ("Content-Length: 1 1", 400),
    ("Content-Length:", 400),
    ("Content-Length: 18446744073709551616", 400),
    ("Content-Length: 0001", 400),
    ("Content-Length: 2\r\nContent-Length: 2", 400),
    ("Content-Length: 3\r\nTransfer-Encoding: chunked", 400),
    ("Transfer-Encoding: chunked\r\nContent-Length: 3", 400),
    ("X: a\nY: b", 400),
    ("Content-Length: 010", 400),
    ("Content_Length: 1", 400),
    ("Transfer_Encoding: chunked", 400),
    ("Transfer-Encoding: identity", 501),
    ("Transfer-Encoding: xchunked", 501),
    ("Transfer-Encoding: blegh", 501),
    ("Transfer-Encoding: chunked;q=1", 501),
    ("Transfer-Encoding: \u{b}chunked", 400),
    ("Transfer-Encoding:", 400),
    ("Transfer-Encoding: chunked,", 400),
    ("Transfer-Encoding: ,chunked", 400),
    ("Transfer-Encoding: ,chunked\r\nContent-Length: 5", 400),
    ("Transfer-Encoding: chunked, chunked", 400),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        400,
    ),
    ("Transfer-Encoding: gzip, chunked", 501),
    (
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        501,
    ),
    ("Content-Length : 1", 400),
    (" X: 1", 400),
    ("X: 1\r\n folded", 400),
    ("no-colon", 400),
    (": empty", 400),
    ("X: a\0b", 400),
    ("X: a\rb", 400),
    ("X\0: a", 400),
    ("Expect: tea", 417),
    ("Connection: Host", 400),
    ("Connection: Content-Length", 400),
    ("Connection: close, Cookie", 400),
    ("Connection: Authorization", 400),
    ("Authorization: \u{e9}", 400),
    ("Cookie: \u{e9}=1", 400),
];

#[tokio::test]
async fn odd_framing_is_refused() {
    let rig = Rig::new().await;
    for (lines, status) in ODD_LINES {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
        refused(&rig, request.as_bytes(), *status).await;
    }
    let in_1_0 = b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut client = rig.client_sending(in_1_0).await;
    assert_eq!(client.head().await.status(), 400);
    rig.app_saw_nothing().await;
}

/// Serves one exchange and returns the head and body that the app saw.
async fn exchange(rig: &Rig, request: &str) -> (crate::server::tests::rig::Head, String, Wire) {
    let client = rig.client_sending(request).await;
    let mut app = rig.app().await;
    let head = app.head().await;
    let body = match (head.one("content-length"), head.one("transfer-encoding")) {
        (Some(length), None) => app.exactly(length.parse().unwrap()).await,
        (None, Some("chunked")) => app.until("0\r\n\r\n").await,
        (None, None) => String::new(),
        both => panic!("{both:?}"),
    };
    app.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        .await;
    (head, body, client)
}

#[tokio::test]
async fn odd_framing_that_has_one_reading_is_forwarded_framed_anew() {
    let rig = Rig::new().await;
    for (request, body) in [
        (
            "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0002;ext=1\r\nok\r\n0\r\n\r\n",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n2 \r\nok\r\n0\r\n\r\n",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "2\r\nok\r\n0\r\n\r\n",
        ),
        (
            "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
    ] {
        let (_, seen, mut client) = exchange(&rig, request).await;
        assert_eq!(seen, body, "{request:?}");
        assert_eq!(client.head().await.status(), 200);
    }
}

#[tokio::test]
async fn bad_chunks_never_make_a_complete_body() {
    for chunk in [
        "0x1\r\na",
        "-0x0\r\n",
        "0_2e\r\n",
        " 1\r\na\r\n",
        "\r\n",
        "fffffffffffffffff\r\na",
        "1\na\r\n",
        "1;\ra\r\na\r\n",
        "2\r\nokX\r\n0\r\n\r\n",
    ] {
        let rig = Rig::new().await;
        let request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{chunk}"
        );
        let mut client = rig.client_sending(&request).await;
        let mut app = rig.app().await;
        let seen = app.rest().await;
        assert!(!seen.ends_with("0\r\n\r\n"), "{chunk:?}: {seen:?}");
        client.rest().await;
    }
}

#[tokio::test]
async fn an_absolute_target_outranks_the_host() {
    let rig = Rig::new().await;
    for (line, first, host) in [
        (
            "GET http://B.example/x?y HTTP/1.1",
            "GET /x?y HTTP/1.1",
            "b.example",
        ),
        (
            "GET http://b.example HTTP/1.1",
            "GET / HTTP/1.1",
            "b.example",
        ),
        (
            "GET http://b.example?y HTTP/1.1",
            "GET /?y HTTP/1.1",
            "b.example",
        ),
        (
            "GET /x/../%2e%2F//;?% HTTP/1.1",
            "GET /x/../%2e%2F//;?% HTTP/1.1",
            "a.example:81",
        ),
    ] {
        let (head, _, _client) =
            exchange(&rig, &format!("{line}\r\nHost: A.example.:81\r\n\r\n")).await;
        assert_eq!(
            (head.first.as_str(), head.one("host")),
            (first, Some(host)),
            "{line}"
        );
        assert_eq!(head.one("x-forwarded-host"), Some(host));
    }
}

#[tokio::test]
async fn trailers_are_no_headers() {
    let rig = Rig::new().await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTrailer: Remote-User, X-End\r\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nok\r\n0\r\nRemote-User: root\r\nX-Vestibule-Assertion: forged\r\nX-End: 1\r\nHost: b\r\n\r\n";
    let (head, body, _client) = exchange(&rig, request).await;
    assert_eq!(
        (head.one("trailer"), head.one("remote-user")),
        (None, Some("alice"))
    );
    assert_eq!(body, "2\r\nok\r\n0\r\n\r\n");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let rig = Rig::new().await;
    let two = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
    let mut client = rig.client_sending(two).await;
    for (line, body) in [("GET /1 HTTP/1.1", ""), ("POST /2 HTTP/1.1", "ok")] {
        // What has a body has a connection for itself.
        let mut app = rig.app().await;
        assert_eq!(app.head().await.first, line);
        assert_eq!(app.exactly(body.len()).await, body);
        app.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}",
            line.len()
        ))
        .await;
        client.head().await;
        assert_eq!(client.exactly(line.len()).await, line);
    }
    rig.app_saw_nothing().await;
}

fn odd_request() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "Content-Length: 2",
        "Content-Length: 02",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked ",
        "Transfer-encoding: x",
        "Transfer-Encoding:\tchunked",
        "Host: a",
        "Host: b",
        "Connection: close",
        "Connection: keep-alive, Transfer-Encoding",
        "Expect: 100-continue",
        "X: \u{b}",
        "X:y",
        "Content-Length: 2\n",
        "Foo: bar\rContent-Length: 2",
        "Content-Length\t: 2",
        "Transfer_Encoding: chunked",
    ]);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r"]);
    let body = prop::sample::select(vec![
        "",
        "ok",
        "2\r\nok\r\n0\r\n\r\n",
        "0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        "2\nok\n0\n\n",
    ]);
    (prop::collection::vec((line, end), 0..4), body).prop_map(|(lines, body)| {
        let lines: String = lines
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect();
        format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
    })
}

/// Is this exactly one request with one unambiguous framing, or the beginning of one?
fn assert_one_well_formed_request(seen: &str) {
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(
        !head.replace("\r\n", "").contains(['\r', '\n', '\0']),
        "{seen:?}"
    );
    let count = |name: &str| {
        head.split("\r\n")
            .filter(|line| line.to_lowercase().starts_with(name))
            .count()
    };
    let (lengths, codings) = (count("content-length:"), count("transfer-encoding:"));
    assert_eq!(
        (count("host:"), lengths + codings <= 1),
        (1, true),
        "{seen:?}"
    );
    if codings == 1 {
        assert!(head.contains("transfer-encoding: chunked"), "{seen:?}");
        assert!(
            body.find("0\r\n\r\n").is_none_or(|at| at + 5 == body.len()),
            "{seen:?}"
        );
    } else {
        let line = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = line.map_or(0, |length| length.parse().unwrap());
        assert!(body.len() <= length, "{seen:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_app_sees_one_well_formed_request_or_none(request in odd_request()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::with(|config| config.upstream.request_body.idle = std::time::Duration::from_millis(50)).await;
            let mut client = rig.client_sending(&request).await;
            client.finish_writing().await;
            let mut app = tokio::select! {
                app = rig.app() => app,
                _ = client.rest() => return,
            };
            app.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            let (_, seen) = tokio::join!(client.rest(), async {
                app.finish_writing().await;
                app.rest().await
            });
            if !seen.is_empty() {
                assert_one_well_formed_request(&seen);
            }
        });
    }
}
