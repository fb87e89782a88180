use super::*;
use crate::clock::ManualClock;
use crate::secret::Key;
use crate::store::Row;
use crate::store::sled::engine::{attempt, guarded};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

const START: Timestamp = Timestamp(1_000);

fn keys() -> ManifestKeys {
    ManifestKeys::new(&Key::from_bytes([7; 32]), b"instance")
}

fn created() -> (TempDir, SledStore, ManualClock) {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::starting_at(START);
    let store = SledStore::create(&database(&folder), keys(), Arc::new(clock.clone())).unwrap();
    (folder, store, clock)
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("store")
}

fn written<'a>(key: &'a [u8], expires: Option<Timestamp>) -> Change<'a> {
    Change {
        tree: Tree::Sessions,
        key,
        expect: None,
        new: Some(Row {
            value: key,
            expires,
        }),
    }
}

async fn sessions(store: &SledStore) -> Vec<Vec<u8>> {
    let rows = store.scan(Tree::Sessions, b"", None, 100).await.unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

/// How many rows there are, expired ones too.
fn stored(store: &SledStore) -> usize {
    // One of them is the manifest.
    store.database().unwrap().rows.len() - 1
}

#[tokio::test]
async fn only_what_must_be_durable_waits_for_the_disk() {
    let (_folder, store, _clock) = created();
    let done = store
        .swap(&[written(b"a", None)], Durability::Relaxed)
        .await;
    assert_eq!((done.unwrap(), store.syncs()), (Swap::Done, 0));
    let done = store.swap(&[written(b"b", None)], Durability::Synced).await;
    assert_eq!((done.unwrap(), store.syncs()), (Swap::Done, 1));
    let lost = store.swap(&[written(b"b", None)], Durability::Synced).await;
    assert_eq!((lost.unwrap(), store.syncs()), (Swap::Conflict, 1));
    // Who only expects gets a promise about what is there.
    let done = store.swap(&[], Durability::Synced).await;
    assert_eq!((done.unwrap(), store.syncs()), (Swap::Done, 2));
}

#[tokio::test]
async fn closing_keeps_relaxed_writes_and_frees_the_folder() {
    let (folder, store, clock) = created();
    let done = store
        .swap(&[written(b"a", None)], Durability::Relaxed)
        .await;
    assert_eq!(done.unwrap(), Swap::Done);
    let second = SledStore::open(&database(&folder), keys(), Arc::new(clock.clone()));
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    drop(store);
    let store = SledStore::open(&database(&folder), keys(), Arc::new(clock)).unwrap();
    assert_eq!(sessions(&store).await, [b"a"]);
}

#[tokio::test]
async fn a_sweep_removes_expired_rows_and_goes_on_where_it_stopped() {
    let (_folder, store, clock) = created();
    let soon = Some(START.plus(Duration::from_secs(10)));
    for (key, expires) in [
        (b"a", soon),
        (b"b", None),
        (b"c", soon),
        (b"d", None),
        (b"e", soon),
    ] {
        let done = store
            .swap(&[written(key, expires)], Durability::Relaxed)
            .await;
        assert_eq!(done.unwrap(), Swap::Done);
    }
    assert_eq!(store.sweep(clock.now(), 100).await.unwrap(), 0);
    clock.advance(Duration::from_secs(10));
    let now = clock.now();
    assert_eq!(stored(&store), 5);
    assert_eq!(store.sweep(now, 2).await.unwrap(), 1);
    assert_eq!(store.sweep(now, 2).await.unwrap(), 1);
    assert_eq!(stored(&store), 3);
    assert_eq!(store.sweep(now, 2).await.unwrap(), 1);
    assert_eq!(stored(&store), 2);
    // And from the beginning again.
    let done = store
        .swap(&[written(b"a", soon)], Durability::Relaxed)
        .await;
    assert_eq!(done.unwrap(), Swap::Done);
    assert_eq!(store.sweep(now, 1).await.unwrap(), 1);
    assert_eq!(sessions(&store).await, [b"b", b"d"]);
}

#[tokio::test]
async fn after_a_failure_nothing_is_written_but_reads_go_on() {
    let (_folder, store, clock) = created();
    let done = store.swap(&[written(b"a", None)], Durability::Synced).await;
    assert_eq!(done.unwrap(), Swap::Done);
    let full = || Err::<(), _>(sled::Error::Io(std::io::Error::other("disk full")));
    attempt(&store.database().unwrap().failure, full).unwrap_err();
    let expected = "store: IO error: disk full";
    let refused = store
        .swap(&[written(b"b", None)], Durability::Relaxed)
        .await;
    assert_eq!(refused.unwrap_err().to_string(), expected);
    assert_eq!(store.ping().await.unwrap_err().to_string(), expected);
    assert_eq!(
        store.sweep(clock.now(), 1).await.unwrap_err().to_string(),
        expected
    );
    assert_eq!(
        store
            .database()
            .unwrap()
            .flusher
            .synced()
            .await
            .unwrap_err()
            .to_string(),
        expected
    );
    assert_eq!(sessions(&store).await, [b"a"]);
    assert!(store.get(Tree::Sessions, b"a").await.unwrap().is_some());
}

#[test]
fn a_panic_of_the_engine_is_an_error_that_stays() {
    let failure = OnceLock::new();
    let panics = || -> Result<(), sled::Error> { panic!("page {} is gone", 7) };
    let expected = "store: the database engine panicked: page 7 is gone";
    assert_eq!(attempt(&failure, panics).unwrap_err().to_string(), expected);
    assert_eq!(failure.get().unwrap().to_string(), expected);
}

#[tokio::test]
async fn a_row_shorter_than_its_header_is_damaged() {
    let (_folder, store, _clock) = created();
    store
        .database()
        .unwrap()
        .rows
        .insert(row::key(Tree::Sessions, b"a"), b"short")
        .unwrap();
    let read = store.get(Tree::Sessions, b"a").await;
    assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
    let read = store.scan(Tree::Sessions, b"", None, 9).await;
    assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
}

#[test]
fn a_panic_while_opening_is_an_error() {
    // What a damaged file does to the engine differs from run to run, so it is played here.
    let opened = guarded(Path::new("/data/store"), || {
        panic!("tried to read page {}", 7)
    });
    assert_eq!(
        opened.unwrap_err().to_string(),
        "the database in /data/store cannot be opened: the database engine panicked: tried to read page 7"
    );
}
