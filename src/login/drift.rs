//! How the clocks of authenticators stand to ours, from the steps of the codes that were right.
//!
//! Codes that are all one step early or late tell of a wrong clock before they are refused.

use crate::authn::totp::TimeStep;
use crate::metrics::{Counter, Family, Labels, Registry};
use std::cmp::Ordering;

/// Counts accepted codes by the distance of their step from the present one.
#[derive(Debug)]
pub(in crate::login) struct Drift {
    family: Family<Labels<1>, Counter>,
    late: Counter,
    present: Counter,
    early: Counter,
}

impl Drift {
    pub(in crate::login) fn new() -> Self {
        let family = Family::<Labels<1>, Counter>::default();
        let of = |offset| family.get_or_create_owned(&[("offset", offset)]);
        Self {
            late: of("-1"),
            present: of("0"),
            early: of("+1"),
            family,
        }
    }

    pub(in crate::login) fn accepted(&self, code: TimeStep, now: TimeStep) {
        let counter = match code.cmp(&now) {
            Ordering::Less => &self.late,
            Ordering::Equal => &self.present,
            Ordering::Greater => &self.early,
        };
        counter.inc();
    }

    pub(in crate::login) fn register(&self, registry: &mut Registry) {
        registry.register(
            "totp_codes_accepted",
            "One-time codes that were right, by the distance of their step from the present one",
            self.family.clone(),
        );
    }
}
