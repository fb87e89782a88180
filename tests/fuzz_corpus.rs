//! Replays every kept input through the fuzz targets, so that what was found once is never lost again,
//! and tries some inputs that are like them. `tests/run fuzz` looks further.

#[path = "fuzz/src/lib.rs"]
#[expect(
    unreachable_pub,
    reason = "public for libFuzzer, where it is a crate of its own"
)]
mod fuzz;

use fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
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

fn check_of(name: &str) -> fn(&[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.expect("the target is listed").check
}

fn replay(name: &str) {
    let paths = entries(&corpus().join(name));
    assert!(paths.len() >= 12, "{name} has hardly any inputs");
    for path in paths {
        let input = fs::read(&path).expect("the input is readable");
        let held = std::panic::catch_unwind(|| check_of(name)(&input));
        assert!(held.is_ok(), "{}", path.display());
    }
}

/// A kept input with a piece of another one in place of a piece of its own, and a byte changed.
fn nearby(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let input = select(inputs);
    let places = any::<[Index; 5]>();
    (input.clone(), input, places, any::<u8>()).prop_map(|(input, other, places, byte)| {
        let [from, to, begin, end, at] = places;
        let cut = |place: &Index, input: &[u8]| place.index(input.len() + 1);
        let (front, back) = (cut(&from, &input), cut(&to, &input));
        let (begin, end) = (cut(&begin, &other), cut(&end, &other));
        let piece = &other[begin.min(end)..begin.max(end)];
        let mut near = [&input[..front.min(back)], piece, &input[front.max(back)..]].concat();
        if byte < 128 && !near.is_empty() {
            *at.get_mut(&mut near) = byte;
        }
        near
    })
}

fn vary(name: &str) {
    let inputs = entries(&corpus().join(name)).into_iter();
    let inputs = inputs.map(|path| fs::read(path).expect("the input is readable"));
    let config = ProptestConfig {
        failure_persistence: None, // what is found belongs into the corpus
        ..ProptestConfig::default()
    };
    let held = TestRunner::new(config).run(&nearby(inputs.collect()), |input| {
        check_of(name)(&input);
        Ok(())
    });
    assert_eq!(held, Ok(()), "{name}");
}

/// Two tests for each target, so that they run side by side.
macro_rules! replayed {
    ($($name:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];

        $(mod $name {
            #[test]
            fn holds_for_every_kept_input() {
                super::replay(stringify!($name));
            }

            #[test]
            fn holds_for_inputs_like_the_kept_ones() {
                super::vary(stringify!($name));
            }
        })*
    };
}

replayed! {
    auth_check backup code command configuration cookies form forwarded password_hash record request return_to target username
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
