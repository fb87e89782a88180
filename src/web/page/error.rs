//! What went wrong, in words, and what to do next.

use crate::web::page::layout::{Page, Script, Width};
use crate::web::page::words::{try_again, wait_first};
use crate::web::page::{Document, Frame};
use http::StatusCode;
use maud::html;
use std::time::Duration;

/// The page of an error.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// What all pages share.
    pub frame: &'a Frame<'a>,
    /// What went wrong.
    pub problem: Problem,
    /// URL of the app behind.
    pub home: &'a str,
    /// URL of the login page.
    pub login: &'a str,
    /// URL of the page that signs out.
    pub logout: &'a str,
    /// What to look for in the log; left out when empty.
    pub request_id: &'a str,
}

/// What went wrong, as far as a visitor may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The request cannot be read, or can be read in two ways.
    BadRequest,
    /// The page has to be loaded through TLS.
    NotEncrypted,
    /// The form was sent by another site, or is too old.
    ForeignForm,
    /// The sign-in or enrolment under way is over.
    SignInOver,
    /// Signed in, and not allowed to go there.
    NotAllowed,
    /// There is no such page of ours.
    NotFound,
    /// The invitation was used, replaced or is too old; one answer for all three.
    InvitationInvalid,
    /// The page does not answer this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The request's body is too large.
    TooLarge,
    /// The request's body is of a kind that the page does not read.
    UnsupportedMediaType,
    /// Nobody configured this host.
    WrongHost,
    /// Too many attempts; no other one counts before this time is over.
    TooMany(Duration),
    /// One user has all the requests under way that one may have; worth another try after this time.
    TooManyAtOnce(Duration),
    /// The request came before the encryption was fully set up, and could be a copy.
    TooEarly,
    /// The request's head is too large, which mostly means too many cookies.
    HeadTooLarge,
    /// A mistake of ours.
    Internal,
    /// The app behind cannot be reached.
    AppUnreachable,
    /// The store cannot be asked, or too much is waiting; worth another try after this time.
    Unavailable(Duration),
    /// The app behind did not answer in time.
    AppTimeout,
    /// The app behind has all the requests that it may have; worth another try after this time.
    AppBusy(Duration),
}

/// The one thing to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Home,
    SignIn,
    SignOut,
    TryAgain,
    Nothing,
}

/// The document.
pub fn view(model: &Model<'_>) -> Document {
    let link = match model.problem.next() {
        Next::Home => Some((model.home, "Go to the start page")),
        Next::SignIn => Some((model.login, "Go to the sign-in page")),
        Next::SignOut => Some((model.logout, "Sign out")),
        // The empty URL is this page, asked for once more without its form.
        Next::TryAgain => Some(("", "Try again")),
        Next::Nothing => None,
    };
    let title = model.problem.title();
    let body = html! {
        p.lead { (model.problem.explanation()) }
        p { (model.problem.advice()) }
        @if let Some((url, words)) = link { p { a.button.primary href=(url) { (words) } } }
        p.fine {
            "Error " (model.problem.status().as_u16())
            @if !model.request_id.is_empty() { " · Request " code { (model.request_id) } }
        }
    };
    Page {
        name: title,
        heading: title,
        step: None,
        width: Width::Narrow,
        script: Script::None,
        body,
    }
    .within(model.frame)
}

impl Problem {
    /// Every kind, for tests and tables; times are examples.
    pub const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::NotEncrypted,
        Self::ForeignForm,
        Self::SignInOver,
        Self::NotAllowed,
        Self::NotFound,
        Self::InvitationInvalid,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::WrongHost,
        Self::TooMany(Duration::from_secs(30)),
        Self::TooManyAtOnce(Duration::from_secs(5)),
        Self::TooEarly,
        Self::HeadTooLarge,
        Self::Internal,
        Self::AppUnreachable,
        Self::Unavailable(Duration::from_secs(5)),
        Self::AppBusy(Duration::from_secs(5)),
        Self::AppTimeout,
    ];

    /// The status that the page is served with (RFC 9110, section 15; RFC 6585).
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotEncrypted | Self::ForeignForm | Self::SignInOver | Self::NotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound | Self::InvitationInvalid => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany(_) | Self::TooManyAtOnce(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooEarly => StatusCode::TOO_EARLY,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AppUnreachable => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) | Self::AppBusy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AppTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The heading, short and without blame; also the title of a problem document (RFC 9457).
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "This address cannot be read",
            Self::NotEncrypted => "This connection is not encrypted",
            Self::ForeignForm => "This form is no longer good",
            Self::SignInOver => "Please sign in again",
            Self::NotAllowed => "This page is not open to you",
            Self::NotFound => "There is no such page",
            Self::InvitationInvalid => "This invitation has ended",
            Self::MethodNotAllowed => "That does not work here",
            Self::RequestTimeout => "That took too long to arrive",
            Self::TooLarge => "That is too large",
            Self::UnsupportedMediaType => "That kind of data is not read here",
            Self::WrongHost => "This address leads nowhere",
            Self::TooMany(_) => "Too many attempts",
            Self::TooManyAtOnce(_) => "You have too much open at once",
            Self::TooEarly => "That came a little too early",
            Self::HeadTooLarge => "Your browser sent too many cookies",
            Self::Internal => "Something broke on our side",
            Self::AppUnreachable => "The app is not answering",
            Self::Unavailable(_) => "We cannot let anybody in right now",
            Self::AppTimeout => "The app is taking too long",
            Self::AppBusy(_) => "The app is busy",
        }
    }

    /// What happened.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "Your browser sent something that can be understood in more than one way, so it was not passed on."
            }
            Self::NotEncrypted => {
                "A password typed here could be read on its way, so signing in is switched off."
            }
            Self::ForeignForm => {
                "It was open for a long time, or it did not come from this site. Nothing was changed."
            }
            Self::SignInOver => {
                "For your safety, a sign-in that is not finished ends after a few minutes or several wrong codes."
            }
            Self::NotAllowed => "You are signed in, and your account does not include this page.",
            Self::NotFound => "The address may have a typing error in it, or the page has moved.",
            Self::InvitationInvalid => {
                "An invitation works once, for a limited time, and a newer one replaces it."
            }
            Self::MethodNotAllowed => {
                "The page exists, and it cannot do what your browser asked for."
            }
            Self::RequestTimeout => {
                "Your browser’s request stopped on the way, perhaps because of a slow connection."
            }
            Self::TooLarge => "What your browser sent is larger than what is accepted here.",
            Self::UnsupportedMediaType => "The page accepts its own form, and JSON.",
            Self::WrongHost => "No site is set up here under the name that your browser asked for.",
            Self::TooMany(_) => "To keep guessers out, there is a short pause after several tries.",
            Self::TooManyAtOnce(_) => {
                "The app serves many people, so there is a limit to what one of them, or one address, may have under way."
            }
            Self::TooEarly => {
                "Your browser asked before the connection was fully secured, so the request could have been somebody’s copy."
            }
            Self::HeadTooLarge => {
                "All cookies and headers of the request together are larger than what is accepted here."
            }
            Self::Internal => "It is not your doing. It has been written to the log.",
            Self::AppUnreachable => {
                "You got through the door, but the app behind it cannot be reached."
            }
            Self::Unavailable(_) => {
                "The part that knows who may come in is busy or not reachable. Until it answers, the door stays shut."
            }
            Self::AppTimeout => {
                "You got through the door, but the app behind it did not answer in time."
            }
            Self::AppBusy(_) => {
                "You got through the door, but the app behind it has as many visitors as it can serve at once."
            }
        }
    }

    /// What to do next.
    #[must_use]
    pub fn advice(self) -> String {
        let advice = match self {
            Self::BadRequest => "Go to the start page and follow a link from there.",
            Self::NotEncrypted => {
                "Change the beginning of the address to https:// and load it again. If it begins so already, whoever runs \
                 this site has to let the proxy in front send X-Forwarded-Proto, and to name that proxy in trusted_proxies."
            }
            Self::ForeignForm => "Load the page afresh and fill it in again.",
            Self::SignInOver => "Start again from the sign-in page.",
            Self::NotAllowed => {
                "If you should have access, ask the person who runs this site. You can also sign in as somebody else."
            }
            Self::NotFound => "Check the address, or go to the start page.",
            Self::InvitationInvalid => {
                "If you have set your password already, sign in. If not, ask the person who invited you for a new link."
            }
            Self::MethodNotAllowed => "Go to the start page and follow a link from there.",
            Self::RequestTimeout => "Check your connection and send it again.",
            Self::TooLarge => {
                "Send less at once, or ask the person who runs this site about the limit."
            }
            Self::UnsupportedMediaType => "Load the page afresh and use its form.",
            Self::WrongHost => {
                "Check the address. If you run this site, add the name to its configuration."
            }
            Self::TooMany(wait) => return wait_first(wait),
            Self::TooEarly => "Try again; this time the connection is ready.",
            Self::HeadTooLarge => {
                "Clear the cookies of this site in your browser’s settings, then load the page again."
            }
            Self::Internal => {
                "Try again. If it happens again, tell the person who runs this site the number below."
            }
            Self::AppUnreachable | Self::AppTimeout => {
                "It may be starting up. Try again in a moment, or tell the person who runs this site."
            }
            Self::TooManyAtOnce(wait) | Self::Unavailable(wait) | Self::AppBusy(wait) => {
                return try_again(wait);
            }
        };
        advice.to_owned()
    }

    fn next(self) -> Next {
        match self {
            Self::BadRequest
            | Self::MethodNotAllowed
            | Self::NotFound
            | Self::UnsupportedMediaType => Next::Home,
            Self::InvitationInvalid | Self::SignInOver => Next::SignIn,
            Self::NotAllowed => Next::SignOut,
            Self::AppBusy(_)
            | Self::AppTimeout
            | Self::AppUnreachable
            | Self::ForeignForm
            | Self::HeadTooLarge
            | Self::Internal
            | Self::RequestTimeout
            | Self::TooEarly
            | Self::TooMany(_)
            | Self::TooManyAtOnce(_)
            | Self::Unavailable(_) => Next::TryAgain,
            Self::NotEncrypted | Self::TooLarge | Self::WrongHost => Next::Nothing,
        }
    }
}
