//! The harness itself, where a mistake would make other tests blind.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use harness::app::{App, Seen, accept_key};
use harness::authenticator::{Authenticator, PERIOD};
use harness::browser::{Browser, Reply};

#[test]
fn codes_follow_rfc_6238() {
    // RFC 6238, appendix B, SHA-1, the last six of eight digits.
    let app = Authenticator::new("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    let vectors = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (20_000_000_000, "353130"),
    ];
    for (second, code) in vectors {
        assert_eq!(app.code_of(second / PERIOD), code);
    }
}

#[test]
fn no_step_is_used_twice() {
    let mut app = Authenticator::new("GEZDGNBVGY3TQOJQ");
    let first = (app.code(), app.newest_step());
    let second = (app.code(), app.newest_step());
    assert!(first.1 < second.1);
    assert_eq!(app.spent_code(), second.0);
}

#[test]
fn a_chunked_answer_is_read_whole() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    assert_eq!(Reply::parse("/", bytes).text(), "abcde");
}

#[test]
fn a_form_is_found_by_its_fields() {
    let page = "HTTP/1.1 200 OK\r\n\r\n<form action=\"/out\"><button>x</button></form>\
        <form method=\"post\" action=\"/in?a=1&amp;b=2\"><input type=\"hidden\" name=\"csrf\" value=\"a&quot;b\">\
        <input name=\"code\"><input type=\"checkbox\" name=\"kept\"><button name=\"do\"></form>";
    let form = Reply::parse("/", page.as_bytes()).form(&["code"]);
    assert_eq!(form.action.as_deref(), Some("/in?a=1&b=2"));
    let text = |(name, value): &(String, String)| format!("{name}={value}");
    let filled: Vec<String> = form.filled.iter().map(text).collect();
    assert_eq!(filled, ["csrf=a\"b", "code="]);
    assert_eq!(form.names, ["csrf", "code", "kept", "do"]);
}

#[test]
fn the_handshake_answer_is_that_of_the_rfc() {
    // RFC 6455, section 1.3.
    assert_eq!(
        accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[test]
fn the_app_answers_with_what_it_received() {
    let app = App::start();
    let mut browser = Browser::new(app.address(), "app.localhost").with_header("X-Twice", "a");
    let reply = browser.send(
        "PUT",
        "/a?b=c",
        &[("X-Twice", "b"), ("Content-Length", "3")],
        b"abc",
    );
    let seen: Seen = serde_json::from_value(reply.json()).unwrap();
    assert_eq!(app.seen(), std::slice::from_ref(&seen));
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str(), seen.body_length),
        ("PUT", "/a?b=c", 3)
    );
    assert_eq!(seen.all("x-twice"), ["a", "b"]);
}
