//! `X-Forwarded-*`: a stranger's change nothing, a proxy's say what the proxy knows and no more.

use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use std::net::IpAddr;
use vestibule::authz::target::Scheme;
use vestibule::web::request::{Connection, Inbound, Peer, Refusal, Settings, Trust};

const NAMES: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-request-id",
    "x-real-ip",
    "forwarded",
    "via",
];

/// Lines such as `x-forwarded-for: 1.1.1.1`; other names are not of interest here.
pub(crate) fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("app.example"));
    for line in data.split(|b| *b == b'\n').take(90) {
        let at = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        let (name, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
        let name = name.trim_ascii().to_ascii_lowercase();
        let Some(name) = NAMES.iter().find(|known| known.as_bytes() == name) else {
            continue;
        };
        if let Ok(value) = HeaderValue::from_bytes(value.trim_ascii()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    stranger(&headers);
    proxy(&headers);
}

fn settings() -> Settings {
    let nets = ["10.0.0.0/8", "fd00::/8"];
    Settings {
        trusted_proxies: nets.map(|net| net.parse().expect("a net")).to_vec(),
        ..Settings::default()
    }
}

fn read(headers: &HeaderMap, peer: IpAddr) -> Result<Inbound, Refusal> {
    let mut parts: Parts = Request::new(()).into_parts().0;
    parts.headers = headers.clone();
    let connection = Connection {
        peer: Peer::Ip(peer),
        scheme: Scheme::Http,
        slot: None,
    };
    Inbound::read(&parts, &connection, &settings())
}

fn without(headers: &HeaderMap, kept: &[&str]) -> HeaderMap {
    let lines = headers.iter();
    let kept =
        lines.filter(|(name, _)| !NAMES.contains(&name.as_str()) || kept.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// All that a request says of its way, apart from a fresh id.
fn said(inbound: &Inbound) -> (IpAddr, Vec<IpAddr>, String, Trust) {
    let (client, route) = (inbound.client(), inbound.route().to_vec());
    (
        client,
        route,
        inbound.target().url().to_owned(),
        inbound.trust(),
    )
}

fn stranger(headers: &HeaderMap) {
    let peer: IpAddr = "9.9.9.9".parse().expect("an address");
    let Ok(inbound) = read(headers, peer) else {
        return; // too many or too long lines
    };
    let bare = read(&without(headers, &[]), peer).expect("a plain request");
    assert_eq!(said(&inbound), said(&bare));
    assert_eq!(
        said(&inbound),
        (
            peer,
            vec![peer],
            "http://app.example/".to_owned(),
            Trust::Stranger
        )
    );
}

fn proxy(headers: &HeaderMap) {
    let peer: IpAddr = "10.0.0.1".parse().expect("an address");
    let Ok(inbound) = read(headers, peer) else {
        return;
    };
    let route = inbound.route();
    let is_trusted = |hop: &IpAddr| {
        settings()
            .trusted_proxies
            .iter()
            .any(|net| net.contains(hop))
    };
    assert_eq!(
        route.last(),
        Some(&peer),
        "the nearest hop is who connected"
    );
    assert!(
        route[1..].iter().all(is_trusted),
        "only a proxy of ours can name the hop before it"
    );
    assert_eq!(inbound.trust(), Trust::Proxy);
    assert_eq!(
        inbound.target().host(),
        "app.example",
        "no proxy says another host"
    );
    let id = inbound.id().as_str();
    assert!(
        (8..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    );
    // Only these three are read.
    let kept = ["x-forwarded-for", "x-forwarded-proto", "x-request-id"];
    let bare = read(&without(headers, &kept), peer).expect("less of the same");
    assert_eq!(said(&inbound), said(&bare));
    // Behind a client nobody is believed: what it wrote itself stands left of what its proxy wrote.
    if !is_trusted(&inbound.client()) {
        let mut longer = HeaderMap::new();
        longer.append(
            "x-forwarded-for",
            HeaderValue::from_static("10.6.6.6, 6.6.6.6"),
        );
        longer.extend(
            without(headers, &kept)
                .iter()
                .map(|(n, v)| (n.clone(), v.clone())),
        );
        if let Ok(longer) = read(&longer, peer) {
            assert_eq!(said(&longer), said(&inbound));
        }
    }
}
