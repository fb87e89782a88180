//! The listener for operators: `/healthz` and `/readyz`. Never on the public listener.

use crate::store::Store;
use crate::web::request::Refusal;
use crate::web::{Body, body};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What `/readyz` says when all is well.
pub const READY: &str = "ready\n";

/// What the operators' answers are made with.
#[derive(Clone, Debug)]
pub struct Ops {
    /// Asked whether it can be asked.
    pub store: Arc<dyn Store>,
    /// The server stops: it is alive, and takes no more work.
    pub stopping: CancellationToken,
}

impl Ops {
    /// Answers one request.
    pub async fn answer<B>(self, request: Result<Request<B>, Refusal>) -> Response<Body> {
        let request = match request {
            Ok(request) => request,
            Err(refusal) => {
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
            "/readyz" => self.readiness().await,
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }

    async fn readiness(&self) -> Response<Body> {
        if self.stopping.is_cancelled() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        match self.store.ping().await {
            Ok(()) => text(StatusCode::OK, READY),
            Err(error) => {
                tracing::error!(%error, "not ready");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the store does not answer\n",
                )
            }
        }
    }
}

fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = Response::new(body::full(words));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
