//! Consecutive failures, and when they lock an account.
//!
//! Rates are the limiter's business; this is the bound that survives restarts
//! (NIST SP 800-63B-4, 3.2.2: at most 100 consecutive failures on one authenticator).

use serde::{Deserialize, Serialize};

/// How many failures in a row are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Wrong passwords from devices of one kind, after which that kind may try no more; 100 by default.
    pub passwords: u32,
    /// Wrong codes, after which no code is checked until the account is unlocked; 20 by default.
    pub codes: u32,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            passwords: 100,
            codes: 20,
        }
    }
}

/// Has this browser completed a sign-in to this account before?
///
/// A stranger can use up what unknown devices are granted, never what the owner's browser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// It showed a device cookie of this account.
    Known,
    /// Anyone's browser.
    Unknown,
}

/// Failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Failures {
    password: u32,
    #[serde(default)]
    password_known: u32,
    code: u32,
}

impl Failures {
    /// May a password be accepted from `device`?
    #[must_use]
    pub fn password_locked(&self, device: Device, ceiling: Ceiling) -> bool {
        let failures = match device {
            Device::Known => self.password_known,
            Device::Unknown => self.password,
        };
        failures >= ceiling.passwords
    }

    /// May a code be accepted at all?
    #[must_use]
    pub fn code_locked(&self, ceiling: Ceiling) -> bool {
        self.code >= ceiling.codes
    }

    /// Counts a wrong password: known and unknown devices apart, so that neither locks the other.
    pub fn password_failed(&mut self, device: Device) {
        let failures = match device {
            Device::Known => &mut self.password_known,
            Device::Unknown => &mut self.password,
        };
        *failures = failures.saturating_add(1);
    }

    /// Counts a wrong or replayed code.
    pub fn code_failed(&mut self) {
        self.code = self.code.saturating_add(1);
    }

    /// The password was right where it is all that is asked for: forgets the wrong ones.
    pub fn password_sufficed(&mut self) {
        self.password = 0;
        self.password_known = 0;
    }

    /// Both factors were right: forgets the wrong passwords, and with a TOTP code the wrong codes too.
    pub fn signed_in(&mut self, factor: crate::authn::Factor) {
        self.password_sufficed();
        match factor {
            crate::authn::Factor::Totp => self.code = 0,
            // A backup code says nothing about who guessed at the authenticator (N-47).
            crate::authn::Factor::BackupCode => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::Factor;

    fn after(passwords: u32, codes: u32) -> Failures {
        let mut failures = Failures::default();
        (0..passwords).for_each(|_| failures.password_failed(Device::Unknown));
        (0..codes).for_each(|_| failures.code_failed());
        failures
    }

    #[test]
    fn the_hundredth_wrong_password_locks_unknown_devices_and_no_known_one() {
        assert!(!after(99, 0).password_locked(Device::Unknown, Ceiling::default()));
        assert!(after(100, 0).password_locked(Device::Unknown, Ceiling::default()));
        assert!(!after(100, 0).password_locked(Device::Known, Ceiling::default()));
    }

    #[test]
    fn mistakes_on_a_known_device_lock_that_kind_alone() {
        let mut failures = after(99, 0);
        (0..100).for_each(|_| failures.password_failed(Device::Known));
        assert!(failures.password_locked(Device::Known, Ceiling::default()));
        assert!(!failures.password_locked(Device::Unknown, Ceiling::default()));
    }

    #[test]
    fn the_twentieth_wrong_code_locks_the_second_factor() {
        assert!(!after(0, 19).code_locked(Ceiling::default()));
        assert!(after(0, 20).code_locked(Ceiling::default()));
    }

    #[test]
    fn a_password_that_is_enough_leaves_the_wrong_codes_counted() {
        let mut failures = after(7, 7);
        failures.password_sufficed();
        assert_eq!(failures, after(0, 7));
    }

    #[test]
    fn a_sign_in_by_backup_code_leaves_the_wrong_codes_counted() {
        let mut failures = after(7, 7);
        failures.signed_in(Factor::BackupCode);
        assert_eq!(failures, after(0, 7));
        failures.signed_in(Factor::Totp);
        assert_eq!(failures, Failures::default());
    }
}
