//! One typed change of several rows, and the only retry loop of the crate.
//!
//! What the closure answers is handed out only once the change it belongs to is durable. Records are
//! JSON after a version byte: a new field with a default reads old records, a new version byte
//! refuses them.

use crate::clock::Timestamp;
use crate::store::{Change, Durability, Error, Row, Store, Swap, Tree, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use zeroize::Zeroizing;

/// The longest record, in bytes of JSON.
pub const MAX_RECORD: usize = 64 * 1024;

/// A closure that loses against another writer this often gives up. Every loss is somebody's win,
/// so as many single writers of one row all come through.
const ATTEMPTS: usize = 64;

/// A value that lives in the store.
pub trait Record: Serialize + DeserializeOwned {
    /// The key space of this type; no other type may use it.
    const TREE: Tree;

    /// The version of its JSON; a record of another version is an error, never a default.
    const VERSION: u8 = 1;

    /// From when on the record reads as absent; `None`, the default, keeps it for ever.
    fn expires(&self) -> Option<Timestamp> {
        None
    }
}

/// How a change ended without effect. A refusal promises nothing, see [`crate::store`].
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E = Infallible> {
    /// There is no such record.
    #[error("no such record")]
    Missing,
    /// The closure refused.
    #[error("refused")]
    Refused(E),
    /// Too many others changed the same rows at the same time.
    #[error("too many writers of one record")]
    Contended,
    /// The store failed; whether the change was made is open.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<UpdateError> for Error {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Missing => Self::Io("no such record".to_owned()),
            UpdateError::Refused(never) => match never {},
            UpdateError::Contended => Self::Io("too many writers of one record".to_owned()),
            UpdateError::Store(error) => error,
        }
    }
}

/// The address of one row.
pub type At<'a> = (Tree, &'a [u8]);

/// The rows of one change as they were read, and what is to become of them.
#[derive(Debug)]
pub struct Rows<'a>(Vec<Slot<'a>>);

#[derive(Debug)]
struct Slot<'a> {
    at: At<'a>,
    found: Option<(Zeroizing<Vec<u8>>, Version)>,
    plan: Plan,
}

#[derive(Debug)]
enum Plan {
    /// Never looked at: the change does not depend on it.
    Ignore,
    /// Looked at: must still be the same, with this expiry.
    Keep(Option<Timestamp>),
    Write(Zeroizing<Vec<u8>>, Option<Timestamp>),
    Remove,
}

/// Reads the rows `at`, lets `change` decide, and makes the decision in one swap.
///
/// When another writer was faster, everything is read anew and `change` is called again: it may have
/// no effect but on its [`Rows`]. The swap also expects every row that `change` only read, present
/// or absent, to be unchanged.
///
/// # Errors
/// What `change` answers, or [`UpdateError::Contended`] after 64 attempts, or a store's failure.
pub async fn atomically<T, E>(
    store: &dyn Store,
    durability: Durability,
    at: &[At<'_>],
    mut change: impl FnMut(&mut Rows<'_>) -> Result<T, UpdateError<E>>,
) -> Result<T, UpdateError<E>> {
    for _ in 0..ATTEMPTS {
        let mut rows = Rows::read(store, at).await?;
        let outcome = change(&mut rows)?;
        match store.swap(&rows.changes(), durability).await? {
            Swap::Done => return Ok(outcome),
            Swap::Conflict => tokio::task::yield_now().await,
        }
    }
    Err(UpdateError::Contended)
}

impl<'a> Rows<'a> {
    async fn read(store: &dyn Store, at: &[At<'a>]) -> Result<Self, Error> {
        let mut slots = Vec::with_capacity(at.len());
        for &(tree, key) in at {
            let found = store.get(tree, key).await?;
            slots.push(Slot {
                at: (tree, key),
                found: found.map(|found| (Zeroizing::new(found.value), found.version)),
                plan: Plan::Ignore,
            });
        }
        Ok(Self(slots))
    }

    /// The record under `key` as it was read; absent when there was none.
    ///
    /// # Errors
    /// When it cannot be decoded, or was not named for this change.
    pub fn get<R: Record>(&mut self, key: &[u8]) -> Result<Option<R>, Error> {
        let slot = self.slot::<R>(key)?;
        let record: Option<R> = slot
            .found
            .as_ref()
            .map(|(value, _)| decode(value))
            .transpose()?;
        if matches!(slot.plan, Plan::Ignore) {
            slot.plan = Plan::Keep(record.as_ref().and_then(R::expires));
        }
        Ok(record)
    }

    /// Writes `record` under `key`, in place of what was read or for the first time.
    ///
    /// # Errors
    /// When it is over [`MAX_RECORD`], or was not named for this change.
    pub fn put<R: Record>(&mut self, key: &[u8], record: &R) -> Result<(), Error> {
        let plan = Plan::Write(encode(record)?, record.expires());
        self.slot::<R>(key)?.plan = plan;
        Ok(())
    }

    /// Removes the record under `key`; that there is none is as good.
    ///
    /// # Errors
    /// When it was not named for this change.
    pub fn remove<R: Record>(&mut self, key: &[u8]) -> Result<(), Error> {
        self.slot::<R>(key)?.plan = Plan::Remove;
        Ok(())
    }

    fn slot<R: Record>(&mut self, key: &[u8]) -> Result<&mut Slot<'a>, Error> {
        let slot = self.0.iter_mut().find(|slot| slot.at == (R::TREE, key));
        slot.ok_or(Error::Invalid(
            "a row was used that the change did not name",
        ))
    }

    fn changes(&self) -> Vec<Change<'_>> {
        self.0.iter().filter_map(Slot::change).collect()
    }
}

impl Slot<'_> {
    fn change(&self) -> Option<Change<'_>> {
        let new = match &self.plan {
            Plan::Ignore => return None,
            Plan::Keep(expires) => self.found.as_ref().map(|(value, _)| row(value, *expires)),
            Plan::Write(value, expires) => Some(row(value, *expires)),
            Plan::Remove => None,
        };
        let (tree, key) = self.at;
        Some(Change {
            tree,
            key,
            expect: self.found.as_ref().map(|(_, version)| version),
            new,
        })
    }
}

fn row(value: &[u8], expires: Option<Timestamp>) -> Row<'_> {
    Row { value, expires }
}

/// The record as the store keeps it.
pub(crate) fn encode<R: Record>(record: &R) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    bytes.push(R::VERSION);
    serde_json::to_writer(&mut *bytes, record)
        .map_err(|_| Error::Invalid("a record cannot be written as JSON"))?;
    if bytes.len() > MAX_RECORD {
        return Err(Error::Invalid("a record is longer than 64 KiB"));
    }
    Ok(bytes)
}

/// The record behind stored bytes.
pub(crate) fn decode<R: Record>(bytes: &[u8]) -> Result<R, Error> {
    let damaged = |reason: String| Error::Damaged {
        tree: R::TREE,
        reason,
    };
    if bytes.len() > MAX_RECORD {
        return Err(damaged("longer than 64 KiB".to_owned()));
    }
    match bytes.split_first() {
        Some((version, json)) if *version == R::VERSION => serde_json::from_slice(json)
            // Without serde's own text, which quotes the value.
            .map_err(|error| damaged(format!("{:?} at byte {}", error.classify(), error.column()))),
        Some((version, _)) => Err(damaged(format!("unknown record version {version}"))),
        None => Err(damaged("empty".to_owned())),
    }
}

#[cfg(test)]
mod tests;
