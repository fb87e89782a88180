//! Where a visitor is sent who has to show more: which page of ours, and the way back from it.

use crate::authz::Challenge;
use crate::authz::target::Target;
use crate::web::Body;
use crate::web::context::Context;
use crate::web::cookie::Transport;
use crate::web::request::{Cookies, Inbound};
use crate::web::respond;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The longest address that is handed to a proxy, whose buffers are small; a longer one leads back to the
/// page without its query, or to the front page.
const LONGEST: usize = 1_024;

/// The code of gRPC for this (grpc/doc/statuscodes.md).
const UNAUTHENTICATED: &str = "16";

/// Part of the query: the place that leads to the login page was sent two session cookies.
pub const TWICE: &str = "twice";

/// Part of the query: no browser sends our cookie to the place that leads to the login page.
pub const APART: &str = "apart";

/// The page that asks for what is missing. From another host it is named in full, unless that host has a
/// sign-in of its own.
#[must_use]
pub fn page(context: &Context, challenge: Challenge, target: &Target, came: &Cookies) -> String {
    let host = target.host();
    if host == context.place.host || context.place.signs_in_apart(host) {
        let page = link(context, challenge, "", came);
        context.allowed.parse(target.path_and_query()).after(&page)
    } else {
        address(context, challenge, target, came)
    }
}

/// The same with scheme and host, for proxies that would take a path for one of theirs.
#[must_use]
pub fn address(context: &Context, challenge: Challenge, target: &Target, came: &Cookies) -> String {
    let scheme = match context.place.transport {
        // Our cookie is never sent without TLS: only there the visitor is known.
        Transport::Tls => "https",
        Transport::Plain => target.scheme().as_str(),
    };
    let front = format!("{scheme}://{}", target.authority());
    let ways = [target.path_and_query(), target.path()].map(|way| format!("{front}{way}"));
    let backs = ways.iter().map(String::as_str).chain(["/"]);
    let mut page = link(context, challenge, &context.place.origin, came);
    if !context.place.is_signed_in_at(target.host()) {
        page = marked(&page, APART);
    }
    let mut links = backs.map(|back| context.allowed.parse(back).after(&page));
    let fits = links.find(|link| link.len() <= LONGEST);
    fits.unwrap_or_else(|| context.place.origin.clone())
}

/// Tells a program what has to be shown first, in words that scripts of other origins and gRPC clients
/// understand, too.
#[must_use]
pub fn unauthorized(
    context: &Context,
    asked: &HeaderMap,
    inbound: &Inbound,
    challenge: Challenge,
    page: &str,
) -> Response<Body> {
    let mut response = respond::unauthorized(challenge, page, inbound.id());
    let headers = response.headers_mut();
    context.cors.allow(asked, headers);
    if is_grpc(asked) {
        headers.insert(GRPC_STATUS, HeaderValue::from_static(UNAUTHENTICATED));
        let message = match challenge {
            Challenge::SignIn => "somebody has to sign in first",
            Challenge::SecondFactor => "a code has to be shown first",
            Challenge::FreshSecondFactor => "a fresh code has to be shown first",
        };
        headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    }
    response
}

/// gRPC over HTTP/2, and gRPC-Web.
fn is_grpc(asked: &HeaderMap) -> bool {
    let kind = asked.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Where two session cookies came, the browser is to forget the older one for that host: it would be asked to
/// sign in without end.
pub fn clear_older(context: &Context, came: &Cookies, host: &str, response: &mut Response<Body>) {
    if context.jar.has_two_sessions(came) {
        for cookie in context.jar.clear_older(came, host) {
            respond::set_cookie(response, cookie);
        }
    }
}

/// The page of ours that asks for what is missing, without the way back.
fn link(context: &Context, challenge: Challenge, front: &str, came: &Cookies) -> String {
    let name = match challenge {
        Challenge::SignIn => "/login",
        Challenge::SecondFactor | Challenge::FreshSecondFactor => "/second-factor",
    };
    let page = format!("{front}{}{name}", context.place.portal);
    if context.jar.has_two_sessions(came) {
        return marked(&page, TWICE);
    }
    page
}

/// Says of the place that leads to `page` what the page could not know.
fn marked(page: &str, mark: &str) -> String {
    let sign = if page.contains('?') { '&' } else { '?' };
    format!("{page}{sign}{mark}=there")
}
