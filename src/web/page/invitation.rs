//! Accepting an invitation: whom it is for, and a password.

use crate::web::page::form::{Message, Tone, described_by, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{BUSY, try_again};
use crate::web::page::{Document, Form, Frame, Step};
use maud::{Markup, html};
use std::time::Duration;

/// The page behind an invitation link that works.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posts `new_password` and `new_password_again`.
    pub form: Form<'a>,
    /// Where this page stands in the walk.
    pub step: Option<Step>,
    /// The user name that was given to the invited person.
    pub username: &'a str,
    /// What to call that person; the user name when empty.
    pub display_name: &'a str,
    /// The fewest characters that a password may have.
    pub min_length: usize,
    /// What is wrong with what was sent.
    pub problem: Option<Problem<'a>>,
}

/// Why the visitor sees the form once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<'a> {
    /// A field was left empty.
    Incomplete,
    /// The two passwords are not the same.
    Different,
    /// The password breaks a rule; the text of the rule says what to do.
    Weak(&'a str),
    /// Too many passwords are being hashed; worth another try after this time.
    Busy(Duration),
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let next = model.problem.map(Problem::next).unwrap_or_default();
    let message = model.problem.map(|problem| problem.message(&next));
    let body = html! {
        p.lead {
            "You are invited to " strong { bdi { (model.frame.site) } } ". "
            "Choose a password of your own; then connect an authenticator app."
        }
        @if let Some(message) = &message { (message.show()) }
        (fields(model, message.as_ref()))
    };
    let name = if model.display_name.is_empty() {
        model.username
    } else {
        model.display_name
    };
    Page {
        name: "Your invitation",
        heading: &format!("Welcome, {name}"),
        step: model.step,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

fn fields(model: &Model<'_>, message: Option<&Message<'_>>) -> Markup {
    let invalid = Message::invalid(message);
    html! {
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            div.field {
                // Read-only: it shows the name, and password managers store it with the password.
                label for="username" { "Your user name" }
                input #username type="text" name="username" value=(model.username) readonly
                    autocomplete="username" dir="auto";
            }
            div.field {
                label for="new_password" { "New password" }
                input #new_password type="password" name="new_password" required autocomplete="new-password" autofocus
                    aria-invalid=[invalid] aria-describedby=[described_by(message, "rules")];
                p.hint #rules {
                    "At least " (model.min_length) " characters. A few words in a row are easy to remember \
                     and hard to guess. Spaces and every kind of letter are welcome."
                }
            }
            div.field {
                label for="new_password_again" { "The same password again" }
                input #new_password_again type="password" name="new_password_again" required
                    autocomplete="new-password" aria-invalid=[invalid] aria-describedby=[described_by(message, "")];
            }
            button.primary type="submit" { "Set password" }
        }
    }
}

impl Problem<'_> {
    fn message(self, next: &str) -> Message<'_> {
        let (tone, what) = match self {
            Self::Incomplete => (Tone::Problem, "The password is needed twice."),
            Self::Different => (Tone::Problem, "The two passwords are not the same."),
            Self::Weak(_) => (Tone::Problem, "Please choose another password."),
            Self::Busy(_) => (Tone::Warning, BUSY),
        };
        Message { tone, what, next }
    }

    fn next(self) -> String {
        match self {
            Self::Incomplete => {
                "Type it into both fields, so that a slip of the finger shows.".to_owned()
            }
            Self::Different => "Type it into both fields once more.".to_owned(),
            Self::Weak(rule) => rule.to_owned(),
            Self::Busy(wait) => try_again(wait),
        }
    }
}
