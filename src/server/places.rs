//! How many connections there may be: in all, and of one address.
//!
//! Over the number in all, connections wait in the kernel's queue. Over that of its address, a connection is
//! closed at once, so that nobody fills the queue for all others.

use crate::rate_limit::AddressPrefix;
use crate::rate_limit::share::{Share, Shares};
use crate::server::Settings;
use crate::web::request::{Peer, Slot};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Every place there is.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_address: Arc<Shares<AddressPrefix>>,
    shared_addresses: Vec<IpNet>,
    turned_away: Mutex<TurnedAway>,
}

/// A place that nobody has yet.
#[derive(Debug)]
pub(crate) struct Free(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Places {
    /// All of them free.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.max_connections)),
            of_address: Shares::new(settings.max_connections_per_address),
            shared_addresses: settings.shared_addresses.clone(),
            turned_away: Mutex::default(),
        }
    }

    /// Waits for a free place.
    pub(crate) async fn free(&self) -> Free {
        let place = Arc::clone(&self.all).acquire_owned().await;
        Free(place.expect("the semaphore is never closed"))
    }

    /// Gives a place to a connection; `None` when its address has its share.
    pub(crate) fn assign(&self, free: Free, peer: Peer) -> Option<Slot> {
        let Peer::Ip(address) = peer else {
            return Some(Slot::new(free));
        };
        if self.is_shared(address) {
            return Some(Slot::new(free));
        }
        let own: Option<Share<_>> = self.of_address.take(address.into());
        if own.is_none() {
            self.note(address);
        }
        Some(Slot::new((own?, free)))
    }

    /// Does this address speak for many, as a proxy does?
    fn is_shared(&self, address: IpAddr) -> bool {
        let mut known = self.shared_addresses.iter();
        known.any(|network| network.contains(&address))
    }

    fn note(&self, address: IpAddr) {
        let mut turned_away = self
            .turned_away
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        turned_away.count += 1;
        let quiet = |said: Instant| said.elapsed() < TurnedAway::PAUSE;
        if turned_away.said.is_some_and(quiet) {
            return;
        }
        tracing::warn!(
            %address,
            closed = turned_away.count,
            "connections over proxy.max_connections_per_address are closed; a proxy in front belongs into trusted_proxies"
        );
        *turned_away = TurnedAway {
            count: 0,
            said: Some(Instant::now()),
        };
    }
}

/// Connections that were closed since that was last said: a flood of them must not become one of log lines.
#[derive(Debug, Default)]
struct TurnedAway {
    count: u64,
    said: Option<Instant>,
}

impl TurnedAway {
    const PAUSE: Duration = Duration::from_secs(10);
}
