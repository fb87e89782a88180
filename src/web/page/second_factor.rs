//! A code: from the authenticator app, or a backup code.

use crate::web::page::form::{Message, Tone, described_by, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{BUSY, TOO_MANY, try_again, wait_first};
use crate::web::page::{Document, Form, Frame};
use maud::{Markup, html};
use std::time::Duration;

/// The page that asks for a code.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posts `code`; its action keeps the chosen way, so that a refusal shows the same page.
    pub form: Form<'a>,
    /// Who is signing in.
    pub username: &'a str,
    /// What is asked for.
    pub way: Way,
    /// URL of this page with the other way.
    pub other_way: &'a str,
    /// What the code is for.
    pub purpose: Purpose,
    /// URL for somebody else: of the login page, or of signing out.
    pub give_up: &'a str,
    /// What there is to say above the form.
    pub notice: Option<Notice>,
}

/// What the code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To finish signing in.
    SignIn,
    /// To go on to a part of the app that asks somebody who is signed in for a code.
    StepUp,
}

impl Purpose {
    fn button(self) -> &'static str {
        match self {
            Self::SignIn => "Sign in",
            Self::StepUp => "Continue",
        }
    }

    /// Why somebody who is signed in is asked.
    fn why(self) -> &'static str {
        match self {
            Self::SignIn => "",
            Self::StepUp => "The page that you want to open asks for a code. ",
        }
    }

    /// What stands before the user name.
    fn who(self) -> &'static str {
        match self {
            Self::SignIn => "Signing in as ",
            Self::StepUp => "You are signed in as ",
        }
    }

    fn give_up(self) -> &'static str {
        match self {
            Self::SignIn => "Sign in as somebody else",
            Self::StepUp => "Sign out",
        }
    }
}

/// Where the code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The authenticator app.
    App,
    /// The list of backup codes.
    BackupCode,
}

/// Why the visitor sees the form once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What was typed has not the form of a code; it was not counted.
    Malformed,
    /// The code is wrong, or was used before.
    Refused,
    /// Too many codes are being checked; worth another try after this time.
    Busy(Duration),
    /// Too many attempts; no other one counts before this time is over.
    TooMany(Duration),
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let next = model
        .notice
        .map(|notice| notice.next(model.way))
        .unwrap_or_default();
    let message = model.notice.map(|notice| notice.message(&next));
    let (name, lead) = match model.way {
        Way::App => (
            "Enter your code",
            "Open your authenticator app and type the six digits that it shows.",
        ),
        Way::BackupCode => (
            "Enter a backup code",
            "Type one of the codes that you kept when you set up your account. Each works once.",
        ),
    };
    let body = html! {
        p.lead #lead { (model.purpose.why()) (lead) }
        @if let Some(message) = &message { (message.show()) }
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            (who(model.purpose, model.username))
            (field(model.way, message.as_ref()))
            button.primary type="submit" { (model.purpose.button()) }
        }
        (ways_out(model))
    };
    Page {
        name,
        heading: name,
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

/// Apps hold codes of many accounts: this says which is asked for.
fn who(purpose: Purpose, username: &str) -> Markup {
    html! {
        p.who { (purpose.who()) strong { bdi { (username) } } }
    }
}

fn field(way: Way, message: Option<&Message<'_>>) -> Markup {
    let invalid = Message::invalid(message);
    let described = described_by(message, "lead");
    html! {
        div.field {
            @match way {
                Way::App => {
                    label for="code" { "Six-digit code" }
                    input.code #code type="text" name="code" inputmode="numeric" autocomplete="one-time-code"
                        required autofocus dir="ltr" spellcheck="false"
                        aria-invalid=[invalid] aria-describedby=[described];
                },
                Way::BackupCode => {
                    label for="code" { "Backup code" }
                    input.code #code type="text" name="code" autocomplete="off" autocapitalize="characters"
                        required autofocus dir="ltr" spellcheck="false"
                        aria-invalid=[invalid] aria-describedby=[described];
                },
            }
        }
    }
}

fn ways_out(model: &Model<'_>) -> Markup {
    let other = match model.way {
        Way::App => "Use a backup code instead",
        Way::BackupCode => "Use the authenticator app instead",
    };
    html! {
        ul.links {
            li { a href=(model.other_way) { (other) } }
            li { a href=(model.give_up) { (model.purpose.give_up()) } }
        }
    }
}

impl Notice {
    fn message(self, next: &str) -> Message<'_> {
        let (tone, what) = match self {
            Self::Malformed => (Tone::Problem, "That does not look like a code."),
            Self::Refused => (Tone::Problem, "That code did not work."),
            Self::Busy(_) => (Tone::Warning, BUSY),
            Self::TooMany(_) => (Tone::Warning, TOO_MANY),
        };
        Message { tone, what, next }
    }

    fn next(self, way: Way) -> String {
        match (self, way) {
            (Self::Malformed, Way::App) => "It has six digits, such as 123 456.".to_owned(),
            (Self::Malformed, Way::BackupCode) => {
                "It has twelve letters and digits, such as 7K2M-Q9XD-4RTA.".to_owned()
            }
            (Self::Refused, Way::App) => {
                "A code works once and for half a minute. Wait until the app shows the next one, then type that."
                    .to_owned()
            }
            (Self::Refused, Way::BackupCode) => {
                "Each works once, and a new list replaces an old one. Check it, or try another from your list.".to_owned()
            }
            (Self::Busy(wait), Way::App | Way::BackupCode) => try_again(wait),
            (Self::TooMany(wait), Way::App | Way::BackupCode) => {
                wait_first(wait)
            }
        }
    }
}
