//! A code: from the authenticator, or a backup code.

use crate::authn::session::FirstFactorSession;
use crate::authn::transaction::{Step, Transaction};
use crate::authn::username::Username;
use crate::login::LoginError;
use crate::secret::Token;
use crate::web::Body;
use crate::web::page::Form;
use crate::web::page::error::Problem;
use crate::web::page::second_factor::{Model, Notice, Purpose, Way, view};
use crate::web::portal::visit::{BUSY, Visit};
use crate::web::respond;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

/// Shows the form to whoever has given a password; to somebody who is signed in, it asks for a code afresh.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    match visit.under_way().await {
        Ok(Some((token, transaction))) => match &transaction.step {
            Step::SecondFactor(half) if leads_elsewhere(visit, half, &transaction) => {
                step_up(visit).await
            }
            Step::SecondFactor(_) => match Asking::of(visit, &token, &transaction).await {
                Ok(page) => page.show(StatusCode::OK, None),
                Err(refused) => refused,
            },
            Step::Enrol(_) | Step::KeepCodes(_) => visit.go("/enrol"),
        },
        Ok(None) => step_up(visit).await,
        Err(error) => visit.unavailable(&error),
    }
}

/// A step-up that was left for another one.
fn leads_elsewhere(visit: &Visit<'_>, half: &FirstFactorSession, under_way: &Transaction) -> bool {
    let asked = visit.query("rd").map(|_| visit.return_to());
    half.raises().is_some() && asked.is_some_and(|asked| asked.as_str() != under_way.return_to)
}

/// A live session is asked for a code; nobody for the password first.
async fn step_up(visit: &Visit<'_>) -> Response<Body> {
    let return_to = visit.return_to();
    let visitor = match visit.visitor().await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return visit.leading_to("/login", &return_to),
        Err(error) => return visit.unavailable(&error),
    };
    let login = &visit.context.login;
    let back = return_to.as_str().to_owned();
    match login.step_up(&visitor.session, back).await {
        Ok(advanced) => visit.go_on("/second-factor", &advanced.token).await,
        Err(LoginError::Store(error)) => visit.unavailable(&error),
        Err(LoginError::Limited(limited)) => {
            visit.fail(Problem::TooMany(limited.retry_after), "too-many-step-ups")
        }
        Err(
            LoginError::Busy(_) | LoginError::Malformed | LoginError::Over | LoginError::Refused,
        ) => visit.over(),
    }
}

/// Checks the code.
pub(in crate::web::portal) async fn submit(visit: &Visit<'_>, body: Incoming) -> Response<Body> {
    let (token, transaction) = match visit.under_way().await {
        Ok(Some(under_way)) => under_way,
        Ok(None) => return visit.over(),
        Err(error) => return visit.unavailable(&error),
    };
    let mut form = match visit.posted(body, Some(token.digest())).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let code = form.text("code");
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    // Not from the beginning: whoever sends a form slowly would use up the time that all refusals take.
    let since = Instant::now();
    // Read within that time: its length tells something of the account (CWE-208).
    let page = match Asking::of(visit, &token, &transaction).await {
        Ok(page) => page,
        Err(refused) => return refused,
    };
    let (previous, client) = (visit.session_token(), visit.client());
    let checked =
        visit
            .context
            .login
            .second_factor(&token, &code, previous.as_ref(), &client, since);
    let (status, notice) = match checked.await {
        Ok(signed_in) => return visit.signed_in(&signed_in),
        Err(LoginError::Over) => return visit.over(),
        Err(LoginError::Store(error)) => return visit.unavailable(&error),
        Err(LoginError::Malformed) => (StatusCode::UNPROCESSABLE_ENTITY, Notice::Malformed),
        Err(LoginError::Refused) => (StatusCode::FORBIDDEN, Notice::Refused),
        Err(LoginError::Limited(limited)) => (
            StatusCode::TOO_MANY_REQUESTS,
            Notice::TooMany(limited.retry_after),
        ),
        Err(LoginError::Busy(_)) => (StatusCode::SERVICE_UNAVAILABLE, Notice::Busy(BUSY)),
    };
    page.show(status, Some(notice))
}

/// The page that asks for a code, for one login under way.
struct Asking<'a> {
    visit: &'a Visit<'a>,
    username: Username,
    purpose: Purpose,
    form_token: String,
}

impl<'a> Asking<'a> {
    async fn of(
        visit: &'a Visit<'a>,
        token: &Token<Transaction>,
        transaction: &Transaction,
    ) -> Result<Self, Response<Body>> {
        let account = match visit.context.accounts.get(transaction.account()).await {
            Ok(Some(account)) => account,
            Ok(None) => return Err(visit.over()),
            Err(error) => return Err(visit.unavailable(&error)),
        };
        Ok(Self {
            visit,
            username: account.username().clone(),
            purpose: match &transaction.step {
                Step::SecondFactor(half) if half.raises().is_some() => Purpose::StepUp,
                Step::SecondFactor(_) | Step::Enrol(_) | Step::KeepCodes(_) => Purpose::SignIn,
            },
            form_token: visit.form_token(Some(token.digest())),
        })
    }

    fn show(&self, status: StatusCode, notice: Option<Notice>) -> Response<Body> {
        let path = |page| self.visit.context.path(page);
        let (plain, backup) = (path("/second-factor"), path("/second-factor?with=backup"));
        let (way, action, other_way) = match self.visit.query("with").as_deref() {
            Some("backup") => (Way::BackupCode, &backup, &plain),
            Some(_) | None => (Way::App, &plain, &backup),
        };
        let document = view(&Model {
            frame: &self.visit.frame(),
            form: Form {
                action,
                csrf: &self.form_token,
                rd: None,
            },
            username: self.username.as_str(),
            way,
            other_way,
            purpose: self.purpose,
            give_up: &path(match self.purpose {
                Purpose::SignIn => "/login",
                Purpose::StepUp => "/logout",
            }),
            notice,
        });
        let mut response = self.visit.page(status, document);
        if let Some(Notice::TooMany(wait) | Notice::Busy(wait)) = notice {
            respond::retry_after(&mut response, wait);
        }
        response
    }
}
