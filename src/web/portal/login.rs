//! User name and password.

use crate::authn::password::Password;
use crate::authn::transaction::Step;
use crate::login::{Advanced, FirstFactor, LoginError};
use crate::web::Body;
use crate::web::page::login::{Model, Notice, view};
use crate::web::page::{Document, Form};
use crate::web::portal::visit::{BUSY, Visit};
use crate::web::respond;
use crate::web::return_to::ReturnTo;
use http::{Response, StatusCode};
use hyper::body::Incoming;

/// Shows the form, or goes on for somebody who is signed in.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    let return_to = visit.return_to();
    match visit.visitor().await {
        Ok(Some(_)) => respond::see_other(return_to.as_str()),
        Ok(None) => visit.page(StatusCode::OK, page(visit, &return_to, "", None)),
        Err(error) => visit.unavailable(&error),
    }
}

/// Checks name and password.
pub(in crate::web::portal) async fn submit(visit: &Visit<'_>, body: Incoming) -> Response<Body> {
    let mut form = match visit.posted(body, None).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let (username, password, rd) = (
        form.text("username"),
        form.text("password"),
        form.text("rd"),
    );
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    let return_to = visit.context.allowed.parse(&rd);
    let again =
        |status, notice| visit.page(status, page(visit, &return_to, &username, Some(notice)));
    if username.is_empty() || password.is_empty() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, Notice::Incomplete);
    }
    // Longer than any password: wrong for sure, and not worth hashing.
    let Ok(password) = Password::new(password.to_string()) else {
        return again(StatusCode::FORBIDDEN, Notice::Refused);
    };
    let attempt = FirstFactor {
        username: username.to_string(),
        password,
        device: visit.context.jar.device(visit.inbound.cookies()),
        return_to: return_to.as_str().to_owned(),
    };
    match visit
        .context
        .login
        .first_factor(attempt, &visit.client())
        .await
    {
        Ok(advanced) => go_on(visit, &advanced).await,
        Err(LoginError::Limited(limited)) => {
            let notice = Notice::TooMany(limited.retry_after);
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, notice);
            respond::retry_after(&mut response, limited.retry_after);
            response
        }
        Err(LoginError::Busy(_)) => {
            let mut response = again(StatusCode::SERVICE_UNAVAILABLE, Notice::Busy(BUSY));
            respond::retry_after(&mut response, BUSY);
            response
        }
        Err(LoginError::Store(error)) => visit.unavailable(&error),
        Err(LoginError::Malformed | LoginError::Over | LoginError::Refused) => {
            again(StatusCode::FORBIDDEN, Notice::Refused)
        }
    }
}

async fn go_on(visit: &Visit<'_>, advanced: &Advanced) -> Response<Body> {
    let page = match &advanced.transaction.step {
        Step::SecondFactor(_) => "/second-factor",
        Step::Enrol(_) | Step::KeepCodes(_) => "/enrol",
    };
    visit.go_on(page, &advanced.token).await
}

fn page(
    visit: &Visit<'_>,
    return_to: &ReturnTo,
    username: &str,
    notice: Option<Notice>,
) -> Document {
    view(&Model {
        frame: &visit.frame(),
        form: Form {
            action: &visit.context.path("/login"),
            csrf: &visit.form_token(None),
            rd: (!return_to.is_home()).then_some(return_to.as_str()),
        },
        username,
        notice,
    })
}
