//! One app, the connections to it, and its answers made fit for clients.

use crate::authz::target::Target;
use crate::web::Body;
use crate::web::activity::Activity;
use crate::web::body;
use crate::web::request::{Inbound, Refusal, Slot};
use crate::web::upstream::connector::{Address, Connector, Used};
use crate::web::upstream::failure::{Again, Failure, UpstreamError, causes, judge};
use crate::web::upstream::headers::{self, Policy};
use crate::web::upstream::places::{Holder, Place, Places};
use crate::web::upstream::tally::Tally;
use crate::web::upstream::upgrade::{self, Tunnel};
use crate::web::upstream::{Answer, HostHeader, Settings, set_switching};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;

type Client = legacy::Client<Connector, Body>;

/// One app and the connections to it.
#[derive(Clone, Debug)]
pub struct Upstream {
    settings: Settings,
    policy: Arc<Policy>,
    /// Keeps its connections for the requests that follow.
    client: Client,
    /// Has a connection for each request.
    once: Client,
    places: Places,
    tally: Tally,
    /// What stands for the app in URIs and, if so configured, in `Host`.
    authority: Authority,
}

impl Upstream {
    /// Connects to nothing yet.
    pub(crate) fn new(settings: Settings, policy: Arc<Policy>, tally: Tally) -> Self {
        let connector = Connector {
            address: Arc::new(settings.address.clone()),
            timeout: settings.connect_timeout,
        };
        let keeping = |connections: usize| {
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(settings.pool_idle_timeout)
                .pool_max_idle_per_host(connections)
                .http1_max_headers(100)
                .http1_max_buf_size(64 * 1024)
                // Ours is regenerated in every request; a missing one is a bug that must show.
                .set_host(false)
                .build(connector.clone())
        };
        let (client, once) = (keeping(64), keeping(0));
        let authority = match &settings.address {
            Address::Tcp { host, port: 80 } => host.parse(),
            Address::Tcp { host, port } => format!("{host}:{port}").parse(),
            Address::Unix(_) => Ok(Authority::from_static("localhost")),
        };
        Self {
            places: Places::new(&settings),
            settings,
            policy,
            client,
            once,
            tally,
            authority: authority.expect("a parsed address is an authority"),
        }
    }

    /// The rules for header lines.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The counters of its answers.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How it was configured.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the app sees in `Host`.
    pub(crate) fn host_header(&self, inbound: &Inbound) -> HeaderValue {
        match self.settings.host_header {
            HostHeader::Preserve => headers::authority(inbound),
            HostHeader::Upstream => HeaderValue::from_str(self.authority.as_str())
                .expect("an authority is visible ASCII"),
        }
    }

    /// The URI for the client below: only path and query reach the app, as they were judged.
    pub(crate) fn uri(&self, target: &Target) -> Result<Uri, Refusal> {
        let path = PathAndQuery::try_from(target.path_and_query()).map_err(|_| Refusal::Path)?;
        Uri::builder()
            .scheme("http")
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| Refusal::Path)
    }

    /// Waits for a place among the requests that the app may have, as long as connecting may take.
    pub(crate) async fn place(&self, holder: Option<Holder>) -> Result<Place, UpstreamError> {
        let taken = self.places.take(holder).await;
        if let Err(UpstreamError::Busy) = taken {
            let most = self.settings.max_connections;
            tracing::warn!(event = "upstream", upstream = %self.settings.address, most, "max_connections of it are in use");
        }
        taken
    }

    /// Sends a request once; what comes back is well-formed.
    pub(crate) async fn attempt(
        &self,
        request: Request<Body>,
        sending: &Activity,
    ) -> Result<Response<Incoming>, Failure> {
        let method = request.method().clone();
        let client = if is_alone(&method, request.body()) {
            &self.once
        } else {
            &self.client
        };
        sending.touch();
        let answered = tokio::select! {
            answered = client.request(request) => answered,
            () = sending.still_for(self.settings.response_timeout) => {
                tracing::warn!(event = "upstream", upstream = %self.settings.address, "no answer in time");
                return Err(Failure { error: UpstreamError::Timeout, again: Again::No });
            }
        };
        match answered {
            Ok(response) => {
                if let Some(used) = response.extensions().get::<Used>() {
                    used.set();
                }
                check(&method, &response)?;
                Ok(response)
            }
            Err(error) => {
                let failure = judge(&error);
                let cause = causes(&error);
                tracing::warn!(event = "upstream", upstream = %self.settings.address, cause, "no answer");
                Err(failure)
            }
        }
    }

    /// Makes of an app's response what a client may see; `place` is free again when its body has ended.
    pub(crate) fn clean(
        &self,
        method: &Method,
        response: Response<Incoming>,
        place: Place,
    ) -> Response<Body> {
        let (mut received, body) = response.into_parts();
        let length = received.headers.remove(CONTENT_LENGTH);
        let mut answer = self.head(received);
        // Without a body to measure, the length is the app's word for what GET would bring.
        if *method == Method::HEAD
            && let Some(length) = length
        {
            answer.headers_mut().insert(CONTENT_LENGTH, length);
        }
        let limits = body::Limits {
            bytes: None,
            idle: self.settings.idle_timeout,
            total: None,
            rate: None,
        };
        answer.map(|()| {
            if body.is_end_stream() {
                body::empty()
            } else {
                body::guard_keeping(body, limits, place)
            }
        })
    }

    /// The head of a response: its own version and no reason, whatever the app's were.
    fn head(&self, received: Parts) -> Response<()> {
        let mut answer = Response::new(());
        *answer.status_mut() = received.status;
        *answer.headers_mut() = headers::clean_response(received.headers, &self.policy);
        answer
    }

    /// Opens a tunnel if the app agreed to exactly what was asked.
    pub(crate) fn switch(
        &self,
        mut response: Response<Incoming>,
        client: OnUpgrade,
        slot: Option<Slot>,
        place: Place,
    ) -> Result<Answer, UpstreamError> {
        if !upgrade::names_websocket(response.headers()) {
            tracing::warn!(event = "upstream", upstream = %self.settings.address, "another protocol than asked for");
            return Err(UpstreamError::BadResponse);
        }
        let tunnel = Tunnel {
            client,
            app: hyper::upgrade::on(&mut response),
            idle: self.settings.tunnel_idle_timeout,
            slot,
            place,
        };
        let mut answer = self.head(response.into_parts().0).map(|()| body::empty());
        set_switching(answer.headers_mut());
        Ok(Answer::Switching(answer, tunnel))
    }
}

/// True for a request that shares its connection with no other, because apps are known to disagree with us about
/// where it or its answer ends.
///
/// An app that answers without reading the body takes it for the next request: one that nobody judged, under
/// whatever name its sender writes, and whose answer the next visitor gets ("CL.0", PortSwigger 2022). An app that
/// sends a body in answer to `HEAD` has it taken for the next answer.
pub(crate) fn is_alone(method: &Method, body: &impl http_body::Body) -> bool {
    *method == Method::HEAD || !body.is_end_stream()
}

/// The most bytes of a response's header lines; hyper's own limit is only roughly kept.
const MAX_RESPONSE_HEAD: usize = 64 * 1024;

/// Refuses what two clients could read as two different answers.
fn check(method: &Method, response: &Response<Incoming>) -> Result<(), Failure> {
    let (status, lines) = (response.status(), response.headers());
    let known = status == StatusCode::SWITCHING_PROTOCOLS
        || (200..600).contains(&status.as_u16())
            && status != StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    if known && is_framed_once(lines) && headers::size(lines) <= MAX_RESPONSE_HEAD {
        return Ok(());
    }
    tracing::warn!(event = "upstream", %status, %method, "the app's answer is malformed");
    Err(Failure {
        error: UpstreamError::BadResponse,
        again: Again::No,
    })
}

/// One length in digits, or `chunked`, or neither (RFC 9112 section 6.3).
fn is_framed_once(lines: &HeaderMap) -> bool {
    let mut lengths = lines.get_all(CONTENT_LENGTH).iter();
    let mut codings = lines.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (None, None) => true,
        (Some(length), None) => {
            !length.is_empty()
                && length.as_bytes().iter().all(u8::is_ascii_digit)
                && lengths.all(|other| other == length)
        }
        (None, Some(coding)) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none()
        }
        (Some(_), Some(_)) => false,
    }
}
