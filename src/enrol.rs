//! From an invitation to an authenticator and its backup codes.
//!
//! Binding needs an [`EnrolmentSession`]; nobody binds a second authenticator over a first one.

use crate::accounts::{AccountError, Accounts, Invited};
use crate::audit::{Audit, Details, Event};
use crate::authn::account::Account;
use crate::authn::backup_code::{BackupCode, BackupCodes};
use crate::authn::enrolment::EnrolmentId;
use crate::authn::lockout::Device;
use crate::authn::password::Password;
use crate::authn::session::record::SessionRecord;
use crate::authn::session::{EnrolmentSession, HeldSession, Resumed};
use crate::authn::totp::{Code, Skew};
use crate::authn::transaction::{Step, Transaction};
use crate::authn::{AccountId, AccountToken, Rejection, SecondFactorVerified};
use crate::clock::Clock;
use crate::hashing::{Busy, Pool};
use crate::login::{Advanced, Client, Login, LoginError, SignedIn, store};
use crate::rate_limit::Limited;
use crate::secret::Token;
use crate::store::Error;
use crate::store::table::{Table, UpdateError};
use std::sync::Arc;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The invitation was used, replaced, or is too old.
    #[error("invitation invalid")]
    InvitationInvalid,
    /// The new password is too easy, or something else about the account.
    #[error("{0}")]
    Account(AccountError),
    /// What was typed is no code.
    #[error("not a code")]
    Malformed,
    /// The code is wrong.
    #[error("wrong code")]
    WrongCode,
    /// The shown secret is too old: begin again.
    #[error("expired")]
    Expired,
    /// There is no enrolment under way.
    #[error("no enrolment under way")]
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

impl From<UpdateError<Rejection>> for EnrolError {
    fn from(error: UpdateError<Rejection>) -> Self {
        match error {
            UpdateError::Refused(rejection) => rejection.into(),
            UpdateError::Contended | UpdateError::Missing => Self::Over,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<Rejection> for EnrolError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::EnrolmentExpired => Self::Expired,
            Rejection::InvitationInvalid => Self::InvitationInvalid,
            Rejection::CodeReplayed | Rejection::WrongBackupCode | Rejection::WrongCode => {
                Self::WrongCode
            }
            Rejection::AccountDisabled
            | Rejection::AlreadyEnrolled
            | Rejection::Locked
            | Rejection::NoSecondFactor
            | Rejection::TransactionOver
            | Rejection::UnknownAccount
            | Rejection::WrongPassword => Self::Over,
        }
    }
}

impl From<AccountError> for EnrolError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Busy(busy) => Self::Busy(busy),
            AccountError::Store(error) => Self::Store(error),
            AccountError::Disabled | AccountError::Enrolled | AccountError::Unknown => {
                Self::InvitationInvalid
            }
            AccountError::Contended
            | AccountError::NameTaken
            | AccountError::ProfileTooLarge
            | AccountError::Weak(_) => Self::Account(error),
        }
    }
}

/// What the enrolment page shows.
#[derive(Debug)]
pub enum Shown {
    /// The secret, to be scanned or typed.
    Secret {
        /// The address in the QR code.
        uri: String,
        /// The secret in base32.
        secret: String,
    },
    /// The secret is too old, or another enrolment of the account took its place; a fresh one can be asked for.
    Expired,
    /// The authenticator is bound; only the backup codes are left to keep.
    KeepCodes,
    /// Nothing: this login waits for a code, not for an enrolment.
    SecondFactor,
}

/// The authenticator is bound (or its codes were made anew): show these, once.
#[derive(Debug)]
pub struct Codes {
    /// For the login cookie.
    pub token: Token<Transaction>,
    /// The ten codes.
    pub codes: Vec<BackupCode>,
    /// Whose they are, for the title of the list.
    pub username: String,
}

/// What [`Enrol`] works with.
#[derive(Debug)]
pub struct Parts {
    /// The accounts.
    pub accounts: Accounts,
    /// The logins under way.
    pub transactions: Table<Transaction>,
    /// The other way to a session, which begins them.
    pub login: Login,
    /// Where backup codes are hashed.
    pub hashing: Pool,
    /// How many steps of the code's clock are accepted.
    pub skew: Skew,
    /// What authenticator apps show beside the name.
    pub issuer: String,
    /// Where events go.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The way from an invitation to a session.
#[derive(Clone, Debug)]
pub struct Enrol {
    parts: Arc<Parts>,
}

impl Enrol {
    /// The flow, from what it works with.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let parts = Arc::new(parts);
        Self { parts }
    }

    /// Whom the link invites; looking at it uses nothing up (X-007: mail scanners do).
    ///
    /// # Errors
    /// [`EnrolError::InvitationInvalid`] for every link that does not work.
    pub async fn invited(&self, token: &AccountToken<Invited>) -> Result<Account, EnrolError> {
        let account = self.parts.accounts.get(token.account()).await?;
        let account = account.ok_or(EnrolError::InvitationInvalid)?;
        let now = self.parts.clock.now();
        account
            .may_accept(token.digest(), now)
            .map_err(|_| EnrolError::InvitationInvalid)?;
        Ok(account)
    }

    /// Uses the link up, sets the password and begins the enrolment.
    ///
    /// # Errors
    /// When the link does not work or the password is too easy; then the link still works.
    pub async fn accept(
        &self,
        token: &AccountToken<Invited>,
        password: Password,
        client: &Client,
    ) -> Result<Advanced, EnrolError> {
        self.parts.login.limit_address(client)?;
        let account = self
            .invited(token)
            .await
            .inspect_err(|_| self.link_refused(client))?;
        let hash = self
            .parts
            .accounts
            .hash_new_password((account.username(), &account.profile), password)
            .await?;
        let (id, now) = (EnrolmentId::generate(), self.parts.clock.now());
        let accepted = self.parts.accounts.update(account.id(), |account| {
            let proof = account.accept(token.digest(), hash.clone(), id, now)?;
            Ok(EnrolmentSession::invited(proof, account.epoch(), id, now))
        });
        let enrolling = accepted.await?;
        let details = Details::of(account.id());
        self.parts
            .audit
            .record(Event::InvitationAccepted, &client.source, &details);
        let step = Step::Enrol(enrolling);
        let transaction = Transaction::begin(step, "/".to_owned(), Device::Unknown, now);
        Ok(store(&self.parts.transactions, transaction).await?)
    }

    fn link_refused(&self, client: &Client) {
        self.parts
            .audit
            .record(Event::InvitationFail, &client.source, &Details::none());
    }

    /// What to show to whoever enrols.
    ///
    /// # Errors
    /// [`EnrolError::Over`] when nothing is under way.
    pub async fn show(&self, token: &Token<Transaction>) -> Result<Shown, EnrolError> {
        let transaction = self.under_way(token).await?;
        match &transaction.step {
            Step::SecondFactor(_) => Ok(Shown::SecondFactor),
            Step::KeepCodes(_) => Ok(Shown::KeepCodes),
            Step::Enrol(enrolling) => {
                let account = self.account_of(enrolling).await?;
                Ok(self.shown(&account, enrolling.id()))
            }
        }
    }

    fn shown(&self, account: &Account, id: EnrolmentId) -> Shown {
        match account.pending_secret(id, self.parts.clock.now()) {
            None => Shown::Expired,
            Some(secret) => Shown::Secret {
                uri: secret.to_uri(&self.parts.issuer, account.username().as_str()),
                secret: secret.to_base32(),
            },
        }
    }

    /// Shows a fresh secret in place of an old one.
    ///
    /// # Errors
    /// [`EnrolError::Over`] when nothing is under way.
    pub async fn restart(&self, token: &Token<Transaction>) -> Result<(), EnrolError> {
        let enrolling = self.enrolling(token).await?;
        let (now, epoch) = (self.parts.clock.now(), enrolling.epoch());
        let begun = self.parts.accounts.update(enrolling.account(), |account| {
            same_epoch(account, epoch)?;
            account.begin_enrolment(enrolling.id(), now)
        });
        Ok(begun.await?)
    }

    /// Binds the authenticator by its first code; the backup codes come with it.
    ///
    /// # Errors
    /// [`EnrolError::WrongCode`], [`EnrolError::Expired`] or [`EnrolError::Over`].
    pub async fn confirm(
        &self,
        token: &Token<Transaction>,
        typed: &str,
        client: &Client,
    ) -> Result<Codes, EnrolError> {
        let code: Code = typed.parse().map_err(|_| EnrolError::Malformed)?;
        let enrolling = self.enrolling(token).await?;
        self.test(&enrolling, &code).await?;
        let (set, codes) = self.generate_codes().await?;
        let proof = self.bind(&enrolling, &code, set).await?;
        let details = Details::of(enrolling.account());
        self.parts
            .audit
            .record(Event::AuthnEnrolment, &client.source, &details);
        let held = enrolling
            .finish(proof, self.parts.clock.now())
            .ok_or(EnrolError::Over)?;
        let transaction = self.take(token).await?;
        self.show_codes(transaction, held, codes).await
    }

    /// Ten hashes are made for a right code only.
    async fn test(&self, enrolling: &EnrolmentSession, code: &Code) -> Result<(), EnrolError> {
        let (at, skew, epoch) = (
            self.parts.clock.moment(),
            self.parts.skew,
            enrolling.epoch(),
        );
        let tested = self.parts.accounts.update(enrolling.account(), |account| {
            same_epoch(account, epoch)?;
            // Stored also when it is wrong: it counts against the pending secret.
            Ok(account.test_enrolment(enrolling.id(), code, at, skew))
        });
        Ok(tested.await??)
    }

    /// The proof leaves `update` only after the enrolment and its spent step are on disk.
    async fn bind(
        &self,
        enrolling: &EnrolmentSession,
        code: &Code,
        set: BackupCodes,
    ) -> Result<SecondFactorVerified, EnrolError> {
        let (at, skew, epoch) = (
            self.parts.clock.moment(),
            self.parts.skew,
            enrolling.epoch(),
        );
        let bound = self.parts.accounts.update(enrolling.account(), |account| {
            same_epoch(account, epoch)?;
            Ok(account.confirm_enrolment(enrolling.id(), code, set.clone(), at, skew))
        });
        Ok(bound.await??)
    }

    /// Makes new codes for somebody who has not said that the first ones are kept.
    ///
    /// # Errors
    /// [`EnrolError::Over`] when nothing is under way.
    pub async fn renew_codes(
        &self,
        token: &Token<Transaction>,
        client: &Client,
    ) -> Result<Codes, EnrolError> {
        let held = self.holding(token).await?;
        // Ten hashes at the push of a button.
        self.parts.login.limit_address(client)?;
        let (set, codes) = self.generate_codes().await?;
        // Whoever takes the login replaces the codes: of two at once, those of the other would be shown in vain.
        let transaction = self.take(token).await?;
        let epoch = held.epoch();
        let renewed = self.parts.accounts.update(held.account(), |account| {
            same_epoch(account, epoch)?;
            account.replace_backup_codes(set.clone())
        });
        renewed.await?;
        let details = Details::of(held.account());
        self.parts
            .audit
            .record(Event::AuthnBackupCodesRenewed, &client.source, &details);
        self.show_codes(transaction, held, codes).await
    }

    /// The codes are kept: the session begins.
    ///
    /// # Errors
    /// [`EnrolError::Over`] when nothing is under way.
    pub async fn keep(
        &self,
        token: &Token<Transaction>,
        previous: Option<&AccountToken<SessionRecord>>,
        client: &Client,
    ) -> Result<SignedIn, EnrolError> {
        let held = self.holding(token).await?;
        let account = self.get(held.account()).await?;
        let transaction = self.take(token).await?;
        let session = held
            .release(account.epoch(), self.parts.clock.now())
            .map(Resumed::TwoFactor)
            .ok_or(EnrolError::Over)?;
        let begun =
            self.parts
                .login
                .begin_session(&session, transaction.return_to, previous, client);
        begun.await.map_err(|error| match error {
            LoginError::Store(error) => EnrolError::Store(error),
            LoginError::Busy(_)
            | LoginError::Limited(_)
            | LoginError::Malformed
            | LoginError::Over
            | LoginError::Refused => EnrolError::Over,
        })
    }

    async fn generate_codes(&self) -> Result<(BackupCodes, Vec<BackupCode>), Busy> {
        let now = self.parts.clock.now();
        self.parts
            .hashing
            .run(move |memory| BackupCodes::generate(now, memory))
            .await
    }

    /// The codes under a new token; the old one is dead, for [`Enrol::take`] has given its login here.
    async fn show_codes(
        &self,
        transaction: Transaction,
        held: HeldSession,
        codes: Vec<BackupCode>,
    ) -> Result<Codes, EnrolError> {
        let username = self.get(held.account()).await?.username().to_string();
        let next = transaction.advance(Step::KeepCodes(held), self.parts.clock.now());
        let advanced = store(&self.parts.transactions, next).await?;
        Ok(Codes {
            token: advanced.token,
            codes,
            username,
        })
    }

    async fn take(&self, token: &Token<Transaction>) -> Result<Transaction, EnrolError> {
        let taken = self.parts.transactions.take(&token.digest().0).await?;
        taken.ok_or(EnrolError::Over)
    }

    async fn under_way(&self, token: &Token<Transaction>) -> Result<Transaction, EnrolError> {
        let found = self.parts.transactions.get(&token.digest().0).await?;
        found.ok_or(EnrolError::Over)
    }

    async fn enrolling(&self, token: &Token<Transaction>) -> Result<EnrolmentSession, EnrolError> {
        match self.under_way(token).await?.step {
            Step::Enrol(enrolling) if enrolling.is_alive(self.parts.clock.now()) => Ok(enrolling),
            Step::Enrol(_) | Step::KeepCodes(_) | Step::SecondFactor(_) => Err(EnrolError::Over),
        }
    }

    async fn holding(&self, token: &Token<Transaction>) -> Result<HeldSession, EnrolError> {
        let Step::KeepCodes(held) = self.under_way(token).await?.step else {
            return Err(EnrolError::Over);
        };
        let account = self.get(held.account()).await?;
        let alive = held.is_alive(account.epoch(), self.parts.clock.now());
        alive.then_some(held).ok_or(EnrolError::Over)
    }

    async fn account_of(&self, enrolling: &EnrolmentSession) -> Result<Account, EnrolError> {
        let account = self.get(enrolling.account()).await?;
        let alive = enrolling.is_alive(self.parts.clock.now());
        let current =
            alive && account.epoch() == enrolling.epoch() && account.enrolment().is_none();
        current.then_some(account).ok_or(EnrolError::Over)
    }

    async fn get(&self, id: AccountId) -> Result<Account, EnrolError> {
        self.parts.accounts.get(id).await?.ok_or(EnrolError::Over)
    }
}

fn same_epoch(account: &Account, epoch: crate::authn::session::Epoch) -> Result<(), Rejection> {
    (account.epoch() == epoch)
        .then_some(())
        .ok_or(Rejection::TransactionOver)
}
