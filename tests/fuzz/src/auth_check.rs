//! What a proxy asks about: one request is one request in each dialect, and nothing but the dialect's own
//! headers says what it is.

use super::choice;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};
use std::net::{IpAddr, Ipv4Addr};
use url::Url;
use vestibule::authz::target::{Scheme, Target};
use vestibule::web::auth_check::{Original, read};
use vestibule::web::request::{Connection, Inbound, Peer, Settings};
use vestibule::web::route::{Dialect, Route};

const PORTAL: &str = "/_vestibule";
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const HOST_OF_CHECKS: HeaderValue = HeaderValue::from_static("gate.example");

/// After `h` the headers of a check, else the request that the proxies are to ask about.
pub(crate) fn check(data: &[u8]) {
    let (kind, rest) = choice(data);
    match kind {
        b'h' => headers(rest),
        _ => request(rest),
    }
}

/// The headers that say what a check is about.
fn own(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::AuthRequest => &["x-original-url", "x-original-method"],
        Dialect::ForwardAuth => &[
            "x-forwarded-method",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-uri",
        ],
        Dialect::ExtAuthz => &[],
    }
}

/// A request as it reaches us from a trusted proxy; `None` where it is refused before anybody asks what it is about.
fn arrive(method: &Method, path: &str, headers: &HeaderMap) -> Option<(Parts, Inbound)> {
    let mut parts = Request::new(()).into_parts().0;
    parts.method = method.clone();
    // Here `#` and what follows would be dropped unseen; the server refuses it.
    let path = Some(path).filter(|path| !path.contains('#'))?;
    parts.uri = Uri::try_from(path).ok()?;
    parts.headers = headers.clone();
    let connection = Connection {
        peer: Peer::Ip(PROXY),
        scheme: Scheme::Https,
        slot: None,
    };
    let settings = Settings {
        trusted_proxies: vec![PROXY.into()],
        ..Settings::default()
    };
    let inbound = Inbound::read(&parts, &connection, &settings).ok()?;
    Some((parts, inbound))
}

/// What is made of a check; `rest` is what Envoy puts behind our path, and `method` its method.
fn asks(dialect: Dialect, method: &Method, rest: &str, headers: &HeaderMap) -> Option<Original> {
    let rest = match dialect {
        Dialect::AuthRequest | Dialect::ForwardAuth => "",
        Dialect::ExtAuthz => rest,
    };
    let path = format!("{PORTAL}{}{rest}", dialect.path());
    let (parts, inbound) = arrive(method, &path, headers)?;
    let is_check = Route::of(inbound.target(), PORTAL) == Route::AuthCheck(dialect);
    is_check.then(|| read(dialect, PORTAL, &parts, inbound.target()))?
}

/// A line of method, scheme and host, and a line of path and query.
fn request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (head, path) = text.split_once('\n').unwrap_or(("GET https a", text));
    let mut words = head.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, said, host) = (word(), word(), word());
    // As Traefik has it for WebSockets.
    let scheme = match said {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return,
    };
    let expected = Target::parse(scheme, host, path).ok();
    let inline = inline(method, said, host, path);
    for dialect in Dialect::ALL {
        let Some(original) = relayed(dialect, method, said, host, path) else {
            continue;
        };
        assert_eq!(original.method.as_str(), method, "{dialect:?}");
        assert_eq!(Some(&original.target), expected.as_ref(), "{dialect:?}");
        // What the parser below us refuses in front of an app, a proxy may have let through.
        assert!(
            inline.is_none() || inline.as_ref() == Some(&original),
            "{dialect:?}: {original:?}, in line {inline:?}"
        );
    }
}

/// What is made of a request in front of an app.
fn inline(method: &str, scheme: &str, host: &str, path: &str) -> Option<Original> {
    let lines = lines(&[("host", host), ("x-forwarded-proto", scheme)])?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let path = Some(path).filter(|path| path.starts_with('/'))?;
    let (_, inbound) = arrive(&method, path, &lines)?;
    let target = inbound.target().clone();
    Some(Original {
        method,
        target,
        destination: None,
    })
}

/// The request as the proxies of this dialect ask about it.
fn relayed(
    dialect: Dialect,
    method: &str,
    scheme: &str,
    host: &str,
    path: &str,
) -> Option<Original> {
    let url = format!("{scheme}://{host}{path}");
    match dialect {
        // One text: the proxy has to know where the host ends, or it does not ask.
        Dialect::AuthRequest if host.contains('/') || !path.starts_with('/') => None,
        Dialect::AuthRequest => {
            let lines = lines(&[
                ("host", "gate.example"),
                ("x-original-url", &url),
                ("x-original-method", method),
            ]);
            asks(dialect, &Method::GET, "", &lines?)
        }
        Dialect::ForwardAuth => {
            let lines = lines(&[
                ("host", "gate.example"),
                ("x-forwarded-method", method),
                ("x-forwarded-proto", scheme),
                ("x-forwarded-host", host),
                ("x-forwarded-uri", path),
            ]);
            asks(dialect, &Method::GET, "", &lines?)
        }
        Dialect::ExtAuthz => {
            let lines = lines(&[("host", host), ("x-forwarded-proto", scheme)]);
            let method = Method::from_bytes(method.as_bytes()).ok()?;
            asks(dialect, &method, path, &lines?)
        }
    }
}

fn lines(lines: &[(&'static str, &str)]) -> Option<HeaderMap> {
    let lines = lines.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    lines.collect()
}

/// A line of the check's own method and what follows our path in it, and then lines such as `X-Original-URL: https://a/`.
fn headers(data: &[u8]) {
    let mut split = data.split(|byte| *byte == b'\n');
    let head = String::from_utf8_lossy(split.next().unwrap_or_default());
    let (method, rest) = head.split_once(' ').unwrap_or(("GET", &head));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let mut headers: HeaderMap = split.take(60).filter_map(line).collect();
    headers.insert(HOST, HOST_OF_CHECKS);
    for dialect in Dialect::ALL {
        let original = asks(dialect, &method, rest, &headers);
        others_say_nothing(dialect, &method, rest, &headers, original.as_ref());
        let Some(original) = original else { continue };
        one_spelling(&original.target);
        match dialect {
            Dialect::AuthRequest => by_url(&headers, &original),
            Dialect::ForwardAuth => by_parts(&headers, &original),
            Dialect::ExtAuthz => {
                assert_eq!(original.method, method);
                assert_eq!(original.target.authority(), "gate.example");
                assert_eq!(original.target.path_and_query(), rest);
            }
        }
        twice_is_nothing(dialect, &method, &headers);
    }
}

fn line(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(line[..at].trim_ascii()).ok()?;
    let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
    Some((name, value))
}

/// The one value of this name, which is text.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    assert_eq!(values.len(), 1, "{name}");
    values[0].to_str().expect("ASCII")
}

/// With the dialect's own headers alone the check is about the same request.
fn others_say_nothing(
    dialect: Dialect,
    method: &Method,
    rest: &str,
    headers: &HeaderMap,
    original: Option<&Original>,
) {
    // Whether the check itself came over TLS is the one thing that every trusted proxy may say.
    let kept = |name: &HeaderName| {
        let name = name.as_str();
        own(dialect).contains(&name) || matches!(name, "host" | "x-forwarded-proto")
    };
    let lines = headers.iter().filter(|(name, _)| kept(name));
    let bare: HeaderMap = lines
        .map(|(name, value)| (name.clone(), value.clone()))
        .fold(HeaderMap::new(), |mut bare, (name, value)| {
            bare.append(name, value);
            bare
        });
    let alone = asks(dialect, method, rest, &bare);
    assert!(
        original.is_none() || alone.as_ref() == original,
        "{dialect:?}: {original:?}, alone {alone:?}"
    );
    if own(dialect)
        .iter()
        .any(|name| bare.get_all(*name).iter().count() != 1)
    {
        assert_eq!(alone, None, "{dialect:?}");
    }
}

/// What is judged is the path as it came, and the whole is its own canonical form.
fn one_spelling(target: &Target) {
    let scheme = target.scheme().as_str();
    let again = Target::parse(scheme, target.authority(), target.path_and_query());
    assert_eq!(again.as_ref(), Ok(target));
    assert_eq!(Target::parse_url(target.url()).as_ref(), Ok(target));
}

fn by_url(headers: &HeaderMap, original: &Original) {
    let url = value(headers, "x-original-url");
    let target = &original.target;
    assert_eq!(
        value(headers, "x-original-method"),
        original.method.as_str()
    );
    let (_, after) = url.split_once("://").expect("it is absolute");
    let (_, path) = after.split_once('/').expect("it has a path");
    assert_eq!(target.path_and_query(), format!("/{path}"));
    as_a_browser_reads(url, target);
}

fn by_parts(headers: &HeaderMap, original: &Original) {
    let host = value(headers, "x-forwarded-host");
    let target = &original.target;
    assert_eq!(
        value(headers, "x-forwarded-method"),
        original.method.as_str()
    );
    let uri = value(headers, "x-forwarded-uri");
    let slash = if uri.starts_with('/') { "" } else { "/" };
    assert_eq!(target.path_and_query(), format!("{slash}{uri}"));
    let scheme = match value(headers, "x-forwarded-proto") {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    as_a_browser_reads(&format!("{scheme}://{host}/"), target);
}

/// No other server is meant than the one that a browser finds in these words.
fn as_a_browser_reads(url: &str, target: &Target) {
    let Ok(url) = Url::parse(url) else { return };
    let host = url.host_str().unwrap_or_default();
    assert_eq!(url.scheme(), target.scheme().as_str());
    assert_eq!(host.strip_suffix('.').unwrap_or(host), target.host());
    assert_eq!(url.port_or_known_default(), Some(target.port()));
}

/// A second line of the same name, whatever it says, or a name with `_` in the place of `-`, leaves nothing to judge.
fn twice_is_nothing(dialect: Dialect, method: &Method, headers: &HeaderMap) {
    for name in own(dialect) {
        let mut doubled = headers.clone();
        doubled.append(*name, headers[*name].clone());
        assert_eq!(asks(dialect, method, "", &doubled), None, "{name} twice");
        let mut renamed = headers.clone();
        let said = renamed.remove(*name).expect("it was read");
        let other = HeaderName::try_from(name.replace('-', "_")).expect("a name");
        renamed.insert(other, said);
        assert_eq!(asks(dialect, method, "", &renamed), None, "{name} with _");
    }
}
