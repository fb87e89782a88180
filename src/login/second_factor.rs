//! The second step: a code, looked at only after its try was reserved, spent before it counts.

use crate::audit::{Details, Event};
use crate::authn::account::Account;
use crate::authn::backup_code::{BackupCode, Salt};
use crate::authn::enrolment::Enrolment;
use crate::authn::session::record::SessionRecord;
use crate::authn::session::{FirstFactorSession, Resumed};
use crate::authn::totp::{Code, TimeStep};
use crate::authn::transaction::{Step, Transaction};
use crate::authn::{AccountId, AccountToken, Factor, Rejection, SecondFactorVerified};
use crate::login::{Client, Login, LoginError, SignedIn};
use crate::rate_limit::{Limit, Limited};
use crate::secret::Token;
use crate::store::table::UpdateError;
use tokio::time::Instant;

impl Login {
    /// Checks a code, TOTP or backup, and begins the session. A refusal is as old as every other, counted from
    /// `since`: from before anything of the account was read.
    ///
    /// # Errors
    /// [`LoginError::Over`] when the tries or the time are used up; [`LoginError::Refused`] alike
    /// for every wrong code.
    pub async fn second_factor(
        &self,
        token: &Token<Transaction>,
        typed: &str,
        previous: Option<&AccountToken<SessionRecord>>,
        client: &Client,
        since: Instant,
    ) -> Result<SignedIn, LoginError> {
        let outcome = self.redeem(token, typed, previous, client).await;
        self.level(since, outcome).await
    }

    async fn redeem(
        &self,
        token: &Token<Transaction>,
        typed: &str,
        previous: Option<&AccountToken<SessionRecord>>,
        client: &Client,
    ) -> Result<SignedIn, LoginError> {
        let submitted = Submitted::parse(typed).ok_or(LoginError::Malformed)?;
        let half = self.reserve_try(token).await?;
        self.still_raises(&half, previous).await?;
        let (proof, left) = self.check(&half, submitted, client).await?;
        // Whoever takes the login under way finishes it; a second right code finds nothing (I2).
        let taken = self.parts.transactions.take(&token.digest().0).await?;
        let transaction = taken.ok_or(LoginError::Over)?;
        // The check of the code took its time.
        self.still_raises(&half, previous).await?;
        self.end_raised(&half, previous).await?;
        let session = half
            .finish(proof, self.parts.clock.now())
            .map(Resumed::TwoFactor)
            .ok_or(LoginError::Over)?;
        let signed_in = self
            .begin_session(&session, transaction.return_to, previous, client)
            .await?;
        Ok(SignedIn {
            backup_codes_left: left,
            ..signed_in
        })
    }

    async fn reserve_try(
        &self,
        token: &Token<Transaction>,
    ) -> Result<FirstFactorSession, LoginError> {
        let now = self.parts.clock.now();
        let key = token.digest().0;
        let reserved = self.parts.transactions.update(&key, |transaction| {
            let Step::SecondFactor(half) = &mut transaction.step else {
                return Err(Rejection::TransactionOver);
            };
            half.reserve_try(now)?;
            Ok(half.clone())
        });
        match reserved.await {
            Ok(half) => Ok(half),
            // It stays until it expires: one of the tries before may just be coming to its end.
            Err(UpdateError::Refused(_)) => Err(LoginError::Over),
            Err(other) => Err(other.into()),
        }
    }

    async fn check(
        &self,
        half: &FirstFactorSession,
        submitted: Submitted,
        client: &Client,
    ) -> Result<(SecondFactorVerified, Option<usize>), LoginError> {
        let id = half.account();
        let outcome = match submitted {
            Submitted::Totp(code) => {
                self.limit_codes(&self.parts.limits.codes, id, client)?;
                self.check_totp(half, &code).await?
            }
            Submitted::Backup(code) => {
                self.limit_codes(&self.parts.limits.backup_codes, id, client)?;
                self.check_backup(half, code).await?
            }
        };
        self.record_code(id, &outcome, client);
        outcome.map_err(|_| LoginError::Refused)
    }

    fn limit_codes(&self, limit: &Limit, id: AccountId, client: &Client) -> Result<(), Limited> {
        let taken = limit.take(id);
        taken.inspect_err(|_| self.record_limited("code", client))
    }

    /// The proof leaves `update` only after the spent step is on disk (RFC 6238, 5.2).
    async fn check_totp(
        &self,
        half: &FirstFactorSession,
        code: &Code,
    ) -> Result<Checked, LoginError> {
        let (wall, skew, ceiling) = (self.parts.clock.wall(), self.parts.skew, self.parts.ceiling);
        let mut step = None;
        let attempt = |account: &mut Account| {
            let proof = account.try_code(code, wall, skew, ceiling);
            step = account.enrolment().map(Enrolment::newest_step);
            proof
        };
        let checked = self.spend(half, attempt).await?;
        if let (Ok(_), Some(step)) = (&checked, step) {
            self.drift.accepted(step, TimeStep::at(wall));
        }
        Ok(checked)
    }

    async fn check_backup(
        &self,
        half: &FirstFactorSession,
        code: BackupCode,
    ) -> Result<Checked, LoginError> {
        let account = self.parts.accounts.get(half.account()).await?;
        let codes = account.as_ref().and_then(Account::backup_codes);
        let salt = codes.map_or_else(Salt::decoy, |codes| codes.salt().clone());
        let digest = self
            .parts
            .hashing
            .run(move |memory| code.digest(&salt, memory))
            .await?;
        self.spend(half, |account| {
            account.try_backup_code(&digest, self.parts.ceiling)
        })
        .await
    }

    /// Stores the account whether the code was right or wrong: both are counted in it.
    async fn spend(
        &self,
        half: &FirstFactorSession,
        mut attempt: impl FnMut(&mut Account) -> Result<SecondFactorVerified, Rejection> + Send,
    ) -> Result<Checked, LoginError> {
        let epoch = half.epoch();
        let outcome = self.parts.accounts.update(half.account(), |account| {
            if account.epoch() != epoch {
                return Err(Rejection::TransactionOver);
            }
            let proof = attempt(account);
            let left = account.backup_codes().map_or(0, |codes| codes.left());
            Ok(proof.map(|proof| (proof, left)))
        });
        match outcome.await {
            Ok(Ok((proof, left))) => {
                let spent_one = proof.factor() == Factor::BackupCode;
                Ok(Ok((proof, spent_one.then_some(left))))
            }
            Ok(Err(rejection)) => Ok(Err(rejection)),
            Err(UpdateError::Refused(_) | UpdateError::Missing) => Err(LoginError::Over),
            Err(other) => Err(other.into()),
        }
    }

    fn record_code(&self, id: AccountId, outcome: &Checked, client: &Client) {
        let (event, details) = match outcome {
            Ok((proof, _)) => match proof.factor() {
                Factor::Totp => return,
                Factor::BackupCode => (Event::AuthnBackupCodeUsed, Details::of(id)),
            },
            Err(Rejection::CodeReplayed) => (
                Event::AuthnTokenReuse,
                Details::of(id).rejected(Rejection::CodeReplayed),
            ),
            Err(Rejection::Locked) => (
                Event::AuthnLoginLock,
                Details::of(id).rejected(Rejection::Locked),
            ),
            Err(other) => (Event::AuthnLoginFail, Details::of(id).rejected(*other)),
        };
        self.parts.audit.record(event, &client.source, &details);
    }
}

type Checked = Result<(SecondFactorVerified, Option<usize>), Rejection>;

/// What was typed as a code.
#[derive(Debug)]
enum Submitted {
    Totp(Code),
    Backup(BackupCode),
}

impl Submitted {
    /// Longer texts are neither.
    const LONGEST: usize = 64;

    fn parse(typed: &str) -> Option<Self> {
        if typed.len() > Self::LONGEST {
            return None;
        }
        let totp = typed.parse().map(Self::Totp).ok();
        totp.or_else(|| typed.parse().map(Self::Backup).ok())
    }
}
