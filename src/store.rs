//! Where records live: a key-value store with compare-and-swap, and nothing more.
//!
//! A read may show what another caller's [`Durability::Synced`] swap wrote before that swap is on
//! disk, and a power cut may take it back. So only a synced swap of one's own promises anything: it
//! returns after everything that it could see is on disk. A swap that changes nothing, only expects,
//! is such a promise too.

use crate::clock::Timestamp;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub mod rekey;
pub mod restore;
pub mod data_folder;
pub mod verify;
pub mod draft;
pub mod table;
pub mod rows;
pub mod measured;
pub mod observed;
pub mod sealed;
pub mod sled;
mod flusher;
mod anchor;
pub mod master_key;
pub mod marker;
pub mod backup;
pub(crate) mod files;
pub mod opening;
pub mod manifest;
mod cipher;
pub mod memory;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 256;

/// The longest value, in bytes: room for the largest record and what sealing adds.
pub const MAX_VALUE: usize = 72 * 1024;

/// The most rows that one swap changes.
pub const MAX_CHANGES: usize = 16;

/// The future that a store answers with.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A separate key space.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub enum Tree {
    /// One record per account, under its id.
    Accounts,
    /// The id behind each user name.
    Usernames,
    /// Logins and enrolments under way, under the digest of their token.
    FirstFactorSessions,
    /// Sessions, under account id and digest of the token.
    Sessions,
    /// The keys that sign assertions, under their key id.
    SigningKeys,
    /// Facts about the store itself: schema version, instance id.
    Meta,
}

impl Tree {
    /// All of them, in the order of their tags.
    pub const ALL: [Self; 6] = [
        Self::Accounts,
        Self::Usernames,
        Self::FirstFactorSessions,
        Self::Sessions,
        Self::SigningKeys,
        Self::Meta,
    ];

    /// The tree behind a number on disk.
    pub(crate) fn tagged(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tree| tree.tag() == tag)
    }

    /// The number that stands for the tree on disk; never changes and is never used again.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Accounts => 1,
            Self::Usernames => 2,
            Self::FirstFactorSessions => 3,
            Self::Sessions => 4,
            Self::SigningKeys => 5,
            Self::Meta => 6,
        }
    }
}

impl Tree {
    /// Does a backup keep its rows? What was begun and what is signed in does not come back with one.
    #[must_use]
    pub const fn is_backed_up(self) -> bool {
        match self {
            Self::Accounts | Self::Usernames | Self::SigningKeys | Self::Meta => true,
            Self::FirstFactorSessions | Self::Sessions => false,
        }
    }
}

impl From<Tree> for u8 {
    fn from(tree: Tree) -> Self {
        tree.tag()
    }
}

impl TryFrom<u8> for Tree {
    type Error = &'static str;

    fn try_from(tag: u8) -> Result<Self, Self::Error> {
        Self::tagged(tag).ok_or("no key space has this number")
    }
}

/// Which writing of a record was read; only the store that made it can compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub Vec<u8>);

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Found {
    /// The value.
    pub value: Vec<u8>,
    /// What a later swap has to expect.
    pub version: Version,
}

/// A value to write, and when it may vanish by itself.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The value.
    pub value: &'a [u8],
    /// From this moment on the row reads as absent; `None` stays for ever.
    pub expires: Option<Timestamp>,
}

/// One part of a swap: the row under `key` must be as expected and becomes `new`.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The key space.
    pub tree: Tree,
    /// The key, at most 256 bytes.
    pub key: &'a [u8],
    /// The version that was read; `None` says that there must be no row.
    pub expect: Option<&'a Version>,
    /// The new row; `None` removes it.
    pub new: Option<Row<'a>>,
}

/// Was every record still the one that was read?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swap {
    /// All changes were made.
    Done,
    /// At least one record was another; nothing was changed.
    Conflict,
}

impl Swap {
    /// For a row under a fresh random key, which nobody else can have written.
    ///
    /// # Errors
    /// When somebody has: then the key was not random.
    pub fn expect_new(self) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::Conflict => Err(Error::Io("a random key is in use already".to_owned())),
        }
    }
}

/// When a swap may be reported as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once it survives a power cut: everything that security depends on.
    Synced,
    /// At once; it may be lost with the last half second: "last seen", failure counters.
    Relaxed,
}

/// A record found by a scan: its key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Why the store could not answer. The text is for the log, never for a visitor.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the database failed.
    #[error("store: {0}")]
    Io(String),
    /// A record could not be opened or read: damaged, swapped, or under another key.
    #[error("store: record in {tree:?} is damaged: {reason}")]
    Damaged {
        /// Where it was found.
        tree: Tree,
        /// What was wrong, without its content.
        reason: String,
    },
    /// The request itself cannot be served: a key or a value over its limit, one row named twice.
    #[error("store: {0}")]
    Invalid(&'static str),
}

impl Error {
    /// The stable name, for the audit stream and for counters; the text is for the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Damaged { .. } => "damaged",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// A key-value store with compare-and-swap over several rows; everything else is built on these four.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The live row under `key`.
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>>;

    /// Makes all `changes` or none.
    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>>;

    /// Live rows whose key begins with `prefix` and is greater than `after`, in key order, `limit` at most.
    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>>;

    /// Can the store be asked at all? Answers an earlier failure until it has healed.
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// Refuses a key over [`MAX_KEY`].
fn check_key(key: &[u8]) -> Result<(), Error> {
    if key.len() > MAX_KEY {
        return Err(Error::Invalid("a key is longer than 256 bytes"));
    }
    Ok(())
}

/// Refuses what no store may accept, so that all of them refuse the same.
fn check_changes(changes: &[Change<'_>]) -> Result<(), Error> {
    if changes.len() > MAX_CHANGES {
        return Err(Error::Invalid("a swap changes more than 16 rows"));
    }
    for (at, change) in changes.iter().enumerate() {
        check_key(change.key)?;
        if change.new.is_some_and(|row| row.value.len() > MAX_VALUE) {
            return Err(Error::Invalid("a value is longer than 72 KiB"));
        }
        let row = (change.tree, change.key);
        if changes
            .iter()
            .take(at)
            .any(|one| (one.tree, one.key) == row)
        {
            return Err(Error::Invalid("a swap names one row twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
