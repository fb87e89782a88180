//! The clock of the process: it follows the wall clock forwards, and never goes back.
//!
//! The time is the wall clock's at the start plus what the monotonic clock has counted since. Where the
//! wall clock is ahead of that, it was set forward or the machine slept: both are followed, so that
//! what expired meanwhile has expired. Where it is behind, it was set back: time goes on as if it had not been.

use crate::clock::{Clock, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Less than this is the adjusting of a clock that runs a little fast or slow, no jump.
pub const JUMP: Duration = Duration::from_secs(5);

/// The clock of the process; it has one, made at its start.
#[derive(Debug)]
pub struct ProcessClock {
    started: Instant,
    hands: Hands,
}

impl ProcessClock {
    /// Starts at what the wall clock shows.
    #[must_use]
    pub fn start() -> Self {
        let wall = wall();
        Self {
            started: Instant::now(),
            hands: Hands::starting_at(wall),
        }
    }

    fn read(&self) -> Duration {
        // In this order: a pause between the two makes the wall clock look late, never early.
        let wall = wall();
        self.hands.read(wall, self.started.elapsed())
    }
}

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.read().as_secs())
    }

    fn wall(&self) -> Timestamp {
        Timestamp(wall().as_secs())
    }

    fn even_since(&self) -> Timestamp {
        // A jump is noticed by reading.
        self.read();
        Timestamp(self.hands.even_since.load(Ordering::Acquire))
    }
}

/// Since 1970; zero before.
fn wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// What the clock has learnt from its readings so far.
#[derive(Debug)]
struct Hands {
    /// The time at which the monotonic clock read zero, in milliseconds; only ever grows.
    origin: AtomicU64,
    /// The second since which nothing jumped.
    even_since: AtomicU64,
}

impl Hands {
    fn starting_at(wall: Duration) -> Self {
        Self {
            origin: AtomicU64::new(millis(wall)),
            even_since: AtomicU64::new(wall.as_secs()),
        }
    }

    /// The time, where the two clocks of the machine show this.
    fn read(&self, wall: Duration, steady: Duration) -> Duration {
        let seen = millis(wall.saturating_sub(steady));
        let mut origin = self.origin.load(Ordering::Acquire);
        if seen > origin {
            // Of all readers that notice a jump, one sees the origin from before.
            origin = self.origin.fetch_max(seen, Ordering::AcqRel);
            if seen.saturating_sub(origin) >= millis(JUMP) {
                self.even_since.fetch_max(wall.as_secs(), Ordering::AcqRel);
            }
            origin = origin.max(seen);
        }
        Duration::from_millis(origin).saturating_add(steady)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_700_000_000;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A clock that was started at `START`, and its readings of (wall, seconds since the start).
    fn readings(steps: &[(u64, u64)]) -> (Vec<u64>, u64) {
        let hands = Hands::starting_at(seconds(START));
        let read = |(wall, steady): &(u64, u64)| hands.read(seconds(*wall), seconds(*steady));
        let shown = steps.iter().map(read).map(|now| now.as_secs() - START);
        (
            shown.collect(),
            hands.even_since.load(Ordering::Acquire) - START,
        )
    }

    #[test]
    fn it_shows_what_the_wall_clock_shows() {
        let steps = [(START, 0), (START + 1, 1), (START + 3_600, 3_600)];
        assert_eq!(readings(&steps), (vec![0, 1, 3_600], 0));
    }

    #[test]
    fn time_goes_on_when_the_wall_clock_is_set_back() {
        let steps = [(START + 10, 10), (START - 3_590, 10), (START - 3_530, 70)];
        assert_eq!(readings(&steps), (vec![10, 10, 70], 0));
    }

    #[test]
    fn a_jump_forward_is_followed_and_remembered() {
        let steps = [(START + 10, 10), (START + 7_210, 10), (START + 7_211, 11)];
        assert_eq!(readings(&steps), (vec![10, 7_210, 7_211], 7_210));
    }

    #[test]
    fn what_was_followed_is_not_taken_back() {
        let steps = [(START + 7_210, 10), (START + 20, 20)];
        assert_eq!(readings(&steps), (vec![7_210, 7_220], 7_210));
    }

    #[test]
    fn a_clock_that_is_adjusted_by_a_second_has_not_jumped() {
        let steps = [(START + 11, 10), (START + 20, 20)];
        assert_eq!(readings(&steps), (vec![11, 21], 0));
    }

    #[test]
    fn the_last_moments_there_are_do_not_overflow() {
        let hands = Hands::starting_at(Duration::MAX);
        hands.read(Duration::MAX, seconds(1));
        hands.read(Duration::ZERO, Duration::MAX);
    }

    #[test]
    fn the_real_one_never_goes_back_and_is_even_since_its_start() {
        let clock = ProcessClock::start();
        let start = clock.now();
        let mut last = start;
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        assert!(clock.even_since() <= start);
        assert!(clock.wall().since(last) <= Duration::from_secs(1));
    }
}
