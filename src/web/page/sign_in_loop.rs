//! The way out of a login loop: which setting is wrong.

use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Frame};
use maud::{Markup, html};

/// A sign-in that the place it leads to does not see.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Why not.
    pub cause: Cause<'a>,
    /// Where the visitor wants to go.
    pub again: &'a str,
    /// URL of the page that signs out.
    pub logout: &'a str,
}

/// Why a place does not see the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// The cookie is for another host alone.
    OtherHost {
        /// Where the cookie is sent.
        ours: &'a str,
        /// Where the visitor wants to go.
        theirs: &'a str,
    },
    /// The browser sends it, and the proxy in front keeps it back when it asks us.
    KeptBack,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let body = html! {
        p.lead {
            "You are signed in, but the page that you want to open does not notice. This is not your mistake: \
             something is set up wrongly here."
        }
        h2 { "For whoever runs this site" }
        (explanation(model.cause))
        p { a.button.primary href=(model.again) { "Try again" } }
        ul.links { li { a href=(model.logout) { "Sign out" } } }
    };
    Page {
        name: "Sign-in loop",
        heading: "The sign-in goes round in circles",
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

fn explanation(cause: Cause<'_>) -> Markup {
    match cause {
        Cause::OtherHost { ours, theirs } => html! {
            p {
                "The sign-in is kept in a cookie of " code { (ours) } ", which no browser sends to "
                code { (theirs) } ". Set " code { "session.cookie_domain" } " to the domain that both share; \
                if they share none, give the app a host below that of " code { "public_url" } "."
            }
        },
        Cause::KeptBack => html! {
            p {
                "The browser sends the cookie, but it does not arrive with the question whether the page may be \
                 opened. Let the proxy in front pass the " code { "Cookie" } " header on: with Envoy it has to stand \
                 in " code { "allowed_headers" } ", with Traefik in " code { "authRequestHeaders" } " if that is set."
            }
        },
    }
}
