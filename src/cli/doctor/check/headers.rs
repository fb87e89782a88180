//! What a stranger writes into headers must neither arrive nor be believed.

pub(crate) mod identity;
pub(crate) mod forwarded;
pub(crate) mod rewrite;
mod trial;

use crate::cli::doctor::finding::{Finding, worst};
use crate::secret::random;
use data_encoding::HEXLOWER;

/// A word that nobody else says.
pub(in crate::cli::doctor) fn marker() -> String {
    format!("vestibule-doctor-{}", HEXLOWER.encode(&random::<8>()))
}

/// The worst of all, or that there was nothing.
fn summed(check: &'static str, findings: Vec<Finding>, nothing: String) -> Finding {
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    worst(bad).unwrap_or_else(|| Finding::ok(check, nothing))
}

#[cfg(test)]
mod tests;
