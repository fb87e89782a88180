//! The time across restarts: a mark in the store that no start may be far behind of.
//!
//! A clock that was set back between two runs would revive what had expired. The newest time that was
//! seen is kept, and a start that finds the clock some minutes behind it goes on from the mark; further behind,
//! nobody can say which of the two is wrong, and only a person may decide.

use crate::audit::{Audit, Details, Event, Source};
use crate::clock::{Clock, EARLIEST, JUMP, ProcessClock, Timestamp};
use crate::store::table::{Record, Table, UpdateError};
use crate::store::{Error, Store, Swap, Tree};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far the clock may be behind the mark: what a battery-less machine or a careful hand sets back.
pub const TOLERATED: Duration = Duration::from_secs(600);

/// Where the mark lies.
const MARK: &[u8] = b"latest time";

/// The newest time that was seen.
#[derive(Debug, Deserialize, Serialize)]
struct Mark {
    latest: Timestamp,
}

impl Record for Mark {
    const TREE: Tree = Tree::Meta;
}

/// What to do with a clock that is far behind the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Do not start.
    Mark,
    /// Somebody looked: the clock is right now, and was wrong before.
    Clock,
}

/// Why the time cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    /// It is before this program was made.
    #[error("the clock of this machine shows {}, which is before this version was made", .0.rfc3339())]
    TooEarly(Timestamp),
    /// It is before what an earlier run saw.
    #[error("the clock of this machine shows {}, but this store was in use at {}", wall.rfc3339(), mark.rfc3339())]
    Behind {
        /// What the clock shows.
        wall: Timestamp,
        /// What an earlier run saw.
        mark: Timestamp,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[from] Error),
}

impl TimeError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooEarly(_) => "set the clock, and let it be kept right (NTP)",
            Self::Behind { .. } => {
                "set the clock; if it is right now and was wrong before, run `vestibule serve --trust-clock` once: sessions from the time ahead are over then"
            }
            Self::Store(_) => "the log may say more",
        }
    }
}

/// From when a start goes on: the later of the two, unless they are too far apart.
fn resume(wall: Timestamp, mark: Option<Timestamp>, trust: Trust) -> Result<Timestamp, TimeError> {
    if wall < EARLIEST {
        return Err(TimeError::TooEarly(wall));
    }
    match (mark, trust) {
        (Some(mark), Trust::Mark) if mark.since(wall) > TOLERATED => {
            Err(TimeError::Behind { wall, mark })
        }
        (Some(mark), Trust::Mark) => Ok(wall.max(mark)),
        (Some(_), Trust::Clock) | (None, _) => Ok(wall),
    }
}

/// Keeps the mark, and tells of a clock that was set.
#[derive(Debug)]
pub struct Timekeeping {
    marks: Table<Mark>,
    clock: Arc<ProcessClock>,
    audit: Audit,
    /// How far ahead of the wall clock we were when that was last told, in seconds.
    told: AtomicU64,
}

impl Timekeeping {
    /// Compares `clock` with the mark, lets it go on from there, and writes it down.
    ///
    /// # Errors
    /// When the clock cannot be right, or the store fails: then nothing may be judged by it.
    pub async fn resume(
        store: Arc<dyn Store>,
        clock: Arc<ProcessClock>,
        audit: Audit,
        trust: Trust,
    ) -> Result<Self, TimeError> {
        let keeping = Self {
            marks: Table::new(store),
            clock,
            audit,
            told: AtomicU64::new(0),
        };
        let mark = keeping.marks.get(MARK).await?.map(|mark| mark.latest);
        let from = resume(keeping.clock.wall(), mark, trust)?;
        keeping.clock.go_on_from(from);
        keeping.write(trust).await?;
        Ok(keeping)
    }

    /// Moves the mark on, and tells of a clock that was set. To be called every minute or so, and at the end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tick(&self) -> Result<(), Error> {
        self.tell();
        self.write(Trust::Mark).await
    }

    /// May be lost with the last half second; it is written anew every minute.
    async fn write(&self, trust: Trust) -> Result<(), Error> {
        let now = self.clock.now();
        let updated = self.marks.update_relaxed(MARK, |mark: &mut Mark| {
            mark.latest = match trust {
                Trust::Mark => mark.latest.max(now),
                Trust::Clock => now,
            };
            Ok::<_, Infallible>(())
        });
        match updated.await {
            Err(UpdateError::Missing) => {
                // Whoever else wrote the first one wrote the same minute.
                let (Swap::Done | Swap::Conflict) =
                    self.marks.insert(MARK, &Mark { latest: now }).await?;
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn tell(&self) {
        let jump = self.clock.take_jump();
        if jump >= JUMP {
            self.record("forward", jump.as_secs());
        }
        let ahead = self.clock.ahead().as_secs();
        let told = self.told.swap(ahead, Ordering::Relaxed);
        if ahead.abs_diff(told) >= JUMP.as_secs() {
            self.record("behind", ahead);
        }
    }

    fn record(&self, what: &'static str, seconds: u64) {
        tracing::warn!(
            what,
            seconds,
            "the clock of this machine was set, or it slept"
        );
        let details = Details::none().reason(what).seconds(seconds);
        self.audit
            .record(Event::SysClockSet, &Source::own(), &details);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_start_some_minutes_behind_goes_on_from_the_mark() {
        for (mark, expected) in [
            (None, NOW),
            (Some(Timestamp(NOW.0 - 1)), NOW),
            (Some(after(1)), after(1)),
            (Some(after(600)), after(600)),
        ] {
            assert_eq!(resume(NOW, mark, Trust::Mark).unwrap(), expected);
        }
    }

    #[test]
    fn a_start_far_behind_is_refused_unless_somebody_trusts_the_clock() {
        let refused = resume(NOW, Some(after(601)), Trust::Mark);
        assert!(matches!(refused, Err(TimeError::Behind { .. })));
        assert_eq!(resume(NOW, Some(after(601)), Trust::Clock).unwrap(), NOW);
    }

    #[test]
    fn nobody_trusts_a_clock_from_before_this_version() {
        for wall in [0, EARLIEST.0 - 1] {
            let refused = resume(Timestamp(wall), None, Trust::Clock);
            assert!(matches!(refused, Err(TimeError::TooEarly(_))));
        }
        assert_eq!(resume(EARLIEST, None, Trust::Mark).unwrap(), EARLIEST);
    }

    struct World {
        store: Arc<dyn Store>,
    }

    impl World {
        fn new() -> Self {
            let store = MemoryStore::new(Arc::new(ProcessClock::start()));
            Self {
                store: Arc::new(store),
            }
        }

        async fn start(&self, trust: Trust) -> Result<(Timekeeping, Arc<ProcessClock>), TimeError> {
            let clock = Arc::new(ProcessClock::start());
            let audit = Audit::to_log(Arc::clone(&clock) as _);
            let store = Arc::clone(&self.store);
            let keeping = Timekeeping::resume(store, Arc::clone(&clock), audit, trust).await?;
            Ok((keeping, clock))
        }

        /// As an earlier run leaves it whose clock was so far ahead.
        async fn mark_ahead(&self, seconds: u64) {
            let (keeping, clock) = self.start(Trust::Mark).await.unwrap();
            clock.go_on_from(clock.now().plus(Duration::from_secs(seconds)));
            keeping.tick().await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_mark_outlives_a_run_and_the_next_one_goes_on_from_it() {
        let world = World::new();
        world.mark_ahead(300).await;
        let (_, clock) = world.start(Trust::Mark).await.unwrap();
        assert!(clock.ahead() >= Duration::from_secs(290));
        let wall = clock.wall();
        assert!(
            clock.now() > wall,
            "codes and assertions are of the wall clock"
        );
    }

    #[tokio::test]
    async fn a_mark_far_ahead_stops_every_start_until_somebody_trusts_the_clock_once() {
        let world = World::new();
        world.mark_ahead(7_200).await;
        for _ in 0..2 {
            let refused = world.start(Trust::Mark).await.map(drop);
            assert!(matches!(refused, Err(TimeError::Behind { .. })));
        }
        let (_, clock) = world.start(Trust::Clock).await.unwrap();
        assert!(clock.ahead() < Duration::from_secs(60));
        assert!(world.start(Trust::Mark).await.is_ok());
    }
}
