//! The embedded store: one sled tree, one flusher thread, no surprises.
//!
//! Owns everything that sled needs watching for. Its rules, each measured: `flush` alone is not
//! durable on Linux, so a second descriptor of the same file is synced after it; `flush_async` can
//! hang for good, so only the flusher thread flushes; a damaged file panics inside sled, so every
//! call is caught; after a first failure sled's writes keep failing, and what the kernel still holds
//! is unknown, so nothing more is written until the database was written anew and opened again.
//!
//! All [`Tree`]s share one sled tree, with a tag byte before each key, so that a swap over several
//! rows is one transaction. A row is its expiry (8 bytes, big-endian, 0 for never) and the value.

use crate::clock::{Clock, Timestamp};
use crate::store::manifest::{Manifest, ManifestKeys};
use crate::store::opening::OpenError;
use crate::store::sled::database::Database;
use crate::store::sled::heal::Healing;
use crate::store::{
    BoxFuture, Change, Durability, Entry, Error, Found, Store, Swap, Tree, Version, check_changes,
    check_key,
};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio_util::sync::CancellationToken;

mod heal;
mod examine;
mod walk;
mod database;
mod ledger;
mod engine;
mod row;

pub(crate) use crate::store::sled::database::{DATABASE, Place};
pub(crate) use crate::store::sled::examine::Examined;
pub use crate::store::sled::heal::Health;
pub use crate::store::sled::walk::{Event, WalkError};

/// A store in a folder of this machine, for one process at a time.
///
/// Needs a Tokio runtime for scans and sweeps. Dropping it writes everything and frees the folder.
pub struct SledStore {
    place: Place,
    /// The open database, or why there is none.
    open: RwLock<Result<Arc<Database>, Error>>,
    /// Held by whoever closes and opens.
    healing: Mutex<Healing>,
    clock: Arc<dyn Clock>,
    /// Long passes over the rows give up.
    stop: CancellationToken,
}

impl SledStore {
    /// Makes a database in `folder`, where there is none, and its anchor beside it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has it open, [`OpenError::Unopenable`] when sled
    /// fails or panics, [`OpenError::Io`] for the rest.
    pub fn create(
        folder: &Path,
        keys: ManifestKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let place = Place::new(folder, keys);
        let database = Database::create(&place)?;
        Ok(Self::around(place, database, clock))
    }

    /// Opens the database in `folder`, reads all of it, and compares it with its manifest and anchor.
    ///
    /// Blocks. Whether the folder *should* hold a database is for [`crate::store::data_folder`] to
    /// judge.
    ///
    /// # Errors
    /// Those of [`SledStore::create`], and whatever shows that the database is not as it was left.
    pub fn open(
        folder: &Path,
        keys: ManifestKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let place = Place::new(folder, keys);
        let stop = CancellationToken::new();
        let database = Database::open(&place)?.checked(folder, &stop)?;
        Ok(Self::around(place, database, clock))
    }

    fn around(place: Place, database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            place,
            open: RwLock::new(Ok(Arc::new(database))),
            healing: Mutex::default(),
            clock,
            stop: CancellationToken::new(),
        }
    }

    /// The open database. Whoever keeps it keeps a failed one from being opened again.
    fn database(&self) -> Result<Arc<Database>, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }

    /// How often the disk was asked to sync since the database was opened.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.database()
            .map_or(0, |database| database.flusher.syncs())
    }

    /// Tells `visit` of every row as it is stored, expired ones too, while writes go on.
    ///
    /// A later event about a row takes the place of an earlier one. What was told of is then exactly
    /// the database at the moment that the returned manifest is of, and was found to be whole. Blocks,
    /// in bounded memory; only one walk goes on at a time.
    ///
    /// # Errors
    /// See [`WalkError`]: then what `visit` heard of is of no use. After [`WalkError::Damaged`] the
    /// store takes no more writes.
    pub fn walk<E>(
        &self,
        visit: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<Manifest, WalkError<E>> {
        self.database()?.walk(&self.stop, visit)
    }

    /// Before the end of the process: walks and [`SledStore::heal`] give up soon, those that begin later
    /// at once, so that nobody waits for them. Reads and writes go on.
    pub fn stop_walks(&self) {
        self.stop.cancel();
    }

    /// Was [`SledStore::stop_walks`] called?
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Where the database stands by its own book, whether its rows bear that out or not.
    ///
    /// # Errors
    /// When it is closed.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        Ok(self.database()?.ledger().manifest.clone())
    }

    /// Removes rows that expired before `now`, looking at `limit` rows at most; tells how many.
    ///
    /// Each call goes on where the last one stopped, so a timer that calls it now and then sees
    /// every row without holding the disk for long. An expired row reads as absent anyway.
    ///
    /// # Errors
    /// When the database fails or has failed.
    pub async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let database = self.database()?;
        database.writable()?;
        blocking(move || database.sweep(now, limit)).await
    }
}

/// Runs long work away from the reactor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Error::Io("the runtime is shutting down".to_owned())))
}

impl Store for SledStore {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            check_key(key)?;
            let raw = self.database()?.get(&row::key(tree, key))?;
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
            check_changes(changes)?;
            let database = self.database()?;
            let swap = database.apply(changes, self.clock.now())?;
            match (swap, durability) {
                (Swap::Done, Durability::Synced) => database.flusher.synced().await?,
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
        let database = self.database();
        let prefix = row::key(tree, prefix);
        let start = after.map(|after| row::key(tree, after));
        Box::pin(async move {
            let (database, now) = (database?, self.clock.now());
            let rows = blocking(move || database.scan(&prefix, start, limit, now));
            let rows = rows.await?.into_iter().map(|(key, raw)| {
                let value = row::value(tree, &raw)?.to_vec();
                Ok((key.get(1..).unwrap_or_default().to_vec(), value))
            });
            rows.collect()
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let database = self.database()?;
            database.writable()?;
            database.get(&row::key(Tree::Meta, b"")).map(drop)
        })
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sled's own Debug prints every row.
        f.debug_struct("SledStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
