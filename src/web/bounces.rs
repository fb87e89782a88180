//! Login loops: the same sign-in is sent to the same place again and again, which does not see it.

use crate::rate_limit::{Limit, Rate};
use crate::sessions::SessionKey;
use std::num::NonZeroU32;
use std::time::Duration;

/// So often somebody who is signed in is sent on at once; one time more within ten seconds is a loop.
const OFTEN: NonZeroU32 = NonZeroU32::new(2).expect("not zero");

/// After this, once more.
const PERIOD: Duration = Duration::from_secs(5);

/// Signed-in visitors that are told apart; more only make a loop be seen sooner.
const SLOTS: NonZeroU32 = NonZeroU32::new(16_384).expect("not zero");

/// How often sign-ins were sent on, in bounded memory.
#[derive(Debug)]
pub struct Bounces(Limit);

impl Default for Bounces {
    fn default() -> Self {
        let rate = Rate {
            burst: OFTEN,
            period: PERIOD,
        };
        Self(Limit::new(rate, SLOTS))
    }
}

impl Bounces {
    /// This sign-in is about to be sent there: does it come round in circles?
    #[must_use]
    pub fn is_loop(&self, session: &SessionKey, to: &str) -> bool {
        self.0.take((session, to)).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_time_at_once_is_a_loop_for_that_sign_in_and_that_place_alone() {
        let bounces = Bounces::default();
        let (one, other) = ([1; 48], [2; 48]);
        assert!(!bounces.is_loop(&one, "/a"));
        assert!(!bounces.is_loop(&one, "/a"));
        assert!(bounces.is_loop(&one, "/a"));
        assert!(!bounces.is_loop(&one, "/b"));
        assert!(!bounces.is_loop(&other, "/a"));
    }
}
