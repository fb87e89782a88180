//! Is this one well-framed request, in a method and version that we speak?
//!
//! What the parser below would repair silently (a bare line feed, equal doubled lengths, a length next to
//! chunks) never reaches it: [`server`](crate::server) looks at the bytes first, by the same rules.

use crate::web::request::Refusal;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, MAX_FORWARDS,
    TRANSFER_ENCODING,
};
use http::{Method, Version};

/// WebDAV and its extensions (RFC 3253, 3648, 3744, 4791, 4918, 5323, 5842).
const WEBDAV: &[&str] = &[
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLOCK",
    "UPDATE",
    "VERSION-CONTROL",
];

/// Checks the method: tunnels and echoes are 405, what nobody knows is 501 (RFC 9110 section 9.1).
pub(crate) fn check_method(method: &Method) -> Result<(), Refusal> {
    const STANDARD: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ];
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        Err(Refusal::Method)
    } else if STANDARD.contains(method) || WEBDAV.contains(&method.as_str()) {
        Ok(())
    } else {
        Err(Refusal::UnknownMethod)
    }
}

/// Checks everything about a head that is not its target.
pub(crate) fn check(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    if !matches!(version, Version::HTTP_10 | Version::HTTP_11) {
        return Err(Refusal::Version);
    }
    for name in headers.keys() {
        check_spelling(name)?;
    }
    check_length(headers)?;
    check_transfer_encoding(version, headers)?;
    check_expect(headers)?;
    check_connection(headers)?;
    match headers.get(AUTHORIZATION) {
        // Read by gate and app alike: bytes outside ASCII would be read in two ways.
        Some(value) if value.to_str().is_err() => Err(Refusal::Authorization),
        _ => Ok(()),
    }
}

/// `Content_Length` is a framing header for servers that fold `_`, or every sign, to `-`; no honest client sends it.
fn check_spelling(name: &HeaderName) -> Result<(), Refusal> {
    let name = name.as_str();
    let passes_for = |real: &str| {
        let is_alike = |(a, b): (u8, u8)| a == b || b == b'-' && !a.is_ascii_alphanumeric();
        name.len() == real.len() && name != real && name.bytes().zip(real.bytes()).all(is_alike)
    };
    if passes_for("content-length") || passes_for("transfer-encoding") {
        return Err(Refusal::FramingSpelling);
    }
    Ok(())
}

/// At most one line, and never next to chunks.
fn check_length(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() || first.is_some() && headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::ContentLength);
    }
    match first.map(|value| length(value.as_bytes())) {
        Some(None) => Err(Refusal::ContentLength),
        Some(Some(_)) | None => Ok(()),
    }
}

/// The value of `Content-Length`: decimal digits without a leading zero, below 10^19 (RFC 9110 section 8.6).
pub(crate) fn length(value: &[u8]) -> Option<u64> {
    let canonical = matches!(value, [b'0'] | [b'1'..=b'9', ..])
        && value.len() <= 19
        && value.iter().all(u8::is_ascii_digit);
    let digits = value.iter().map(|digit| u64::from(digit - b'0'));
    canonical.then(|| digits.fold(0, |length, digit| length * 10 + digit))
}

/// Exactly one line that says `chunked`, or none (RFC 9112 section 6.1).
fn check_transfer_encoding(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let lines = headers.get_all(TRANSFER_ENCODING);
    for line in &lines {
        coding(line.as_bytes())?;
    }
    match lines.iter().count() {
        0 => Ok(()),
        1 if version == Version::HTTP_11 => Ok(()),
        _ => Err(Refusal::TransferEncoding),
    }
}

/// A line of `Transfer-Encoding` must say `chunked` and nothing else.
pub(crate) fn coding(value: &[u8]) -> Result<(), Refusal> {
    if value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let known = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"chunked")
    };
    if value.split(|b| *b == b',').all(known) {
        Err(Refusal::TransferEncoding)
    } else {
        Err(Refusal::UnknownTransferEncoding)
    }
}

fn check_expect(headers: &HeaderMap) -> Result<(), Refusal> {
    let only_continue = headers
        .get_all(EXPECT)
        .iter()
        .all(|line| line.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if only_continue {
        Ok(())
    } else {
        Err(Refusal::Expect)
    }
}

/// A client may not have a header removed on whose presence a decision depends (P-031).
fn check_connection(headers: &HeaderMap) -> Result<(), Refusal> {
    let protected = |name: &str| {
        name.starts_with("content-")
            || name.starts_with("sec-")
            || matches!(
                name,
                "host"
                    | "transfer-encoding"
                    | "authorization"
                    | "cookie"
                    | "origin"
                    | "referer"
                    | "expect"
                    | "max-forwards"
                    | "via"
                    | "connection"
            )
    };
    for line in headers.get_all(CONNECTION) {
        let text = line.to_str().map_err(|_| Refusal::Connection)?;
        for option in text.split(',') {
            if protected(&option.trim().to_ascii_lowercase().replace('_', "-")) {
                return Err(Refusal::Connection);
            }
        }
    }
    Ok(())
}

/// The one `Host` line that every request must have (RFC 9112 section 3.2).
pub(crate) fn host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Refusal::Host),
        (None, _) => Err(Refusal::NoHost),
        (Some(_), Some(_)) => Err(Refusal::DoubledHost),
    }
}

/// How often `OPTIONS` may still be passed on (RFC 9110 section 7.6.2).
pub(crate) fn max_forwards(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let mut lines = headers.get_all(MAX_FORWARDS).iter();
    let (first, second) = (lines.next(), lines.next());
    let Some(value) = first else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number && second.is_none() => Ok(Some(number)),
        _ => Err(Refusal::MaxForwards),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    fn checked(lines: &[(&str, &str)]) -> Result<(), Refusal> {
        check(Version::HTTP_11, &headers(lines))
    }

    #[test]
    fn methods_are_case_sensitive_and_listed() {
        for (method, expected) in [
            ("GET", Ok(())),
            ("PATCH", Ok(())),
            ("PROPFIND", Ok(())),
            ("MKCALENDAR", Ok(())),
            ("CONNECT", Err(Refusal::Method)),
            ("TRACE", Err(Refusal::Method)),
            ("get", Err(Refusal::UnknownMethod)),
            ("G#T", Err(Refusal::UnknownMethod)),
            ("PRI", Err(Refusal::UnknownMethod)),
            ("TRACK", Err(Refusal::UnknownMethod)),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(check_method(&method), expected, "{method}");
        }
    }

    #[test]
    fn only_http_1_0_and_1_1_are_spoken() {
        for (version, expected) in [
            (Version::HTTP_09, Err(Refusal::Version)),
            (Version::HTTP_10, Ok(())),
            (Version::HTTP_11, Ok(())),
            (Version::HTTP_2, Err(Refusal::Version)),
        ] {
            assert_eq!(check(version, &HeaderMap::new()), expected, "{version:?}");
        }
    }

    #[test]
    fn a_length_has_one_spelling() {
        for good in ["0", "1", "10", "9223372036854775807"] {
            assert_eq!(checked(&[("content-length", good)]), Ok(()), "{good}");
        }
        for bad in [
            "",
            "00",
            "0001",
            "010",
            "+1",
            "-1",
            "0x1",
            "1_0",
            "1Z",
            "1 1",
            "1, 1",
            "1,",
            "18446744073709551616",
            "\u{b2}",
        ] {
            assert_eq!(
                checked(&[("content-length", bad)]),
                Err(Refusal::ContentLength),
                "{bad}"
            );
        }
        for lines in [
            [("content-length", "1"), ("content-length", "1")],
            [("content-length", "1"), ("transfer-encoding", "chunked")],
        ] {
            assert_eq!(checked(&lines), Err(Refusal::ContentLength), "{lines:?}");
        }
    }

    #[test]
    fn chunked_is_the_only_transfer_encoding() {
        for good in ["chunked", "Chunked", "CHUNKED"] {
            assert_eq!(checked(&[("transfer-encoding", good)]), Ok(()), "{good}");
        }
        for bad in ["", ",chunked", "chunked,", "chunked, chunked", ", ,"] {
            assert_eq!(
                checked(&[("transfer-encoding", bad)]),
                Err(Refusal::TransferEncoding),
                "{bad}"
            );
        }
        for unknown in [
            "gzip",
            "gzip, chunked",
            "identity",
            "xchunked",
            "chunked;q=1",
            "identity,chunked",
        ] {
            assert_eq!(
                checked(&[("transfer-encoding", unknown)]),
                Err(Refusal::UnknownTransferEncoding),
                "{unknown}"
            );
        }
        assert_eq!(
            checked(&[
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "chunked")
            ]),
            Err(Refusal::TransferEncoding)
        );
        assert_eq!(
            checked(&[
                ("transfer-encoding", "identity"),
                ("transfer-encoding", "chunked")
            ]),
            Err(Refusal::UnknownTransferEncoding)
        );
        assert_eq!(
            check(
                Version::HTTP_10,
                &headers(&[("transfer-encoding", "chunked")])
            ),
            Err(Refusal::TransferEncoding)
        );
    }

    #[test]
    fn framing_names_in_other_spellings_are_refused() {
        for name in [
            "content_length",
            "transfer_encoding",
            "Content_Length",
            "content.length",
        ] {
            assert_eq!(
                checked(&[(name, "1")]),
                Err(Refusal::FramingSpelling),
                "{name}"
            );
        }
        assert_eq!(checked(&[("content_type", "x")]), Ok(()));
    }

    #[test]
    fn only_a_continue_can_be_expected() {
        assert_eq!(checked(&[("expect", "100-Continue")]), Ok(()));
        for bad in ["other", "100-continue, other", ""] {
            assert_eq!(checked(&[("expect", bad)]), Err(Refusal::Expect), "{bad}");
        }
    }

    #[test]
    fn a_client_may_not_nominate_what_decisions_rest_on() {
        for good in [
            "close",
            "keep-alive, Upgrade",
            "TE",
            "X-Forwarded-For",
            "X-Vestibule-Assertion",
            "",
            ",",
        ] {
            assert_eq!(checked(&[("connection", good)]), Ok(()), "{good}");
        }
        for bad in [
            "Host",
            "close, Content-Length",
            "transfer-encoding",
            "Transfer_Encoding",
            "Cookie",
            "authorization",
            "Origin",
            "Sec-Fetch-Site",
            "\u{e9}",
        ] {
            assert_eq!(
                checked(&[("connection", bad)]),
                Err(Refusal::Connection),
                "{bad}"
            );
        }
    }

    #[test]
    fn credentials_are_ascii() {
        assert_eq!(checked(&[("authorization", "Basic YTpi")]), Ok(()));
        assert_eq!(
            checked(&[("authorization", "Basic \u{e9}")]),
            Err(Refusal::Authorization)
        );
        assert_eq!(checked(&[("x-other", "\u{e9}")]), Ok(()));
    }

    #[test]
    fn there_is_exactly_one_host() {
        assert_eq!(host(&headers(&[("host", "a")])), Ok("a"));
        assert_eq!(host(&headers(&[])), Err(Refusal::NoHost));
        assert_eq!(
            host(&headers(&[("host", "a"), ("host", "a")])),
            Err(Refusal::DoubledHost)
        );
        assert_eq!(
            host(&headers(&[("host", "b\u{fc}cher")])),
            Err(Refusal::Host)
        );
    }

    #[test]
    fn max_forwards_is_a_number() {
        assert_eq!(max_forwards(&headers(&[])), Ok(None));
        assert_eq!(
            max_forwards(&headers(&[("max-forwards", "7")])),
            Ok(Some(7))
        );
        for bad in ["", "x", "+1", "-1", "1.0", "99999999999999999999"] {
            assert_eq!(
                max_forwards(&headers(&[("max-forwards", bad)])),
                Err(Refusal::MaxForwards),
                "{bad}"
            );
        }
    }
}
