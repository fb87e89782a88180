use super::*;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::secret::Key;
use crate::store::manifest::ManifestKeys;
use crate::store::sled::SledStore;
use crate::store::{Change, Durability, Store, Swap};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

type Rows = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

fn created() -> (TempDir, Arc<SledStore>, ManualClock) {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let keys = ManifestKeys::new(&Key::from_bytes([7; 32]), b"instance");
    let place = folder.path().join("store");
    let store = SledStore::create(&place, keys, Arc::new(clock.clone())).unwrap();
    (folder, Arc::new(store), clock)
}

/// Writes or removes the row, whatever it was.
async fn set(store: &SledStore, tree: Tree, key: &[u8], value: Option<&[u8]>) {
    loop {
        let found = store.get(tree, key).await.unwrap();
        let change = Change {
            tree,
            key,
            expect: found.as_ref().map(|found| &found.version),
            new: value.map(|value| Row {
                value,
                expires: None,
            }),
        };
        match store.swap(&[change], Durability::Relaxed).await.unwrap() {
            Swap::Done => return,
            Swap::Conflict => {}
        }
    }
}

async fn fill(store: &SledStore, rows: u32) {
    for number in 0..rows {
        let tree = Tree::ALL[(number % 6) as usize];
        set(store, tree, &number.to_be_bytes(), Some(b"first")).await;
    }
}

fn note(seen: &mut Rows, event: Event<'_>) {
    match event {
        Event::Present { tree, key, row } => {
            seen.insert((tree, key.to_vec()), row.value.to_vec());
        }
        Event::Removed { tree, key } => {
            seen.remove(&(tree, key.to_vec()));
        }
    }
}

fn walked(store: &SledStore, mut between: impl FnMut(usize)) -> (Rows, Manifest) {
    let (mut seen, mut events) = (Rows::new(), 0);
    let walk = store.walk(|event| {
        note(&mut seen, event);
        between(events);
        events += 1;
        Ok::<_, Infallible>(())
    });
    (seen, walk.unwrap())
}

async fn stored(store: &SledStore) -> Rows {
    let mut rows = Rows::new();
    for tree in Tree::ALL {
        for (key, value) in store.scan(tree, b"", None, usize::MAX).await.unwrap() {
            rows.insert((tree, key), value);
        }
    }
    rows
}

#[tokio::test]
async fn a_walk_tells_of_every_row_expired_ones_too() {
    let (_folder, store, clock) = created();
    fill(&store, 1_000).await;
    let row = Row {
        value: b"short",
        expires: Some(clock.now().plus(Duration::from_secs(5))),
    };
    let change = Change {
        tree: Tree::Sessions,
        key: b"k",
        expect: None,
        new: Some(row),
    };
    let done = store.swap(&[change], Durability::Relaxed).await.unwrap();
    assert_eq!(done, Swap::Done);
    clock.advance(Duration::from_secs(5));
    let mut expiry = None;
    let manifest = store
        .walk(|event| {
            if let Event::Present { key: b"k", row, .. } = event {
                expiry = Some((row.value.to_vec(), row.expires));
            }
            Ok::<_, Infallible>(())
        })
        .unwrap();
    assert_eq!(expiry, Some((b"short".to_vec(), row.expires)));
    // The first transaction made the database.
    assert_eq!(manifest.sequence(), 1_002);
    assert_eq!(
        Tree::ALL.map(|tree| manifest.rows(tree)),
        [167, 167, 167, 168, 166, 166]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_walk_saw_is_the_database_at_its_end() {
    let (_folder, store, clock) = created();
    fill(&store, 2_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3_u32)
        .map(|writer| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut number = writer;
                while !stop.load(Ordering::Relaxed) {
                    number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = number >> 8;
                    let tree = Tree::ALL[(at % 6) as usize];
                    let value = (number >> 20).to_be_bytes();
                    let value = (at % 3 > 0).then_some(value.as_slice());
                    set(&store, tree, &(at % 2_500).to_be_bytes(), value).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let walking = Arc::clone(&store);
        let (seen, manifest) = spawn_blocking(move || walked(&walking, |_| ()))
            .await
            .unwrap();
        for tree in Tree::ALL {
            let rows = seen.keys().filter(|(one, _)| *one == tree).count();
            assert_eq!(manifest.rows(tree), rows as u64, "{tree:?}");
        }
        // Two passes of the sweep in between: it goes through the same book.
        store.sweep(clock.now(), 100).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let (seen, _) = walked(&store, |_| ());
    assert!(seen == stored(&store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_behind_ahead_and_at_the_cursor_is_seen() {
    let (_folder, store, _clock) = created();
    fill(&store, 1_500).await;
    let runtime = tokio::runtime::Handle::current();
    let writing = Arc::clone(&store);
    let (seen, after) = spawn_blocking(move || {
        let walking = Arc::clone(&writing);
        let seen = walked(&walking, |events| {
            // In the midst of the second chunk.
            if events == CHUNK + 10 {
                runtime.block_on(async {
                    set(
                        &writing,
                        Tree::Accounts,
                        &0_u32.to_be_bytes(),
                        Some(b"second"),
                    )
                    .await;
                    set(&writing, Tree::Accounts, &6_u32.to_be_bytes(), None).await;
                    set(&writing, Tree::Accounts, b"new", Some(b"new")).await;
                    set(&writing, Tree::Meta, &5_u32.to_be_bytes(), Some(b"second")).await;
                    set(&writing, Tree::Meta, &11_u32.to_be_bytes(), None).await;
                });
            }
        });
        let after = runtime.block_on(stored(&writing));
        (seen.0, after)
    })
    .await
    .unwrap();
    assert!(seen == after);
    assert_eq!(
        seen.get(&(Tree::Accounts, 0_u32.to_be_bytes().to_vec())),
        Some(&b"second".to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_are_faster_than_a_walk_end_it() {
    let (_folder, store, _clock) = created();
    fill(&store, 20_000).await;
    let runtime = tokio::runtime::Handle::current();
    let writing = Arc::clone(&store);
    let ended = spawn_blocking(move || {
        let mut events = 0;
        writing.walk(|_| {
            events += 1;
            if events == 19_000 {
                runtime.block_on(async {
                    for number in 0..18_000_u32 {
                        let tree = Tree::ALL[(number % 6) as usize];
                        set(&writing, tree, &number.to_be_bytes(), Some(b"second")).await;
                    }
                });
            }
            Ok::<_, Infallible>(())
        })
    })
    .await
    .unwrap();
    assert!(matches!(ended, Err(WalkError::Outrun)), "{ended:?}");
    // And the next one has nothing of it.
    walked(&store, |_| ());
}

#[test]
fn a_walk_ends_while_a_writer_goes_on_and_on() {
    let (_folder, store, _clock) = created();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(fill(&store, 600));
    let mut events = 0_u32;
    // Each time that the walk has told of a row, there is another one to be read again.
    let walked = store.walk(|_| {
        events += 1;
        let value = events.to_be_bytes();
        runtime.block_on(set(&store, Tree::ALL[0], b"busy", Some(&value)));
        if events < 10_000 { Ok(()) } else { Err(events) }
    });
    assert!(walked.is_ok(), "{walked:?}");
}

#[tokio::test]
async fn a_visitor_may_give_up() {
    let (_folder, store, _clock) = created();
    fill(&store, 10).await;
    let ended = store.walk(|_| Err("enough"));
    assert!(
        matches!(ended, Err(WalkError::Visitor("enough"))),
        "{ended:?}"
    );
    walked(&store, |_| ());
}

#[tokio::test]
async fn what_changed_behind_our_back_is_noticed_and_stops_all_writes() {
    let key = [&[Tree::Accounts.tag()], 0_u32.to_be_bytes().as_slice()].concat();
    let lost = |rows: &::sled::Db| drop(rows.remove(&key).unwrap().unwrap());
    let moved = |rows: &::sled::Db| {
        let raw = rows.remove(&key).unwrap().unwrap();
        rows.insert(b"\x01else", raw).unwrap();
    };
    let strange = |rows: &::sled::Db| drop(rows.insert(b"\x09else", b"what is this").unwrap());
    let cases = [
        (&lost as &dyn Fn(&::sled::Db), "Accounts lost 1 of 10 rows"),
        (&moved, "Accounts has rows that were never written there"),
        (&strange, "1 rows belong to no tree"),
    ];
    for (damage, words) in cases {
        let (_folder, store, _clock) = created();
        fill(&store, 60).await;
        damage(&store.database().unwrap().rows);
        let walked = store.walk(|_| Ok::<_, Infallible>(()));
        assert_eq!(walked.unwrap_err().to_string(), words);
        let refused = store.ping().await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("store: it is damaged: {words}")
        );
    }
}

#[tokio::test]
async fn a_walk_ends_badly_when_the_engine_fails_meanwhile() {
    let (_folder, store, _clock) = created();
    set(&store, Tree::Accounts, b"a", Some(b"1")).await;
    let database = store.database().unwrap();
    let walked = store.walk(|_| {
        let _ = database.failure.set(Error::Io("disk full".to_owned()));
        Ok::<_, Infallible>(())
    });
    assert!(matches!(walked, Err(WalkError::Store(_))), "{walked:?}");
}

#[tokio::test]
async fn what_a_failed_engine_read_is_no_damage() {
    let (_folder, store, _clock) = created();
    fill(&store, 60).await;
    let database = store.database().unwrap();
    let key = [&[Tree::Accounts.tag()], 0_u32.to_be_bytes().as_slice()].concat();
    // As a transaction leaves it that failed half-way.
    database.rows.remove(&key).unwrap().unwrap();
    let walked = store.walk(|_| {
        let _ = database.failure.set(Error::Io("disk full".to_owned()));
        Ok::<_, Infallible>(())
    });
    assert!(matches!(walked, Err(WalkError::Store(_))), "{walked:?}");
}

#[tokio::test]
async fn a_walk_that_is_told_to_stop_gives_up_soon_and_those_after_it_at_once() {
    let (folder, store, clock) = created();
    fill(&store, 2_000).await;
    let mut events = 0;
    let stopped = store.walk(|_| {
        store.stop_walks();
        events += 1;
        Ok::<_, Infallible>(())
    });
    assert!(matches!(stopped, Err(WalkError::Stopped)), "{stopped:?}");
    assert_eq!(events, CHUNK);
    let stopped = store.walk(|_| -> Result<(), Infallible> { panic!("nothing is read") });
    assert!(matches!(stopped, Err(WalkError::Stopped)), "{stopped:?}");
    // It is not taken for a failure of the store.
    store.ping().await.unwrap();
    set(&store, Tree::Accounts, b"last", Some(b"kept")).await;
    drop(store);
    let keys = ManifestKeys::new(&Key::from_bytes([7; 32]), b"instance");
    let place = folder.path().join("store");
    let store = SledStore::open(&place, keys, Arc::new(clock)).unwrap();
    let last = store.get(Tree::Accounts, b"last").await.unwrap();
    assert_eq!(last.unwrap().value, b"kept");
}
