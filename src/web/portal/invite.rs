//! Accepting an invitation: looking uses nothing up, posting a password does.

use crate::accounts::{AccountError, Invited};
use crate::authn::AccountToken;
use crate::authn::account::Account;
use crate::authn::password::Password;
use crate::enrol::EnrolError;
use crate::secret::TokenDigest;
use crate::web::Body;
use crate::web::page::error::Problem as Failure;
use crate::web::page::invitation::{Model, Problem, view};
use crate::web::page::{Form, Step};
use crate::web::portal::visit::{BUSY, Visit, invitation};
use crate::web::respond;
use http::{Response, StatusCode};
use hyper::body::Incoming;

/// Where this page stands in the walk to the first sign-in.
const STEP: Step = Step { number: 1, of: 3 };

/// Shows whom the link invites.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>, link: &str) -> Response<Body> {
    let (token, account) = match invited(visit, link).await {
        Ok(invited) => invited,
        Err(refused) => return refused,
    };
    page(visit, link, token.digest(), &account, StatusCode::OK, None)
}

/// Uses the link up and sets the password.
pub(in crate::web::portal) async fn submit(
    visit: &Visit<'_>,
    link: &str,
    body: Incoming,
) -> Response<Body> {
    let (token, account) = match invited(visit, link).await {
        Ok(invited) => invited,
        Err(refused) => return refused,
    };
    let mut form = match visit.posted(body, Some(token.digest())).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let (password, again) = (form.text("new_password"), form.text("new_password_again"));
    // Shown for password managers; whose account it is, the link says.
    form.text("username");
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    let show = |status, problem| page(visit, link, token.digest(), &account, status, Some(problem));
    if password.is_empty() || again.is_empty() {
        return show(StatusCode::UNPROCESSABLE_ENTITY, Problem::Incomplete);
    }
    if password != again {
        return show(StatusCode::UNPROCESSABLE_ENTITY, Problem::Different);
    }
    let password = match Password::new(password.to_string()) {
        Ok(password) => password,
        Err(too_long) => {
            return show(
                StatusCode::UNPROCESSABLE_ENTITY,
                Problem::Weak(&too_long.to_string()),
            );
        }
    };
    match visit
        .context
        .enrol
        .accept(&token, password, &visit.client())
        .await
    {
        Ok(advanced) => visit.go_on("/enrol", &advanced.token).await,
        Err(EnrolError::Account(AccountError::Weak(weak))) => show(
            StatusCode::UNPROCESSABLE_ENTITY,
            Problem::Weak(&weak.to_string()),
        ),
        Err(EnrolError::Busy(_)) => {
            let mut response = show(StatusCode::SERVICE_UNAVAILABLE, Problem::Busy(BUSY));
            respond::retry_after(&mut response, BUSY);
            response
        }
        Err(error) => failed(visit, &error),
    }
}

async fn invited(
    visit: &Visit<'_>,
    link: &str,
) -> Result<(AccountToken<Invited>, Account), Response<Body>> {
    let Some(token) = invitation(link) else {
        return Err(failed(visit, &EnrolError::InvitationInvalid));
    };
    match visit.context.enrol.invited(&token).await {
        Ok(account) => Ok((token, account)),
        Err(error) => Err(failed(visit, &error)),
    }
}

fn failed(visit: &Visit<'_>, error: &EnrolError) -> Response<Body> {
    match error {
        EnrolError::Store(error) => visit.unavailable(error),
        EnrolError::Limited(limited) => {
            visit.fail(Failure::TooMany(limited.retry_after), "rate-limited")
        }
        EnrolError::Account(_)
        | EnrolError::Busy(_)
        | EnrolError::Expired
        | EnrolError::InvitationInvalid
        | EnrolError::Malformed
        | EnrolError::Over
        | EnrolError::WrongCode => visit.fail(Failure::InvitationInvalid, "invitation-invalid"),
    }
}

fn page(
    visit: &Visit<'_>,
    link: &str,
    bound: TokenDigest,
    account: &Account,
    status: StatusCode,
    problem: Option<Problem<'_>>,
) -> Response<Body> {
    let display_name = account.profile.display_name.as_ref();
    let document = view(&Model {
        frame: &visit.frame(),
        form: Form {
            action: &visit.context.path(&format!("/invite/{link}")),
            csrf: &visit.form_token(Some(bound)),
            rd: None,
        },
        step: Some(STEP),
        username: account.username().as_str(),
        display_name: display_name.map(|name| name.as_str()).unwrap_or_default(),
        min_length: visit.context.min_password,
        problem,
    });
    visit.page(status, document)
}
