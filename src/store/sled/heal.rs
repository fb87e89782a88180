//! After a failure: closed, written anew, opened, checked, as soon as the disk allows it.
//!
//! Until then the failed database answers reads and takes no write. Once it is closed there is no way
//! back to it: every question is an error until it could be opened again, and was found to be whole
//! and as new as its anchor.

use crate::store::anchor;
use crate::store::opening::OpenError;
use crate::store::sled::SledStore;
use crate::store::sled::database::Database;
use crate::store::{Error, files};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes of room beside a second copy of the database: sled takes some to open.
const SPARE: u64 = 8 * 1024 * 1024;

/// How long reads that are under way may keep a failed database open.
const PATIENCE: Duration = Duration::from_secs(10);

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
}

impl SledStore {
    /// Opens the database again if it failed. Blocks; call it now and then.
    ///
    /// `before` is called when the old database is gone and nothing of the new one was read: there
    /// caches are told to forget.
    pub fn heal(&self, before: impl FnOnce()) -> Health {
        let _one = self.healing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = match self.database() {
            Ok(database) => match database.writable() {
                Ok(()) => return Health::Well,
                Err(failed) => failed,
            },
            Err(closed) => closed,
        };
        if let Err(error) = self.has_room() {
            let reason = format!("{failed}; it cannot be opened again yet: {error}");
            return Health::Failing(Error::Io(reason));
        }
        self.close(&failed);
        match self.open_anew() {
            Ok(database) => {
                before();
                drop(self.put(Ok(Arc::new(database))));
                Health::Healed
            }
            Err(error) => {
                let error = Error::Io(error.to_string());
                drop(self.put(Err(error.clone())));
                Health::Failing(error)
            }
        }
    }

    fn has_room(&self) -> std::io::Result<()> {
        let folder = &self.place.folder;
        files::check_room(folder, files::size_of_content(folder)? + SPARE)
    }

    fn put(&self, open: Result<Arc<Database>, Error>) -> Result<Arc<Database>, Error> {
        let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, open)
    }

    /// Lets go of the failed database, and waits until all who read from it did, too.
    fn close(&self, failed: &Error) {
        let Ok(mut database) = self.put(Err(failed.clone())) else {
            return;
        };
        let begun = Instant::now();
        loop {
            match Arc::try_unwrap(database) {
                Ok(last) => {
                    // A failed engine may panic as it ends; what it leaves is judged at opening.
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(last)));
                    return;
                }
                // The opening will find it in use, and is tried again later.
                Err(_) if begun.elapsed() > PATIENCE => return,
                Err(shared) => database = shared,
            }
            sleep(Duration::from_millis(2));
        }
    }

    fn open_anew(&self) -> Result<Database, OpenError> {
        let folder = &self.place.folder;
        let anchor = anchor::path(folder);
        files::rewrite_content(folder).map_err(OpenError::io(folder))?;
        files::rewrite(&anchor).map_err(OpenError::io(&anchor))?;
        Database::open(&self.place)?.checked(folder)
    }
}

#[cfg(test)]
mod tests;
