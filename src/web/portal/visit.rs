//! One visit to a page of ours: what it came with, and what every page answers with.

use crate::accounts::Invited;
use crate::audit::Event;
use crate::authn::AccountToken;
use crate::authn::session::record::SessionRecord;
use crate::authn::transaction::Transaction;
use crate::gate::Visitor;
use crate::hashing::Busy;
use crate::login::{Client, SignedIn};
use crate::secret::{Token, TokenDigest};
use crate::store::Error;
use crate::web::Body;
use crate::web::context::Context;
use crate::web::csrf::{Forged, Seed};
use crate::web::page::error::Problem;
use crate::web::page::{Document, Frame};
use crate::web::portal::{forged, twice};
use crate::web::request::{Encoding, Form, Inbound, Refusal};
use crate::web::respond::{self, Asker, Failure, STORE_WAIT};
use crate::web::return_to::ReturnTo;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use std::time::Duration;
use zeroize::Zeroizing;

/// One visit.
pub(in crate::web::portal) struct Visit<'a> {
    pub(in crate::web::portal) context: &'a Context,
    pub(in crate::web::portal) parts: &'a Parts,
    pub(in crate::web::portal) inbound: &'a Inbound,
    seed: Seed,
    seed_came: bool,
}

/// A form of ours, proven to be: its token was checked.
pub(in crate::web::portal) struct Posted {
    form: Form,
    bound: Option<TokenDigest>,
}

impl Posted {
    /// A field that people fill in; empty when it was not sent.
    pub(in crate::web::portal) fn text(&mut self, name: &str) -> Zeroizing<String> {
        self.form.take(name).unwrap_or_default()
    }

    /// Was it made for the step that this token opens?
    pub(in crate::web::portal) fn is_bound_to(&self, token: TokenDigest) -> bool {
        self.bound == Some(token)
    }

    /// Fails on fields that the page does not have (X-009c).
    pub(in crate::web::portal) fn finish(self) -> Result<(), Refusal> {
        self.form.finish()
    }
}

impl<'a> Visit<'a> {
    pub(in crate::web::portal) fn new(
        context: &'a Context,
        parts: &'a Parts,
        inbound: &'a Inbound,
    ) -> Self {
        let came = context
            .jar
            .csrf(inbound.cookies())
            .and_then(Seed::from_cookie);
        Self {
            context,
            parts,
            inbound,
            seed_came: came.is_some(),
            seed: came.unwrap_or_else(Seed::generate),
        }
    }

    pub(in crate::web::portal) fn frame(&self) -> Frame<'a> {
        self.context.frame()
    }

    pub(in crate::web::portal) fn client(&self) -> Client {
        self.context.client(self.inbound, &self.parts.headers)
    }

    /// The token of the login under way.
    pub(in crate::web::portal) fn login_token(&self) -> Option<Token<Transaction>> {
        self.context.jar.login(self.inbound.cookies())
    }

    /// The session's token.
    pub(in crate::web::portal) fn session_token(&self) -> Option<AccountToken<SessionRecord>> {
        self.context.jar.session(self.inbound.cookies())
    }

    /// Who is signed in, with one factor or both.
    pub(in crate::web::portal) async fn visitor(&self) -> Result<Option<Visitor>, Error> {
        match self.session_token() {
            Some(token) => self.context.gate.visitor(&token).await,
            None => Ok(None),
        }
    }

    /// A page of ours with `?rd=`, unless that is the front page.
    pub(in crate::web::portal) fn leading_to(&self, page: &str, to: &ReturnTo) -> Response<Body> {
        let link = to.after(&self.context.path(page));
        respond::see_other(&link)
    }

    /// The login under way, with its token.
    pub(in crate::web::portal) async fn under_way(
        &self,
    ) -> Result<Option<(Token<Transaction>, Transaction)>, Error> {
        let Some(token) = self.login_token() else {
            return Ok(None);
        };
        let found = self.context.login.under_way(&token).await?;
        Ok(found.map(|transaction| (token, transaction)))
    }

    /// A field of the query; of several of one name, none.
    pub(in crate::web::portal) fn query(&self, name: &str) -> Option<String> {
        let query = self.inbound.target().query()?;
        let mut fields = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        let (_, value) = fields.next()?;
        fields.next().is_none().then(|| value.into_owned())
    }

    /// Where `?rd=` leads.
    pub(in crate::web::portal) fn return_to(&self) -> ReturnTo {
        let asked = self.query("rd");
        asked.map_or_else(ReturnTo::home, |asked| self.context.allowed.parse(&asked))
    }

    /// The token for a form of this page.
    pub(in crate::web::portal) fn form_token(&self, bound: Option<TokenDigest>) -> String {
        self.context.csrf.token(&self.seed, bound)
    }

    /// Reads a form and makes sure that it is ours, for this step.
    pub(in crate::web::portal) async fn posted(
        &self,
        body: Incoming,
        bound: Option<TokenDigest>,
    ) -> Result<Posted, Response<Body>> {
        self.posted_for(body, &[bound]).await
    }

    /// The same for one of several steps.
    pub(in crate::web::portal) async fn posted_for(
        &self,
        body: Incoming,
        steps: &[Option<TokenDigest>],
    ) -> Result<Posted, Response<Body>> {
        let form = Form::read(&self.parts.headers, body).await;
        let mut form = form.map_err(|refusal| self.refused(refusal))?;
        if form.encoding() != Encoding::UrlEncoded {
            return Err(self.refused(Refusal::FormType));
        }
        let token = form.take("csrf").unwrap_or_default();
        let origins = [
            self.context.place.origin.as_str(),
            self.inbound.target().origin(),
        ];
        let seed = self.seed_came.then_some(&self.seed);
        let (csrf, headers) = (&self.context.csrf, &self.parts.headers);
        let mut forged = Forged::Token;
        for &bound in steps {
            match csrf.check(headers, &origins, seed, bound, &token) {
                Ok(()) => return Ok(Posted { form, bound }),
                Err(why) => forged = why,
            }
        }
        Err(forged::answer(self.context, headers, self.inbound, forged))
    }

    /// Answers a refused request; a form is always a person's.
    pub(in crate::web::portal) fn refused(&self, refusal: Refusal) -> Response<Body> {
        self.context
            .record(self.inbound, Event::InputValidationFail, refusal.name());
        self.context
            .refuse(Asker::Navigation, self.inbound.id(), refusal)
    }

    /// Answers with an error page.
    pub(in crate::web::portal) fn fail(&self, problem: Problem, name: &str) -> Response<Body> {
        let id = self.inbound.id();
        self.context
            .fail(Asker::Navigation, id, &Failure { problem, name })
    }

    /// The store could not be asked: nobody gets in.
    pub(in crate::web::portal) fn unavailable(&self, error: &Error) -> Response<Body> {
        tracing::error!(%error, "the store failed during a sign-in");
        self.fail(Problem::Unavailable(STORE_WAIT), "unavailable")
    }

    /// A page, with the cookie that its forms need.
    pub(in crate::web::portal) fn page(
        &self,
        status: StatusCode,
        document: Document,
    ) -> Response<Body> {
        let mut response = respond::document(status, document);
        self.allow_form_targets(&mut response);
        if !self.seed_came {
            let cookie = self.context.jar.set_csrf(self.seed.as_str());
            respond::set_cookie(&mut response, cookie);
        }
        response
    }

    /// Browsers hold the redirect after a form against its page's policy, too: where the sign-in leads to
    /// another configured host, that host has to be named.
    fn allow_form_targets(&self, response: &mut Response<Body>) {
        let Some(policy) = response.headers_mut().get_mut(CONTENT_SECURITY_POLICY) else {
            return;
        };
        let text = policy.to_str().unwrap_or_default();
        let named = text.replace("form-action 'self'", &self.context.look.form_action);
        if let Ok(named) = HeaderValue::from_str(&named) {
            *policy = named;
        }
    }

    /// A redirect to one of our pages.
    pub(in crate::web::portal) fn go(&self, page: &str) -> Response<Body> {
        respond::see_other(&self.context.path(page))
    }

    /// Goes on with the login under a new token. One that was under way in this browser is over: every
    /// token dies when its successor is issued.
    pub(in crate::web::portal) async fn go_on(
        &self,
        page: &str,
        token: &Token<Transaction>,
    ) -> Response<Body> {
        if let Err(refused) = self.give_up().await {
            return refused;
        }
        let mut response = self.go(page);
        respond::set_cookie(&mut response, self.context.jar.set_login(token));
        response
    }

    /// Ends the login that was under way in this browser.
    pub(in crate::web::portal) async fn give_up(&self) -> Result<(), Response<Body>> {
        let Some(older) = self.login_token() else {
            return Ok(());
        };
        let given_up = self.context.login.give_up(&older).await;
        given_up.map_err(|error| self.unavailable(&error))
    }

    /// The login is over: begin again.
    pub(in crate::web::portal) fn over(&self) -> Response<Body> {
        let event = Event::SequenceFail;
        self.context
            .record(self.inbound, event, "no_login_under_way");
        if self.context.jar.doubled(self.inbound.cookies()).is_some() {
            return twice::explain(self.context, self.inbound, &self.context.path("/login"));
        }
        let mut response = self.fail(Problem::SignInOver, "sign-in-over");
        if self.login_token().is_some() {
            respond::set_cookie(&mut response, self.context.jar.clear_login());
        }
        response
    }

    /// Can [`Visit::clear_older`] take back any cookie at all?
    pub(in crate::web::portal) fn may_have_older(&self) -> bool {
        let host = self.inbound.target().host();
        let older = self.context.jar.clear_older(self.inbound.cookies(), host);
        !older.is_empty()
    }

    /// Lets the browser keep one cookie of each name.
    pub(in crate::web::portal) fn clear_older(&self, response: &mut Response<Body>) {
        let host = self.inbound.target().host();
        let older = self.context.jar.clear_older(self.inbound.cookies(), host);
        for cookie in older {
            respond::set_cookie(response, cookie);
        }
    }

    /// As much was shown as was asked for: sets the session and goes where the visitor wanted to.
    pub(in crate::web::portal) fn signed_in(&self, signed_in: &SignedIn) -> Response<Body> {
        let jar = &self.context.jar;
        // Few codes left are worth a word before the app is reached.
        let mut response = match signed_in.backup_codes_left {
            Some(0..=3) => self.go("/account"),
            Some(_) | None => respond::see_other(&signed_in.return_to),
        };
        let lifetime = self.context.login.device_lifetime();
        let host = self.inbound.target().host();
        self.clear_older(&mut response);
        for cookie in [
            jar.set_session(&signed_in.session.token, host),
            jar.set_device(&signed_in.device, lifetime, host),
            jar.clear_login(),
        ] {
            respond::set_cookie(&mut response, cookie);
        }
        response
    }
}

/// The token in an invitation's address.
pub(in crate::web::portal) fn invitation(text: &str) -> Option<AccountToken<Invited>> {
    AccountToken::parse(text)
}

/// When to come back after the hashing pool was full.
pub(in crate::web::portal) const BUSY: Duration = Busy::RETRY_AFTER;
