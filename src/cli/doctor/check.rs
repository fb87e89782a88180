//! The checks: each asks, if it has to, and judges what came back by a pure function.

pub(crate) mod upstream;
pub(crate) mod headers;
pub(crate) mod paths;
pub(crate) mod redirects;
pub(crate) mod login_loop;
pub(crate) mod sign_in;
pub(crate) mod transport;
pub(crate) mod upgrade;
pub(crate) mod otherwise;

use crate::cli::doctor::answer::Answer;
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::Silence;
use http::StatusCode;

/// A question of a check stayed without an answer, so nothing is known.
fn unanswered(check: &'static str, what: &str, why: &Silence) -> Finding {
    let found = format!("no answer to {what}: {}", shown(&why.to_string()));
    Finding::warn(
        check,
        found,
        "try again; a filter in between may be in the way",
    )
}

/// The server would not look at the question just now, so nothing is known.
fn limited(check: &'static str, what: &str, answer: &Answer) -> Option<Finding> {
    let is_limit = matches!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    is_limit.then(|| {
        Finding::warn(
            check,
            format!("{what} gets {}: a limit is in the way", answer.status.as_u16()),
            "try again when less is going on, or let the proxy leave this machine out of its limits meanwhile",
        )
    })
}

/// A list of paths for people.
fn listed(places: &[Place]) -> String {
    let paths: Vec<String> = places.iter().map(|place| shown(place.path())).collect();
    paths.join(", ")
}
