//! How long the store takes, and how often it fails.

use crate::metrics::{Counter, Durations, Family, Labels, Registry};
use crate::store::{BoxFuture, Change, Durability, Entry, Error, Found, Store, Swap, Tree};
use std::sync::Arc;
use std::time::Instant;

/// A store whose writes are timed and whose errors are counted.
#[derive(Debug)]
pub struct Measured {
    inner: Arc<dyn Store>,
    synced: Durations,
    relaxed: Durations,
    errors: Errors,
}

#[derive(Debug)]
struct Errors {
    get: Counter,
    swap: Counter,
    scan: Counter,
    ping: Counter,
}

impl Measured {
    /// Measures what `inner` does, and shows it.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, registry: &mut Registry) -> Self {
        let writes = Family::<Labels<1>, Durations>::default();
        let errors = Family::<Labels<1>, Counter>::default();
        let write = |durability| writes.get_or_create_owned(&[("durability", durability)]);
        let error = |operation| errors.get_or_create_owned(&[("operation", operation)]);
        let measured = Self {
            inner,
            synced: write("synced"),
            relaxed: write("relaxed"),
            errors: Errors {
                get: error("get"),
                swap: error("swap"),
                scan: error("scan"),
                ping: error("ping"),
            },
        };
        registry.register(
            "store_write_seconds",
            "How long writes took; synced ones end when the disk has them",
            writes,
        );
        registry.register(
            "store_errors",
            "What the store could not do, by operation",
            errors,
        );
        measured
    }
}

/// Waits for an answer and counts it if it is an error.
async fn counted<T>(answer: BoxFuture<'_, Result<T, Error>>, errors: &Counter) -> Result<T, Error> {
    answer.await.inspect_err(|_| {
        errors.inc();
    })
}

impl Store for Measured {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(counted(self.inner.get(tree, key), &self.errors.get))
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let began = Instant::now();
            let swap = counted(self.inner.swap(changes, durability), &self.errors.swap).await;
            let durations = match durability {
                Durability::Synced => &self.synced,
                Durability::Relaxed => &self.relaxed,
            };
            durations.note(began.elapsed());
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
        let found = self.inner.scan(tree, prefix, after, limit);
        Box::pin(counted(found, &self.errors.scan))
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(counted(self.inner.ping(), &self.errors.ping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::{Format, Metrics};
    use crate::store::Row;
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn writes_are_timed_by_durability_and_errors_counted_by_operation() {
        let mut metrics = Metrics::new();
        let inner = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
        let store = Measured::new(inner, metrics.ours());
        let new = Some(Row {
            value: b"v",
            expires: None,
        });
        let (tree, expect) = (Tree::Meta, None);
        let long = [0; 1_000];
        for (key, durability) in [
            (&b"a"[..], Durability::Synced),
            (b"b", Durability::Synced),
            (b"c", Durability::Relaxed),
            (&long, Durability::Relaxed),
        ] {
            let change = Change {
                tree,
                key,
                expect,
                new,
            };
            let outcome = store.swap(&[change], durability).await;
            assert_eq!(outcome.is_ok(), key.len() == 1);
        }
        store.get(tree, &long).await.unwrap_err();
        let text = metrics.text(Format::Prometheus);
        for line in [
            "vestibule_store_write_seconds_count{durability=\"synced\"} 2",
            "vestibule_store_write_seconds_count{durability=\"relaxed\"} 2",
            "vestibule_store_errors_total{operation=\"swap\"} 1",
            "vestibule_store_errors_total{operation=\"get\"} 1",
            "vestibule_store_errors_total{operation=\"scan\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
