//! Which sessions of an account end so that one more may begin.
//!
//! What a password alone begins ends no session of both factors: whoever knows no more than the password
//! cannot throw the owner out. Where no other can go, it stands beside them, and the next such takes its place: of at
//! most so many sessions there is one more at the most.

use crate::authn::session::Resumed;
use crate::authn::session::record::{Lifetimes, SessionRecord};
use crate::clock::Timestamp;

/// Who goes first. Of the same standing it is the one that was used least recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Over,
    OneFactor,
    BothFactors,
}

impl Standing {
    fn of(record: &SessionRecord, limits: &Lifetimes, now: Timestamp) -> Self {
        if record.is_certainly_over(limits, now) {
            Self::Over
        } else if record.has_both_factors() {
            Self::BothFactors
        } else {
            Self::OneFactor
        }
    }

    fn yields_to(self, newcomer: &Resumed) -> bool {
        match (self, newcomer) {
            (Self::Over | Self::OneFactor, _) | (Self::BothFactors, Resumed::TwoFactor(_)) => true,
            (Self::BothFactors, Resumed::OneFactor(_)) => false,
        }
    }
}

/// Those of `held` that end when `newcomer` begins, where an account may have `most`.
#[must_use]
pub fn for_one_more<K>(
    mut held: Vec<(K, SessionRecord)>,
    newcomer: &Resumed,
    most: usize,
    limits: &Lifetimes,
    now: Timestamp,
) -> Vec<(K, SessionRecord)> {
    let excess = (held.len() + 1).saturating_sub(most);
    let standing = |record: &SessionRecord| Standing::of(record, limits, now);
    held.retain(|(_, record)| standing(record).yields_to(newcomer));
    held.sort_by_key(|(_, record)| (standing(record), record.last_seen(), record.authenticated()));
    held.truncate(excess);
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::AccountId;
    use proptest::prelude::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const LIMITS: Lifetimes = Lifetimes {
        absolute: Duration::from_secs(24 * 3600),
        idle: Duration::from_secs(3600),
    };

    const NOBODY: [usize; 0] = [];

    fn session(factors: usize, age: u64) -> Resumed {
        let account = AccountId::from_bytes([1; 16]);
        Resumed::for_test(account, factors, Timestamp(NOW.0 - age))
    }

    /// Sessions by the number of factors and the seconds since they were begun and used; named in their order.
    fn held(sessions: &[(usize, u64)]) -> Vec<(usize, SessionRecord)> {
        let record = |&(factors, age): &(usize, u64)| {
            SessionRecord::of(&session(factors, age), &LIMITS, Timestamp(NOW.0 - age))
        };
        sessions.iter().map(record).enumerate().collect()
    }

    fn leaving(sessions: &[(usize, u64)], factors: usize, most: usize) -> Vec<usize> {
        let newcomer = session(factors, 0);
        let leaving = for_one_more(held(sessions), &newcomer, most, &LIMITS, NOW);
        leaving.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn nobody_leaves_while_there_is_room() {
        for factors in [1, 2] {
            assert_eq!(leaving(&[(1, 30), (2, 20), (2, 7200)], factors, 4), NOBODY);
        }
    }

    #[test]
    fn both_factors_end_a_password_alone_first_and_then_the_least_recently_used() {
        assert_eq!(leaving(&[(2, 30), (1, 10), (2, 20)], 2, 3), [1]);
        assert_eq!(leaving(&[(2, 10), (2, 30), (2, 20)], 2, 3), [1]);
        assert_eq!(leaving(&[(2, 10), (1, 5), (2, 30), (2, 20)], 2, 3), [1, 2]);
        assert_eq!(leaving(&[(2, 10)], 2, 1), [0]);
    }

    #[test]
    fn a_password_alone_ends_no_session_of_both_factors() {
        assert_eq!(leaving(&[(2, 10)], 1, 1), NOBODY);
        assert_eq!(leaving(&[(2, 10), (2, 30), (2, 20)], 1, 3), NOBODY);
        assert_eq!(leaving(&[(2, 10), (2, 30), (2, 20)], 1, 1), NOBODY);
    }

    #[test]
    fn a_password_alone_takes_the_place_of_others() {
        assert_eq!(leaving(&[(2, 10), (1, 5)], 1, 1), [1]);
        assert_eq!(leaving(&[(2, 40), (1, 5), (1, 9)], 1, 3), [2]);
        assert_eq!(leaving(&[(2, 40), (2, 40), (1, 5), (1, 9)], 1, 2), [3, 2]);
    }

    #[test]
    fn what_is_over_leaves_before_anything_that_lives() {
        let idle = LIMITS.idle.as_secs() + 120;
        assert_eq!(leaving(&[(1, 10), (2, idle), (2, 20)], 1, 3), [1]);
        assert_eq!(leaving(&[(1, 10), (2, idle), (2, 20)], 2, 3), [1]);
        // Its last use may not be written down yet.
        assert_eq!(leaving(&[(2, idle - 1)], 1, 1), NOBODY);
    }

    proptest! {
        #[test]
        fn whoever_signs_in_there_are_few_sessions_and_only_both_factors_end_both(
            signs_in in prop::collection::vec((1..=2_usize, 0..3_000_u64), 1..40),
            most in 1..6_usize,
        ) {
            let mut sessions = Vec::new();
            for (factors, age) in signs_in {
                let newcomer = session(factors, 0);
                let before = held(&sessions);
                let room = for_one_more(before, &newcomer, most, &LIMITS, NOW);
                for (_, record) in &room {
                    prop_assert!(factors == 2 || !record.has_both_factors());
                }
                let gone: Vec<usize> = room.into_iter().map(|(name, _)| name).collect();
                let mut name = 0..;
                sessions.retain(|_| !gone.contains(&name.next().expect("endless")));
                sessions.push((factors, age));
                let of_both = sessions.iter().filter(|(factors, _)| *factors == 2).count();
                prop_assert!(of_both <= most);
                let beside = usize::from(factors == 1 && of_both == most);
                prop_assert!(sessions.len() <= most + beside, "{:?}", sessions);
            }
        }
    }
}
