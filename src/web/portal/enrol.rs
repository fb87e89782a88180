//! Binding an authenticator, and the backup codes that come with it.

use crate::authn::backup_code::BackupCode;
use crate::authn::transaction::{Step as Under, Transaction};
use crate::enrol::{Codes, EnrolError, Shown};
use crate::secret::Token;
use crate::web::Body;
use crate::web::page::backup_codes::{self, RENEW};
use crate::web::page::enrol::{Model, Problem, RESTART, Secret, State, view};
use crate::web::page::error::Problem as Failure;
use crate::web::page::{Form, Step};
use crate::web::portal::visit::{BUSY, Posted, Visit};
use crate::web::respond;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use zeroize::Zeroizing;

const ENROL_STEP: Step = Step { number: 2, of: 3 };
const CODES_STEP: Step = Step { number: 3, of: 3 };

/// Shows what is next: the secret, or the backup codes to keep.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    match visit.login_token() {
        Some(token) => page(visit, &token, StatusCode::OK, None).await,
        None => visit.go("/login"),
    }
}

/// Takes the next step of whatever is under way.
pub(in crate::web::portal) async fn submit(visit: &Visit<'_>, body: Incoming) -> Response<Body> {
    let (token, transaction) = match visit.under_way().await {
        Ok(Some(under_way)) => under_way,
        Ok(None) => return visit.over(),
        Err(error) => return visit.unavailable(&error),
    };
    let form = match visit.posted(body, Some(token.digest())).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    match transaction.step {
        Under::SecondFactor(_) => visit.over(),
        Under::Enrol(_) => bind(visit, &token, form).await,
        Under::KeepCodes(_) => keep(visit, &token, form).await,
    }
}

async fn bind(visit: &Visit<'_>, token: &Token<Transaction>, mut form: Posted) -> Response<Body> {
    let (code, wanted) = (form.text("code"), form.text("do"));
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    if *wanted == RESTART {
        return match visit.context.enrol.restart(token).await {
            Ok(()) => visit.go("/enrol"),
            Err(error) => failed(visit, token, error).await,
        };
    }
    match visit
        .context
        .enrol
        .confirm(token, &code, &visit.client())
        .await
    {
        Ok(codes) => fresh_codes(visit, &codes),
        Err(error) => failed(visit, token, error).await,
    }
}

async fn keep(visit: &Visit<'_>, token: &Token<Transaction>, mut form: Posted) -> Response<Body> {
    let (kept, wanted) = (form.text("kept"), form.text("do"));
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    if *wanted == RENEW {
        return match visit
            .context
            .enrol
            .renew_codes(token, &visit.client())
            .await
        {
            Ok(codes) => fresh_codes(visit, &codes),
            Err(error) => failed(visit, token, error).await,
        };
    }
    if kept.is_empty() {
        let state = backup_codes::State::NotTicked;
        return codes_page(visit, token, StatusCode::UNPROCESSABLE_ENTITY, state).await;
    }
    let previous = visit.session_token();
    match visit
        .context
        .enrol
        .keep(token, previous.as_ref(), &visit.client())
        .await
    {
        Ok(signed_in) => visit.signed_in(&signed_in),
        Err(error) => failed(visit, token, error).await,
    }
}

/// The codes, this once: nothing keeps them but the person who reads them.
fn fresh_codes(visit: &Visit<'_>, codes: &Codes) -> Response<Body> {
    let texts: Vec<Zeroizing<String>> = codes.codes.iter().map(BackupCode::to_text).collect();
    let texts: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
    let state = backup_codes::State::Fresh(&texts);
    let document = codes_document(visit, &codes.token, &codes.username, state);
    let mut response = visit.page(StatusCode::OK, document);
    respond::set_cookie(&mut response, visit.context.jar.set_login(&codes.token));
    response
}

fn codes_document(
    visit: &Visit<'_>,
    token: &Token<Transaction>,
    username: &str,
    state: backup_codes::State<'_>,
) -> crate::web::page::Document {
    backup_codes::view(&backup_codes::Model {
        frame: &visit.frame(),
        form: form(
            &visit.context.path("/enrol"),
            &visit.form_token(Some(token.digest())),
        ),
        step: Some(CODES_STEP),
        username,
        state,
    })
}

async fn codes_page(
    visit: &Visit<'_>,
    token: &Token<Transaction>,
    status: StatusCode,
    state: backup_codes::State<'_>,
) -> Response<Body> {
    match username(visit, token).await {
        Ok(username) => visit.page(status, codes_document(visit, token, &username, state)),
        Err(refused) => refused,
    }
}

fn form<'f>(action: &'f str, csrf: &'f str) -> Form<'f> {
    Form {
        action,
        csrf,
        rd: None,
    }
}

async fn failed(
    visit: &Visit<'_>,
    token: &Token<Transaction>,
    error: EnrolError,
) -> Response<Body> {
    match error {
        EnrolError::Malformed => {
            page(
                visit,
                token,
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(Problem::Malformed),
            )
            .await
        }
        EnrolError::WrongCode => {
            page(
                visit,
                token,
                StatusCode::FORBIDDEN,
                Some(Problem::WrongCode),
            )
            .await
        }
        EnrolError::Expired => page(visit, token, StatusCode::FORBIDDEN, None).await,
        EnrolError::Busy(_) => {
            page(
                visit,
                token,
                StatusCode::SERVICE_UNAVAILABLE,
                Some(Problem::Busy(BUSY)),
            )
            .await
        }
        EnrolError::Limited(limited) => {
            visit.fail(Failure::TooMany(limited.retry_after), "rate-limited")
        }
        EnrolError::Store(error) => visit.unavailable(&error),
        EnrolError::Account(_) | EnrolError::InvitationInvalid | EnrolError::Over => visit.over(),
    }
}

async fn page(
    visit: &Visit<'_>,
    token: &Token<Transaction>,
    status: StatusCode,
    problem: Option<Problem>,
) -> Response<Body> {
    let shown = match visit.context.enrol.show(token).await {
        Ok(shown) => shown,
        Err(EnrolError::Store(error)) => return visit.unavailable(&error),
        Err(_) => return visit.over(),
    };
    let username = match username(visit, token).await {
        Ok(username) => username,
        Err(refused) => return refused,
    };
    let state = match &shown {
        Shown::SecondFactor => return visit.go("/second-factor"),
        Shown::KeepCodes => {
            return codes_page(visit, token, status, backup_codes::State::ShownBefore).await;
        }
        Shown::Expired => State::Expired,
        Shown::Secret { uri, secret } => State::Waiting(Secret {
            uri,
            base32: secret,
            username: &username,
            problem,
        }),
    };
    let document = view(&Model {
        frame: &visit.frame(),
        form: form(
            &visit.context.path("/enrol"),
            &visit.form_token(Some(token.digest())),
        ),
        step: Some(ENROL_STEP),
        state,
    });
    visit.page(status, document)
}

async fn username(visit: &Visit<'_>, token: &Token<Transaction>) -> Result<String, Response<Body>> {
    let found = match visit.context.login.under_way(token).await {
        Ok(Some(transaction)) => visit.context.accounts.get(transaction.account()).await,
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match found {
        Ok(Some(account)) => Ok(account.username().to_string()),
        Ok(None) => Err(visit.over()),
        Err(error) => Err(visit.unavailable(&error)),
    }
}
