//! User name and password.

use crate::web::page::form::{Message, Tone, described_by, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{BUSY, TOO_MANY, try_again, wait_first};
use crate::web::page::{Document, Form, Frame};
use maud::{Markup, html};
use std::time::Duration;

/// The login page.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// The host that the visitor is on the way to.
    pub destination: &'a str,
    /// Posts `username` and `password`.
    pub form: Form<'a>,
    /// What was typed as user name before; empty at first. A password never comes back.
    pub username: &'a str,
    /// What there is to say above the form.
    pub notice: Option<Notice>,
}

/// Why the visitor sees the form once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A field was left empty.
    Incomplete,
    /// The same words for an unknown name, a wrong password, a disabled and a locked account.
    Refused,
    /// The login that was under way is over.
    TimedOut,
    /// The form was too old to be believed.
    FormExpired,
    /// Too many passwords are being checked; worth another try after this time.
    Busy(Duration),
    /// Too many attempts; no other one counts before this time is over.
    TooMany(Duration),
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let next = model.notice.map(Notice::next).unwrap_or_default();
    let message = model.notice.map(|notice| notice.message(&next));
    let body = html! {
        p.lead { "to continue to " bdi { (model.destination) } }
        @if let Some(message) = &message { (message.show()) }
        (fields(model, message.as_ref()))
        p.aside { (forgotten()) }
    };
    Page {
        name: "Sign in",
        heading: "Sign in",
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

fn fields(model: &Model<'_>, message: Option<&Message<'_>>) -> Markup {
    let invalid = Message::invalid(message);
    let described = described_by(message, "");
    // Where the next key belongs: after a refusal it is mostly the password that was mistyped.
    let (start_at_name, start_at_password) =
        (model.username.is_empty(), !model.username.is_empty());
    html! {
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            div.field {
                label for="username" { "User name" }
                input #username type="text" name="username" value=(model.username) required
                    autocomplete="username" autocapitalize="none" spellcheck="false" dir="auto"
                    aria-invalid=[invalid] aria-describedby=[&described] autofocus[start_at_name];
            }
            div.field {
                label for="password" { "Password" }
                input #password type="password" name="password" required autocomplete="current-password"
                    aria-invalid=[invalid] aria-describedby=[&described] autofocus[start_at_password];
            }
            button.primary type="submit" { "Continue" }
        }
    }
}

fn forgotten() -> &'static str {
    "Forgotten your password? The person who invited you can send you a new link."
}

impl Notice {
    fn message(self, next: &str) -> Message<'_> {
        let (tone, what) = match self {
            Self::Incomplete => (Tone::Problem, "Both fields are needed."),
            Self::Refused => (Tone::Problem, "That user name and password do not match."),
            Self::TimedOut => (Tone::Note, "Your sign-in took too long."),
            Self::FormExpired => (Tone::Note, "This page was open for a long time."),
            Self::Busy(_) => (Tone::Warning, BUSY),
            Self::TooMany(_) => (Tone::Warning, TOO_MANY),
        };
        Message { tone, what, next }
    }

    fn next(self) -> String {
        match self {
            Self::Incomplete => "Enter your user name and your password.".to_owned(),
            Self::Refused => "Check both, and mind capital letters in the password.".to_owned(),
            Self::TimedOut => "Nothing is lost: please sign in again.".to_owned(),
            Self::FormExpired => "To be on the safe side, please sign in again.".to_owned(),
            Self::Busy(wait) => try_again(wait),
            Self::TooMany(wait) => wait_first(wait),
        }
    }
}
