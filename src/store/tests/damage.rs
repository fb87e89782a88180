//! A damaged database never answers with fewer rows in silence.
//!
//! `VESTIBULE_TEST_SOAK=1` damages it sixty times in each way instead of six times.

use crate::clock::SystemClock;
use crate::secret::random;
use crate::store::data_folder::DataFolder;
use crate::store::opening::OpenError;
use crate::store::{Change, Durability, Row, Store, Swap, Tree, master_key};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const ROWS: u32 = 3_000;

/// What a database answers with: all its rows.
type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

async fn open(folder: &Path) -> Result<DataFolder, OpenError> {
    let key = master_key::default_path(folder);
    DataFolder::open(folder, &key, Arc::new(SystemClock)).await
}

/// A folder with some thousand rows in every tree, some of them written more than once.
async fn filled() -> (TempDir, Rows) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await.unwrap().store;
    for round in 0..2_u8 {
        for number in (0..ROWS).step_by(8) {
            for tree in Tree::ALL {
                put_eight(&store, tree, number, round).await;
            }
        }
    }
    store
        .swap(&[], Durability::Synced)
        .await
        .unwrap()
        .expect_new()
        .unwrap();
    let rows = all_rows(&store).await;
    assert_eq!(rows.len(), ROWS as usize * 6 + 1);
    (folder, rows)
}

async fn put_eight(store: &dyn Store, tree: Tree, first: u32, round: u8) {
    let keys: Vec<_> = (first..first + 8).map(u32::to_be_bytes).collect();
    let mut found = vec![];
    for key in &keys {
        found.push(store.get(tree, key).await.unwrap());
    }
    let value = [round; 120];
    let changes: Vec<_> = keys
        .iter()
        .zip(&found)
        .map(|(key, found)| Change {
            tree,
            key,
            expect: found.as_ref().map(|found| &found.version),
            new: Some(Row {
                value: &value,
                expires: None,
            }),
        })
        .collect();
    let done = store.swap(&changes, Durability::Relaxed).await.unwrap();
    assert_eq!(done, Swap::Done);
}

async fn all_rows(store: &dyn Store) -> Rows {
    let mut rows = Rows::new();
    for tree in Tree::ALL {
        let found = store.scan(tree, b"", None, usize::MAX).await.unwrap();
        rows.extend(
            found
                .into_iter()
                .map(|(key, value)| ((tree.tag(), key), value)),
        );
    }
    rows
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn below(most: u64) -> u64 {
    u64::from_be_bytes(random()) % most
}

fn flip_a_bit(file: &File, length: u64) {
    let at = below(length);
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << below(8)], at).unwrap();
}

fn zero_a_page(file: &File, length: u64) {
    let at = below(length / 4096) * 4096;
    file.write_all_at(&[0; 4096], at).unwrap();
}

fn cut_the_tail(file: &File, length: u64) {
    file.set_len(below(length)).unwrap();
}

/// How the openings of damaged copies ended.
#[derive(Debug, Default)]
struct Outcomes {
    whole: usize,
    refused: usize,
}

async fn damaged(damage: fn(&File, u64)) -> Outcomes {
    let soak = env::var_os("VESTIBULE_TEST_SOAK").is_some_and(|value| value == "1");
    let (folder, rows) = filled().await;
    let mut outcomes = Outcomes::default();
    for _ in 0..if soak { 60 } else { 6 } {
        let parent = TempDir::new().unwrap();
        let copied = parent.path().join("data");
        copy(folder.path(), &copied);
        let database = copied.join("store/db");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(database)
            .unwrap();
        damage(&file, file.metadata().unwrap().len());
        drop(file);
        match open(&copied).await {
            Ok(opened) => {
                assert!(
                    all_rows(&opened.store).await == rows,
                    "rows went in silence"
                );
                outcomes.whole += 1;
            }
            Err(error) => {
                assert!(error.hint().contains("vestibule restore FILE"), "{error}");
                outcomes.refused += 1;
            }
        }
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_loses_no_row_in_silence() {
    damaged(flip_a_bit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zeroed_page_loses_no_row_in_silence() {
    damaged(zero_a_page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_tail_loses_no_row_in_silence() {
    let Outcomes { refused, .. } = damaged(cut_the_tail).await;
    assert!(refused > 0, "no cut was deep enough to show anything");
}
