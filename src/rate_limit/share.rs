//! How much one key may hold at once, such as the connections of one address.
//!
//! A key is remembered only while it holds something, so the table is never longer than what is held in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each key holds, and the most that one may.
#[derive(Debug)]
pub struct Shares<K> {
    most: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// One thing that a key holds; given back when it is dropped.
#[derive(Debug)]
#[must_use = "a share that is dropped is given back"]
pub struct Share<K: Eq + Hash> {
    key: K,
    shares: Arc<Shares<K>>,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// Nobody holds anything yet, and no key may hold more than `most`.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: Mutex::default(),
        })
    }

    /// Takes one for `key`; `None` when it holds all that it may.
    pub fn take(self: &Arc<Self>, key: K) -> Option<Share<K>> {
        let mut held = self.held();
        let count = held.get(&key).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        held.insert(key.clone(), count + 1);
        Some(Share {
            key,
            shares: Arc::clone(self),
        })
    }
}

impl<K> Shares<K> {
    fn held(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_its_share_and_no_more() {
        let shares = Shares::new(2);
        let first = shares.take("a").unwrap();
        let second = shares.take("a").unwrap();
        assert!(shares.take("a").is_none());
        let other = shares.take("b").unwrap();
        drop(first);
        let third = shares.take("a").unwrap();
        assert!(shares.take("a").is_none());
        drop((second, third, other));
    }

    #[test]
    fn what_holds_nothing_is_forgotten() {
        let shares = Shares::new(1);
        let all: Vec<_> = (0..1_000).map(|key| shares.take(key).unwrap()).collect();
        assert_eq!(shares.held().len(), 1_000);
        drop(all);
        assert_eq!(shares.held().len(), 0);
    }

    #[test]
    fn threads_together_get_no_more_than_the_share() {
        let shares = Shares::new(5);
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| (0..4).filter_map(|_| shares.take("a")).collect::<Vec<_>>())
                })
                .collect();
            let all: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            all.iter().map(Vec::len).sum()
        });
        assert_eq!((taken, shares.held().len()), (5, 0));
    }
}
