//! Signing in: password, then code, then a session. Loads, asks the pure core, stores, records.
//!
//! Whatever is wrong with an attempt, the visitor reads the same words after the same work; the
//! audit stream alone hears the reason.

mod first_factor;
mod second_factor;
mod step_up;
pub mod limits;
pub mod device;
mod drift;

use crate::accounts::Accounts;
use crate::audit::{Audit, Details, Event, Source};
use crate::authn::lockout::Ceiling;
use crate::authn::password::Password;
use crate::authn::session::Resumed;
use crate::authn::session::record::{Origin, SessionRecord};
use crate::authn::totp::Skew;
use crate::authn::transaction::Transaction;
use crate::authn::{AccountToken, Rejection};
use crate::clock::{Clock, Timestamp};
use crate::hashing::{Busy, Pool};
use crate::login::device::{DeviceKey, DeviceMark, Known};
use crate::login::drift::Drift;
use crate::login::limits::Limits;
use crate::metrics::{Registry, number, reading};
use crate::rate_limit::Limited;
use crate::secret::Token;
use crate::sessions::{Begun, Sessions, key_of};
use crate::store::table::{Record, Table, UpdateError};
use crate::store::{Error, Tree};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// When an account gets its authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentMode {
    /// Only with an invitation; the default.
    Invite,
    /// Also after the first password.
    FirstSignIn,
}

/// Who tries, from where.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address that limits count.
    pub address: IpAddr,
    /// What the audit stream reads.
    pub source: Source,
    /// What the owner of the session will read.
    pub origin: Origin,
}

/// The first step, as it was typed.
#[derive(Debug)]
pub struct FirstFactor {
    /// The user name, as typed.
    pub username: String,
    /// The password, as typed.
    pub password: Password,
    /// The mark of a known device, if the browser showed one.
    pub device: Option<DeviceMark>,
    /// Where to go afterwards; already found safe.
    pub return_to: String,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Something is wrong with the attempt; nobody learns what.
    #[error("refused")]
    Refused,
    /// What was typed has not the form of a code; no try was used up.
    #[error("not a code")]
    Malformed,
    /// There is no login under way, or it is over: begin again.
    #[error("no login under way")]
    Over,
    /// Too much was tried.
    #[error("{0}")]
    Limited(#[from] Limited),
    /// Too many hashes are waiting.
    #[error("busy")]
    Busy(#[from] Busy),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] Error),
}

impl From<UpdateError<Rejection>> for LoginError {
    fn from(error: UpdateError<Rejection>) -> Self {
        match error {
            UpdateError::Contended | UpdateError::Refused(_) => Self::Refused,
            UpdateError::Missing => Self::Over,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

impl Record for Transaction {
    const TREE: Tree = Tree::FirstFactorSessions;

    fn expires(&self) -> Option<Timestamp> {
        Some(self.expires())
    }
}

/// Stores a login under way under a fresh token.
///
/// # Errors
/// When the store cannot keep it.
pub(crate) async fn store(
    table: &Table<Transaction>,
    transaction: Transaction,
) -> Result<Advanced, Error> {
    let token = Token::generate();
    table
        .insert(&token.digest().0, &transaction)
        .await?
        .expect_new()?;
    Ok(Advanced { token, transaction })
}

/// The password was right: the browser goes on with this token.
#[derive(Debug)]
pub struct Advanced {
    /// For the login cookie.
    pub token: Token<Transaction>,
    /// The login, one step on.
    pub transaction: Transaction,
}

/// As much was right as the way there asks for.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Begun,
    /// The mark by which the browser is known from now on.
    pub device: DeviceMark,
    /// Where to go.
    pub return_to: String,
    /// How many backup codes are left, if one was just spent.
    pub backup_codes_left: Option<usize>,
}

/// The reason in the audit stream of a sign-in with the password alone.
const ONE_FACTOR: &str = "one_factor";

/// The way from a stranger to a session.
#[derive(Clone, Debug)]
pub struct Login {
    parts: Arc<Parts>,
    drift: Arc<Drift>,
}

/// What [`Login`] works with.
#[derive(Debug)]
pub struct Parts {
    /// The accounts.
    pub accounts: Accounts,
    /// The logins under way.
    pub transactions: Table<Transaction>,
    /// The sessions.
    pub sessions: Sessions,
    /// Where passwords are hashed.
    pub hashing: Pool,
    /// How fast anyone may guess.
    pub limits: Limits,
    /// How often in a row.
    pub ceiling: Ceiling,
    /// Signs the marks of known devices.
    pub devices: DeviceKey,
    /// How many steps of the code's clock are accepted.
    pub skew: Skew,
    /// When an account gets its authenticator.
    pub enrolment: EnrolmentMode,
    /// How old a refusal is when it leaves, whatever was looked up, checked and written for it.
    pub refused_after: Duration,
    /// Where events go.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Login {
    /// The flow, from what it works with.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let reasons = Rejection::ALL.map(Rejection::name);
        parts.audit.expect(Event::AuthnLoginFail, &reasons);
        parts.audit.expect(Event::AuthnLoginSuccess, &[ONE_FACTOR]);
        parts
            .audit
            .expect(Event::AuthnLoginLock, &[Rejection::Locked.name()]);
        parts
            .audit
            .expect(Event::AuthnTokenReuse, &[Rejection::CodeReplayed.name()]);
        let quotas = ["address", "account", "code"];
        parts.audit.expect(Event::ExcessRateLimitExceeded, &quotas);
        Self {
            parts: Arc::new(parts),
            drift: Arc::new(Drift::new()),
        }
    }

    /// Shows what codes and limits tell.
    pub fn register(&self, registry: &mut Registry) {
        self.drift.register(registry);
        let parts = Arc::clone(&self.parts);
        reading(
            registry,
            "limiter_keys",
            "Addresses, names and accounts whose tries are remembered",
            move || number(parts.limits.used_slots()),
        );
    }

    /// How long a browser counts as known.
    #[must_use]
    pub fn device_lifetime(&self) -> Duration {
        self.parts.devices.lifetime()
    }

    /// The limits, for the timer that sweeps them.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// Counts a try against the address that it comes from.
    ///
    /// # Errors
    /// [`Limited`] when the address has used up what it is granted.
    pub fn limit_address(&self, client: &Client) -> Result<(), Limited> {
        let taken = self.parts.limits.address(client.address);
        taken.inspect_err(|_| self.record_limited("address", client))
    }

    /// Lets a refusal wait until it is as old as all others: its time tells nothing of its reason (CWE-208).
    pub(in crate::login) async fn level<T>(
        &self,
        begun: Instant,
        outcome: Result<T, LoginError>,
    ) -> Result<T, LoginError> {
        if let Err(LoginError::Refused) = outcome {
            wait_until(begun + self.parts.refused_after).await;
        }
        outcome
    }

    pub(in crate::login) fn record_limited(&self, which: &'static str, client: &Client) {
        let details = Details::none().reason(which);
        self.parts
            .audit
            .record(Event::ExcessRateLimitExceeded, &client.source, &details);
    }

    /// The login under way that `token` opens.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn under_way(
        &self,
        token: &Token<Transaction>,
    ) -> Result<Option<Transaction>, Error> {
        self.parts.transactions.get(&token.digest().0).await
    }

    /// Gives the login under way up.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_up(&self, token: &Token<Transaction>) -> Result<(), Error> {
        self.parts.transactions.remove(&token.digest().0).await
    }

    /// Stores `session`, ends the one that this browser held before, marks the device.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_session(
        &self,
        session: &Resumed,
        return_to: String,
        previous: Option<&AccountToken<SessionRecord>>,
        client: &Client,
    ) -> Result<SignedIn, LoginError> {
        let (account, epoch) = (session.account(), session.epoch());
        if let Some(previous) = previous {
            self.parts.sessions.end(&key_of(previous)).await?;
        }
        let begun = self
            .parts
            .sessions
            .begin(session, client.origin.clone())
            .await?;
        let details = Details::of(account).session(begun.id);
        let details = match session.factor() {
            Some(factor) => details.factor(factor),
            None => details.reason(ONE_FACTOR),
        };
        self.parts
            .audit
            .record(Event::AuthnLoginSuccess, &client.source, &details);
        for evicted in &begun.evicted {
            let details = Details::of(account).session(*evicted);
            self.parts
                .audit
                .record(Event::ExcessSessionsExceeded, &client.source, &details);
        }
        let now = self.parts.clock.now();
        Ok(SignedIn {
            session: begun,
            device: self.parts.devices.mark(Known { account, epoch }, now),
            return_to,
            backup_codes_left: None,
        })
    }

    /// Ends the session that `token` opens. It goes on to its end also when whoever asked for it goes
    /// away: what has ended is recorded.
    ///
    /// # Errors
    /// When the store cannot keep that.
    pub async fn sign_out(
        &self,
        token: &AccountToken<SessionRecord>,
        source: &Source,
    ) -> Result<(), Error> {
        let (parts, key, source) = (Arc::clone(&self.parts), key_of(token), source.clone());
        let ending = tokio::spawn(async move {
            if let Some(record) = parts.sessions.end(&key).await? {
                let details = Details::of(record.account()).session(record.id());
                let audit = &parts.audit;
                audit.record(Event::SessionLogout, &source, &details);
            }
            Ok(())
        });
        let stopping = |_| Error::Io("the runtime is shutting down".to_owned());
        ending.await.map_err(stopping)?
    }
}

/// How much of a wait the runtime's own timers are not trusted with.
const FINE: Duration = Duration::from_millis(2);

/// Waits to the moment itself. A timer of the runtime ends a whole number of milliseconds after the thread went to sleep,
/// and that was when the work was done: the fraction of a millisecond would tell how long it took.
async fn wait_until(moment: Instant) {
    sleep_until(moment - FINE).await;
    let rest = move || std::thread::sleep(moment.saturating_duration_since(Instant::now()));
    // Only a runtime that shuts down does not run it.
    let _ = tokio::task::spawn_blocking(rest).await;
}

#[cfg(test)]
mod tests;
