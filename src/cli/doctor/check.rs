//! The checks: each asks, if it has to, and judges what came back by a pure function.

pub(crate) mod upstream;
pub(crate) mod headers;
pub(crate) mod paths;
pub(crate) mod sign_in;
pub(crate) mod transport;

use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::Silence;

/// A question of a check stayed without an answer, so nothing is known.
fn unanswered(check: &'static str, what: &str, why: &Silence) -> Finding {
    let found = format!("no answer to {what}: {}", shown(&why.to_string()));
    Finding::warn(
        check,
        found,
        "try again; a filter in between may be in the way",
    )
}

/// A list of paths for people.
fn listed(places: &[Place]) -> String {
    let paths: Vec<String> = places.iter().map(|place| shown(place.path())).collect();
    paths.join(", ")
}
