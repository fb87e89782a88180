//! A look at a database that may be damaged: nothing is refused, everything is told.

use crate::store::Tree;
use crate::store::anchor::Anchor;
use crate::store::manifest::{Damage, Manifest, Sums};
use crate::store::opening::OpenError;
use crate::store::sled::database::{Found, Place};
use crate::store::sled::engine;
use crate::store::sled::ledger::{Edit, Ledger, MANIFEST};
use crate::store::sled::row;
use std::sync::Arc;

/// What was found.
pub(crate) struct Examined {
    place: Place,
    found: Found,
    sums: Sums,
    /// Rows, tag included, that nobody can read.
    unreadable: Vec<Vec<u8>>,
    pub(crate) manifest: Result<Manifest, OpenError>,
    anchor: Result<u64, OpenError>,
}

impl Examined {
    /// Reads the whole database; `opens` says whether a sealed value opens. Blocks.
    ///
    /// # Errors
    /// When sled cannot read it at all.
    pub(crate) fn read(
        place: Place,
        opens: impl Fn(Tree, &[u8], &[u8]) -> bool,
    ) -> Result<Self, OpenError> {
        let found = Found::open(&place.folder)?;
        let manifest = found.manifest(&place.folder, &place.keys);
        let anchor = Anchor::open(&place.folder, Arc::clone(&place.keys));
        let (mut sums, mut unreadable) = (Sums::default(), vec![]);
        let read = engine::attempt(&found.failure, || {
            for row in found.rows.iter() {
                let (key, raw) = row?;
                if key == MANIFEST {
                    continue;
                }
                sums.replace(&place.keys, &key, None, Some(&raw));
                if !readable(&key, &raw, &opens) {
                    unreadable.push(key.to_vec());
                }
            }
            Ok(())
        });
        read.map_err(OpenError::Damaged)?;
        Ok(Self {
            place,
            found,
            sums,
            unreadable,
            manifest,
            anchor: anchor.map(|anchor| anchor.newest()),
        })
    }

    /// How the rows differ from the manifest; from none at all when there is no manifest.
    pub(crate) fn damage(&self) -> Damage {
        let none = Manifest::default();
        let manifest = self.manifest.as_ref().unwrap_or(&none);
        manifest.check(&self.sums).err().unwrap_or_default()
    }

    /// How many rows nobody can read.
    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// What is wrong beside the rows.
    pub(crate) fn problems(&self) -> Vec<String> {
        let refused = [self.manifest.as_ref().err(), self.anchor.as_ref().err()];
        let rolled_back = match (&self.manifest, &self.anchor) {
            (Ok(manifest), Ok(known)) if manifest.sequence() < *known => {
                Some(OpenError::RolledBack {
                    path: self.place.folder.clone(),
                    found: manifest.sequence(),
                    known: *known,
                })
            }
            (Ok(_) | Err(_), Ok(_) | Err(_)) => None,
        };
        let all = refused.into_iter().flatten().chain(rolled_back.as_ref());
        all.map(ToString::to_string).collect()
    }

    /// Takes the rows as they are, without those that nobody can read: from now on the store is whole.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(crate) fn accept(mut self) -> Result<(), OpenError> {
        let Place { folder, keys } = &self.place;
        let sequence = self.manifest.as_ref().map_or(0, Manifest::sequence);
        let sequence = sequence.max(*self.anchor.as_ref().unwrap_or(&0));
        let written = engine::attempt(&self.found.failure, || {
            let mut edits = vec![];
            for key in std::mem::take(&mut self.unreadable) {
                let old = self.found.rows.get(&key)?;
                edits.push(Edit {
                    key,
                    old,
                    new: None,
                });
            }
            let mut ledger = Ledger {
                keys: Arc::clone(keys),
                manifest: Manifest::of(sequence, self.sums.clone()),
                made: Arc::default(),
                walk: None,
            };
            ledger.commit(&self.found.rows, &edits)?;
            self.found.rows.flush()?;
            self.found.second.sync_data().map_err(sled::Error::Io)?;
            Ok(ledger.manifest.sequence())
        });
        let sequence = written.map_err(OpenError::Damaged)?;
        drop(Anchor::create(folder, Arc::clone(keys), sequence)?);
        Ok(())
    }
}

fn readable(key: &[u8], raw: &[u8], opens: impl Fn(Tree, &[u8], &[u8]) -> bool) -> bool {
    let Some((tag, key)) = key.split_first() else {
        return false;
    };
    Tree::tagged(*tag)
        .is_some_and(|tree| row::value(tree, raw).is_ok_and(|sealed| opens(tree, key, sealed)))
}
