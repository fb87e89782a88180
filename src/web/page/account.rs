//! The own account.

use crate::clock::Timestamp;
use crate::web::page::form::{Message, Tone, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{ago, day, minute};
use crate::web::page::{Document, Form, Frame};
use maud::{Markup, html};

/// The page about the own account.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posts to the logout page.
    pub sign_out: Form<'a>,
    /// Where to go from here.
    pub apps: Apps<'a>,
    /// The user name.
    pub username: &'a str,
    /// What the person is called; left out when empty.
    pub display_name: &'a str,
    /// The e-mail address; left out when empty.
    pub email: &'a str,
    /// The groups; left out when there are none.
    pub groups: &'a [&'a str],
    /// When this session began.
    pub signed_in: Timestamp,
    /// The present moment.
    pub now: Timestamp,
    /// The authenticator and its backup codes.
    pub second_factor: SecondFactor,
}

/// Where the apps are that the sign-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apps<'a> {
    /// On this host, at this URL.
    Here(&'a str),
    /// On other hosts, which share the sign-in: those of this domain.
    Within(&'a str),
}

/// What the account has besides its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nothing.
    None,
    /// An authenticator app.
    App {
        /// Since when.
        since: Timestamp,
        /// How many backup codes have not been spent.
        codes_left: usize,
    },
}

/// So few backup codes are worth a warning.
const FEW: usize = 3;

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let few = codes_left(model.second_factor).filter(|left| *left <= FEW);
    let body = html! {
        @if let Some(left) = few { (warning(left)) }
        (person(model))
        h2 { "How you sign in" }
        (factors(model.second_factor))
        h2 { "This browser" }
        dl.facts {
            dt { "Signed in" } dd { (ago(model.now.since(model.signed_in))) " (" (minute(model.signed_in)) ")" }
        }
        @if let Apps::Within(domain) = model.apps {
            p.aside { "This sign-in counts on all sites of " bdi { (domain) } " that ask for it." }
        }
        div.actions {
            @if let Apps::Here(home) = model.apps {
                a.button.primary href=(home) { span { "Go to " bdi { (model.frame.site) } } }
            }
            form method="post" action=(model.sign_out.action) {
                (unseen(&model.sign_out))
                button type="submit" { "Sign out" }
            }
        }
    };
    Page {
        name: "Your account",
        heading: "Your account",
        step: None,
        width: Width::Wide,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

fn person(model: &Model<'_>) -> Markup {
    html! {
        dl.facts {
            dt { "User name" } dd { bdi { (model.username) } }
            @if !model.display_name.is_empty() { dt { "Name" } dd { bdi { (model.display_name) } } }
            @if !model.email.is_empty() { dt { "E-mail" } dd { bdi { (model.email) } } }
            @if !model.groups.is_empty() {
                dt { "Groups" }
                dd { ul.chips { @for group in model.groups { li { bdi { (group) } } } } }
            }
        }
    }
}

fn factors(second_factor: SecondFactor) -> Markup {
    html! {
        dl.facts {
            dt { "Password" } dd { "set" }
            dt { "Authenticator app" }
            @match second_factor {
                SecondFactor::None => dd { "none" },
                SecondFactor::App { since, codes_left } => {
                    dd { "connected on " (day(since)) }
                    dt { "Backup codes" } dd { (codes_left) " of 10 left" }
                },
            }
        }
    }
}

fn warning(left: usize) -> Markup {
    let what = match left {
        0 => "You have no backup codes left.".to_owned(),
        1 => "You have one backup code left.".to_owned(),
        _ => format!("You have {left} backup codes left."),
    };
    let next = "Without one, losing your phone locks you out. Ask the person who invited you for a fresh start \
                while you can still sign in.";
    let (tone, what) = (Tone::Warning, &what);
    Message { tone, what, next }.show()
}

fn codes_left(second_factor: SecondFactor) -> Option<usize> {
    match second_factor {
        SecondFactor::None => None,
        SecondFactor::App { codes_left, .. } => Some(codes_left),
    }
}
