//! Backup codes for the day the authenticator is lost (NIST SP 800-63B-4, 3.1.2: look-up secrets).
//!
//! Sixty random bits each, stored as Argon2id digests under one salt per set, spent by removal.

use crate::authn::password::Memory;
use crate::authn::{AccountId, Factor, Rejection, SecondFactorVerified};
use crate::clock::Timestamp;
use crate::secret::{equal, random};
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How many codes a set has.
pub const CODES: usize = 10;

/// Symbols of a code, five bits each.
const LENGTH: usize = 12;

/// Crockford's base32: no I, L, O or U, so nothing is misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// One code, in the clear.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct BackupCode([u8; LENGTH]);

/// The text is not a backup code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a backup code has twelve letters and digits")]
pub struct InvalidBackupCode;

impl BackupCode {
    fn generate() -> Self {
        let bytes = Zeroizing::new(random::<LENGTH>());
        Self(bytes.map(|byte| ALPHABET[usize::from(byte % 32)]))
    }

    /// The code as people see it: three groups of four.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let groups: Vec<&str> = self
            .0
            .chunks(4)
            .map(|group| std::str::from_utf8(group).expect("the alphabet is ASCII"))
            .collect();
        Zeroizing::new(groups.join("-"))
    }

    /// Hashes the code for comparison with a set: one Argon2id run, about as dear as a password.
    #[must_use]
    pub fn digest(&self, salt: &Salt, memory: &mut Memory) -> BackupDigest {
        let mut hash = [0; 32];
        // 19 MiB, two passes, one lane: the parameters that OWASP recommends for passwords.
        let params = Params::new(19 * 1024, 2, 1, Some(hash.len())).expect("fixed and valid");
        let blocks = memory.blocks(params.block_count());
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(&self.0, &salt.0, &mut hash, blocks)
            .expect("salt and output have valid lengths");
        BackupDigest {
            salt: salt.clone(),
            hash,
        }
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode")
    }
}

impl FromStr for BackupCode {
    type Err = InvalidBackupCode;

    /// Any case, spaces and hyphens anywhere, O for 0, I and L for 1.
    fn from_str(text: &str) -> Result<Self, InvalidBackupCode> {
        let mut symbols = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let mut code = [0; LENGTH];
        for slot in &mut code {
            *slot = symbols
                .next()
                .map(unconfused)
                .filter(|symbol| ALPHABET.contains(symbol))
                .ok_or(InvalidBackupCode)?;
        }
        let rest = symbols.next();
        rest.is_none()
            .then_some(Self(code))
            .ok_or(InvalidBackupCode)
    }
}

fn unconfused(symbol: u8) -> u8 {
    match symbol.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    }
}

/// The salt of one set of codes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt([u8; 16]);

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        BASE64.encode(&salt.0)
    }
}

impl TryFrom<String> for Salt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        decode(&text).map(Self).ok_or("not a salt")
    }
}

impl Salt {
    /// A salt that belongs to no set: for an attempt on an account without codes, which costs the same.
    #[must_use]
    pub fn decoy() -> Self {
        Self(random())
    }
}

/// A typed code, hashed for one set.
#[derive(Debug)]
pub struct BackupDigest {
    salt: Salt,
    hash: [u8; 32],
}

/// The digests of the codes that are still unused.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BackupCodes {
    salt: Salt,
    unused: Vec<Hash>,
    made: Timestamp,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Hash([u8; 32]);

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        BASE64.encode(&hash.0)
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        decode(&text).map(Self).ok_or("not a digest")
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

impl BackupCodes {
    /// Makes a new set, with the codes to show once. Ten Argon2id runs: call it on the hashing pool.
    #[must_use]
    pub fn generate(now: Timestamp, memory: &mut Memory) -> (Self, Vec<BackupCode>) {
        let salt = Salt(random());
        let codes: Vec<BackupCode> = (0..CODES).map(|_| BackupCode::generate()).collect();
        let unused = codes
            .iter()
            .map(|code| Hash(code.digest(&salt, memory).hash));
        let set = Self {
            unused: unused.collect(),
            salt,
            made: now,
        };
        (set, codes)
    }

    /// The salt to hash an attempt with.
    #[must_use]
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// How many codes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.unused.len()
    }

    /// When the set was made.
    #[must_use]
    pub fn made(&self) -> Timestamp {
        self.made
    }

    /// Spends one code; every slot is compared, so the time tells nothing.
    ///
    /// # Errors
    /// [`Rejection::WrongBackupCode`], also when the set was replaced since the attempt was hashed.
    pub fn redeem(
        &mut self,
        account: AccountId,
        attempt: &BackupDigest,
    ) -> Result<SecondFactorVerified, Rejection> {
        let mut found = None;
        for (slot, known) in self.unused.iter().enumerate() {
            if equal(&known.0, &attempt.hash) {
                found = Some(slot);
            }
        }
        let slot = found
            .filter(|_| self.salt == attempt.salt)
            .ok_or(Rejection::WrongBackupCode)?;
        self.unused.swap_remove(slot);
        Ok(SecondFactorVerified::assertion(account, Factor::BackupCode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn id() -> AccountId {
        AccountId::from_bytes([1; 16])
    }

    #[test]
    fn a_set_has_ten_different_codes_of_sixty_bits() {
        let (set, codes) = BackupCodes::generate(Timestamp(1), &mut Memory::default());
        let texts: HashSet<String> = codes
            .iter()
            .map(|code| code.to_text().to_string())
            .collect();
        assert_eq!((set.left(), texts.len()), (10, 10));
        for text in texts {
            assert_eq!(text.len(), 14, "{text}");
        }
    }

    #[test]
    fn a_code_is_redeemed_once() {
        let (mut set, codes) = BackupCodes::generate(Timestamp(1), &mut Memory::default());
        let digest = codes[3].digest(set.salt(), &mut Memory::default());
        assert!(set.redeem(id(), &digest).is_ok());
        assert_eq!(
            set.redeem(id(), &digest).unwrap_err(),
            Rejection::WrongBackupCode
        );
        assert_eq!(set.left(), 9);
    }

    #[test]
    fn a_code_of_an_older_set_is_refused() {
        let (old, codes) = BackupCodes::generate(Timestamp(1), &mut Memory::default());
        let digest = codes[0].digest(old.salt(), &mut Memory::default());
        let (mut new, _codes) = BackupCodes::generate(Timestamp(2), &mut Memory::default());
        assert_eq!(
            new.redeem(id(), &digest).unwrap_err(),
            Rejection::WrongBackupCode
        );
        assert_eq!(new.left(), 10);
    }

    #[test]
    fn codes_may_be_typed_as_people_read_them() {
        let code = BackupCode(*b"0123ABCD1Z0Y");
        for text in [
            "0123-ABCD-1Z0Y",
            "0123abcd1z0y",
            "O123 abcd iz-oy",
            " o l23ABCD LZ0Y",
        ] {
            assert_eq!(text.parse(), Ok(code.clone()), "{text}");
        }
        assert_eq!(code.to_text().as_str(), "0123-ABCD-1Z0Y");
    }

    #[test]
    fn other_texts_are_no_backup_codes() {
        for text in [
            "",
            "0123-ABCD-1Z0",
            "0123-ABCD-1Z0YY",
            "U123-ABCD-1Z0Y",
            "\u{ff10}123ABCD1Z0Y",
        ] {
            assert_eq!(text.parse::<BackupCode>(), Err(InvalidBackupCode), "{text}");
        }
    }

    #[test]
    fn the_stored_set_holds_no_code() {
        let (set, codes) = BackupCodes::generate(Timestamp(1), &mut Memory::default());
        let stored = serde_json::to_string(&set).unwrap();
        for code in codes {
            let text = code.to_text();
            assert!(!stored.contains(text.as_str()) && !stored.contains(&text.replace('-', "")));
        }
        let again: BackupCodes = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.salt, set.salt);
    }

    proptest! {
        #[test]
        fn a_code_is_read_however_it_is_typed(symbols in "[0-9A-HJKMNP-TV-Z]{12}", gaps in "[ -]{0,5}") {
            let code: BackupCode = symbols.parse().unwrap();
            let typed = symbols.to_lowercase().replace('0', "o").replace('1', "l");
            let (front, back) = typed.split_at(gaps.len());
            prop_assert_eq!(format!("{front}{gaps}{back}").parse(), Ok(code.clone()));
            prop_assert_eq!(code.to_text().parse(), Ok(code));
        }

        #[test]
        fn reading_a_backup_code_never_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<BackupCode>();
        }
    }
}
