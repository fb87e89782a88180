//! The audit stream: security events under stable names.
//!
//! Written as JSON lines to a file where one is configured, else to the log under the target `audit`.
//! No event carries a password, a code, a token, a link or a query (ASVS V16.2.5).

use crate::authn::session::SessionId;
use crate::authn::{AccountId, Factor, Rejection};
use crate::clock::{Clock, Timestamp};
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What happened. The names are those of the OWASP logging vocabulary where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The password was right; the second factor is asked for.
    AuthnPasswordAccepted,
    /// Both factors were right.
    AuthnLoginSuccess,
    /// A factor was refused.
    AuthnLoginFail,
    /// Refused without a look, because too much was tried.
    AuthnLoginLock,
    /// A backup code was spent.
    AuthnBackupCodeUsed,
    /// A code was right and had been used before.
    AuthnTokenReuse,
    /// Another password was set.
    AuthnPasswordChange,
    /// An authenticator was bound.
    AuthnEnrolment,
    /// An authenticator was removed by an administrator.
    AuthnEnrolmentReset,
    /// New backup codes replaced the old ones.
    AuthnBackupCodesRenewed,
    /// A link was made.
    InvitationCreated,
    /// A link was used up.
    InvitationAccepted,
    /// A link was refused.
    InvitationFail,
    /// A session began.
    SessionCreated,
    /// Its owner ended it.
    SessionLogout,
    /// An administrator ended it, or all of an account.
    SessionRevoked,
    /// The oldest session made room.
    ExcessSessionsExceeded,
    /// A rate was exceeded.
    ExcessRateLimitExceeded,
    /// A step was taken that was not next.
    SequenceFail,
    /// A form came without its token or from elsewhere.
    MaliciousCsrf,
    /// A request was malformed.
    InputValidationFail,
    /// A client sent identity headers.
    IdentityHeaderSpoofed,
    /// A request was refused by a rule.
    AuthzFail,
    /// An account was added.
    UserCreated,
    /// An account was changed.
    UserUpdated,
    /// An account was removed.
    UserDeleted,
    /// The store failed or is damaged: nothing is written until it was mended.
    SysStoreFail,
    /// The store was opened again after a failure, and is whole.
    SysStoreHealed,
    /// The server is up.
    SysStartup,
    /// The server goes down.
    SysShutdown,
}

/// Who asked, as far as the edge knows.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The client's address.
    pub address: String,
    /// The request's id.
    pub request_id: String,
}

impl Source {
    /// The administrator at the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            address: "command line".to_owned(),
            request_id: String::new(),
        }
    }
}

/// The details of one event.
#[derive(Clone, Debug, Default)]
pub struct Details {
    account: Option<AccountId>,
    session: Option<SessionId>,
    factor: Option<Factor>,
    reason: Option<String>,
}

impl Details {
    /// About nobody in particular.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// About an account.
    #[must_use]
    pub fn of(account: AccountId) -> Self {
        Self {
            account: Some(account),
            ..Self::default()
        }
    }

    /// Names the session by its public id.
    #[must_use]
    pub fn session(self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// Names the second factor.
    #[must_use]
    pub fn factor(self, factor: Factor) -> Self {
        Self {
            factor: Some(factor),
            ..self
        }
    }

    /// Says why an attempt was refused.
    #[must_use]
    pub fn rejected(self, reason: Rejection) -> Self {
        self.reason(&reason.to_string())
    }

    /// Says why, in a short stable word.
    #[must_use]
    pub fn reason(self, reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..self
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: Event,
    address: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<Factor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Where events go.
#[derive(Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    file: Option<Arc<Mutex<File>>>,
}

impl Audit {
    /// To the log alone.
    #[must_use]
    pub fn to_log(clock: Arc<dyn Clock>) -> Self {
        Self { clock, file: None }
    }

    /// To a file, which is created with mode 0600 and only ever appended to.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn to_file(clock: Arc<dyn Clock>, path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(path)?;
        let file = Some(Arc::new(Mutex::new(file)));
        Ok(Self { clock, file })
    }

    /// Records an event.
    pub fn record(&self, event: Event, source: &Source, details: &Details) {
        let line = json_line(event, source, details, self.clock.now());
        if let Err(error) = self.write(&line) {
            tracing::error!(%error, "the audit file cannot be written");
            tracing::info!(target: "audit", "{line}");
        }
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let Some(file) = &self.file else {
            tracing::info!(target: "audit", "{line}");
            return Ok(());
        };
        // One write per line: O_APPEND keeps lines of several processes apart.
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes())
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

/// JSON escapes every control character, so no value can start a line of its own (ASVS V16.4.1).
fn json_line(event: Event, source: &Source, details: &Details, now: Timestamp) -> String {
    let line = Line {
        time: now.rfc3339(),
        event,
        address: &source.address,
        request_id: &source.request_id,
        account: details.account,
        session: details.session,
        factor: details.factor,
        reason: details.reason.as_deref(),
    };
    serde_json::to_string(&line).expect("a line has string keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_the_values_hold() {
        let source = Source {
            address: "203.0.113.7".to_owned(),
            request_id: "a\r\nb".to_owned(),
        };
        let details = Details::none().reason("x\u{1b}[2J\nFAKE");
        let line = json_line(Event::AuthnLoginFail, &source, &details, Timestamp(0));
        assert_eq!(
            line,
            r#"{"time":"1970-01-01T00:00:00Z","event":"authn_login_fail","address":"203.0.113.7","request_id":"a\r\nb","reason":"x\u001b[2J\nFAKE"}"#
        );
    }

    #[test]
    fn a_file_is_appended_to_and_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for _ in 0..2 {
            let clock = Arc::new(crate::clock::SystemClock);
            let audit = Audit::to_file(clock, &path).unwrap();
            audit.record(Event::SysStartup, &Source::command_line(), &Details::none());
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
