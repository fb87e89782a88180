//! Which header lines of an answer reach the client: what is the app's to say, as the app said it.

use crate::harness::HOST;
use crate::wire::{Answer, Head};
use crate::{Door, get};

/// The answer to a request when the app sends a head with these lines.
fn told(door: &Door, lines: &str) -> Head {
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send(format!(
        "HTTP/1.1 200 OK\r\n{lines}\r\nContent-Length: 0\r\n\r\n"
    ));
    let answer: Answer = client.answer("GET");
    assert_eq!((answer.status(), answer.whole), (200, true), "{lines:?}");
    app.finish();
    app.closes();
    answer.head
}

/// The lines beside those that every answer has.
fn lines(head: &Head) -> Vec<String> {
    let every = ["content-length", "date", "x-request-id"];
    let own = head
        .lines
        .iter()
        .filter(|(name, _)| !every.contains(&name.as_str()));
    own.map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn what_the_app_says_is_passed_on_as_it_said_it() {
    let door = Door::open();
    for line in [
        "location: http://other.example/a%2Fb?c#d",
        "location: //evil.example/",
        "www-authenticate: Basic realm=\"app\"",
        "allow: GET, POST",
        "etag: W/\"a\"",
        "server: app/1",
        "content-encoding: br",
        "content-type: text/html",
        "vary: *",
        "cache-control: public, max-age=600",
        "refresh: 5",
        "accept-ranges: bytes",
        "content-disposition: attachment; filename=\"a.txt\"",
        "strict-transport-security: max-age=1",
        "x-empty:",
        "x-under_score: 1",
        "via: 1.1 cache",
        "retry-after: 5",
    ] {
        assert_eq!(
            lines(&told(&door, line)),
            [line
                .strip_suffix(':')
                .map_or(line.to_owned(), |name| format!("{name}: "))]
        );
    }
}

#[test]
fn what_ends_at_one_hop_ends_here() {
    let door = Door::open();
    for line in [
        "Connection: X-One, x-TWO\r\nX-One: 1\r\nX-Two: 2",
        "Connection: keep-alive\r\nKeep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authenticate: Basic",
        "Proxy-Authentication-Info: x",
        "TE: trailers",
        "Trailer: X-T",
        "Upgrade: h2c",
        "Upgrade: websocket",
        "HTTP2-Settings: AAA",
    ] {
        assert_eq!(lines(&told(&door, line)), [""; 0], "{line:?}");
    }
}

#[test]
fn nobody_speaks_in_our_name() {
    let door = Door::open();
    for line in [
        "X-Vestibule-Assertion: x",
        "x_vestibule_assertion: x",
        "X-VESTIBULE-Anything: x",
        "X-Accel-Redirect: /etc/passwd",
        "X-Accel-Buffering: no",
        "X_Accel_Redirect: /etc/passwd",
    ] {
        assert_eq!(lines(&told(&door, line)), [""; 0], "{line:?}");
    }
}

/// `Set-Cookie` lines that a browser, or we, would take for one of our cookies.
const OURS: &[&str] = &[
    "NAME=x",
    "NAME=",
    "NAME",
    "NAME=x; Path=/; Secure; HttpOnly",
    "NAME=x; Domain=localhost",
    " NAME=x",
    "\tNAME=x",
    "NAME =x",
    "=NAME=x",
    "= NAME=x",
    "==NAME=x",
    " = \t NAME=x",
    "NAME\t=x",
    "NAME-login=x",
    "NAME-device=x",
    "NAME-csrf=x",
    ";NAME=x",
];

#[test]
fn an_app_cannot_set_our_cookies_in_any_spelling() {
    for (top, name) in [
        ("", "vestibule"),
        (
            "public_url = \"https://app.localhost\"\ntrusted_proxies = [\"127.0.0.1\"]",
            "__Host-vestibule",
        ),
    ] {
        let door = Door::configured(top, "", "");
        for spelling in OURS {
            for name in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
                let line = format!("Set-Cookie: {}", spelling.replace("NAME", &name));
                let head = told(
                    &door,
                    &format!("Set-Cookie: a=1\r\n{line}\r\nSet-Cookie: b=2"),
                );
                let kept = head.all("set-cookie");
                assert!(
                    kept == ["a=1", "b=2"] || kept == ["a=1", spelling_without_name(&line), "b=2"],
                    "{line:?}: {kept:?}"
                );
            }
        }
        door.gate.wait_for("cookie-overwrite");
    }
}

/// A line whose name is empty and that carries an attribute only is a cookie of nobody.
fn spelling_without_name(line: &str) -> &str {
    let value = line.trim_start_matches("Set-Cookie:").trim();
    if value.starts_with(';') {
        value
    } else {
        "none"
    }
}

#[test]
fn the_apps_own_cookies_stay_as_many_lines_as_they_were() {
    let door = Door::open();
    let own = [
        "a=1; Path=/",
        "a=2; Path=/x, comma",
        "b=vestibule=x",
        "session=\"quoted, value\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "my-vestibule=1",
        "__Host-app=1; Path=/; Secure",
    ];
    let text: Vec<String> = own
        .iter()
        .map(|line| format!("Set-Cookie: {line}"))
        .collect();
    assert_eq!(told(&door, &text.join("\r\n")).all("set-cookie"), own);
}

#[test]
fn an_answer_without_a_date_gets_one_and_one_with_a_date_keeps_it() {
    let door = Door::open();
    let date = told(&door, "X: 1")
        .one("date")
        .map(str::to_owned)
        .expect("a date");
    assert!(date.ends_with(" GMT"), "{date}");
    let own = "Tue, 15 Nov 1994 08:12:31 GMT";
    assert_eq!(told(&door, &format!("Date: {own}")).one("date"), Some(own));
    assert_eq!(told(&door, "X: 1").one("server"), None);
}

#[test]
fn odd_bytes_in_a_value_arrive_as_they_were() {
    let door = Door::open();
    let (mut client, mut app) = door.exchange(&get("/"));
    app.send(b"HTTP/1.1 200 OK\r\nX: a\xffb\xe9\tc\r\nContent-Length: 0\r\n\r\n");
    let raw = {
        let text = client.head().text();
        assert!(text.contains("x: a\u{fffd}b\u{fffd}\tc"), "{text:?}");
        text
    };
    assert!(raw.starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn ranges_and_codings_are_between_the_client_and_the_app() {
    let door = Door::open();
    let mut client = door.client_sending(format!(
        "GET /big HTTP/1.1\r\nHost: {HOST}\r\nRange: bytes=0-1,4-5\r\nIf-Range: \"e\"\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n"
    ));
    let mut app = door.app.connection();
    let head = app.head();
    assert_eq!(
        ["range", "if-range", "accept-encoding"].map(|name| head.one(name)),
        ["bytes=0-1,4-5", "\"e\"", "br, gzip;q=0.5"].map(Some)
    );
    let body = "--x\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--x--";
    app.send(format!(
        "HTTP/1.1 206 Partial\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Encoding: br\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = client.answer("GET");
    assert_eq!((answer.status(), answer.text().as_str()), (206, body));
    assert_eq!(
        ["content-type", "content-encoding"].map(|name| answer.head.one(name)),
        ["multipart/byteranges; boundary=x", "br"].map(Some)
    );
}

#[test]
fn our_own_answers_to_head_are_those_to_get_without_their_bodies() {
    let door = Door::open();
    for path in [
        "/_vestibule/login",
        "/_vestibule/jwks.json",
        "/_vestibule/nothing",
        "/_vestibule/whoami",
    ] {
        let mut client = door.client_sending(get(path));
        let whole = client.answer("GET");
        client.send(get(path).replace("GET", "HEAD"));
        let head = client.answer("HEAD");
        assert_eq!(
            (head.status(), head.body.len()),
            (whole.status(), 0),
            "{path}"
        );
        // The next answer begins where it should.
        client.send(get(path));
        assert_eq!(client.answer("GET").status(), whole.status(), "{path}");
    }
    door.app.saw_no_more();
}
