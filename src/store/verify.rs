//! What an operator is told about the state of a store.

use crate::store::Tree;
use crate::store::manifest::{Damage, Manifest};
use serde::{Deserialize, Serialize};

/// The rows of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct TreeReport {
    /// The name of the tree.
    pub tree: String,
    /// Rows that are there, expired ones included.
    pub rows: u64,
    /// Rows that have to be there; nothing when no manifest says so.
    pub expected: Option<u64>,
}

/// The state of a store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Report {
    /// The number of transactions that the database knows of.
    pub sequence: Option<u64>,
    /// All trees.
    pub trees: Vec<TreeReport>,
    /// What is wrong; empty when the store is whole.
    pub problems: Vec<String>,
}

impl Report {
    /// A store with `manifest`, and how its rows differ from that.
    #[must_use]
    pub fn new(manifest: Option<&Manifest>, damage: &Damage) -> Self {
        let tree = |tree: Tree| {
            let expected = manifest.map(|manifest| manifest.rows(tree));
            let differs = damage.trees.iter().find(|one| one.tree == tree);
            TreeReport {
                tree: format!("{tree:?}"),
                rows: differs.map_or(expected.unwrap_or(0), |differs| differs.found),
                expected,
            }
        };
        let whole = *damage == Damage::default();
        Self {
            sequence: manifest.map(Manifest::sequence),
            trees: Tree::ALL.map(tree).to_vec(),
            problems: Vec::from_iter((!whole && manifest.is_some()).then(|| damage.to_string())),
        }
    }

    /// Adds that `rows` do not open under the master key.
    #[must_use]
    pub fn unreadable(mut self, rows: usize) -> Self {
        if rows > 0 {
            let problem =
                format!("{rows} rows cannot be read: they do not open under the master key");
            self.problems.push(problem);
        }
        self
    }

    /// Is every row there, as it was written?
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}
