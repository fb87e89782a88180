//! One request: read, routed, answered.

use crate::audit::{Details, Event, Source};
use crate::web::body::full;
use crate::web::context::Context;
use crate::web::page::error::Problem;
use crate::web::request::{Connection, Inbound, Peer, Refusal, RequestId};
use crate::web::respond::{Asker, Failure};
use crate::web::route::{Page, Route};
use crate::web::{Body, portal, proxy};
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

/// Answers one request, whatever it is, and bytes that are none.
pub async fn answer(
    context: Arc<Context>,
    request: Result<Request<Incoming>, Refusal>,
    connection: Connection,
) -> Response<Body> {
    let (parts, body) = match request {
        Ok(request) => request.into_parts(),
        // Nobody knows what was asked for, so nobody reads a page.
        Err(refusal) => return refused(&context, Asker::Program, &connection, refusal),
    };
    let is_head = parts.method == Method::HEAD;
    let inbound = match Inbound::read(&parts, &connection, &context.limits) {
        Ok(inbound) => inbound,
        Err(refusal) => {
            let answer = refused(&context, Asker::of(&parts), &connection, refusal);
            return without_body(answer, is_head);
        }
    };
    let route = Route::of(inbound.target(), &context.place.portal);
    // Apps fetch the public keys by names that no browser knows.
    let for_all = route == Route::Portal(Page::Jwks);
    if !for_all && !context.place.serves(inbound.target().host()) {
        return without_body(misdirected(&context, &parts, &inbound), is_head);
    }
    match route {
        Route::Application => proxy::answer(&context, parts, body, &inbound).await,
        Route::Portal(page) => {
            let answer = portal::answer(&context, page, &parts, body, &inbound).await;
            without_body(answer, is_head)
        }
        Route::Unknown => {
            let failure = Failure {
                problem: Problem::NotFound,
                name: "not-found",
            };
            without_body(
                context.fail(Asker::of(&parts), inbound.id(), &failure),
                is_head,
            )
        }
    }
}

/// Nobody configured this host (RFC 9110, 15.5.20): no cookie is set for it, no page is shown on it.
fn misdirected(context: &Context, parts: &Parts, inbound: &Inbound) -> Response<Body> {
    let failure = Failure {
        problem: Problem::WrongHost,
        name: "unknown-host",
    };
    context.fail(Asker::of(parts), inbound.id(), &failure)
}

/// A request that could not be understood is answered, counted, and never forwarded.
fn refused(
    context: &Context,
    asker: Asker,
    connection: &Connection,
    refused: Refusal,
) -> Response<Body> {
    let id = RequestId::generate();
    let source = Source {
        address: match connection.peer {
            Peer::Ip(address) => address.to_string(),
            Peer::Unix { .. } => "unix".to_owned(),
        },
        request_id: id.as_str().to_owned(),
    };
    let details = Details::none().reason(refused.name());
    context
        .audit
        .record(Event::InputValidationFail, &source, &details);
    context.refuse(asker, &id, refused)
}

/// HEAD is answered as GET, without the content (RFC 9110, 9.3.2); hyper leaves it out by itself.
fn without_body(response: Response<Body>, is_head: bool) -> Response<Body> {
    if is_head {
        response.map(|_| full(""))
    } else {
        response
    }
}
