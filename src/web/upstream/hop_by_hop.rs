//! Which header lines belong to one connection and never cross to the next.

use http::header::{CONNECTION, HeaderMap, HeaderName};

/// True for names that end at the next hop (RFC 9110 section 7.6.1), and for what proxies and their
/// clients tell each other. `Proxy` itself becomes `HTTP_PROXY` in CGI programs (CVE-2016-5385).
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "proxy"
    ) || name.starts_with("proxy-")
}

/// The names that `Connection` lines nominate to end here as well.
pub(crate) fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .collect()
}

/// True when a `Connection` line holds `option`.
pub(crate) fn has_option(headers: &HeaderMap, option: &str) -> bool {
    nominated(headers).iter().any(|name| name == option)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn connection_headers_end_here() {
        for name in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "proxy-authenticate",
            "proxy",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
        ] {
            assert!(is_hop_by_hop(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "accept",
            "authorization",
            "www-authenticate",
            "test",
            "proxied",
        ] {
            assert!(!is_hop_by_hop(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn nominations_of_all_lines_count() {
        let mut headers = HeaderMap::new();
        for line in ["close, X-One ,", "x-two,bad name,,\"q\"", "\u{e9}, x-three"] {
            headers.append(
                CONNECTION,
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        assert_eq!(nominated(&headers), ["close", "x-one", "x-two", "x-three"]);
        assert!(has_option(&headers, "x-two"));
        assert!(!has_option(&headers, "upgrade"));
    }
}
