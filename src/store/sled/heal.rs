//! After a failure: closed, written anew, opened, checked, as soon as the disk allows it.
//!
//! Until then the failed database answers reads and takes no write. Once it is closed there is no way
//! back to it: every question is an error until it could be opened again, and was found to be whole
//! and as new as its anchor.

use crate::store::anchor;
use crate::store::opening::OpenError;
use crate::store::sled::SledStore;
use crate::store::sled::database::{DATABASE, Database};
use crate::store::{Error, files};
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes of room beside a second copy of the database: sled takes some to open.
const SPARE: u64 = 8 * 1024 * 1024;

/// How long one round waits for reads that are under way; the next one looks again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the store is.
#[derive(Clone, Debug)]
#[must_use]
pub enum Health {
    /// Nothing failed.
    Well,
    /// It failed, and was opened again just now.
    Healed,
    /// It failed, and cannot be opened again yet.
    Failing(Error),
    /// It failed, and what was found is damaged: trying again soon does not change that.
    Damaged(Error),
}

/// What is still to be done before a failed database is opened again.
#[derive(Default)]
pub(in crate::store::sled) struct Healing {
    /// The failed database, while someone still reads from it.
    leaving: Option<Arc<Database>>,
    /// The files were not written anew since something failed on them.
    stale: bool,
}

impl SledStore {
    /// Opens the database again if it failed. Blocks; call it now and then.
    ///
    /// `before` is called when the old database is gone and nothing of the new one was read: there
    /// caches are told to forget.
    pub fn heal(&self, before: impl FnOnce()) -> Health {
        let mut healing = self.healing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = match self.database() {
            Ok(database) => match database.writable() {
                Ok(()) => return Health::Well,
                Err(failed) => failed,
            },
            Err(closed) => closed,
        };
        if self.is_stopping() {
            return Health::Failing(failed);
        }
        if let Err(error) = self.has_room() {
            let reason = format!("{failed}; it cannot be opened again yet: {error}");
            return Health::Failing(Error::Io(reason));
        }
        if !self.close(&mut healing, &failed) {
            let reason = format!("{failed}; it cannot be opened again yet: it is still read from");
            return Health::Failing(Error::Io(reason));
        }
        match self.open_anew(&mut healing) {
            Ok(database) => {
                before();
                drop(self.put(Ok(Arc::new(database))));
                Health::Healed
            }
            Err(cause) => {
                let error = Error::Io(cause.to_string());
                drop(self.put(Err(error.clone())));
                if cause.is_lasting() {
                    return Health::Damaged(error);
                }
                healing.stale = true;
                Health::Failing(error)
            }
        }
    }

    fn has_room(&self) -> std::io::Result<()> {
        let folder = &self.place.folder;
        files::remove_drafts(folder)?;
        files::check_room(folder, files::size_of_content(folder)? + SPARE)
    }

    fn put(&self, open: Result<Arc<Database>, Error>) -> Result<Arc<Database>, Error> {
        let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, open)
    }

    /// Lets go of the failed database, and waits for those who read from it; tells whether it is gone.
    fn close(&self, healing: &mut Healing, failed: &Error) -> bool {
        if let Ok(database) = self.put(Err(failed.clone())) {
            *healing = Healing {
                leaving: Some(database),
                stale: true,
            };
        }
        let begun = Instant::now();
        while let Some(database) = healing.leaving.take() {
            match Arc::try_unwrap(database) {
                // A failed engine may panic as it ends; what it leaves is judged at opening.
                Ok(last) => drop(catch_unwind(AssertUnwindSafe(|| drop(last)))),
                Err(shared) => {
                    healing.leaving = Some(shared);
                    if begun.elapsed() > PATIENCE {
                        return false;
                    }
                    sleep(Duration::from_millis(2));
                }
            }
        }
        true
    }

    fn open_anew(&self, healing: &mut Healing) -> Result<Database, OpenError> {
        let folder = &self.place.folder;
        self.check_unused()?;
        if healing.stale {
            let anchor = anchor::path(folder);
            files::rewrite_content(folder).map_err(OpenError::io(folder))?;
            files::rewrite(&anchor).map_err(OpenError::io(&anchor))?;
            healing.stale = false;
        }
        Database::open(&self.place)?.checked(folder, &self.stop)
    }

    /// An engine that is slow to end holds the lock of the file that it knows, and would not be seen
    /// once another took its place.
    fn check_unused(&self) -> Result<(), OpenError> {
        let path = self.place.folder.join(DATABASE);
        let file = File::open(&path).map_err(OpenError::io(&path))?;
        files::lock(&file, PATIENCE).map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(self.place.folder.clone()),
            TryLockError::Error(error) => OpenError::io(&path)(error),
        })
    }
}

#[cfg(test)]
mod tests;
