//! Passwords: what a visitor typed, what the store keeps, and the proof that both agree.
//!
//! A check costs one Argon2id run whether or not the account exists, and nothing but a
//! successful check makes a [`PasswordVerified`].
//!
//! A proof cannot be made by hand, copied, or read from a file:
//!
//! ```compile_fail,E0451
//! use vestibule::authn::{AccountId, password::PasswordVerified};
//! let proof = PasswordVerified { account: AccountId::generate(), needs_rehash: false };
//! ```
//! ```compile_fail,E0277
//! use vestibule::authn::password::PasswordVerified;
//! fn copyable<T: Clone>() {}
//! copyable::<PasswordVerified>();
//! ```
//! ```compile_fail,E0277
//! use vestibule::authn::password::PasswordVerified;
//! fn readable<T: for<'de> serde::Deserialize<'de>>() {}
//! readable::<PasswordVerified>();
//! ```
//! ```compile_fail,E0277
//! use vestibule::authn::password::PasswordVerified;
//! fn made_of_nothing<T: Default>() {}
//! made_of_nothing::<PasswordVerified>();
//! ```
//!
//! It comes out of [`verify`] alone:
//!
//! ```
//! use vestibule::authn::{AccountId, password::{Params, Password, decoy, hash, verify}};
//! let cheap = Params::new(8, 1, 1)?;
//! let typed = Password::new("correct horse battery staple".to_owned())?;
//! let (alice, stored) = (AccountId::generate(), hash(&typed, &cheap));
//!
//! let proof = verify(Some((alice, &stored)), &decoy(&cheap), &typed)?;
//! assert_eq!(proof.account(), alice);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use crate::authn::AccountId;
use crate::authn::password::phc::Recipe;
use crate::secret::Secret;

pub use crate::authn::password::phc::{
    BadParams, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PARALLELISM, Memory, Params, PasswordHash,
    decoy, hash, hash_in,
};

pub mod policy;
mod phc;
mod common;

/// Longest password in bytes of UTF-8, before and after normalisation.
pub const MAX_BYTES: usize = 1024;

/// Longest password in code points.
pub const MAX_CODE_POINTS: usize = 256;

/// The secret text of a password field: at most 1024 bytes and 256 code points, in NFC.
///
/// Normalisation is the only change ever made (NIST SP 800-63B-4, 3.1.1.2): nothing is trimmed,
/// folded or cut, and an empty field is a password like any other until a policy refuses it.
#[derive(Clone)]
pub struct Password(Secret<String>);

impl Password {
    /// Takes over what was typed.
    ///
    /// # Errors
    /// [`TooLong`] beyond the limits of the type.
    pub fn new(text: String) -> Result<Self, TooLong> {
        let mut typed = Zeroizing::new(text);
        if typed.len() > MAX_BYTES {
            return Err(TooLong);
        }
        let text = Secret::new(match is_nfc(&typed) {
            true => std::mem::take(&mut *typed),
            false => nfc(&typed),
        });
        let fits =
            text.expose().len() <= MAX_BYTES && text.expose().chars().count() <= MAX_CODE_POINTS;
        fits.then_some(Self(text)).ok_or(TooLong)
    }

    /// The normalised text, for hashing and for the policy.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// NFC in one allocation, so that no half-grown copy of the secret stays behind unwiped.
fn nfc(text: &str) -> String {
    // No code point grows more than threefold in UTF-8 (UAX #15, table 10).
    let mut normal = String::with_capacity(3 * text.len());
    normal.extend(text.nfc());
    normal
}

/// The text is longer than any password may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This password is too long. Use at most 256 characters.")]
pub struct TooLong;

/// Proof that the password of an account was shown.
#[derive(Debug)]
#[must_use = "a verified password is worth nothing until a session begins with it"]
pub struct PasswordVerified {
    account: AccountId,
    needs_rehash: bool,
}

impl PasswordVerified {
    /// Whose password it was.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Whether the stored hash has other parameters than the decoy, which has the current ones:
    /// the caller stores a new [`hash`] of the same password.
    #[must_use]
    pub fn needs_rehash(&self) -> bool {
        self.needs_rehash
    }

    /// A proof out of thin air, for the tests of what follows it.
    #[cfg(test)]
    pub(crate) fn for_test(account: AccountId) -> Self {
        Self {
            account,
            needs_rehash: false,
        }
    }
}

/// Nobody has this name, or the password is another one. The two are never told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user name or password is wrong")]
pub struct WrongPassword;

/// Checks `attempt` against the `known` account; `None` means there is no such account.
///
/// Argon2 runs exactly once: without an account, or with a damaged hash, over the `decoy`,
/// which was made with the current parameters. So the time tells nothing (CWE-208).
///
/// # Errors
/// [`WrongPassword`], whatever was wrong.
///
/// # Panics
/// When the machine has not the memory that the hash asks for: that is no wrong password.
pub fn verify(
    known: Option<(AccountId, &PasswordHash)>,
    decoy: &PasswordHash,
    attempt: &Password,
) -> Result<PasswordVerified, WrongPassword> {
    verify_in(&mut Memory::default(), known, decoy, attempt)
}

/// [`verify`] in memory that is used again.
///
/// # Errors
/// [`WrongPassword`], whatever was wrong.
///
/// # Panics
/// When the machine has not the memory that the hash asks for: that is no wrong password.
pub fn verify_in(
    memory: &mut Memory,
    known: Option<(AccountId, &PasswordHash)>,
    decoy: &PasswordHash,
    attempt: &Password,
) -> Result<PasswordVerified, WrongPassword> {
    let (decoy, unmatched) = Recipe::of(decoy).ok_or(WrongPassword)?;
    let known = known.and_then(|(account, hash)| Some((account, Recipe::of(hash)?)));
    let (account, recipe, expected) = match &known {
        Some((account, (recipe, expected))) => (Some(*account), recipe, expected),
        None => (None, &decoy, &unmatched),
    };
    let matches =
        crate::secret::equal(recipe.cook(attempt, memory).as_bytes(), expected.as_bytes());
    // Without an account there is nothing to prove, whatever the decoy says.
    let account = account.filter(|_| matches).ok_or(WrongPassword)?;
    Ok(PasswordVerified {
        account,
        needs_rehash: !recipe.has_cost_of(&decoy),
    })
}

#[cfg(test)]
mod tests;
