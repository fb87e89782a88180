use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn keys() -> ManifestKeys {
    ManifestKeys::new(&Key::from_bytes([7; 32]), b"instance")
}

fn row_key(tree: Tree, key: u8) -> Vec<u8> {
    vec![tree.tag(), key]
}

/// The sums of a set of rows, added one by one.
fn sums_of(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Sums {
    let (keys, mut sums) = (keys(), Sums::default());
    for (key, raw) in rows {
        sums.replace(&keys, key, None, Some(raw));
    }
    sums
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::default().next();
    for (tree, key) in [(Tree::Accounts, 1), (Tree::Accounts, 2), (Tree::Meta, 1)] {
        manifest.replace(&keys(), &row_key(tree, key), None, Some(b"raw"));
    }
    manifest
}

fn put(sums: &mut Sums, old: Option<(u8, &[u8])>, new: Option<(u8, &[u8])>) {
    if let Some((key, raw)) = old {
        sums.replace(&keys(), &row_key(Tree::Accounts, key), Some(raw), None);
    }
    if let Some((key, raw)) = new {
        sums.replace(&keys(), &row_key(Tree::Accounts, key), None, Some(raw));
    }
}

proptest! {
    #[test]
    fn any_history_comes_to_the_sums_of_the_rows_that_are_left(
        history in prop::collection::vec((0_u8..6, any::<u8>(), prop::option::of(any::<[u8; 2]>())), 0..60),
    ) {
        let (keys, mut sums, mut rows) = (keys(), Sums::default(), BTreeMap::new());
        for (tree, key, new) in history {
            let key = row_key(Tree::ALL[usize::from(tree)], key % 4);
            let new = new.map(|raw| raw.to_vec());
            let old = match &new {
                Some(new) => rows.insert(key.clone(), new.clone()),
                None => rows.remove(&key),
            };
            sums.replace(&keys, &key, old.as_deref(), new.as_deref());
        }
        prop_assert!(sums == sums_of(&rows));
        for tree in Tree::ALL {
            let rows = rows.keys().filter(|key| key[0] == tree.tag()).count();
            prop_assert_eq!(sums.of(tree).rows, rows as u64);
        }
    }

    #[test]
    fn no_bytes_but_its_own_open_as_a_manifest(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Manifest::open(&keys(), &bytes).is_err());
        prop_assert!(Manifest::decode(&bytes).is_none_or(|read| read.encode() == bytes));
    }
}

#[test]
fn tags_have_no_gaps() {
    let tags = Tree::ALL.map(Tree::tag);
    assert_eq!(tags, [1, 2, 3, 4, 5, 6]);
    assert_eq!(Tree::ALL.map(slot), [0, 1, 2, 3, 4, 5]);
    assert_eq!((Tree::tagged(0), Tree::tagged(7)), (None, None));
}

#[test]
fn a_manifest_survives_sealing() {
    let manifest = manifest();
    let sealed = manifest.seal(&keys()).unwrap();
    assert_eq!(Manifest::open(&keys(), &sealed), Ok(manifest));
}

#[test]
fn a_manifest_is_of_one_store_and_one_key() {
    let sealed = manifest().seal(&keys()).unwrap();
    for other in [
        ManifestKeys::new(&Key::from_bytes([8; 32]), b"instance"),
        ManifestKeys::new(&Key::from_bytes([7; 32]), b"instancf"),
    ] {
        let refused = Manifest::open(&other, &sealed);
        assert_eq!(refused, Err("it does not open here under this key"));
    }
}

#[test]
fn every_changed_bit_of_a_manifest_is_noticed() {
    let sealed = manifest().seal(&keys()).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Manifest::open(&keys(), &bad).is_err(), "bit {bit}");
    }
}

#[test]
fn sealing_shows_nothing_of_the_sums_and_printing_neither() {
    let manifest = manifest();
    assert_ne!(manifest.seal(&keys()), manifest.seal(&keys()));
    let printed = format!("{manifest:?} {:?}", keys());
    for lane in manifest.sums.of(Tree::Accounts).lanes {
        assert!(!printed.contains(&lane.to_string()), "{printed}");
    }
}

#[test]
fn lost_added_and_changed_rows_are_told_by_tree() {
    let expected = manifest();
    let check = |change: &dyn Fn(&mut Sums)| {
        let mut sums = expected.sums.clone();
        change(&mut sums);
        expected.check(&sums).map_err(|damage| damage.to_string())
    };
    assert_eq!(check(&|_| {}), Ok(()));
    let lost = check(&|sums| put(sums, Some((1, b"raw")), None));
    assert_eq!(lost, Err("Accounts lost 1 of 2 rows".to_owned()));
    let added = check(&|sums| put(sums, None, Some((3, b"raw"))));
    assert_eq!(added, Err("Accounts has 1 rows too many".to_owned()));
    let changed = check(&|sums| put(sums, Some((1, b"raw")), Some((1, b"rax"))));
    let words = "Accounts has rows that were never written there";
    assert_eq!(changed, Err(words.to_owned()));
    // Two rows that swapped their content, and a row under another key.
    let moved = check(&|sums| put(sums, Some((1, b"raw")), Some((3, b"raw"))));
    assert_eq!(moved, Err(words.to_owned()));
    let strange = check(&|sums| sums.replace(&keys(), &[200, 1], None, Some(b"raw")));
    assert_eq!(strange, Err("1 rows belong to no tree".to_owned()));
}
