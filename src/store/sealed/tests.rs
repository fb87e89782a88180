use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::store::memory::MemoryStore;
use proptest::prelude::*;
use std::sync::Arc;

fn sealed(key: u8) -> Sealed<MemoryStore> {
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let inner = MemoryStore::new(Arc::new(clock));
    Sealed::new(inner, &Key::from_bytes([key; 32]))
}

async fn put(store: &impl Store, tree: Tree, key: &[u8], value: &[u8]) {
    let found = store.get(tree, key).await;
    let version = found.ok().flatten().map(|found| found.version);
    let new = Some(Row {
        value,
        expires: None,
    });
    let change = Change {
        tree,
        key,
        expect: version.as_ref(),
        new,
    };
    let done = store.swap(&[change], Durability::Synced).await.unwrap();
    assert_eq!(done, Swap::Done);
}

/// The value as the store inside has it.
async fn raw(store: &Sealed<MemoryStore>, tree: Tree, key: &[u8]) -> Vec<u8> {
    store.inner().get(tree, key).await.unwrap().unwrap().value
}

async fn refusal(store: &impl Store, tree: Tree, key: &[u8]) -> String {
    let got = store.get(tree, key).await.unwrap_err();
    let scanned = store.scan(tree, key, None, 1).await.unwrap_err();
    assert_eq!(got.to_string(), scanned.to_string());
    assert!(matches!(got, Error::Damaged { .. }), "{got}");
    got.to_string()
}

#[tokio::test]
async fn the_store_inside_sees_no_value() {
    let store = sealed(1);
    put(&store, Tree::Accounts, b"k", b"plain").await;
    let inside = raw(&store, Tree::Accounts, b"k").await;
    assert!(!inside.windows(5).any(|part| part == b"plain"));
    assert_eq!(inside.len(), 1 + 12 + 5 + 16);
    put(&store, Tree::Accounts, b"k", b"plain").await;
    assert_ne!(raw(&store, Tree::Accounts, b"k").await, inside);
}

#[tokio::test]
async fn a_value_opens_only_in_its_own_row() {
    let store = sealed(1);
    put(&store, Tree::Accounts, b"alice", b"password of alice").await;
    let alice = raw(&store, Tree::Accounts, b"alice").await;
    for (tree, key) in [
        (Tree::Accounts, b"mallory".as_slice()),
        (Tree::Usernames, b"alice"),
        (Tree::Accounts, b"alic"),
    ] {
        put(store.inner(), tree, key, &alice).await;
        let expected =
            format!("store: record in {tree:?} is damaged: it does not open here under this key");
        assert_eq!(refusal(&store, tree, key).await, expected);
    }
    put(store.inner(), Tree::Accounts, b"alice", &alice).await;
    assert!(store.get(Tree::Accounts, b"alice").await.unwrap().is_some());
}

#[tokio::test]
async fn every_changed_bit_is_noticed() {
    let store = sealed(1);
    put(&store, Tree::Accounts, b"k", b"value").await;
    let good = raw(&store, Tree::Accounts, b"k").await;
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        put(store.inner(), Tree::Accounts, b"k", &bad).await;
        let reason = if bit < 8 {
            "unknown form of sealing"
        } else {
            "it does not open here under this key"
        };
        let expected = format!("store: record in Accounts is damaged: {reason}");
        assert_eq!(refusal(&store, Tree::Accounts, b"k").await, expected);
    }
}

#[tokio::test]
async fn every_shortened_value_is_noticed() {
    let store = sealed(1);
    put(&store, Tree::Accounts, b"k", b"value").await;
    let good = raw(&store, Tree::Accounts, b"k").await;
    for length in 0..good.len() {
        put(store.inner(), Tree::Accounts, b"k", &good[..length]).await;
        refusal(&store, Tree::Accounts, b"k").await;
    }
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let (right, wrong) = (sealed(1), sealed(2));
    put(&right, Tree::Accounts, b"k", b"value").await;
    let value = raw(&right, Tree::Accounts, b"k").await;
    put(wrong.inner(), Tree::Accounts, b"k", &value).await;
    refusal(&wrong, Tree::Accounts, b"k").await;
}

proptest! {
    #[test]
    fn no_changed_bit_and_no_foreign_bytes_open(
        value in prop::collection::vec(any::<u8>(), 0..40),
        at: prop::sample::Index,
        bit in 0_u8..8,
        foreign in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = sealed(1);
            put(&store, Tree::Accounts, b"k", &value).await;
            let mut changed = raw(&store, Tree::Accounts, b"k").await;
            *at.get_mut(&mut changed) ^= 1 << bit;
            for bytes in [changed, foreign] {
                put(store.inner(), Tree::Accounts, b"k", &bytes).await;
                refusal(&store, Tree::Accounts, b"k").await;
            }
        });
    }
}
