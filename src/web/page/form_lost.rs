//! A form of ours that came without its cookie, or from an address that is not ours: mostly a setting is wrong.

use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Frame};
use maud::{Markup, html};

/// What is known of the form.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Why it does not count.
    pub cause: Cause<'a>,
    /// The beginning of `public_url`.
    pub ours: &'a str,
    /// URL of the login page, in full.
    pub login: &'a str,
    /// What to look for in the log.
    pub request_id: &'a str,
}

/// Why a form does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// No cookie at all came with it.
    NoCookies,
    /// Others came with it.
    NotOurs {
        /// How ours is called.
        name: &'a str,
    },
    /// The browser says that the page is not at one of our addresses.
    OtherAddress {
        /// Where it is.
        shown: &'a str,
    },
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let heading = match model.cause {
        Cause::NoCookies | Cause::NotOurs { .. } => "Your browser did not send our cookie",
        Cause::OtherAddress { .. } => "This page has a second address",
    };
    let body = html! {
        (lead(model.cause))
        p { a.button.primary href=(model.login) { "Go to the sign-in page" } }
        h2 { "For whoever runs this site" }
        (setting(model.cause, model.ours))
        p.fine { "Error 403 · Request " code { (model.request_id) } }
    };
    Page {
        name: heading,
        heading,
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

fn lead(cause: Cause<'_>) -> Markup {
    match cause {
        Cause::NoCookies | Cause::NotOurs { .. } => html! {
            p.lead { "Signing in needs one small cookie, which stays on this site and follows you nowhere." }
            p {
                "Allow cookies for this site in your browser’s settings, then start again. If they are allowed, it is \
                 not your mistake."
            }
        },
        Cause::OtherAddress { shown } => html! {
            p.lead {
                "Your browser sent the form from " code { (shown) } ", which is not the address of this site. \
                 Nothing was changed."
            }
            p { "Go to the sign-in page by the button below, and sign in there." }
        },
    }
}

/// The setting that is wrong if it happens to everybody.
fn setting(cause: Cause<'_>, ours: &str) -> Markup {
    let is_tls = ours.starts_with("https://");
    match cause {
        Cause::NoCookies => html! {
            p {
                "No cookie at all came with the form. If that happens to everybody, let the proxy in front pass "
                code { "Cookie" } " on to the gate and " code { "Set-Cookie" } " back, and let nobody use another \
                 address than that of " code { "public_url" } ", " code { (ours) } "."
            }
        },
        Cause::NotOurs { name } if is_tls => html! {
            p {
                "Other cookies came, and " code { (name) } " did not. Browsers keep it under https alone: if the \
                 address begins with http:// there, let the proxy in front send browsers to " code { (ours) } ", and \
                 let its " code { "X-Forwarded-Proto" } " say what the browser uses, not always https."
            }
        },
        Cause::NotOurs { name } => html! {
            p {
                "Other cookies came, and " code { (name) } " did not. Over plain http no browser replaces a cookie \
                 that was set over https before: then choose another " code { "session.cookie_name" } "."
            }
        },
        Cause::OtherAddress { shown } if host(shown) != host(ours) => html! {
            p {
                code { "public_url" } " begins with " code { (ours) } ". If " code { (shown) } " is an address of this \
                 site, write it there, or send browsers from it to that one. If it is that of the proxy in front, let \
                 the proxy pass " code { "Host" } " on as it came."
            }
        },
        Cause::OtherAddress { .. } if is_tls => html! {
            p {
                code { "public_url" } " begins with " code { (ours) } ", and browsers come over plain http. Let the \
                 proxy in front send them on to https."
            }
        },
        Cause::OtherAddress { .. } => html! {
            p {
                code { "public_url" } " begins with " code { (ours) } ", and browsers come over https. Write https:// \
                 there; then the proxy in front has to send " code { "X-Forwarded-Proto" } ", and to be named in "
                code { "trusted_proxies" } "."
            }
        },
    }
}

fn host(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}
