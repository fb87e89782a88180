//! The listener for operators: `/healthz`, `/readyz` and `/metrics`. Never on the public listener.

use crate::audit::{Audit, Details, Event};
use crate::metrics::{Format, Metrics, number, reading};
use crate::store::Store;
use crate::web::context::source_of;
use crate::web::request::{Connection, Refusal, RequestId};
use crate::web::{Body, body};
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// What `/readyz` says when all is well.
pub const READY: &str = "ready\n";

/// What the operators' answers are made with.
#[derive(Clone, Debug)]
pub struct Ops(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Arc<dyn Store>,
    stopping: CancellationToken,
    metrics: Metrics,
    audit: Audit,
    ready: Arc<AtomicBool>,
}

impl Ops {
    /// Asks `store` whether it can be asked; once `stopping`, the server is alive and takes no more work.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        stopping: CancellationToken,
        mut metrics: Metrics,
        audit: Audit,
    ) -> Self {
        let ready = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&ready);
        reading(
            metrics.ours(),
            "ready",
            "1 while /readyz says so, else 0",
            move || number(usize::from(known.load(Ordering::Relaxed))),
        );
        Self(Arc::new(Parts {
            store,
            stopping,
            metrics,
            audit,
            ready,
        }))
    }

    /// Answers one request. What is none is recorded, as on the public listener.
    pub async fn answer<B>(
        self,
        request: Result<Request<B>, Refusal>,
        connection: Connection,
    ) -> Response<Body> {
        let request = match request {
            Ok(request) => request,
            Err(refusal) => {
                let source = source_of(&connection, &RequestId::generate());
                let details = Details::none().reason(refusal.name());
                let event = Event::InputValidationFail;
                self.0.audit.record(event, &source, &details);
                let mut response = text(refusal.status(), "not a request\n");
                refusal.complete(response.headers_mut());
                return response;
            }
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "alive\n"),
            "/readyz" => match self.readiness().await {
                Ok(()) => text(StatusCode::OK, READY),
                Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            "/metrics" => self.metrics(format(request.headers())).await,
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    async fn readiness(&self) -> Result<(), &'static str> {
        if self.0.stopping.is_cancelled() {
            return Err("stopping\n");
        }
        self.0.store.ping().await.map_err(|error| {
            tracing::error!(%error, "not ready");
            "the store does not answer\n"
        })
    }

    async fn metrics(&self, format: Format) -> Response<Body> {
        let is_ready = self.readiness().await.is_ok();
        self.0.ready.store(is_ready, Ordering::Relaxed);
        let mut response = text(StatusCode::OK, self.0.metrics.text(format));
        let media_type = HeaderValue::from_static(format.media_type());
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        response
    }
}

/// Prometheus asks for OpenMetrics; whoever does not gets what everything reads.
fn format(headers: &HeaderMap) -> Format {
    let lines = headers.get_all(ACCEPT).iter();
    let mut ranges = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    if ranges.any(|range| {
        range
            .trim_ascii()
            .starts_with(b"application/openmetrics-text")
    }) {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

fn text(status: StatusCode, words: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(words.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
