//! The WebSockets that are open: how many each may have, and that all of them end before we do.

use crate::rate_limit::share::{Share, Shares};
use crate::web::upstream::Holder;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// The open tunnels.
#[derive(Clone, Debug)]
pub struct Tunnels {
    tasks: TaskTracker,
    held: Arc<Shares<Holder>>,
}

impl Tunnels {
    /// None is open, and no holder may have more than `most`.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            tasks: TaskTracker::new(),
            held: Shares::new(most),
        }
    }

    /// Takes one more for `holder`; `None` when it has all that it may.
    pub fn take(&self, holder: Holder) -> Option<Share<Holder>> {
        self.held.take(holder)
    }

    /// Runs `tunnel`, which is over when it returns.
    pub fn spawn(&self, tunnel: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(tunnel);
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until all are over; no further one is expected.
    pub async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
