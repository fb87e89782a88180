//! What an administrator may do, as one command and one answer.
//!
//! The command line sends a [`Command`] to the running server over the admin socket, or executes it
//! itself when no server runs: one meaning either way.

pub mod socket;
pub mod profile;
mod keys;
pub mod view;

use crate::accounts::{AccountError, Accounts, InvitationLink};
use crate::admin::profile::ProfileChange;
use crate::admin::view::{BackupView, InvitationView, KeyView, SessionView, UserView};
use crate::audit::Source;
use crate::authn::account::{Account, Profile, Standing};
use crate::authn::lockout::Ceiling;
use crate::authn::password::Password;
use crate::authn::session::SessionId;
use crate::authn::username::Username;
use crate::backups::{Backups, MakeError};
use crate::signing_keys::{KeyError, SigningKeys};
use crate::store::Error;
use crate::store::backup::file::Existing;
use crate::store::data_folder::{OpenStore, verify_open};
use crate::store::verify::Report;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is asked for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Is the server there?
    Ping {},
    /// Adds a user; without a password an invitation comes back.
    UserAdd {
        /// The user name.
        name: String,
        /// What else is known of the person.
        profile: ProfileChange,
        /// A password, so that no invitation is needed for it.
        password: Option<Zeroizing<String>>,
    },
    /// Lists all users.
    UserList {},
    /// Shows one user.
    UserShow {
        /// The user name.
        name: String,
    },
    /// Changes what is known of the person.
    UserSet {
        /// The user name.
        name: String,
        /// What is to change.
        profile: ProfileChange,
    },
    /// Sets a password and ends all sessions.
    UserPasswd {
        /// The user name.
        name: String,
        /// The new password.
        password: Zeroizing<String>,
    },
    /// Makes an invitation link in place of any other.
    UserInvite {
        /// The user name.
        name: String,
    },
    /// Turns a user off.
    UserDisable {
        /// The user name.
        name: String,
    },
    /// Turns a user on again.
    UserEnable {
        /// The user name.
        name: String,
    },
    /// Forgets wrong passwords and codes.
    UserUnlock {
        /// The user name.
        name: String,
    },
    /// Forgets authenticator and backup codes, ends all sessions, makes a new invitation.
    #[serde(rename = "user-reset-2fa")]
    UserReset2fa {
        /// The user name.
        name: String,
    },
    /// Ends all sessions.
    UserSignOut {
        /// The user name.
        name: String,
    },
    /// Removes a user.
    UserRemove {
        /// The user name.
        name: String,
    },
    /// Reads the whole store and tells how it is.
    StoreVerify {},
    /// Makes a backup.
    Backup {
        /// Where, as an absolute path.
        file: String,
        /// What becomes of a backup that is there.
        existing: Existing,
    },
    /// Lists live sessions, of one user or of all.
    SessionList {
        /// The user name.
        name: Option<String>,
    },
    /// Ends one session.
    SessionRevoke {
        /// The public name of the session.
        id: String,
    },
    /// Lists the keys that sign identities.
    KeyList {},
    /// Replaces the key that signs.
    KeyRotate {
        /// When the next one signs.
        timing: Timing,
    },
    /// Destroys a key that somebody else may have.
    KeyRetire {
        /// Its name.
        kid: String,
    },
}

/// When the next key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// When every app can know it.
    InTime,
    /// From now on.
    AtOnce,
}

/// What comes back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Done {},
    /// A user.
    User {
        /// The user.
        user: Box<UserView>,
        /// A link, if one was made.
        invitation: Option<InvitationView>,
    },
    /// Users.
    Users {
        /// All of them, by name.
        users: Vec<UserView>,
    },
    /// A backup.
    Backup {
        /// The backup.
        backup: BackupView,
    },
    /// Sessions.
    Sessions {
        /// All of them, the newest first.
        sessions: Vec<SessionView>,
    },
    /// The state of the store.
    Store {
        /// What was found.
        report: Report,
    },
    /// Keys that sign identities.
    Keys {
        /// All of them, the active one first.
        keys: Vec<KeyView>,
        /// What a change means for the apps, for people.
        notice: Option<String>,
    },
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A name is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// The account could not be changed.
    #[error("{0}")]
    Account(#[from] AccountError),
    /// The backup could not be made.
    #[error("{0}")]
    Backup(#[from] MakeError),
    /// No such session.
    #[error("no live session has this id")]
    NoSession,
    /// The keys could not be changed.
    #[error("{0}")]
    Keys(#[from] KeyError),
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self::Account(error.into())
    }
}

impl CommandError {
    fn invalid(error: impl std::fmt::Display) -> Self {
        Self::Invalid(error.to_string())
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Backup(error) => error.hint(),
            Self::Account(AccountError::Unknown) => "`vestibule user list` shows all names",
            Self::NoSession => "`vestibule session list` shows the ids",
            Self::Keys(KeyError::Unknown(_)) => "`vestibule key list` shows all keys",
            Self::Keys(KeyError::TooMany(_)) => "wait some minutes, and nothing was changed",
            Self::Keys(KeyError::Damaged(_)) => "restore the data folder from a backup",
            Self::Keys(KeyError::Store(_)) => {
                "the server's log says more; `vestibule key list` shows whether it was changed"
            }
            Self::Account(AccountError::NameTaken) => {
                "choose another name; `vestibule user list` shows those in use"
            }
            Self::Account(AccountError::Weak(_)) => "choose another password; nothing was changed",
            Self::Account(AccountError::Store(_)) => {
                "the server's log says more; nothing was changed"
            }
            Self::Account(AccountError::Busy(_) | AccountError::Contended) => {
                "try again in a moment"
            }
            Self::Account(
                AccountError::Disabled | AccountError::Enrolled | AccountError::ProfileTooLarge,
            )
            | Self::Invalid(_) => "nothing was changed",
        }
    }
}

/// A store that lies on a disk, and what can be done with it as a whole.
#[derive(Clone, Debug)]
struct Disk {
    store: Arc<OpenStore>,
    backups: Backups,
}

/// Carries commands out.
#[derive(Clone, Debug)]
pub struct Admin {
    accounts: Accounts,
    keys: SigningKeys,
    disk: Option<Disk>,
    invite_url: String,
    ceiling: Ceiling,
}

impl Admin {
    /// Commands on `accounts` and `keys`; links begin with `invite_url`, which ends in a slash.
    #[must_use]
    pub fn new(
        accounts: Accounts,
        keys: SigningKeys,
        invite_url: String,
        ceiling: Ceiling,
    ) -> Self {
        Self {
            accounts,
            keys,
            disk: None,
            invite_url,
            ceiling,
        }
    }

    /// Carries out commands about the store as a whole, too.
    #[must_use]
    pub fn on_disk(self, store: Arc<OpenStore>, backups: Backups) -> Self {
        Self {
            disk: Some(Disk { store, backups }),
            ..self
        }
    }

    /// May this command make a store where there is none?
    #[must_use]
    pub fn begins_a_store(command: &Command) -> bool {
        matches!(command, Command::UserAdd { .. })
    }

    /// Carries `command` out.
    ///
    /// # Errors
    /// Why it could not be.
    pub async fn execute(&self, command: Command) -> Result<Answer, CommandError> {
        let source = &Source::command_line();
        match command {
            Command::Ping {} => Ok(Answer::Done {}),
            Command::UserAdd {
                name,
                profile,
                password,
            } => self.add(&name, &profile, password, source).await,
            Command::UserList {} => self.list().await,
            Command::UserShow { name } => Ok(self.user(&self.named(&name).await?, None)),
            Command::UserSet { name, profile } => self.set(&name, &profile, source).await,
            Command::UserPasswd { name, password } => {
                let account = self.named(&name).await?;
                self.accounts
                    .set_password(&account, parse_password(&password)?, source)
                    .await?;
                Ok(Answer::Done {})
            }
            Command::UserInvite { name } => {
                let account = self.named(&name).await?;
                self.invite(&account, source).await
            }
            Command::UserReset2fa { name } => {
                let account = self.named(&name).await?;
                self.accounts
                    .reset_second_factor(account.id(), source)
                    .await?;
                match account.standing() {
                    Standing::Active => self.invite(&account, source).await,
                    Standing::Disabled => Ok(Answer::Done {}),
                }
            }
            Command::StoreVerify {} => self.verify().await,
            Command::Backup { file, existing } => self.back_up(file, existing, source).await,
            Command::SessionList { name } => self.sessions(name.as_deref()).await,
            Command::SessionRevoke { id } => self.revoke(&id, source).await,
            Command::KeyList {} => Ok(keys::list(&self.keys)),
            Command::KeyRotate { timing } => keys::rotate(&self.keys, timing, source).await,
            Command::KeyRetire { kid } => keys::retire(&self.keys, &kid, source).await,
            Command::UserDisable { .. }
            | Command::UserEnable { .. }
            | Command::UserRemove { .. }
            | Command::UserSignOut { .. }
            | Command::UserUnlock { .. } => self.change(command, source).await,
        }
    }

    async fn change(&self, command: Command, source: &Source) -> Result<Answer, CommandError> {
        let accounts = &self.accounts;
        match command {
            Command::UserDisable { name } => {
                accounts.disable(self.id(&name).await?, source).await?
            }
            Command::UserEnable { name } => accounts.enable(self.id(&name).await?, source).await?,
            Command::UserUnlock { name } => accounts.unlock(self.id(&name).await?, source).await?,
            Command::UserSignOut { name } => {
                accounts.sign_out(self.id(&name).await?, source).await?
            }
            Command::UserRemove { name } => {
                accounts.remove(&self.named(&name).await?, source).await?
            }
            Command::Ping {}
            | Command::Backup { .. }
            | Command::KeyList {}
            | Command::KeyRetire { .. }
            | Command::KeyRotate { .. }
            | Command::SessionList { .. }
            | Command::SessionRevoke { .. }
            | Command::StoreVerify {}
            | Command::UserAdd { .. }
            | Command::UserInvite { .. }
            | Command::UserList {}
            | Command::UserPasswd { .. }
            | Command::UserReset2fa { .. }
            | Command::UserSet { .. }
            | Command::UserShow { .. } => {}
        }
        Ok(Answer::Done {})
    }

    async fn add(
        &self,
        name: &str,
        profile: &ProfileChange,
        password: Option<Zeroizing<String>>,
        source: &Source,
    ) -> Result<Answer, CommandError> {
        let mut wanted = Profile::default();
        profile.parse()?.apply(&mut wanted);
        let username = parse_name(name)?;
        // Checked first: nothing half-made is left by a password that is too easy.
        let hash = match password {
            None => None,
            Some(password) => {
                let password = parse_password(&password)?;
                let person = (&username, &wanted);
                Some(self.accounts.hash_new_password(person, password).await?)
            }
        };
        let account = self.accounts.add(username, wanted, source).await?;
        let Some(hash) = hash else {
            return self.invite(&account, source).await;
        };
        self.accounts
            .set_password_hash(account.id(), &hash, source)
            .await?;
        Ok(self.user(&self.named(name).await?, None))
    }

    async fn invite(&self, account: &Account, source: &Source) -> Result<Answer, CommandError> {
        let link = self.accounts.invite(account.id(), source).await?;
        let account = self
            .accounts
            .get(account.id())
            .await?
            .ok_or(AccountError::Unknown)?;
        Ok(self.user(&account, Some(self.view(&link))))
    }

    fn user(&self, account: &Account, invitation: Option<InvitationView>) -> Answer {
        Answer::User {
            user: Box::new(view::user(account, self.ceiling)),
            invitation,
        }
    }

    fn view(&self, link: &InvitationLink) -> InvitationView {
        InvitationView {
            link: format!("{}{}", self.invite_url, *link.token.to_text()),
            expires: link.expires.rfc3339(),
        }
    }

    /// Makes the first administrator, when there is no account at all, and the link for that person.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_administrator(&self) -> Result<Option<InvitationView>, CommandError> {
        if !self.accounts.is_empty().await? {
            return Ok(None);
        }
        let groups = Some(vec!["admin".to_owned()]);
        let profile = ProfileChange {
            groups,
            ..ProfileChange::default()
        };
        let name = "admin".to_owned();
        let added = self
            .execute(Command::UserAdd {
                name,
                profile,
                password: None,
            })
            .await?;
        Ok(match added {
            Answer::User { invitation, .. } => invitation,
            Answer::Done {}
            | Answer::Backup { .. }
            | Answer::Keys { .. }
            | Answer::Sessions { .. }
            | Answer::Store { .. }
            | Answer::Users { .. } => None,
        })
    }

    async fn verify(&self) -> Result<Answer, CommandError> {
        let store = Arc::clone(&self.disk()?.store);
        let verified = tokio::task::spawn_blocking(move || verify_open(&store)).await;
        let verified = verified.unwrap_or_else(|error| Err(Error::Io(error.to_string())));
        Ok(Answer::Store { report: verified? })
    }

    async fn back_up(
        &self,
        file: String,
        existing: Existing,
        source: &Source,
    ) -> Result<Answer, CommandError> {
        let backups = &self.disk()?.backups;
        let made = backups.make(file.into(), existing, source).await?;
        let backup = view::backup(&made);
        Ok(Answer::Backup { backup })
    }

    fn disk(&self) -> Result<&Disk, CommandError> {
        let missing = || CommandError::Invalid("the store is not on a disk".to_owned());
        self.disk.as_ref().ok_or_else(missing)
    }

    async fn list(&self) -> Result<Answer, CommandError> {
        let mut users: Vec<UserView> = self
            .accounts
            .list()
            .await?
            .iter()
            .map(|account| view::user(account, self.ceiling))
            .collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Answer::Users { users })
    }

    async fn set(
        &self,
        name: &str,
        profile: &ProfileChange,
        source: &Source,
    ) -> Result<Answer, CommandError> {
        let change = profile.parse()?;
        let id = self.id(name).await?;
        let changed = self
            .accounts
            .set_profile(id, |profile| change.apply(profile), source)
            .await?;
        Ok(self.user(&changed, None))
    }

    async fn sessions(&self, name: Option<&str>) -> Result<Answer, CommandError> {
        let accounts = match name {
            Some(name) => vec![self.named(name).await?],
            None => self.accounts.list().await?,
        };
        let mut sessions = Vec::new();
        for account in &accounts {
            let live = self.accounts.sessions_of(account).await?;
            sessions.extend(live.iter().map(|record| view::session(account, record)));
        }
        sessions.sort_by(|a, b| b.last_seen.cmp(&a.last_seen));
        Ok(Answer::Sessions { sessions })
    }

    async fn revoke(&self, id: &str, source: &Source) -> Result<Answer, CommandError> {
        let id = SessionId::parse(id).ok_or(CommandError::NoSession)?;
        for account in self.accounts.list().await? {
            if self
                .accounts
                .revoke_session(account.id(), id, source)
                .await?
                .is_some()
            {
                return Ok(Answer::Done {});
            }
        }
        Err(CommandError::NoSession)
    }

    async fn named(&self, name: &str) -> Result<Account, CommandError> {
        Ok(self.accounts.named(&parse_name(name)?).await?)
    }

    async fn id(&self, name: &str) -> Result<crate::authn::AccountId, CommandError> {
        Ok(self.named(name).await?.id())
    }
}

fn parse_name(name: &str) -> Result<Username, CommandError> {
    Username::parse(name).map_err(CommandError::invalid)
}

fn parse_password(text: &str) -> Result<Password, CommandError> {
    Password::new(text.to_owned()).map_err(CommandError::invalid)
}
