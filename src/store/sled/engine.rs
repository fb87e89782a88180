//! How sled is called: never without a net.
//!
//! A damaged file makes sled panic or fail; neither gets past this file as anything but an error.

use crate::store::Error;
use crate::store::opening::OpenError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Bytes of pages that sled keeps in memory; its own default is 1 GiB.
const CACHE: u64 = 64 * 1024 * 1024;

/// The first failure of an opened database. It stays; only opening anew gives a fresh one.
pub(crate) type Failure = Arc<OnceLock<Error>>;

/// Opens the database in `folder`, or makes one.
///
/// # Errors
/// [`OpenError::InUse`] and [`OpenError::Unopenable`].
pub(crate) fn open(folder: &Path) -> Result<sled::Db, OpenError> {
    let config = sled::Config::default().path(folder).cache_capacity(CACHE);
    guarded(folder, || config.open())
}

/// Explains how `open` failed for `folder`, panics included.
pub(crate) fn guarded(
    folder: &Path,
    open: impl FnOnce() -> Result<sled::Db, sled::Error>,
) -> Result<sled::Db, OpenError> {
    let unopenable = |reason| OpenError::Unopenable {
        path: folder.to_owned(),
        reason,
    };
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(database)) => Ok(database),
        // sled has no kind of its own for this, only the text.
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => {
            Err(OpenError::InUse(folder.to_owned()))
        }
        Ok(Err(error)) => Err(unopenable(error.to_string())),
        Err(panic) => Err(unopenable(panic_text(panic.as_ref()))),
    }
}

/// Calls into sled; the first failure or panic is remembered.
///
/// # Errors
/// The first failure of this database, also when it was an earlier one.
pub(crate) fn attempt<T>(
    failure: &OnceLock<Error>,
    work: impl FnOnce() -> Result<T, sled::Error>,
) -> Result<T, Error> {
    let reason = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic_text(panic.as_ref()),
    };
    Err(failure.get_or_init(|| Error::Io(reason)).clone())
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    let text: String = text
        .unwrap_or("no reason given")
        .chars()
        .take(200)
        .collect();
    format!("the database engine panicked: {text}")
}
