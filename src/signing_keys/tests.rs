//! One ring, however many want to change it, and whenever somebody goes away in between.

use super::*;
use crate::clock::ManualClock;
use crate::identity::ring::{PUBLISHED_BEFORE, State};
use crate::store::memory::MemoryStore;
use crate::store::observed::{Observed, Watcher};
use crate::store::{BoxFuture, Change, Entry, Found, Swap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const POLICY: Policy = Policy {
    algorithm: Algorithm::EdDsa,
    rotate: None,
};

/// Counts swaps.
#[derive(Debug, Default)]
struct Swaps(AtomicUsize);

impl Watcher for Swaps {
    fn changed(&self, tree: Tree, _: &[u8]) {
        assert_eq!(tree, Tree::SigningKeys);
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn all_changed(&self) {}
}

struct World {
    clock: ManualClock,
    store: Arc<dyn Store>,
    swaps: Arc<Swaps>,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::starting_at(Timestamp(1_700_000_000));
        let store = Observed::new(MemoryStore::new(Arc::new(clock.clone())));
        let swaps = Arc::new(Swaps::default());
        store.watch(Arc::clone(&swaps) as _);
        let store = Arc::new(store);
        Self {
            clock,
            store,
            swaps,
        }
    }

    /// As a process that starts on this store.
    async fn open(&self) -> SigningKeys {
        self.open_with(POLICY).await
    }

    async fn open_with(&self, policy: Policy) -> SigningKeys {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let parts = Parts {
            store: Arc::clone(&self.store),
            policy,
            audit: Audit::to_log(Arc::clone(&clock)),
            clock,
        };
        SigningKeys::open(parts).await.unwrap()
    }
}

fn held(keys: &SigningKeys) -> Vec<(KeyId, State)> {
    let in_force = keys.in_force();
    let stages = in_force.ring().stages(&POLICY);
    stages
        .iter()
        .map(|stage| (stage.key.id(), stage.state))
        .collect()
}

fn source() -> Source {
    Source::command_line()
}

#[tokio::test]
async fn the_first_start_makes_a_key_and_the_next_ones_keep_it() {
    let world = World::new();
    let first = held(&world.open().await);
    assert_eq!(held(&world.open().await), first);
    let other = Policy {
        algorithm: Algorithm::Es256,
        ..POLICY
    };
    assert_eq!(held(&world.open_with(other).await), first);
}

#[tokio::test]
async fn two_first_starts_at_once_make_one_key() {
    let world = World::new();
    let (one, other) = tokio::join!(world.open(), world.open());
    assert_eq!(held(&one), held(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rotations_at_once_publish_one_successor() {
    let world = World::new();
    let (here, there) = (world.open().await, world.open().await);
    let mut under_way = tokio::task::JoinSet::new();
    for at in 0..32 {
        let keys = if at % 2 == 0 { &here } else { &there }.clone();
        under_way.spawn(async move { keys.rotate(&source()).await.unwrap() });
    }
    under_way.join_all().await;
    let states: Vec<State> = held(&world.open().await).iter().map(|key| key.1).collect();
    assert_eq!(states, [State::Active, State::Next]);
    assert_eq!(held(&here), held(&there));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_destroy_one_key_one_succeeds() {
    let world = World::new();
    let (here, there) = (world.open().await, world.open().await);
    let leaked = here.in_force().active.id();
    let mut under_way = tokio::task::JoinSet::new();
    for at in 0..32 {
        let keys = if at % 2 == 0 { &here } else { &there }.clone();
        under_way.spawn(async move { keys.retire(leaked, &source()).await.is_ok() });
    }
    let done = under_way.join_all().await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    let states: Vec<State> = held(&world.open().await).iter().map(|key| key.1).collect();
    assert_eq!(states, [State::Active]);
}

#[tokio::test]
async fn a_change_is_made_also_when_who_asked_goes_away() {
    let world = World::new();
    let keys = world.open().await;
    let leaked = keys.in_force().active.id();
    let source = source();
    let turn = keys.0.changing.lock().await;
    tokio::select! {
        biased;
        _ = keys.retire(leaked, &source) => panic!("it is not its turn"),
        () = tokio::task::yield_now() => {}
    }
    drop(turn);
    // Its turn comes after that of the change.
    keys.rotate(&source).await.unwrap();
    assert_ne!(keys.in_force().active.id(), leaked);
}

#[tokio::test]
async fn the_store_is_left_alone_while_nothing_is_due() {
    let world = World::new();
    let keys = world.open().await;
    keys.rotate(&source()).await.unwrap();
    let before = world.swaps.0.load(Ordering::SeqCst);
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(10));
        keys.tend().await.unwrap();
    }
    assert_eq!(world.swaps.0.load(Ordering::SeqCst), before);
    world.clock.advance(PUBLISHED_BEFORE);
    keys.tend().await.unwrap();
    assert_eq!(world.swaps.0.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn what_others_changed_is_in_force_within_a_minute() {
    let world = World::new();
    let (here, there) = (world.open().await, world.open().await);
    there.rotate_now(&source()).await.unwrap();
    assert_ne!(held(&here), held(&there));
    here.tend().await.unwrap();
    assert_eq!(held(&here), held(&there));
}

#[tokio::test]
async fn what_signs_is_what_is_published_and_stored() {
    let world = World::new();
    let keys = world.open().await;
    keys.rotate_now(&source()).await.unwrap();
    keys.rotate(&source()).await.unwrap();
    let in_force = keys.in_force();
    let set: serde_json::Value = serde_json::from_slice(&in_force.published.json).unwrap();
    let published = set["keys"].as_array().unwrap().iter();
    let published: Vec<&str> = published.map(|key| key["kid"].as_str().unwrap()).collect();
    let all: Vec<String> = held(&keys).iter().map(|key| key.0.to_string()).collect();
    assert_eq!(published, all);
    assert_eq!(in_force.active.id().to_string(), all[0]);
    assert_eq!(held(&world.open().await), held(&keys));
}

#[tokio::test]
async fn a_ring_that_is_lost_while_running_is_an_error_and_the_keys_stay_in_force() {
    let world = World::new();
    let keys = world.open().await;
    let before = held(&keys);
    let table: Table<KeyRing> = Table::new(Arc::clone(&world.store));
    table.remove(RING).await.unwrap();
    assert!(keys.tend().await.is_err());
    assert!(keys.rotate(&source()).await.is_err());
    assert_eq!(held(&keys), before);
}

/// A store whose failure shows in a ping alone, as sled's does in a read.
#[derive(Debug)]
struct Failing(Arc<dyn Store>, AtomicBool);

impl Store for Failing {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        self.0.get(tree, key)
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        self.0.swap(changes, durability)
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.0.scan(tree, prefix, after, limit)
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        let failed = self.1.load(Ordering::SeqCst);
        Box::pin(async move {
            if failed {
                return Err(Error::Io("failed".to_owned()));
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn what_a_failed_store_shows_is_not_taken_over_until_it_is_well() {
    let mut world = World::new();
    let there = world.open().await;
    let failing = Arc::new(Failing(Arc::clone(&world.store), AtomicBool::new(true)));
    world.store = Arc::clone(&failing) as _;
    let here = world.open().await;
    let before = held(&here);
    there.rotate(&source()).await.unwrap();
    assert!(here.tend().await.is_err());
    // Nothing is left to do for it: a change that only reads.
    assert!(here.rotate(&source()).await.is_err());
    assert_eq!(held(&here), before);
    failing.1.store(false, Ordering::SeqCst);
    here.tend().await.unwrap();
    assert_eq!(held(&here), held(&there));
}
