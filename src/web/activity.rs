//! When something last moved, shared by those who move and the one who waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The moment of the last movement; touching it costs one store.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    last: AtomicU64,
}

impl Activity {
    /// Something moved just now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// Notes a movement.
    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }

    /// Returns once nothing has moved for `limit`.
    pub(crate) async fn still_for(&self, limit: Duration) {
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let deadline = self.start + last + limit;
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_only_after_stillness() {
        let limit = Duration::from_millis(400);
        let activity = Activity::new();
        let began = Instant::now();
        let keep_moving = async {
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                activity.touch();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = activity.still_for(limit) => {}
            () = keep_moving => {}
        }
        assert!(
            began.elapsed() >= Duration::from_millis(870),
            "{:?}",
            began.elapsed()
        );
    }
}
