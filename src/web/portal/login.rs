//! User name and password.

use crate::authn::password::Password;
use crate::authn::session::{FirstFactorSession, Resumed};
use crate::authn::transaction::Step;
use crate::authz::rule::Asked;
use crate::authz::target::Target;
use crate::gate::{Verdict, Visitor};
use crate::login::{Advanced, FirstFactor, LoginError};
use crate::store::Error;
use crate::web::Body;
use crate::web::challenge::{APART, TWICE};
use crate::web::context::Context;
use crate::web::page::login::{Model, Notice, view};
use crate::web::page::sign_in_loop::{self, Cause};
use crate::web::page::{Document, Form};
use crate::web::portal::twice;
use crate::web::portal::visit::{BUSY, Visit};
use crate::web::respond;
use crate::web::return_to::ReturnTo;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;

/// Shows the form, or goes on for somebody who is signed in; a password alone is asked for the code.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    let return_to = visit.return_to();
    if visit.context.jar.doubled(visit.inbound.cookies()).is_some() {
        return without_the_older(visit, &return_to);
    }
    match visit.visitor().await {
        Ok(Some(visitor)) => match *visitor.session {
            Resumed::OneFactor(_) if !passes(visit, &return_to).await => {
                visit.leading_to("/second-factor", &return_to)
            }
            Resumed::OneFactor(_) | Resumed::TwoFactor(_) => send_on(visit, &visitor, &return_to),
        },
        Ok(None) => visit.page(StatusCode::OK, page(visit, &return_to, "", None)),
        Err(error) => visit.unavailable(&error),
    }
}

/// Lets the browser forget the one that we may have set before, and looks again; where that does not help, says
/// what does.
fn without_the_older(visit: &Visit<'_>, return_to: &ReturnTo) -> Response<Body> {
    let login = visit.context.path("/login");
    let tried = visit.query(TWICE).as_deref() == Some("here");
    let mut response = if tried || !visit.may_have_older() {
        twice::explain(visit.context, visit.inbound, &return_to.after(&login))
    } else {
        let again = format!("{login}?{TWICE}=here");
        respond::see_other(&return_to.after(&again))
    };
    visit.clear_older(&mut response);
    response
}

/// Is the session enough for where it leads?
async fn passes(visit: &Visit<'_>, return_to: &ReturnTo) -> bool {
    let Some(target) = return_to.target(visit.inbound.target()) else {
        return false;
    };
    let asked = Asked {
        method: &Method::GET,
        target: &target,
        client: visit.inbound.client(),
        destination: None,
    };
    let token = visit.session_token();
    let verdict = visit.context.gate.check(asked, token.as_ref()).await;
    matches!(verdict, Ok(Verdict::Pass(..)))
}

/// Sends somebody on who is signed in, unless that place keeps sending them back.
fn send_on(visit: &Visit<'_>, visitor: &Visitor, return_to: &ReturnTo) -> Response<Body> {
    let context = visit.context;
    // Whatever is no safe way back leads home, and home is ours, unless somebody came from where our cookie is not sent.
    let is_lost = return_to.is_home() && visit.query(APART).is_some();
    let circles = (is_lost || !return_to.is_home())
        && context.bounces.is_loop(&visitor.key(), return_to.as_str());
    let target = return_to.target(visit.inbound.target());
    if !circles {
        if is_lost {
            let host = &context.place.host;
            tracing::warn!(
                "a host that does not see the sign-in of {host} leads to it: set session.cookie_domain to a domain that holds both"
            );
        }
        let mut response = respond::see_other(return_to.as_str());
        if let Some(target) = &target {
            share(visit, target.host(), &mut response);
        }
        return response;
    }
    let target = target.filter(|_| !is_lost);
    let cause = match &target {
        Some(target) if visit.query(TWICE).as_deref() == Some("there") => {
            let [session, ..] = context.jar.names();
            twice::cause(session, target.host())
        }
        Some(_) | None => cause(context, visit.inbound.target().host(), target.as_ref()),
    };
    tracing::warn!(
        to = target.as_ref().map(Target::origin),
        ?cause,
        "a sign-in goes round in circles"
    );
    let page = sign_in_loop::view(&sign_in_loop::Model {
        frame: &visit.frame(),
        cause,
        again: return_to.as_str(),
        logout: &context.path("/logout"),
    });
    visit.page(StatusCode::LOOP_DETECTED, page)
}

/// A cookie from before the sign-in was shared is good here and reaches no other host: says it anew, for all of them.
fn share(visit: &Visit<'_>, there: &str, response: &mut Response<Body>) {
    let (context, here) = (visit.context, visit.inbound.target().host());
    let place = &context.place;
    let is_shared = here != there && place.is_signed_in_at(here) && place.is_signed_in_at(there);
    if let (true, Some(token)) = (is_shared, visit.session_token()) {
        visit.clear_older(response);
        respond::set_cookie(response, context.jar.set_session(&token, here));
    }
}

/// Why a place does not see the sign-in that `here` sees; without a target it is one that nobody may be sent back to.
fn cause<'a>(context: &'a Context, here: &'a str, target: Option<&'a Target>) -> Cause<'a> {
    let place = &context.place;
    let (ours, reaches) = if place.signs_in_apart(here) {
        (here, target.is_none_or(|target| target.host() == here))
    } else {
        let domain = place.domain.as_deref().unwrap_or(&place.host);
        let reaches = target.is_none_or(|target| place.is_signed_in_at(target.host()));
        (domain, reaches)
    };
    match target {
        Some(_) if reaches => Cause::KeptBack,
        Some(_) | None => Cause::OtherHost {
            ours,
            theirs: target.map(Target::host),
        },
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
        Ok(advanced) => go_on(visit, &advanced, &return_to).await,
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

async fn go_on(visit: &Visit<'_>, advanced: &Advanced, return_to: &ReturnTo) -> Response<Body> {
    let page = match &advanced.transaction.step {
        Step::SecondFactor(half) => match is_enough(visit, half, return_to).await {
            Ok(true) => return settle(visit, advanced).await,
            Ok(false) => "/second-factor",
            Err(error) => return visit.unavailable(&error),
        },
        Step::Enrol(_) | Step::KeepCodes(_) => "/enrol",
    };
    visit.go_on(page, &advanced.token).await
}

/// Does the password alone open what the visitor is on the way to?
async fn is_enough(
    visit: &Visit<'_>,
    half: &FirstFactorSession,
    return_to: &ReturnTo,
) -> Result<bool, Error> {
    let gate = &visit.context.gate;
    let target = return_to.target(visit.inbound.target());
    let Some(target) = target.filter(|_| gate.knows_one_factor()) else {
        return Ok(false);
    };
    let account = visit.context.accounts.get(half.account()).await?;
    let asked = Asked {
        method: &Method::GET,
        target: &target,
        client: visit.inbound.client(),
        destination: None,
    };
    Ok(account.is_some_and(|account| gate.opens(asked, half, &account)))
}

async fn settle(visit: &Visit<'_>, advanced: &Advanced) -> Response<Body> {
    let (previous, client) = (visit.session_token(), visit.client());
    let login = &visit.context.login;
    match login
        .settle(&advanced.token, previous.as_ref(), &client)
        .await
    {
        Ok(signed_in) => visit.signed_in(&signed_in),
        Err(LoginError::Store(error)) => visit.unavailable(&error),
        Err(
            LoginError::Busy(_)
            | LoginError::Limited(_)
            | LoginError::Malformed
            | LoginError::Over
            | LoginError::Refused,
        ) => visit.over(),
    }
}

fn page(
    visit: &Visit<'_>,
    return_to: &ReturnTo,
    username: &str,
    notice: Option<Notice>,
) -> Document {
    let here = visit.inbound.target();
    let there = return_to.target(here);
    view(&Model {
        frame: &visit.frame(),
        destination: there.as_ref().unwrap_or(here).host(),
        form: Form {
            action: &visit.context.path("/login"),
            csrf: &visit.form_token(None),
            rd: (!return_to.is_home()).then_some(return_to.as_str()),
        },
        username,
        notice,
    })
}
