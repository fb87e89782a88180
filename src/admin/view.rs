//! What administrators see: accounts and sessions, without anything secret.

use crate::authn::account::{Account, Standing};
use crate::authn::lockout::{Ceiling, Device};
use crate::authn::session::SessionRecord;
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

pub(in crate::admin) fn user(account: &Account, ceiling: Ceiling) -> UserView {
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
