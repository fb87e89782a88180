//! Stored bytes: a record or an error, never a guess; sealed, only what was sealed opens.

use super::{choice, wait};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use vestibule::accounts::NameRecord;
use vestibule::authn::account::Account;
use vestibule::authn::enrolment::EnrolmentId;
use vestibule::authn::lockout::{Ceiling, Device};
use vestibule::authn::session::Epoch;
use vestibule::authn::session::record::{Lifetimes, SessionRecord};
use vestibule::authn::transaction::Transaction;
use vestibule::clock::Moment;
use vestibule::clock::{ManualClock, Timestamp};
use vestibule::identity::key::{KeyRecord, SigningKey};
use vestibule::identity::ring::{KeyRing, Policy};
use vestibule::secret::Key;
use vestibule::store::marker::{Marker, SCHEMA};
use vestibule::store::memory::MemoryStore;
use vestibule::store::rows::MAX_RECORD;
use vestibule::store::sealed::Sealed;
use vestibule::store::table::{Record, Table};
use vestibule::store::{Change, Durability, Error, MAX_VALUE, Row, Store, Swap, Tree};

const NOW: Timestamp = Timestamp(1_700_000_000);

/// The first byte says which record the rest is, the second its version.
pub(crate) fn check(data: &[u8]) {
    let (kind, value) = choice(data);
    match kind {
        b'a' => decoded(value, |account: &Account| {
            let _ = account.may_try_password(Device::Unknown, Ceiling::default());
            let _ = account.pending_secret(EnrolmentId::generate(), NOW);
        }),
        b'n' => decoded(value, |_: &NameRecord| {}),
        b's' => decoded(value, resume),
        b't' => decoded(value, |transaction: &Transaction| {
            let _ = transaction.account();
        }),
        b'k' => decoded(value, ring),
        b'm' => marker(value),
        _ => sealed(value),
    }
}

fn memory() -> MemoryStore {
    MemoryStore::new(Arc::new(ManualClock::starting_at(NOW)))
}

/// Puts `value` into `store` as it is.
fn put(store: &dyn Store, tree: Tree, key: &[u8], value: &[u8]) {
    let change = Change {
        tree,
        key,
        expect: None,
        new: Some(Row {
            value,
            expires: None,
        }),
    };
    assert_eq!(
        wait(store.swap(&[change], Durability::Synced)).ok(),
        Some(Swap::Done)
    );
}

/// What can be read says the same when it is written and read again.
fn decoded<R: Record>(value: &[u8], use_it: impl FnOnce(&R)) {
    if value.len() > MAX_VALUE {
        return;
    }
    let store: Arc<dyn Store> = Arc::new(memory());
    put(&*store, R::TREE, b"came", value);
    let table: Table<R> = Table::new(Arc::clone(&store));
    let record = match wait(table.get(b"came")) {
        Ok(record) => record.expect("it is there"),
        Err(error) => {
            return assert!(matches!(error, Error::Damaged { tree, .. } if tree == R::TREE));
        }
    };
    assert_eq!(value.first(), Some(&R::VERSION));
    assert!(value.len() <= MAX_RECORD);
    use_it(&record);
    let json = |record: &R| serde_json::to_value(record).expect("a record is JSON");
    let first: Value = json(&record);
    put(&*store, R::TREE, b"again", &written(&first, R::VERSION));
    let again = wait(table.get(b"again")).expect("what we write can be read");
    assert_eq!(again.as_ref().map(json), Some(first));
}

fn written(json: &Value, version: u8) -> Vec<u8> {
    let mut bytes = vec![version];
    bytes.extend(serde_json::to_vec(json).expect("JSON"));
    bytes
}

/// However strange its times are, a record lives no longer than its limits.
fn resume(record: &SessionRecord) {
    let limits = Lifetimes {
        absolute: Duration::from_secs(86_400),
        idle: Duration::from_secs(3_600),
    };
    let late = Timestamp(u64::MAX);
    if let Ok(session) = record.resume(Epoch::default(), &limits, late) {
        assert!(late.since(session.authenticated()) < limits.absolute);
    }
}

/// However strange its times are, a ring goes on with one active key.
fn ring(ring: &KeyRing) {
    ring.records().for_each(sign);
    let policy = Policy {
        algorithm: ring.active().algorithm(),
        rotate: Some(Duration::from_secs(3_600)),
    };
    let mut tended = ring.clone();
    for now in [Timestamp(0), NOW, Timestamp(u64::MAX)] {
        tended.tend(Moment::quiet(now), &policy, |_| ring.active().clone());
        let _ = tended.active();
    }
    assert_eq!(tended.stages(&policy).len(), tended.records().count());
}

fn sign(record: &KeyRecord) {
    if let Ok(key) = SigningKey::open(record) {
        assert_eq!(key.id(), record.id(), "a thumbprint names it");
        let public = serde_json::to_string(key.public()).expect("JSON");
        assert!(
            !public.contains("\"d\""),
            "the public half is all that is shown"
        );
    }
}

fn marker(text: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &[u8]| std::fs::write(Marker::path(folder.path()), text).expect("a file");
    write(text);
    let Ok(marker) = Marker::read(folder.path()) else {
        return;
    };
    let marker = marker.expect("it is there");
    assert_eq!(marker.schema, SCHEMA);
    write(&serde_json::to_vec(&marker).expect("JSON"));
    assert_eq!(Marker::read(folder.path()).ok().flatten(), Some(marker));
}

/// Bytes that nobody sealed do not open; sealed ones do, in their own place and as they were.
fn sealed(value: &[u8]) {
    let (at, value) = choice(value);
    if value.len() > MAX_RECORD {
        return;
    }
    let store = store_under([1; 32]);
    put(store.inner(), Tree::Accounts, b"foreign", value);
    assert!(wait(store.get(Tree::Accounts, b"foreign")).is_err());
    put(&store, Tree::Accounts, b"ours", value);
    let opened = wait(store.get(Tree::Accounts, b"ours"))
        .expect("it opens")
        .expect("it is there");
    assert_eq!(opened.value, value);
    let raw = wait(store.inner().get(Tree::Accounts, b"ours"))
        .expect("memory")
        .expect("it is there")
        .value;
    let mut flipped = raw.clone();
    let place = usize::from(at) * 257 % flipped.len();
    flipped[place] ^= 1 << (at % 8);
    for (key, tree, place, value) in [
        ([1; 32], Tree::Accounts, b"ourt", &raw),
        ([1; 32], Tree::Sessions, b"ours", &raw),
        ([1; 32], Tree::Accounts, b"ours", &flipped),
        ([2; 32], Tree::Accounts, b"ours", &raw),
    ] {
        let store = store_under(key);
        put(store.inner(), tree, place, value);
        assert!(wait(store.get(tree, place)).is_err(), "{tree:?} {place:?}");
    }
}

fn store_under(key: [u8; 32]) -> Sealed<MemoryStore> {
    Sealed::new(memory(), &Key::from_bytes(key))
}
