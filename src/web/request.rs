//! A request as it came in: checked once, then only passed on.
//!
//! [`Inbound::read`] is the one gate from bytes to meaning: whatever two servers could read in two ways is refused here,
//! with a [`Refusal`] that has a stable name. hyper parses; the rules are ours.

pub mod form;
pub mod cookies;
pub mod forwarded;
pub(crate) mod destination;
pub(crate) mod framing;
mod refusal;

pub use crate::web::request::cookies::{Cookies, Doubled};
pub use crate::web::request::form::{Encoding, Form};
pub use crate::web::request::refusal::Refusal;

use crate::authz::rule::Asked;
use crate::authz::target::{BadTarget, MAX_LENGTH, Scheme, Target};
use crate::secret;
use data_encoding::HEXLOWER;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use ipnet::IpNet;
use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Under which name a request appears in logs.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is read of a head, and whom we believe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may say `X-Forwarded-*` and `X-Request-Id`; default nobody.
    pub trusted_proxies: Vec<IpNet>,
    /// The most bytes of a head, request line included; default 32 KiB.
    pub max_head: usize,
    /// The most header lines; default 100.
    pub max_headers: usize,
    /// The most bytes of a target; default 16 KiB, never more than [`MAX_LENGTH`].
    pub max_target: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted_proxies: vec![],
            max_head: 32 * 1024,
            max_headers: 100,
            max_target: 16 * 1024,
        }
    }
}

/// By which a proxy says that a request came before its TLS handshake was over (RFC 8470 section 5.1).
pub(crate) const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A machine. IPv4 addresses are never in their IPv6 form.
    Ip(IpAddr),
    /// A process on this machine.
    Unix {
        /// The user it ran as when it connected.
        uid: u32,
    },
}

/// What is known of the connection under a request.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Who opened it.
    pub peer: Peer,
    /// Plain or TLS, as it arrived here.
    pub scheme: Scheme,
    /// A place among the connections that the server allows; given back when the last clone is gone.
    pub slot: Option<Slot>,
}

/// A place among the connections that the server allows.
#[derive(Clone, Debug)]
pub struct Slot(#[expect(dead_code, reason = "held for its drop")] Arc<dyn Any + Send + Sync>);

impl Slot {
    /// Holds `place` until the last clone is gone.
    #[must_use]
    pub fn new(place: impl Any + Send + Sync) -> Self {
        Self(Arc::new(place))
    }
}

/// Under which name a request appears in logs, here and in the app behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A fresh one: 128 random bits in hexadecimal.
    #[must_use]
    pub fn generate() -> Self {
        let text = HEXLOWER.encode(&secret::random::<16>());
        Self(HeaderValue::try_from(text).expect("hexadecimal digits are a header value"))
    }

    /// The trusted proxy's own, if it is one short, harmless token.
    fn of_proxy(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(X_REQUEST_ID).iter();
        let (Some(value), None) = (lines.next(), lines.next()) else {
            return None;
        };
        let safe = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let good = (8..=64).contains(&value.len()) && value.as_bytes().iter().all(safe);
        good.then(|| Self(value.clone()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The value of `X-Request-Id`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is the peer one that we believe?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// One of the trusted proxies, or a process on this machine that our socket's mode let in.
    Proxy,
    /// Anybody else.
    Stranger,
}

/// What a request means, read once from its head.
#[derive(Clone, Debug)]
pub struct Inbound {
    target: Target,
    trust: Trust,
    route: Vec<IpAddr>,
    id: RequestId,
    cookies: Cookies,
    max_forwards: Option<u64>,
    early: bool,
    connection: Connection,
}

impl Inbound {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// [`Refusal`]: answer with its status, [`Refusal::complete`] the answer's headers, and forward nothing.
    pub fn read(
        parts: &Parts,
        connection: &Connection,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        framing::check_method(&parts.method)?;
        check_size(parts, settings)?;
        framing::check(parts.version, &parts.headers)?;
        let trust = if forwarded::trusts(&settings.trusted_proxies, connection.peer) {
            Trust::Proxy
        } else {
            Trust::Stranger
        };
        let (scheme, id) = match trust {
            Trust::Proxy => (
                forwarded::scheme(&parts.headers)?,
                RequestId::of_proxy(&parts.headers),
            ),
            Trust::Stranger => (None, None),
        };
        let target = target(parts, scheme.unwrap_or(connection.scheme), trust)?;
        let max_forwards = match parts.method {
            Method::OPTIONS => framing::max_forwards(&parts.headers)?,
            _ => None,
        };
        let route = forwarded::route(&parts.headers, connection.peer, &settings.trusted_proxies);
        Ok(Self {
            target,
            trust,
            route,
            id: id.unwrap_or_else(RequestId::generate),
            cookies: Cookies::read(&parts.headers)?,
            max_forwards,
            early: parts.headers.contains_key(EARLY_DATA),
            connection: connection.clone(),
        })
    }

    /// What the browser asked for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The client's address: the peer, or whom trusted proxies name (see [`Inbound::route`]).
    ///
    /// `::` when a trusted proxy names somebody without an address, or a local one on a Unix socket nobody.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.route[0]
    }

    /// What the rules judge of this request.
    #[must_use]
    pub fn asked<'a>(&'a self, method: &'a Method) -> Asked<'a> {
        Asked {
            method,
            target: &self.target,
            client: self.client(),
            destination: None,
        }
    }

    /// The client and every trusted proxy between it and us, in that order; never empty.
    #[must_use]
    pub fn route(&self) -> &[IpAddr] {
        &self.route
    }

    /// Is the peer a trusted proxy?
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// The connection that the request came over.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The request's name in all logs.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The cookies.
    #[must_use]
    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// How often an `OPTIONS` may still be forwarded; at zero it is answered here, unless another proxy asks about it.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u64> {
        self.max_forwards
    }

    /// True when somebody could have copied this request and sent it again, because it came in TLS early data.
    ///
    /// One `Early-Data` line says so, as do several and wrong ones (RFC 8470 section 5.1). Anybody is believed: who
    /// lies is only served less.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.early
    }
}

/// Is a path with query of so many bytes read, where `most` are?
pub(crate) fn check_length(target: usize, most: usize) -> Result<(), Refusal> {
    if target > most.min(MAX_LENGTH) {
        Err(Refusal::TargetTooLong)
    } else {
        Ok(())
    }
}

fn check_size(parts: &Parts, settings: &Settings) -> Result<(), Refusal> {
    let lines = parts.headers.iter();
    let headers: usize = lines
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    check_length(target, settings.max_target)?;
    if parts.headers.len() > settings.max_headers || target + headers > settings.max_head {
        Err(Refusal::HeadTooLarge)
    } else {
        Ok(())
    }
}

/// The target URI (RFC 9112 section 3.2): `Host` counts in origin form, the target's own authority in absolute form.
///
/// A proxy in front writes origin form. An absolute one that comes through it is the client's, who has found a way to
/// choose what the proxy asks: Caddy hands on what stands behind `x:` in `GET x:http://…`.
fn target(parts: &Parts, scheme: Scheme, trust: Trust) -> Result<Target, Refusal> {
    let host = framing::host(&parts.headers)?;
    let uri = &parts.uri;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    match (uri.scheme_str(), uri.authority()) {
        (None, None) if path == "*" && parts.method == Method::OPTIONS => {
            Target::parse(scheme.as_str(), host, "/").map_err(of_host)?;
            Err(Refusal::ServerOptions)
        }
        (None, None) if path.starts_with('/') => {
            Target::parse(scheme.as_str(), host, path).map_err(of_host)
        }
        (Some(_), Some(_)) if trust == Trust::Proxy => Err(Refusal::TargetForm),
        (Some(given), Some(authority)) => {
            if Scheme::parse(given) != Some(scheme) {
                return Err(Refusal::TargetScheme);
            }
            // A malformed `Host` is refused even where the target outranks it (RFC 9112 section 3.2).
            Target::parse(given, host, "/").map_err(of_host)?;
            Target::parse(given, authority.as_str(), path).map_err(of_authority)
        }
        (None, _) | (Some(_), None) => Err(Refusal::TargetForm),
    }
}

fn of_host(bad: BadTarget) -> Refusal {
    match bad {
        BadTarget::Authority => Refusal::Host,
        BadTarget::Scheme | BadTarget::Path | BadTarget::TooLong => of_authority(bad),
    }
}

fn of_authority(bad: BadTarget) -> Refusal {
    match bad {
        BadTarget::Scheme => Refusal::TargetScheme,
        BadTarget::Authority => Refusal::TargetAuthority,
        BadTarget::Path => Refusal::Path,
        BadTarget::TooLong => Refusal::TargetTooLong,
    }
}

#[cfg(test)]
mod tests;
