//! What every store must do: one list of facts, run against each of them.

use crate::clock::{ManualClock, Timestamp};
use crate::secret::Key;
use crate::store::manifest::ManifestKeys;
use crate::store::memory::MemoryStore;
use crate::store::observed::Observed;
use crate::store::sealed::Sealed;
use crate::store::sled::SledStore;
use crate::store::table::{Record, Table, Then, UpdateError};
use crate::store::{
    Change, Durability, Error, MAX_CHANGES, MAX_KEY, MAX_VALUE, Row, Store, Swap, Tree, Version,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

mod crash;
mod damage;
mod power;

/// A store under test, and the clock that it looks at.
struct Subject {
    store: Arc<dyn Store>,
    clock: ManualClock,
    _folder: Option<TempDir>,
}

const START: Timestamp = Timestamp(1_000);

fn memory() -> Subject {
    let clock = ManualClock::starting_at(START);
    Subject {
        store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))),
        clock,
        _folder: None,
    }
}

fn on_disk(wrap: impl FnOnce(SledStore) -> Arc<dyn Store>) -> Subject {
    let clock = ManualClock::starting_at(START);
    let folder = TempDir::new().unwrap();
    let store = SledStore::create(
        &folder.path().join("store"),
        ManifestKeys::new(&Key::generate(), b"instance"),
        Arc::new(clock.clone()),
    )
    .unwrap();
    Subject {
        store: wrap(store),
        clock,
        _folder: Some(folder),
    }
}

fn sled() -> Subject {
    on_disk(|store| Arc::new(store))
}

fn sealed() -> Subject {
    on_disk(|store| Arc::new(Sealed::new(store, &Key::generate())))
}

fn observed() -> Subject {
    on_disk(|store| Arc::new(Observed::new(Sealed::new(store, &Key::generate()))))
}

macro_rules! facts {
    ($($fact:ident)*) => {
        facts!(@ memory $($fact)*);
        facts!(@ sled $($fact)*);
        facts!(@ sealed $($fact)*);
        facts!(@ observed $($fact)*);
    };
    (@ $subject:ident $($fact:ident)*) => {
        mod $subject {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $fact() {
                    crate::store::tests::$fact(&crate::store::tests::$subject()).await;
                }
            )*
        }
    };
}

facts! {
    a_stale_version_conflicts
    an_absent_row_is_expected_as_none
    several_rows_change_together_or_not_at_all
    an_expectation_alone_changes_nothing
    the_trees_are_apart
    a_removed_row_is_gone
    a_row_is_absent_from_its_expiry_on
    the_first_second_of_1970_is_an_expiry
    an_expired_row_is_replaced_like_an_absent_one
    a_scan_goes_in_key_order_by_prefix_after_and_limit
    a_scan_leaves_out_expired_rows
    the_longest_key_and_value_fit_and_longer_ones_are_refused
    a_row_named_twice_is_refused
    a_working_store_answers_a_ping
    sixty_four_updaters_count_exactly
    a_single_use_row_has_one_winner
}

impl Subject {
    async fn put(&self, tree: Tree, key: &[u8], value: &[u8], expires: Option<Timestamp>) -> Swap {
        let version = self.version(tree, key).await;
        let new = Some(Row { value, expires });
        self.swap(&[Change {
            tree,
            key,
            expect: version.as_ref(),
            new,
        }])
        .await
    }

    async fn swap(&self, changes: &[Change<'_>]) -> Swap {
        self.store.swap(changes, Durability::Synced).await.unwrap()
    }

    async fn version(&self, tree: Tree, key: &[u8]) -> Option<Version> {
        let found = self.store.get(tree, key).await.unwrap();
        found.map(|found| found.version)
    }

    async fn value(&self, tree: Tree, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.store.get(tree, key).await.unwrap();
        found.map(|found| found.value)
    }

    async fn keys(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
        let rows = self.store.scan(Tree::Sessions, prefix, after, limit).await;
        rows.unwrap().into_iter().map(|(key, _)| key).collect()
    }
}

fn change<'a>(key: &'a [u8], expect: Option<&'a Version>, value: &'a [u8]) -> Change<'a> {
    let expires = None;
    Change {
        tree: Tree::Accounts,
        key,
        expect,
        new: Some(Row { value, expires }),
    }
}

fn removal<'a>(key: &'a [u8], expect: Option<&'a Version>) -> Change<'a> {
    Change {
        tree: Tree::Accounts,
        key,
        expect,
        new: None,
    }
}

async fn a_stale_version_conflicts(on: &Subject) {
    assert_eq!(on.swap(&[change(b"k", None, b"1")]).await, Swap::Done);
    let first = on.version(Tree::Accounts, b"k").await;
    assert_eq!(
        on.swap(&[change(b"k", first.as_ref(), b"2")]).await,
        Swap::Done
    );
    assert_eq!(
        on.swap(&[change(b"k", first.as_ref(), b"3")]).await,
        Swap::Conflict
    );
    assert_eq!(
        on.swap(&[removal(b"k", first.as_ref())]).await,
        Swap::Conflict
    );
    assert_eq!(on.value(Tree::Accounts, b"k").await, Some(b"2".to_vec()));
}

async fn an_absent_row_is_expected_as_none(on: &Subject) {
    let other = Version(b"another".to_vec());
    assert_eq!(
        on.swap(&[change(b"k", Some(&other), b"1")]).await,
        Swap::Conflict
    );
    assert_eq!(on.swap(&[change(b"k", None, b"1")]).await, Swap::Done);
    assert_eq!(on.swap(&[change(b"k", None, b"2")]).await, Swap::Conflict);
    assert_eq!(on.value(Tree::Accounts, b"k").await, Some(b"1".to_vec()));
}

async fn several_rows_change_together_or_not_at_all(on: &Subject) {
    assert_eq!(
        on.swap(&[change(b"a", None, b"1"), change(b"b", None, b"1")])
            .await,
        Swap::Done
    );
    let a = on.version(Tree::Accounts, b"a").await;
    let b = on.version(Tree::Accounts, b"b").await;
    let stale = [
        change(b"a", a.as_ref(), b"2"),
        change(b"c", None, b"2"),
        removal(b"b", None),
    ];
    assert_eq!(on.swap(&stale).await, Swap::Conflict);
    assert_eq!(on.value(Tree::Accounts, b"a").await, Some(b"1".to_vec()));
    assert_eq!(on.value(Tree::Accounts, b"c").await, None);
    let right = [
        change(b"a", a.as_ref(), b"2"),
        change(b"c", None, b"2"),
        removal(b"b", b.as_ref()),
    ];
    assert_eq!(on.swap(&right).await, Swap::Done);
    assert_eq!(on.value(Tree::Accounts, b"a").await, Some(b"2".to_vec()));
    assert_eq!(on.value(Tree::Accounts, b"b").await, None);
    assert_eq!(on.value(Tree::Accounts, b"c").await, Some(b"2".to_vec()));
}

async fn an_expectation_alone_changes_nothing(on: &Subject) {
    assert_eq!(on.swap(&[]).await, Swap::Done);
    assert_eq!(on.swap(&[removal(b"k", None)]).await, Swap::Done);
    assert_eq!(on.value(Tree::Accounts, b"k").await, None);
    assert_eq!(on.swap(&[change(b"k", None, b"1")]).await, Swap::Done);
    assert_eq!(on.swap(&[removal(b"k", None)]).await, Swap::Conflict);
}

async fn the_trees_are_apart(on: &Subject) {
    let trees = [
        Tree::Accounts,
        Tree::Usernames,
        Tree::FirstFactorSessions,
        Tree::Sessions,
        Tree::SigningKeys,
        Tree::Meta,
    ];
    for tree in trees {
        assert_eq!(on.value(tree, b"k").await, None);
        assert_eq!(
            on.put(tree, b"k", format!("{tree:?}").as_bytes(), None)
                .await,
            Swap::Done
        );
    }
    for tree in trees {
        let own = format!("{tree:?}").into_bytes();
        assert_eq!(on.value(tree, b"k").await, Some(own.clone()));
        let rows = on.store.scan(tree, b"", None, 10).await.unwrap();
        assert_eq!(rows, [(b"k".to_vec(), own)]);
    }
}

async fn a_removed_row_is_gone(on: &Subject) {
    assert_eq!(on.swap(&[change(b"k", None, b"1")]).await, Swap::Done);
    let version = on.version(Tree::Accounts, b"k").await;
    assert_eq!(
        on.swap(&[removal(b"k", version.as_ref())]).await,
        Swap::Done
    );
    assert_eq!(on.value(Tree::Accounts, b"k").await, None);
    assert_eq!(
        on.swap(&[removal(b"k", version.as_ref())]).await,
        Swap::Conflict
    );
    assert_eq!(on.swap(&[change(b"k", None, b"2")]).await, Swap::Done);
}

async fn a_row_is_absent_from_its_expiry_on(on: &Subject) {
    let expires = START.plus(Duration::from_secs(10));
    assert_eq!(
        on.put(Tree::Sessions, b"k", b"1", Some(expires)).await,
        Swap::Done
    );
    on.clock.advance(Duration::from_secs(9));
    assert_eq!(on.value(Tree::Sessions, b"k").await, Some(b"1".to_vec()));
    on.clock.advance(Duration::from_secs(1));
    assert_eq!(on.value(Tree::Sessions, b"k").await, None);
}

async fn the_first_second_of_1970_is_an_expiry(on: &Subject) {
    assert_eq!(
        on.put(Tree::Sessions, b"k", b"1", Some(Timestamp(0))).await,
        Swap::Done
    );
    assert_eq!(on.value(Tree::Sessions, b"k").await, None);
}

async fn an_expired_row_is_replaced_like_an_absent_one(on: &Subject) {
    let expires = Some(START.plus(Duration::from_secs(10)));
    assert_eq!(
        on.put(Tree::Sessions, b"k", b"1", expires).await,
        Swap::Done
    );
    let old = on.version(Tree::Sessions, b"k").await;
    on.clock.advance(Duration::from_secs(10));
    let write = |expect| Change {
        tree: Tree::Sessions,
        key: b"k",
        expect,
        new: Some(Row {
            value: b"2",
            expires: None,
        }),
    };
    assert_eq!(on.swap(&[write(old.as_ref())]).await, Swap::Conflict);
    assert_eq!(on.swap(&[write(None)]).await, Swap::Done);
    assert_eq!(on.value(Tree::Sessions, b"k").await, Some(b"2".to_vec()));
}

async fn a_scan_goes_in_key_order_by_prefix_after_and_limit(on: &Subject) {
    let keys: [&[u8]; 7] = [b"b", b"a\0", b"a", b"a\xff", b"ab", b"", b"\xff\xff"];
    for key in keys {
        assert_eq!(on.put(Tree::Sessions, key, key, None).await, Swap::Done);
    }
    assert_eq!(
        on.put(Tree::SigningKeys, b"a", b"other tree", None).await,
        Swap::Done
    );
    let all: [&[u8]; 7] = [b"", b"a", b"a\0", b"ab", b"a\xff", b"b", b"\xff\xff"];
    assert_eq!(on.keys(b"", None, 10).await, all);
    assert_eq!(on.keys(b"", None, 2).await, all[..2]);
    assert_eq!(on.keys(b"", None, 0).await, all[..0]);
    assert_eq!(on.keys(b"a", None, 10).await, all[1..5]);
    assert_eq!(on.keys(b"a", Some(b"a\0"), 10).await, all[3..5]);
    assert_eq!(on.keys(b"a", Some(b"a\0"), 1).await, all[3..4]);
    // `after` need not be a row, and may lie before or behind the prefix.
    assert_eq!(on.keys(b"a", Some(b"a\x01"), 10).await, all[3..5]);
    assert_eq!(on.keys(b"b", Some(b"a"), 10).await, all[5..6]);
    assert_eq!(on.keys(b"a", Some(b"b"), 10).await, all[..0]);
    assert_eq!(on.keys(b"\xff", Some(b"\xff"), 10).await, all[6..]);
}

async fn a_scan_leaves_out_expired_rows(on: &Subject) {
    for (key, seconds) in [(b"a", 10), (b"b", 30), (b"c", 10), (b"d", 30)] {
        let expires = Some(START.plus(Duration::from_secs(seconds)));
        assert_eq!(on.put(Tree::Sessions, key, b"", expires).await, Swap::Done);
    }
    on.clock.advance(Duration::from_secs(20));
    assert_eq!(on.keys(b"", None, 10).await, [b"b", b"d"]);
    assert_eq!(on.keys(b"", None, 1).await, [b"b"]);
}

async fn the_longest_key_and_value_fit_and_longer_ones_are_refused(on: &Subject) {
    // What sealing adds has to fit too.
    let value = vec![7; MAX_VALUE - 64];
    let key = vec![7; MAX_KEY];
    assert_eq!(on.put(Tree::Accounts, &key, &value, None).await, Swap::Done);
    assert_eq!(on.value(Tree::Accounts, &key).await, Some(value));
    let too_long = vec![7; MAX_KEY + 1];
    let refused = on
        .store
        .swap(&[change(&too_long, None, b"")], Durability::Synced)
        .await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let refused = on.store.get(Tree::Accounts, &too_long).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let too_long = vec![7; MAX_VALUE + 1];
    let refused = on
        .store
        .swap(&[change(b"k", None, &too_long)], Durability::Synced)
        .await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

async fn a_row_named_twice_is_refused(on: &Subject) {
    let twice = [change(b"k", None, b"1"), change(b"k", None, b"2")];
    let refused = on.store.swap(&twice, Durability::Synced).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert_eq!(on.value(Tree::Accounts, b"k").await, None);
    let keys: Vec<Vec<u8>> = (0..=MAX_CHANGES)
        .map(|n| n.to_be_bytes().to_vec())
        .collect();
    let crowd: Vec<_> = keys.iter().map(|key| change(key, None, b"")).collect();
    assert_eq!(on.swap(&crowd[1..]).await, Swap::Done);
    let refused = on.store.swap(&crowd, Durability::Synced).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

async fn a_working_store_answers_a_ping(on: &Subject) {
    on.store.ping().await.unwrap();
}

/// A record for these tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    count: u64,
    #[serde(default)]
    expires: Option<Timestamp>,
}

impl Record for Counter {
    const TREE: Tree = Tree::Accounts;

    fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

fn table(on: &Subject) -> Table<Counter> {
    Table::new(Arc::clone(&on.store))
}

async fn sixty_four_updaters_count_exactly(on: &Subject) {
    let table = table(on);
    assert_eq!(
        table.insert(b"k", &Counter::default()).await.unwrap(),
        Swap::Done
    );
    let mut updaters = JoinSet::new();
    for _ in 0..64 {
        let table = table.clone();
        updaters.spawn(async move {
            let up = |counter: &mut Counter| {
                counter.count += 1;
                Ok::<u64, Infallible>(counter.count)
            };
            table.update(b"k", up).await.unwrap()
        });
    }
    let seen: BTreeSet<u64> = updaters.join_all().await.into_iter().collect();
    assert_eq!(seen, (1..=64).collect());
    assert_eq!(table.get(b"k").await.unwrap().unwrap().count, 64);
}

async fn a_single_use_row_has_one_winner(on: &Subject) {
    const ROWS: u64 = 200;
    let table = table(on);
    for n in 0..ROWS {
        let count = Counter {
            count: n,
            expires: None,
        };
        assert_eq!(
            table.insert(&n.to_be_bytes(), &count).await.unwrap(),
            Swap::Done
        );
    }
    let mut takers = JoinSet::new();
    for _ in 0..16 {
        let table = table.clone();
        takers.spawn(async move {
            let mut won = vec![];
            for n in 0..ROWS {
                let taken = table.take(&n.to_be_bytes()).await.unwrap();
                won.extend(taken.map(|counter| counter.count));
            }
            won
        });
    }
    let mut won: Vec<u64> = takers.join_all().await.into_iter().flatten().collect();
    won.sort_unstable();
    assert_eq!(won, (0..ROWS).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_update_that_is_refused_writes_nothing() {
    let on = memory();
    let table = table(&on);
    assert_eq!(
        table.insert(b"k", &Counter::default()).await.unwrap(),
        Swap::Done
    );
    let refuse = |counter: &mut Counter| {
        counter.count = 9;
        Err::<(), _>("no")
    };
    let refused = table.update(b"k", refuse).await;
    assert!(
        matches!(refused, Err(UpdateError::Refused("no"))),
        "{refused:?}"
    );
    assert_eq!(table.get(b"k").await.unwrap(), Some(Counter::default()));
}

#[tokio::test]
async fn an_update_may_end_in_removal() {
    let on = memory();
    let table = table(&on);
    assert_eq!(
        table.insert(b"k", &Counter::default()).await.unwrap(),
        Swap::Done
    );
    let up = |counter: &mut Counter| {
        counter.count += 1;
        let answer = counter.count;
        Ok::<_, Infallible>(if answer < 2 {
            Then::Write(answer)
        } else {
            Then::Remove(answer)
        })
    };
    assert_eq!(table.update_or_remove(b"k", up).await.unwrap(), 1);
    assert_eq!(table.get(b"k").await.unwrap().unwrap().count, 1);
    assert_eq!(table.update_or_remove(b"k", up).await.unwrap(), 2);
    assert_eq!(table.get(b"k").await.unwrap(), None);
    let missing = table.update_or_remove(b"k", up).await;
    assert!(matches!(missing, Err(UpdateError::Missing)), "{missing:?}");
}

#[tokio::test]
async fn an_update_gives_up_after_64_attempts() {
    let on = memory();
    let table = table(&on);
    assert_eq!(
        table.insert(b"k", &Counter::default()).await.unwrap(),
        Swap::Done
    );
    let mut calls = 0;
    let outrun = |_: &mut Counter| {
        calls += 1;
        // Another writer comes in between, every time.
        let other = futures_now(on.put(Tree::Accounts, b"k", b"\x01{\"count\":0}", None));
        assert_eq!(other, Swap::Done);
        Ok::<_, Infallible>(())
    };
    let contended = table.update(b"k", outrun).await;
    assert!(
        matches!(contended, Err(UpdateError::Contended)),
        "{contended:?}"
    );
    assert_eq!(calls, 64);
}

/// The answer of a future that does not wait.
fn futures_now<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("the memory store never waits"),
    }
}

#[tokio::test]
async fn a_record_expires_when_it_says_so() {
    let on = memory();
    let table = table(&on);
    let expires = Some(START.plus(Duration::from_secs(10)));
    let counter = Counter { count: 1, expires };
    assert_eq!(table.insert(b"k", &counter).await.unwrap(), Swap::Done);
    let extend = |counter: &mut Counter| {
        counter.expires = Some(START.plus(Duration::from_secs(20)));
        Ok::<_, Infallible>(())
    };
    table.update(b"k", extend).await.unwrap();
    on.clock.advance(Duration::from_secs(19));
    assert_eq!(table.get(b"k").await.unwrap().unwrap().count, 1);
    on.clock.advance(Duration::from_secs(1));
    assert_eq!(table.get(b"k").await.unwrap(), None);
}

#[tokio::test]
async fn only_records_of_the_known_version_and_size_are_decoded() {
    let on = memory();
    let table = table(&on);
    let mut long = b"\x01{\"count\":1".to_vec();
    long.resize(64 * 1024, b' ');
    long.push(b'}');
    let cases: [(&[u8], &str); 5] = [
        (b"", "empty"),
        (b"\x02{\"count\":1}", "unknown record version 2"),
        (b"\x01{\"count\":\"hunter2\"}", "Data at byte 18"),
        (b"\x01{\"count\":1", "Eof at byte 10"),
        (&long, "longer than 64 KiB"),
    ];
    for (bytes, reason) in cases {
        assert_eq!(on.put(Tree::Accounts, b"k", bytes, None).await, Swap::Done);
        let expected = format!("store: record in Accounts is damaged: {reason}");
        assert_eq!(table.get(b"k").await.unwrap_err().to_string(), expected);
        assert_eq!(
            table.scan(b"", None, 9).await.unwrap_err().to_string(),
            expected
        );
    }
    assert_eq!(
        on.put(Tree::Accounts, b"k", &long[1..], None).await,
        Swap::Done
    );
    assert!(table.get(b"k").await.is_err());
    assert_eq!(
        on.put(Tree::Accounts, b"k", b"\x01{\"count\":1,\"new\":2}", None)
            .await,
        Swap::Done
    );
    assert_eq!(table.get(b"k").await.unwrap().unwrap().count, 1);
}
