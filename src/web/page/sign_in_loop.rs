//! The way out of a login loop: which setting is wrong, or which cookie.

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
        /// Where the visitor wants to go, unless it is a host that nobody may be sent back to.
        theirs: Option<&'a str>,
    },
    /// The browser sends it, and the proxy in front keeps it back when it asks us.
    KeptBack,
    /// The browser sends two of one name.
    TwoCookies {
        /// The name.
        name: &'a str,
        /// What browsers list them under.
        site: &'a str,
    },
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let body = html! {
        (lead(model.cause))
        h2 { "For whoever runs this site" }
        (explanation(model.cause))
        p {
            a.button.primary href=(model.again) {
                @if model.cause.leads_back() { "Try again" } @else { span { "Go to " bdi { (model.frame.site) } } }
            }
        }
        @if model.cause.is_signed_in() {
            ul.links { li { a href=(model.logout) { "Sign out" } } }
        }
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

impl Cause<'_> {
    /// Is it known where the visitor wants to go?
    fn leads_back(self) -> bool {
        match self {
            Self::OtherHost { theirs, .. } => theirs.is_some(),
            Self::KeptBack | Self::TwoCookies { .. } => true,
        }
    }

    fn is_signed_in(self) -> bool {
        match self {
            Self::OtherHost { .. } | Self::KeptBack => true,
            Self::TwoCookies { .. } => false,
        }
    }
}

fn lead(cause: Cause<'_>) -> Markup {
    match cause {
        Cause::OtherHost { .. } | Cause::KeptBack => html! {
            p.lead {
                "You are signed in, but the page that you want to open does not notice. This is not your mistake: \
                 something is set up wrongly here."
            }
        },
        Cause::TwoCookies { site, .. } => html! {
            p.lead {
                "Your browser has two sign-in cookies of the same name. Nobody can tell which of them is ours, so \
                 neither counts. This is not your mistake."
            }
            p {
                "Clear the cookies of " code { (site) } " in your browser’s settings, then sign in again. If this page \
                 comes back, show it to whoever runs this site."
            }
        },
    }
}

fn explanation(cause: Cause<'_>) -> Markup {
    match cause {
        Cause::OtherHost { ours, theirs } => html! {
            p {
                "The sign-in is kept in a cookie of " code { (ours) } ", which no browser sends to "
                @if let Some(theirs) = theirs { code { (theirs) } } @else { "the host of the page that you want to open" }
                ". Set " code { "session.cookie_domain" } " to the domain that both share; \
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
        Cause::TwoCookies { name, site } => html! {
            p {
                "Another site of " code { (site) } " sets a cookie named " code { (name) } ", too, or one is left from \
                 before " code { "session.cookie_domain" } " was changed. Choose another "
                code { "session.cookie_name" } ". If one host on https is all that you need, leave out both: the \
                 name then begins with " code { "__Host-" } ", and no other site can set such a cookie."
            }
        },
    }
}
