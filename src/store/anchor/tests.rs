use super::*;
use crate::secret::Key;
use std::fs;
use tempfile::TempDir;

fn keys(instance: &[u8]) -> Arc<ManifestKeys> {
    Arc::new(ManifestKeys::new(&Key::from_bytes([7; 32]), instance))
}

fn made() -> (TempDir, PathBuf) {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("store");
    Anchor::create(&folder, keys(b"one"), 5).unwrap();
    (parent, folder)
}

fn newest(folder: &Path) -> Result<u64, String> {
    Anchor::open(folder, keys(b"one"))
        .map(|anchor| anchor.newest())
        .map_err(|error| {
            error
                .to_string()
                .replace(&path(folder).display().to_string(), "FILE")
        })
}

#[test]
fn the_newest_number_is_kept_and_none_goes_back() {
    let (_parent, folder) = made();
    assert_eq!(newest(&folder), Ok(5));
    let mut anchor = Anchor::open(&folder, keys(b"one")).unwrap();
    for sequence in [6, 9, 9, 7, 10, 0] {
        anchor.advance(sequence).unwrap();
    }
    assert_eq!(anchor.newest(), 10);
    assert_eq!(newest(&folder), Ok(10));
    assert_eq!(fs::metadata(path(&folder)).unwrap().len(), 8192);
}

#[test]
fn a_torn_write_leaves_the_number_before() {
    let (_parent, folder) = made();
    let whole = fs::read(path(&folder)).unwrap();
    let mut anchor = Anchor::open(&folder, keys(b"one")).unwrap();
    for sequence in 6..20 {
        let before = fs::read(path(&folder)).unwrap();
        anchor.advance(sequence).unwrap();
        let after = fs::read(path(&folder)).unwrap();
        let differing = (0..whole.len()).filter(|at| before[*at] != after[*at]);
        for at in differing.skip(1) {
            let torn = [&after[..at], &before[at..]].concat();
            fs::write(path(&folder), torn).unwrap();
            assert_eq!(newest(&folder), Ok(sequence - 1), "torn at {at}");
        }
        fs::write(path(&folder), after).unwrap();
        // Also when the next number comes right after the torn one was read.
        anchor = Anchor::open(&folder, keys(b"one")).unwrap();
    }
}

#[test]
fn a_damaged_missing_or_foreign_anchor_is_none() {
    let (_parent, folder) = made();
    let whole = fs::read(path(&folder)).unwrap();
    for bit in 0..LENGTH * 8 {
        let mut bad = whole.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(path(&folder), bad).unwrap();
        let words = "the anchor FILE is damaged, or of another store";
        assert_eq!(newest(&folder), Err(words.to_owned()), "bit {bit}");
    }
    fs::write(path(&folder), &whole).unwrap();
    let foreign = Anchor::open(&folder, keys(b"two")).map(drop);
    assert!(matches!(foreign, Err(OpenError::AnchorDamaged(_))));
    fs::write(path(&folder), "").unwrap();
    assert!(newest(&folder).is_err());
    fs::remove_file(path(&folder)).unwrap();
    let words =
        "the anchor FILE is missing; without it nobody can tell whether the store is complete";
    assert_eq!(newest(&folder), Err(words.to_owned()));
}
