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
    /// Takes over a cookie's value; it is checked by [`DeviceKey::knows`].
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

/// 8 bytes of time and 32 of MAC, in base64url.
const LENGTH: usize = 54;

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

    /// A mark for the browser that has just signed in to `account`.
    #[must_use]
    pub fn mark(&self, account: AccountId, epoch: Epoch, now: Timestamp) -> DeviceMark {
        let issued = now.0.to_be_bytes();
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&issued);
        bytes[8..].copy_from_slice(&self.mac(account, epoch, &issued));
        DeviceMark(BASE64URL_NOPAD.encode(&bytes))
    }

    /// Was this mark made for `account`, in this epoch, and not too long ago? Whatever ends the sessions
    /// of an account makes its browsers strangers again.
    #[must_use]
    pub fn knows(
        &self,
        mark: &DeviceMark,
        account: AccountId,
        epoch: Epoch,
        now: Timestamp,
    ) -> bool {
        let Ok(bytes) = BASE64URL_NOPAD.decode(mark.0.as_bytes()) else {
            return false;
        };
        let Some((issued, mac)) = bytes.split_first_chunk::<8>() else {
            return false;
        };
        let genuine = equal(mac, &self.mac(account, epoch, issued));
        genuine && now.since(Timestamp(u64::from_be_bytes(*issued))) < self.lifetime
    }

    fn mac(&self, account: AccountId, epoch: Epoch, issued: &[u8; 8]) -> [u8; 32] {
        self.key
            .mac(&[b"device", account.as_bytes(), &epoch.to_bytes(), issued])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn key() -> DeviceKey {
        DeviceKey::new(Key::from_bytes([7; 32]), DAY)
    }

    #[test]
    fn a_mark_is_good_for_its_account_and_for_its_time() {
        let (alice, epoch) = (AccountId::from_bytes([1; 16]), Epoch::default());
        let mark = key().mark(alice, epoch, NOW);
        assert_eq!(DeviceMark::from_cookie(mark.as_str()), Some(mark.clone()));
        assert!(key().knows(&mark, alice, epoch, NOW.plus(DAY - Duration::from_secs(1))));
        assert!(!key().knows(&mark, alice, epoch, NOW.plus(DAY)));
        assert!(!key().knows(&mark, AccountId::from_bytes([2; 16]), epoch, NOW));
        assert!(!key().knows(&mark, alice, epoch.next(), NOW));
        let other = DeviceKey::new(Key::from_bytes([8; 32]), DAY);
        assert!(!other.knows(&mark, alice, epoch, NOW));
    }

    #[test]
    fn anything_else_is_no_mark() {
        assert_eq!(DeviceMark::from_cookie(""), None);
        let garbage = DeviceMark::from_cookie(&"!".repeat(LENGTH)).unwrap();
        assert!(!key().knows(
            &garbage,
            AccountId::from_bytes([1; 16]),
            Epoch::default(),
            NOW
        ));
    }
}
