//! One step after the other, and any order of steps under a clock that is set at will.

use super::*;
use crate::identity::key::Algorithm::{EdDsa, Es256};
use proptest::prelude::*;
use std::collections::HashMap;

const START: Timestamp = Timestamp(1_700_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const POLICY: Policy = Policy {
    algorithm: EdDsa,
    rotate: Some(Duration::from_secs(90 * 86_400)),
};
const BY_HAND: Policy = Policy {
    algorithm: EdDsa,
    rotate: None,
};

fn fresh(algorithm: Algorithm) -> KeyRecord {
    KeyRecord::generate(algorithm, START)
}

/// A moment after a long quiet time.
fn at(after: Duration) -> Moment {
    Moment::quiet(START.plus(after))
}

fn ring() -> KeyRing {
    KeyRing::begin(fresh(EdDsa), START)
}

fn ids(ring: &KeyRing) -> Vec<KeyId> {
    ring.records().map(KeyRecord::id).collect()
}

fn states(ring: &KeyRing) -> Vec<State> {
    let stages = ring.stages(&POLICY);
    stages.iter().map(|stage| stage.state).collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_young_key_is_left_alone() {
    let mut ring = ring();
    let changes = ring.tend(at(89 * DAY), &POLICY, |_| unreachable!("no key is needed"));
    assert_eq!((changes, states(&ring)), (vec![], vec![State::Active]));
}

#[test]
fn a_successor_is_published_in_time_to_sign_when_the_age_is_reached() {
    let mut ring = ring();
    let old = ring.active().id();
    let publish = 90 * DAY - PUBLISHED_BEFORE;
    assert_eq!(ring.tend(at(publish - SECOND), &POLICY, fresh), []);
    let changes = ring.tend(at(publish), &POLICY, fresh);
    let next = ids(&ring)[1];
    assert_eq!(changes, [Change::Published(next)]);
    assert_eq!(ring.tend(at(90 * DAY - SECOND), &POLICY, fresh), []);
    let changes = ring.tend(at(90 * DAY), &POLICY, fresh);
    assert_eq!(changes, [Change::Activated(next), Change::Retired(old)]);
    assert_eq!(ids(&ring), [next, old]);
}

#[test]
fn a_retired_key_stays_published_until_nothing_it_signed_is_alive() {
    let mut ring = ring();
    let old = ring.active().id();
    ring.rotate_now(START, &BY_HAND, fresh).unwrap();
    assert_eq!(ring.tend(at(PUBLISHED_AFTER - SECOND), &BY_HAND, fresh), []);
    let changes = ring.tend(at(PUBLISHED_AFTER), &BY_HAND, fresh);
    assert_eq!(changes, [Change::Removed(old)]);
    assert_eq!(states(&ring), [State::Active]);
}

#[test]
fn the_times_cover_two_caches_and_the_longest_assertion() {
    assert!(PUBLISHED_BEFORE >= Duration::from_secs(600) && PUBLISHED_BEFORE >= 2 * MAX_AGE);
    assert_eq!(PUBLISHED_AFTER, Duration::from_secs(300 + 30 + 300 + 60));
}

#[test]
fn rotating_twice_publishes_one_successor() {
    let mut ring = ring();
    let published = ring.rotate(START, &BY_HAND, fresh);
    assert_eq!(published.len(), 1);
    let again = ring.rotate(START, &BY_HAND, |_| unreachable!("one is there"));
    assert_eq!(
        (again, states(&ring)),
        (vec![], vec![State::Active, State::Next])
    );
}

#[test]
fn in_a_hurry_the_published_successor_signs() {
    let mut ring = ring();
    ring.rotate(START, &BY_HAND, fresh);
    let [old, next] = ids(&ring)[..] else {
        panic!("two keys")
    };
    let changes = ring.rotate_now(START, &BY_HAND, |_| unreachable!("one is there"));
    let expected = vec![Change::Activated(next), Change::Retired(old)];
    assert_eq!(changes, Ok(expected));
}

#[test]
fn hurrying_too_often_is_refused_and_changes_nothing() {
    let mut ring = ring();
    for _ in 0..MOST_RETIRED {
        ring.rotate_now(START, &BY_HAND, fresh).unwrap();
    }
    let before = ids(&ring);
    assert_eq!(ring.rotate_now(START, &BY_HAND, fresh), Err(TooManyKeys));
    ring.rotate(START, &BY_HAND, fresh);
    let still = ring.tend(at(PUBLISHED_BEFORE), &BY_HAND, fresh);
    assert_eq!(still, [], "the successor waits for room");
    assert_eq!(ids(&ring)[0], before[0]);
}

#[test]
fn a_leaked_active_key_is_gone_at_once_and_a_fresh_one_signs() {
    let mut ring = ring();
    ring.rotate(START, &BY_HAND, fresh);
    let [old, next] = ids(&ring)[..] else {
        panic!("two keys")
    };
    let changes = ring.retire(old, START, &BY_HAND, fresh).unwrap();
    let [signs] = ids(&ring)[..] else {
        panic!("one key")
    };
    assert!(![old, next].contains(&signs));
    let expected = [
        Change::Revoked(old),
        Change::Revoked(next),
        Change::Activated(signs),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn any_other_key_can_be_destroyed_and_the_active_one_stays() {
    let mut ring = ring();
    ring.rotate_now(START, &BY_HAND, fresh).unwrap();
    ring.rotate(START, &BY_HAND, fresh);
    let [active, next, retired] = ids(&ring)[..] else {
        panic!("three keys")
    };
    for id in [next, retired] {
        let changes = ring.retire(id, START, &BY_HAND, |_| unreachable!("none is needed"));
        assert_eq!(changes, Ok(vec![Change::Revoked(id)]));
        let again = ring.retire(id, START, &BY_HAND, fresh);
        assert_eq!(again, Err(UnknownKey));
    }
    assert_eq!(ids(&ring), [active]);
}

#[test]
fn another_algorithm_is_a_rotation_with_both_published() {
    let wanted = Policy {
        algorithm: Es256,
        ..BY_HAND
    };
    let mut ring = ring();
    ring.tend(at(Duration::ZERO), &wanted, fresh);
    let algorithms = |ring: &KeyRing| ring.records().map(KeyRecord::algorithm).collect::<Vec<_>>();
    assert_eq!(algorithms(&ring), [EdDsa, Es256]);
    ring.tend(at(PUBLISHED_BEFORE), &wanted, fresh);
    assert_eq!(algorithms(&ring), [Es256, EdDsa]);
}

#[test]
fn a_successor_of_an_algorithm_that_is_not_wanted_any_more_never_signs() {
    let wanted = Policy {
        algorithm: Es256,
        ..BY_HAND
    };
    let mut ring = ring();
    ring.tend(at(Duration::ZERO), &wanted, fresh);
    let next = ids(&ring)[1];
    let changes = ring.tend(at(PUBLISHED_BEFORE), &BY_HAND, fresh);
    assert_eq!(changes, [Change::Removed(next)]);
    assert_eq!(states(&ring), [State::Active]);
}

#[test]
fn a_start_makes_a_successor_wait_anew() {
    let mut ring = ring();
    ring.rotate(START, &BY_HAND, fresh);
    let started = START.plus(DAY);
    let after = |wait| Moment {
        even_since: started,
        ..Moment::quiet(started.plus(wait))
    };
    assert_eq!(
        ring.tend(after(PUBLISHED_BEFORE - SECOND), &BY_HAND, fresh),
        []
    );
    assert_eq!(ring.tend(after(PUBLISHED_BEFORE), &BY_HAND, fresh).len(), 2);
}

#[test]
fn keys_from_a_clock_that_ran_ahead_are_replaced_all_the_same() {
    let year = 365 * DAY;
    let mut ring = KeyRing::begin(fresh(EdDsa), START.plus(year));
    assert_eq!(ring.tend(at(Duration::ZERO), &POLICY, fresh).len(), 1);
    ring.next.as_mut().unwrap().published = START.plus(year);
    assert_eq!(ring.tend(at(SECOND), &POLICY, fresh).len(), 2);
}

#[test]
fn a_ring_reads_as_it_was_written() {
    let mut ring = ring();
    ring.rotate_now(START, &POLICY, fresh).unwrap();
    ring.rotate(START, &POLICY, fresh);
    let text = serde_json::to_string(&ring).unwrap();
    let read: KeyRing = serde_json::from_str(&text).unwrap();
    assert_eq!((ids(&read), states(&read)), (ids(&ring), states(&ring)));
}

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    SetClock(i64),
    Restart,
    Rotate,
    Hurry,
    Retire(usize),
    Algorithm(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1..800_u64).prop_map(Act::Pass),
        1 => (86_000..9_000_000_u64).prop_map(Act::Pass),
        2 => (-100_000_000..100_000_000_i64).prop_map(Act::SetClock),
        1 => Just(Act::Restart),
        2 => Just(Act::Rotate),
        1 => Just(Act::Hurry),
        1 => (0..4_usize).prop_map(Act::Retire),
        1 => any::<bool>().prop_map(Act::Algorithm),
    ]
}

/// The world as it is, whatever the clock of the gate shows.
struct World {
    ring: KeyRing,
    policy: Policy,
    real: u64,
    moment: Moment,
    /// When each key was first published, and when it last signed, in real time.
    published: HashMap<KeyId, u64>,
    signed: HashMap<KeyId, u64>,
    /// Keys whose waiting somebody cut short.
    forced: Vec<KeyId>,
}

impl World {
    fn new() -> Self {
        let ring = KeyRing::begin(fresh(EdDsa), START);
        let moment = Moment {
            even_since: START,
            ..Moment::quiet(START)
        };
        let forced = ids(&ring);
        let (published, signed) = (HashMap::new(), HashMap::new());
        Self {
            ring,
            policy: POLICY,
            real: 0,
            moment,
            published,
            signed,
            forced,
        }
    }

    fn step(&mut self, act: &Act) {
        let (before, now) = (ids(&self.ring), self.moment.now);
        let changes = match act {
            Act::Pass(seconds) => {
                self.real += seconds;
                self.moment.now = now.plus(Duration::from_secs(*seconds));
                vec![]
            }
            Act::SetClock(by) => {
                let now = Timestamp(now.0.saturating_add_signed(*by));
                self.moment = Moment {
                    even_since: now,
                    ..Moment::quiet(now)
                };
                vec![]
            }
            Act::Restart => {
                self.moment.even_since = now;
                vec![]
            }
            Act::Algorithm(edwards) => {
                self.policy.algorithm = if *edwards { EdDsa } else { Es256 };
                vec![]
            }
            Act::Rotate => self.ring.rotate(now, &self.policy, fresh),
            Act::Hurry => {
                let changes = self.ring.rotate_now(now, &self.policy, fresh);
                self.forced.push(self.ring.active().id());
                changes.unwrap_or_default()
            }
            Act::Retire(which) => {
                let id = before[which % before.len()];
                let changes = self.ring.retire(id, now, &self.policy, fresh);
                self.forced.push(self.ring.active().id());
                changes.unwrap()
            }
        };
        self.judge(&before, &changes);
        let before = ids(&self.ring);
        let changes = self.ring.tend(self.moment, &self.policy, fresh);
        self.judge(&before, &changes);
        self.note();
    }

    fn note(&mut self) {
        for id in ids(&self.ring) {
            self.published.entry(id).or_insert(self.real);
        }
        self.signed.insert(self.ring.active().id(), self.real);
    }

    /// Whatever happened: nobody was hurried, and the changes tell all of it.
    fn judge(&self, before: &[KeyId], changes: &[Change]) {
        let after = ids(&self.ring);
        let mut expected: Vec<KeyId> = before.to_vec();
        for change in changes {
            match *change {
                Change::Published(id) => expected.push(id),
                Change::Activated(id) => {
                    if !expected.contains(&id) {
                        expected.push(id);
                    }
                    let known = self.published.get(&id).map(|at| self.real - at);
                    let waited = known >= Some(PUBLISHED_BEFORE.as_secs());
                    assert!(
                        waited || self.forced.contains(&id),
                        "{id} signs after {known:?}"
                    );
                }
                Change::Retired(id) => assert!(after.contains(&id)),
                Change::Removed(id) => {
                    expected.retain(|key| *key != id);
                    let idle = self.signed.get(&id).map(|at| self.real - at);
                    let outlived = idle.is_none_or(|idle| idle >= PUBLISHED_AFTER.as_secs());
                    assert!(outlived, "{id} is gone {idle:?} s after it signed");
                }
                Change::Revoked(id) => expected.retain(|key| *key != id),
            }
        }
        let sorted = |ids: &[KeyId]| {
            let mut names: Vec<String> = ids.iter().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(sorted(&after), sorted(&expected));
        assert!(after.len() <= 2 + MOST_RETIRED);
        assert_eq!(
            states(&self.ring)
                .iter()
                .filter(|s| **s == State::Active)
                .count(),
            1
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_hurries_a_key_and_one_always_signs(acts in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new();
        world.note();
        for act in &acts {
            world.step(act);
        }
    }
}
