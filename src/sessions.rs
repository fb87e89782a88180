//! Sessions in the store: begun, listed, ended.
//!
//! The key is the account's id and the digest of the token, so "all sessions of an account" is one
//! prefix, and the store never sees a token.

use crate::authn::session::record::{Lifetimes, Origin, SessionRecord};
use crate::authn::session::{Epoch, Resumed, SessionId, room};
use crate::authn::{AccountId, AccountToken};
use crate::clock::{Clock, Timestamp};
use crate::store::table::{Record, Table, UpdateError};
use crate::store::{Error, Tree};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;

impl Record for SessionRecord {
    const TREE: Tree = Tree::Sessions;

    fn expires(&self) -> Option<Timestamp> {
        Some(self.expires())
    }
}

/// A store key: 16 bytes of account, 32 of digest.
pub type SessionKey = [u8; 48];

/// The key of the session that `token` opens.
#[must_use]
pub fn key_of(token: &AccountToken<SessionRecord>) -> SessionKey {
    let mut key = [0; 48];
    key[..16].copy_from_slice(token.account().as_bytes());
    key[16..].copy_from_slice(&token.digest().0);
    key
}

/// The account whose session lies under `key`.
#[must_use]
pub fn account_of(key: &[u8]) -> Option<AccountId> {
    let account = key.get(..16)?.try_into().ok()?;
    Some(AccountId::from_bytes(account))
}

/// How a session was begun.
#[derive(Debug)]
pub struct Begun {
    /// For the cookie.
    pub token: AccountToken<SessionRecord>,
    /// The session's public name.
    pub id: SessionId,
    /// Sessions of the same account that had to make room.
    pub evicted: Vec<SessionId>,
}

/// All sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    table: Table<SessionRecord>,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
    per_account: usize,
    /// Held from counting to inserting: two that begin at once would both find room for one. Sign-ins
    /// are far slower than this, so it makes nobody wait.
    beginning: Arc<Mutex<()>>,
    unkept: Arc<Unkept>,
}

/// Sessions that were ended while the store could not keep that, or does not yet. They are over for this process.
#[derive(Debug, Default)]
struct Unkept {
    /// How many are at work on each ending; where nobody is, it was left.
    keys: std::sync::Mutex<HashMap<SessionKey, usize>>,
    count: AtomicUsize,
}

/// Work on an ending. Whoever drops it before the store has kept that leaves it to [`Sessions::keep_endings`].
#[derive(Debug)]
struct Ending<'a> {
    unkept: &'a Unkept,
    key: SessionKey,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(at_work) = self.unkept.keys().get_mut(&self.key) {
            *at_work = at_work.saturating_sub(1);
        }
    }
}

/// More than anyone signs out of while a disk is full.
const MOST_UNKEPT: usize = 10_000;

impl Unkept {
    fn keys(&self) -> std::sync::MutexGuard<'_, HashMap<SessionKey, usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work on it, if there is room.
    fn add(&self, key: SessionKey) -> Option<Ending<'_>> {
        let mut keys = self.keys();
        if keys.len() >= MOST_UNKEPT && !keys.contains_key(&key) {
            return None;
        }
        *keys.entry(key).or_default() += 1;
        self.count.store(keys.len(), Ordering::Release);
        Some(Ending { unkept: self, key })
    }

    /// Those on which nobody works.
    fn left(&self) -> Vec<SessionKey> {
        let keys = self.keys();
        let left = keys.iter().filter(|(_, at_work)| **at_work == 0);
        left.map(|(key, _)| *key).collect()
    }

    fn remove(&self, key: &SessionKey) {
        let mut keys = self.keys();
        keys.remove(key);
        self.count.store(keys.len(), Ordering::Release);
    }

    fn has(&self, key: &SessionKey) -> bool {
        // Nearly always nothing: then no request waits for another.
        self.count.load(Ordering::Acquire) > 0 && self.keys().contains_key(key)
    }
}

/// The most that `per_account` may be.
pub const MOST_PER_ACCOUNT: usize = 1_000;

/// All that an account may have: one of a password alone may stand beside as many of both factors.
const MOST: usize = MOST_PER_ACCOUNT + 1;

impl Sessions {
    /// Sessions that live as `lifetimes` say, at most `per_account` of each account (V7.1.2),
    /// which is no more than [`MOST_PER_ACCOUNT`].
    #[must_use]
    pub fn new(
        table: Table<SessionRecord>,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
        per_account: usize,
    ) -> Self {
        Self {
            table,
            clock,
            lifetimes,
            per_account,
            beginning: Arc::default(),
            unkept: Arc::default(),
        }
    }

    /// How long sessions live.
    #[must_use]
    pub fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Stores `session` under a fresh token; others end to make room, as [`room`] says.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub async fn begin(&self, session: &Resumed, origin: Origin) -> Result<Begun, Error> {
        let _turn = self.beginning.lock().await;
        let evicted = self.make_room(session).await?;
        let record = SessionRecord::of(session, &self.lifetimes, self.clock.now()).from(origin);
        let token = AccountToken::generate(session.account());
        self.table
            .insert(&key_of(&token), &record)
            .await?
            .expect_new()?;
        Ok(Begun {
            token,
            id: session.id(),
            evicted,
        })
    }

    async fn make_room(&self, newcomer: &Resumed) -> Result<Vec<SessionId>, Error> {
        let held = self.stored(newcomer.account()).await?;
        let now = self.clock.now();
        let leaving = room::for_one_more(held, newcomer, self.per_account, &self.lifetimes, now);
        let mut evicted = Vec::new();
        for (key, record) in leaving {
            self.table.remove(&key).await?;
            evicted.push(record.id());
        }
        Ok(evicted)
    }

    /// The session under `key`, alive or not.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get(&self, key: &SessionKey) -> Result<Option<SessionRecord>, Error> {
        self.table.get(key).await
    }

    /// The session under `key`, if it is alive while its account is in `epoch`.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn live(&self, key: &SessionKey, epoch: Epoch) -> Result<Option<Resumed>, Error> {
        if self.is_over(key) {
            return Ok(None);
        }
        let (record, now) = (self.get(key).await?, self.clock.now());
        Ok(record.and_then(|record| record.resume(epoch, &self.lifetimes, now).ok()))
    }

    /// Writes down that the session was used at that moment, which may be over since; may be lost with a
    /// crash, and hurts nobody then.
    ///
    /// # Errors
    /// When the store cannot keep it.
    pub async fn touch(&self, key: &SessionKey, used: Timestamp) -> Result<(), Error> {
        let touched = self
            .table
            .update_relaxed(key, |record: &mut SessionRecord| {
                record.touch(used);
                Ok::<_, Infallible>(())
            });
        match touched.await {
            // Ended meanwhile: there is nothing to write down.
            Ok(()) | Err(UpdateError::Missing) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Ends the session under `key`, for good before this returns.
    ///
    /// # Errors
    /// When the store cannot keep that. For this process it is over all the same, even when whoever
    /// waits for this gives up, and [`Sessions::keep_endings`] tries again. Only when 10,000 endings
    /// are waiting for that is a further one dropped, with a warning: then that session goes on.
    pub async fn end(&self, key: &SessionKey) -> Result<Option<SessionRecord>, Error> {
        // First of all: whoever gives up ends this at the `await`.
        let ending = self.unkept.add(*key);
        let taken = self.table.take(key).await;
        match (&taken, &ending) {
            (Ok(_), _) => self.unkept.remove(key),
            (Err(_), Some(_)) => {}
            (Err(error), None) => {
                tracing::warn!(%error, "a session that was to end goes on: too many wait")
            }
        }
        taken
    }

    /// Was the session under `key` ended while the store could not keep that?
    #[must_use]
    pub fn is_over(&self, key: &SessionKey) -> bool {
        self.unkept.has(key)
    }

    /// Writes down the endings that the store could not keep and nobody works on; tells `kept` of each, and how many they are.
    ///
    /// # Errors
    /// The first one, when the store still cannot keep some. The others are kept all the same.
    pub async fn keep_endings(
        &self,
        kept: impl Fn(&SessionRecord) + Send + Sync,
    ) -> Result<usize, Error> {
        let keys = self.unkept.left();
        let mut outcome = Ok(keys.len());
        for key in &keys {
            match self.table.take(key).await {
                Ok(record) => {
                    self.unkept.remove(key);
                    record.iter().for_each(&kept);
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Ends one session by its public name.
    ///
    /// # Errors
    /// When the store cannot keep that.
    pub async fn revoke(
        &self,
        account: AccountId,
        id: SessionId,
    ) -> Result<Option<SessionRecord>, Error> {
        let sessions = self.stored(account).await?;
        match sessions.into_iter().find(|(_, record)| record.id() == id) {
            Some((key, _)) => self.table.take(&key).await,
            None => Ok(None),
        }
    }

    /// Removes what is left of an account's sessions; they are over already by its epoch.
    ///
    /// # Errors
    /// When the store cannot keep that.
    pub async fn clear(&self, account: AccountId) -> Result<(), Error> {
        for (key, _) in self.stored(account).await? {
            self.table.remove(&key).await?;
        }
        Ok(())
    }

    /// The stored sessions of an account, alive or not.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn of(&self, account: AccountId) -> Result<Vec<SessionRecord>, Error> {
        let sessions = self.stored(account).await?;
        Ok(sessions.into_iter().map(|(_, record)| record).collect())
    }

    async fn stored(&self, account: AccountId) -> Result<Vec<(Vec<u8>, SessionRecord)>, Error> {
        self.table.scan(account.as_bytes(), None, MOST).await
    }
}

#[cfg(test)]
mod tests;
