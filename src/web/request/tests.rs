use crate::authz::target::Scheme;
use crate::web::request::{Connection, Inbound, Peer, Refusal, Settings, Trust};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, StatusCode, Version};
use proptest::prelude::*;

fn parts(method: &str, uri: &str, lines: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    request.body(()).unwrap().into_parts().0
}

fn from(peer: &str) -> Connection {
    Connection {
        peer: Peer::Ip(peer.parse().unwrap()),
        scheme: Scheme::Http,
        slot: None,
    }
}

fn settings() -> Settings {
    Settings {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..Settings::default()
    }
}

fn read(method: &str, uri: &str, lines: &[(&str, &str)]) -> Result<Inbound, Refusal> {
    Inbound::read(&parts(method, uri, lines), &from("9.9.9.9"), &settings())
}

fn url(read: Result<Inbound, Refusal>) -> Result<String, Refusal> {
    read.map(|inbound| inbound.target().url().to_owned())
}

#[test]
fn any_line_of_early_data_counts() {
    let early = |lines: &[(&str, &str)]| {
        let host = ("host", "a");
        let lines: Vec<_> = [host].iter().chain(lines).copied().collect();
        read("GET", "/", &lines).map(|inbound| inbound.is_early())
    };
    let line = ("early-data", "1");
    for lines in [
        &[line][..],
        &[line, line],
        &[("early-data", "0")],
        &[("early-data", "")],
        &[line, ("connection", "early-data")],
    ] {
        assert_eq!(early(lines), Ok(true), "{lines:?}");
    }
    assert_eq!(early(&[]), Ok(false));
    assert_eq!(early(&[("connection", "early-data")]), Ok(false));
}

#[test]
fn the_target_comes_from_the_request_line_and_the_host() {
    for (method, uri, host, expected) in [
        ("GET", "/x?y", "A.example.:80", Ok("http://a.example/x?y")),
        ("GET", "http://B/x", "a", Ok("http://b/x")),
        ("GET", "http://b", "a", Ok("http://b/")),
        ("GET", "http://b?q", "a", Ok("http://b/?q")),
        ("OPTIONS", "/x", "a", Ok("http://a/x")),
        ("OPTIONS", "*", "a", Err(Refusal::ServerOptions)),
        ("OPTIONS", "*", "a b", Err(Refusal::Host)),
        ("GET", "*", "a", Err(Refusal::TargetForm)),
        ("GET", "a", "a", Err(Refusal::TargetForm)),
        ("GET", "a:80", "a", Err(Refusal::TargetForm)),
        ("GET", "https://b/x", "a", Err(Refusal::TargetScheme)),
        ("GET", "ftp://b/x", "a", Err(Refusal::TargetScheme)),
        ("GET", "ws://b/x", "a", Err(Refusal::TargetScheme)),
        ("GET", "http://u@b/x", "a", Err(Refusal::TargetAuthority)),
        ("GET", "http://u:p@b/x", "a", Err(Refusal::TargetAuthority)),
        ("GET", "http://b/x", "a b", Err(Refusal::Host)),
        ("GET", "http://b/%00", "a", Err(Refusal::Path)),
        ("GET", "/x", "", Err(Refusal::Host)),
        ("GET", "/x", "a b", Err(Refusal::Host)),
        ("GET", "/x", "u@a", Err(Refusal::Host)),
        ("GET", "/x", "a/evil", Err(Refusal::Host)),
        ("GET", "/x", "a, b", Err(Refusal::Host)),
        ("GET", "/x", "b\u{fc}cher", Err(Refusal::Host)),
        ("GET", "/x", "a:99999", Err(Refusal::Host)),
        ("GET", "/%", "a", Err(Refusal::Path)),
        ("CONNECT", "a:443", "a", Err(Refusal::Method)),
        ("TRACE", "/", "a", Err(Refusal::Method)),
        ("get", "/", "a", Err(Refusal::UnknownMethod)),
    ] {
        let read = read(method, uri, &[("host", host)]);
        assert_eq!(
            url(read),
            expected.map(str::to_owned),
            "{method} {uri} {host}"
        );
    }
}

#[test]
fn there_is_exactly_one_host() {
    assert_eq!(url(read("GET", "/", &[])), Err(Refusal::NoHost));
    assert_eq!(url(read("GET", "http://a/", &[])), Err(Refusal::NoHost));
    let twice = read("GET", "/", &[("host", "a"), ("host", "a")]);
    assert_eq!(url(twice), Err(Refusal::DoubledHost));
}

#[test]
fn http_1_0_needs_a_host_as_well() {
    for (lines, expected) in [
        (&[][..], Err(Refusal::NoHost)),
        (&[("host", "a")], Ok("http://a/".to_owned())),
    ] {
        let mut parts = parts("GET", "/", lines);
        parts.version = Version::HTTP_10;
        assert_eq!(
            url(Inbound::read(&parts, &from("9.9.9.9"), &settings())),
            expected
        );
    }
}

#[test]
fn only_a_trusted_proxy_is_believed() {
    let lines = [
        ("host", "a"),
        ("x-forwarded-for", "6.6.6.6, 1.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "abcdef-123"),
    ];
    let parts = parts("GET", "/", &lines);
    let of_proxy = Inbound::read(&parts, &from("10.0.0.1"), &settings()).unwrap();
    assert_eq!(of_proxy.trust(), Trust::Proxy);
    assert_eq!(of_proxy.client().to_string(), "1.1.1.1");
    assert_eq!(of_proxy.target().origin(), "https://a");
    assert_eq!(of_proxy.id().as_str(), "abcdef-123");
    let of_stranger = Inbound::read(&parts, &from("9.9.9.9"), &settings()).unwrap();
    assert_eq!(of_stranger.trust(), Trust::Stranger);
    assert_eq!(of_stranger.client().to_string(), "9.9.9.9");
    assert_eq!(of_stranger.target().origin(), "http://a");
    assert_ne!(of_stranger.id().as_str(), "abcdef-123");
}

#[test]
fn a_proxys_nonsense_about_the_scheme_is_refused() {
    let parts = parts("GET", "/", &[("host", "a"), ("x-forwarded-proto", "on")]);
    let read = Inbound::read(&parts, &from("10.0.0.1"), &settings());
    assert_eq!(url(read), Err(Refusal::ForwardedProto));
    assert!(Inbound::read(&parts, &from("9.9.9.9"), &settings()).is_ok());
}

#[test]
fn no_proxy_hands_an_absolute_target_on() {
    let parts = parts("GET", "http://a/", &[("host", "a")]);
    let read = |peer| url(Inbound::read(&parts, &from(peer), &settings()));
    assert_eq!(read("10.0.0.1"), Err(Refusal::TargetForm));
    assert_eq!(read("9.9.9.9"), Ok("http://a/".to_owned()));
}

#[test]
fn a_request_id_of_a_proxy_is_one_short_safe_token() {
    let long = "a".repeat(65);
    for (lines, kept) in [
        (&["0123456789abcdef"][..], true),
        (&["a.b-c_d.e"], true),
        (&["short"], false),
        (&[&long], false),
        (&["has space in it"], false),
        (&["<script>alert"], false),
        (&["12345678", "12345678"], false),
    ] {
        let mut parts = parts("GET", "/", &[("host", "a")]);
        for line in lines {
            parts.headers.append("x-request-id", line.parse().unwrap());
        }
        let id = Inbound::read(&parts, &from("10.0.0.1"), &settings())
            .unwrap()
            .id()
            .clone();
        assert_eq!(id.as_str() == lines[0], kept, "{lines:?}");
    }
}

#[test]
fn generated_ids_differ() {
    let id = || read("GET", "/", &[("host", "a")]).unwrap().id().clone();
    assert_ne!(id(), id());
    assert_eq!(id().as_str().len(), 32);
}

#[test]
fn options_count_down_their_forwards() {
    for (method, value, expected) in [
        ("OPTIONS", "0", Ok(Some(0))),
        ("OPTIONS", "3", Ok(Some(3))),
        ("OPTIONS", "x", Err(Refusal::MaxForwards)),
        ("GET", "0", Ok(None)),
    ] {
        let read = read(method, "/", &[("host", "a"), ("max-forwards", value)]);
        assert_eq!(
            read.map(|inbound| inbound.max_forwards()),
            expected,
            "{method} {value}"
        );
    }
}

#[test]
fn a_head_is_bounded_in_lines_bytes_and_target() {
    let mut many = parts("GET", "/", &[("host", "a")]);
    for _ in 0..99 {
        many.headers.append("x", HeaderValue::from_static("1"));
    }
    let read_parts = |parts: &Parts| url(Inbound::read(parts, &from("9.9.9.9"), &settings()));
    assert!(read_parts(&many).is_ok());
    many.headers.append("x", HeaderValue::from_static("1"));
    assert_eq!(read_parts(&many), Err(Refusal::HeadTooLarge));
    let big = "x".repeat(32 * 1024 - 20);
    assert!(read("GET", "/", &[("host", "a"), ("x", &big)]).is_ok());
    let bigger = "x".repeat(32 * 1024);
    assert_eq!(
        url(read("GET", "/", &[("host", "a"), ("x", &bigger)])),
        Err(Refusal::HeadTooLarge)
    );
    let long = format!("/{}", "a".repeat(8000));
    assert!(read("GET", &long, &[("host", "a")]).is_ok());
    let longer = format!("/{}", "a".repeat(16 * 1024));
    assert_eq!(
        url(read("GET", &longer, &[("host", "a")])),
        Err(Refusal::TargetTooLong)
    );
}

#[test]
fn framing_and_cookies_are_checked_on_the_way_in() {
    for (name, value, expected) in [
        ("transfer-encoding", ",chunked", Refusal::TransferEncoding),
        ("content-length", "01", Refusal::ContentLength),
        ("content_length", "1", Refusal::FramingSpelling),
        ("connection", "cookie", Refusal::Connection),
        ("expect", "tea", Refusal::Expect),
        ("cookie", "\u{e9}=1", Refusal::CookieName),
    ] {
        assert_eq!(
            url(read("POST", "/", &[("host", "a"), (name, value)])),
            Err(expected),
            "{name}"
        );
    }
}

#[test]
fn answers_say_what_they_must() {
    let completed = |refusal: Refusal| {
        let mut headers = HeaderMap::new();
        refusal.complete(&mut headers);
        let get = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        (refusal.status(), get("allow").is_some(), get("connection"))
    };
    let close = Some("close".to_owned());
    assert_eq!(
        completed(Refusal::ServerOptions),
        (StatusCode::NO_CONTENT, true, None)
    );
    assert_eq!(
        completed(Refusal::Method),
        (StatusCode::METHOD_NOT_ALLOWED, true, close.clone())
    );
    assert_eq!(
        completed(Refusal::Path),
        (StatusCode::BAD_REQUEST, false, close)
    );
}

proptest! {
    #[test]
    fn reading_never_panics(
        uri in "[!-~]{1,40}",
        lines in prop::collection::vec(("[a-z_-]{1,20}", prop::collection::vec(any::<u8>(), 0..30)), 0..6),
        host in "[ -~]{0,20}",
    ) {
        let Ok(request) = Request::builder().uri(uri).header("host", &host).body(()) else { return Ok(()) };
        let mut parts = request.into_parts().0;
        for (name, value) in lines {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value)) {
                parts.headers.append(name, value);
            }
        }
        for peer in ["9.9.9.9", "10.0.0.1"] {
            let _ = Inbound::read(&parts, &from(peer), &settings());
        }
    }

    #[test]
    fn what_is_judged_is_what_came(path in "/[!-~]{0,40}") {
        let Ok(request) = Request::builder().uri(&path).header("host", "a").body(()) else { return Ok(()) };
        let parts = request.into_parts().0;
        if let Ok(inbound) = Inbound::read(&parts, &from("9.9.9.9"), &settings()) {
            prop_assert_eq!(inbound.target().path_and_query(), parts.uri.path_and_query().unwrap().as_str());
        }
    }
}
