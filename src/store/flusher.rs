//! The one thread that makes writes durable.
//!
//! Whoever waits gets the result of a sync that began after the wait did. All who wait at that
//! moment share it (group commit), so the disk is asked once for many writers.

use crate::store::Error;
use std::io;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use tokio::sync::oneshot;

type Waiter = oneshot::Sender<Result<(), Error>>;

/// The handle of the thread; dropping it syncs once more and ends the thread.
#[derive(Debug)]
pub(crate) struct Flusher {
    waiters: Option<Sender<Waiter>>,
    thread: Option<JoinHandle<()>>,
    syncs: Arc<AtomicU64>,
}

impl Flusher {
    /// Starts the thread; `sync` writes everything to disk and must not panic.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        sync: impl FnMut() -> Result<(), Error> + Send + 'static,
    ) -> io::Result<Self> {
        let (waiters, waiting) = channel();
        let syncs = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&syncs);
        let thread = Builder::new()
            .name("store-flusher".to_owned())
            .spawn(move || serve(&waiting, sync, &count))?;
        Ok(Self {
            waiters: Some(waiters),
            thread: Some(thread),
            syncs,
        })
    }

    /// Waits until everything that was written before this call is on disk.
    ///
    /// # Errors
    /// When the disk refused: then nothing is known of the last writes.
    pub(crate) async fn synced(&self) -> Result<(), Error> {
        let (waiter, answer) = oneshot::channel();
        let asked = self.waiters.as_ref().map(|waiters| waiters.send(waiter));
        let Some(Ok(())) = asked else {
            return Err(ended());
        };
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// How often the disk was asked.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.waiters.take());
        if let Some(thread) = self.thread.take() {
            // The thread never panics; and if it did, there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

fn serve(
    waiting: &Receiver<Waiter>,
    mut sync: impl FnMut() -> Result<(), Error>,
    count: &AtomicU64,
) {
    while let Ok(first) = waiting.recv() {
        // Everyone collected here wrote before the sync below begins.
        let batch: Vec<Waiter> = iter::once(first).chain(waiting.try_iter()).collect();
        let result = sync();
        count.fetch_add(1, Ordering::Relaxed);
        for waiter in batch {
            // A waiter that was dropped needs no answer.
            let _ = waiter.send(result.clone());
        }
    }
    // An orderly end loses no relaxed write either; a failure has nobody left to hear it.
    let _ = sync();
}

fn ended() -> Error {
    Error::Io("the flusher thread has ended".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;
    use tokio::time::timeout;

    /// A sync that tells when it began and goes on when it is told how it ends.
    fn gated() -> (Flusher, Receiver<()>, Sender<Result<(), Error>>) {
        let (began, begins) = channel();
        let (go, gate) = channel();
        let flusher = Flusher::start(move || {
            // The last sync, on drop, has no test listening.
            let _ = began.send(());
            gate.recv().unwrap_or(Ok(()))
        });
        (flusher.unwrap(), begins, go)
    }

    fn waits<F: Future + Unpin>(future: &mut F) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(Pin::new(future).poll(&mut context), Poll::Pending)
    }

    /// The answer, or a failed test instead of one that hangs.
    async fn answer(future: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        timeout(Duration::from_secs(20), future).await.unwrap()
    }

    fn next_sync(begins: &Receiver<()>) {
        begins.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    #[tokio::test]
    async fn all_who_wait_during_one_sync_share_the_next() {
        let (flusher, begins, go) = gated();
        let mut first = Box::pin(flusher.synced());
        assert!(waits(&mut first));
        next_sync(&begins);
        let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(flusher.synced())).collect();
        assert!(crowd.iter_mut().all(waits));
        go.send(Ok(())).unwrap();
        answer(first).await.unwrap();
        next_sync(&begins);
        assert!(crowd.iter_mut().all(waits));
        go.send(Ok(())).unwrap();
        // No third go: one sync has to do for all of them, or they wait in vain.
        for waiter in crowd {
            answer(waiter).await.unwrap();
        }
        assert_eq!(flusher.syncs(), 2);
        drop(go);
    }

    #[tokio::test]
    async fn a_failed_sync_fails_everyone_who_waited_for_it() {
        let (flusher, begins, go) = gated();
        let mut waiter = Box::pin(flusher.synced());
        assert!(waits(&mut waiter));
        next_sync(&begins);
        go.send(Err(Error::Io("disk full".to_owned()))).unwrap();
        assert_eq!(
            answer(waiter).await.unwrap_err().to_string(),
            "store: disk full"
        );
        drop(go);
    }

    #[test]
    fn dropping_syncs_once_more() {
        let (told, hears) = channel();
        let flusher = Flusher::start(move || {
            told.send(()).unwrap();
            Ok(())
        });
        drop(flusher.unwrap());
        assert_eq!(hears.try_iter().count(), 1);
    }
}
