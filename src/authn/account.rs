//! All that is known of one user: one record, changed whole.
//!
//! Each transition is a method here, so "compare-and-swap one record" makes it happen once: a time
//! step, a backup code, an invitation and an enrolment are spent by the same swap that stores it.

use crate::authn::backup_code::{BackupCodes, BackupDigest};
use crate::authn::enrolment::{Enrolment, EnrolmentId, PendingEnrolment};
use crate::authn::invitation::{Invitation, InvitationAccepted};
use crate::authn::lockout::{Ceiling, Device, Failures};
use crate::authn::password::PasswordHash;
use crate::authn::profile::{DisplayName, Email, Group};
use crate::authn::session::Epoch;
use crate::authn::totp::{Code, Skew, TotpSecret};
use crate::authn::username::Username;
use crate::authn::{AccountId, Rejection, SecondFactorVerified};
use crate::clock::{Moment, Timestamp};
use crate::secret::TokenDigest;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an administrator says about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Profile {
    /// The name to show; the user name where there is none.
    pub display_name: Option<DisplayName>,
    /// Where the person is reached.
    pub email: Option<Email>,
    /// What the person belongs to, in order, each once.
    pub groups: Vec<Group>,
}

/// May the account be used at all?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Yes.
    Active,
    /// No; an administrator turned it off.
    Disabled,
}

/// Were backup codes spent after a backup was made?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinceBackup {
    /// Perhaps: none of them counts any more.
    MayBeSpent,
    /// None was: nobody signed in since.
    Unspent,
}

/// One user.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    id: AccountId,
    username: Username,
    /// What an administrator says about the person.
    pub profile: Profile,
    created: Timestamp,
    standing: Standing,
    epoch: Epoch,
    password: Option<PasswordHash>,
    enrolment: Option<Enrolment>,
    pending: Option<PendingEnrolment>,
    backup_codes: Option<BackupCodes>,
    invitation: Option<Invitation>,
    failures: Failures,
}

impl Account {
    /// A new account that nobody can sign in to yet.
    #[must_use]
    pub fn new(username: Username, profile: Profile, now: Timestamp) -> Self {
        Self {
            id: AccountId::generate(),
            username,
            profile,
            created: now,
            standing: Standing::Active,
            epoch: Epoch::default(),
            password: None,
            enrolment: None,
            pending: None,
            backup_codes: None,
            invitation: None,
            failures: Failures::default(),
        }
    }

    /// The immutable id.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The user name, in canonical form.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// When the account was added.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// May it be used at all?
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Sessions of other epochs are over.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The hash to verify a password against; `None` while no password was ever set.
    #[must_use]
    pub fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    /// The bound authenticator.
    #[must_use]
    pub fn enrolment(&self) -> Option<&Enrolment> {
        self.enrolment.as_ref()
    }

    /// The unused backup codes.
    #[must_use]
    pub fn backup_codes(&self) -> Option<&BackupCodes> {
        self.backup_codes.as_ref()
    }

    /// The open invitation.
    #[must_use]
    pub fn invitation(&self) -> Option<&Invitation> {
        self.invitation.as_ref()
    }

    /// The failures since the last success.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Why no password may be accepted now, whatever was typed.
    ///
    /// # Errors
    /// Disabled, locked for this device, or without a password.
    pub fn may_try_password(
        &self,
        device: Device,
        ceiling: Ceiling,
    ) -> Result<&PasswordHash, Rejection> {
        self.must_be_active()?;
        if self.failures.password_locked(device, ceiling) {
            return Err(Rejection::Locked);
        }
        self.password.as_ref().ok_or(Rejection::WrongPassword)
    }

    /// Counts a wrong password.
    pub fn password_failed(&mut self, device: Device) {
        self.failures.password_failed(device);
    }

    /// Checks a TOTP code by the `wall` clock; a wrong one is counted, a right one spends its time step.
    /// **Store the account whatever the outcome, and use the proof only afterwards.**
    ///
    /// # Errors
    /// Why the code is not accepted.
    pub fn try_code(
        &mut self,
        code: &Code,
        wall: Timestamp,
        skew: Skew,
        ceiling: Ceiling,
    ) -> Result<SecondFactorVerified, Rejection> {
        let mut enrolment = self.enrolment.clone().ok_or(Rejection::NoSecondFactor)?;
        // Also for an account whose codes are not accepted: the time must not tell that it is locked.
        let outcome = enrolment.verify(self.id, code, wall, skew);
        self.may_try_code(ceiling)?;
        self.enrolment = Some(enrolment);
        self.count(outcome)
    }

    /// Spends a backup code; a wrong one is counted.
    /// **Store the account whatever the outcome, and use the proof only afterwards.**
    ///
    /// # Errors
    /// Why the code is not accepted.
    pub fn try_backup_code(
        &mut self,
        attempt: &BackupDigest,
        ceiling: Ceiling,
    ) -> Result<SecondFactorVerified, Rejection> {
        self.may_try_code(ceiling)?;
        let codes = self
            .backup_codes
            .as_mut()
            .ok_or(Rejection::NoSecondFactor)?;
        let outcome = codes.redeem(self.id, attempt);
        self.count(outcome)
    }

    /// Opens an invitation in place of any other.
    ///
    /// # Errors
    /// [`Rejection::AlreadyEnrolled`]: whoever holds the link would replace a proven authenticator.
    pub fn invite(
        &mut self,
        digest: TokenDigest,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<(), Rejection> {
        self.must_be_active()?;
        self.must_not_be_enrolled()?;
        self.invitation = Some(Invitation::new(digest, now, lifetime));
        Ok(())
    }

    /// Can this invitation be accepted now?
    ///
    /// # Errors
    /// Why not.
    pub fn may_accept(&self, digest: TokenDigest, now: Timestamp) -> Result<(), Rejection> {
        self.must_be_active()?;
        self.must_not_be_enrolled()?;
        let invitation = self
            .invitation
            .as_ref()
            .ok_or(Rejection::InvitationInvalid)?;
        invitation
            .opens(digest, now)
            .then_some(())
            .ok_or(Rejection::InvitationInvalid)
    }

    /// Uses the invitation up, sets the password and shows a fresh secret; whatever was begun
    /// before is over.
    ///
    /// # Errors
    /// As [`Account::may_accept`].
    pub fn accept(
        &mut self,
        digest: TokenDigest,
        password: PasswordHash,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<InvitationAccepted, Rejection> {
        self.may_accept(digest, now)?;
        self.invitation = None;
        self.set_password(password);
        self.pending = Some(PendingEnrolment::begin(enrolment, now));
        Ok(InvitationAccepted::assertion(self.id))
    }

    /// Shows a fresh secret; an older pending one is void.
    ///
    /// # Errors
    /// [`Rejection::AlreadyEnrolled`] over an existing enrolment.
    pub fn begin_enrolment(
        &mut self,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        self.must_be_active()?;
        self.must_not_be_enrolled()?;
        self.pending = Some(PendingEnrolment::begin(enrolment, now));
        Ok(())
    }

    /// The secret to show in this enrolment, while it may still be proven.
    #[must_use]
    pub fn pending_secret(&self, enrolment: EnrolmentId, now: Timestamp) -> Option<&TotpSecret> {
        let pending = self.pending.as_ref()?;
        let own = Some(pending).filter(|pending| pending.is_shown_in(enrolment));
        own?.secret(now)
    }

    fn pending(&mut self, enrolment: EnrolmentId) -> Result<&mut PendingEnrolment, Rejection> {
        let pending = self.pending.as_mut();
        pending
            .filter(|pending| pending.is_shown_in(enrolment))
            .ok_or(Rejection::EnrolmentExpired)
    }

    /// Would this first code bind? Asked before backup codes are made, which is costly.
    /// **Store the account whatever the outcome**: a wrong code is counted.
    ///
    /// # Errors
    /// Why not.
    pub fn test_enrolment(
        &mut self,
        enrolment: EnrolmentId,
        code: &Code,
        at: Moment,
        skew: Skew,
    ) -> Result<(), Rejection> {
        self.must_be_active()?;
        self.must_not_be_enrolled()?;
        self.pending(enrolment)?.tests(code, at, skew)
    }

    /// Binds the pending authenticator by its first code, together with its backup codes.
    /// **Store the account whatever the outcome, and use the proof only afterwards.**
    ///
    /// # Errors
    /// Why the code is not accepted.
    pub fn confirm_enrolment(
        &mut self,
        enrolment: EnrolmentId,
        code: &Code,
        codes: BackupCodes,
        at: Moment,
        skew: Skew,
    ) -> Result<SecondFactorVerified, Rejection> {
        self.must_be_active()?;
        self.must_not_be_enrolled()?;
        let id = self.id;
        let (bound, proof) = self.pending(enrolment)?.confirm(id, code, at, skew)?;
        self.enrolment = Some(bound);
        self.backup_codes = Some(codes);
        self.pending = None;
        self.failures.signed_in(proof.factor);
        Ok(proof)
    }

    /// Replaces the backup codes; every older one is dead.
    ///
    /// # Errors
    /// Without an enrolment there is nothing to back up.
    pub fn replace_backup_codes(&mut self, codes: BackupCodes) -> Result<(), Rejection> {
        self.must_be_active()?;
        self.enrolment.as_ref().ok_or(Rejection::NoSecondFactor)?;
        self.backup_codes = Some(codes);
        Ok(())
    }

    /// Sets another password and ends everything that was begun with the old one.
    pub fn set_password(&mut self, password: PasswordHash) {
        self.password = Some(password);
        self.end_sessions();
    }

    /// Stores the same password under other hashing parameters; ends nothing.
    pub fn rehash_password(&mut self, from: &PasswordHash, to: PasswordHash) {
        if self.password.as_ref() == Some(from) {
            self.password = Some(to);
        }
    }

    /// Forgets authenticator, backup codes and pending enrolment, and ends every session.
    pub fn reset_second_factor(&mut self) {
        self.enrolment = None;
        self.pending = None;
        self.backup_codes = None;
        self.failures = Failures::default();
        self.end_sessions();
    }

    /// Ends every session and every login under way.
    pub fn end_sessions(&mut self) {
        self.epoch = self.epoch.next();
    }

    /// Turns the account off, with its sessions and its invitation.
    pub fn disable(&mut self) {
        self.standing = Standing::Disabled;
        self.invitation = None;
        self.pending = None;
        self.end_sessions();
    }

    /// Turns the account on again.
    pub fn enable(&mut self) {
        self.standing = Standing::Active;
    }

    /// The password alone is enough for where its owner is going: the wrong ones before it are forgotten.
    ///
    /// # Errors
    /// [`Rejection::TransactionOver`] when the account has moved on from `epoch`, or is disabled.
    pub fn settle(&mut self, epoch: Epoch) -> Result<(), Rejection> {
        if self.epoch != epoch || self.standing != Standing::Active {
            return Err(Rejection::TransactionOver);
        }
        self.failures.password_sufficed();
        Ok(())
    }

    /// Forgets all failures.
    pub fn unlock(&mut self) {
        self.failures = Failures::default();
    }

    /// The account comes from a backup: what was ended, used up or taken back since then stays so.
    ///
    /// No session or device mark of any earlier epoch, no code of a step up to the newest that counts at
    /// `now`, no invitation and no pending secret works. Which backup codes were spent since then nobody
    /// can know.
    pub fn revive(&mut self, now: Timestamp, codes: SinceBackup) {
        self.epoch = self.epoch.beyond(now);
        self.invitation = None;
        self.pending = None;
        if let Some(enrolment) = &mut self.enrolment {
            enrolment.spend_until(now);
        }
        match codes {
            SinceBackup::MayBeSpent => self.backup_codes = None,
            SinceBackup::Unspent => {}
        }
    }

    fn count(
        &mut self,
        outcome: Result<SecondFactorVerified, Rejection>,
    ) -> Result<SecondFactorVerified, Rejection> {
        match &outcome {
            Ok(proof) => self.failures.signed_in(proof.factor),
            Err(_) => self.failures.code_failed(),
        }
        outcome
    }

    fn may_try_code(&self, ceiling: Ceiling) -> Result<(), Rejection> {
        self.must_be_active()?;
        if self.failures.code_locked(ceiling) {
            return Err(Rejection::Locked);
        }
        Ok(())
    }

    fn must_be_active(&self) -> Result<(), Rejection> {
        match self.standing {
            Standing::Active => Ok(()),
            Standing::Disabled => Err(Rejection::AccountDisabled),
        }
    }

    fn must_not_be_enrolled(&self) -> Result<(), Rejection> {
        match self.enrolment {
            None => Ok(()),
            Some(_) => Err(Rejection::AlreadyEnrolled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::password::Memory;
    use crate::authn::totp::TimeStep;

    const NOW: Timestamp = Timestamp(1_700_000_010);

    fn enrolled() -> (Account, TotpSecret) {
        let name = Username::parse("ada").unwrap();
        let mut account = Account::new(name, Profile::default(), NOW);
        let enrolment = EnrolmentId::generate();
        account.begin_enrolment(enrolment, NOW).unwrap();
        let secret = account.pending_secret(enrolment, NOW).unwrap().clone();
        let code = secret.code_at(TimeStep::at(NOW));
        let (codes, _) = BackupCodes::generate(NOW, &mut Memory::default());
        let _ = account
            .confirm_enrolment(enrolment, &code, codes, Moment::quiet(NOW), Skew::OneStep)
            .unwrap();
        (account, secret)
    }

    fn at(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn after_a_restore_only_a_code_of_a_later_window_is_accepted() {
        let (mut account, secret) = enrolled();
        let restored = at(600);
        account.revive(restored, SinceBackup::MayBeSpent);
        let present = TimeStep::at(restored).0;
        for step in [present - 1, present, present + 1] {
            let code = secret.code_at(TimeStep(step));
            let tried = account.try_code(&code, restored, Skew::OneStep, Ceiling::default());
            assert_eq!(tried.unwrap_err(), Rejection::CodeReplayed);
        }
        let code = secret.code_at(TimeStep(present + 2));
        let tried = account.try_code(&code, at(630), Skew::OneStep, Ceiling::default());
        assert!(tried.is_ok());
    }

    #[test]
    fn a_restore_never_gives_an_older_step_back() {
        let (mut account, secret) = enrolled();
        // A clock that was set back must not make yesterday's codes fresh.
        account.revive(Timestamp(0), SinceBackup::Unspent);
        let code = secret.code_at(TimeStep::at(NOW));
        let tried = account.try_code(&code, NOW, Skew::OneStep, Ceiling::default());
        assert_eq!(tried.unwrap_err(), Rejection::CodeReplayed);
    }

    #[test]
    fn a_restore_leaves_every_epoch_behind_that_was_ever_reached() {
        let (mut kept, _) = enrolled();
        let backup = kept.clone();
        (0..1_000).for_each(|_| kept.end_sessions());
        let mut first = backup.clone();
        first.revive(at(10), SinceBackup::MayBeSpent);
        let mut after = first.clone();
        (0..1_000).for_each(|_| after.end_sessions());
        let mut second = backup;
        second.revive(at(11), SinceBackup::MayBeSpent);
        let epochs = [&kept, &first, &after, &second].map(Account::epoch);
        assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
    }

    #[test]
    fn what_was_open_at_the_time_of_the_backup_is_void() {
        let (mut account, _) = enrolled();
        account.revive(NOW, SinceBackup::Unspent);
        assert_eq!(account.backup_codes().map(BackupCodes::left), Some(10));
        account.revive(NOW, SinceBackup::MayBeSpent);
        assert!(account.backup_codes().is_none());
        account.reset_second_factor();
        let digest = TokenDigest([1; 32]);
        account
            .invite(digest, NOW, Duration::from_secs(60))
            .unwrap();
        let enrolment = EnrolmentId::generate();
        account.begin_enrolment(enrolment, NOW).unwrap();
        account.revive(NOW, SinceBackup::MayBeSpent);
        assert!(account.may_accept(digest, NOW).is_err());
        assert!(account.pending_secret(enrolment, NOW).is_none());
    }
}
