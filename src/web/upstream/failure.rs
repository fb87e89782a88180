//! What went wrong between us and an app, in the few words a client may read.

use crate::web::body::Cut;
use crate::web::upstream::connector::Used;
use http::StatusCode;
use hyper_util::client::legacy;

/// Why an app's answer cannot be given. The reasons are in the log; a client learns only the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, or it broke before there was an answer.
    #[error("the app cannot be reached")]
    Unreachable,
    /// All connections that the app may have were in use for too long.
    #[error("the app has all the requests that it may have")]
    Busy,
    /// The user, or the address, has all the requests under way that one may have.
    #[error("one user has all the requests that one may have")]
    OverShare,
    /// No answer in time.
    #[error("the app did not answer in time")]
    Timeout,
    /// The answer is not HTTP as it must be.
    #[error("the app's answer is malformed")]
    BadResponse,
    /// The client's body was cut off.
    #[error("the request's body was cut off: {0}")]
    Body(Cut),
}

impl UpstreamError {
    /// Every name, for counters that begin at zero.
    pub(crate) const NAMES: [&'static str; 6] = [
        "unreachable",
        "busy",
        "over-share",
        "timeout",
        "bad-response",
        "body-cut",
    ];

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unreachable | Self::BadResponse => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::OverShare => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Body(Cut::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(Cut::Stalled | Cut::TooSlow | Cut::TooLong) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(Cut::Malformed) => StatusCode::BAD_REQUEST,
        }
    }

    /// The stable name, for logs and counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::OverShare => "over-share",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad-response",
            Self::Body(_) => "body-cut",
        }
    }
}

/// May the same request be sent once more?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The connection had been used before and died.
    May,
    /// The request may have done its work.
    No,
}

/// An error, and what to do about it.
pub(crate) struct Failure {
    pub(crate) error: UpstreamError,
    pub(crate) again: Again,
}

/// Finds out what an error means for the client, and whether the request may be tried again.
pub(crate) fn judge(error: &legacy::Error) -> Failure {
    let no = |error| Failure {
        error,
        again: Again::No,
    };
    if let Some(cut) = Cut::among(error) {
        return no(UpstreamError::Body(cut));
    }
    if error.is_connect() {
        let timed_out = io_kind(error) == Some(std::io::ErrorKind::TimedOut);
        return no(if timed_out {
            UpstreamError::Timeout
        } else {
            UpstreamError::Unreachable
        });
    }
    let hyper = find::<hyper::Error>(error);
    if hyper.is_some_and(hyper::Error::is_parse) {
        return no(UpstreamError::BadResponse);
    }
    let mut extras = http::Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extras);
    }
    let used = extras.get::<Used>().is_some_and(Used::get);
    Failure {
        error: UpstreamError::Unreachable,
        again: if used { Again::May } else { Again::No },
    }
}

fn find<E: std::error::Error + 'static>(error: &legacy::Error) -> Option<&E> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn io_kind(error: &legacy::Error) -> Option<std::io::ErrorKind> {
    find::<std::io::Error>(error).map(std::io::Error::kind)
}

/// An error and its causes in one line.
pub(crate) fn causes(error: &legacy::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
