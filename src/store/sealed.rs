//! Encryption at rest: a store around a store.
//!
//! Every value is sealed for its own row: moved, swapped with another row, changed or under another
//! key, it is an error and never a value. Keys and expiry stay readable to the store inside; what
//! security depends on, times included, belongs into the value.

use crate::secret::Key;
use crate::store::backup::Piece;
use crate::store::cipher::Cipher;
use crate::store::manifest::Manifest;
use crate::store::sled::{Event, SledStore, WalkError};
use crate::store::{BoxFuture, Change, Durability, Entry, Error, Found, Row, Store, Swap, Tree};
use std::fmt;

/// What the key of all values is derived for.
const PURPOSE: &str = "store records";

/// Seals every value before `S` sees it, and opens every value that `S` finds.
pub struct Sealed<S> {
    inner: S,
    cipher: Cipher,
}

impl<S: Store> Sealed<S> {
    /// Seals what goes into `inner` under a key of its own, derived from the `master` key.
    #[must_use]
    pub fn new(inner: S, master: &Key) -> Self {
        let cipher = Cipher::new(master, PURPOSE);
        Self { inner, cipher }
    }

    /// The store inside, for what is not about values: its sweep, its counters.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Does `sealed` open as the value of this row?
    pub(crate) fn opens(&self, tree: Tree, key: &[u8], sealed: &[u8]) -> bool {
        self.open(tree, key, sealed).is_ok()
    }

    fn seal(&self, tree: Tree, key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        let sealed = self.cipher.seal(&place(tree, key), value);
        sealed.ok_or_else(|| Error::Io("a value could not be sealed".to_owned()))
    }

    fn open(&self, tree: Tree, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let opened = self.cipher.open(&place(tree, key), sealed);
        opened.map_err(|reason| Error::Damaged {
            tree,
            reason: reason.to_owned(),
        })
    }
}

/// Tells whether a sealed value opens as the value of its row, where no store is around it.
pub(crate) fn opener(master: &Key) -> impl Fn(Tree, &[u8], &[u8]) -> bool {
    let cipher = Cipher::new(master, PURPOSE);
    move |tree, key, sealed| cipher.open(&place(tree, key), sealed).is_ok()
}

impl Sealed<SledStore> {
    /// As [`SledStore::walk`], with every value opened.
    ///
    /// # Errors
    /// As there, and when a value does not open.
    pub fn walk<E>(
        &self,
        mut visit: impl FnMut(Piece) -> Result<(), E>,
    ) -> Result<Manifest, WalkError<E>> {
        let walked = self.inner.walk(|event| {
            let piece = self.piece(event).map_err(WalkError::Store)?;
            visit(piece).map_err(WalkError::Visitor)
        });
        walked.map_err(|error| match error {
            WalkError::Visitor(inner) => inner,
            WalkError::Store(error) => WalkError::Store(error),
            WalkError::Damaged(damage) => WalkError::Damaged(damage),
            WalkError::Outrun => WalkError::Outrun,
            WalkError::Stopped => WalkError::Stopped,
        })
    }

    fn piece(&self, event: Event<'_>) -> Result<Piece, Error> {
        Ok(match event {
            Event::Present { tree, key, row } => Piece::Present {
                tree,
                key: key.to_vec().into(),
                expires: row.expires,
                value: self.open(tree, key, row.value)?.into(),
            },
            Event::Removed { tree, key } => Piece::Removed {
                tree,
                key: key.to_vec().into(),
            },
        })
    }
}

/// What a value is bound to: the tree and the key.
fn place(tree: Tree, key: &[u8]) -> Vec<u8> {
    // A single byte first, so no two places read the same.
    let mut place = vec![tree.tag()];
    place.extend_from_slice(key);
    place
}

impl<S: Store> Store for Sealed<S> {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let Some(found) = self.inner.get(tree, key).await? else {
                return Ok(None);
            };
            let value = self.open(tree, key, &found.value)?;
            let version = found.version;
            Ok(Some(Found { value, version }))
        })
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let seal = |change: &Change<'a>| {
                let new = change.new.as_ref();
                new.map(|row| self.seal(change.tree, change.key, row.value))
                    .transpose()
            };
            let values: Vec<Option<Vec<u8>>> =
                changes.iter().map(seal).collect::<Result<_, _>>()?;
            let sealed: Vec<Change<'_>> = changes
                .iter()
                .zip(&values)
                .map(|(change, value)| Change {
                    new: change.new.zip(value.as_deref()).map(|(row, value)| Row {
                        value,
                        expires: row.expires,
                    }),
                    ..*change
                })
                .collect();
            self.inner.swap(&sealed, durability).await
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        Box::pin(async move {
            let found = self.inner.scan(tree, prefix, after, limit).await?;
            let open = |(key, sealed): Entry| {
                let value = self.open(tree, &key, &sealed)?;
                Ok((key, value))
            };
            found.into_iter().map(open).collect()
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.ping()
    }
}

impl<S: fmt::Debug> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sealed").field(&self.inner).finish()
    }
}

#[cfg(test)]
mod tests;
