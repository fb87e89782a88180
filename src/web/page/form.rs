//! Pieces of forms: what they carry unseen, and what they say when something is wrong.

use crate::web::page::Form;
use maud::{Markup, html};

/// Id of the message of a page, for `aria-describedby`.
pub(crate) const MESSAGE: &str = "message";

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something has to be put right before it goes on.
    Problem,
    /// Something to watch, or to wait for: no field is wrong.
    Warning,
    /// Something to know.
    Note,
}

/// What stands above a form: what happened, and what to do.
pub(crate) struct Message<'a> {
    pub(crate) tone: Tone,
    pub(crate) what: &'a str,
    pub(crate) next: &'a str,
}

impl Message<'_> {
    /// The summary. Read out at once unless it is a mere note.
    pub(crate) fn show(&self) -> Markup {
        let (class, role) = match self.tone {
            Tone::Problem => ("message problem", Some("alert")),
            Tone::Warning => ("message warning", Some("alert")),
            Tone::Note => ("message note", None),
        };
        html! {
            div class=(class) id=(MESSAGE) role=[role] {
                p { strong { (self.what) } }
                @if !self.next.is_empty() { p { (self.next) } }
            }
        }
    }

    /// `aria-invalid` of the field that it is about.
    pub(crate) fn invalid(message: Option<&Self>) -> Option<&'static str> {
        message
            .filter(|message| message.tone == Tone::Problem)
            .map(|_| "true")
    }
}

/// `aria-describedby` of a field: the message if there is one, then its own hint.
pub(crate) fn described_by(message: Option<&Message<'_>>, hint: &str) -> Option<String> {
    let ids: Vec<&str> = message
        .map(|_| MESSAGE)
        .into_iter()
        .chain((!hint.is_empty()).then_some(hint))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// The fields that nobody sees.
pub(crate) fn unseen(form: &Form<'_>) -> Markup {
    html! {
        input type="hidden" name="csrf" value=(form.csrf);
        @if let Some(rd) = form.rd { input type="hidden" name="rd" value=(rd); }
    }
}
