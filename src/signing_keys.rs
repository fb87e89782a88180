//! The keys that sign assertions: one ring in the store, and what of it is in force in this process.
//!
//! Every change is one compare-and-swap of the whole ring, so two at once cannot make two active keys
//! and a kill leaves the ring from before or after. What signs and what is published change
//! together: nobody sees an assertion whose key is not in the key set.

use crate::audit::{Audit, Details, Event, Source};
use crate::clock::{Clock, Timestamp};
use crate::identity::jwks::Jwks;
use crate::identity::key::{Algorithm, DamagedKey, KeyId, KeyRecord, SigningKey};
use crate::identity::ring::{Change, KeyRing, Policy, TooManyKeys, UnknownKey};
use crate::metrics::{Registry, number, reading};
use crate::store::rows::atomically;
use crate::store::table::{Record, Table, UpdateError};
use crate::store::{Durability, Error, Store, Tree};
use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::Mutex;

impl Record for KeyRing {
    const TREE: Tree = Tree::SigningKeys;
}

/// Where the ring lies.
const RING: &[u8] = b"ring";

/// Why the keys cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A stored key cannot be used.
    #[error(transparent)]
    Damaged(#[from] DamagedKey),
    /// No key has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownKey),
    /// Too many keys are published.
    #[error(transparent)]
    TooMany(#[from] TooManyKeys),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<UpdateError<Self>> for KeyError {
    fn from(error: UpdateError<Self>) -> Self {
        match error {
            UpdateError::Refused(refusal) => refusal,
            UpdateError::Missing => Self::Store(UpdateError::Missing.into()),
            UpdateError::Contended => Self::Store(UpdateError::Contended.into()),
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

/// The keys in force: what signs, and what apps verify with.
#[derive(Debug)]
pub struct KeySet {
    /// Signs.
    pub active: SigningKey,
    /// The public halves of all keys.
    pub published: Jwks,
    ring: KeyRing,
}

impl KeySet {
    fn open(ring: KeyRing) -> Result<Self, DamagedKey> {
        let keys: Vec<SigningKey> = ring
            .records()
            .map(SigningKey::open)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            active: SigningKey::open(ring.active())?,
            published: Jwks::publish(keys.iter()),
            ring,
        })
    }

    /// All keys with their states.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }
}

/// What [`SigningKeys`] works with.
#[derive(Debug)]
pub struct Parts {
    /// Where the ring is kept.
    pub store: Arc<dyn Store>,
    /// When keys are replaced.
    pub policy: Policy,
    /// Where events go.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The signing keys of this gate. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SigningKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    in_force: ArcSwap<KeySet>,
    /// Held from the change in the store until it is in force: an older ring must not overtake.
    changing: Mutex<()>,
}

impl SigningKeys {
    /// Loads the ring; begins one where there is none.
    ///
    /// # Errors
    /// When a key is damaged or the store fails: nothing is signed with a guess.
    pub async fn open(parts: Parts) -> Result<Self, KeyError> {
        let (ring, changes) = load_or_begin(&parts).await?;
        let inner = Inner {
            in_force: ArcSwap::from_pointee(KeySet::open(ring)?),
            changing: Mutex::new(()),
            parts,
        };
        inner.record(&changes, &Source::own());
        Ok(Self(Arc::new(inner)))
    }

    /// The keys in force. Never waits.
    #[must_use]
    pub fn in_force(&self) -> Arc<KeySet> {
        self.0.in_force.load_full()
    }

    /// Shows how old the key is that signs.
    pub fn register(&self, registry: &mut Registry) {
        let (name, help) = (
            "signing_key_created_timestamp_seconds",
            "When the key that signs was made, since the Unix epoch",
        );
        let keys = self.clone();
        reading(registry, name, help, move || {
            let created = keys.in_force().ring().active().created();
            number(usize::try_from(created.0).ok()?)
        });
    }

    /// When keys are replaced.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.parts.policy
    }

    /// Does what is due, and takes over what others stored. To be called every minute or so.
    ///
    /// # Errors
    /// When the store fails; what was in force stays so.
    pub async fn tend(&self) -> Result<(), KeyError> {
        // Looked at first: a swap every minute would wake the disk for nothing.
        if self.0.is_content().await? {
            return Ok(());
        }
        self.change(Source::own(), |ring, inner| Ok(inner.tend(ring)))
            .await
    }

    /// Publishes a successor that signs once every verifier can know it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rotate(&self, source: &Source) -> Result<(), KeyError> {
        self.change(source.clone(), |ring, inner| {
            let (now, policy) = (inner.now(), &inner.parts.policy);
            Ok(ring.rotate(now, policy, |algorithm| inner.fresh(algorithm)))
        })
        .await
    }

    /// Lets a successor sign at once, see [`KeyRing::rotate_now`].
    ///
    /// # Errors
    /// When this was done too often, or the store fails.
    pub async fn rotate_now(&self, source: &Source) -> Result<(), KeyError> {
        self.change(source.clone(), |ring, inner| {
            let (now, policy) = (inner.now(), &inner.parts.policy);
            Ok(ring.rotate_now(now, policy, |algorithm| inner.fresh(algorithm))?)
        })
        .await
    }

    /// Destroys a key that somebody else may have, see [`KeyRing::retire`].
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub async fn retire(&self, id: KeyId, source: &Source) -> Result<(), KeyError> {
        self.change(source.clone(), move |ring, inner| {
            let (now, policy) = (inner.now(), &inner.parts.policy);
            Ok(ring.retire(id, now, policy, |algorithm| inner.fresh(algorithm))?)
        })
        .await
    }

    /// Changes the stored ring and puts it in force. It runs to its end also when whoever asked for it
    /// goes away: a key that was destroyed in the store must not go on signing here.
    async fn change(
        &self,
        source: Source,
        change: impl Fn(&mut KeyRing, &Inner) -> Result<Vec<Change>, KeyError> + Send + Sync + 'static,
    ) -> Result<(), KeyError> {
        let inner = Arc::clone(&self.0);
        let changed = tokio::spawn(async move { inner.change(&source, change).await });
        let stopping = |_| Error::Io("the runtime is shutting down".to_owned());
        changed.await.map_err(stopping)?
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    fn fresh(&self, algorithm: Algorithm) -> KeyRecord {
        KeyRecord::generate(algorithm, self.now())
    }

    /// Is nothing due? Then what is stored is put in force, whoever changed it: a store that was
    /// mended may have another ring than the one that was tried to write last.
    async fn is_content(&self) -> Result<bool, KeyError> {
        let _turn = self.changing.lock().await;
        let stored = Table::<KeyRing>::new(Arc::clone(&self.parts.store));
        let stored = stored.get(RING).await?;
        let stored = stored.ok_or(Error::from(UpdateError::Missing))?;
        let content = self.tend(&mut stored.clone()).is_empty();
        if content {
            // A store that failed may show a ring that never became durable, and mend without it.
            self.parts.store.ping().await?;
            self.in_force.store(Arc::new(KeySet::open(stored)?));
        }
        Ok(content)
    }

    fn tend(&self, ring: &mut KeyRing) -> Vec<Change> {
        let (moment, policy) = (self.parts.clock.moment(), &self.parts.policy);
        ring.tend(moment, policy, |algorithm| self.fresh(algorithm))
    }

    async fn change(
        &self,
        source: &Source,
        change: impl Fn(&mut KeyRing, &Self) -> Result<Vec<Change>, KeyError> + Sync,
    ) -> Result<(), KeyError> {
        let _turn = self.changing.lock().await;
        let at = [(Tree::SigningKeys, RING)];
        let swapped = atomically(&*self.parts.store, Durability::Synced, &at, |rows| {
            let mut ring: KeyRing = rows.get(RING)?.ok_or(UpdateError::Missing)?;
            let changes = change(&mut ring, self).map_err(UpdateError::Refused)?;
            if !changes.is_empty() {
                rows.put(RING, &ring)?;
            }
            Ok((ring, changes))
        });
        let (ring, changes) = swapped.await?;
        if changes.is_empty() {
            self.parts.store.ping().await?;
        }
        self.in_force.store(Arc::new(KeySet::open(ring)?));
        self.record(&changes, source);
        Ok(())
    }

    fn record(&self, changes: &[Change], source: &Source) {
        for change in changes {
            let (event, id) = match *change {
                Change::Published(id) => (Event::KeyPublished, id),
                Change::Activated(id) => (Event::KeyActivated, id),
                Change::Retired(id) => (Event::KeyRetired, id),
                Change::Removed(id) => (Event::KeyRemoved, id),
                Change::Revoked(id) => (Event::KeyRevoked, id),
            };
            let details = Details::none().key(id);
            self.parts.audit.record(event, source, &details);
        }
    }
}

/// Destroys the stored ring: whoever opens it next begins another one. Tells how many keys it had.
///
/// # Errors
/// When the store fails.
pub async fn forget(store: &dyn Store) -> Result<usize, Error> {
    let at = [(Tree::SigningKeys, RING)];
    let forgotten = atomically(store, Durability::Relaxed, &at, |rows| {
        let ring: Option<KeyRing> = rows.get(RING)?;
        rows.remove::<KeyRing>(RING)?;
        Ok(ring.map_or(0, |ring| ring.records().count()))
    });
    let forgotten: Result<_, UpdateError> = forgotten.await;
    Ok(forgotten?)
}

async fn load_or_begin(parts: &Parts) -> Result<(KeyRing, Vec<Change>), KeyError> {
    let now = parts.clock.now();
    let at = [(Tree::SigningKeys, RING)];
    let found = atomically(&*parts.store, Durability::Synced, &at, |rows| {
        if let Some(ring) = rows.get::<KeyRing>(RING)? {
            return Ok((ring, vec![]));
        }
        let ring = KeyRing::begin(KeyRecord::generate(parts.policy.algorithm, now), now);
        rows.put(RING, &ring)?;
        let changes = vec![Change::Activated(ring.active().id())];
        Ok((ring, changes))
    });
    let found: Result<_, UpdateError> = found.await;
    Ok(found.map_err(Error::from)?)
}

#[cfg(test)]
mod tests;
