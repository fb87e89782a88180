//! The book that all writers keep: the manifest of the rows as they are now, and how far a walk has
//! come. Whoever holds it is the only writer.

use crate::store::manifest::{Manifest, ManifestKeys, Sums};
use sled::IVec;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the manifest lies: after all rows, so that it shares its page with few of them.
pub(crate) const MANIFEST: [u8; 1] = [255];

/// Rows changed behind a walk that it has not seen again yet; more, and the walk is given up.
const MOST_CHANGED: usize = 16_384;

/// One row of a transaction, tag included: as it is, and as it will be.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) key: Vec<u8>,
    pub(crate) old: Option<IVec>,
    pub(crate) new: Option<Vec<u8>>,
}

/// How far a walk has come.
#[derive(Default)]
pub(crate) struct Progress {
    /// The last row that was read.
    pub(crate) cursor: Option<Vec<u8>>,
    /// What is added to the sums of the rows that were read by what changed of them since.
    pub(crate) since: Sums,
    /// Rows up to the cursor that changed after they were read.
    pub(crate) changed: BTreeSet<Vec<u8>>,
    /// Writers were faster than the walk.
    pub(crate) outrun: bool,
}

impl Progress {
    fn note(&mut self, keys: &ManifestKeys, edit: &Edit) {
        if self.cursor.as_ref().is_none_or(|cursor| edit.key > *cursor) {
            return;
        }
        let (old, new) = (edit.old.as_deref(), edit.new.as_deref());
        self.since.replace(keys, &edit.key, old, new);
        if self.changed.len() < MOST_CHANGED {
            self.changed.insert(edit.key.clone());
        } else {
            self.outrun = true;
        }
    }
}

/// The manifest in memory, and the walk under way.
pub(crate) struct Ledger {
    pub(crate) keys: Arc<ManifestKeys>,
    pub(crate) manifest: Manifest,
    /// The sequence number of the last transaction that was made, for those who sync it.
    pub(crate) made: Arc<AtomicU64>,
    pub(crate) walk: Option<Progress>,
}

impl Ledger {
    /// Makes `edits` in one batch together with the manifest; in this book only once they are made.
    pub(crate) fn commit(&mut self, rows: &sled::Db, edits: &[Edit]) -> Result<(), sled::Error> {
        let mut manifest = self.manifest.next();
        let mut batch = sled::Batch::default();
        for edit in edits {
            let (old, new) = (edit.old.as_deref(), edit.new.as_deref());
            manifest.replace(&self.keys, &edit.key, old, new);
            match new {
                Some(new) => batch.insert(edit.key.as_slice(), new),
                None => batch.remove(edit.key.as_slice()),
            }
        }
        let sealed = manifest.seal(&self.keys);
        let sealed = sealed.ok_or_else(|| {
            sled::Error::Unsupported("the manifest could not be sealed".to_owned())
        })?;
        batch.insert(&MANIFEST, sealed);
        rows.apply_batch(batch)?;
        self.manifest = manifest;
        self.made.store(self.manifest.sequence(), Ordering::Release);
        if let Some(walk) = &mut self.walk {
            for edit in edits {
                walk.note(&self.keys, edit);
            }
        }
        Ok(())
    }

    /// The manifest as the database has it.
    ///
    /// # Errors
    /// `Ok(Err(_))` says why there is none of this store.
    pub(crate) fn stored(
        rows: &sled::Db,
        keys: &ManifestKeys,
    ) -> Result<Result<Manifest, &'static str>, sled::Error> {
        let sealed = rows.get(MANIFEST)?;
        Ok(sealed.map_or(Err("it is missing"), |sealed| Manifest::open(keys, &sealed)))
    }
}
