//! Listeners and connections: how many, how long, and how they end.
//!
//! Every wait on a client has a deadline here: for a first byte, for a whole head, between requests, and for a
//! response to be read. hyper's own timers cover only some of these.

mod listener;
mod guard;
mod connection;

pub use crate::server::listener::{BadListen, Listen, Listener};

use crate::authz::target::Scheme;
use crate::server::connection::Watch;
use crate::server::guard::{Desk, Guard};
use crate::server::listener::Stream;
use crate::web::Body;
use crate::web::body;
use crate::web::request::{Connection, Refusal, Slot};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many connections are open at once, WebSockets included; further ones wait in the kernel's queue. Default 10 000.
    pub max_connections: usize,
    /// The longest time from the first byte of a head to its last, and from the connection to its first
    /// request; default 10 s.
    pub head_timeout: Duration,
    /// The longest time between two requests; default 60 s.
    pub idle_timeout: Duration,
    /// How long a client may not take a byte of what we send; default 60 s.
    pub write_timeout: Duration,
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
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            max_headers: 100,
            buffer: 64 * 1024,
        }
    }
}

/// Serves `service` on `listener` until `shutdown`, then lets what is under way end within the drain time.
///
/// `service` is given a request, or what is wrong with bytes that are none; it answers both.
/// A panic in `service` is a 500 for that request alone. WebSockets leave the connection behind and are
/// the caller's to end.
pub async fn serve<S, F>(
    listener: Listener,
    settings: Settings,
    service: S,
    shutdown: CancellationToken,
) where
    S: Fn(Result<Request<Incoming>, Refusal>, Connection) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let connections = TaskTracker::new();
    let hurry = CancellationToken::new();
    let stopping = shutdown.clone();
    let accepting = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = Connection {
                        peer,
                        scheme: Scheme::Http,
                        slot: Some(Slot::new(place)),
                    };
                    let ends = (shutdown.clone(), hurry.clone());
                    connections.spawn(carry(stream, connection, settings, service.clone(), ends));
                }
                Err(error) => pause(&error).await,
            }
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = accepting => {}
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(settings.drain_timeout, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "closing connections that did not end in time"
        );
        hurry.cancel();
        connections.wait().await;
    }
}

/// After an error of one connection goes on at once; out of files or memory, waits for some to be given back.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Carries one connection to its end.
async fn carry<S, F>(
    stream: Box<dyn Stream>,
    connection: Connection,
    settings: Settings,
    service: S,
    (shutdown, hurry): (CancellationToken, CancellationToken),
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
    let stream = watch.stream(stream);
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
    let overdue = watch.overdue(&settings);
    let stop = async {
        tokio::select! {
            () = hurry.cancelled() => {}
            () = overdue => {}
        }
    };
    let mut stop = pin!(stop);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.as_mut() => return,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving => ended,
                () = stop => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = ?connection.peer, "connection broke");
    }
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
