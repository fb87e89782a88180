//! The answer to a form that somebody sent without a sign-in that is enough: nothing of it was passed on.
//!
//! No redirect, which would lose what was typed. The browser still has it: once there is a sign-in, loading this page
//! again sends it.

use crate::authz::Challenge;
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Frame};
use maud::html;

/// What is missing.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// What has to be shown first.
    pub challenge: Challenge,
    /// URL of the page that asks for it.
    pub page: &'a str,
    /// What to look for in the log.
    pub request_id: &'a str,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    const HEADING: &str = "That did not get through";
    let body = html! {
        p.lead { (reason(model.challenge)) }
        p { (ADVICE) }
        p { a.button.primary href=(model.page) target="_blank" { (way(model.challenge)) } }
        p.fine { "Error 401 · Request " code { (model.request_id) } }
    };
    Page {
        name: HEADING,
        heading: HEADING,
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

/// How to send it all the same.
const ADVICE: &str = "It is not kept here; your browser still has it. Leave this page open, come back to it afterwards and \
    load it again: your browser then asks whether to send it once more.";

/// Why it was not passed on.
#[must_use]
pub fn reason(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::SignIn => {
            "You are not signed in any more, or another site sent you here, so what you sent was not passed on."
        }
        Challenge::SecondFactor => {
            "A one-time code is needed first, so what you sent was not passed on."
        }
        Challenge::FreshSecondFactor => {
            "A fresh one-time code is needed first, so what you sent was not passed on."
        }
    }
}

/// What the link to the page that asks for it says.
#[must_use]
pub fn way(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::SignIn => "Sign in, in a new window",
        Challenge::SecondFactor | Challenge::FreshSecondFactor => "Enter a code, in a new window",
    }
}
