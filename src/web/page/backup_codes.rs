//! The backup codes, shown once, and the question whether they are kept.

use crate::web::page::form::{Message, Tone, described_by, unseen};
use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::{Document, Form, Frame, Step};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Value of the button `do` that asks for another set of codes.
pub const RENEW: &str = "renew";

/// The page with the backup codes.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// Posts `kept`, or `do` with [`RENEW`].
    pub form: Form<'a>,
    /// Where this page stands in the walk.
    pub step: Option<Step>,
    /// Whose codes they are.
    pub username: &'a str,
    /// What there is to show.
    pub state: State<'a>,
}

/// Whether the codes can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// The codes as people read them, this once.
    Fresh(&'a [&'a str]),
    /// They were shown before, and nobody has said that they are kept.
    ShownBefore,
    /// As before, after a form without the tick.
    NotTicked,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    match model.state {
        State::Fresh(codes) => fresh(model, codes),
        State::ShownBefore => shown_before(model, None),
        State::NotTicked => {
            let message = Message {
                tone: Tone::Problem,
                what: "The box is not ticked.",
                next: "Tick it if you have kept your codes. If you have not, make new ones.",
            };
            shown_before(model, Some(&message))
        }
    }
}

fn fresh(model: &Model<'_>, codes: &[&str]) -> Document {
    let body = html! {
        p.lead {
            "When your phone is lost or broken, one of these codes signs you in instead. \
             Each works once. " strong { "You see them only now." }
        }
        p.print-only { "For " bdi { (model.username) } " at " bdi { (model.frame.site) } }
        ol.codes #codes dir="ltr" {
            @for code in codes { li { code { (code) } } }
        }
        p.tools {
            a.button href=(data_link(model, codes)) download=(file_name(model.frame.site)) { "Download" }
            button type="button" hidden data-copy="codes" { "Copy" }
            button type="button" hidden data-print { "Print" }
            span role="status" {}
        }
        p.hint {
            "Good places are a password manager, or a sheet of paper in a drawer at home: \
             anywhere but on the phone with the app."
        }
        (kept(model, None))
    };
    page(model, "Keep your backup codes", Script::Enhance, body)
}

fn shown_before(model: &Model<'_>, message: Option<&Message<'_>>) -> Document {
    let body = html! {
        p.lead {
            "For your safety they are not shown a second time. If you have them, go on. \
             If you do not, make new ones; the first ones stop working then."
        }
        @if let Some(message) = message { (message.show()) }
        (kept(model, message))
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            button type="submit" name="do" value=(RENEW) { "Make new codes" }
        }
    };
    page(
        model,
        "Have you kept your backup codes?",
        Script::None,
        body,
    )
}

fn kept(model: &Model<'_>, message: Option<&Message<'_>>) -> Markup {
    html! {
        form method="post" action=(model.form.action) {
            (unseen(&model.form))
            label.tick {
                input #kept type="checkbox" name="kept" value="yes" required
                    aria-invalid=[Message::invalid(message)] aria-describedby=[described_by(message, "")];
                span { "I have kept my backup codes" }
            }
            button.primary type="submit" { "Continue" }
        }
    }
}

/// The file itself, in the link: it is saved without a script and without asking the server again.
fn data_link(model: &Model<'_>, codes: &[&str]) -> String {
    let text = file(model, codes);
    let text = utf8_percent_encode(&text, NON_ALPHANUMERIC);
    format!("data:text/plain;charset=utf-8,{text}")
}

fn file(model: &Model<'_>, codes: &[&str]) -> String {
    let (user, site, codes) = (model.username, model.frame.site, codes.join("\r\n"));
    // CRLF: every editor on every system shows lines.
    format!("Backup codes for {user} at {site}\r\nEach code works once.\r\n\r\n{codes}\r\n")
}

fn file_name(site: &str) -> String {
    let plain = |symbol: &char| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-');
    let site: String = site.chars().filter(plain).collect();
    format!("backup-codes-{site}.txt")
}

fn page(model: &Model<'_>, name: &str, script: Script, body: Markup) -> Document {
    Page {
        name,
        heading: name,
        step: model.step,
        width: Width::Wide,
        script,
        body,
    }
    .within(model.frame)
}
