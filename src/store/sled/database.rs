//! One open database: its rows, their manifest, and the anchor, which change together.

use crate::clock::Timestamp;
use crate::store::anchor::Anchor;
use crate::store::flusher::Flusher;
use crate::store::manifest::{Manifest, ManifestKeys};
use crate::store::opening::OpenError;
use crate::store::sled::engine::{self, Failure};
use crate::store::sled::ledger::{Edit, Ledger, MANIFEST};
use crate::store::sled::row;
use crate::store::{Change, Error, Swap, files};
use std::fs::File;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The file inside sled's folder that everything is in.
pub(crate) const DATABASE: &str = "db";

/// Rows that a sweep looks at in one transaction: writers wait for no more.
const SWEPT_AT_ONCE: usize = 256;

/// Where a database is, and the keys that its manifest and anchor are made with.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) keys: Arc<ManifestKeys>,
}

impl Place {
    pub(crate) fn new(folder: &Path, keys: ManifestKeys) -> Self {
        Self {
            folder: folder.to_owned(),
            keys: Arc::new(keys),
        }
    }
}

/// An open database. Dropping it writes everything and frees the folder.
pub(crate) struct Database {
    // Dropped first: its thread holds the database too.
    pub(crate) flusher: Flusher,
    pub(crate) rows: sled::Db,
    pub(crate) failure: Failure,
    ledger: Mutex<Ledger>,
    /// Held by the one walk that goes on.
    pub(crate) turn: Mutex<()>,
    /// Where the next sweep begins.
    swept: Mutex<Vec<u8>>,
    // Dropped last: it waits for all of the above to let go.
    _closing: Closing,
}

/// Waits, when dropped, until sled has let go of the file.
///
/// Threads of sled's own hold the file, and with it the lock, for some moments after the database
/// was dropped; without the wait, opening it again at once would find it in use.
struct Closing(File);

impl Drop for Closing {
    fn drop(&mut self) {
        // Taken for a moment only, as proof that nobody else has it. When it cannot be had, the next
        // opener says so.
        let _ = files::lock(&self.0, Duration::from_secs(5));
    }
}

/// What sled opened, before anyone has looked at it.
pub(crate) struct Found {
    pub(crate) rows: sled::Db,
    pub(crate) second: File,
    pub(crate) failure: Failure,
    closing: Closing,
}

impl Found {
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let rows = engine::open(folder)?;
        let file = folder.join(DATABASE);
        let second = File::open(&file).map_err(OpenError::io(&file))?;
        let closing = Closing(File::open(&file).map_err(OpenError::io(&file))?);
        // sled syncs neither the names in its folder nor the name of the folder.
        files::sync_folder(folder).map_err(OpenError::io(folder))?;
        let failure = Failure::default();
        Ok(Self {
            rows,
            second,
            failure,
            closing,
        })
    }

    /// The manifest that lies in the database.
    pub(crate) fn manifest(
        &self,
        folder: &Path,
        keys: &ManifestKeys,
    ) -> Result<Manifest, OpenError> {
        let read = || Ok((Ledger::stored(&self.rows, keys)?, self.rows.is_empty()));
        let read = engine::attempt(&self.failure, read);
        match read.map_err(OpenError::Damaged)? {
            (Ok(manifest), _) => Ok(manifest),
            (Err(_), true) => Err(OpenError::Emptied(folder.to_owned())),
            (Err(reason), false) => Err(OpenError::NoManifest {
                path: folder.to_owned(),
                reason,
            }),
        }
    }

    fn serve(
        self,
        folder: &Path,
        manifest: Manifest,
        anchor: Anchor,
        keys: Arc<ManifestKeys>,
    ) -> Result<Database, OpenError> {
        let made = Arc::new(AtomicU64::new(manifest.sequence()));
        let sync = sync(
            self.rows.clone(),
            self.second,
            anchor,
            Arc::clone(&made),
            Arc::clone(&self.failure),
        );
        let flusher = Flusher::start(sync).map_err(OpenError::io(folder))?;
        Ok(Database {
            flusher,
            rows: self.rows,
            failure: self.failure,
            ledger: Mutex::new(Ledger {
                keys,
                manifest,
                made,
                walk: None,
            }),
            turn: Mutex::default(),
            swept: Mutex::default(),
            _closing: self.closing,
        })
    }
}

/// What the flusher thread does: sled's own flush, a sync that keeps its word, and the anchor, which
/// never claims more than is durable.
fn sync(
    rows: sled::Db,
    second: File,
    mut anchor: Anchor,
    made: Arc<AtomicU64>,
    failure: Failure,
) -> impl FnMut() -> Result<(), Error> + Send + 'static {
    move || {
        // After a failed sync the kernel may have dropped the pages: a later success proves nothing.
        if let Some(error) = failure.get() {
            return Err(error.clone());
        }
        engine::attempt(&failure, || {
            let sequence = made.load(Ordering::Acquire);
            rows.flush()?;
            second.sync_data().map_err(sled::Error::Io)?;
            anchor.advance(sequence).map_err(sled::Error::Io)
        })
    }
}

impl Database {
    /// Makes a database in `folder`, where there is none. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn create(Place { folder, keys }: &Place) -> Result<Self, OpenError> {
        files::create_folder(folder).map_err(OpenError::io(folder))?;
        let found = Found::open(folder)?;
        let mut ledger = Ledger {
            keys: Arc::clone(keys),
            manifest: Manifest::default(),
            made: Arc::default(),
            walk: None,
        };
        let first = engine::attempt(&found.failure, || ledger.commit(&found.rows, &[]));
        first.map_err(OpenError::Damaged)?;
        let anchor = Anchor::create(folder, Arc::clone(keys), 0)?;
        found.serve(folder, ledger.manifest, anchor, Arc::clone(keys))
    }

    /// Opens the database in `folder`; its rows are still to be looked at. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`]: when it is not the newest state of this store.
    pub(crate) fn open(Place { folder, keys }: &Place) -> Result<Self, OpenError> {
        let found = Found::open(folder)?;
        let manifest = found.manifest(folder, keys)?;
        let anchor = Anchor::open(folder, Arc::clone(keys))?;
        if manifest.sequence() < anchor.newest() {
            return Err(OpenError::RolledBack {
                path: folder.to_owned(),
                found: manifest.sequence(),
                known: anchor.newest(),
            });
        }
        found.serve(folder, manifest, anchor, Arc::clone(keys))
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writable(&self) -> Result<(), Error> {
        self.failure
            .get()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The row under `key`, tag included, expired or not.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, Error> {
        engine::attempt(&self.failure, || self.rows.get(key))
    }

    /// Makes all `changes` or none.
    pub(crate) fn apply(&self, changes: &[Change<'_>], now: Timestamp) -> Result<Swap, Error> {
        self.writable()?;
        let mut ledger = self.ledger();
        engine::attempt(&self.failure, || {
            let Some(edits) = self.edits(changes, now)? else {
                return Ok(Swap::Conflict);
            };
            if !edits.is_empty() {
                ledger.commit(&self.rows, &edits)?;
            }
            Ok(Swap::Done)
        })
    }

    /// What `changes` come to; `None` when a row is not as expected.
    fn edits(
        &self,
        changes: &[Change<'_>],
        now: Timestamp,
    ) -> Result<Option<Vec<Edit>>, sled::Error> {
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            let key = row::key(change.tree, change.key);
            let old = self.rows.get(&key)?;
            let present = old.as_deref().filter(|raw| row::live(raw, now));
            if present != change.expect.map(|version| version.0.as_slice()) {
                return Ok(None);
            }
            let new = change.new.map(|new| row::encode(&new));
            if old.is_some() || new.is_some() {
                edits.push(Edit { key, old, new });
            }
        }
        Ok(Some(edits))
    }

    /// Removes expired rows, looking at `limit` rows at most from where the last sweep stopped.
    pub(crate) fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        self.writable()?;
        let mut at = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut left, mut removed) = (limit, 0);
        while left > 0 {
            let part = left.min(SWEPT_AT_ONCE);
            let mut ledger = self.ledger();
            let (seen, edits) = engine::attempt(&self.failure, || {
                let (seen, edits) = self.expired(&mut at, now, part)?;
                if !edits.is_empty() {
                    ledger.commit(&self.rows, &edits)?;
                }
                Ok((seen, edits.len()))
            })?;
            removed += edits;
            left -= part;
            if seen < part {
                at.clear();
                break;
            }
        }
        Ok(removed)
    }

    /// Goes on after the key `at`, and leaves there where the next look has to begin.
    fn expired(
        &self,
        at: &mut Vec<u8>,
        now: Timestamp,
        limit: usize,
    ) -> Result<(usize, Vec<Edit>), sled::Error> {
        let start = Bound::Excluded(at.clone());
        let (mut seen, mut edits) = (0, vec![]);
        for row in self
            .rows
            .range::<Vec<u8>, _>((start, Bound::Excluded(MANIFEST.to_vec())))
            .take(limit)
        {
            let (key, old) = row?;
            seen += 1;
            *at = key.to_vec();
            if !row::live(&old, now) {
                edits.push(Edit {
                    key: key.to_vec(),
                    old: Some(old),
                    new: None,
                });
            }
        }
        Ok((seen, edits))
    }

    /// Live rows below `prefix`, after the key `after`.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
        after: Option<Vec<u8>>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<(sled::IVec, sled::IVec)>, Error> {
        let start = match after {
            Some(after) if after.as_slice() >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix.to_vec()),
        };
        engine::attempt(&self.failure, || {
            let mut found = vec![];
            for row in self.rows.range::<Vec<u8>, _>((start, Bound::Unbounded)) {
                let (key, raw) = row?;
                if found.len() == limit || !key.starts_with(prefix) {
                    break;
                }
                if row::live(&raw, now) {
                    found.push((key, raw));
                }
            }
            Ok(found)
        })
    }
}
