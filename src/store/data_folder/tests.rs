use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::secret::Key;
use crate::store::Swap;
use crate::store::marker::{Aside, Replacing};
use crate::store::table::{Record, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note(String);

impl Record for Note {
    const TREE: Tree = Tree::Accounts;
}

const NEEDLE: &str = "a secret that must not be readable";

async fn open(folder: &Path) -> Result<DataFolder, OpenError> {
    let clock = ManualClock::starting_at(Timestamp(1_000));
    DataFolder::open(folder, &master_key::default_path(folder), Arc::new(clock)).await
}

/// A folder with one record in its store.
async fn served() -> TempDir {
    let folder = TempDir::new().unwrap();
    let opened = open(folder.path()).await.unwrap();
    let notes = Table::new(Arc::new(opened.store));
    let note = Note(NEEDLE.to_owned());
    assert_eq!(notes.insert(b"k", &note).await.unwrap(), Swap::Done);
    folder
}

async fn note(opened: DataFolder) -> Option<Note> {
    Table::new(Arc::new(opened.store)).get(b"k").await.unwrap()
}

/// Opens a folder that must be refused; tells why, after seeing that the refusal left it alone.
async fn refusal(folder: &Path) -> String {
    let before = small_files(folder);
    let error = open(folder).await.map(drop).unwrap_err();
    assert_eq!(small_files(folder), before, "{error}");
    assert!(!error.hint().is_empty());
    error
        .to_string()
        .replace(&folder.display().to_string(), "DIR")
}

fn small_files(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.clone(), fs::read(path).ok()))
        .collect()
}

/// Replaces text in the marker file.
fn forge(folder: &Path, from: &str, to: &str) {
    let path = Marker::path(folder);
    let marker = fs::read_to_string(&path).unwrap();
    assert!(marker.contains(from), "{marker}");
    fs::write(path, marker.replace(from, to)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn what_was_stored_is_there_after_opening_again() {
    let folder = served().await;
    let first = open(folder.path()).await.unwrap();
    let (instance, key) = (first.instance.clone(), first.master_key.clone());
    drop(first);
    let again = open(folder.path()).await.unwrap();
    assert_eq!(again.instance, instance);
    assert_eq!(again.master_key.expose(), key.expose());
    assert_eq!(note(again).await, Some(Note(NEEDLE.to_owned())));
}

#[tokio::test]
async fn a_new_folder_is_closed_to_others() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("var/data");
    open(&folder).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&database_folder(&folder)), 0o700);
    assert_eq!(mode(&master_key::default_path(&folder)), 0o600);
    assert_eq!(mode(&Marker::path(&folder)), 0o600);
    assert_eq!(mode(&folder.join("store.anchor")), 0o600);
}

#[tokio::test]
async fn foreign_files_do_not_hinder_a_first_start() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("admin.sock"), "").unwrap();
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_second_opener_is_told_so() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    let second = open(folder.path()).await;
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    drop(first);
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_first_start_under_way_keeps_a_second_one_out() {
    let folder = TempDir::new().unwrap();
    let _lock = lock(folder.path()).unwrap();
    let second = open(folder.path()).await;
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    assert_eq!(small_files(folder.path()), BTreeMap::new());
}

#[tokio::test]
async fn a_missing_marker_beside_a_database_is_refused() {
    let folder = served().await;
    fs::remove_file(Marker::path(folder.path())).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "DIR/store is there, but the marker file DIR/VESTIBULE-STORE beside it is missing"
    );
}

#[tokio::test]
async fn a_master_key_alone_is_no_first_start() {
    let folder = served().await;
    fs::remove_file(Marker::path(folder.path())).unwrap();
    remove_dir_all(database_folder(folder.path())).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "DIR/master.key is there, but the marker file DIR/VESTIBULE-STORE beside it is missing"
    );
}

#[tokio::test]
async fn a_damaged_marker_is_refused() {
    for marker in [
        "",
        "{}",
        "null",
        "{\"schema\":2}",
        "{\"schema\":2,\"instance\":\"a\",\"state\":\"other\"}",
    ] {
        let folder = served().await;
        fs::write(Marker::path(folder.path()), marker).unwrap();
        let refused = refusal(folder.path()).await;
        assert_eq!(
            refused, "the marker file DIR/VESTIBULE-STORE is damaged",
            "{marker}"
        );
    }
}

#[tokio::test]
async fn a_marker_that_points_out_of_the_folder_is_damaged() {
    for aside in ["", "/tmp", "..", "store", "replaced-/../..", "replaced-a/b"] {
        let folder = served().await;
        let mut marker = Marker::read(folder.path()).unwrap().unwrap();
        let State::Ready { replacing, .. } = &mut marker.state else {
            panic!("{marker:?}");
        };
        *replacing = Some(Replacing {
            aside: aside.to_owned(),
            then: Aside::Remove,
        });
        marker.write(folder.path()).unwrap();
        assert_eq!(
            refusal(folder.path()).await,
            "the marker file DIR/VESTIBULE-STORE is damaged",
            "{aside}"
        );
    }
}

#[tokio::test]
async fn another_schema_version_is_refused() {
    let folder = served().await;
    fs::write(
        Marker::path(folder.path()),
        "{\"schema\":3,\"whatever\":[]}",
    )
    .unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the store has schema version 3; this program reads version 2"
    );
}

#[tokio::test]
async fn a_missing_database_is_no_first_start() {
    let folder = served().await;
    remove_dir_all(database_folder(folder.path())).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the database DIR/store/db is missing, but the marker file says that there is one"
    );
    fs::create_dir(database_folder(folder.path())).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the database DIR/store/db is missing, but the marker file says that there is one"
    );
}

#[tokio::test]
async fn an_emptied_database_is_no_first_start() {
    let folder = served().await;
    remove_dir_all(database_folder(folder.path())).unwrap();
    drop(::sled::open(database_folder(folder.path())).unwrap());
    let expected = "the database in DIR/store has lost its content";
    assert_eq!(refusal(folder.path()).await, expected);
    // A file of no length opens as a new database.
    remove_dir_all(database_folder(folder.path())).unwrap();
    fs::create_dir(database_folder(folder.path())).unwrap();
    fs::write(database_folder(folder.path()).join(DATABASE), "").unwrap();
    assert_eq!(refusal(folder.path()).await, expected);
}

#[tokio::test]
async fn the_marker_of_another_store_is_refused() {
    let folder = served().await;
    let opened = open(folder.path()).await.unwrap();
    let own = opened.instance.to_string();
    drop(opened);
    forge(folder.path(), &own, &"0".repeat(32));
    assert_eq!(
        refusal(folder.path()).await,
        "the database in DIR/store has no manifest of this store: it does not open here under this key"
    );
}

#[tokio::test]
async fn a_missing_anchor_is_refused() {
    let folder = served().await;
    fs::remove_file(folder.path().join("store.anchor")).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the anchor DIR/store.anchor is missing; without it nobody can tell whether the store is complete"
    );
}

#[tokio::test]
async fn the_anchor_of_another_store_is_refused() {
    let (folder, other) = (served().await, served().await);
    let [own, foreign] = [&folder, &other].map(|folder| folder.path().join("store.anchor"));
    fs::copy(foreign, own).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the anchor DIR/store.anchor is damaged, or of another store"
    );
}

#[tokio::test]
async fn the_database_of_another_store_is_refused() {
    let (folder, other) = (served().await, served().await);
    copy_database(other.path(), folder.path());
    assert_eq!(
        refusal(folder.path()).await,
        "the database in DIR/store has no manifest of this store: it does not open here under this key"
    );
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_refused() {
    let folder = served().await;
    let older = TempDir::new().unwrap();
    copy_database(folder.path(), older.path());
    let opened = open(folder.path()).await.unwrap();
    let notes = Table::new(Arc::new(opened.store));
    let note = Note("newer".to_owned());
    assert_eq!(notes.insert(b"l", &note).await.unwrap(), Swap::Done);
    drop(notes);
    copy_database(older.path(), folder.path());
    assert_eq!(
        refusal(folder.path()).await,
        "the database in DIR/store is an older state: it stands at transaction 3, and 4 were made"
    );
}

fn copy_database(from: &Path, to: &Path) {
    let (from, to) = (database_folder(from), database_folder(to));
    if to.exists() {
        remove_dir_all(&to).unwrap();
    }
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

#[tokio::test]
async fn a_missing_master_key_is_refused_and_not_made_anew() {
    let folder = served().await;
    fs::remove_file(master_key::default_path(folder.path())).unwrap();
    assert_eq!(
        refusal(folder.path()).await,
        "the master key DIR/master.key is missing; without it nobody can read the store"
    );
}

#[tokio::test]
async fn a_master_key_that_others_may_touch_is_refused() {
    let folder = served().await;
    let path = master_key::default_path(folder.path());
    for open_mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(open_mode)).unwrap();
        assert_eq!(
            refusal(folder.path()).await,
            format!("the master key DIR/master.key is open to others (mode 0{open_mode:o})")
        );
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_master_key_is_refused() {
    let folder = served().await;
    let path = master_key::default_path(folder.path());
    let good = fs::read_to_string(&path).unwrap();
    let bad = [
        String::new(),
        good.clone() + "0",
        good.replace('\n', "00\n"),
        good[..62].to_owned(),
        "x".repeat(64),
    ];
    for text in bad {
        fs::write(&path, &text).unwrap();
        assert_eq!(
            refusal(folder.path()).await,
            "the master key DIR/master.key is damaged: it must be 64 hexadecimal digits",
        );
    }
    fs::write(&path, good.trim_end()).unwrap();
    open(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_master_key_is_refused_by_name() {
    let folder = served().await;
    let right = KeyId::of(&master_key::read(&master_key::default_path(folder.path())).unwrap());
    let other = "07".repeat(32);
    fs::write(master_key::default_path(folder.path()), other).unwrap();
    let wrong = KeyId::of(&Key::from_bytes([7; 32]));
    assert_eq!(
        refusal(folder.path()).await,
        format!(
            "wrong master key: DIR/master.key has id {wrong}, the store was sealed with {right}"
        )
    );
    // Also when the marker was made to fit it.
    forge(folder.path(), &right.to_string(), &wrong.to_string());
    assert_eq!(
        refusal(folder.path()).await,
        "the database in DIR/store has no manifest of this store: it does not open here under this key"
    );
}

#[tokio::test]
async fn a_database_that_the_engine_cannot_open_is_refused() {
    let folder = served().await;
    let path = database_folder(folder.path()).join("conf");
    fs::write(path, "not: a configuration of the engine").unwrap();
    let refused = refusal(folder.path()).await;
    let start = "the database in DIR/store cannot be opened: ";
    assert!(refused.starts_with(start), "{refused}");
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_refused() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("data");
    fs::write(&file, "").unwrap();
    let refused = open(&file).await;
    assert!(matches!(refused, Err(OpenError::Io { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_first_start_cut_off_after_any_step_is_completed() {
    for steps in 0..4 {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        let marker = begin(path).unwrap();
        if steps > 0 {
            fs::write(path.join("master.key.new"), "cut off").unwrap();
        }
        if steps > 1 {
            master_key::create(&master_key::default_path(path)).unwrap();
            fs::create_dir(path.join("store.new")).unwrap();
            fs::write(path.join("store.new/conf"), "cut off").unwrap();
        }
        if steps > 2 {
            let clock = Arc::new(ManualClock::starting_at(Timestamp(1_000)));
            let key = master_key::read(&master_key::default_path(path)).unwrap();
            make_database(path, clock, &key, &marker.instance)
                .await
                .unwrap();
        }
        let opened = open(path).await.unwrap();
        assert_eq!(opened.instance, marker.instance);
        drop(opened);
        assert!(matches!(
            Marker::read(path).unwrap().unwrap().state,
            State::Ready { .. }
        ));
        open(path).await.unwrap();
        let names: Vec<PathBuf> = small_files(path).into_keys().collect();
        assert_eq!(
            names,
            ["VESTIBULE-STORE", "master.key", "store", "store.anchor"].map(|name| path.join(name))
        );
    }
}

#[tokio::test]
async fn a_making_under_another_instance_is_not_completed() {
    let folder = served().await;
    begin(folder.path()).unwrap();
    let refused = refusal(folder.path()).await;
    assert!(
        refused.contains("has no manifest of this store"),
        "{refused}"
    );
}

#[tokio::test]
async fn nothing_on_disk_shows_what_was_stored() {
    let folder = served().await;
    let clock = Arc::new(ManualClock::starting_at(Timestamp(1_000)));
    assert!(!contains(&database_folder(folder.path()), NEEDLE));
    // The search itself works: without sealing the same record is found.
    let plain = TempDir::new().unwrap();
    let keys = ManifestKeys::new(&Key::generate(), b"instance");
    let store = Arc::new(SledStore::create(&plain.path().join("store"), keys, clock).unwrap());
    let note = Note(NEEDLE.to_owned());
    assert_eq!(
        Table::new(store).insert(b"k", &note).await.unwrap(),
        Swap::Done
    );
    assert!(contains(plain.path(), NEEDLE));
}

fn contains(folder: &Path, needle: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return contains(&path, needle);
        }
        let content = fs::read(path).unwrap();
        content
            .windows(needle.len())
            .any(|part| part == needle.as_bytes())
    })
}
