//! Asks before it signs out: a link on a foreign page must not do it.

use crate::web::page::form::unseen;
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Form, Frame};
use maud::html;

/// The question.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posted when the answer is yes.
    pub form: Form<'a>,
    /// Who is signed in.
    pub username: &'a str,
    /// URL to go to when the answer is no.
    pub back: &'a str,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let body = html! {
        p.lead { "You are signed in as " strong { bdi { (model.username) } } "." }
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            button.primary type="submit" { "Sign out" }
        }
        p { a.button href=(model.back) { "Stay signed in" } }
    };
    Page {
        name: "Sign out",
        heading: "Sign out?",
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}
