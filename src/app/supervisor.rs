//! What a service manager hears: that we serve, that we are alive, that we stop (sd_notify(3)).
//!
//! Nobody hears anything without `NOTIFY_SOCKET`. The watchdog is fed as long as the reactor runs and the store
//! answers at all. An answer that is an error feeds it too: a full disk is not mended by a restart, and would
//! turn into a loop of them. It is said in the status instead.

use crate::store::{Error, Store};
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

const SERVING: &str = "serving";
const NO_STORE: &str = "the store does not answer; nobody can sign in";
const STOPPING: &str = "stopping: finishing what is under way";

/// Says that the listeners are open, and from then on that we are alive.
pub(in crate::app) async fn serving(store: Arc<dyn Store>) {
    tell(vec![NotifyState::Ready, NotifyState::Status(SERVING)]).await;
    if let Some(limit) = sd_notify::watchdog_enabled() {
        // Twice within the limit, as sd_watchdog_enabled(3) advises.
        watch(limit / 2, || store.ping(), tell).await;
    }
}

/// Says that we stop.
pub(in crate::app) async fn stopping() {
    tell(vec![NotifyState::Stopping, NotifyState::Status(STOPPING)]).await;
}

/// Feeds the watchdog every `period` in which `health` answers.
async fn watch<H, T>(
    period: Duration,
    health: impl Fn() -> H,
    tell: impl Fn(Vec<NotifyState<'static>>) -> T,
) where
    H: Future<Output = Result<(), Error>>,
    T: Future<Output = ()>,
{
    let mut timer = tokio::time::interval(period);
    loop {
        timer.tick().await;
        let status = match tokio::time::timeout(period, health()).await {
            Ok(Ok(())) => SERVING,
            Ok(Err(_)) => NO_STORE,
            Err(_) => {
                tracing::error!("the store is stuck; the watchdog is not fed");
                continue;
            }
        };
        tell(vec![NotifyState::Watchdog, NotifyState::Status(status)]).await;
    }
}

/// The socket may be full for good, so a thread waits for it that nobody waits for: neither the reactor nor
/// the end of the process.
async fn tell(states: Vec<NotifyState<'static>>) {
    let (told, outcome) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || told.send(sd_notify::notify(&states)));
    if let Ok(Err(error)) = outcome.await {
        tracing::warn!(%error, "the service manager was not reached");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const PERIOD: Duration = Duration::from_millis(5);

    /// What is told until `health` was asked four times.
    async fn told<H: Future<Output = Result<(), Error>>>(health: impl Fn() -> H) -> Vec<String> {
        let (asked, told) = (AtomicUsize::new(0), Mutex::new(vec![]));
        let (enough, is_enough) = (tokio::sync::Notify::new(), &told);
        let counted = || {
            if asked.fetch_add(1, Ordering::Relaxed) == 3 {
                enough.notify_one();
            }
            health()
        };
        let tell = |states: Vec<NotifyState<'static>>| {
            let mut told = is_enough.lock().unwrap();
            told.extend(states.iter().map(ToString::to_string));
            ready(())
        };
        tokio::select! {
            () = watch(PERIOD, counted, tell) => {}
            () = enough.notified() => {}
        }
        told.into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_store_that_answers_feeds_the_watchdog_whatever_it_answers() {
        let well = told(|| ready(Ok(()))).await;
        assert_eq!(well[..2], ["WATCHDOG=1", "STATUS=serving"]);
        let ill = told(|| ready(Err(Error::Io("the disk is full".to_owned())))).await;
        let status = format!("STATUS={NO_STORE}");
        assert_eq!(ill[..2], ["WATCHDOG=1", &status]);
    }

    #[tokio::test]
    async fn a_store_that_is_stuck_starves_it() {
        assert_eq!(told(pending).await, [""; 0]);
    }
}
