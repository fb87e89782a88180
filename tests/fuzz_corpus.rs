//! Replays every kept input through the fuzz targets: what was found once is never lost again.
//!
//! `tests/run fuzz` looks for new ones.

#[path = "fuzz/src/lib.rs"]
#[expect(
    unreachable_pub,
    reason = "public for libFuzzer, where it is a crate of its own"
)]
mod fuzz;

use fuzz::TARGETS;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of all inputs together.
const MOST: u64 = 2 * 1024 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("the target is listed");
    let inputs = entries(&corpus().join(name));
    assert!(inputs.len() >= 12, "{name} has hardly any inputs");
    for path in inputs {
        let input = fs::read(&path).expect("the input is readable");
        let held = std::panic::catch_unwind(|| (target.check)(&input));
        assert!(held.is_ok(), "{}", path.display());
    }
}

/// One test for each target, so that they run side by side.
macro_rules! replayed {
    ($($name:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*
    };
}

replayed! {
    code command configuration cookies form forwarded password_hash record request return_to target username
}

#[test]
fn every_target_is_replayed_and_has_its_folder() {
    let targets: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let replayed: BTreeSet<String> = REPLAYED.iter().map(|name| (*name).to_owned()).collect();
    let name_of = |path: &PathBuf| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let folders: BTreeSet<String> = entries(&corpus()).iter().filter_map(name_of).collect();
    assert_eq!(replayed, targets);
    assert_eq!(folders, targets);
}

#[test]
fn the_corpus_stays_small() {
    let inputs = entries(&corpus())
        .into_iter()
        .flat_map(|folder| entries(&folder));
    let bytes: u64 = inputs
        .map(|path| fs::metadata(path).expect("it is there").len())
        .sum();
    assert!(
        bytes < MOST,
        "{bytes} bytes: minimise them with `tests/run fuzz`"
    );
}
