//! Connecting an authenticator app.

use crate::web::page::form::{Message, Tone, described_by, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{BUSY, TOO_MANY, try_again, wait_first};
use crate::web::page::{Document, Form, Frame, Step, qr};
use maud::{Markup, html};
use std::time::Duration;

/// Value of the button `do` that asks for a fresh secret.
pub const RESTART: &str = "restart";

/// The enrolment page.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posts `code`, or `do` with [`RESTART`].
    pub form: Form<'a>,
    /// Where this page stands in the walk.
    pub step: Option<Step>,
    /// What there is to show.
    pub state: State<'a>,
}

/// How far the enrolment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// A secret waits for its first code.
    Waiting(Secret<'a>),
    /// The secret is too old, or was tried too often.
    Expired,
    /// An authenticator is connected already.
    Done {
        /// URL of the own account.
        account: &'a str,
    },
}

/// The secret and what went wrong with it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secret<'a> {
    /// The `otpauth:` address that apps read; anything else is not shown.
    pub uri: &'a str,
    /// The same secret in base32, for typing.
    pub base32: &'a str,
    /// The name that the app shows beside the code.
    pub username: &'a str,
    /// What is wrong with the code that was sent.
    pub problem: Option<Problem>,
}

/// Why the visitor sees the form once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// What was typed has not the form of a code.
    Malformed,
    /// The code does not belong to the secret.
    WrongCode,
    /// Too many codes are being checked; worth another try after this time.
    Busy(Duration),
    /// Too many attempts; no other one counts before this time is over.
    TooMany(Duration),
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    match &model.state {
        State::Waiting(secret) => waiting(model, secret),
        State::Expired => expired(model),
        State::Done { account } => done(model, account),
    }
}

fn waiting(model: &Model<'_>, secret: &Secret<'_>) -> Document {
    let next = secret.problem.map(Problem::next).unwrap_or_default();
    let message = secret.problem.map(|problem| problem.message(&next));
    let body = html! {
        p.lead { "It shows a new six-digit code every half minute. From now on you sign in with your password and such a code." }
        ol.steps {
            li { (get_an_app()) }
            li { (scan(secret)) }
            li { (first_code(model, message.as_ref())) }
        }
        p.aside { "This page is good for ten minutes. After that you get a fresh code to scan." }
    };
    page(
        model,
        "Connect an authenticator app",
        Width::Wide,
        Script::Enhance,
        body,
    )
}

fn get_an_app() -> Markup {
    html! {
        h2 { "Open your authenticator app" }
        details {
            summary { "I do not have one yet" }
            p {
                "Install one from the app shop of your phone: Aegis, 2FAS, Google Authenticator or Microsoft \
                 Authenticator, for example. Each of them works, and costs nothing."
            }
            p {
                "Without a smartphone, use a password manager on your computer that makes such codes: \
                 KeePassXC, Bitwarden or 1Password, for example."
            }
        }
    }
}

fn scan(secret: &Secret<'_>) -> Markup {
    // Whatever else the caller has, a link of ours only ever opens an authenticator.
    let uri = Some(secret.uri).filter(|uri| uri.starts_with("otpauth://"));
    let picture = uri.and_then(|uri| qr::svg(uri, "QR code for your authenticator app"));
    html! {
        h2 { "Add this account to it" }
        div.scan {
            @if let Some(picture) = picture {
                p { "Choose “add account” or “+” in the app, and point the camera at this picture." }
                (picture)
            }
            @if let Some(uri) = uri {
                p.here { a href=(uri) { "The app is on this device: open it" } }
            }
            (by_hand(secret, uri.is_none()))
        }
    }
}

fn by_hand(secret: &Secret<'_>, only_way: bool) -> Markup {
    html! {
        details open[only_way] {
            summary { "I cannot scan it: show the key" }
            p { "Choose “enter a setup key” in the app, and type or paste this:" }
            dl.facts {
                dt { "Account" } dd { bdi { (secret.username) } }
                dt { "Key" } dd { code.secret #secret dir="ltr" { (in_fours(secret.base32)) } }
                dt { "Kind" } dd { "time-based, six digits, 30 seconds" }
            }
            p.tools { button type="button" hidden data-copy="secret" { "Copy the key" } span role="status" {} }
        }
    }
}

/// Groups of four, which eyes and fingers can follow; apps ignore the spaces.
fn in_fours(base32: &str) -> String {
    let symbols: Vec<char> = base32
        .chars()
        .filter(|symbol| !symbol.is_whitespace())
        .collect();
    let groups: Vec<String> = symbols
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(" ")
}

fn first_code(model: &Model<'_>, message: Option<&Message<'_>>) -> Markup {
    html! {
        h2 { "Type the code that it shows now" }
        @if let Some(message) = message { (message.show()) }
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            div.field {
                label for="code" { "Six-digit code" }
                input.code #code type="text" name="code" inputmode="numeric" autocomplete="one-time-code" required
                    dir="ltr" spellcheck="false" autofocus[message.is_some()]
                    aria-invalid=[Message::invalid(message)] aria-describedby=[described_by(message, "")];
            }
            button.primary type="submit" { "Connect" }
        }
    }
}

fn expired(model: &Model<'_>) -> Document {
    let body = html! {
        p.lead {
            "For your safety the code to scan is good for ten minutes only. \
             Get a fresh one; if you added the old one to your app, delete it there."
        }
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            button.primary type="submit" name="do" value=(RESTART) { "Get a fresh code" }
        }
    };
    page(
        model,
        "Please start this step again",
        Width::Narrow,
        Script::None,
        body,
    )
}

fn done(model: &Model<'_>, account: &str) -> Document {
    let body = html! {
        p.lead { "An authenticator app belongs to your account already, so there is nothing left to do here." }
        p { a.button.primary href=(account) { "Go to your account" } }
        p.aside { "Lost it? Sign in with a backup code, or ask the person who invited you." }
    };
    page(
        model,
        "Your app is connected",
        Width::Narrow,
        Script::None,
        body,
    )
}

fn page(model: &Model<'_>, name: &str, width: Width, script: Script, body: Markup) -> Document {
    Page {
        name,
        heading: name,
        step: model.step,
        width,
        script,
        body,
    }
    .within(model.frame)
}

impl Problem {
    fn message(self, next: &str) -> Message<'_> {
        let (tone, what) = match self {
            Self::Malformed => (Tone::Problem, "That does not look like a code."),
            Self::WrongCode => (Tone::Problem, "That code does not fit."),
            Self::Busy(_) => (Tone::Warning, BUSY),
            Self::TooMany(_) => (Tone::Warning, TOO_MANY),
        };
        Message { tone, what, next }
    }

    fn next(self) -> String {
        match self {
            Self::Malformed => "It has six digits, such as 123 456.".to_owned(),
            Self::WrongCode => "Type the newest code of the account that you have just added. If it is refused again, \
                                check that your phone sets its clock by itself."
                .to_owned(),
            Self::Busy(wait) => try_again(wait),
            Self::TooMany(wait) => wait_first(wait),
        }
    }
}
