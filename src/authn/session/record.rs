//! A session as the store keeps it, and what ends it. Only [`SessionRecord::resume`] makes it live.

use crate::authn::session::{Epoch, OneFactorSession, Resumed, Session, SessionId};
use crate::authn::{AccountId, Factor};
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often the use of a session is written down, in seconds.
pub const TOUCH_EVERY: u64 = 60;

/// Where a session was begun, for its owner's eyes; decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Origin {
    /// The address of the browser.
    pub address: String,
    /// What the browser calls itself, at most 256 characters.
    pub agent: String,
}

/// A session as stored; may be long over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SessionRecord {
    account: AccountId,
    id: SessionId,
    epoch: Epoch,
    /// `None` where the password was all.
    factor: Option<Factor>,
    /// A record without it is of a version that did not know: it reads as over.
    #[serde(default)]
    started: Timestamp,
    authenticated: Timestamp,
    last_seen: Timestamp,
    expires: Timestamp,
    origin: Origin,
}

impl SessionRecord {
    /// What the store keeps of a session, for as long as `limits` let it live.
    #[must_use]
    pub fn of(session: &Resumed, limits: &Lifetimes, now: Timestamp) -> Self {
        Self {
            account: session.account(),
            id: session.id(),
            epoch: session.epoch(),
            factor: session.factor(),
            started: session.started(),
            authenticated: session.authenticated(),
            last_seen: now,
            expires: session.started().plus(limits.absolute),
            origin: Origin::default(),
        }
    }

    /// Alive again, if nothing has ended it.
    ///
    /// # Errors
    /// What ended it: another epoch, its idle time or its whole life (NIST SP 800-63B-4, 2.2.3).
    pub fn resume(
        &self,
        current: Epoch,
        limits: &Lifetimes,
        now: Timestamp,
    ) -> Result<Resumed, End> {
        self.resume_seen(self.last_seen, current, limits, now)
    }

    /// As [`SessionRecord::resume`], where activity up to `seen` is not written down yet.
    ///
    /// # Errors
    /// What ended it.
    pub fn resume_seen(
        &self,
        seen: Timestamp,
        current: Epoch,
        limits: &Lifetimes,
        now: Timestamp,
    ) -> Result<Resumed, End> {
        if self.epoch != current {
            return Err(End::Revoked);
        }
        if now.age_of(self.last_seen.max(seen)) >= limits.idle {
            return Err(End::Idle);
        }
        if now.age_of(self.started) >= limits.absolute {
            return Err(End::Expired);
        }
        Ok(self.resumed())
    }

    fn resumed(&self) -> Resumed {
        let &Self {
            account,
            id,
            epoch,
            started,
            authenticated,
            ..
        } = self;
        match self.factor {
            None => Resumed::OneFactor(OneFactorSession {
                account,
                id,
                epoch,
                started,
            }),
            Some(factor) => Resumed::TwoFactor(Session {
                account,
                id,
                epoch,
                factor,
                started,
                authenticated,
            }),
        }
    }

    /// The same record, begun from `origin`.
    #[must_use]
    pub fn from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Its owner was active just now; time never runs backwards for it.
    pub fn touch(&mut self, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
    }

    /// Whose session it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Is it a session of both factors?
    #[must_use]
    pub fn has_both_factors(&self) -> bool {
        self.factor.is_some()
    }

    /// Would it be over in every epoch, also if it was used since that was last written down?
    #[must_use]
    pub fn is_certainly_over(&self, limits: &Lifetimes, now: Timestamp) -> bool {
        let unwritten = Duration::from_secs(2 * TOUCH_EVERY);
        now.age_of(self.started) >= limits.absolute
            || now.age_of(self.last_seen) >= limits.idle.saturating_add(unwritten)
    }

    /// When the newest factor was shown.
    #[must_use]
    pub fn authenticated(&self) -> Timestamp {
        self.authenticated
    }

    /// When its owner was last active, to the minute.
    #[must_use]
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// Where it was begun.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// From when on it is certainly over and may vanish.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// After it began; neither activity nor another code extends it. Default 24 h.
    pub absolute: Duration,
    /// Without activity. Default 1 h.
    pub idle: Duration,
}

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its whole life is over.
    Expired,
    /// Nobody used it for too long.
    Idle,
    /// Its account moved on to another epoch.
    Revoked,
}
