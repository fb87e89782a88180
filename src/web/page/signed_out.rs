//! The page after signing out.

use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Frame};
use maud::html;

/// The farewell.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// URL of the login page.
    pub login: &'a str,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let body = html! {
        p.lead {
            "You can close this window. On a computer that others use too, close all windows of the browser."
        }
        p { a.button.primary href=(model.login) { "Sign in again" } }
    };
    Page {
        name: "Signed out",
        heading: "You are signed out",
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}
