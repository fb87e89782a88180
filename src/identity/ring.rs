//! The life of the keys that sign: `next`, `active`, `retired`, gone (NIST SP 800-57 part 1, 5.3).
//!
//! Exactly one key is active, whatever happens. A key is published before it signs and after it has
//! signed, for longer than anybody keeps an older key set and any assertion lives, so that no
//! assertion meets a verifier that cannot know its key. Waiting counts only time that certainly passed:
//! a clock that is set may delay a step, never hurry it.

use crate::clock::{Moment, Timestamp};
use crate::identity::jwks::MAX_AGE;
use crate::identity::key::{Algorithm, KeyId, KeyRecord};
use crate::identity::signer::LONGEST_LIFETIME;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a key is published before it signs: a verifier and a cache before it may each have kept
/// the older set for [`MAX_AGE`].
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(2 * MAX_AGE.as_secs());

/// How far the clock of a verifier may be off: what the examples grant.
const LEEWAY: Duration = Duration::from_secs(30);

/// How long a key stays published after it has signed: its last assertion lives so long, with the
/// verifier's leeway, a key set of [`MAX_AGE`], and a minute.
pub const PUBLISHED_AFTER: Duration =
    Duration::from_secs(LONGEST_LIFETIME.as_secs() + LEEWAY.as_secs() + MAX_AGE.as_secs() + 60);

/// The most retired keys that are published at once; only rotations in a hurry leave more than two.
pub const MOST_RETIRED: usize = 8;

/// When keys are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How the active key is to sign; another one is replaced.
    pub algorithm: Algorithm,
    /// How long a key signs before the next one does; `None` leaves it to people.
    pub rotate: Option<Duration>,
}

/// All keys there are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KeyRing {
    active: ActiveKey,
    next: Option<NextKey>,
    retired: Vec<RetiredKey>,
}

/// Published; will sign.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct NextKey {
    key: KeyRecord,
    published: Timestamp,
}

impl NextKey {
    fn publish(key: KeyRecord, now: Timestamp) -> Self {
        let published = now;
        Self { key, published }
    }

    fn is_known(&self, moment: Moment) -> bool {
        moment.certainly_since(self.published) >= PUBLISHED_BEFORE
    }

    fn activate(self, now: Timestamp) -> ActiveKey {
        ActiveKey::begin(self.key, now)
    }
}

/// Published; signs.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct ActiveKey {
    key: KeyRecord,
    activated: Timestamp,
}

impl ActiveKey {
    fn begin(key: KeyRecord, now: Timestamp) -> Self {
        let activated = now;
        Self { key, activated }
    }

    /// Is it time to publish its successor?
    fn is_ending(&self, now: Timestamp, policy: &Policy) -> bool {
        let of_age = |age: Duration| {
            // Activated in the future: nobody knows its age, and a successor hurts nobody.
            self.activated > now
                || now.since(self.activated) >= age.saturating_sub(PUBLISHED_BEFORE)
        };
        self.key.algorithm() != policy.algorithm || policy.rotate.is_some_and(of_age)
    }

    fn retire(self, now: Timestamp) -> RetiredKey {
        let (key, retired) = (self.key, now);
        RetiredKey { key, retired }
    }
}

/// Published; has signed.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct RetiredKey {
    key: KeyRecord,
    retired: Timestamp,
}

impl RetiredKey {
    fn is_outlived(&self, moment: Moment) -> bool {
        moment.certainly_since(self.retired) >= PUBLISHED_AFTER
    }
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Verifiers can learn it; it does not sign yet.
    Published(KeyId),
    /// It signs.
    Activated(KeyId),
    /// It signs no more, and stays published.
    Retired(KeyId),
    /// Nothing that it signed is alive: it is destroyed.
    Removed(KeyId),
    /// Destroyed before its time.
    Revoked(KeyId),
}

/// Too many retired keys are still published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many keys were replaced in the last minutes and are still published")]
pub struct TooManyKeys;

/// No key has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key has this name")]
pub struct UnknownKey;

impl KeyRing {
    /// With a first key, which nobody can know an older one of.
    #[must_use]
    pub fn begin(key: KeyRecord, now: Timestamp) -> Self {
        Self {
            active: ActiveKey::begin(key, now),
            next: None,
            retired: Vec::new(),
        }
    }

    /// Does what is due, and tells what it did; `fresh` makes a key when one is needed.
    pub fn tend(
        &mut self,
        moment: Moment,
        policy: &Policy,
        fresh: impl FnOnce(Algorithm) -> KeyRecord,
    ) -> Vec<Change> {
        let mut changes = self.remove_outlived(moment);
        changes.extend(self.drop_next_unless(policy.algorithm));
        if self.next.is_none() && self.active.is_ending(moment.now, policy) {
            changes.push(self.publish(fresh(policy.algorithm), moment.now));
        }
        if self.has_room()
            && let Some(next) = self.next.take_if(|next| next.is_known(moment))
        {
            changes.extend(self.succeed(next.activate(moment.now), moment.now));
        }
        changes
    }

    /// Publishes a successor, unless one is published already; [`KeyRing::tend`] lets it sign in time.
    pub fn rotate(
        &mut self,
        now: Timestamp,
        policy: &Policy,
        fresh: impl FnOnce(Algorithm) -> KeyRecord,
    ) -> Vec<Change> {
        let mut changes = self.drop_next_unless(policy.algorithm);
        if self.next.is_none() {
            changes.push(self.publish(fresh(policy.algorithm), now));
        }
        changes
    }

    /// Lets the successor sign at once, published or not. Verifiers that do not look for an unknown
    /// key refuse what it signs until their key set is too old.
    ///
    /// # Errors
    /// When this was done too often in the last minutes.
    pub fn rotate_now(
        &mut self,
        now: Timestamp,
        policy: &Policy,
        fresh: impl FnOnce(Algorithm) -> KeyRecord,
    ) -> Result<Vec<Change>, TooManyKeys> {
        if !self.has_room() {
            return Err(TooManyKeys);
        }
        let mut changes = self.drop_next_unless(policy.algorithm);
        let successor = match self.next.take() {
            Some(next) => next.activate(now),
            None => ActiveKey::begin(fresh(policy.algorithm), now),
        };
        changes.extend(self.succeed(successor, now));
        Ok(changes)
    }

    /// Destroys a key that somebody else may have. In place of the active one a fresh one signs at
    /// once; a successor that lay beside it is destroyed with it.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn retire(
        &mut self,
        id: KeyId,
        now: Timestamp,
        policy: &Policy,
        fresh: impl FnOnce(Algorithm) -> KeyRecord,
    ) -> Result<Vec<Change>, UnknownKey> {
        if self.active.key.id() == id {
            self.active = ActiveKey::begin(fresh(policy.algorithm), now);
            let mut changes = vec![Change::Revoked(id)];
            changes.extend(self.next.take().map(|next| Change::Revoked(next.key.id())));
            changes.push(Change::Activated(self.active.key.id()));
            return Ok(changes);
        }
        let published = self.records().count();
        self.next.take_if(|next| next.key.id() == id);
        self.retired.retain(|retired| retired.key.id() != id);
        if self.records().count() == published {
            return Err(UnknownKey);
        }
        Ok(vec![Change::Revoked(id)])
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &KeyRecord {
        &self.active.key
    }

    /// All keys, the active one first; each is published.
    pub fn records(&self) -> impl Iterator<Item = &KeyRecord> {
        let next = self.next.iter().map(|next| &next.key);
        let retired = self.retired.iter().map(|retired| &retired.key);
        std::iter::once(&self.active.key).chain(next).chain(retired)
    }

    /// All keys with their states, in the order of [`KeyRing::records`].
    #[must_use]
    pub fn stages(&self, policy: &Policy) -> Vec<Stage<'_>> {
        let first_use = |next: &NextKey| next.published.plus(PUBLISHED_BEFORE);
        let of_age = policy.rotate.map(|age| self.active.activated.plus(age));
        let mut stages = vec![Stage {
            key: &self.active.key,
            state: State::Active,
            since: self.active.activated,
            until: self.next.as_ref().map(first_use).or(of_age),
        }];
        stages.extend(self.next.iter().map(|next| Stage {
            key: &next.key,
            state: State::Next,
            since: next.published,
            until: Some(first_use(next)),
        }));
        stages.extend(self.retired.iter().map(|retired| Stage {
            key: &retired.key,
            state: State::Retired,
            since: retired.retired,
            until: Some(retired.retired.plus(PUBLISHED_AFTER)),
        }));
        stages
    }

    fn has_room(&self) -> bool {
        self.retired.len() < MOST_RETIRED
    }

    fn publish(&mut self, key: KeyRecord, now: Timestamp) -> Change {
        let change = Change::Published(key.id());
        self.next = Some(NextKey::publish(key, now));
        change
    }

    fn succeed(&mut self, successor: ActiveKey, now: Timestamp) -> [Change; 2] {
        let old = std::mem::replace(&mut self.active, successor);
        let changes = [
            Change::Activated(self.active.key.id()),
            Change::Retired(old.key.id()),
        ];
        self.retired.push(old.retire(now));
        changes
    }

    fn remove_outlived(&mut self, moment: Moment) -> Vec<Change> {
        let outlived = self
            .retired
            .extract_if(.., |retired| retired.is_outlived(moment));
        outlived
            .map(|retired| Change::Removed(retired.key.id()))
            .collect()
    }

    /// A successor that signs otherwise than is wanted now; it never signed, so nobody misses it.
    fn drop_next_unless(&mut self, algorithm: Algorithm) -> Vec<Change> {
        let dropped = self.next.take_if(|next| next.key.algorithm() != algorithm);
        dropped
            .map(|next| Change::Removed(next.key.id()))
            .into_iter()
            .collect()
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published, will sign.
    Next,
    /// Published, signs.
    Active,
    /// Published, has signed.
    Retired,
}

/// A key with its state, and how long it is in it.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The key.
    pub key: &'a KeyRecord,
    /// What it may do.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Until when, at the earliest; `None` until somebody says so.
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
