//! A pass over all rows while writes go on.
//!
//! It reads in chunks and holds writers up for the reading of one chunk at most: what is made of it holds
//! up nobody, but for the hashing of the last one. A row that changes after it was
//! read is read again, and whatever lies ahead is met later; so what a walk tells of, later events
//! in place of earlier ones, is exactly the database at the moment it ends. Its own sum over what it
//! read has to come to the manifest of that moment.

use crate::store::manifest::{Damage, Manifest, Sums};
use crate::store::opening::OpenError;
use crate::store::sled::database::Database;
use crate::store::sled::engine;
use crate::store::sled::ledger::{Ledger, MANIFEST, Progress};
use crate::store::sled::row;
use crate::store::{Error, Row, Tree};
use sled::IVec;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use tokio_util::sync::CancellationToken;

/// Rows that are read at once.
const CHUNK: usize = 256;

/// Bytes after which no further row is read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What a walk tells of a row. A later event about the same row takes the place of an earlier one.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// It is there, expired or not.
    Present {
        /// Its key space.
        tree: Tree,
        /// Its key.
        key: &'a [u8],
        /// Its value, sealed, and its expiry.
        row: Row<'a>,
    },
    /// It was told of before, and is gone since.
    Removed {
        /// Its key space.
        tree: Tree,
        /// Its key.
        key: &'a [u8],
    },
}

/// Why a walk was given up.
#[derive(Debug, thiserror::Error)]
pub enum WalkError<E> {
    /// The database failed, or has failed before.
    #[error(transparent)]
    Store(#[from] Error),
    /// The rows are not those that were written.
    #[error("{0}")]
    Damaged(#[from] Damage),
    /// Rows changed faster than the walk could read them.
    #[error("the store changes faster than it can be read")]
    Outrun,
    /// The process is about to end: see [`SledStore::stop_walks`](super::SledStore::stop_walks).
    #[error("it was broken off: the server is stopping")]
    Stopped,
    /// Whoever was told of the rows gave up.
    #[error("{0}")]
    Visitor(E),
}

/// What one chunk brought.
struct Step {
    rows: Vec<(Vec<u8>, Option<IVec>)>,
    /// As many of them, at the beginning, were met before.
    again: usize,
    outrun: bool,
    /// There was nothing more: the walk ends at the moment of this chunk.
    end: Option<Result<Manifest, Damage>>,
}

impl Database {
    /// Tells `visit` of all rows, unless `stop` comes before. Only one walk goes on at a time; a
    /// second one waits. Blocks.
    ///
    /// # Errors
    /// See [`WalkError`]; then what `visit` heard of is of no use.
    pub(crate) fn walk<E>(
        &self,
        stop: &CancellationToken,
        mut visit: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<Manifest, WalkError<E>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.writable()?;
        let keys = {
            let mut ledger = self.ledger();
            ledger.walk = Some(Progress::default());
            Arc::clone(&ledger.keys)
        };
        let (walk, mut read) = (UnderWay(self), Sums::default());
        loop {
            if stop.is_cancelled() {
                return Err(WalkError::Stopped);
            }
            self.writable()?;
            let step = engine::attempt(&self.failure, || self.step(&read))?;
            if step.outrun {
                return Err(WalkError::Outrun);
            }
            for (key, raw) in step.rows.iter().skip(step.again) {
                read.replace(&keys, key, None, raw.as_deref());
            }
            for (key, raw) in &step.rows {
                if let Some(event) = event(key, raw.as_deref())? {
                    visit(event).map_err(WalkError::Visitor)?;
                }
            }
            let Some(end) = step.end else { continue };
            drop(walk);
            // What a failed engine read is not worth keeping, and no sign of damage.
            self.writable()?;
            return end.map_err(|damage| {
                // Nothing that depends on these rows may be promised from now on.
                let _ = self
                    .failure
                    .set(Error::Io(format!("it is damaged: {damage}")));
                damage.into()
            });
        }
    }

    /// The database in `folder`, after all of its rows were read. Blocks.
    ///
    /// # Errors
    /// When a row is missing or is not as it was written.
    pub(crate) fn checked(
        self,
        folder: &Path,
        stop: &CancellationToken,
    ) -> Result<Self, OpenError> {
        let Err(error) = self.walk(stop, |_| Ok::<_, Infallible>(())) else {
            return Ok(self);
        };
        Err(match error {
            WalkError::Damaged(damage) => OpenError::Lost {
                path: folder.to_owned(),
                damage,
            },
            WalkError::Store(error) => OpenError::Damaged(error),
            WalkError::Outrun => OpenError::InUse(folder.to_owned()),
            WalkError::Stopped => OpenError::io(folder)(ErrorKind::Interrupted.into()),
            WalkError::Visitor(never) => match never {},
        })
    }

    /// The next chunk; `read` are the sums of all rows before it, as they were met.
    fn step(&self, read: &Sums) -> Result<Step, sled::Error> {
        let mut guard = self.ledger();
        let Ledger {
            keys,
            manifest,
            walk,
            ..
        } = &mut *guard;
        let walk = walk.get_or_insert_default();
        let (mut rows, mut bytes) = (vec![], 0);
        // Half of the chunk: neither may the rows ahead wait for ever.
        while rows.len() < CHUNK / 2 && bytes < CHUNK_BYTES / 2 {
            let Some(key) = walk.changed.pop_first() else {
                break;
            };
            let raw = self.rows.get(&key)?;
            bytes += raw.as_ref().map_or(0, |raw| raw.len());
            rows.push((key, raw));
        }
        let again = rows.len();
        let start = walk
            .cursor
            .clone()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut all = true;
        for row in self.rows.range::<Vec<u8>, _>((start, Bound::Unbounded)) {
            let (key, raw) = row?;
            if key == MANIFEST {
                continue;
            }
            if rows.len() >= CHUNK || bytes >= CHUNK_BYTES {
                all = false;
                break;
            }
            walk.cursor = Some(key.to_vec());
            bytes += raw.len();
            rows.push((key.to_vec(), Some(raw)));
        }
        // The last chunk alone is hashed here: were it put off, there would be something new each time, and no end.
        let end = (all && walk.changed.is_empty()).then(|| {
            let mut sums = walk.since.clone();
            sums.merge(read);
            for (key, raw) in rows.iter().skip(again) {
                sums.replace(keys, key, None, raw.as_deref());
            }
            manifest.check(&sums).map(|()| manifest.clone())
        });
        Ok(Step {
            rows,
            again,
            outrun: walk.outrun,
            end,
        })
    }
}

/// Ends the walk, whatever the reason.
struct UnderWay<'a>(&'a Database);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.ledger().walk = None;
    }
}

/// Rows that belong to no tree are left for the sums to find.
fn event<'a>(key: &'a [u8], raw: Option<&'a [u8]>) -> Result<Option<Event<'a>>, Error> {
    let Some((tag, key)) = key.split_first() else {
        return Ok(None);
    };
    let Some(tree) = Tree::tagged(*tag) else {
        return Ok(None);
    };
    Ok(Some(match raw {
        None => Event::Removed { tree, key },
        Some(raw) => Event::Present {
            tree,
            key,
            row: Row {
                value: row::value(tree, raw)?,
                expires: row::expires(raw),
            },
        },
    }))
}

#[cfg(test)]
mod tests;
