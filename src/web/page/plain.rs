//! A page for hosts that are not ours: it loads nothing, not even a style sheet.

use crate::web::page::Document;
use maud::{DOCTYPE, html};

/// What it says.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The one sentence.
    pub title: &'a str,
    /// What to do next.
    pub link: Link<'a>,
    /// What to look for in the log.
    pub request_id: &'a str,
}

/// Where the page leads.
#[derive(Clone, Copy, Debug)]
pub enum Link<'a> {
    /// To signing out, for somebody with another account.
    SignOut(&'a str),
    /// To the page that asks for what is missing, beside this one.
    Show {
        /// Its URL.
        url: &'a str,
        /// What the link says.
        words: &'a str,
    },
}

/// The document, below 1 KiB: proxies hand on no more than a few.
pub fn view(model: &Model<'_>) -> Document {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (model.title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
            }
            body {
                main {
                    h1 { (model.title) }
                    @match model.link {
                        Link::SignOut(url) => p { a href=(url) { "Sign out, to sign in as somebody else" } },
                        Link::Show { url, words } => p { a href=(url) target="_blank" { (words) } },
                    }
                    p { small { "Request " code { (model.request_id) } } }
                }
            }
        }
    };
    Document {
        html: html.into_string(),
        policy: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    }
}
