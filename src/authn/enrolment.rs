//! Binding a TOTP authenticator to an account (NIST SP 800-63B-4, 4.1.2).
//!
//! A secret that was only shown is a [`PendingEnrolment`]; it becomes an [`Enrolment`] by one right
//! code, and only an enrolment can vouch for anybody:
//!
//! ```compile_fail,E0599
//! # use vestibule::authn::{enrolment::PendingEnrolment, totp::{Code, Skew}};
//! # use vestibule::clock::Timestamp;
//! fn cannot_sign_in(mut pending: PendingEnrolment, code: &Code, now: Timestamp) {
//!     let _ = pending.verify(code, now, Skew::OneStep);
//! }
//! ```

use crate::authn::totp::{Code, Match, Skew, TimeStep, TotpSecret};
use crate::authn::{AccountId, Factor, Rejection, SecondFactorVerified};
use crate::clock::{Moment, Timestamp};
use crate::secret::random;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a shown secret waits for its first code.
pub const PENDING_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Wrong first codes after which the shown secret is dropped.
const TRIES: u32 = 10;

/// Which enrolment a secret is shown in. Another one, also of the same account, never sees it: where a password
/// is enough to begin, two people may have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct EnrolmentId([u8; 16]);

impl EnrolmentId {
    /// A fresh one.
    #[must_use]
    pub fn generate() -> Self {
        Self(random())
    }
}

/// A secret that has been shown and not yet been proven.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PendingEnrolment {
    shown_in: EnrolmentId,
    secret: TotpSecret,
    begun: Timestamp,
    tries: u32,
}

impl PendingEnrolment {
    /// A fresh secret, shown from `now` on in one enrolment.
    #[must_use]
    pub fn begin(shown_in: EnrolmentId, now: Timestamp) -> Self {
        Self {
            shown_in,
            secret: TotpSecret::generate(),
            begun: now,
            tries: 0,
        }
    }

    /// Is it shown in this enrolment?
    #[must_use]
    pub fn is_shown_in(&self, enrolment: EnrolmentId) -> bool {
        self.shown_in == enrolment
    }

    /// The secret to show, while it may still be proven.
    #[must_use]
    pub fn secret(&self, now: Timestamp) -> Option<&TotpSecret> {
        self.is_alive(now).then_some(&self.secret)
    }

    /// Would this code bind? Asked before anything costly is done for it; a no is counted.
    ///
    /// # Errors
    /// As [`PendingEnrolment::confirm`].
    pub fn tests(&mut self, code: &Code, at: Moment, skew: Skew) -> Result<(), Rejection> {
        if !self.is_alive(at.now) {
            return Err(Rejection::EnrolmentExpired);
        }
        match self.secret.check(code, at.wall, skew, None) {
            Match::Fresh(_) => Ok(()),
            Match::Replayed | Match::Wrong => {
                self.tries += 1;
                Err(Rejection::WrongCode)
            }
        }
    }

    /// Becomes an enrolment by one right code, whose step then counts as spent (T-14).
    ///
    /// # Errors
    /// [`Rejection::EnrolmentExpired`] after ten minutes or ten tries, [`Rejection::WrongCode`] else.
    pub fn confirm(
        &mut self,
        account: AccountId,
        code: &Code,
        at: Moment,
        skew: Skew,
    ) -> Result<(Enrolment, SecondFactorVerified), Rejection> {
        if !self.is_alive(at.now) {
            return Err(Rejection::EnrolmentExpired);
        }
        let Match::Fresh(accepted) = self.secret.check(code, at.wall, skew, None) else {
            self.tries += 1;
            return Err(Rejection::WrongCode);
        };
        let enrolment = Enrolment {
            secret: self.secret.clone(),
            accepted,
            bound: at.now,
        };
        Ok((
            enrolment,
            SecondFactorVerified::assertion(account, Factor::Totp),
        ))
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        now.age_of(self.begun) < PENDING_LIFETIME && self.tries < TRIES
    }
}

/// A proven authenticator, and the newest time step it was accepted for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Enrolment {
    secret: TotpSecret,
    accepted: TimeStep,
    bound: Timestamp,
}

impl Enrolment {
    /// Accepts `code` once: the caller stores the changed enrolment before it uses the proof
    /// (RFC 6238, 5.2). Also with the `wall` clock set back no earlier step is accepted again, and none
    /// is stored that lies beyond the window around it.
    ///
    /// # Errors
    /// [`Rejection::CodeReplayed`] or [`Rejection::WrongCode`].
    pub fn verify(
        &mut self,
        account: AccountId,
        code: &Code,
        wall: Timestamp,
        skew: Skew,
    ) -> Result<SecondFactorVerified, Rejection> {
        match self.secret.check(code, wall, skew, Some(self.accepted)) {
            Match::Fresh(step) => {
                self.accepted = step;
                Ok(SecondFactorVerified::assertion(account, Factor::Totp))
            }
            Match::Replayed => Err(Rejection::CodeReplayed),
            Match::Wrong => Err(Rejection::WrongCode),
        }
    }

    /// The newest time step that a code was accepted for.
    #[must_use]
    pub fn newest_step(&self) -> TimeStep {
        self.accepted
    }

    /// No step that could have been accepted up to `now` is accepted again.
    pub fn spend_until(&mut self, now: Timestamp) {
        self.accepted = self.accepted.max(Skew::OneStep.newest(now));
    }

    /// Since when the authenticator is bound.
    #[must_use]
    pub fn bound(&self) -> Timestamp {
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn id() -> AccountId {
        AccountId::from_bytes([1; 16])
    }

    fn code_of(pending: &PendingEnrolment, now: Timestamp) -> Code {
        pending.secret.code_at(TimeStep::at(now))
    }

    fn wrong_code_of(pending: &PendingEnrolment, now: Timestamp) -> Code {
        let steps = TimeStep::at(now).0 - 1..=TimeStep::at(now).0 + 1;
        let right: Vec<Code> = steps
            .map(|step| pending.secret.code_at(TimeStep(step)))
            .collect();
        let mut candidates = (0..4).map(|n| format!("00000{n}").parse::<Code>().unwrap());
        candidates.find(|code| !right.contains(code)).unwrap()
    }

    #[test]
    fn the_first_code_binds_and_is_spent() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        let code = code_of(&pending, NOW);
        let (mut enrolment, _proof) = pending
            .confirm(id(), &code, Moment::quiet(NOW), Skew::OneStep)
            .unwrap();
        let again = enrolment.verify(id(), &code, NOW, Skew::OneStep);
        assert_eq!(again.unwrap_err(), Rejection::CodeReplayed);
    }

    #[test]
    fn a_pending_enrolment_dies_after_ten_minutes() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        let last = NOW.plus(PENDING_LIFETIME - Duration::from_secs(1));
        assert!(pending.secret(last).is_some());
        let late = NOW.plus(PENDING_LIFETIME);
        let code = code_of(&pending, late);
        let outcome = pending.confirm(id(), &code, Moment::quiet(late), Skew::OneStep);
        assert_eq!(outcome.unwrap_err(), Rejection::EnrolmentExpired);
        assert!(pending.secret(late).is_none());
    }

    #[test]
    fn ten_wrong_codes_drop_a_pending_enrolment() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        for _ in 0..TRIES {
            let code = wrong_code_of(&pending, NOW);
            let outcome = pending.confirm(id(), &code, Moment::quiet(NOW), Skew::OneStep);
            assert_eq!(outcome.unwrap_err(), Rejection::WrongCode);
        }
        let right = code_of(&pending, NOW);
        let outcome = pending.confirm(id(), &right, Moment::quiet(NOW), Skew::OneStep);
        assert_eq!(outcome.unwrap_err(), Rejection::EnrolmentExpired);
    }

    #[test]
    fn codes_are_those_of_the_wall_clock_and_lifetimes_are_our_own() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        let wall = Timestamp(NOW.0 - 3_600);
        let at = Moment {
            wall,
            ..Moment::quiet(NOW)
        };
        let (own, shown) = (code_of(&pending, NOW), code_of(&pending, wall));
        let refused = pending.confirm(id(), &own, at, Skew::OneStep);
        assert_eq!(refused.unwrap_err(), Rejection::WrongCode);
        assert!(pending.confirm(id(), &shown, at, Skew::OneStep).is_ok());
        let late = Moment {
            now: NOW.plus(PENDING_LIFETIME),
            ..at
        };
        let refused = pending.confirm(id(), &shown, late, Skew::OneStep);
        assert_eq!(refused.unwrap_err(), Rejection::EnrolmentExpired);
    }

    #[test]
    fn no_step_beyond_the_window_is_ever_stored() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        let code = code_of(&pending, NOW);
        let bound = pending.confirm(id(), &code, Moment::quiet(NOW), Skew::OneStep);
        let (mut enrolment, _proof) = bound.unwrap();
        let present = TimeStep::at(NOW).0;
        for step in [present + 2, present + 120, present + 1_051_200] {
            let ahead = pending.secret.code_at(TimeStep(step));
            let refused = enrolment.verify(id(), &ahead, NOW, Skew::OneStep);
            assert!(refused.is_err(), "{step}");
            assert_eq!(enrolment.accepted, TimeStep(present));
        }
    }

    #[test]
    fn a_clock_set_back_accepts_no_spent_step() {
        let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
        let code = code_of(&pending, NOW);
        let (mut enrolment, _proof) = pending
            .confirm(id(), &code, Moment::quiet(NOW), Skew::OneStep)
            .unwrap();
        let earlier = Timestamp(NOW.0 - 3600);
        let old = code_of(&pending, earlier);
        let outcome = enrolment.verify(id(), &old, earlier, Skew::OneStep);
        assert_eq!(outcome.unwrap_err(), Rejection::CodeReplayed);
    }
}
