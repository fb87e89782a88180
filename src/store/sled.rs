//! The embedded store: one sled tree, one flusher thread, no surprises.
//!
//! Owns everything that sled needs watching for. Its rules, each measured: `flush` alone is not
//! durable on Linux, so a second descriptor of the same file is synced after it; `flush_async` can
//! hang for good, so only the flusher thread flushes; a damaged file panics inside sled, so every
//! call is caught; after a first failure sled's writes keep failing, and what the kernel still holds
//! is unknown, so nothing more is written until the database is opened again.
//!
//! All [`Tree`]s share one sled tree, with a tag byte before each key, so that a swap over several
//! rows is one transaction. A row is its expiry (8 bytes, big-endian, 0 for never) and the value.

use crate::clock::{Clock, Timestamp};
use crate::store::flusher::Flusher;
use crate::store::opening::OpenError;
use crate::store::sled::engine::Failure;
use crate::store::{
    BoxFuture, Change, Durability, Entry, Error, Found, Store, Swap, Tree, Version, check_changes,
    check_key, files,
};
use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree, abort};
use std::fmt;
use std::fs::File;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod engine;
mod row;

/// The file inside sled's folder that everything is in.
pub(crate) const DATABASE: &str = "db";

/// A store in a folder of this machine, for one process at a time.
///
/// Needs a Tokio runtime for scans and sweeps. Dropping it writes everything and frees the folder.
pub struct SledStore {
    // Dropped first: its thread holds the database too.
    flusher: Flusher,
    database: sled::Db,
    failure: Failure,
    clock: Arc<dyn Clock>,
    swept: Arc<Mutex<Vec<u8>>>,
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

impl SledStore {
    /// Opens the database in `folder`, or makes one.
    ///
    /// Blocks: it reads the whole log. Whether the folder *should* hold a database is for
    /// [`crate::store::data_folder`] to judge.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has it open, [`OpenError::Unopenable`] when sled
    /// fails or panics, [`OpenError::Io`] for the rest.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        files::create_folder(folder).map_err(OpenError::io(folder))?;
        let database = engine::open(folder)?;
        let file = folder.join(DATABASE);
        let second = File::open(&file).map_err(OpenError::io(&file))?;
        let closing = Closing(File::open(&file).map_err(OpenError::io(&file))?);
        // sled syncs neither the names in its folder nor the name of the folder.
        files::sync_folder(folder).map_err(OpenError::io(folder))?;
        let failure = Failure::default();
        let sync = engine::sync(database.clone(), second, Arc::clone(&failure));
        let flusher = Flusher::start(sync).map_err(OpenError::io(folder))?;
        Ok(Self {
            flusher,
            database,
            failure,
            clock,
            swept: Arc::default(),
            _closing: closing,
        })
    }

    /// How often the disk was asked to sync since the store was opened.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.flusher.syncs()
    }

    /// Removes rows that expired before `now`, looking at `limit` rows at most; tells how many.
    ///
    /// Each call goes on where the last one stopped, so a timer that calls it now and then sees
    /// every row without holding the disk for long. An expired row reads as absent anyway.
    ///
    /// # Errors
    /// When the database fails or has failed.
    pub async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        self.writable()?;
        let database = self.database.clone();
        let swept = Arc::clone(&self.swept);
        self.blocking(move || {
            let mut at = swept.lock().unwrap_or_else(PoisonError::into_inner);
            sweep(&database, &mut at, now, limit)
        })
        .await
    }

    /// Runs long work away from the reactor.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, sled::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let failure = Arc::clone(&self.failure);
        tokio::task::spawn_blocking(move || engine::attempt(&failure, work))
            .await
            .unwrap_or_else(|_| Err(Error::Io("the runtime is shutting down".to_owned())))
    }

    fn writable(&self) -> Result<(), Error> {
        self.failure
            .get()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    fn apply(&self, changes: &[Change<'_>]) -> Result<Swap, Error> {
        check_changes(changes)?;
        self.writable()?;
        let now = self.clock.now();
        engine::attempt(&self.failure, || {
            let made = self.database.transaction(|rows| make(rows, changes, now));
            match made {
                Ok(()) => Ok(Swap::Done),
                Err(TransactionError::Abort(Conflict)) => Ok(Swap::Conflict),
                Err(TransactionError::Storage(error)) => Err(error),
            }
        })
    }
}

impl Store for SledStore {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            check_key(key)?;
            let raw = engine::attempt(&self.failure, || self.database.get(row::key(tree, key)))?;
            let now = self.clock.now();
            let Some(raw) = raw.filter(|raw| row::live(raw, now)) else {
                return Ok(None);
            };
            Ok(Some(Found {
                value: row::value(tree, &raw)?.to_vec(),
                version: Version(raw.to_vec()),
            }))
        })
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let swap = self.apply(changes)?;
            match (swap, durability) {
                (Swap::Done, Durability::Synced) => self.flusher.synced().await?,
                // A conflict promises nothing; who goes on from it has to swap again.
                (Swap::Conflict, Durability::Synced) | (_, Durability::Relaxed) => {}
            }
            Ok(swap)
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        let database = self.database.clone();
        let prefix = row::key(tree, prefix);
        let start = after.map(|after| row::key(tree, after));
        Box::pin(async move {
            let now = self.clock.now();
            let rows = self.blocking(move || scan(&database, &prefix, start, limit, now));
            let rows = rows.await?.into_iter().map(|(key, raw)| {
                let value = row::value(tree, &raw)?.to_vec();
                Ok((key.get(1..).unwrap_or_default().to_vec(), value))
            });
            rows.collect()
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.writable()?;
            engine::attempt(&self.failure, || {
                self.database.get(row::key(Tree::Meta, b""))
            })?;
            Ok(())
        })
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sled's own Debug prints every row.
        f.debug_struct("SledStore")
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// At least one row was not as expected.
#[derive(Debug)]
struct Conflict;

/// The body of the transaction; it may run several times.
fn make(
    rows: &TransactionalTree,
    changes: &[Change<'_>],
    now: Timestamp,
) -> Result<(), ConflictableTransactionError<Conflict>> {
    let mut obsolete = Vec::with_capacity(changes.len());
    for change in changes {
        let raw = rows.get(row::key(change.tree, change.key))?;
        let present = raw.as_deref().filter(|raw| row::live(raw, now));
        if present != change.expect.map(|version| version.0.as_slice()) {
            return abort(Conflict);
        }
        obsolete.push(raw.is_some());
    }
    for (change, obsolete) in changes.iter().zip(obsolete) {
        let key = row::key(change.tree, change.key);
        match change.new {
            Some(new) => drop(rows.insert(key, row::encode(&new))?),
            None if obsolete => drop(rows.remove(key)?),
            None => {}
        }
    }
    Ok(())
}

fn scan(
    database: &sled::Db,
    prefix: &[u8],
    after: Option<Vec<u8>>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(sled::IVec, sled::IVec)>, sled::Error> {
    let start = match after {
        Some(after) if after.as_slice() >= prefix => Bound::Excluded(after),
        Some(_) | None => Bound::Included(prefix.to_vec()),
    };
    let mut found = vec![];
    for row in database.range::<Vec<u8>, _>((start, Bound::Unbounded)) {
        let (key, raw) = row?;
        if found.len() == limit || !key.starts_with(prefix) {
            break;
        }
        if row::live(&raw, now) {
            found.push((key, raw));
        }
    }
    Ok(found)
}

/// Goes on after the key `at`, and leaves there where the next sweep has to begin.
fn sweep(
    database: &sled::Db,
    at: &mut Vec<u8>,
    now: Timestamp,
    limit: usize,
) -> Result<usize, sled::Error> {
    let start = Bound::Excluded(at.clone());
    let (mut seen, mut removed) = (0, 0);
    for row in database
        .range::<Vec<u8>, _>((start, Bound::Unbounded))
        .take(limit)
    {
        let (key, raw) = row?;
        seen += 1;
        *at = key.to_vec();
        if !row::live(&raw, now) {
            // Compared, so that a row that was written anew in this moment stays.
            let swap = database.compare_and_swap(&key, Some(raw), None::<&[u8]>)?;
            removed += usize::from(swap.is_ok());
        }
    }
    if seen < limit {
        at.clear();
    }
    Ok(removed)
}

#[cfg(test)]
mod tests;
