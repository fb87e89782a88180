//! The first step: name and password, checked with the same work whoever asks.

use crate::audit::{Details, Event};
use crate::authn::Rejection;
use crate::authn::account::Account;
use crate::authn::enrolment::EnrolmentId;
use crate::authn::lockout::Device;
use crate::authn::password::{Password, PasswordVerified};
use crate::authn::session::{EnrolmentSession, FirstFactorSession};
use crate::authn::transaction::{Step, Transaction};
use crate::authn::username::{TypedName, Username};
use crate::login::device::DeviceMark;
use crate::login::{Advanced, Client, EnrolmentMode, FirstFactor, Login, LoginError, store};
use crate::rate_limit::Limited;
use tokio::time::Instant;

impl Login {
    /// Checks name and password.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for every wrong attempt alike; limits, a full pool, a failed store.
    pub async fn first_factor(
        &self,
        attempt: FirstFactor,
        client: &Client,
    ) -> Result<Advanced, LoginError> {
        let begun = Instant::now();
        let outcome = self.try_password(attempt, client).await;
        self.level(begun, outcome).await
    }

    async fn try_password(
        &self,
        attempt: FirstFactor,
        client: &Client,
    ) -> Result<Advanced, LoginError> {
        let username = Username::parse(attempt.username.trim()).ok();
        let owner = self
            .owner(attempt.device.as_ref(), username.as_ref())
            .await?;
        let device = owner.as_ref().map_or(Device::Unknown, |_| Device::Known);
        self.limit(&attempt.username, device, client)?;
        let account = match (owner, &username) {
            (Some(owner), _) => Some(owner),
            (None, Some(username)) => self.parts.accounts.find(username).await?,
            (None, None) => None,
        };
        let (account, proof) = self
            .verify(account, device, &attempt.password, client)
            .await?;
        if proof.needs_rehash() {
            self.rehash(&account, attempt.password);
        }
        self.begin(account, proof, device, attempt.return_to, client)
            .await
    }

    /// The account of this name, if the browser shows a mark of it. Without one nothing is looked up before
    /// the limits, so a refusal by them takes as long whether or not somebody has the name.
    async fn owner(
        &self,
        mark: Option<&DeviceMark>,
        username: Option<&Username>,
    ) -> Result<Option<Account>, LoginError> {
        let now = self.parts.clock.now();
        let Some(known) = mark.and_then(|mark| self.parts.devices.read(mark, now)) else {
            return Ok(None);
        };
        let account = self.parts.accounts.get(known.account).await?;
        Ok(account.filter(|account| {
            account.epoch() == known.epoch && Some(account.username()) == username
        }))
    }

    /// Names are counted in one canonical spelling, whether or not an account has them. A known browser
    /// is counted for its account alone: what strangers do behind the same address must not keep it out.
    fn limit(&self, typed: &str, device: Device, client: &Client) -> Result<(), Limited> {
        let limits = &self.parts.limits;
        let limit = match device {
            Device::Known => &limits.known,
            Device::Unknown => {
                self.limit_address(client)?;
                &limits.account
            }
        };
        let taken = limit.take(TypedName::new(typed));
        taken.inspect_err(|_| self.record_limited("account", client))
    }

    /// Hashes once, whoever asks: nobody, a disabled or a locked account are checked against the decoy.
    async fn verify(
        &self,
        account: Option<Account>,
        device: Device,
        attempt: &Password,
        client: &Client,
    ) -> Result<(Account, PasswordVerified), LoginError> {
        let eligible = match &account {
            Some(account) => account
                .may_try_password(device, self.parts.ceiling)
                .map(|hash| (account.id(), hash.clone())),
            None => Err(Rejection::UnknownAccount),
        };
        let verified = self
            .parts
            .hashing
            .verify(eligible.clone().ok(), attempt)
            .await?;
        let rejection = eligible.err().unwrap_or(Rejection::WrongPassword);
        match (account, verified) {
            (Some(account), Ok(proof)) => Ok((account, proof)),
            (account, Ok(_) | Err(_)) => {
                self.password_refused(account.as_ref(), device, rejection, client)
                    .await;
                Err(LoginError::Refused)
            }
        }
    }

    /// Counts a wrong password before it is answered, also for whoever goes away instead of waiting for that.
    async fn password_refused(
        &self,
        account: Option<&Account>,
        device: Device,
        rejection: Rejection,
        client: &Client,
    ) {
        let details = match account {
            Some(account) => Details::of(account.id()),
            // The name that was typed is not written down: people type passwords there (V16.2.5).
            None => Details::none(),
        };
        let details = details.rejected(rejection);
        self.parts
            .audit
            .record(Event::AuthnLoginFail, &client.source, &details);
        let Some(id) = account
            .map(Account::id)
            .filter(|_| rejection == Rejection::WrongPassword)
        else {
            return;
        };
        let accounts = self.parts.accounts.clone();
        let counting = tokio::spawn(async move {
            let counted = accounts.update(id, |account| {
                account.password_failed(device);
                Ok::<_, Rejection>(())
            });
            if let Err(error) = counted.await {
                tracing::warn!(?error, "a wrong password was not counted");
            }
        });
        if let Err(error) = counting.await {
            tracing::warn!(%error, "the counting of a wrong password broke off");
        }
    }

    /// The hashing parameters have changed: the same password is stored under the new ones, in the
    /// background and only if it is still the one that was verified.
    fn rehash(&self, account: &Account, password: Password) {
        let (accounts, pool, id) = (
            self.parts.accounts.clone(),
            self.parts.hashing.clone(),
            account.id(),
        );
        let Some(old) = account.password().cloned() else {
            return;
        };
        tokio::spawn(async move {
            let Ok(new) = pool.hash(&password).await else {
                return;
            };
            let stored = accounts.update(id, |account| {
                account.rehash_password(&old, new.clone());
                Ok::<_, Rejection>(())
            });
            if let Err(error) = stored.await {
                tracing::warn!(?error, "a password was not stored under the new parameters");
            }
        });
    }

    async fn begin(
        &self,
        account: Account,
        proof: PasswordVerified,
        device: Device,
        return_to: String,
        client: &Client,
    ) -> Result<Advanced, LoginError> {
        let step = self.next_step(&account, proof, client).await?;
        let details = Details::of(account.id());
        self.parts
            .audit
            .record(Event::AuthnPasswordAccepted, &client.source, &details);
        let now = self.parts.clock.now();
        let transaction = Transaction::begin(step, return_to, device, now);
        store(&self.parts.transactions, transaction)
            .await
            .map_err(LoginError::Store)
    }

    async fn next_step(
        &self,
        account: &Account,
        proof: PasswordVerified,
        client: &Client,
    ) -> Result<Step, LoginError> {
        let now = self.parts.clock.now();
        if account.enrolment().is_some() {
            return Ok(Step::SecondFactor(FirstFactorSession::begin(
                proof,
                account.epoch(),
                now,
            )));
        }
        match self.parts.enrolment {
            EnrolmentMode::Invite => {
                // A password alone binds no authenticator: only the invitation does.
                let details = Details::of(account.id()).rejected(Rejection::NoSecondFactor);
                self.parts
                    .audit
                    .record(Event::AuthnLoginFail, &client.source, &details);
                Err(LoginError::Refused)
            }
            EnrolmentMode::FirstSignIn => {
                let id = EnrolmentId::generate();
                let begun = self
                    .parts
                    .accounts
                    .update(account.id(), |account| account.begin_enrolment(id, now));
                begun.await?;
                Ok(Step::Enrol(EnrolmentSession::first_sign_in(
                    proof,
                    account.epoch(),
                    id,
                    now,
                )))
            }
        }
    }
}
