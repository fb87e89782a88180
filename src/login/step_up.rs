//! Between one factor and two: a password alone where that is enough, a code for a live session.

use crate::authn::AccountToken;
use crate::authn::lockout::Device;
use crate::authn::session::record::SessionRecord;
use crate::authn::session::{FirstFactorSession, Resumed};
use crate::authn::transaction::{Step, Transaction};
use crate::login::{Advanced, Client, Login, LoginError, SignedIn, store};
use crate::secret::Token;
use crate::sessions::key_of;
use crate::store::table::UpdateError;

impl Login {
    /// Ends the login under way with the password alone, where [`crate::gate::Gate::opens`] says that it
    /// is enough.
    ///
    /// # Errors
    /// [`LoginError::Over`] when there is none, or no password was given in it; a failed store.
    pub async fn settle(
        &self,
        token: &Token<Transaction>,
        previous: Option<&AccountToken<SessionRecord>>,
        client: &Client,
    ) -> Result<SignedIn, LoginError> {
        let taken = self.parts.transactions.take(&token.digest().0).await?;
        let transaction = taken.ok_or(LoginError::Over)?;
        let half = match transaction.step {
            Step::SecondFactor(half) => half,
            Step::Enrol(_) | Step::KeepCodes(_) => return Err(LoginError::Over),
        };
        let (id, epoch) = (half.account(), half.epoch());
        let settled = half.settle().ok_or(LoginError::Over)?;
        let accounts = &self.parts.accounts;
        let forgotten = accounts.update(id, |account| account.settle(epoch)).await;
        forgotten.map_err(|error| match error {
            UpdateError::Refused(_) => LoginError::Over,
            other => LoginError::from(other),
        })?;
        let session = Resumed::OneFactor(settled);
        self.begin_session(&session, transaction.return_to, previous, client)
            .await
    }

    /// Begins to ask a live session for a code, for the first time or afresh.
    ///
    /// # Errors
    /// When the account begins too many, or the store cannot keep it.
    pub async fn step_up(
        &self,
        session: &Resumed,
        return_to: String,
    ) -> Result<Advanced, LoginError> {
        self.parts.limits.step_ups.take(session.account())?;
        let now = self.parts.clock.now();
        let step = Step::SecondFactor(FirstFactorSession::step_up(session, now));
        // It grants nothing here, so nothing is claimed.
        let transaction = Transaction::begin(step, return_to, Device::Unknown, now);
        store(&self.parts.transactions, transaction)
            .await
            .map_err(LoginError::Store)
    }

    /// The session that a step-up raises has to be alive, and in this browser: whoever signed out
    /// meanwhile has ended both.
    pub(in crate::login) async fn still_raises(
        &self,
        half: &FirstFactorSession,
        previous: Option<&AccountToken<SessionRecord>>,
    ) -> Result<(), LoginError> {
        let Some(raised) = half.raises() else {
            return Ok(());
        };
        let token = previous.ok_or(LoginError::Over)?;
        let record = self
            .parts
            .sessions
            .live(&key_of(token), half.epoch())
            .await?;
        match record {
            Some(session) if session.id() == raised => Ok(()),
            Some(_) | None => Err(LoginError::Over),
        }
    }

    /// Ends the session that is raised. Of a sign-out and of several that raise it at once, one alone finds it.
    pub(in crate::login) async fn end_raised(
        &self,
        half: &FirstFactorSession,
        previous: Option<&AccountToken<SessionRecord>>,
    ) -> Result<(), LoginError> {
        let (Some(raised), Some(token)) = (half.raises(), previous) else {
            return Ok(());
        };
        match self.parts.sessions.end(&key_of(token)).await? {
            Some(record) if record.id() == raised => Ok(()),
            Some(_) | None => Err(LoginError::Over),
        }
    }
}
