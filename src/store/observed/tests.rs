use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::store::Row;
use crate::store::memory::MemoryStore;
use std::future::pending;
use std::mem::take;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(Tree, Vec<u8>)>>);

impl Watcher for Heard {
    fn changed(&self, tree: Tree, key: &[u8]) {
        self.0.lock().unwrap().push((tree, key.to_vec()));
    }

    fn all_changed(&self) {
        self.changed(Tree::Meta, b"all");
    }
}

impl Heard {
    fn all(&self) -> Vec<(Tree, Vec<u8>)> {
        take(&mut *self.0.lock().unwrap())
    }
}

/// How the swaps of a broken store end.
#[derive(Debug)]
enum Broken {
    Fails,
    Hangs,
}

impl Store for Broken {
    fn get<'a>(&'a self, _: Tree, _: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async { Ok(None) })
    }

    fn swap<'a>(
        &'a self,
        _: &'a [Change<'a>],
        _: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        match self {
            Self::Fails => Box::pin(async { Err(Error::Io("disk full".to_owned())) }),
            Self::Hangs => Box::pin(pending()),
        }
    }

    fn scan<'a>(
        &'a self,
        _: Tree,
        _: &'a [u8],
        _: Option<&'a [u8]>,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

fn watched<S: Store>(inner: S) -> (Observed<S>, Arc<Heard>) {
    let store = Observed::new(inner);
    let heard = Arc::new(Heard::default());
    store.watch(Arc::<Heard>::clone(&heard));
    (store, heard)
}

fn write(tree: Tree) -> Change<'static> {
    let new = Some(Row {
        value: b"",
        expires: None,
    });
    Change {
        tree,
        key: b"k",
        expect: None,
        new,
    }
}

#[tokio::test]
async fn every_watcher_hears_of_every_changed_row() {
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let (store, heard) = watched(MemoryStore::new(Arc::new(clock)));
    let second = Arc::new(Heard::default());
    store.watch(Arc::<Heard>::clone(&second));
    let changes = [write(Tree::Accounts), write(Tree::Sessions)];
    let done = store.swap(&changes, Durability::Relaxed).await.unwrap();
    assert_eq!(done, Swap::Done);
    let expected = [Tree::Accounts, Tree::Sessions].map(|tree| (tree, b"k".to_vec()));
    assert_eq!(heard.all(), expected);
    assert_eq!(second.all(), expected);
    let version = store
        .get(Tree::Sessions, b"k")
        .await
        .unwrap()
        .unwrap()
        .version;
    let removal = Change {
        expect: Some(&version),
        new: None,
        ..write(Tree::Sessions)
    };
    let done = store.swap(&[removal], Durability::Synced).await.unwrap();
    assert_eq!((done, heard.all()), (Swap::Done, expected[1..].to_vec()));
}

#[tokio::test]
async fn a_conflict_changes_nothing_and_tells_nothing() {
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let (store, heard) = watched(MemoryStore::new(Arc::new(clock)));
    let change = [write(Tree::Accounts)];
    let done = store.swap(&change, Durability::Synced).await.unwrap();
    assert_eq!((done, heard.all().len()), (Swap::Done, 1));
    let done = store.swap(&change, Durability::Synced).await.unwrap();
    assert_eq!((done, heard.all().len()), (Swap::Conflict, 0));
}

#[tokio::test]
async fn a_failed_swap_may_have_changed_something_and_is_told() {
    let (store, heard) = watched(Broken::Fails);
    let failed = store
        .swap(&[write(Tree::Accounts)], Durability::Synced)
        .await;
    assert!(failed.is_err());
    assert_eq!(heard.all(), [(Tree::Accounts, b"k".to_vec())]);
}

#[test]
fn a_swap_whose_caller_went_away_is_told() {
    let (store, heard) = watched(Broken::Hangs);
    let changes = [write(Tree::Accounts)];
    let mut swap = store.swap(&changes, Durability::Synced);
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(swap.as_mut().poll(&mut context), Poll::Pending));
    assert_eq!(heard.all(), []);
    drop(swap);
    assert_eq!(heard.all(), [(Tree::Accounts, b"k".to_vec())]);
}

#[test]
fn every_watcher_hears_that_all_may_have_changed() {
    let (store, heard) = watched(Broken::Fails);
    store.all_changed();
    assert_eq!(heard.all(), [(Tree::Meta, b"all".to_vec())]);
}
