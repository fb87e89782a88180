//! Requests on their way to the app, and what comes back.
//!
//! An [`UpstreamRequest`] is built from a request that was read ([`Inbound`]) and a [`Pass`], and there
//! is no other way to reach the app. It is built anew from typed parts: target, framing and identity
//! are never copied from the client's text.
//!
//! Nothing goes upstream without a pass:
//!
//! ```compile_fail
//! use vestibule::authz::Permit;
//! use vestibule::web::request::Inbound;
//! use vestibule::web::upstream::{Upstream, UpstreamRequest};
//! fn forward(parts: http::request::Parts, body: vestibule::web::Body, inbound: &Inbound, permit: &Permit, to: &Upstream) {
//!     let _ = UpstreamRequest::new(parts, body, inbound, permit, to); // a permit alone is not enough
//! }
//! ```
//!
//! ```
//! use vestibule::identity::Pass;
//! use vestibule::web::request::Inbound;
//! use vestibule::web::upstream::{Upstream, UpstreamRequest};
//! fn forward(parts: http::request::Parts, body: vestibule::web::Body, inbound: &Inbound, pass: &Pass, to: &Upstream) {
//!     let _ = UpstreamRequest::new(parts, body, inbound, pass, to);
//! }
//! ```

mod routes;
mod client;
mod tally;
pub mod upgrade;
mod headers;
mod caching;
mod hop_by_hop;
mod places;
mod failure;
mod connector;

pub(crate) use crate::web::upstream::caching::keep_private;
pub use crate::web::upstream::client::Upstream;
use crate::web::upstream::client::is_alone;
pub use crate::web::upstream::connector::{Address, BadAddress};
pub use crate::web::upstream::failure::UpstreamError;
pub use crate::web::upstream::headers::{MethodOverride, Policy, Underscores};
pub use crate::web::upstream::places::Holder;
pub use crate::web::upstream::routes::{NoRoute, Routes};

use crate::identity::Pass;
use crate::web::activity::Activity;
use crate::web::body;
use crate::web::request::{Inbound, Refusal, Slot};
use crate::web::upstream::failure::Again;
use crate::web::upstream::upgrade::Tunnel;
use crate::web::{Body, BodyError};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which host the app sees in `Host`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// The one that the browser asked for; the default.
    #[default]
    Preserve,
    /// The one in the upstream's URL.
    Upstream,
}

/// How to reach one app and how much it may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the app listens.
    pub address: Address,
    /// The host for which it answers, in lower case without a port; `None` for any.
    pub host: Option<String>,
    /// The path at and below which it answers; default `/`.
    pub path: String,
    /// The longest time to open a connection; default 5 s.
    pub connect_timeout: Duration,
    /// The longest wait for the head of a response after the last byte of the request; default 60 s.
    pub response_timeout: Duration,
    /// The longest silence within a response; default 300 s.
    pub idle_timeout: Duration,
    /// The longest silence within a WebSocket; default 10 min.
    pub tunnel_idle_timeout: Duration,
    /// How long an unused connection is kept; default 30 s.
    pub pool_idle_timeout: Duration,
    /// What the client's body may take; see [`body::Limits`].
    pub request_body: body::Limits,
    /// The most bytes of a forwarded head; default 16 KiB, which is what app servers read.
    pub max_head: usize,
    /// The most requests and tunnels at once; the next one waits for as long as connecting may take. Default 1000.
    pub max_connections: usize,
    /// The most of them of one user, or of one address where nobody signs in; the next one is refused. Default a quarter.
    pub max_connections_per_user: usize,
    /// Which host the app sees.
    pub host_header: HostHeader,
}

impl Settings {
    /// The defaults for an app that answers for everything.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            host: None,
            path: "/".to_owned(),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            tunnel_idle_timeout: Duration::from_secs(600),
            pool_idle_timeout: Duration::from_secs(30),
            request_body: body::Limits::default(),
            max_head: 16 * 1024,
            max_connections: 1000,
            max_connections_per_user: 250,
            host_header: HostHeader::default(),
        }
    }
}

/// What the app answered.
#[derive(Debug)]
pub enum Answer {
    /// A response.
    Response(Response<Body>),
    /// It speaks WebSocket from here on: hand the response on and run the tunnel.
    Switching(Response<Body>, Tunnel),
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Response(response) | Self::Switching(response, _) => response.status(),
        }
    }
}

/// A request as the app will see it.
#[must_use = "an unsent request reaches nobody"]
pub struct UpstreamRequest<'a> {
    request: Request<Body>,
    upstream: &'a Upstream,
    /// The client's side of a WebSocket, once it opens.
    upgrade: Option<OnUpgrade>,
    slot: Option<Slot>,
    spoofed: usize,
    sending: Arc<Activity>,
}

impl fmt::Debug for UpstreamRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamRequest")
            .field("method", self.request.method())
            .field("upstream", &self.upstream.settings().address)
            .finish_non_exhaustive()
    }
}

impl<'a> UpstreamRequest<'a> {
    /// Builds the request that `pass` allows.
    ///
    /// `parts` must be the ones that `inbound` was read from.
    ///
    /// # Errors
    /// [`Refusal::BodyTooLarge`], [`Refusal::HeadTooLarge`], [`Refusal::Loop`], and for a WebSocket
    /// [`Refusal::Handshake`] and [`Refusal::HandshakeOrigin`].
    pub fn new<B>(
        mut parts: Parts,
        body: B,
        inbound: &Inbound,
        pass: &Pass,
        upstream: &'a Upstream,
    ) -> Result<Self, Refusal>
    where
        B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
    {
        let (settings, policy) = (upstream.settings(), upstream.policy());
        let websocket = upgrade::is_websocket(&parts);
        if websocket {
            upgrade::check(&parts, inbound, &policy.origins)?;
        }
        if headers::is_loop(&parts.headers) {
            return Err(Refusal::Loop);
        }
        let (least, most) = (body.size_hint().lower(), settings.request_body.bytes);
        if most.is_some_and(|most| least > most) {
            return Err(Refusal::BodyTooLarge);
        }
        let received = std::mem::take(&mut parts.headers);
        let cleaned = headers::clean_request(received, inbound.trust(), policy);
        let mut lines = cleaned.headers;
        lines.insert(HOST, upstream.host_header(inbound));
        headers::set_forwarding(&mut lines, inbound, parts.version);
        set_framing(&mut lines, &body);
        if is_alone(&parts.method, &body) {
            lines.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if websocket {
            set_switching(&mut lines);
        }
        // Last, so that nothing above can stand in their place.
        for (name, value) in pass.headers().iter() {
            lines.insert(name, value.clone());
        }
        if headers::size(&lines) + inbound.target().path_and_query().len() > settings.max_head {
            return Err(Refusal::HeadTooLarge);
        }
        let sending = Arc::new(Activity::new());
        let body = if body.is_end_stream() {
            body::empty()
        } else {
            let body = body.map_err(body::of_client);
            body::guard_watched(body, settings.request_body, Arc::clone(&sending))
        };
        let mut request = Request::new(body);
        *request.method_mut() = parts.method;
        *request.uri_mut() = upstream.uri(inbound.target())?;
        *request.headers_mut() = lines;
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        Ok(Self {
            request,
            upstream,
            upgrade: upgrade.filter(|_| websocket),
            slot: inbound.connection().slot.clone(),
            spoofed: cleaned.spoofed,
            sending,
        })
    }

    /// How many lines the client sent under names that claim an identity; they were removed.
    #[must_use]
    pub fn spoofed(&self) -> usize {
        self.spoofed
    }

    /// Sends the request, one more of `holder`'s, and waits for the head of the answer. Without a holder nobody counts it.
    ///
    /// Dropping the future cancels the request. A `GET` or `OPTIONS` without a body is sent once more
    /// when a connection that had been used before turned out to be dead (RFC 9110 section 9.2.2).
    ///
    /// # Errors
    /// [`UpstreamError`]; the causes are logged here and nowhere else.
    pub async fn send(self, holder: Option<Holder>) -> Result<Answer, UpstreamError> {
        let (upstream, began) = (self.upstream, Instant::now());
        let outcome = self.exchange(holder).await;
        upstream.tally().count(&outcome, began.elapsed());
        outcome
    }

    async fn exchange(self, holder: Option<Holder>) -> Result<Answer, UpstreamError> {
        let Self {
            request,
            upstream,
            upgrade,
            slot,
            spoofed: _,
            sending,
        } = self;
        let place = upstream.place(holder).await?;
        let method = request.method().clone();
        let spare = copy_if_repeatable(&request);
        let response = match upstream.attempt(request, &sending).await {
            Ok(response) => response,
            Err(failure) => match (failure.again, spare) {
                (Again::May, Some(spare)) => {
                    let repeated = upstream.attempt(spare, &sending).await;
                    repeated.map_err(|failure| failure.error)?
                }
                (Again::May | Again::No, _) => return Err(failure.error),
            },
        };
        match (response.status(), upgrade) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(client)) => {
                upstream.switch(response, client, slot, place)
            }
            (StatusCode::SWITCHING_PROTOCOLS, None) => Err(UpstreamError::BadResponse),
            (_, upgrade) => {
                let mut response = upstream.clean(&method, response, place);
                if upgrade.is_some() {
                    // What the client sent ahead of a refused handshake is no request.
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok(Answer::Response(response))
            }
        }
    }
}

/// States the body's framing anew (RFC 9112 section 6); explicit, so that a body on `GET` keeps it too.
fn set_framing(headers: &mut HeaderMap, body: &impl http_body::Body) {
    if body.is_end_stream() {
        return;
    }
    match body.size_hint().exact() {
        Some(length) => headers.insert(CONTENT_LENGTH, HeaderValue::from(length)),
        None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
    };
}

/// Asks for, or agrees to, the one upgrade that there is (RFC 9110 section 7.8).
fn set_switching(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// A second copy of a request that does no harm when it arrives twice.
fn copy_if_repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let safe = matches!(*request.method(), Method::GET | Method::OPTIONS);
    if !safe || !request.body().is_end_stream() || request.headers().contains_key(UPGRADE) {
        return None;
    }
    let mut copy = Request::new(body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}
