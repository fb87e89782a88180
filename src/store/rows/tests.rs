use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::secret::Key;
use crate::store::manifest::ManifestKeys;
use crate::store::memory::MemoryStore;
use crate::store::sled::SledStore;
use crate::store::table::Table;
use proptest::prelude::*;
use serde::Deserialize;
use std::sync::Arc;
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    name: String,
}

impl Record for Person {
    const TREE: Tree = Tree::Accounts;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Name(u64);

impl Record for Name {
    const TREE: Tree = Tree::Usernames;
}

fn memory() -> Arc<MemoryStore> {
    let clock = ManualClock::starting_at(Timestamp(1_000));
    Arc::new(MemoryStore::new(Arc::new(clock)))
}

/// Gives person `id` the name `new`; refuses a taken one.
async fn rename(
    store: &dyn Store,
    id: u64,
    old: &str,
    new: &str,
) -> Result<(), UpdateError<&'static str>> {
    let key = id.to_be_bytes();
    let at: [At<'_>; 3] = [
        (Person::TREE, &key),
        (Name::TREE, old.as_bytes()),
        (Name::TREE, new.as_bytes()),
    ];
    atomically(store, Durability::Synced, &at, |rows| {
        if rows.get::<Name>(new.as_bytes())?.is_some() {
            return Err(UpdateError::Refused("taken"));
        }
        rows.remove::<Name>(old.as_bytes())?;
        rows.put(new.as_bytes(), &Name(id))?;
        rows.put(
            &key,
            &Person {
                name: new.to_owned(),
            },
        )?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_record_and_its_index_change_together() {
    let store = memory();
    rename(&*store, 1, "", "ann").await.unwrap();
    rename(&*store, 2, "", "bob").await.unwrap();
    let taken = rename(&*store, 1, "ann", "bob").await;
    assert!(
        matches!(taken, Err(UpdateError::Refused("taken"))),
        "{taken:?}"
    );
    rename(&*store, 1, "ann", "cid").await.unwrap();
    let names = Table::<Name>::new(Arc::<MemoryStore>::clone(&store));
    let expected = [(b"bob".to_vec(), Name(2)), (b"cid".to_vec(), Name(1))];
    assert_eq!(names.scan(b"", None, 9).await.unwrap(), expected);
    let people = Table::<Person>::new(store);
    let person = people.get(&1_u64.to_be_bytes()).await.unwrap();
    assert_eq!(
        person,
        Some(Person {
            name: "cid".to_owned()
        })
    );
}

#[tokio::test]
async fn a_row_that_was_only_read_must_not_have_changed_either() {
    let store = memory();
    let at: [At<'_>; 2] = [(Person::TREE, b"k"), (Name::TREE, b"ann")];
    let mut rows = Rows::read(&*store, &at).await.unwrap();
    assert_eq!(rows.get::<Name>(b"ann").unwrap(), None);
    let person = Person {
        name: "ann".to_owned(),
    };
    rows.put(b"k", &person).unwrap();
    // Somebody takes the name between reading and writing.
    rename(&*store, 7, "", "ann").await.unwrap();
    let swap = store
        .swap(&rows.changes(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(swap, Swap::Conflict);
    let mut rows = Rows::read(&*store, &at).await.unwrap();
    assert_eq!(rows.get::<Name>(b"ann").unwrap(), Some(Name(7)));
    rows.put(b"k", &person).unwrap();
    let swap = store
        .swap(&rows.changes(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(swap, Swap::Done);
    let names = Table::<Name>::new(store);
    assert_eq!(names.get(b"ann").await.unwrap(), Some(Name(7)));
}

#[tokio::test]
async fn a_row_that_was_not_looked_at_does_not_matter() {
    let store = memory();
    let at: [At<'_>; 2] = [(Person::TREE, b"k"), (Name::TREE, b"ann")];
    let mut rows = Rows::read(&*store, &at).await.unwrap();
    rows.put(
        b"k",
        &Person {
            name: "ann".to_owned(),
        },
    )
    .unwrap();
    rename(&*store, 7, "", "ann").await.unwrap();
    let swap = store
        .swap(&rows.changes(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(swap, Swap::Done);
}

#[tokio::test]
async fn only_named_rows_can_be_used() {
    let store = memory();
    let used = atomically(&*store, Durability::Synced, &[(Name::TREE, b"k")], |rows| {
        // The right key in the wrong tree.
        Ok::<_, UpdateError>(rows.get::<Person>(b"k")?)
    });
    let refused = used.await;
    assert!(
        matches!(refused, Err(UpdateError::Store(Error::Invalid(_)))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_record_over_64_kib_is_not_written() {
    let store = memory();
    let people = Table::<Person>::new(store);
    let fits = Person {
        name: "x".repeat(MAX_RECORD - 12),
    };
    assert_eq!(people.insert(b"k", &fits).await.unwrap(), Swap::Done);
    assert_eq!(people.get(b"k").await.unwrap(), Some(fits.clone()));
    let long = Person {
        name: fits.name + "x",
    };
    let refused = people.insert(b"l", &long).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn what_is_promised_about_a_found_state_waits_for_the_disk() {
    let folder = TempDir::new().unwrap();
    let clock = ManualClock::starting_at(Timestamp(1_000));
    let keys = ManifestKeys::new(&Key::generate(), b"instance");
    let store =
        Arc::new(SledStore::create(&folder.path().join("store"), keys, Arc::new(clock)).unwrap());
    let names = Table::<Name>::new(Arc::<SledStore>::clone(&store));
    assert_eq!(names.take(b"ann").await.unwrap(), None);
    assert_eq!(store.syncs(), 1);
    names.remove(b"ann").await.unwrap();
    assert_eq!(store.syncs(), 2);
    assert_eq!(names.insert(b"ann", &Name(1)).await.unwrap(), Swap::Done);
    assert_eq!(store.syncs(), 3);
    names
        .update(b"ann", |_| Ok::<_, Infallible>(()))
        .await
        .unwrap();
    assert_eq!(store.syncs(), 4);
    names
        .update_relaxed(b"ann", |_| Ok::<_, Infallible>(()))
        .await
        .unwrap();
    assert_eq!(store.syncs(), 4);
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(name in ".{0,40}") {
        let person = Person { name };
        prop_assert_eq!(decode::<Person>(&encode(&person).unwrap()).ok(), Some(person));
    }

    #[test]
    fn bytes_are_a_record_of_this_version_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        match decode::<Name>(&bytes) {
            Ok(name) => prop_assert_eq!(decode::<Name>(&encode(&name).unwrap()).ok(), Some(name)),
            Err(error) => {
                let is_damage = matches!(error, Error::Damaged { .. });
                prop_assert!(is_damage, "{error}");
            }
        }
    }
}
