//! How many requests an app has at once: in all, and of one user.
//!
//! Over the number in all, requests wait for a while. Over that of its holder, a request is refused at once and
//! waits for nothing, so that nobody fills the app, or the queue before it, for all others.

use crate::authn::AccountId;
use crate::rate_limit::AddressPrefix;
use crate::rate_limit::share::{Share, Shares};
use crate::web::upstream::Settings;
use crate::web::upstream::failure::UpstreamError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whose a request or a WebSocket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Somebody who is signed in, with all sessions together.
    Account(AccountId),
    /// Whoever comes from there, where nobody has to sign in.
    Address(AddressPrefix),
}

/// Every place among the requests and tunnels that an app may have at once.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    held: Arc<Shares<Holder>>,
    /// How long a request waits for one.
    patience: Duration,
}

/// One of them; free again when it is dropped.
#[derive(Debug)]
#[must_use = "a place that is dropped is free again"]
pub(crate) struct Place {
    #[expect(dead_code, reason = "held for its drop")]
    of_all: OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held for its drop")]
    of_holder: Option<Share<Holder>>,
}

impl Places {
    /// All of them free.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.max_connections)),
            held: Shares::new(settings.max_connections_per_user),
            patience: settings.connect_timeout,
        }
    }

    /// Waits for a place as long as connecting may take; nobody counts those without a holder.
    pub(crate) async fn take(&self, holder: Option<Holder>) -> Result<Place, UpstreamError> {
        let of_holder = match holder {
            Some(holder) => Some(self.held.take(holder).ok_or(UpstreamError::OverShare)?),
            None => None,
        };
        let of_all = match Arc::clone(&self.all).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait().await.ok_or(UpstreamError::Busy)?,
        };
        Ok(Place { of_all, of_holder })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let next = Arc::clone(&self.all).acquire_owned();
        tokio::time::timeout(self.patience, next).await.ok()?.ok()
    }
}
