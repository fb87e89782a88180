//! What a whole database amounts to: for each tree how many rows it has and a digest of their set.
//!
//! The digest is an incremental multiset hash, MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and
//! Suh (ASIACRYPT 2003): the sum of HMAC-SHA-256 over each row. Adding, replacing and removing a row
//! costs one addition or two, whatever the size of the tree. Without the key nobody can find another
//! set with the same sum; as sums seen on disk would help to forge one, a manifest is kept sealed.

use crate::secret::Key;
use crate::store::Tree;
use crate::store::cipher::Cipher;
use std::fmt;

const TREES: usize = Tree::ALL.len();

/// The sequence, and for each tree its tag, its count and four lanes.
const ENCODED: usize = 8 + TREES * (1 + 8 + 32);

/// The keys behind the manifest and the anchor of one store.
pub struct ManifestKeys {
    rows: Key,
    cipher: Cipher,
    /// Authenticates the anchor.
    pub(crate) anchor: Key,
    /// Which store: a manifest or an anchor of another one is none.
    pub(crate) instance: Vec<u8>,
}

impl ManifestKeys {
    /// Those of the store `instance` under the `master` key.
    #[must_use]
    pub fn new(master: &Key, instance: &[u8]) -> Self {
        Self {
            rows: master.derive("store manifest rows"),
            cipher: Cipher::new(master, "store manifest"),
            anchor: master.derive("store anchor"),
            instance: instance.to_vec(),
        }
    }

    fn print(&self, key: &[u8], raw: &[u8]) -> [u64; 4] {
        let mac = self.rows.mac(&[key, raw]);
        let (lanes, _) = mac.as_chunks::<8>();
        let lane = |at: usize| lanes.get(at).map_or(0, |lane| u64::from_be_bytes(*lane));
        [lane(0), lane(1), lane(2), lane(3)]
    }
}

impl fmt::Debug for ManifestKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManifestKeys")
    }
}

/// A set of rows: their number and the sum of their prints.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    fn add(&mut self, print: [u64; 4]) {
        self.rows = self.rows.wrapping_add(1);
        for (lane, part) in self.lanes.iter_mut().zip(print) {
            *lane = lane.wrapping_add(part);
        }
    }

    fn subtract(&mut self, print: [u64; 4]) {
        self.rows = self.rows.wrapping_sub(1);
        for (lane, part) in self.lanes.iter_mut().zip(print) {
            *lane = lane.wrapping_sub(part);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        for (lane, part) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(part);
        }
    }
}

/// One [`Sum`] per tree, and rows that belong to none.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    trees: [Sum; TREES],
    strange: u64,
}

impl Sums {
    /// The row under `key`, tag included, was `old` and is `new`.
    pub(crate) fn replace(
        &mut self,
        keys: &ManifestKeys,
        key: &[u8],
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) {
        let Some(tree) = key.first().and_then(|tag| Tree::tagged(*tag)) else {
            self.strange = self.strange.wrapping_add(u64::from(new.is_some()));
            return;
        };
        let sum = &mut self.trees[slot(tree)];
        if let Some(old) = old {
            sum.subtract(keys.print(key, old));
        }
        if let Some(new) = new {
            sum.add(keys.print(key, new));
        }
    }

    /// Those of these rows and the others together.
    pub(crate) fn merge(&mut self, others: &Self) {
        for (sum, other) in self.trees.iter_mut().zip(&others.trees) {
            sum.merge(other);
        }
        self.strange = self.strange.wrapping_add(others.strange);
    }

    fn of(&self, tree: Tree) -> Sum {
        self.trees[slot(tree)]
    }
}

/// Tags begin at 1 and have no gaps.
const fn slot(tree: Tree) -> usize {
    tree.tag() as usize - 1
}

/// What a whole database amounts to at one moment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    sequence: u64,
    sums: Sums,
}

impl Manifest {
    /// How many transactions there were; each makes it greater by one.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many rows `tree` has, expired ones included.
    #[must_use]
    pub fn rows(&self, tree: Tree) -> u64 {
        self.sums.of(tree).rows
    }

    /// The manifest at `sequence` of a database whose rows come to `sums`.
    pub(crate) const fn of(sequence: u64, sums: Sums) -> Self {
        Self { sequence, sums }
    }

    /// The manifest after one more transaction; its rows are still to be told of.
    pub(crate) fn next(&self) -> Self {
        Self {
            sequence: self.sequence + 1,
            sums: self.sums.clone(),
        }
    }

    /// See [`Sums::replace`].
    pub(crate) fn replace(
        &mut self,
        keys: &ManifestKeys,
        key: &[u8],
        old: Option<&[u8]>,
        new: Option<&[u8]>,
    ) {
        self.sums.replace(keys, key, old, new);
    }

    /// How `found`, the rows that are there, differ from what has to be there.
    ///
    /// # Errors
    /// When they differ.
    pub(crate) fn check(&self, found: &Sums) -> Result<(), Damage> {
        let differs = Tree::ALL.into_iter().filter_map(|tree| {
            let (expected, found) = (self.sums.of(tree), found.of(tree));
            (expected != found).then_some(Difference {
                tree,
                expected: expected.rows,
                found: found.rows,
            })
        });
        let damage = Damage {
            trees: differs.collect(),
            strange: found.strange,
        };
        if damage == Damage::default() {
            Ok(())
        } else {
            Err(damage)
        }
    }

    /// The manifest as the database keeps it: hidden, and of use to this store alone.
    pub(crate) fn seal(&self, keys: &ManifestKeys) -> Option<Vec<u8>> {
        keys.cipher.seal(&keys.instance, &self.encode())
    }

    /// Reads what [`Manifest::seal`] made.
    ///
    /// # Errors
    /// Why it is none of this store.
    pub(crate) fn open(keys: &ManifestKeys, sealed: &[u8]) -> Result<Self, &'static str> {
        let plain = keys.cipher.open(&keys.instance, sealed)?;
        Self::decode(&plain).ok_or("unknown form")
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENCODED);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        for (tree, sum) in Tree::ALL.iter().zip(self.sums.trees) {
            bytes.push(tree.tag());
            bytes.extend_from_slice(&sum.rows.to_be_bytes());
            for lane in sum.lanes {
                bytes.extend_from_slice(&lane.to_be_bytes());
            }
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (sequence, rest) = bytes.split_first_chunk::<8>()?;
        let mut sums = Sums::default();
        let (parts, []) = rest.as_chunks::<41>() else {
            return None;
        };
        for (part, (tree, sum)) in parts.iter().zip(Tree::ALL.iter().zip(&mut sums.trees)) {
            let (tag, numbers) = part.split_first()?;
            let (numbers, []) = numbers.as_chunks::<8>() else {
                return None;
            };
            let mut numbers = numbers.iter().map(|number| u64::from_be_bytes(*number));
            sum.rows = numbers.next()?;
            for lane in &mut sum.lanes {
                *lane = numbers.next()?;
            }
            if *tag != tree.tag() {
                return None;
            }
        }
        let sequence = u64::from_be_bytes(*sequence);
        (bytes.len() == ENCODED).then_some(Self { sequence, sums })
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the sums: they would help to forge a set of rows.
        let rows = Tree::ALL.map(|tree| (tree, self.rows(tree)));
        f.debug_struct("Manifest")
            .field("sequence", &self.sequence)
            .field("rows", &rows)
            .finish_non_exhaustive()
    }
}

/// A tree whose rows are not those that were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub tree: Tree,
    /// How many rows it has to have.
    pub expected: u64,
    /// How many it has. As many as expected: some are others than were written.
    pub found: u64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tree,
            expected,
            found,
        } = self;
        if found < expected {
            write!(f, "{tree:?} lost {} of {expected} rows", expected - found)
        } else if found > expected {
            write!(f, "{tree:?} has {} rows too many", found - expected)
        } else {
            write!(f, "{tree:?} has rows that were never written there")
        }
    }
}

/// How the rows of a database differ from its manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Damage {
    /// The trees that differ.
    pub trees: Vec<Difference>,
    /// Rows that belong to no tree.
    pub strange: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strange =
            (self.strange > 0).then(|| format!("{} rows belong to no tree", self.strange));
        let parts = self.trees.iter().map(ToString::to_string).chain(strange);
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests;
