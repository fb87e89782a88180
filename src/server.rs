//! Listeners and connections: how many, how long, and how they end.
//!
//! Every wait on a client has a deadline here: for a first byte, for a whole head, between requests, and for a
//! response to be read. hyper's own timers cover only some of these.

mod listener;
mod guard;
mod places;
mod connection;
pub mod descriptors;

pub use crate::server::listener::{BadListen, Listen, Listener};

use crate::authz::target::Scheme;
use crate::server::connection::Watch;
use crate::server::guard::{Desk, Guard};
use crate::server::listener::Stream;
use crate::server::places::{Free, Places};
use crate::web::Body;
use crate::web::body;
use crate::web::request::{Connection, Peer, Refusal};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What connections may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many connections are open at once, WebSockets included; further ones wait in the kernel's queue. Default 10 000.
    pub max_connections: usize,
    /// How many of them one address may have (of IPv6: one /64 network); further ones are closed. Default 1000.
    pub max_connections_per_address: usize,
    /// Addresses that speak for many, such as those of proxies: only the number in all holds for them. Unix
    /// sockets are always among them. Default none.
    pub shared_addresses: Vec<IpNet>,
    /// The longest time from the first byte of a head to its last, and from the connection to its first
    /// request; default 10 s.
    pub head_timeout: Duration,
    /// The longest time between two requests; default 60 s.
    pub idle_timeout: Duration,
    /// How long a client may not take a byte of what we send; default 60 s.
    pub write_timeout: Duration,
    /// The fewest bytes per second that a client takes, averaged over [`Settings::write_timeout`] of waiting for
    /// it; default 240. Time in which there is nothing to send does not count.
    pub write_rate: u32,
    /// How long requests under way may take to end when the server stops; default 30 s.
    pub drain_timeout: Duration,
    /// The most header lines; more are 431. Default 100.
    pub max_headers: usize,
    /// The read buffer, in bytes, and so the hard limit of a head; more is 414 or 431. Default 64 KiB.
    pub buffer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 1000,
            shared_addresses: vec![],
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            write_rate: 240,
            drain_timeout: Duration::from_secs(30),
            max_headers: 100,
            buffer: 64 * 1024,
        }
    }
}

/// How the server is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// No further connections; requests under way may end within the drain time.
    pub gently: CancellationToken,
    /// Nothing is waited for.
    pub at_once: CancellationToken,
}

/// Serves `service` on `listener` until `stop`, then lets what is under way end within the drain time.
///
/// `service` is given a request, or what is wrong with bytes that are none; it answers both.
/// A panic in `service` is a 500 for that request alone. WebSockets leave the connection behind and are
/// the caller's to end.
pub async fn serve<S, F>(listener: Listener, settings: Settings, service: S, stop: Stop)
where
    S: Fn(Result<Request<Incoming>, Refusal>, Connection) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let drain_timeout = settings.drain_timeout;
    let hurry = stop.at_once.child_token();
    let acceptor = Acceptor {
        listener,
        places: Places::new(&settings),
        settings: Arc::new(settings),
        service,
        connections: TaskTracker::new(),
        stop: Stop {
            gently: stop.gently.clone(),
            at_once: hurry.clone(),
        },
    };
    tokio::select! {
        () = stop.gently.cancelled() => acceptor.accept_the_rest().await,
        () = acceptor.accept() => {}
    }
    let connections = acceptor.connections.clone();
    drop(acceptor);
    connections.close();
    tokio::select! {
        () = connections.wait() => return,
        () = tokio::time::sleep(drain_timeout) => {}
        () = hurry.cancelled() => {}
    }
    tracing::warn!(
        open = connections.len(),
        "closing connections that did not end in time"
    );
    hurry.cancel();
    connections.wait().await;
}

/// When it is time to stop, how long the reactor may take to report what has already arrived.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// The most that the kernel's queue of connections may prolong accepting.
const LAST_ACCEPTS: Duration = Duration::from_millis(200);

struct Acceptor<S> {
    listener: Listener,
    places: Places,
    settings: Arc<Settings>,
    service: S,
    connections: TaskTracker,
    stop: Stop,
}

impl<S, F> Acceptor<S>
where
    S: Fn(Result<Request<Incoming>, Refusal>, Connection) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Takes in connections for ever.
    async fn accept(&self) {
        let mut trouble = Trouble::default();
        loop {
            let free = self.places.free().await;
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    trouble = Trouble::default();
                    self.admit(stream, peer, free);
                }
                Err(error) => trouble.wait_out(&error).await,
            }
        }
    }

    /// Takes in those whose connection the kernel had completed already: closing the listener would reset them,
    /// and they may have sent a request.
    async fn accept_the_rest(&self) {
        let all = async {
            loop {
                let free = self.places.free().await;
                let next = tokio::time::timeout(LAST_LOOK, self.listener.accept());
                let Ok(Ok((stream, peer))) = next.await else {
                    return;
                };
                self.admit(stream, peer, free);
            }
        };
        // Whoever comes after that is too late, however many there are.
        drop(tokio::time::timeout(LAST_ACCEPTS, all).await);
    }

    fn admit(&self, stream: Box<dyn Stream>, peer: Peer, free: Free) {
        let Some(slot) = self.places.assign(free, peer) else {
            return;
        };
        let connection = Connection {
            peer,
            scheme: Scheme::Http,
            slot: Some(slot),
        };
        let settings = Arc::clone(&self.settings);
        let (service, stop) = (self.service.clone(), self.stop.clone());
        self.connections
            .spawn(carry(stream, connection, settings, service, stop));
    }
}

/// Errors in a row while accepting.
#[derive(Default)]
struct Trouble {
    told: bool,
}

impl Trouble {
    /// After an error of one connection goes on at once; out of files or memory, waits for some to be given back.
    async fn wait_out(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionRefused | ConnectionReset
        ) {
            return;
        }
        if !self.told {
            tracing::error!(%error, "cannot accept connections; trying on");
            self.told = true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Carries one connection to its end.
async fn carry<S, F>(
    stream: Box<dyn Stream>,
    connection: Connection,
    settings: Arc<Settings>,
    service: S,
    stop: Stop,
) where
    S: Fn(Result<Request<Incoming>, Refusal>, Connection) -> F,
    F: Future<Output = Response<Body>>,
{
    let (watch, desk) = (Arc::new(Watch::new()), Arc::new(Desk::new()));
    let answer = service_fn(|request| {
        watch.request_began();
        let answer = service(desk.admit(request), connection.clone());
        let (watch, desk) = (Arc::clone(&watch), Arc::clone(&desk));
        async move {
            let response = or_500(answer).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                desk.open_tunnel();
            }
            Ok::<_, Infallible>(watch.response(response))
        }
    });
    let limits = guard::Limits {
        bytes: settings.buffer,
        lines: settings.max_headers,
    };
    let stream = watch.stream(stream, &settings);
    let stream = Guard::new(stream, Arc::clone(&watch), Arc::clone(&desk), limits);
    let io = TokioIo::new(stream);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // A second line behind our own deadlines: hyper counts the pause before a head as part of it.
        .header_read_timeout(settings.idle_timeout + settings.head_timeout)
        .max_headers(settings.max_headers)
        .max_buf_size(settings.buffer)
        .serve_connection(io, answer)
        .with_upgrades();
    let mut serving = pin!(serving);
    let mut cut = pin!(cut_off(&watch, &settings, &stop));
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => ended,
        () = cut.as_mut() => return,
        () = time_to_go(&stop) => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving => ended,
                () = cut => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = ?connection.peer, "connection broke");
    }
}

/// Returns when nothing is waited for any longer: a deadline has passed, or everything stops at once.
async fn cut_off(watch: &Watch, settings: &Settings, stop: &Stop) {
    tokio::select! {
        () = stop.at_once.cancelled() => {}
        () = watch.overdue(settings) => {}
    }
}

/// Returns when it is time to stop, and what had arrived by then was seen: a request that was not read yet gets
/// its answer.
async fn time_to_go(stop: &Stop) {
    stop.gently.cancelled().await;
    tokio::time::sleep(LAST_LOOK).await;
}

/// Turns a panic into an answer, so that a bug met by one request costs nobody else a connection.
async fn or_500(answer: impl Future<Output = Response<Body>>) -> Response<Body> {
    let mut answer = pin!(answer);
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            tracing::error!("a request ended in a panic");
            Poll::Ready(internal_error())
        })
    })
    .await
}

fn internal_error() -> Response<Body> {
    let mut response = Response::new(body::full("Something went wrong here.\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, text);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
