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
use crate::web::return_to::ReturnTo;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

/// Shows the form to whoever has given a password; to somebody who is signed in, it asks for a code afresh.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    match visit.under_way().await {
        Ok(Some((token, transaction))) => match &transaction.step {
            Step::SecondFactor(half) if leads_elsewhere(visit, half, &transaction) => {
                afresh(visit).await
            }
            Step::SecondFactor(_) => match Asking::of(visit, &token, &transaction).await {
                Ok(page) => page.show(StatusCode::OK, None),
                Err(refused) => refused,
            },
            Step::Enrol(_) | Step::KeepCodes(_) => visit.go("/enrol"),
        },
        Ok(None) => afresh(visit).await,
        Err(error) => visit.unavailable(&error),
    }
}

/// A step-up that was left for another one.
fn leads_elsewhere(visit: &Visit<'_>, half: &FirstFactorSession, under_way: &Transaction) -> bool {
    let asked = visit.query("rd").map(|_| visit.return_to());
    half.raises().is_some() && asked.is_some_and(|asked| asked.as_str() != under_way.return_to)
}

/// A live session is asked for a code; nobody for the password first. Nothing is kept yet: any site can send a
/// browser here, and then the login cookie does not come along.
async fn afresh(visit: &Visit<'_>) -> Response<Body> {
    let return_to = visit.return_to();
    match (visit.visitor().await, visit.session_token()) {
        (Ok(Some(visitor)), Some(token)) => {
            let page = Asking {
                visit,
                username: visitor.account.username().clone(),
                purpose: Purpose::StepUp,
                form_token: visit.form_token(Some(token.digest())),
                return_to,
            };
            page.show(StatusCode::OK, None)
        }
        (Ok(_), _) => visit.leading_to("/login", &return_to),
        (Err(error), _) => visit.unavailable(&error),
    }
}

type UnderWay = (Token<Transaction>, Transaction);

/// The first code for a live session comes: from here on its tries are counted.
async fn step_up(visit: &Visit<'_>, rd: &str) -> Result<UnderWay, Response<Body>> {
    let visitor = match visit.visitor().await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return Err(visit.over()),
        Err(error) => return Err(visit.unavailable(&error)),
    };
    visit.give_up().await?;
    let return_to = visit.context.allowed.parse(rd);
    let login = &visit.context.login;
    match login
        .step_up(&visitor.session, return_to.as_str().to_owned())
        .await
    {
        Ok(advanced) => Ok((advanced.token, advanced.transaction)),
        Err(LoginError::Store(error)) => Err(visit.unavailable(&error)),
        Err(LoginError::Limited(limited)) => {
            Err(visit.fail(Problem::TooMany(limited.retry_after), "too-many-step-ups"))
        }
        Err(
            LoginError::Busy(_) | LoginError::Malformed | LoginError::Over | LoginError::Refused,
        ) => Err(visit.over()),
    }
}

/// Checks the code, for the login under way or for a live session.
pub(in crate::web::portal) async fn submit(visit: &Visit<'_>, body: Incoming) -> Response<Body> {
    let under_way = match visit.under_way().await {
        Ok(under_way) => under_way,
        Err(error) => return visit.unavailable(&error),
    };
    let login = under_way.as_ref().map(|(token, _)| token.digest());
    let session = visit.session_token().map(|token| token.digest());
    let steps: Vec<_> = [login, session]
        .into_iter()
        .filter(Option::is_some)
        .collect();
    if steps.is_empty() {
        return visit.over();
    }
    let mut form = match visit.posted_for(body, &steps).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let under_way = under_way.filter(|(token, _)| form.is_bound_to(token.digest()));
    let (code, rd) = (form.text("code"), form.text("rd"));
    if let Err(refusal) = form.finish() {
        return visit.refused(refusal);
    }
    // Not from the beginning: whoever sends a form slowly would use up the time that all refusals take.
    let since = Instant::now();
    let begins = under_way.is_none();
    let (token, transaction) = match under_way {
        Some(under_way) => under_way,
        None => match step_up(visit, &rd).await {
            Ok(begun) => begun,
            Err(refused) => return refused,
        },
    };
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
    let mut response = page.show(status, Some(notice));
    if begins {
        respond::set_cookie(&mut response, visit.context.jar.set_login(&token));
    }
    response
}

/// The page that asks for a code.
struct Asking<'a> {
    visit: &'a Visit<'a>,
    username: Username,
    purpose: Purpose,
    form_token: String,
    /// Where to go afterwards, while nothing else keeps that.
    return_to: ReturnTo,
}

impl<'a> Asking<'a> {
    /// For one login under way.
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
            return_to: ReturnTo::home(),
        })
    }

    fn show(&self, status: StatusCode, notice: Option<Notice>) -> Response<Body> {
        let path = |page| self.visit.context.path(page);
        let (plain, backup) = (path("/second-factor"), path("/second-factor?with=backup"));
        let (way, action, other_way) = match self.visit.query("with").as_deref() {
            Some("backup") => (Way::BackupCode, &backup, &plain),
            Some(_) | None => (Way::App, &plain, &backup),
        };
        let back = &self.return_to;
        let document = view(&Model {
            frame: &self.visit.frame(),
            form: Form {
                action,
                csrf: &self.form_token,
                rd: (!back.is_home()).then_some(back.as_str()),
            },
            username: self.username.as_str(),
            way,
            other_way: &back.after(other_way),
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
