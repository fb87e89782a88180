//! Accounts in the store: found by name, changed by administrators.
//!
//! Every change that must end sessions does so by the account's epoch, in the same write.

use crate::audit::{Audit, Details, Event, Source};
use crate::authn::account::{Account, Profile};
use crate::authn::password::policy::{Policy, Weak};
use crate::authn::password::{Password, PasswordHash};
use crate::authn::profile::{DisplayName, Email};
use crate::authn::session::record::{Lifetimes, SessionRecord};
use crate::authn::session::{Epoch, SessionId};
use crate::authn::username::Username;
use crate::authn::{AccountId, AccountToken, Rejection};
use crate::clock::{Clock, Timestamp};
use crate::hashing::{Busy, Pool};
use crate::secret::sha256;
use crate::sessions::Sessions;
use crate::store::rows::atomically;
use crate::store::table::{Record, Table, UpdateError};
use crate::store::{Durability, Error, Store, Tree};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Which account a name belongs to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NameRecord {
    account: AccountId,
    username: Username,
}

impl Record for NameRecord {
    const TREE: Tree = Tree::Usernames;
}

impl Record for Account {
    const TREE: Tree = Tree::Accounts;
}

/// The record type that an invitation's token opens (it lies inside the account).
#[derive(Debug)]
pub struct Invited;

/// A link's token, and until when it works.
#[derive(Debug)]
pub struct InvitationLink {
    /// For the link.
    pub token: AccountToken<Invited>,
    /// Until when.
    pub expires: Timestamp,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// No account has that name.
    #[error("no user has this name")]
    Unknown,
    /// A name like that is in use.
    #[error("a user of this name, or of one that looks the same, exists already")]
    NameTaken,
    /// The account has an authenticator; an invitation would replace it.
    #[error("this user has an authenticator already; `reset-2fa` removes it first")]
    Enrolled,
    /// The account is turned off.
    #[error("this user is disabled; `enable` first")]
    Disabled,
    /// The profile is too large for the headers that carry it.
    #[error("name, address and groups together are too long; at most {MAX_PROFILE} bytes")]
    ProfileTooLarge,
    /// The password is too easy.
    #[error("{0}")]
    Weak(#[from] Weak),
    /// Too many hashes are waiting.
    #[error("the server is busy; try again in a moment")]
    Busy(#[from] Busy),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] Error),
    /// Other writers were faster, again and again.
    #[error("somebody else changes this user at the same time; try again")]
    Contended,
}

impl From<UpdateError<Self>> for AccountError {
    fn from(error: UpdateError<Self>) -> Self {
        match error {
            UpdateError::Contended => Self::Contended,
            UpdateError::Missing => Self::Unknown,
            UpdateError::Refused(refusal) => refusal,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<UpdateError<Rejection>> for AccountError {
    fn from(error: UpdateError<Rejection>) -> Self {
        match error {
            UpdateError::Contended => Self::Contended,
            UpdateError::Missing => Self::Unknown,
            UpdateError::Refused(Rejection::AccountDisabled) => Self::Disabled,
            UpdateError::Refused(_) => Self::Enrolled,
            UpdateError::Store(error) => Self::Store(error),
        }
    }
}

/// All identity headers of a reply have to fit nginx's default buffer (I-10).
const MAX_PROFILE: usize = 1_024;

/// All accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    store: Arc<dyn Store>,
    table: Table<Account>,
    names: Table<NameRecord>,
    sessions: Sessions,
    hashing: Pool,
    policy: Arc<Policy>,
    context: Arc<Vec<String>>,
    invitation_lifetime: Duration,
    audit: Audit,
    clock: Arc<dyn Clock>,
}

/// What [`Accounts`] works with.
#[derive(Debug)]
pub struct Parts {
    /// Where accounts and the index of their names live.
    pub store: Arc<dyn Store>,
    /// Their sessions.
    pub sessions: Sessions,
    /// Where passwords are hashed.
    pub hashing: Pool,
    /// What a new password has to be.
    pub policy: Policy,
    /// Words that are no password here: host names, the title (V6.2.11).
    pub context: Vec<String>,
    /// How long a link works; 72 h by default.
    pub invitation_lifetime: Duration,
    /// Where events go.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Accounts per page of a listing.
pub(crate) const PAGE: usize = 500;

impl Accounts {
    /// All accounts, from what they work with.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            table: Table::new(Arc::clone(&parts.store)),
            names: Table::new(Arc::clone(&parts.store)),
            store: parts.store,
            sessions: parts.sessions,
            hashing: parts.hashing,
            policy: Arc::new(parts.policy),
            context: Arc::new(parts.context),
            invitation_lifetime: parts.invitation_lifetime,
            audit: parts.audit,
            clock: parts.clock,
        }
    }

    /// Is there no account at all?
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.table.scan(&[], None, 1).await?.is_empty())
    }

    /// The account with this id.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get(&self, id: AccountId) -> Result<Option<Account>, Error> {
        self.table.get(id.as_bytes()).await
    }

    /// The account with this name.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn find(&self, username: &Username) -> Result<Option<Account>, Error> {
        let Some(name) = self.names.get(&name_key(username)).await? else {
            return Ok(None);
        };
        // A look-alike shares the index entry, and is still another name.
        if name.username != *username {
            return Ok(None);
        }
        self.get(name.account).await
    }

    /// The account with this name, or [`AccountError::Unknown`].
    ///
    /// # Errors
    /// When there is none, or the store cannot be asked.
    pub async fn named(&self, username: &Username) -> Result<Account, AccountError> {
        self.find(username).await?.ok_or(AccountError::Unknown)
    }

    /// Changes one account; what `change` answers is handed out once it is on disk.
    ///
    /// # Errors
    /// What `change` refuses with, or the store's failure.
    pub async fn update<T, E>(
        &self,
        id: AccountId,
        change: impl FnMut(&mut Account) -> Result<T, E>,
    ) -> Result<T, UpdateError<E>> {
        self.table.update(id.as_bytes(), change).await
    }

    /// Every account, in no particular order.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn list(&self) -> Result<Vec<Account>, Error> {
        let mut all: Vec<Account> = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.table.scan(&[], after.as_deref(), PAGE).await?;
            let done = page.len() < PAGE;
            after = page.last().map(|(key, _)| key.clone());
            all.extend(page.into_iter().map(|(_, account)| account));
            if done {
                return Ok(all);
            }
        }
    }

    /// Adds an account that nobody can sign in to before it is invited or given a password.
    ///
    /// # Errors
    /// When the name, or one that looks the same, is in use.
    pub async fn add(
        &self,
        username: Username,
        profile: Profile,
        source: &Source,
    ) -> Result<Account, AccountError> {
        check_size(&profile)?;
        let account = Account::new(username.clone(), profile, self.clock.now());
        let name = NameRecord {
            account: account.id(),
            username,
        };
        let (key, id) = (name_key(&name.username), account.id());
        let rows = [
            (Tree::Accounts, &id.as_bytes()[..]),
            (Tree::Usernames, &key[..]),
        ];
        let added = atomically(&*self.store, Durability::Synced, &rows, |rows| {
            if rows.get::<NameRecord>(&key)?.is_some() {
                return Err(UpdateError::Refused(AccountError::NameTaken));
            }
            rows.put(id.as_bytes(), &account)?;
            Ok(rows.put(&key, &name)?)
        });
        added.await?;
        self.audit
            .record(Event::UserCreated, source, &Details::of(account.id()));
        Ok(account)
    }

    /// Changes what an administrator says about the person.
    ///
    /// # Errors
    /// When it grows too large, or the store fails.
    pub async fn set_profile(
        &self,
        id: AccountId,
        mut change: impl FnMut(&mut Profile) + Send,
        source: &Source,
    ) -> Result<Account, AccountError> {
        let mut current = self.get(id).await?.ok_or(AccountError::Unknown)?;
        change(&mut current.profile);
        check_size(&current.profile)?;
        self.change(id, Event::UserUpdated, source, |account| {
            change(&mut account.profile);
            Ok(account.clone())
        })
        .await
    }

    /// Opens an invitation in place of any other.
    ///
    /// # Errors
    /// When the account has an authenticator, is disabled, or the store fails.
    pub async fn invite(
        &self,
        id: AccountId,
        source: &Source,
    ) -> Result<InvitationLink, AccountError> {
        let token = AccountToken::generate(id);
        let (now, lifetime) = (self.clock.now(), self.invitation_lifetime);
        self.change(id, Event::InvitationCreated, source, |account| {
            account.invite(token.digest(), now, lifetime)
        })
        .await?;
        Ok(InvitationLink {
            token,
            expires: now.plus(lifetime),
        })
    }

    /// Sets a password, if it is good enough, and ends every session.
    ///
    /// # Errors
    /// When it is too easy, the pool is full, or the store fails.
    pub async fn set_password(
        &self,
        account: &Account,
        password: Password,
        source: &Source,
    ) -> Result<(), AccountError> {
        let person = (account.username(), &account.profile);
        let hash = self.hash_new_password(person, password).await?;
        self.set_password_hash(account.id(), &hash, source).await
    }

    /// Sets a password that was found good enough, and ends every session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_password_hash(
        &self,
        id: AccountId,
        hash: &PasswordHash,
        source: &Source,
    ) -> Result<(), AccountError> {
        self.change(id, Event::AuthnPasswordChange, source, |account| {
            account.set_password(hash.clone());
            Ok(())
        })
        .await
    }

    /// Hashes a password that this person may have.
    ///
    /// # Errors
    /// When it is too easy, or the pool is full.
    pub async fn hash_new_password(
        &self,
        (username, profile): (&Username, &Profile),
        password: Password,
    ) -> Result<PasswordHash, AccountError> {
        let mut words: Vec<&str> = self.context.iter().map(String::as_str).collect();
        words.push(username.as_str());
        words.extend(profile.display_name.as_ref().map(DisplayName::as_str));
        words.extend(profile.email.as_ref().map(Email::as_str));
        let password = self.policy.accept(password, &words)?;
        Ok(self.hashing.hash(password.password()).await?)
    }

    /// Turns an account off; its sessions end with this.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn disable(&self, id: AccountId, source: &Source) -> Result<(), AccountError> {
        let plain = |account: &mut Account| {
            account.disable();
            Ok(())
        };
        self.change(id, Event::UserUpdated, source, plain).await
    }

    /// Turns an account on again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn enable(&self, id: AccountId, source: &Source) -> Result<(), AccountError> {
        let plain = |account: &mut Account| {
            account.enable();
            Ok(())
        };
        self.change(id, Event::UserUpdated, source, plain).await
    }

    /// Forgets all wrong passwords and codes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unlock(&self, id: AccountId, source: &Source) -> Result<(), AccountError> {
        let plain = |account: &mut Account| {
            account.unlock();
            Ok(())
        };
        self.change(id, Event::UserUpdated, source, plain).await
    }

    /// Forgets authenticator and backup codes, and ends every session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reset_second_factor(
        &self,
        id: AccountId,
        source: &Source,
    ) -> Result<(), AccountError> {
        let plain = |account: &mut Account| {
            account.reset_second_factor();
            Ok(())
        };
        self.change(id, Event::AuthnEnrolmentReset, source, plain)
            .await
    }

    /// Ends every session and every login under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, id: AccountId, source: &Source) -> Result<(), AccountError> {
        let plain = |account: &mut Account| {
            account.end_sessions();
            Ok(())
        };
        self.change(id, Event::SessionRevoked, source, plain)
            .await?;
        Ok(self.sessions.clear(id).await?)
    }

    /// Removes an account with all that belongs to it. Its id is never used again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, account: &Account, source: &Source) -> Result<(), AccountError> {
        let (key, id) = (name_key(account.username()), account.id());
        let rows = [
            (Tree::Accounts, &id.as_bytes()[..]),
            (Tree::Usernames, &key[..]),
        ];
        let removed = atomically(&*self.store, Durability::Synced, &rows, |rows| {
            rows.remove::<Account>(id.as_bytes())?;
            Ok::<_, UpdateError<AccountError>>(rows.remove::<NameRecord>(&key)?)
        });
        removed.await?;
        self.audit
            .record(Event::UserDeleted, source, &Details::of(account.id()));
        Ok(self.sessions.clear(account.id()).await?)
    }

    /// The live sessions of an account.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn sessions_of(&self, account: &Account) -> Result<Vec<SessionRecord>, Error> {
        let (now, epoch) = (self.clock.now(), account.epoch());
        let stored = self.sessions.of(account.id()).await?;
        let lifetimes = self.sessions.lifetimes();
        Ok(stored
            .into_iter()
            .filter(|record| is_live(record, epoch, lifetimes, now))
            .collect())
    }

    /// Ends one session; `None` when there is none of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_session(
        &self,
        id: AccountId,
        session: SessionId,
        source: &Source,
    ) -> Result<Option<()>, Error> {
        let ended = self.sessions.revoke(id, session).await?;
        if ended.is_some() {
            let details = Details::of(id).session(session);
            self.audit.record(Event::SessionRevoked, source, &details);
        }
        Ok(ended.map(|_| ()))
    }

    async fn change<T>(
        &self,
        id: AccountId,
        event: Event,
        source: &Source,
        change: impl FnMut(&mut Account) -> Result<T, Rejection> + Send,
    ) -> Result<T, AccountError>
    where
        T: Send,
    {
        let outcome = self.update(id, change).await?;
        self.audit.record(event, source, &Details::of(id));
        Ok(outcome)
    }
}

fn is_live(record: &SessionRecord, epoch: Epoch, lifetimes: &Lifetimes, now: Timestamp) -> bool {
    record.resume(epoch, lifetimes, now).is_ok()
}

/// Names that look the same share a key, so only one of them can exist (UTS 39).
fn name_key(username: &Username) -> [u8; 32] {
    sha256(username.skeleton().as_str().as_bytes())
}

fn check_size(profile: &Profile) -> Result<(), AccountError> {
    let groups: usize = profile
        .groups
        .iter()
        .map(|group| group.as_str().len() + 1)
        .sum();
    let email = profile
        .email
        .as_ref()
        .map_or(0, |email| email.as_str().len());
    // Percent-encoding makes three bytes of one.
    let name = profile
        .display_name
        .as_ref()
        .map_or(0, |name| 3 * name.as_str().len());
    if groups + email + name > MAX_PROFILE {
        return Err(AccountError::ProfileTooLarge);
    }
    Ok(())
}
