//! The audit stream: security events under stable names.
//!
//! Written as JSON lines to a file where one is configured, else to the log under the target `audit`, and
//! counted: a name and a reason are words of the program's, so both can be labels of a series. No event
//! carries a password, a code, a token, a link or a query (ASVS V16.2.5).
//!
//! Where the file cannot be written, the event goes to the log and the failure is counted. A sign-in is not
//! refused for it: a full disk would lock out those who could free it, and the log still has the event.

use crate::authn::session::SessionId;
use crate::authn::{AccountId, Factor, Rejection};
use crate::clock::{Clock, Timestamp};
use crate::identity::key::KeyId;
use crate::metrics::{Counter, Family, Labels, Registry};
use serde::{Serialize, Serializer};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happened. The names are those of the OWASP logging vocabulary where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The password was right; the second factor is asked for.
    AuthnPasswordAccepted,
    /// Both factors were right, or the password where it is enough.
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
    /// A backup was made and read again.
    SysBackup,
    /// A backup could not be made.
    SysBackupFail,
    /// A backup took the place of the store.
    SysRestore,
    /// The store was sealed under another master key.
    SysRekey,
    /// A signing key is published and will sign.
    KeyPublished,
    /// A signing key signs from now on.
    KeyActivated,
    /// A signing key signs no more and stays published for a while.
    KeyRetired,
    /// A signing key that nothing needs any more was destroyed.
    KeyRemoved,
    /// A signing key was destroyed at once, by an administrator.
    KeyRevoked,
    /// The clock of the machine was set, or the machine slept.
    SysClockSet,
    /// The server is up.
    SysStartup,
    /// The server goes down.
    SysShutdown,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::AuthnPasswordAccepted,
        Self::AuthnLoginSuccess,
        Self::AuthnLoginFail,
        Self::AuthnLoginLock,
        Self::AuthnBackupCodeUsed,
        Self::AuthnTokenReuse,
        Self::AuthnPasswordChange,
        Self::AuthnEnrolment,
        Self::AuthnEnrolmentReset,
        Self::AuthnBackupCodesRenewed,
        Self::InvitationCreated,
        Self::InvitationAccepted,
        Self::InvitationFail,
        Self::SessionLogout,
        Self::SessionRevoked,
        Self::ExcessSessionsExceeded,
        Self::ExcessRateLimitExceeded,
        Self::SequenceFail,
        Self::MaliciousCsrf,
        Self::InputValidationFail,
        Self::IdentityHeaderSpoofed,
        Self::AuthzFail,
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDeleted,
        Self::SysStoreFail,
        Self::SysStoreHealed,
        Self::SysBackup,
        Self::SysBackupFail,
        Self::SysRestore,
        Self::SysRekey,
        Self::KeyPublished,
        Self::KeyActivated,
        Self::KeyRetired,
        Self::KeyRemoved,
        Self::KeyRevoked,
        Self::SysClockSet,
        Self::SysStartup,
        Self::SysShutdown,
    ];

    /// The stable name, for the stream and for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthnPasswordAccepted => "authn_password_accepted",
            Self::AuthnLoginSuccess => "authn_login_success",
            Self::AuthnLoginFail => "authn_login_fail",
            Self::AuthnLoginLock => "authn_login_lock",
            Self::AuthnBackupCodeUsed => "authn_backup_code_used",
            Self::AuthnTokenReuse => "authn_token_reuse",
            Self::AuthnPasswordChange => "authn_password_change",
            Self::AuthnEnrolment => "authn_enrolment",
            Self::AuthnEnrolmentReset => "authn_enrolment_reset",
            Self::AuthnBackupCodesRenewed => "authn_backup_codes_renewed",
            Self::InvitationCreated => "invitation_created",
            Self::InvitationAccepted => "invitation_accepted",
            Self::InvitationFail => "invitation_fail",
            Self::SessionLogout => "session_logout",
            Self::SessionRevoked => "session_revoked",
            Self::ExcessSessionsExceeded => "excess_sessions_exceeded",
            Self::ExcessRateLimitExceeded => "excess_rate_limit_exceeded",
            Self::SequenceFail => "sequence_fail",
            Self::MaliciousCsrf => "malicious_csrf",
            Self::InputValidationFail => "input_validation_fail",
            Self::IdentityHeaderSpoofed => "identity_header_spoofed",
            Self::AuthzFail => "authz_fail",
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::SysStoreFail => "sys_store_fail",
            Self::SysStoreHealed => "sys_store_healed",
            Self::SysBackup => "sys_backup",
            Self::SysBackupFail => "sys_backup_fail",
            Self::SysRestore => "sys_restore",
            Self::SysRekey => "sys_rekey",
            Self::KeyPublished => "key_published",
            Self::KeyActivated => "key_activated",
            Self::KeyRetired => "key_retired",
            Self::KeyRemoved => "key_removed",
            Self::KeyRevoked => "key_revoked",
            Self::SysClockSet => "sys_clock_set",
            Self::SysStartup => "sys_startup",
            Self::SysShutdown => "sys_shutdown",
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
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
    /// The server itself, by the clock.
    #[must_use]
    pub fn schedule() -> Self {
        Self {
            address: "schedule".to_owned(),
            request_id: String::new(),
        }
    }

    /// The administrator at the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            address: "command line".to_owned(),
            request_id: String::new(),
        }
    }

    /// The server by itself, because it was time.
    #[must_use]
    pub fn own() -> Self {
        Self {
            address: "server".to_owned(),
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
    key: Option<KeyId>,
    seconds: Option<u64>,
    reason: Option<&'static str>,
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

    /// Names the signing key.
    #[must_use]
    pub fn key(self, key: KeyId) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Says by how much, in seconds.
    #[must_use]
    pub fn seconds(self, seconds: u64) -> Self {
        Self {
            seconds: Some(seconds),
            ..self
        }
    }

    /// Says why an attempt was refused.
    #[must_use]
    pub fn rejected(self, reason: Rejection) -> Self {
        self.reason(reason.name())
    }

    /// Says why, in a short stable word.
    #[must_use]
    pub fn reason(self, reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
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
    key: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Where events go. Clones share one stream and its counters.
#[derive(Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    file: Option<Arc<AuditFile>>,
    events: Family<Labels<2>, Counter>,
    failures: Counter,
}

struct AuditFile {
    path: PathBuf,
    open: Mutex<Lines<File>>,
}

impl AuditFile {
    fn lock(&self) -> MutexGuard<'_, Lines<File>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends lines, each at the beginning of one.
struct Lines<W> {
    to: W,
    /// The last write failed, perhaps half-way: what follows must not become part of its line.
    torn: bool,
}

impl<W: Write> Lines<W> {
    const fn new(to: W) -> Self {
        Self { to, torn: false }
    }

    /// One write per line: `O_APPEND` keeps lines of several processes apart.
    fn append(&mut self, line: &str) -> io::Result<()> {
        let begin = if self.torn { "\n" } else { "" };
        let written = self.to.write_all(format!("{begin}{line}\n").as_bytes());
        self.torn = written.is_err();
        written
    }
}

impl Audit {
    /// To the log alone.
    #[must_use]
    pub fn to_log(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            file: None,
            events: Family::default(),
            failures: Counter::default(),
        }
    }

    /// To a file, which is created with mode 0600 and only ever appended to.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn to_file(clock: Arc<dyn Clock>, path: &Path) -> io::Result<Self> {
        let file = AuditFile {
            path: path.to_owned(),
            open: Mutex::new(Lines::new(open(path)?)),
        };
        Ok(Self {
            file: Some(Arc::new(file)),
            ..Self::to_log(clock)
        })
    }

    /// Opens the file again under its name, after it was moved away (logrotate). Without a file, nothing.
    ///
    /// # Errors
    /// When it cannot be opened; then the one that is open stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let fresh = open(&file.path)?;
        // It may be the same file: a torn line stays one.
        file.lock().to = fresh;
        Ok(())
    }

    /// Shows the counters of all events, each from zero on: a first one shows as a rise then.
    pub fn register(&self, registry: &mut Registry) {
        for event in Event::ALL {
            self.expect(event, &[""]);
        }
        registry.register(
            "audit_events",
            "Security events, by name and reason",
            self.events.clone(),
        );
        registry.register(
            "audit_write_failures",
            "Events that went to the log because the audit file could not be written",
            self.failures.clone(),
        );
    }

    /// Names the reasons that an event may have, so that they are counted from zero on.
    pub fn expect(&self, event: Event, reasons: &[&'static str]) {
        for reason in reasons {
            drop(self.counter(event, reason));
        }
    }

    fn counter(&self, event: Event, reason: &'static str) -> Counter {
        let labels = [("event", event.name()), ("reason", reason)];
        self.events.get_or_create_owned(&labels)
    }

    /// Counts an event that is not written down: a stranger makes as many of it as it likes.
    pub fn count(&self, event: Event, reason: &'static str) {
        self.counter(event, reason).inc();
    }

    /// Records an event.
    pub fn record(&self, event: Event, source: &Source, details: &Details) {
        self.counter(event, details.reason.unwrap_or_default())
            .inc();
        let Some(file) = &self.file else {
            return log(event, source, details);
        };
        let line = json_line(event, source, details, self.clock.wall());
        let written = file.lock().append(&line);
        if let Err(error) = written {
            self.failures.inc();
            tracing::error!(%error, "the audit file cannot be written");
            log(event, source, details);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

/// The same fields as in the file; the log has its own time, and escapes control characters in either format.
fn log(event: Event, source: &Source, details: &Details) {
    tracing::info!(
        target: "audit",
        event = event.name(),
        address = source.address,
        request_id = source.request_id,
        account = details.account.map(tracing::field::display),
        session = details.session.map(tracing::field::display),
        factor = details.factor.map(Factor::name),
        key = details.key.map(tracing::field::display),
        seconds = details.seconds,
        reason = details.reason,
    );
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
        key: details.key,
        seconds: details.seconds,
        reason: details.reason,
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
        assert_eq!(lines(&path), 2);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn lines(path: &Path) -> usize {
        std::fs::read_to_string(path).unwrap().lines().count()
    }

    fn start(audit: &Audit) {
        audit.record(Event::SysStartup, &Source::command_line(), &Details::none());
    }

    #[test]
    fn a_file_that_was_moved_away_is_written_until_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let audit = Audit::to_file(Arc::new(crate::clock::SystemClock), &path).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        start(&audit);
        assert_eq!(lines(&moved), 1);
        audit.reopen().unwrap();
        start(&audit);
        assert_eq!((lines(&moved), lines(&path)), (1, 1));
        // What cannot be opened changes nothing.
        std::fs::remove_dir_all(folder.path()).unwrap();
        audit.reopen().unwrap_err();
        start(&audit);
    }

    #[test]
    fn a_torn_line_does_not_take_the_next_one_with_it() {
        /// Has room for so many bytes.
        struct Disk(Vec<u8>, usize);

        impl Write for Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let fits = bytes.len().min(self.1 - self.0.len());
                if fits == 0 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.0.extend_from_slice(&bytes[..fits]);
                Ok(fits)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let mut lines = Lines::new(Disk(vec![], 5));
        lines.append("one").unwrap();
        lines.append("two").unwrap_err();
        lines.append("three").unwrap_err();
        lines.to.1 = 100;
        lines.append("four").unwrap();
        lines.append("five").unwrap();
        assert_eq!(lines.to.0, b"one\nt\nfour\nfive\n");
    }

    #[test]
    fn every_event_is_counted_from_zero_on_and_a_failed_write_as_well() {
        let clock = Arc::new(crate::clock::SystemClock);
        let audit = Audit::to_file(clock, Path::new("/dev/full")).unwrap();
        audit.expect(Event::AuthnLoginFail, &["wrong_code"]);
        let mut metrics = crate::metrics::Metrics::new();
        audit.register(metrics.ours());
        let details = Details::none().rejected(Rejection::WrongCode);
        audit.record(Event::AuthnLoginFail, &Source::default(), &details);
        let text = metrics.text(crate::metrics::Format::Prometheus);
        for line in [
            "vestibule_audit_events_total{event=\"authn_login_fail\",reason=\"wrong_code\"} 1",
            "vestibule_audit_events_total{event=\"authn_token_reuse\",reason=\"\"} 0",
            "vestibule_audit_write_failures_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
