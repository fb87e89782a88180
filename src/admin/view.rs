//! What administrators see: accounts and sessions, without anything secret.

use crate::authn::account::{Account, Standing};
use crate::authn::lockout::{Ceiling, Device};
use crate::authn::session::record::SessionRecord;
use crate::clock::Timestamp;
use crate::identity::ring::{Stage, State};
use crate::store::Tree;
use crate::store::backup::file::Made;
use serde::{Deserialize, Serialize};

/// A user, without anything secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UserView {
    /// The user name.
    pub name: String,
    /// The immutable id.
    pub id: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// `active`, `invited`, `incomplete`, `locked` or `disabled`.
    pub status: String,
    /// Is an authenticator bound?
    pub second_factor: bool,
    /// How many backup codes are left.
    pub backup_codes: usize,
    /// When the account was added, RFC 3339.
    pub created: String,
}

/// An invitation link.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct InvitationView {
    /// The link. Whoever has it can take the account over, once.
    pub link: String,
    /// Until when it works, RFC 3339.
    pub expires: String,
}

/// A session, without its token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SessionView {
    /// Its public name.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// When it began, RFC 3339.
    pub since: String,
    /// When it was last used, RFC 3339, to the minute.
    pub last_seen: String,
    /// Where it began.
    pub address: String,
    /// What the browser called itself.
    pub agent: String,
}

/// A signing key, without its private half.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KeyView {
    /// Its name, `kid` in assertions.
    pub kid: String,
    /// `ES256` or `EdDSA`.
    pub algorithm: String,
    /// `next`, `active` or `retired`.
    pub state: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Since when it is in this state, RFC 3339.
    pub since: String,
    /// Until when it is, at the earliest, RFC 3339; absent when only a command ends it.
    pub until: Option<String>,
}

/// A backup that was made.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BackupView {
    /// Where it is.
    pub file: String,
    /// When it was begun, RFC 3339.
    pub made: String,
    /// The store that it is of.
    pub store: String,
    /// The id of the master key that opens it.
    pub master_key: String,
    /// How many accounts are in it.
    pub accounts: u64,
    /// How many rows in all.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
}

pub(in crate::admin) fn backup(made: &Made) -> BackupView {
    BackupView {
        file: made.path.display().to_string(),
        made: made.header.made.rfc3339(),
        store: made.header.instance.to_string(),
        master_key: made.header.master_key.to_string(),
        accounts: made.end.rows.get(&Tree::Accounts).copied().unwrap_or(0),
        rows: made.end.total(),
        bytes: made.bytes,
    }
}

/// What is known of a user.
#[must_use]
pub fn user(account: &Account, ceiling: Ceiling) -> UserView {
    let profile = &account.profile;
    UserView {
        name: account.username().to_string(),
        id: account.id().to_string(),
        display_name: profile.display_name.as_ref().map(ToString::to_string),
        email: profile.email.as_ref().map(ToString::to_string),
        groups: profile.groups.iter().map(ToString::to_string).collect(),
        status: status(account, ceiling).to_owned(),
        second_factor: account.enrolment().is_some(),
        backup_codes: account.backup_codes().map_or(0, |codes| codes.left()),
        created: account.created().rfc3339(),
    }
}

fn status(account: &Account, ceiling: Ceiling) -> &'static str {
    let failures = account.failures();
    match account.standing() {
        Standing::Disabled => "disabled",
        Standing::Active if failures.code_locked(ceiling) => "locked",
        Standing::Active if failures.password_locked(Device::Unknown, ceiling) => "locked",
        Standing::Active if account.enrolment().is_some() => "active",
        Standing::Active if account.invitation().is_some() => "invited",
        Standing::Active => "incomplete",
    }
}

pub(in crate::admin) fn session(account: &Account, record: &SessionRecord) -> SessionView {
    SessionView {
        id: record.id().to_string(),
        name: account.username().to_string(),
        since: record.authenticated().rfc3339(),
        last_seen: record.last_seen().rfc3339(),
        address: record.origin().address.clone(),
        agent: record.origin().agent.clone(),
    }
}

pub(in crate::admin) fn key(stage: &Stage<'_>) -> KeyView {
    let state = match stage.state {
        State::Next => "next",
        State::Active => "active",
        State::Retired => "retired",
    };
    KeyView {
        kid: stage.key.id().to_string(),
        algorithm: stage.key.algorithm().to_string(),
        state: state.to_owned(),
        created: stage.key.created().rfc3339(),
        since: stage.since.rfc3339(),
        until: stage.until.map(Timestamp::rfc3339),
    }
}
