//! Known devices: a browser that has completed a sign-in once is counted apart from strangers.
//!
//! The mark proves nothing else: it is never a factor, and it opens nothing (N-41).

use crate::authn::AccountId;
use crate::authn::session::Epoch;
use crate::clock::Timestamp;
use crate::secret::{Key, equal};
use data_encoding::BASE64URL_NOPAD;
use std::time::Duration;

/// What a browser keeps in its device cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMark(String);

impl DeviceMark {
    /// Takes over a cookie's value; it is checked by [`DeviceKey::read`].
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        (value.len() == LENGTH).then(|| Self(value.to_owned()))
    }

    /// The cookie's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 16 bytes of account, 8 of epoch, 8 of time and 32 of MAC, in base64url.
const LENGTH: usize = 86;

/// What is signed: account, epoch, time.
const SIGNED: usize = 32;

/// Whose browser it is, as a genuine mark says; the account may have moved on since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who has signed in with it.
    pub account: AccountId,
    /// In which epoch: whatever ends the sessions of an account makes its browsers strangers again.
    pub epoch: Epoch,
}

/// Makes and checks marks.
#[derive(Clone, Debug)]
pub struct DeviceKey {
    key: Key,
    lifetime: Duration,
}

impl DeviceKey {
    /// Marks made with `key` are good for `lifetime`; 90 days by default.
    #[must_use]
    pub fn new(key: Key, lifetime: Duration) -> Self {
        Self { key, lifetime }
    }

    /// How long a mark is good for.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A mark for the browser that has just signed in.
    #[must_use]
    pub fn mark(&self, known: Known, now: Timestamp) -> DeviceMark {
        let mut bytes = [0; SIGNED + 32];
        bytes[..16].copy_from_slice(known.account.as_bytes());
        bytes[16..24].copy_from_slice(&known.epoch.to_bytes());
        bytes[24..SIGNED].copy_from_slice(&now.0.to_be_bytes());
        let mac = self.mac(&bytes[..SIGNED]);
        bytes[SIGNED..].copy_from_slice(&mac);
        DeviceMark(BASE64URL_NOPAD.encode(&bytes))
    }

    /// What a mark of ours says, while it is good. The store is not asked, so nobody without a genuine mark
    /// makes us look anything up.
    #[must_use]
    pub fn read(&self, mark: &DeviceMark, now: Timestamp) -> Option<Known> {
        let bytes = BASE64URL_NOPAD.decode(mark.0.as_bytes()).ok()?;
        let (signed, mac) = bytes.split_first_chunk::<SIGNED>()?;
        if !equal(mac, &self.mac(signed)) {
            return None;
        }
        let (account, rest) = signed.split_first_chunk::<16>()?;
        let (epoch, issued) = rest.split_first_chunk::<8>()?;
        let issued = Timestamp(u64::from_be_bytes(issued.try_into().ok()?));
        (now.age_of(issued) < self.lifetime).then_some(Known {
            account: AccountId::from_bytes(*account),
            epoch: Epoch::from_bytes(*epoch),
        })
    }

    fn mac(&self, signed: &[u8]) -> [u8; 32] {
        self.key.mac(&[b"device", signed])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);
    const DAY: Duration = Duration::from_secs(86_400);
    const ALICE: Known = Known {
        account: AccountId::from_bytes([1; 16]),
        epoch: Epoch::from_bytes([0, 0, 0, 0, 0, 0, 0, 7]),
    };

    fn key() -> DeviceKey {
        DeviceKey::new(Key::from_bytes([7; 32]), DAY)
    }

    #[test]
    fn a_mark_says_whose_browser_it_is_for_its_time() {
        let mark = key().mark(ALICE, NOW);
        assert_eq!(DeviceMark::from_cookie(mark.as_str()), Some(mark.clone()));
        let last = NOW.plus(DAY - Duration::from_secs(1));
        assert_eq!(key().read(&mark, last), Some(ALICE));
        assert_eq!(key().read(&mark, NOW.plus(DAY)), None);
        let other = DeviceKey::new(Key::from_bytes([8; 32]), DAY);
        assert_eq!(other.read(&mark, NOW), None);
    }

    #[test]
    fn a_mark_with_one_other_bit_is_none() {
        let genuine = key().mark(ALICE, NOW);
        let bytes = BASE64URL_NOPAD.decode(genuine.as_str().as_bytes()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mark = DeviceMark::from_cookie(&BASE64URL_NOPAD.encode(&changed)).unwrap();
            assert_eq!(key().read(&mark, NOW), None, "byte {at}");
        }
    }

    #[test]
    fn anything_else_is_no_mark() {
        assert_eq!(DeviceMark::from_cookie(""), None);
        let garbage = DeviceMark::from_cookie(&"!".repeat(LENGTH)).unwrap();
        assert_eq!(key().read(&garbage, NOW), None);
    }
}
