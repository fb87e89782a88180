//! Our own pages: who may load them, and which file answers.

mod login;
mod second_factor;
mod invite;
mod enrol;
mod account;
mod logout;
mod machine;
mod visit;
mod forged;
mod twice;

use crate::authz::target::Scheme;
use crate::web::Body;
use crate::web::context::Context;
use crate::web::cookie::Transport;
use crate::web::page::error::Problem;
use crate::web::portal::visit::Visit;
use crate::web::request::Inbound;
use crate::web::respond::{self, Asker, Failure};
use crate::web::route::Page;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use hyper::body::Incoming;

/// Answers a request for one of our pages.
pub(in crate::web) async fn answer(
    context: &Context,
    page: &Page,
    parts: &Parts,
    body: Incoming,
    inbound: &Inbound,
) -> Response<Body> {
    if let Some(refused) = refuse(context, page, parts, inbound) {
        return refused;
    }
    let visit = Visit::new(context, parts, inbound);
    let posted = parts.method == Method::POST;
    let response = match (page, posted) {
        (Page::Home, _) => respond::see_other(&context.path("/account")),
        (Page::Login, false) => login::show(&visit).await,
        (Page::Login, true) => login::submit(&visit, body).await,
        (Page::SecondFactor, false) => second_factor::show(&visit).await,
        (Page::SecondFactor, true) => second_factor::submit(&visit, body).await,
        (Page::Invite(token), false) => invite::show(&visit, token).await,
        (Page::Invite(token), true) => invite::submit(&visit, token, body).await,
        (Page::Enrol, false) => enrol::show(&visit).await,
        (Page::Enrol, true) => enrol::submit(&visit, body).await,
        (Page::Account, _) => account::show(&visit).await,
        (Page::Logout, false) => logout::show(&visit).await,
        (Page::Logout, true) => logout::submit(&visit, body).await,
        (Page::Jwks, _) => machine::jwks(&visit),
        (Page::Whoami, _) => machine::whoami(&visit).await,
        (Page::Asset(name), _) => machine::asset(&visit, name),
    };
    context.own(response)
}

/// What no page of ours answers: other methods, scripts and frames, plain HTTP in place of TLS.
fn refuse(
    context: &Context,
    page: &Page,
    parts: &Parts,
    inbound: &Inbound,
) -> Option<Response<Body>> {
    let fail = |problem, name| {
        // A form is a person's.
        let asker = if page.is_html() && parts.method == Method::POST {
            Asker::Navigation
        } else {
            Asker::of(parts)
        };
        Some(context.fail(asker, inbound.id(), &Failure { problem, name }))
    };
    if !page.methods().contains(&parts.method) {
        let mut response = fail(Problem::MethodNotAllowed, "method")?;
        response.headers_mut().insert(ALLOW, allow(page));
        return Some(response);
    }
    if page.is_html() && !respond::is_document_request(&parts.headers) {
        return fail(Problem::NotAllowed, "not-a-navigation");
    }
    let encrypted = match (context.place.transport, inbound.target().scheme()) {
        (Transport::Plain, _) | (Transport::Tls, Scheme::Https) => true,
        (Transport::Tls, Scheme::Http) => false,
    };
    // Over plain HTTP our cookies would not come back, and the password would travel open (V12.2.1).
    if page.is_html() && !encrypted {
        return fail(Problem::NotEncrypted, "not-encrypted");
    }
    None
}

fn allow(page: &Page) -> HeaderValue {
    let names: Vec<&str> = page.methods().iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).expect("methods are tokens")
}
