//! The reference store: what every other store must do, in memory.
//!
//! For tests and trials; it forgets everything when it is dropped.

use crate::clock::{Clock, Timestamp};
use crate::store::{
    BoxFuture, Change, Durability, Entry, Error, Found, Store, Swap, Tree, Version, check_changes,
    check_key,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory. Everything is as durable as the process.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<(Tree, Vec<u8>), Stored>,
    writes: u64,
}

#[derive(Debug)]
struct Stored {
    value: Vec<u8>,
    expires: Option<Timestamp>,
    write: u64,
}

impl MemoryStore {
    /// An empty store whose rows expire by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &[Change<'_>]) -> Result<Swap, Error> {
        check_changes(changes)?;
        let now = self.clock.now();
        let mut state = self.state();
        if !changes.iter().all(|change| state.expected(change, now)) {
            return Ok(Swap::Conflict);
        }
        for change in changes {
            state.make(change);
        }
        Ok(Swap::Done)
    }
}

impl State {
    fn live(&self, row: &(Tree, Vec<u8>), now: Timestamp) -> Option<&Stored> {
        self.rows.get(row).filter(|stored| stored.live(now))
    }

    fn expected(&self, change: &Change<'_>, now: Timestamp) -> bool {
        let stored = self.live(&(change.tree, change.key.to_vec()), now);
        stored.map(Stored::version).as_ref() == change.expect
    }

    fn make(&mut self, change: &Change<'_>) {
        let row = (change.tree, change.key.to_vec());
        let Some(new) = change.new else {
            self.rows.remove(&row);
            return;
        };
        self.writes += 1;
        let stored = Stored {
            value: new.value.to_vec(),
            expires: new.expires,
            write: self.writes,
        };
        self.rows.insert(row, stored);
    }
}

impl Stored {
    fn live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    fn version(&self) -> Version {
        Version(self.write.to_be_bytes().to_vec())
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            check_key(key)?;
            let state = self.state();
            let stored = state.live(&(tree, key.to_vec()), self.clock.now());
            Ok(stored.map(|stored| Found {
                value: stored.value.clone(),
                version: stored.version(),
            }))
        })
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        _durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move { self.apply(changes) })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        Box::pin(async move {
            let now = self.clock.now();
            let state = self.state();
            let rows = state.rows.iter().filter(|((at, key), stored)| {
                *at == tree && key.starts_with(prefix) && stored.live(now)
            });
            let rows = rows.map(|((_, key), stored)| (key.clone(), stored.value.clone()));
            let rows = rows.filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after));
            Ok(rows.take(limit).collect())
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}
