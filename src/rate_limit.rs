//! Rate limits over governor (GCRA), with a bounded number of keys.
//!
//! Every key is hashed into a fixed number of slots, so no flood of addresses or names grows the
//! memory; keys that share a slot share its quota, which only ever refuses more.

pub mod share;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// How much is granted: `burst` at once, then one more after each `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: NonZeroU32,
    /// How long until one more is granted.
    pub period: Duration,
}

/// Too much was tried; `retry_after` says when one more is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {} s", .retry_after.as_secs())]
pub struct Limited {
    /// At least one second.
    pub retry_after: Duration,
}

/// One kind of limit over many keys.
pub struct Limit {
    limiter: DefaultKeyedRateLimiter<u64>,
    hasher: RandomState,
    slots: u64,
}

impl Limit {
    /// A limit of `rate` for each key, in at most `slots` slots.
    ///
    /// # Panics
    /// When the period is zero; configuration refuses that.
    #[must_use]
    pub fn new(rate: Rate, slots: NonZeroU32) -> Self {
        let quota = Quota::with_period(rate.period)
            .expect("a period is longer than nothing")
            .allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            hasher: RandomState::new(),
            slots: u64::from(slots.get()),
        }
    }

    /// Takes one from the key's quota.
    ///
    /// # Errors
    /// [`Limited`] when nothing is left; then nothing is taken.
    pub fn take(&self, key: impl Hash) -> Result<(), Limited> {
        let slot = self.hasher.hash_one(key) % self.slots;
        self.limiter.check_key(&slot).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            // Rounded up: a client that comes back on the second is let in.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Limited {
                retry_after: Duration::from_secs(seconds.max(1)),
            }
        })
    }

    /// Frees the slots whose quota is full again.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many slots hold a quota that is not full.
    #[must_use]
    pub fn used_slots(&self) -> usize {
        self.limiter.len()
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limit({} slots)", self.slots)
    }
}

/// What counts as one client: an IPv4 address, or the /64 that one subscriber gets; or
/// the network around it. All whose address is not known (`::`) are one, and no neighbours of `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressPrefix {
    /// 32 or 24 bits of IPv4, 64 or 48 of IPv6, none of what is not known: each length means one of them.
    bits: u32,
    prefix: u64,
}

impl AddressPrefix {
    /// The network that one holder is given at most: a /24 of IPv4, a /48 of IPv6 (RFC 6177).
    #[must_use]
    pub fn network_of(address: IpAddr) -> Self {
        let Self { bits, prefix } = Self::from(address);
        let (bits, dropped) = match bits {
            0 => (0, 0),
            32 => (24, 8),
            _ => (48, 16),
        };
        let prefix = prefix >> dropped;
        Self { bits, prefix }
    }
}

impl From<IpAddr> for AddressPrefix {
    fn from(address: IpAddr) -> Self {
        if address.is_unspecified() {
            return Self { bits: 0, prefix: 0 };
        }
        match address.to_canonical() {
            IpAddr::V4(address) => Self {
                bits: 32,
                prefix: u64::from(u32::from(address)),
            },
            IpAddr::V6(address) => Self {
                bits: 64,
                prefix: u64::try_from(u128::from(address) >> 64).expect("64 bits are left"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(burst: u32, period: Duration, slots: u32) -> Limit {
        let burst = NonZeroU32::new(burst).unwrap();
        Limit::new(Rate { burst, period }, NonZeroU32::new(slots).unwrap())
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_key_gets_its_burst_and_then_hears_when_to_come_back() {
        let limit = limit(2, HOUR, 1 << 16);
        assert_eq!(limit.take("alice"), Ok(()));
        assert_eq!(limit.take("alice"), Ok(()));
        let refused = limit.take("alice").unwrap_err();
        assert!(refused.retry_after > HOUR - Duration::from_secs(60));
        assert!(refused.retry_after <= HOUR);
    }

    #[test]
    fn another_key_is_not_affected() {
        let limit = limit(1, HOUR, u32::MAX);
        assert_eq!(limit.take("alice"), Ok(()));
        assert!(limit.take("alice").is_err());
        assert_eq!(limit.take("bob"), Ok(()));
    }

    #[test]
    fn a_flood_of_keys_uses_no_more_than_the_slots() {
        let limit = limit(1, HOUR, 128);
        for key in 0..10_000 {
            let _ = limit.take(key);
        }
        assert_eq!(limit.used_slots(), 128);
    }

    #[test]
    fn ten_million_keys_are_refused_sooner_and_remembered_never() {
        // A tenth of a percent of them unless there is time: the bound is the same.
        let soak = std::env::var_os("VESTIBULE_TEST_SOAK").is_some_and(|value| value == "1");
        let keys: u64 = if soak { 10_000_000 } else { 10_000 };
        let slots = u32::try_from(keys / 50).unwrap();
        let limit = limit(5, HOUR, slots);
        let granted = (0..keys).filter(|key| limit.take(key).is_ok()).count();
        assert_eq!(limit.used_slots(), usize::try_from(slots).unwrap());
        assert_eq!(
            granted,
            5 * limit.used_slots(),
            "each slot grants its burst once"
        );
    }

    #[test]
    fn a_sweep_frees_what_is_full_again() {
        let limit = limit(1, Duration::from_nanos(1), 128);
        assert_eq!(limit.take("alice"), Ok(()));
        while limit.used_slots() > 0 {
            limit.sweep();
        }
    }

    #[test]
    fn an_ipv6_subscriber_is_one_client_and_two_ipv4_addresses_are_two() {
        let prefix = |text: &str| AddressPrefix::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(prefix("2001:db8::1"), prefix("2001:db8::ffff:2"));
        assert_ne!(prefix("2001:db8::1"), prefix("2001:db8:0:1::1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"));
    }

    #[test]
    fn all_that_are_not_known_are_one_client_and_nobodys_neighbour() {
        let of = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            (
                AddressPrefix::from(address),
                AddressPrefix::network_of(address),
            )
        };
        assert_eq!(of("::"), of("0.0.0.0"));
        for known in ["::1", "0.0.0.1", "::ffff:0.0.0.1", "0:0:0:1::1"] {
            assert_ne!(of("::").0, of(known).0, "{known}");
            assert_ne!(of("::").1, of(known).1, "{known}");
        }
    }

    #[test]
    fn neighbours_share_a_network() {
        let network = |text: &str| AddressPrefix::network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:ffff::1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:1::1"));
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.9"));
        assert_ne!(
            network("::1"),
            AddressPrefix::from("::1".parse::<IpAddr>().unwrap())
        );
    }
}
