use super::*;
use crate::clock::ManualClock;
use crate::store::backup::file::{self, Existing};
use crate::store::backup::{Header, Piece};
use crate::store::data_folder::DataFolder;
use crate::store::opening::KeyId;
use crate::store::sled::WalkError;
use crate::store::{Change, Durability, Row, Swap};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_700_000_000);

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::starting_at(NOW))
}

/// A data folder, its key elsewhere, and room for backups.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn open(&self) -> Result<DataFolder, OpenError> {
        DataFolder::open(&self.at("data"), &self.at("master.key"), clock()).await
    }

    async fn restore(&self, file: &str, old: OldStore) -> Result<Restored, RestoreError> {
        let (folder, key_file) = (self.at("data"), self.at("master.key"));
        let place = Place {
            folder: &folder,
            key_file: &key_file,
        };
        let restoring = Restoring::load(place, &self.at(file), old, clock()).await?;
        restoring.commit(NOW).await
    }

    /// Every file of the data folder, but for what sled writes by merely being opened.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.at("data")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        found
    }

    /// The refusal of a restore, after seeing that it changed nothing.
    async fn refused(&self, file: &str, old: OldStore) -> RestoreError {
        let before = self.files();
        let error = self.restore(file, old).await.unwrap_err();
        assert!(self.files() == before, "{error}");
        assert!(!error.hint().is_empty());
        error
    }

    fn backup(&self, opened: &DataFolder, file: &str) {
        let header = Header::new(opened.instance.clone(), &opened.master_key, NOW, 0);
        file::create(
            &self.at(file),
            Existing::Keep,
            &opened.master_key,
            header,
            |writer| -> Result<End, WalkError<BackupError>> {
                let manifest = opened.store.walk(|piece| writer.write(piece))?;
                let rows = Tree::ALL.map(|tree| (tree, manifest.rows(tree)));
                Ok(End::of(rows.into(), manifest.sequence()))
            },
            || Ok(()),
        )
        .unwrap();
    }
}

async fn put(store: &dyn Store, tree: Tree, key: &[u8], value: Option<&[u8]>) {
    let found = store.get(tree, key).await.unwrap();
    let change = Change {
        tree,
        key,
        expect: found.as_ref().map(|found| &found.version),
        new: value.map(|value| Row {
            value,
            expires: Some(Timestamp(NOW.0 + 60)),
        }),
    };
    let swap = store.swap(&[change], Durability::Relaxed).await.unwrap();
    assert_eq!(swap, Swap::Done);
}

type Rows = BTreeMap<(u8, Vec<u8>), (Option<Timestamp>, Vec<u8>)>;

fn rows(opened: &DataFolder) -> Rows {
    let mut rows = Rows::new();
    opened
        .store
        .walk(|piece| {
            match piece {
                Piece::Present {
                    tree,
                    key,
                    expires,
                    value,
                } => rows.insert((tree.into(), key.to_vec()), (expires, value.to_vec())),
                Piece::Removed { tree, key } => rows.remove(&(tree.into(), key.to_vec())),
            };
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
    rows
}

/// A store with a row in every tree, and its backup `a`.
async fn prepared() -> (Site, Rows) {
    let site = Site::new();
    let opened = site.open().await.unwrap();
    for tree in Tree::ALL {
        put(&opened.store, tree, b"k", Some(&[tree.tag(); 40])).await;
    }
    put(
        &opened.store,
        Tree::Accounts,
        &[255; 256],
        Some(&[1; 70_000]),
    )
    .await;
    site.backup(&opened, "a");
    let rows = rows(&opened);
    (site, rows)
}

#[tokio::test]
async fn every_kind_of_row_comes_back_into_an_empty_folder() {
    let (site, before) = prepared().await;
    fs::rename(site.at("data"), site.at("lost")).unwrap();
    let restored = site.restore("a", OldStore::Keep).await.unwrap();
    assert_eq!(restored.aside, None);
    let opened = site.open().await.unwrap();
    assert_eq!(rows(&opened), before);
    assert_eq!(opened.instance, restored.header.instance);
    let left: Vec<_> = fs::read_dir(site.at("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[tokio::test]
async fn the_store_that_was_there_is_put_aside_and_can_still_be_opened() {
    let (site, before) = prepared().await;
    let opened = site.open().await.unwrap();
    put(&opened.store, Tree::Accounts, b"later", Some(b"v")).await;
    let later = rows(&opened);
    drop(opened);
    assert!(matches!(
        site.refused("a", OldStore::Keep).await,
        RestoreError::Occupied(_)
    ));
    let restored = site.restore("a", OldStore::PutAside).await.unwrap();
    assert_eq!(rows(&site.open().await.unwrap()), before);
    let aside = restored.aside.unwrap();
    let old = DataFolder::open(&aside, &site.at("master.key"), clock()).await;
    assert_eq!(rows(&old.unwrap()), later);
    let again = site.restore("a", OldStore::PutAside).await.unwrap();
    assert_ne!(again.aside.unwrap(), aside);
}

#[tokio::test]
async fn a_damaged_store_is_replaced_as_well() {
    let (site, before) = prepared().await;
    fs::write(Marker::path(&site.at("data")), "garbage").unwrap();
    fs::write(site.at("data/store/db"), "garbage").unwrap();
    site.open().await.map(drop).unwrap_err();
    assert!(matches!(
        site.refused("a", OldStore::Keep).await,
        RestoreError::Occupied(_)
    ));
    site.restore("a", OldStore::PutAside).await.unwrap();
    assert_eq!(rows(&site.open().await.unwrap()), before);
}

#[tokio::test]
async fn a_store_in_use_is_left_alone() {
    let (site, _) = prepared().await;
    let opened = site.open().await.unwrap();
    for old in [OldStore::Keep, OldStore::PutAside] {
        let error = site.restore("a", old).await.unwrap_err();
        assert!(
            matches!(error, RestoreError::Open(OpenError::InUse(_))),
            "{error}"
        );
    }
    put(&opened.store, Tree::Accounts, b"k", None).await;
}

#[test]
fn a_folder_of_another_user_is_left_alone() {
    let (site, root) = (Site::new(), Path::new("/"));
    let folder = site.at("data");
    fs::create_dir(&folder).unwrap();
    let given_away = std::os::unix::fs::chown(&folder, Some(1), None).is_ok();
    // Who may not give a folder away is not root, and `/` is root's.
    let folder = if given_away { &folder } else { root };
    let key_file = site.at("master.key");
    let place = Place {
        folder,
        key_file: &key_file,
    };
    let error = place.must_be_ours().unwrap_err();
    assert!(matches!(error, OpenError::OthersFolder { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_whole_changes_nothing() {
    let (site, _) = prepared().await;
    let whole = fs::read(site.at("a")).unwrap();
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    flipped[middle] ^= 1;
    for (name, content) in [
        ("cut", &whole[..whole.len() - 1]),
        ("short", &whole[..200]),
        ("flipped", &flipped),
        ("empty", &[]),
        ("foreign", b"{\"vestibule\":1}\n"),
    ] {
        fs::write(site.at(name), content).unwrap();
        let error = site.refused(name, OldStore::PutAside).await;
        assert!(
            matches!(error, RestoreError::File { .. }),
            "{name}: {error}"
        );
    }
    let missing = site.refused("missing", OldStore::PutAside).await;
    assert!(
        missing.to_string().contains("missing: No such file"),
        "{missing}"
    );
}

#[tokio::test]
async fn another_key_or_none_changes_nothing_and_says_which_is_needed() {
    let (site, _) = prepared().await;
    let needed = KeyId::of(&master_key::read(&site.at("master.key")).unwrap());
    fs::rename(site.at("master.key"), site.at("kept.key")).unwrap();
    let error = site.refused("a", OldStore::PutAside).await;
    assert!(
        matches!(error, RestoreError::Open(OpenError::KeyMissing(_))),
        "{error}"
    );
    assert!(
        error.hint().contains("put the master key"),
        "{}",
        error.hint()
    );
    master_key::create(&site.at("master.key")).unwrap();
    let said = site.refused("a", OldStore::PutAside).await.to_string();
    assert!(
        said.contains(&format!("made under the master key with id {needed}")),
        "{said}"
    );
}

#[tokio::test]
async fn the_backup_of_another_store_under_the_same_key_is_named() {
    let (site, _) = prepared().await;
    let other = Site::new();
    fs::copy(site.at("master.key"), other.at("master.key")).unwrap();
    fs::copy(site.at("a"), other.at("a")).unwrap();
    other.restore("a", OldStore::Keep).await.unwrap();
    let path = Marker::path(&other.at("data"));
    let marker = Marker::read(&other.at("data")).unwrap().unwrap();
    let forged = fs::read_to_string(&path).unwrap().replace(
        &marker.instance.to_string(),
        &InstanceId::generate().to_string(),
    );
    fs::write(path, forged).unwrap();
    let error = other.refused("a", OldStore::PutAside).await;
    assert!(
        matches!(error, RestoreError::OtherInstance { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn rows_that_do_not_add_up_change_nothing() {
    let (site, _) = prepared().await;
    let opened = site.open().await.unwrap();
    let header = Header::new(opened.instance.clone(), &opened.master_key, NOW, 0);
    let key = opened.master_key.clone();
    drop(opened);
    let (place, existing) = (site.at("few"), Existing::Keep);
    let few = End::of([(Tree::Accounts, 1)].into(), 1);
    let go_on = || Ok::<_, BackupError>(());
    file::create(&place, existing, &key, header, |_| Ok(few), go_on).unwrap();
    let error = site.refused("few", OldStore::PutAside).await;
    let miscounted = matches!(
        error,
        RestoreError::File {
            error: BackupError::Miscounted,
            ..
        }
    );
    assert!(miscounted, "{error}");
}

/// Each writer counts up in one row and mirrors every count, by one swap, in another tree; what a
/// backup saw of them is one moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_while_eight_write_is_a_state_that_was() {
    let site = Site::new();
    let opened = Arc::new(site.open().await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let counts = Arc::new([const { AtomicU64::new(0) }; 8]);
    let mut writers = vec![];
    for writer in 0..8_u8 {
        let (opened, stop, counts) = (Arc::clone(&opened), Arc::clone(&stop), Arc::clone(&counts));
        writers.push(tokio::spawn(async move {
            let mut count = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                count += 1;
                write_pair(&opened.store, writer, count).await;
                counts[usize::from(writer)].store(count, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }));
    }
    for round in 0..10 {
        let name = format!("b{round}");
        while counts
            .iter()
            .any(|count| count.load(Ordering::Relaxed) <= round)
        {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| site.backup(&opened, &name));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    drop(Arc::into_inner(opened).unwrap());
    let mut before = [0; 8];
    for round in 0..10 {
        let name = format!("b{round}");
        let old = OldStore::PutAside;
        site.restore(&name, old).await.unwrap();
        let restored = rows(&site.open().await.unwrap());
        for writer in 0..8_u8 {
            let row = |tree: Tree| restored.get(&(tree.tag(), vec![writer])).cloned();
            assert_eq!(row(Tree::Accounts), row(Tree::Usernames), "writer {writer}");
            let count = row(Tree::Accounts).map_or(0, |(_, value)| {
                u64::from_be_bytes(value[..8].try_into().unwrap())
            });
            // Extra rows come and go with each count: exactly those of this moment are there.
            let extra = |at: u64| restored.contains_key(&(Tree::Meta.tag(), extra(writer, at)));
            assert!(count == 0 || extra(count), "writer {writer}");
            assert!(!extra(count + 1) && (count < 1 || !extra(count - 1)));
            assert!(count >= before[usize::from(writer)]);
            before[usize::from(writer)] = count;
        }
    }
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
}

fn extra(writer: u8, count: u64) -> Vec<u8> {
    // Spread over the tree, so that a walk meets them before and behind itself.
    let mut key = crate::secret::sha256(&[&[writer], &count.to_be_bytes()[..]].concat()).to_vec();
    key.push(writer);
    key
}

async fn write_pair(store: &dyn Store, writer: u8, count: u64) {
    let key = [writer];
    let value = count.to_be_bytes();
    let new = Some(Row {
        value: &value,
        expires: None,
    });
    let (old, next) = (extra(writer, count - 1), extra(writer, count));
    let at: [(Tree, &[u8], Option<Row<'_>>); 4] = [
        (Tree::Accounts, &key, new),
        (Tree::Usernames, &key, new),
        (Tree::Meta, &old, None),
        (Tree::Meta, &next, new),
    ];
    let mut found = vec![];
    for (tree, key, _) in at {
        found.push(store.get(tree, key).await.unwrap());
    }
    let changes: Vec<Change<'_>> = at
        .iter()
        .zip(&found)
        .map(|((tree, key, new), found)| Change {
            tree: *tree,
            key,
            expect: found.as_ref().map(|found| &found.version),
            new: *new,
        })
        .collect();
    let swap = store.swap(&changes, Durability::Relaxed).await.unwrap();
    assert_eq!(swap, Swap::Done);
}
