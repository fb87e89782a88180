//! Checks from outside `trusted_proxies`: which of them are written down.

use crate::rate_limit::{AddressPrefix, Limit, Rate};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// So many of one address are written down at once.
const OFTEN: NonZeroU32 = NonZeroU32::new(3).expect("not zero");

/// After this, once more.
const PERIOD: Duration = Duration::from_secs(60);

/// Addresses that are told apart. With all of them used up, seventeen lines a second are written.
const SLOTS: NonZeroU32 = NonZeroU32::new(1_024).expect("not zero");

/// Who was written down, in bounded memory.
#[derive(Debug)]
pub struct Outsiders(Limit);

impl Default for Outsiders {
    fn default() -> Self {
        let rate = Rate {
            burst: OFTEN,
            period: PERIOD,
        };
        Self(Limit::new(rate, SLOTS))
    }
}

impl Outsiders {
    /// Is a check from there worth a line, or were there enough of late?
    #[must_use]
    pub fn is_news(&self, address: IpAddr) -> bool {
        self.0.take(AddressPrefix::from(address)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_address_or_of_all_is_a_bounded_number_of_lines() {
        let outsiders = Outsiders::default();
        let news = |address: [u8; 4]| outsiders.is_news(address.into());
        assert_eq!((0..100).filter(|_| news([192, 0, 2, 1])).count(), 3);
        let all = (0..=u16::MAX).map(u16::to_be_bytes);
        let lines = all.filter(|[c, d]| news([10, 0, *c, *d])).count();
        assert!(lines <= 3 * 1_024, "{lines}");
    }
}
