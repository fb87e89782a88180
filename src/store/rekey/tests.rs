use super::*;
use crate::clock::ManualClock;
use crate::store::{Change, Durability, Row, Store, Swap};
use std::fs;
use tempfile::TempDir;

const ROWS: u64 = 300;

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::starting_at(Timestamp(1_700_000_000)))
}

struct Site(TempDir);

impl Site {
    async fn new() -> Self {
        let site = Self(TempDir::new().unwrap());
        let opened = site.open("master.key").await.unwrap();
        for number in 0..ROWS {
            let change = Change {
                tree: Tree::Accounts,
                key: &number.to_be_bytes(),
                expect: None,
                new: Some(Row {
                    value: &[7; 500],
                    expires: None,
                }),
            };
            let swap = opened.store.swap(&[change], Durability::Relaxed).await;
            assert_eq!(swap.unwrap(), Swap::Done);
        }
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn open(&self, key: &str) -> Result<DataFolder, OpenError> {
        DataFolder::open(&self.at("data"), &self.at(key), clock()).await
    }

    async fn rekey(&self, key: &str, new_key: NewKey<'_>) -> Result<Rekeyed, RekeyError> {
        let (folder, key_file) = (self.at("data"), self.at(key));
        let place = Place {
            folder: &folder,
            key_file: &key_file,
        };
        rekey(place, new_key, clock(), |_, _| {}).await
    }

    fn id(&self, key: &str) -> KeyId {
        KeyId::of(&master_key::read(&self.at(key)).unwrap())
    }
}

fn accounts(opened: &DataFolder) -> u64 {
    let mut count = 0;
    opened
        .store
        .walk(|piece| {
            count += u64::from(matches!(
                piece,
                Piece::Present {
                    tree: Tree::Accounts,
                    value,
                    ..
                } if *value == [7; 500]
            ));
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_opens_under_the_new_key_and_the_old_key_is_kept_for_old_backups() {
    let site = Site::new().await;
    let before = site.id("master.key");
    let Rekeyed::Changed { old, new, kept, .. } =
        site.rekey("master.key", NewKey::InPlace).await.unwrap()
    else {
        panic!("nothing was interrupted");
    };
    assert_eq!((&old, &new), (&before, &site.id("master.key")));
    assert_eq!(KeyId::of(&master_key::read(&kept).unwrap()), old);
    assert_eq!(accounts(&site.open("master.key").await.unwrap()), ROWS);
    let name = kept.file_name().unwrap().to_str().unwrap();
    let wrong = site.open(name).await.map(drop).unwrap_err();
    assert!(matches!(wrong, OpenError::WrongKey { .. }), "{wrong}");
    let mut left: Vec<_> = fs::read_dir(site.at("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["VESTIBULE-STORE", "store", "store.anchor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_replaced_gives_way_to_another_file() {
    let site = Site::new().await;
    let file = site.at("other.key");
    site.rekey("master.key", NewKey::In(&file)).await.unwrap();
    assert_eq!(accounts(&site.open("other.key").await.unwrap()), ROWS);
    let wrong = site.open("master.key").await.map(drop).unwrap_err();
    assert!(
        wrong.hint().contains("storage.master_key_file"),
        "{}",
        wrong.hint()
    );
    // A key that is there is taken as it is, and never the one in use.
    let same = site.rekey("other.key", NewKey::In(&file)).await;
    assert!(matches!(same, Err(RekeyError::SameKey(_))), "{same:?}");
    let back = site.at("master.key");
    site.rekey("other.key", NewKey::In(&back)).await.unwrap();
    assert_eq!(accounts(&site.open("master.key").await.unwrap()), ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_or_missing_keeps_its_key() {
    let site = Site::new().await;
    let before = site.id("master.key");
    let opened = site.open("master.key").await.unwrap();
    let in_use = site.rekey("master.key", NewKey::InPlace).await;
    assert!(
        matches!(in_use, Err(RekeyError::Open(OpenError::InUse(_)))),
        "{in_use:?}"
    );
    assert_eq!(accounts(&opened), ROWS);
    drop(opened);
    assert_eq!(site.id("master.key"), before);
    let (folder, key_file) = (site.at("nowhere"), site.at("master.key"));
    let place = Place {
        folder: &folder,
        key_file: &key_file,
    };
    let none = rekey(place, NewKey::InPlace, clock(), |_, _| {}).await;
    assert!(matches!(none, Err(RekeyError::NoStore(_))), "{none:?}");
    assert!(!folder.exists());
}

/// The state between the moment of decision and each step after it, as a kill leaves it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_after_the_decision_is_done_by_the_next_opening() {
    for step in 0..5 {
        let site = Site::new().await;
        let opened = site.open("master.key").await.unwrap();
        let (folder, instance) = (site.at("data"), opened.instance.clone());
        let key = master_key::create(&site.at("master.key.next")).unwrap();
        let draft = Draft::begin(&folder, clock(), &key, instance.clone()).await;
        let (draft, _) = copy(opened, draft.unwrap(), |_, _| {}).await.unwrap();
        draft.abandon();
        let marker = Marker {
            schema: crate::store::marker::SCHEMA,
            instance,
            state: State::Ready {
                master_key: KeyId::of(&key),
                replacing: Some(replacing(Timestamp(7))),
            },
        };
        marker.write(&folder).unwrap();
        let aside = folder.join(replacing(Timestamp(7)).aside);
        let moves = [
            (folder.join("store"), aside.join("store")),
            (folder.join("next/store"), folder.join("store")),
            (folder.join("store.anchor"), aside.join("store.anchor")),
            (
                folder.join("next/store.anchor"),
                folder.join("store.anchor"),
            ),
        ];
        fs::create_dir(&aside).unwrap();
        for (from, to) in moves.iter().take(step) {
            fs::rename(from, to).unwrap();
        }
        let opened = site.open("master.key").await.unwrap();
        assert_eq!(accounts(&opened), ROWS, "after {step} steps");
        drop(opened);
        assert_eq!(site.id("master.key"), KeyId::of(&key));
        assert!(!aside.exists() && !folder.join("next").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_and_not_decided_on_is_forgotten() {
    let site = Site::new().await;
    let before = site.id("master.key");
    let opened = site.open("master.key").await.unwrap();
    let key = master_key::create(&site.at("master.key.next")).unwrap();
    let (folder, instance) = (site.at("data"), opened.instance.clone());
    let draft = Draft::begin(&folder, clock(), &key, instance).await;
    let (draft, _) = copy(opened, draft.unwrap(), |_, _| {}).await.unwrap();
    draft.abandon();
    assert_eq!(accounts(&site.open("master.key").await.unwrap()), ROWS);
    assert_eq!(site.id("master.key"), before);
    assert!(!folder.join("next").exists());
    site.rekey("master.key", NewKey::InPlace).await.unwrap();
    assert_eq!(accounts(&site.open("master.key").await.unwrap()), ROWS);
}
