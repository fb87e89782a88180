//! What a trusted proxy in front of us says about the client.
//!
//! Nobody else is believed: from any other peer these headers are as good as absent. Only `X-Forwarded-For`,
//! `X-Forwarded-Proto` and `X-Request-Id` are read; `Forwarded` (RFC 7239) never, so that
//! two sources cannot contradict each other.

use crate::authz::target::Scheme;
use crate::web::request::{Peer, Refusal};
use http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A client of whom nothing is known. No rule for networks opens anything to it, whatever they are
/// ([`Rules`](crate::authz::rule::Rules)).
const UNKNOWN: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// True when `peer` may say who the client is.
///
/// A Unix socket's peer is a proxy on this machine that the socket's file mode has let in.
#[must_use]
pub fn trusts(trusted: &[IpNet], peer: Peer) -> bool {
    match peer {
        Peer::Ip(address) => contains(trusted, address),
        Peer::Unix { uid: _ } => true,
    }
}

fn contains(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// The way of a request to us: the client first, then every proxy that we trust.
///
/// Walks `X-Forwarded-For` from the right as long as the addresses are trusted proxies; the first one that is not
/// is the client. What stands further left anyone can have written. Behind an element that is no address (`unknown`,
/// nginx's `unix:`, nothing at all) stands a client of whom nothing is known, `::`: the proxy that wrote it speaks of
/// somebody else, so its own address is never the client's.
#[must_use]
pub fn route(headers: &HeaderMap, peer: Peer, trusted: &[IpNet]) -> Vec<IpAddr> {
    let mut hops = match peer {
        Peer::Ip(address) => vec![address],
        Peer::Unix { uid: _ } => vec![],
    };
    if trusts(trusted, peer) {
        for element in elements_from_the_right(headers) {
            let address = parse_address(element).unwrap_or(UNKNOWN);
            hops.push(address);
            if address.is_unspecified() || !contains(trusted, address) {
                break;
            }
        }
    }
    if hops.is_empty() {
        // A local proxy that named nobody.
        hops.push(UNKNOWN);
    }
    hops.reverse();
    hops
}

/// All elements of all `X-Forwarded-For` lines as one list (RFC 9110 section 5.3), last one first.
fn elements_from_the_right(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    lines.into_iter().rev().flat_map(|line| {
        // A line that is not ASCII counts as one bad element, which ends the walk.
        line.to_str().unwrap_or("?").rsplit(',').map(str::trim)
    })
}

/// An address as proxies write it: bare, with a port, in brackets, with a zone.
fn parse_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .and_then(|(inner, after)| is_port(after).then_some(inner))?,
        None => text,
    };
    let address = inner
        .split_once('%')
        .map_or(inner, |(address, _zone)| address);
    let address: Ipv6Addr = address.parse().ok()?;
    Some(IpAddr::V6(address).to_canonical())
}

/// Nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The scheme that the browser used, from a trusted proxy's `X-Forwarded-Proto`; `None` when it says nothing.
///
/// Of several values the last counts, which the proxy next to us wrote. Traefik says `ws` and
/// `wss` for WebSockets.
///
/// # Errors
/// [`Refusal::ForwardedProto`] when the value is neither.
pub fn scheme(headers: &HeaderMap) -> Result<Option<Scheme>, Refusal> {
    let Some(line) = headers.get_all(X_FORWARDED_PROTO).iter().next_back() else {
        return Ok(None);
    };
    let text = line.to_str().map_err(|_| Refusal::ForwardedProto)?;
    let last = text.rsplit(',').next().unwrap_or_default().trim();
    match last.to_ascii_lowercase().as_str() {
        "http" | "ws" => Ok(Some(Scheme::Http)),
        "https" | "wss" => Ok(Some(Scheme::Https)),
        _ => Err(Refusal::ForwardedProto),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    fn walk(peer: &str, lines: &[&str]) -> Vec<String> {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let peer = match peer {
            "unix" => Peer::Unix { uid: 0 },
            address => Peer::Ip(address.parse().unwrap()),
        };
        route(&headers(X_FORWARDED_FOR, lines), peer, &trusted)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_walk_stops_at_the_first_address_that_is_not_trusted() {
        for (peer, lines, hops) in [
            ("9.9.9.9", &["1.1.1.1"][..], &["9.9.9.9"][..]),
            ("10.0.0.1", &[], &["10.0.0.1"]),
            ("10.0.0.1", &["1.1.1.1"], &["1.1.1.1", "10.0.0.1"]),
            (
                "10.0.0.1",
                &["1.1.1.1, 10.0.0.2"],
                &["1.1.1.1", "10.0.0.2", "10.0.0.1"],
            ),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], &["1.1.1.1", "10.0.0.1"]),
            (
                "10.0.0.1",
                &["6.6.6.6", "1.1.1.1 ,10.0.0.2"],
                &["1.1.1.1", "10.0.0.2", "10.0.0.1"],
            ),
            (
                "10.0.0.1",
                &["10.0.0.3, 10.0.0.2"],
                &["10.0.0.3", "10.0.0.2", "10.0.0.1"],
            ),
            (
                "10.0.0.1",
                &["1.1.1.1, garbage, 10.0.0.2"],
                &["::", "10.0.0.2", "10.0.0.1"],
            ),
            ("10.0.0.1", &["1.1.1.1, "], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["1.1.1.1,"], &["::", "10.0.0.1"]),
            ("10.0.0.1", &[""], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["unknown"], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["unix:"], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["_obf"], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["\"[2001:db8::1]\""], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["10.0.0.2, ::"], &["::", "10.0.0.1"]),
            ("10.0.0.1", &["10.0.0.2, 0.0.0.0"], &["0.0.0.0", "10.0.0.1"]),
            ("10.0.0.1", &["1.1.1.1, \u{e9}"], &["::", "10.0.0.1"]),
            ("::1", &["[2001:db8::1]:80"], &["2001:db8::1", "::1"]),
            ("::1", &["[2001:db8::1]"], &["2001:db8::1", "::1"]),
            ("::1", &["fe80::1%eth0"], &["fe80::1", "::1"]),
            ("::1", &["[fe80::1%eth0]:4711"], &["fe80::1", "::1"]),
            ("::1", &["1.1.1.1:4711"], &["1.1.1.1", "::1"]),
            (
                "::1",
                &["1.1.1.1, ::ffff:10.0.0.2"],
                &["1.1.1.1", "10.0.0.2", "::1"],
            ),
            ("::1", &["[::1]x"], &["::", "::1"]),
            ("::1", &["[::1]:99999"], &["::", "::1"]),
            ("unix", &["1.1.1.1"], &["1.1.1.1"]),
            ("unix", &[], &["::"]),
            ("unix", &["garbage"], &["::"]),
            ("unix", &["garbage, 10.0.0.2"], &["::", "10.0.0.2"]),
        ] {
            assert_eq!(walk(peer, lines), hops, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_scheme_is_what_the_nearest_proxy_said() {
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&["https"], Ok(Some(Scheme::Https))),
            (&["WSS"], Ok(Some(Scheme::Https))),
            (&["ws"], Ok(Some(Scheme::Http))),
            (&["https, http"], Ok(Some(Scheme::Http))),
            (&["http", "https"], Ok(Some(Scheme::Https))),
            (&["on"], Err(Refusal::ForwardedProto)),
            (&[""], Err(Refusal::ForwardedProto)),
            (&["https,"], Err(Refusal::ForwardedProto)),
            (&["\u{e9}"], Err(Refusal::ForwardedProto)),
        ] {
            assert_eq!(
                scheme(&headers(X_FORWARDED_PROTO, lines)),
                expected,
                "{lines:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_stranger_is_always_its_own_client(line in "[ -~]{0,60}") {
            prop_assert_eq!(walk("9.9.9.9", &[&line]), ["9.9.9.9"]);
        }

        #[test]
        fn nothing_left_of_the_client_matters(left in "[ -~]{0,40}") {
            let line = format!("{left},1.1.1.1, 10.0.0.2");
            prop_assert_eq!(walk("10.0.0.1", &[&line]), ["1.1.1.1", "10.0.0.2", "10.0.0.1"]);
        }
    }
}
