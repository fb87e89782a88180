//! One request: read, routed, answered.

use crate::audit::{Details, Event};
use crate::web::access::{Answered, Line};
use crate::web::body::full;
use crate::web::context::{Context, source_of};
use crate::web::page::error::Problem;
use crate::web::request::{Connection, Inbound, Peer, Refusal, RequestId, X_REQUEST_ID};
use crate::web::respond::{Asker, Failure};
use crate::web::route::{Dialect, Page, Route};
use crate::web::tally::Class;
use crate::web::{Body, auth_check, portal, proxy};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use std::sync::Arc;
use std::time::Instant;

/// Answers one request, whatever it is, and bytes that are none.
pub async fn answer(
    context: Arc<Context>,
    request: Result<Request<Incoming>, Refusal>,
    connection: Connection,
) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = match request {
        Ok(request) => request.into_parts(),
        // Nobody knows what was asked for, so nobody reads a page.
        Err(refusal) => {
            let unread = Unread {
                began,
                method: None,
                path: "",
                asker: Asker::Program,
            };
            return unread.refuse(&context, &connection, refusal);
        }
    };
    let method = parts.method.clone();
    let inbound = match Inbound::read(&parts, &connection, &context.limits) {
        Ok(inbound) => inbound,
        Err(refusal) => {
            let unread = Unread {
                began,
                method: Some(&method),
                path: parts.uri.path(),
                asker: Asker::of(&parts),
            };
            return unread.refuse(&context, &connection, refusal);
        }
    };
    let route = Route::of(inbound.target(), &context.place.portal);
    let answered = routed(&context, &route, parts, body, &inbound).await;
    let line = Line {
        began,
        method: Some(&method),
        id: inbound.id(),
        address: Some(inbound.client()),
        target: Some((&inbound, &route)),
    };
    finish(&context, &line, answered)
}

async fn routed(
    context: &Arc<Context>,
    route: &Route,
    parts: Parts,
    body: Incoming,
    inbound: &Inbound,
) -> Answered {
    if let Route::AuthCheck(dialect) = route {
        let mut answered = auth_check::answer(context, *dialect, &parts, inbound).await;
        // Nobody reads what a proxy sent with a check, or only promised to.
        if !body.is_end_stream() {
            let close = HeaderValue::from_static("close");
            answered.response.headers_mut().insert(CONNECTION, close);
        }
        return answered;
    }
    if let Some(refusal) = refusal(&parts.method, route, inbound) {
        context.record(inbound, Event::InputValidationFail, refusal.name());
        let answer = context.refuse(Asker::of(&parts), inbound.id(), refusal);
        return Answered::new(Class::Refused, answer);
    }
    // Apps fetch the public keys by names that no browser knows.
    let for_all = *route == Route::Portal(Page::Jwks);
    if !for_all && !context.place.serves(inbound.target().host()) {
        return misdirected(context, &parts, inbound);
    }
    match route {
        Route::Application => proxy::answer(context, parts, body, inbound).await,
        Route::Portal(page) => {
            let answer = portal::answer(context, page, &parts, body, inbound).await;
            Answered::new(Class::Portal, answer)
        }
        Route::AuthCheck(_) | Route::Unknown => {
            let failure = Failure {
                problem: Problem::NotFound,
                name: "not-found",
            };
            let answer = context.fail(Asker::of(&parts), inbound.id(), &failure);
            Answered::new(Class::Refused, answer)
        }
    }
}

/// Why a request that could be read goes no further, wherever it wants to go. Nothing of this is for checks: to a
/// proxy that asks, any 2xx is a yes.
fn refusal(method: &Method, route: &Route, inbound: &Inbound) -> Option<Refusal> {
    if inbound.max_forwards() == Some(0) {
        Some(Refusal::ServerOptions)
    } else {
        is_too_early(method, route, inbound).then_some(Refusal::TooEarly)
    }
}

/// What could be a copy may ask the app for what it has, and nothing else: it neither changes anything nor
/// takes a step of ours (RFC 8470 section 4).
fn is_too_early(method: &Method, route: &Route, inbound: &Inbound) -> bool {
    inbound.is_early() && !(method.is_safe() && *route == Route::Application)
}

/// Counts the answer, writes its line, and says under which name both know it.
fn finish(context: &Context, line: &Line<'_>, answered: Answered) -> Response<Body> {
    context.tally.count(answered.class);
    context.access.write(&context.place.portal, line, &answered);
    let mut response = answered.response;
    response
        .headers_mut()
        .insert(X_REQUEST_ID, line.id.header());
    let from_app = matches!(answered.class, Class::App | Class::Bypassed);
    without_body(response, line.method == Some(&Method::HEAD) && !from_app)
}

/// Nobody configured this host (RFC 9110, 15.5.20): no cookie is set for it, no page is shown on it.
fn misdirected(context: &Context, parts: &Parts, inbound: &Inbound) -> Answered {
    let failure = Failure {
        problem: Problem::WrongHost,
        name: "unknown-host",
    };
    let answer = context.fail(Asker::of(parts), inbound.id(), &failure);
    Answered::new(Class::Refused, answer)
}

/// A request that could not be understood.
struct Unread<'a> {
    began: Instant,
    method: Option<&'a Method>,
    /// As it came; empty when not even that is known.
    path: &'a str,
    asker: Asker,
}

impl Unread<'_> {
    /// It is answered, counted, and never forwarded.
    fn refuse(
        &self,
        context: &Context,
        connection: &Connection,
        refused: Refusal,
    ) -> Response<Body> {
        let id = RequestId::generate();
        let address = match connection.peer {
            Peer::Ip(address) => Some(address),
            Peer::Unix { .. } => None,
        };
        let details = Details::none().reason(refused.name());
        let source = source_of(connection, &id);
        context
            .audit
            .record(Event::InputValidationFail, &source, &details);
        let mut answer = context.refuse(self.asker, &id, refused);
        // nginx makes an error of its own server of everything but 401 and 403.
        if Dialect::at(self.path, &context.place.portal) == Some(Dialect::AuthRequest) {
            *answer.status_mut() = StatusCode::FORBIDDEN;
        }
        let line = Line {
            began: self.began,
            method: self.method,
            id: &id,
            address,
            target: None,
        };
        finish(context, &line, Answered::new(Class::Refused, answer))
    }
}

/// HEAD is answered as GET, without the content (RFC 9110, 9.3.2); hyper leaves it out by itself.
fn without_body(response: Response<Body>, is_head: bool) -> Response<Body> {
    if is_head {
        response.map(|_| full(""))
    } else {
        response
    }
}
