//! The frame around every page: head, mark, heading, floor.

use crate::web::page::{Direction, Document, Frame, Step};
use maud::{DOCTYPE, Markup, html};

// Nothing but our own style sheet, images and forms, and a script where one is named.
macro_rules! policy {
    ($script:literal) => {
        concat!(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; ",
            $script,
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    };
}

/// Does the page load our script?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// No, and the policy forbids it.
    None,
    /// Yes: it reveals the buttons that need one.
    Enhance,
}

/// How wide the room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One short form.
    Narrow,
    /// Instructions, lists.
    Wide,
}

/// What a page adds to the frame.
pub(crate) struct Page<'a> {
    /// Its name: the first part of the title.
    pub(crate) name: &'a str,
    /// Its heading.
    pub(crate) heading: &'a str,
    /// Where it stands in a walk.
    pub(crate) step: Option<Step>,
    /// How wide it is.
    pub(crate) width: Width,
    /// Whether it loads our script.
    pub(crate) script: Script,
    /// What follows the heading.
    pub(crate) body: Markup,
}

impl Page<'_> {
    /// The whole document.
    pub(crate) fn within(&self, frame: &Frame<'_>) -> Document {
        let policy = match self.script {
            Script::None => policy!(""),
            Script::Enhance => policy!("script-src 'self'; "),
        };
        let html = html! {
            (DOCTYPE)
            html lang=(frame.lang) dir=(direction(frame.dir)) {
                (self.head(frame))
                body {
                    div.door.wide[self.width == Width::Wide] {
                        (brand(frame, self.name))
                        main { (self.title()) (self.body) }
                    }
                    (floor(frame))
                }
            }
        };
        Document {
            html: html.into_string(),
            policy,
        }
    }

    fn head(&self, frame: &Frame<'_>) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                title { (full_title(self.name, frame.title)) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                // Phones would make links of backup codes.
                meta name="format-detection" content="telephone=no";
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(frame.stylesheet_url);
                @if self.script == Script::Enhance { script src=(frame.script_url) defer {} }
            }
        }
    }

    fn title(&self) -> Markup {
        html! {
            @if let Some(step) = self.step { p.step { "Step " (step.number) " of " (step.of) } }
            h1 { (self.heading) }
        }
    }
}

/// Two nested doorways, as an icon that costs no request.
const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2032%2032'\
                    %20fill='none'%20stroke='%237a8190'%20stroke-width='3'%20stroke-linejoin='round'%3E\
                    %3Cpath%20d='M4%2028V14a12%2012%200%200%201%2024%200v14'/%3E\
                    %3Cpath%20d='M11%2028V16a5%205%200%200%201%2010%200v12M2%2028h28'/%3E%3C/svg%3E";

/// "Page - Portal"; once where both are the same words, as on the default login page.
fn full_title(page: &str, portal: &str) -> String {
    if page == portal {
        return portal.to_owned();
    }
    format!("{page} - {portal}")
}

fn direction(dir: Direction) -> &'static str {
    match dir {
        Direction::LeftToRight => "ltr",
        Direction::RightToLeft => "rtl",
    }
}

fn brand(frame: &Frame<'_>, page: &str) -> Markup {
    html! {
        header.brand {
            @match frame.logo {
                Some(logo) => img.logo src=(logo) alt="";,
                None => (mark()),
            }
            // The default title is the heading of the login page: not twice in a row.
            @if frame.title != page { span { (frame.title) } }
        }
    }
}

/// Our mark: a doorway within a doorway, on one floor.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false" {
            path.outer d="M4 28V14a12 12 0 0 1 24 0v14" {}
            path.inner d="M11 28V16a5 5 0 0 1 10 0v12z" {}
            path.floor d="M1.5 28h29" {}
        }
    }
}

fn floor(frame: &Frame<'_>) -> Markup {
    html! {
        footer.floor {
            @if let Some(link) = frame.support_link.filter(|link| leads_to_people(link)) {
                p { a href=(link) { "Get help" } }
            }
        }
    }
}

/// A link with another scheme, such as `javascript:`, would act on our page.
fn leads_to_people(link: &str) -> bool {
    ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
}
