//! Tells of every change, so that no cache above can forget to drop an entry.
//!
//! A watcher has heard of a change before the swap that made it returns: also when the swap failed
//! half-way or its caller went away, for then the change may have been made all the same.

use crate::store::{BoxFuture, Change, Durability, Entry, Error, Found, Store, Swap, Tree};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Hears of changed rows.
///
/// A cache that fills itself from the store has to cope with this order: it reads a row, the row
/// changes, the watcher hears of it, and only then the cache stores what it read. So it counts the
/// changes that it heard of, and stores nothing when the count moved while it read.
pub trait Watcher: Send + Sync + fmt::Debug {
    /// The row under `key` was written or removed, or may have been. Called on the writer's thread:
    /// must not block and must not ask the store.
    fn changed(&self, tree: Tree, key: &[u8]);

    /// Any row may be another than before: the database was opened again. As above.
    fn all_changed(&self);
}

/// A store that tells its watchers of every change that goes through it.
#[derive(Debug)]
pub struct Observed<S> {
    inner: S,
    watchers: RwLock<Vec<Arc<dyn Watcher>>>,
}

impl<S: Store> Observed<S> {
    /// Watches over what goes into `inner`; nobody listens yet.
    #[must_use]
    pub const fn new(inner: S) -> Self {
        let watchers = RwLock::new(Vec::new());
        Self { inner, watchers }
    }

    /// The store inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// From now on `watcher` hears of every change. It stays as long as the store: give a cache,
    /// not something that holds the store.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) {
        let mut watchers = self
            .watchers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        watchers.push(watcher);
    }

    /// Tells every watcher that any row may have changed.
    pub fn all_changed(&self) {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter() {
            watcher.all_changed();
        }
    }

    fn tell(&self, changes: &[Change<'_>]) {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for watcher in watchers.iter() {
            for change in changes {
                watcher.changed(change.tree, change.key);
            }
        }
    }
}

/// Tells of the changes when it is dropped, whatever the reason.
struct Notice<'a, S: Store> {
    store: &'a Observed<S>,
    changes: &'a [Change<'a>],
}

impl<S: Store> Drop for Notice<'_, S> {
    fn drop(&mut self) {
        self.store.tell(self.changes);
    }
}

impl<S: Store> Store for Observed<S> {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        self.inner.get(tree, key)
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let store = self;
            // Made before the swap: a caller that goes away drops this future in the midst of it.
            let mut notice = Notice { store, changes };
            let swap = self.inner.swap(changes, durability).await;
            if let Ok(Swap::Conflict) = swap {
                notice.changes = &[];
            }
            swap
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.inner.scan(tree, prefix, after, limit)
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.ping()
    }
}

#[cfg(test)]
mod tests;
