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

    /// Goes on from `moment`, if that is later than what it shows.
    pub fn go_on_from(&self, moment: Timestamp) {
        self.hands.go_on_from(moment, self.started.elapsed());
    }

    /// How far it has followed the wall clock forward in jumps since this was last asked.
    #[must_use]
    pub fn take_jump(&self) -> Duration {
        Duration::from_millis(self.hands.jumped.swap(0, Ordering::AcqRel))
    }

    /// How far the wall clock is behind, because it was set back.
    #[must_use]
    pub fn ahead(&self) -> Duration {
        self.read().saturating_sub(wall())
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
    /// What was jumped over and not told yet, in milliseconds.
    jumped: AtomicU64,
}

impl Hands {
    fn starting_at(wall: Duration) -> Self {
        Self {
            origin: AtomicU64::new(millis(wall)),
            even_since: AtomicU64::new(wall.as_secs()),
            jumped: AtomicU64::new(0),
        }
    }

    /// The time, where the two clocks of the machine show this.
    fn read(&self, wall: Duration, steady: Duration) -> Duration {
        let seen = millis(wall.saturating_sub(steady));
        let mut origin = self.origin.load(Ordering::Acquire);
        if seen > origin {
            // Of all readers that notice a jump, one sees the origin from before.
            origin = self.origin.fetch_max(seen, Ordering::AcqRel);
            let jump = seen.saturating_sub(origin);
            if jump >= millis(JUMP) {
                self.even_since.fetch_max(wall.as_secs(), Ordering::AcqRel);
                self.jumped.fetch_add(jump, Ordering::AcqRel);
            }
            origin = origin.max(seen);
        }
        Duration::from_millis(origin).saturating_add(steady)
    }

    fn go_on_from(&self, moment: Timestamp, steady: Duration) {
        let origin = Duration::from_secs(moment.0).saturating_sub(steady);
        self.origin.fetch_max(millis(origin), Ordering::AcqRel);
        self.even_since.fetch_max(moment.0, Ordering::AcqRel);
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
    fn what_was_jumped_over_is_told_once() {
        let hands = Hands::starting_at(seconds(START));
        hands.read(seconds(START + 100), seconds(0));
        hands.read(seconds(START + 101), seconds(0));
        hands.read(seconds(START + 130), seconds(0));
        let told = [(); 2].map(|()| hands.jumped.swap(0, Ordering::AcqRel));
        assert_eq!(told, [129_000, 0]);
    }

    #[test]
    fn it_goes_on_from_a_mark_and_never_from_an_earlier_one() {
        let hands = Hands::starting_at(seconds(START));
        for (mark, expected) in [(START + 300, 300), (START + 20, 300)] {
            hands.go_on_from(Timestamp(mark), seconds(0));
            let now = hands.read(seconds(START), seconds(0)).as_secs();
            assert_eq!(now - START, expected);
        }
        assert_eq!(
            hands.read(seconds(START + 10), seconds(10)).as_secs() - START,
            310
        );
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
