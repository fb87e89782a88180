//! The only source of time.
//!
//! Every decision takes a [`Timestamp`] as a parameter; only the edges ask a [`Clock`].

mod process;

pub use crate::clock::process::{JUMP, ProcessClock};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch, UTC.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// No clock of ours shows less: the beginning of the month in which this version was made.
pub const EARLIEST: Timestamp = Timestamp(1_793_491_200);

/// How far ahead a stamp may lie, for a restart within a minute of it.
const BELIEVABLE: Duration = Duration::from_secs(60);

impl Timestamp {
    /// This moment moved later; stays at the last representable second rather than wrapping.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.as_secs()))
    }

    /// How long ago `earlier` was; zero when it lies ahead. For what has a limit, see [`Timestamp::age_of`].
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// The moment as `20261124T131700Z`, for names of files: they sort by time (ISO 8601, basic format).
    #[must_use]
    pub fn compact(self) -> String {
        self.rfc3339().replace(['-', ':'], "")
    }

    /// Reads what [`Timestamp::compact`] wrote; anything else is no moment.
    #[must_use]
    pub fn from_compact(text: &str) -> Option<Self> {
        let moment = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", text).ok()?;
        let moment = moment.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let seconds = u64::try_from(moment.ok()?.timestamp().as_second()).ok()?;
        Some(Self(seconds)).filter(|moment| moment.compact() == text)
    }

    /// How old, by now, is what was stamped `then`. What lies more than a minute ahead was stamped by a
    /// clock that was set back since, and is older than any limit: setting a clock revives nothing.
    #[must_use]
    pub fn age_of(self, then: Self) -> Duration {
        if then.since(self) > BELIEVABLE {
            return Duration::MAX;
        }
        self.since(then)
    }

    /// The moment as RFC 3339 text, for logs and the command line.
    #[must_use]
    pub fn rfc3339(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| format!("@{}", self.0), |moment| moment.to_string())
    }
}

/// Tells the time. The process has one; tests have their own.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The present moment, by which everything here is begun and ended. The clock of the process
    /// never takes one back.
    fn now(&self) -> Timestamp;

    /// What the clocks of other machines show, for what they compare: codes and assertions. It
    /// follows a wall clock that is set back.
    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// Since when time has passed evenly, without start or jump: what lies between then and now has
    /// certainly gone by.
    fn even_since(&self) -> Timestamp;

    /// The present moment, as seen here and elsewhere.
    fn moment(&self) -> Moment {
        // In this order: a jump in between makes less certain, never more.
        let (now, wall) = (self.now(), self.wall());
        let even_since = self.even_since();
        Moment {
            now,
            wall,
            even_since,
        }
    }
}

/// The present moment, as seen here and elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The present, see [`Clock::now`].
    pub now: Timestamp,
    /// What other clocks show, see [`Clock::wall`].
    pub wall: Timestamp,
    /// Since when time has passed evenly, see [`Clock::even_since`].
    pub even_since: Timestamp,
}

impl Moment {
    /// A moment on which all clocks agree, after a long quiet time; for tests.
    #[must_use]
    pub const fn quiet(now: Timestamp) -> Self {
        Self {
            now,
            wall: now,
            even_since: Timestamp(0),
        }
    }

    /// How much time has gone by for certain since something was stamped `then`: only what passed
    /// evenly counts. A stamp that lies ahead was made before the start, by a clock that was wrong.
    #[must_use]
    pub fn certainly_since(self, then: Timestamp) -> Duration {
        if then > self.now {
            return self.now.since(self.even_since);
        }
        self.now.since(then.max(self.even_since))
    }
}

/// The wall clock of the machine as it is, for programs that only look. Before 1970 it reads zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp(elapsed.map_or(0, |elapsed| elapsed.as_secs()))
    }

    fn even_since(&self) -> Timestamp {
        self.now()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    now: AtomicU64,
    even_since: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(Manual {
            now: AtomicU64::new(start.0),
            even_since: AtomicU64::new(start.0),
        }))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.now.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Sets the clock to `moment`, backwards too: a jump.
    pub fn set(&self, moment: Timestamp) {
        self.0.now.store(moment.0, Ordering::SeqCst);
        self.0.even_since.store(moment.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now.load(Ordering::SeqCst))
    }

    fn even_since(&self) -> Timestamp {
        Timestamp(self.0.even_since.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_in_the_future_is_zero_seconds_ago() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(9).since(Timestamp(5)), Duration::from_secs(4));
    }

    #[test]
    fn what_lies_far_ahead_is_older_than_any_limit() {
        let now = Timestamp(1_000);
        for (then, age) in [
            (900, Duration::from_secs(100)),
            (1_060, Duration::ZERO),
            (1_061, Duration::MAX),
            (u64::MAX, Duration::MAX),
        ] {
            assert_eq!(now.age_of(Timestamp(then)), age, "{then}");
        }
    }

    #[test]
    fn the_earliest_moment_is_past() {
        assert_eq!(EARLIEST.rfc3339(), "2026-11-01T00:00:00Z");
        assert!(SystemClock.now() > EARLIEST);
    }

    #[test]
    fn only_what_passed_evenly_is_certain() {
        let moment = Moment {
            now: Timestamp(100),
            wall: Timestamp(100),
            even_since: Timestamp(60),
        };
        for (then, certain) in [(90, 10), (60, 40), (10, 40), (100, 0), (500, 40)] {
            let found = moment.certainly_since(Timestamp(then));
            assert_eq!(found, Duration::from_secs(certain), "{then}");
        }
    }

    #[test]
    fn adding_past_the_last_second_saturates() {
        assert_eq!(
            Timestamp(u64::MAX).plus(Duration::from_secs(1)),
            Timestamp(u64::MAX)
        );
    }

    #[test]
    fn moments_print_as_rfc_3339() {
        assert_eq!(Timestamp(1_111_111_109).rfc3339(), "2005-03-18T01:58:29Z");
        assert_eq!(Timestamp(u64::MAX).rfc3339(), format!("@{}", u64::MAX));
    }
}
