//! Signing out: asks on GET, does it on POST.

use crate::web::Body;
use crate::web::page::{Form, logout, signed_out};
use crate::web::portal::visit::Visit;
use crate::web::respond;
use crate::web::return_to::ReturnTo;
use http::{Response, StatusCode};
use hyper::body::Incoming;

/// Asks whether to sign out.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    let visitor = match visit.visitor().await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return done(visit, &ReturnTo::home()),
        Err(error) => return visit.unavailable(&error),
    };
    let return_to = visit.return_to();
    let bound = visit.session_token().map(|token| token.digest());
    let document = logout::view(&logout::Model {
        frame: &visit.frame(),
        form: Form {
            action: &visit.context.path("/logout"),
            csrf: &visit.form_token(bound),
            rd: (!return_to.is_home()).then_some(return_to.as_str()),
        },
        username: visitor.account.username().as_str(),
        back: &visit.context.path("/account"),
    });
    visit.page(StatusCode::OK, document)
}

/// Ends the session, on disk before the answer is sent.
pub(in crate::web::portal) async fn submit(visit: &Visit<'_>, body: Incoming) -> Response<Body> {
    let Some(token) = visit.session_token() else {
        return done(visit, &ReturnTo::home());
    };
    let mut form = match visit.posted(body, Some(token.digest())).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let rd = form.text("rd");
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    match visit
        .context
        .login
        .sign_out(&token, &visit.client().source)
        .await
    {
        Ok(()) => done(visit, &visit.context.allowed.parse(&rd)),
        Err(error) => visit.unavailable(&error),
    }
}

fn done(visit: &Visit<'_>, return_to: &ReturnTo) -> Response<Body> {
    let mut response = if return_to.is_home() {
        let document = signed_out::view(&signed_out::Model {
            frame: &visit.frame(),
            login: &visit.context.path("/login"),
        });
        visit.page(StatusCode::OK, document)
    } else {
        respond::see_other(return_to.as_str())
    };
    for cookie in visit
        .context
        .jar
        .clear(visit.inbound.cookies(), visit.inbound.target().host())
    {
        respond::set_cookie(&mut response, cookie);
    }
    response
}
