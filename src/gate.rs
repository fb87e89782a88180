//! The gate: loads a session, asks [`authz::decide`](crate::authz::decide), remembers the answer's parts.
//!
//! A signed-in request touches no disk: live sessions are cached with their signed statement. The
//! store tells the gate of every change before the change is reported done, so whatever ends a
//! session is effective on the next request.

use crate::accounts::Accounts;
use crate::authn::account::Account;
use crate::authn::session::record::{Lifetimes, SessionRecord, TOUCH_EVERY};
use crate::authn::session::{FirstFactorSession, Resumed};
use crate::authn::{AccountId, AccountToken};
use crate::authz::rule::{Asked, Rules};
use crate::authz::{Challenge, Decision, Subject, decide};
use crate::clock::{Clock, Moment, Timestamp};
use crate::identity::key::SigningKey;
use crate::identity::signer::Issuer;
use crate::identity::{Names, Pass, Statement};
use crate::metrics::{Registry, reading};
use crate::sessions::{SessionKey, Sessions, account_of, key_of};
use crate::signing_keys::SigningKeys;
use crate::store::observed::Watcher;
use crate::store::{Error, Tree};
use moka::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Sessions that are kept in memory; the others are read again when they are used.
const CACHED: u64 = 20_000;

/// Counters of changes; accounts that share one only load again more often.
const GENERATIONS: usize = 4_096;

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It goes upstream with this; the visitor is known if there is one.
    Pass(Pass, Option<Visitor>),
    /// The visitor has to show more.
    Challenge(Challenge),
    /// This visitor may not do this; nobody at all where nobody is signed in.
    Deny,
}

/// Somebody with a live session.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The session, as of this request.
    pub session: Arc<Resumed>,
    /// The account, as of this request.
    pub account: Arc<Account>,
    key: SessionKey,
}

impl Visitor {
    /// Under which key the session is stored; for [`Gate::still_passes`].
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }
}

/// A session as the cache holds it.
#[derive(Debug)]
struct Live {
    generation: u64,
    record: SessionRecord,
    account: Arc<Account>,
    seen: AtomicU64,
    written: AtomicU64,
    statement: Mutex<Statement>,
}

/// Counts the changes of each account, so that a cached session knows when to be read again.
#[derive(Debug)]
pub struct Generations {
    counters: Vec<AtomicU64>,
    hasher: RandomState,
}

impl Default for Generations {
    fn default() -> Self {
        Self {
            counters: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Generations {
    fn counter(&self, account: AccountId) -> &AtomicU64 {
        let slot = self.hasher.hash_one(account) % (GENERATIONS as u64);
        &self.counters[usize::try_from(slot).expect("smaller than the number of counters")]
    }

    fn of(&self, account: AccountId) -> u64 {
        self.counter(account).load(Ordering::Acquire)
    }
}

impl Watcher for Generations {
    fn changed(&self, tree: Tree, key: &[u8]) {
        let concerns_sessions = match tree {
            Tree::Accounts | Tree::Sessions => true,
            Tree::FirstFactorSessions | Tree::Meta | Tree::SigningKeys | Tree::Usernames => false,
        };
        if let Some(account) = account_of(key).filter(|_| concerns_sessions) {
            self.counter(account).fetch_add(1, Ordering::AcqRel);
        }
    }

    fn all_changed(&self) {
        for counter in &self.counters {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// What [`Gate`] works with.
#[derive(Debug)]
pub struct Parts {
    /// The accounts.
    pub accounts: Accounts,
    /// The sessions.
    pub sessions: Sessions,
    /// Told of every change by the store.
    pub generations: Arc<Generations>,
    /// The access rules.
    pub rules: Rules,
    /// Who statements are from and for.
    pub issuer: Issuer,
    /// What signs them.
    pub keys: SigningKeys,
    /// Under which names the app reads them.
    pub names: Names,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The enforcement point of both modes.
#[derive(Debug)]
pub struct Gate {
    parts: Parts,
    live: Cache<SessionKey, Arc<Live>>,
}

impl Gate {
    /// A gate, from what it works with.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let live = Cache::builder()
            .max_capacity(CACHED)
            .time_to_idle(parts.sessions.lifetimes().idle)
            .build();
        Self { parts, live }
    }

    /// Shows how many sessions are in memory.
    pub fn register(&self, registry: &mut Registry) {
        let live = self.live.clone();
        reading(
            registry,
            "sessions_cached",
            "Sessions that are kept in memory because they were used of late",
            move || {
                live.run_pending_tasks();
                Some(live.entry_count() as f64)
            },
        );
    }

    /// The names under which the app reads an identity.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.parts.names
    }

    /// Judges one request.
    ///
    /// # Errors
    /// When the store has to be asked and fails: then nobody passes.
    pub async fn check(
        &self,
        asked: Asked<'_>,
        token: Option<&AccountToken<SessionRecord>>,
    ) -> Result<Verdict, Error> {
        let found = match token {
            Some(token) => self.resume(&key_of(token)).await?,
            None => None,
        };
        let subject = found
            .as_ref()
            .and_then(|(visitor, _)| Subject::new(&visitor.session, &visitor.account));
        let now = self.parts.clock.now();
        Ok(match decide(&self.parts.rules, asked, subject, now) {
            Decision::Deny => Verdict::Deny,
            Decision::Challenge(challenge) => Verdict::Challenge(challenge),
            Decision::Allow(permit) => match found {
                Some((visitor, live)) if permit.account().is_some() => {
                    let statement = self.statement(&live, &visitor.session);
                    Verdict::Pass(Pass::identified(permit, &statement), Some(visitor))
                }
                Some(_) | None => Verdict::Pass(Pass::anonymous(permit), None),
            },
        })
    }

    /// May what is open here to somebody who has not signed in be shut for a client elsewhere?
    #[must_use]
    pub fn looks_at_networks(&self, asked: Asked<'_>) -> bool {
        self.parts.rules.look_at_networks(asked)
    }

    /// Is there anything that a password alone opens?
    #[must_use]
    pub fn knows_one_factor(&self) -> bool {
        self.parts.rules.know_one_factor()
    }

    /// Does the password that `half` stands for open this, without a code and not for everybody?
    #[must_use]
    pub fn opens(&self, asked: Asked<'_>, half: &FirstFactorSession, account: &Account) -> bool {
        let Some(session) = half.clone().settle().map(Resumed::OneFactor) else {
            return false;
        };
        let (subject, now) = (Subject::new(&session, account), self.parts.clock.now());
        match decide(&self.parts.rules, asked, subject, now) {
            Decision::Allow(permit) => permit.account().is_some(),
            Decision::Challenge(_) | Decision::Deny => false,
        }
    }

    /// Who holds this token, if the session lives.
    ///
    /// # Errors
    /// When the store has to be asked and fails.
    pub async fn visitor(
        &self,
        token: &AccountToken<SessionRecord>,
    ) -> Result<Option<Visitor>, Error> {
        Ok(self
            .resume(&key_of(token))
            .await?
            .map(|(visitor, _)| visitor))
    }

    /// May what was opened so stay open? Asking is not using, and a code that was fresh enough then need not
    /// stay so.
    pub async fn still_passes(&self, asked: Asked<'_>, key: &SessionKey) -> bool {
        let Some(live) = self.load(key).await.ok().flatten() else {
            return false;
        };
        let Some(session) = self.judge(&live) else {
            return false;
        };
        let (subject, now) = (
            Subject::new(&session, &live.account),
            self.parts.clock.now(),
        );
        match decide(&self.parts.rules, asked, subject, now) {
            Decision::Allow(permit) => permit.account().is_some(),
            Decision::Challenge(challenge) => challenge == Challenge::FreshSecondFactor,
            Decision::Deny => false,
        }
    }

    async fn resume(&self, key: &SessionKey) -> Result<Option<(Visitor, Arc<Live>)>, Error> {
        let Some(live) = self.load(key).await? else {
            return Ok(None);
        };
        let Some(session) = self.judge(&live) else {
            self.live.invalidate(key);
            return Ok(None);
        };
        self.touch(key, &live);
        let visitor = Visitor {
            session: Arc::new(session),
            account: Arc::clone(&live.account),
            key: *key,
        };
        Ok(Some((visitor, live)))
    }

    fn judge(&self, live: &Live) -> Option<Resumed> {
        let seen = Timestamp(live.seen.load(Ordering::Relaxed));
        let (limits, now) = (self.limits(), self.parts.clock.now());
        let resumed = live
            .record
            .resume_seen(seen, live.account.epoch(), limits, now);
        resumed.ok()
    }

    fn limits(&self) -> &Lifetimes {
        self.parts.sessions.lifetimes()
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Arc<Live>>, Error> {
        let Some(id) = account_of(key).filter(|_| !self.parts.sessions.is_over(key)) else {
            return Ok(None);
        };
        // Read before the store is: a change that comes later makes this entry old at once.
        let generation = self.parts.generations.of(id);
        let cached = self.live.get(key);
        if let Some(live) = cached.as_ref().filter(|live| live.generation == generation) {
            return Ok(Some(Arc::clone(live)));
        }
        let fresh = self.read(key, id, generation, cached.as_deref()).await?;
        match &fresh {
            Some(live) => self.live.insert(*key, Arc::clone(live)),
            None => self.live.invalidate(key),
        }
        Ok(fresh)
    }

    async fn read(
        &self,
        key: &SessionKey,
        id: AccountId,
        generation: u64,
        older: Option<&Live>,
    ) -> Result<Option<Arc<Live>>, Error> {
        let Some(record) = self.parts.sessions.get(key).await? else {
            return Ok(None);
        };
        let Some(account) = self.parts.accounts.get(id).await? else {
            return Ok(None);
        };
        let (limits, now) = (self.limits(), self.parts.clock.now());
        let written = record.last_seen().0;
        let seen = older.map_or(written, |live| {
            live.seen.load(Ordering::Relaxed).max(written)
        });
        let resumed = record.resume_seen(Timestamp(seen), account.epoch(), limits, now);
        let Ok(session) = resumed else {
            return Ok(None);
        };
        let (keys, at) = (self.parts.keys.in_force(), self.parts.clock.moment());
        let statement = self.state(&keys.active, &session, &account, at);
        Ok(Some(Arc::new(Live {
            generation,
            record,
            account: Arc::new(account),
            seen: AtomicU64::new(seen),
            written: AtomicU64::new(written),
            statement: Mutex::new(statement),
        })))
    }

    fn state(
        &self,
        key: &SigningKey,
        session: &Resumed,
        account: &Account,
        at: Moment,
    ) -> Statement {
        let Parts { names, issuer, .. } = &self.parts;
        Statement::make(names, issuer, key, session, account, at)
    }

    fn statement(&self, live: &Live, session: &Resumed) -> Statement {
        let (now, keys) = (self.parts.clock.now(), self.parts.keys.in_force());
        let mut statement = live
            .statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !statement.is_fresh(keys.active.id(), now) {
            let at = self.parts.clock.moment();
            *statement = self.state(&keys.active, session, &live.account, at);
        }
        statement.clone()
    }

    /// Remembers the use at once, and writes it down at most once a minute, in the background.
    fn touch(&self, key: &SessionKey, live: &Live) {
        let now = self.parts.clock.now().0;
        live.seen.fetch_max(now, Ordering::Relaxed);
        let written = live.written.load(Ordering::Relaxed);
        let due = now >= written.saturating_add(TOUCH_EVERY);
        let mine = due
            && live
                .written
                .compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            let (sessions, key, used) = (self.parts.sessions.clone(), *key, Timestamp(now));
            tokio::spawn(async move {
                if let Err(error) = sessions.touch(&key, used).await {
                    tracing::warn!(%error, "the use of a session was not written down");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
