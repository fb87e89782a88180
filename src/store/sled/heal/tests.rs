use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::secret::Key;
use crate::store::manifest::ManifestKeys;
use crate::store::sled::engine::attempt;
use crate::store::{Change, Durability, Row, Store, Swap, Tree};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

fn created() -> (TempDir, SledStore) {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let keys = ManifestKeys::new(&Key::from_bytes([7; 32]), b"instance");
    let store = SledStore::create(&folder.path().join("store"), keys, Arc::new(clock)).unwrap();
    (folder, store)
}

async fn write(store: &SledStore, key: &[u8]) -> Result<Swap, Error> {
    let change = Change {
        tree: Tree::Accounts,
        key,
        expect: None,
        new: Some(Row {
            value: key,
            expires: None,
        }),
    };
    store.swap(&[change], Durability::Synced).await
}

/// As a full disk or a failed sync leaves it.
fn fail(store: &SledStore) {
    let full = || Err::<(), _>(::sled::Error::Io(std::io::Error::other("disk full")));
    attempt(&store.database().unwrap().failure, full).unwrap_err();
}

#[tokio::test]
async fn a_failed_store_heals_and_keeps_what_it_acknowledged() {
    let (_folder, store) = created();
    let told = AtomicUsize::new(0);
    let heal = || {
        store.heal(|| {
            told.fetch_add(1, Ordering::Relaxed);
        })
    };
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    assert!(matches!(heal(), Health::Well));
    fail(&store);
    assert!(store.ping().await.is_err());
    assert!(write(&store, b"b").await.is_err());
    assert!(matches!(heal(), Health::Healed));
    store.ping().await.unwrap();
    assert!(store.get(Tree::Accounts, b"a").await.unwrap().is_some());
    assert_eq!(write(&store, b"b").await.unwrap(), Swap::Done);
    assert!(matches!(heal(), Health::Well));
    assert_eq!(told.into_inner(), 1);
}

#[tokio::test]
async fn a_store_that_lost_a_row_while_it_ran_is_red_and_stays_closed() {
    let (_folder, store) = created();
    for key in [b"a", b"b"] {
        assert_eq!(write(&store, key).await.unwrap(), Swap::Done);
    }
    store.database().unwrap().rows.remove(b"\x01a").unwrap();
    store.ping().await.unwrap();
    let walked = store.walk(|_| Ok::<_, std::convert::Infallible>(()));
    let words = "Accounts lost 1 of 2 rows";
    assert_eq!(walked.unwrap_err().to_string(), words);
    let expected = format!("store: it is damaged: {words}");
    assert_eq!(store.ping().await.unwrap_err().to_string(), expected);
    assert!(write(&store, b"c").await.is_err());
    for _ in 0..2 {
        let health = store.heal(|| panic!("nothing was opened"));
        assert!(
            matches!(&health, Health::Damaged(error) if error.to_string().ends_with(words)),
            "{health:?}"
        );
        assert!(store.get(Tree::Accounts, b"b").await.is_err());
        assert!(store.ping().await.is_err());
    }
}

#[tokio::test]
async fn a_store_whose_last_acknowledged_write_is_gone_stays_closed() {
    let (folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    let older = std::fs::read(folder.path().join("store/db")).unwrap();
    assert_eq!(write(&store, b"b").await.unwrap(), Swap::Done);
    fail(&store);
    let closed = Error::Io("closed".to_owned());
    assert!(store.close(&mut store.healing.lock().unwrap(), &closed));
    std::fs::write(folder.path().join("store/db"), older).unwrap();
    let health = store.heal(|| panic!("nothing was opened"));
    assert!(matches!(health, Health::Damaged(_)), "{health:?}");
}

#[tokio::test]
async fn what_still_reads_delays_the_closing_and_does_not_break_it() {
    let (_folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    fail(&store);
    let store = Arc::new(store);
    let reading = store.database().unwrap();
    let healing = Arc::clone(&store);
    let healing = std::thread::spawn(move || healing.heal(|| ()));
    // Closed to all who come now.
    while store.database().is_ok() {
        std::thread::yield_now();
    }
    assert!(store.get(Tree::Accounts, b"a").await.is_err());
    assert!(reading.get(b"\x01a").unwrap().is_some());
    drop(reading);
    assert!(matches!(healing.join().unwrap(), Health::Healed));
    assert!(store.get(Tree::Accounts, b"a").await.unwrap().is_some());
}

/// Which file the database is, however it is named.
fn inode(folder: &TempDir) -> u64 {
    let database = folder.path().join("store/db");
    std::fs::metadata(database).unwrap().ino()
}

#[tokio::test]
async fn while_someone_reads_the_failed_database_no_other_takes_its_place() {
    let (folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    fail(&store);
    let (reading, before) = (store.database().unwrap(), inode(&folder));
    for _ in 0..2 {
        let health = store.heal(|| panic!("nothing was opened"));
        assert!(matches!(health, Health::Failing(_)), "{health:?}");
        assert_eq!(inode(&folder), before);
        assert!(reading.get(b"\x01a").unwrap().is_some());
    }
    drop(reading);
    assert!(matches!(store.heal(|| ()), Health::Healed));
    assert_ne!(inode(&folder), before);
    assert!(store.get(Tree::Accounts, b"a").await.unwrap().is_some());
}

#[tokio::test]
async fn an_engine_that_still_holds_the_file_is_not_passed_by() {
    let (folder, store) = created();
    fail(&store);
    let closed = Error::Io("closed".to_owned());
    assert!(store.close(&mut store.healing.lock().unwrap(), &closed));
    let holder = File::open(folder.path().join("store/db")).unwrap();
    holder.lock().unwrap();
    let before = inode(&folder);
    let health = store.heal(|| panic!("nothing was opened"));
    assert!(matches!(health, Health::Failing(_)), "{health:?}");
    assert_eq!(inode(&folder), before);
    drop(holder);
    assert!(matches!(store.heal(|| ()), Health::Healed));
}

#[tokio::test]
async fn a_damaged_store_is_written_anew_once_and_drafts_are_cleared_away() {
    let (folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    store.database().unwrap().rows.remove(b"\x01a").unwrap();
    fail(&store);
    let draft = folder.path().join("store/db.new.new");
    std::fs::write(&draft, b"left over").unwrap();
    let mut seen = vec![inode(&folder)];
    for _ in 0..3 {
        let health = store.heal(|| panic!("nothing was opened"));
        assert!(matches!(health, Health::Damaged(_)), "{health:?}");
        seen.push(inode(&folder));
    }
    assert_ne!(seen[0], seen[1]);
    assert_eq!(seen[1..], [seen[1]; 3]);
    assert!(!draft.exists());
}

#[tokio::test]
async fn a_store_that_is_about_to_end_is_not_opened_again() {
    let (folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    fail(&store);
    let before = inode(&folder);
    store.stop_walks();
    let health = store.heal(|| panic!("nothing was opened"));
    assert!(matches!(health, Health::Failing(_)), "{health:?}");
    assert_eq!(inode(&folder), before);
    // Reads go on.
    assert!(store.get(Tree::Accounts, b"a").await.unwrap().is_some());
}

#[tokio::test]
async fn an_opening_that_is_told_to_stop_finds_no_damage() {
    let (_folder, store) = created();
    let closed = Error::Io("closed".to_owned());
    assert!(store.close(&mut store.healing.lock().unwrap(), &closed));
    store.stop_walks();
    let opened = store.open_anew(&mut Healing::default());
    assert!(!opened.err().unwrap().is_lasting());
}

#[tokio::test]
async fn a_panic_in_the_midst_of_healing_costs_one_try() {
    let (_folder, store) = created();
    assert_eq!(write(&store, b"a").await.unwrap(), Swap::Done);
    fail(&store);
    let broken = catch_unwind(AssertUnwindSafe(|| store.heal(|| panic!("as asked"))));
    assert!(broken.is_err());
    // What could not be told of is not served.
    assert!(store.ping().await.is_err());
    assert!(store.get(Tree::Accounts, b"a").await.is_err());
    assert!(matches!(store.heal(|| ()), Health::Healed));
    assert!(store.get(Tree::Accounts, b"a").await.unwrap().is_some());
    assert_eq!(write(&store, b"b").await.unwrap(), Swap::Done);
}
