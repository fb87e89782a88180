//! A login under way: what one browser holds between its steps.
//!
//! Every step replaces the record and its token; the old token is dead at once (ASVS V7.2.4).

use crate::authn::AccountId;
use crate::authn::lockout::Device;
use crate::authn::session::{
    ENROLMENT_LIFETIME, EnrolmentSession, FIRST_FACTOR_LIFETIME, FirstFactorSession, HeldSession,
};
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What has to happen next.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A code: TOTP or backup.
    SecondFactor(FirstFactorSession),
    /// Binding an authenticator.
    Enrol(EnrolmentSession),
    /// Saying that the backup codes are kept.
    KeepCodes(HeldSession),
}

/// A login under way, stored under the digest of its token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Transaction {
    /// What has to happen next.
    pub step: Step,
    /// Where to go afterwards: a path or address that was found safe when the login began.
    pub return_to: String,
    /// Whether the browser was known when the login began.
    pub device: Device,
    expires: Timestamp,
}

impl Transaction {
    /// A login that begins with `step`.
    #[must_use]
    pub fn begin(step: Step, return_to: String, device: Device, now: Timestamp) -> Self {
        Self {
            expires: now.plus(lifetime(&step)),
            step,
            return_to,
            device,
        }
    }

    /// The same login, one step on.
    #[must_use]
    pub fn advance(self, step: Step, now: Timestamp) -> Self {
        Self::begin(step, self.return_to, self.device, now)
    }

    /// Who signs in.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match &self.step {
            Step::SecondFactor(half) => half.account(),
            Step::Enrol(enrolling) => enrolling.account(),
            Step::KeepCodes(held) => held.account(),
        }
    }

    /// From when on the stored record may vanish.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

fn lifetime(step: &Step) -> Duration {
    match step {
        Step::SecondFactor(_) => FIRST_FACTOR_LIFETIME,
        Step::Enrol(_) | Step::KeepCodes(_) => ENROLMENT_LIFETIME,
    }
}
