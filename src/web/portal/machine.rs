//! Answers for programs: public keys, who am I, our own files.

use crate::authz::Challenge;
use crate::gate::Visitor;
use crate::identity::jwks::MAX_AGE;
use crate::identity::signer;
use crate::web::page::error::Problem;
use crate::web::portal::visit::Visit;
use crate::web::respond::{self, Failure};
use crate::web::{Body, body};
use http::HeaderMap;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, VARY,
};
use http::{Response, StatusCode};
use serde::Serialize;

/// The public keys. They are public: any origin may read them.
pub(in crate::web::portal) fn jwks(visit: &Visit<'_>) -> Response<Body> {
    let keys = visit.context.keys.in_force();
    let jwks = &keys.published;
    let mut response = if is_known(&visit.parts.headers, &jwks.etag) {
        respond::empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(body::full(jwks.json.clone()))
    };
    let etag = HeaderValue::from_str(&jwks.etag).expect("an entity tag is visible ASCII");
    let caching = format!("public, max-age={}", MAX_AGE.as_secs());
    let caching = HeaderValue::from_str(&caching).expect("words and a number");
    for (name, value) in [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/jwk-set+json"),
        ),
        (CACHE_CONTROL, caching),
        (ETAG, etag),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Does the client have the document of this tag already (RFC 9110, 13.1.2)? Weak comparison.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
    })
}

#[derive(Serialize)]
struct Whoami<'a> {
    sub: String,
    username: &'a str,
    name: Option<&'a str>,
    email: Option<&'a str>,
    groups: Vec<&'a str>,
    sid: String,
    auth_time: u64,
    amr: &'static [&'static str],
    acr: &'static str,
}

/// Who am I, as JSON; 401 when nobody.
pub(in crate::web::portal) async fn whoami(visit: &Visit<'_>) -> Response<Body> {
    match visit.visitor().await {
        Ok(Some(visitor)) => respond::json(StatusCode::OK, "application/json", &about(&visitor)),
        Ok(None) => respond::unauthorized(
            Challenge::SignIn,
            &visit.context.path("/login"),
            visit.inbound.id(),
        ),
        Err(error) => visit.unavailable(&error),
    }
}

fn about(visitor: &Visitor) -> Whoami<'_> {
    let (account, session) = (&visitor.account, &visitor.session);
    let profile = &account.profile;
    Whoami {
        sub: account.id().to_string(),
        username: account.username().as_str(),
        name: profile.display_name.as_ref().map(|name| name.as_str()),
        email: profile.email.as_ref().map(|email| email.as_str()),
        groups: profile.groups.iter().map(|group| group.as_str()).collect(),
        sid: session.id().to_string(),
        auth_time: session.authenticated().0,
        amr: signer::methods(session),
        acr: signer::class(session),
    }
}

/// A file of ours. Its name changes with its content, so it may be kept for ever.
pub(in crate::web::portal) fn asset(visit: &Visit<'_>, name: &str) -> Response<Body> {
    let Some(asset) = visit.context.look.asset(name) else {
        let failure = Failure {
            problem: Problem::NotFound,
            name: "not-found",
        };
        let asker = respond::Asker::of(visit.parts);
        return visit.context.fail(asker, visit.inbound.id(), &failure);
    };
    let mut response = Response::new(body::full(asset.content.clone()));
    for (name, value) in [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}
