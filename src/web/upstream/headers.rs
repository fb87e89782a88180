//! Which header lines reach the app, and which come back from it.
//!
//! Nothing that a client sent can stand where the app looks for what we say: every spelling of our
//! names is removed first, and our own lines are set last.

mod claims;

use crate::identity::Names;
use crate::web::request::{EARLY_DATA, Inbound, Trust, X_REQUEST_ID};
use crate::web::upstream::headers::claims::{
    fold, fold_all, is_forwarding, is_identity, is_method_override, is_ours_to_set,
};
use crate::web::upstream::hop_by_hop;
use http::Version;
use http::header::{
    COOKIE, FORWARDED, HeaderMap, HeaderName, HeaderValue, MAX_FORWARDS, SET_COOKIE, VIA,
};
use std::fmt::Write as _;
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Our name in `Via`.
const PSEUDONYM: &str = "vestibule";

/// What to do with header names that contain `_`, which many servers cannot tell from `-`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// Remove them, as nginx does; the default.
    #[default]
    Drop,
    /// Pass them on, except where they spell a name of ours.
    Keep,
}

/// What to do with headers that ask an app to treat a request as one of another method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MethodOverride {
    /// Pass them on; right where no access rule names methods. The default.
    #[default]
    Keep,
    /// Remove them: rules are decided on the real method.
    Drop,
}

/// The rules for header lines, the same for every app behind.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Under which names the app receives an identity.
    pub names: Names,
    /// Our cookies: each whose name begins with one of these, in any case, stays here.
    pub cookies: Vec<String>,
    /// Header names with `_`.
    pub underscores: Underscores,
    /// Method override headers.
    pub method_override: MethodOverride,
    /// The origins (`https://app.example.com`) whose pages may open a WebSocket; the request's own always may.
    pub origins: Vec<String>,
}

/// Why a client's line does not reach the app.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
    /// It claims an identity.
    Spoofed,
}

/// The lines for the app, and how many of the client's claimed an identity.
pub(crate) struct Cleaned {
    pub(crate) headers: HeaderMap,
    pub(crate) spoofed: usize,
}

/// Removes from a client's request what is not the client's to say.
pub(crate) fn clean_request(received: HeaderMap, trust: Trust, policy: &Policy) -> Cleaned {
    let nominated = hop_by_hop::nominated(&received);
    let mut headers = HeaderMap::with_capacity(received.len() + 16);
    let mut spoofed = 0;
    let mut name = None;
    let mut fate = Fate::Drop;
    for (next, value) in received {
        // Further lines of one name come without it.
        if let Some(next) = next {
            fate = judge(&next, &nominated, trust, policy);
            name = Some(next);
        }
        let (Fate::Keep, Some(name)) = (fate, &name) else {
            spoofed += usize::from(fate == Fate::Spoofed);
            continue;
        };
        match *name {
            COOKIE => {
                if let Some(value) = without_our_cookies(&value, &policy.cookies) {
                    headers.append(COOKIE, value);
                }
            }
            _ => {
                headers.append(name, value);
            }
        }
    }
    Cleaned { headers, spoofed }
}

fn judge(name: &HeaderName, nominated: &[HeaderName], trust: Trust, policy: &Policy) -> Fate {
    let folded = fold(name.as_str());
    let coarse = fold_all(&folded);
    if is_identity(&coarse, &policy.names) {
        Fate::Spoofed
    } else if hop_by_hop::is_hop_by_hop(name) || nominated.contains(name) || is_ours_to_set(&coarse)
    {
        Fate::Drop
    } else if is_forwarding(&coarse) {
        match trust {
            Trust::Proxy if coarse == name.as_str() => Fate::Keep,
            Trust::Proxy | Trust::Stranger => Fate::Drop,
        }
    } else if is_method_override(&coarse) {
        match policy.method_override {
            MethodOverride::Keep if coarse == name.as_str() => Fate::Keep,
            MethodOverride::Keep | MethodOverride::Drop => Fate::Drop,
        }
    } else if folded != name.as_str() {
        match policy.underscores {
            Underscores::Keep if hop_or_framing(&folded) => Fate::Drop,
            Underscores::Keep => Fate::Keep,
            Underscores::Drop => Fate::Drop,
        }
    } else {
        Fate::Keep
    }
}

fn hop_or_framing(folded: &str) -> bool {
    HeaderName::from_bytes(folded.as_bytes()).is_ok_and(|name| {
        hop_by_hop::is_hop_by_hop(&name) || name == COOKIE || name == "authorization"
    })
}

/// Takes our cookies out of a `Cookie` line; the others stay byte for byte and in order.
fn without_our_cookies(line: &HeaderValue, ours: &[String]) -> Option<HeaderValue> {
    let pairs = || line.as_bytes().split(|b| *b == b';');
    if !pairs().any(|pair| is_our_cookie(pair, ours)) {
        return Some(line.clone());
    }
    let kept: Vec<&[u8]> = pairs().filter(|pair| !is_our_cookie(pair, ours)).collect();
    if kept.iter().all(|pair| pair.trim_ascii().is_empty()) {
        return None;
    }
    HeaderValue::from_bytes(kept.join(&b';').trim_ascii()).ok()
}

/// True when a pair, or a `Set-Cookie` line, names a cookie of ours; a nameless cookie that reads like one counts (RFC 6265bis section 5.6).
fn is_our_cookie(pair: &[u8], ours: &[String]) -> bool {
    let is_filler = |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control() || *b == b'=';
    let start = pair
        .iter()
        .position(|b| !is_filler(b))
        .unwrap_or(pair.len());
    let pair = &pair[start..];
    ours.iter().any(|name| {
        pair.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Says how the request came: `X-Forwarded-*`, `Forwarded`, `Via`, `X-Request-Id`, `Early-Data`.
pub(crate) fn set_forwarding(headers: &mut HeaderMap, inbound: &Inbound, version: Version) {
    let target = inbound.target();
    if let Some(list) = forwarded_for(inbound.route()) {
        headers.insert(X_FORWARDED_FOR, list);
    }
    if let Some(client) = forwarded_for(&inbound.route()[..1]) {
        headers.insert(X_REAL_IP, client);
    }
    let proto = HeaderValue::from_static(target.scheme().as_str());
    headers.insert(X_FORWARDED_PROTO, proto);
    headers.insert(X_FORWARDED_PORT, HeaderValue::from(target.port()));
    headers.insert(X_FORWARDED_HOST, authority(inbound));
    headers.insert(FORWARDED, forwarded(inbound));
    headers.insert(X_REQUEST_ID, inbound.id().header());
    let via = match version {
        Version::HTTP_10 => HeaderValue::from_static("1.0 vestibule"),
        _ => HeaderValue::from_static("1.1 vestibule"),
    };
    headers.append(VIA, via);
    if let Some(left) = inbound.max_forwards() {
        headers.insert(MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
    // Set anew, so that no `Connection` line can keep it from an app that wants to wait for the handshake.
    if inbound.is_early() {
        headers.insert(EARLY_DATA, HeaderValue::from_static("1"));
    }
}

/// The host that the browser asked for, as a header value.
pub(crate) fn authority(inbound: &Inbound) -> HeaderValue {
    HeaderValue::from_str(inbound.target().authority())
        .expect("a target's authority is visible ASCII")
}

/// The client and the proxies that we trust; nothing that anyone else wrote. `None` where nobody has an address.
fn forwarded_for(route: &[IpAddr]) -> Option<HeaderValue> {
    if route.iter().all(IpAddr::is_unspecified) {
        return None;
    }
    let mut list = String::with_capacity(64);
    for address in route {
        let separator = if list.is_empty() { "" } else { ", " };
        let written = if address.is_unspecified() {
            // Left out, the first proxy would be taken for the client.
            write!(list, "{separator}unknown")
        } else {
            write!(list, "{separator}{address}")
        };
        written.expect("writing to a string does not fail");
    }
    Some(HeaderValue::try_from(list).expect("addresses are visible ASCII"))
}

/// The same as one line of RFC 7239; the first element is the client's own request.
fn forwarded(inbound: &Inbound) -> HeaderValue {
    let target = inbound.target();
    let mut line = String::with_capacity(128);
    for (at, address) in inbound.route().iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let written = match address {
            address if address.is_unspecified() => write!(line, "{separator}for=unknown"),
            IpAddr::V4(address) => write!(line, "{separator}for={address}"),
            IpAddr::V6(address) => write!(line, "{separator}for=\"[{address}]\""),
        };
        written.expect("writing to a string does not fail");
        if at == 0 {
            let (host, proto) = (target.authority(), target.scheme().as_str());
            write!(line, ";host=\"{host}\";proto={proto}")
                .expect("writing to a string does not fail");
        }
    }
    HeaderValue::try_from(line).expect("addresses and an authority are visible ASCII")
}

/// True when the request has come through here twice already: it runs in a circle.
pub(crate) fn is_loop(headers: &HeaderMap) -> bool {
    let entries = headers
        .get_all(VIA)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let ours = entries.filter(|entry| {
        let mut words = entry
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        words
            .nth(1)
            .is_some_and(|name| name == PSEUDONYM.as_bytes())
    });
    ours.count() >= 2
}

/// The bytes of all lines.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

/// Removes from an app's response what is not the app's to say; framing is set anew by the caller.
pub(crate) fn clean_response(received: HeaderMap, policy: &Policy) -> HeaderMap {
    let nominated = hop_by_hop::nominated(&received);
    let mut headers = HeaderMap::with_capacity(received.len());
    let mut name = None;
    for (next, value) in received {
        name = next.or(name);
        let Some(name) = &name else { continue };
        let folded = fold(name.as_str());
        let drop = hop_by_hop::is_hop_by_hop(name)
            || nominated.contains(name)
            || folded == "content-length"
            || folded.starts_with("x-vestibule-")
            || folded.starts_with("x-accel-");
        if drop {
            continue;
        }
        if *name == SET_COOKIE && is_our_cookie(value.as_bytes(), &policy.cookies) {
            tracing::warn!(
                event = "cookie-overwrite",
                "the app tried to set a cookie of ours"
            );
            continue;
        }
        headers.append(name, value);
    }
    headers
}

#[cfg(test)]
mod tests;
