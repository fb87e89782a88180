//! WebSocket handshakes and the tunnels that follow them.
//!
//! Only `websocket` is ever upgraded to; a tunnel ends with the session that opened it.

use crate::authz::target::Target;
use crate::web::activity::Activity;
use crate::web::request::{Inbound, Refusal, Slot};
use crate::web::upstream::hop_by_hop;
use crate::web::upstream::places::Place;
use data_encoding::BASE64;
use http::header::{
    CONTENT_LENGTH, COOKIE, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// True when a request asks to become a WebSocket. Any other wish to upgrade is ignored, as
/// RFC 9110 section 7.8 allows.
#[must_use]
pub fn is_websocket(parts: &Parts) -> bool {
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && names_websocket(&parts.headers)
        && hop_by_hop::has_option(&parts.headers, "upgrade")
}

/// True when the `Upgrade` line is one and says `websocket`.
pub(crate) fn names_websocket(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(UPGRADE).iter();
    matches!((lines.next(), lines.next()), (Some(only), None)
        if only.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Checks a handshake (RFC 6455 section 4.2.1) and where it comes from.
pub(crate) fn check(parts: &Parts, inbound: &Inbound, origins: &[String]) -> Result<(), Refusal> {
    let headers = &parts.headers;
    let length_is_zero = |value: &HeaderValue| value.as_bytes() == b"0";
    // A body in front of the tunnel would be read as its first bytes by somebody.
    let body = headers.contains_key(TRANSFER_ENCODING)
        || !headers.get(CONTENT_LENGTH).is_none_or(length_is_zero);
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => BASE64.decode(key.as_bytes()).ok(),
        (_, _) => None,
    };
    let version = headers
        .get(SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes);
    if body || version != Some(b"13") || key.is_none_or(|key| key.len() != 16) {
        return Err(Refusal::Handshake);
    }
    check_origin(headers, inbound, origins)
}

/// A page of another origin may not open a WebSocket with the visitor's cookies (ASVS V4.4.2).
///
/// Browsers always send `Origin`. Without it the request passes only when it carries no cookie at all: then
/// there is nothing that a foreign page could have borrowed.
fn check_origin(headers: &HeaderMap, inbound: &Inbound, origins: &[String]) -> Result<(), Refusal> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let origin = match (lines.next(), lines.next()) {
        (None, _) if !headers.contains_key(COOKIE) => return Ok(()),
        (Some(origin), None) => origin.to_str().ok(),
        (_, _) => None,
    };
    let origin = origin.and_then(|text| Target::parse_url(text).ok());
    let Some(origin) = origin else {
        return Err(Refusal::HandshakeOrigin);
    };
    let known = origins.iter().map(String::as_str);
    if known
        .chain([inbound.target().origin()])
        .any(|known| known == origin.origin())
    {
        Ok(())
    } else {
        Err(Refusal::HandshakeOrigin)
    }
}

/// How a tunnel came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// One side closed it.
    Closed,
    /// Nothing was said for the tunnel's idle time.
    Idle,
    /// The session is over, or the server stops.
    Ended,
    /// A side broke off, or never got to speak.
    Broken,
}

/// Both ends of an accepted WebSocket, to be run until it is over.
#[must_use = "a tunnel that is not run is closed"]
pub struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) app: OnUpgrade,
    pub(crate) idle: Duration,
    pub(crate) slot: Option<Slot>,
    /// Its place among what the app may have.
    pub(crate) place: Place,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl Tunnel {
    /// Carries bytes both ways until a side closes, both fall silent, or `ended` says that the session is over.
    ///
    /// Spawn this on a `TaskTracker` after handing the response on: the client's side opens only once it was sent.
    pub async fn run(self, ended: impl Future<Output = ()>) -> End {
        let _places = (self.slot, self.place);
        let opening = async { tokio::try_join!(self.client, self.app) };
        tokio::pin!(ended);
        let opened = tokio::select! {
            () = &mut ended => return End::Ended,
            () = tokio::time::sleep(self.idle) => return End::Idle,
            opened = opening => opened,
        };
        let Ok((client, app)) = opened else {
            return End::Broken;
        };
        let activity = Arc::new(Activity::new());
        let mut client = Watched::new(client, &activity);
        let mut app = Watched::new(app, &activity);
        tokio::select! {
            () = ended => End::Ended,
            () = activity.still_for(self.idle) => End::Idle,
            copied = tokio::io::copy_bidirectional(&mut client, &mut app) => match copied {
                Ok(_) => End::Closed,
                Err(_) => End::Broken,
            },
        }
    }
}

/// One end of a tunnel; notes when bytes arrive.
struct Watched {
    io: TokioIo<Upgraded>,
    activity: Arc<Activity>,
}

impl Watched {
    fn new(io: Upgraded, activity: &Arc<Activity>) -> Self {
        Self {
            io: TokioIo::new(io),
            activity: Arc::clone(activity),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buffer));
        self.activity.touch();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
