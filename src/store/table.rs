//! Typed access to one tree of the store.

use crate::store::rows::{atomically, decode, encode};
use crate::store::{Change, Durability, Error, Row, Store, Swap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use zeroize::Zeroizing;

pub use crate::store::rows::{Record, UpdateError};

/// The records of type `R`. Cheap to clone.
pub struct Table<R> {
    store: Arc<dyn Store>,
    record: PhantomData<fn() -> R>,
}

/// What becomes of a record after an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then<T> {
    /// It is written back as the closure left it.
    Write(T),
    /// It is removed.
    Remove(T),
}

impl<R: Record> Table<R> {
    /// The table of `R` in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            record: PhantomData,
        }
    }

    /// The record under `key`.
    ///
    /// # Errors
    /// When the store fails or the record cannot be decoded.
    pub async fn get(&self, key: &[u8]) -> Result<Option<R>, Error> {
        let found = self.store.get(R::TREE, key).await?;
        let value = found.map(|found| Zeroizing::new(found.value));
        value.map(|value| decode(&value)).transpose()
    }

    /// Adds a record that must not be there yet; [`Swap::Conflict`] says that it was.
    ///
    /// # Errors
    /// When the store fails or the record is too long.
    pub async fn insert(&self, key: &[u8], record: &R) -> Result<Swap, Error> {
        let value = encode(record)?;
        let new = Row {
            value: &value,
            expires: record.expires(),
        };
        let change = Change {
            tree: R::TREE,
            key,
            expect: None,
            new: Some(new),
        };
        self.store.swap(&[change], Durability::Synced).await
    }

    /// Changes the record under `key`; what `change` answers is handed out once it is on disk.
    ///
    /// `change` may be called several times, each time with the record as it is then. Also a record
    /// that it left as it was is written: the answer relies on it.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] with what `change` answered, or why it could not be tried.
    pub async fn update<T, E>(
        &self,
        key: &[u8],
        mut change: impl FnMut(&mut R) -> Result<T, E>,
    ) -> Result<T, UpdateError<E>> {
        let change = |record: &mut R| change(record).map(Then::Write);
        self.change(key, Durability::Synced, change).await
    }

    /// Like [`Table::update`], and `change` may also ask for the removal of the record.
    ///
    /// # Errors
    /// Those of [`Table::update`].
    pub async fn update_or_remove<T, E>(
        &self,
        key: &[u8],
        change: impl FnMut(&mut R) -> Result<Then<T>, E>,
    ) -> Result<T, UpdateError<E>> {
        self.change(key, Durability::Synced, change).await
    }

    /// Like [`Table::update`] for what may be lost with the last half second, such as "last seen".
    ///
    /// # Errors
    /// Those of [`Table::update`].
    pub async fn update_relaxed<T, E>(
        &self,
        key: &[u8],
        mut change: impl FnMut(&mut R) -> Result<T, E>,
    ) -> Result<T, UpdateError<E>> {
        let change = |record: &mut R| change(record).map(Then::Write);
        self.change(key, Durability::Relaxed, change).await
    }

    /// Removes the record and gives it to exactly one caller; `None` to everyone else.
    ///
    /// # Errors
    /// When the store fails or the record cannot be decoded.
    pub async fn take(&self, key: &[u8]) -> Result<Option<R>, Error> {
        let at = [(R::TREE, key)];
        let taken = atomically(&*self.store, Durability::Synced, &at, |rows| {
            let record: Option<R> = rows.get(key)?;
            rows.remove::<R>(key)?;
            Ok(record)
        });
        Ok(taken.await?)
    }

    /// Removes the record. When there is none, its absence is on disk when this returns.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, key: &[u8]) -> Result<(), Error> {
        let at = [(R::TREE, key)];
        let removed = atomically(&*self.store, Durability::Synced, &at, |rows| {
            Ok(rows.remove::<R>(key)?)
        });
        Ok(removed.await?)
    }

    /// Records whose key begins with `prefix` and is greater than `after`, in key order.
    ///
    /// Not a snapshot: what changes meanwhile may be seen before or after its change.
    ///
    /// # Errors
    /// When the store fails or one record cannot be decoded.
    pub async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, R)>, Error> {
        let rows = self.store.scan(R::TREE, prefix, after, limit).await?;
        let rows = rows.into_iter().map(|(key, value)| {
            let value = Zeroizing::new(value);
            Ok((key, decode(&value)?))
        });
        rows.collect()
    }

    async fn change<T, E>(
        &self,
        key: &[u8],
        durability: Durability,
        mut change: impl FnMut(&mut R) -> Result<Then<T>, E>,
    ) -> Result<T, UpdateError<E>> {
        let at = [(R::TREE, key)];
        let changed = atomically(&*self.store, durability, &at, |rows| {
            let mut record: R = rows.get(key)?.ok_or(UpdateError::Missing)?;
            match change(&mut record).map_err(UpdateError::Refused)? {
                Then::Write(answer) => rows.put(key, &record).map(|()| answer),
                Then::Remove(answer) => rows.remove::<R>(key).map(|()| answer),
            }
            .map_err(UpdateError::Store)
        });
        changed.await
    }
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            record: PhantomData,
        }
    }
}

impl<R: Record> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&R::TREE).finish()
    }
}
