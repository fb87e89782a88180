//! The own account.

use crate::authn::account::Account;
use crate::authn::session::Resumed;
use crate::gate::Visitor;
use crate::secret::TokenDigest;
use crate::web::Body;
use crate::web::context::Context;
use crate::web::page::Form;
use crate::web::page::account::{Apps, Model, SecondFactor, view};
use crate::web::portal::visit::Visit;
use http::{Response, StatusCode};

/// Shows what is known of whoever is signed in.
pub(in crate::web::portal) async fn show(visit: &Visit<'_>) -> Response<Body> {
    match (visit.visitor().await, visit.session_token()) {
        (Ok(Some(visitor)), Some(token)) => match *visitor.session {
            Resumed::OneFactor(_) => visit.go("/second-factor"),
            Resumed::TwoFactor(_) => page(visit, &visitor, token.digest()),
        },
        (Ok(_), _) => visit.go("/login"),
        (Err(error), _) => visit.unavailable(&error),
    }
}

fn page(visit: &Visit<'_>, visitor: &Visitor, bound: TokenDigest) -> Response<Body> {
    let account = &visitor.account;
    let profile = &account.profile;
    let groups: Vec<&str> = profile.groups.iter().map(|group| group.as_str()).collect();
    let document = view(&Model {
        frame: &visit.frame(),
        sign_out: Form {
            action: &visit.context.path("/logout"),
            csrf: &visit.form_token(Some(bound)),
            rd: None,
        },
        apps: apps(visit.context),
        username: account.username().as_str(),
        display_name: profile
            .display_name
            .as_ref()
            .map(|name| name.as_str())
            .unwrap_or_default(),
        email: profile
            .email
            .as_ref()
            .map(|email| email.as_str())
            .unwrap_or_default(),
        groups: &groups,
        signed_in: visitor.session.authenticated(),
        now: visit.context.clock.now(),
        second_factor: second_factor(account),
    });
    visit.page(StatusCode::OK, document)
}

/// Without an app of our own on a shared domain, our front page is this page.
fn apps(context: &Context) -> Apps<'_> {
    match &context.place.domain {
        Some(domain) if context.routes.is_empty() => Apps::Within(domain),
        Some(_) | None => Apps::Here("/"),
    }
}

fn second_factor(account: &Account) -> SecondFactor {
    match account.enrolment() {
        None => SecondFactor::None,
        Some(enrolment) => SecondFactor::App {
            since: enrolment.bound(),
            codes_left: account.backup_codes().map_or(0, |codes| codes.left()),
        },
    }
}
