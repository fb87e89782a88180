//! What a visitor has proven so far: one factor, both, and whether a session of either is alive.
//!
//! A session of both factors is not made from a password alone:
//!
//! ```compile_fail,E0308
//! # use vestibule::authn::{password::PasswordVerified, session::FirstFactorSession};
//! # use vestibule::clock::Timestamp;
//! fn cannot_skip(half: FirstFactorSession, again: PasswordVerified, now: Timestamp) {
//!     let _ = half.finish(again, now);
//! }
//! ```
//!
//! and neither half a session nor a stored record is a live session:
//!
//! ```compile_fail,E0308
//! # use vestibule::authn::session::{FirstFactorSession, Session};
//! fn needs_both(_: &Session) {}
//! fn cannot_pass(half: &FirstFactorSession) { needs_both(half) }
//! ```
//!
//! ```compile_fail,E0308
//! # use vestibule::authn::session::Session;
//! # use vestibule::authn::session::record::SessionRecord;
//! fn needs_life(_: &Session) {}
//! fn cannot_pass(stored: &SessionRecord) { needs_life(stored) }
//! ```

pub mod room;
pub mod record;

use crate::authn::enrolment::EnrolmentId;
use crate::authn::invitation::InvitationAccepted;
use crate::authn::password::PasswordVerified;
use crate::authn::{AccountId, Factor, Rejection, SecondFactorVerified};
use crate::clock::Timestamp;
use crate::secret::random;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Codes that may be tried before the password has to be given again (N-42).
pub const TRIES: u32 = 5;

/// How long a first factor waits for the second.
pub const FIRST_FACTOR_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How long an accepted invitation waits for its enrolment to be completed.
pub const ENROLMENT_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Grows by one whenever everything that was begun before has to end: sign-out everywhere, a
/// disabled account, another password, a reset factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// An epoch after every one that was reached before `now`, also by a copy of the account that is
    /// lost: in a second it cannot grow by a million.
    #[must_use]
    pub fn beyond(self, now: Timestamp) -> Self {
        self.next().max(Self(now.0.saturating_mul(1 << 20)))
    }

    /// The epoch as bytes, to bind something to it.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Takes over what [`Epoch::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

/// The public name of a session: in assertions and lists, never in a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId([u8; 16]);

impl SessionId {
    fn generate() -> Self {
        Self(random())
    }

    /// Reads the text form, `s_` and 26 characters of lower-case base32: no command line takes it for
    /// an option.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix("s_").filter(|rest| rest.len() == 26)?;
        let bytes = BASE32_NOPAD
            .decode(encoded.to_ascii_uppercase().as_bytes())
            .ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s_{}", BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for SessionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a session id")
    }
}

/// The password was right; nothing else is known. Waits five minutes and five tries for a code.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FirstFactorSession {
    account: AccountId,
    epoch: Epoch,
    started: Timestamp,
    tries: u32,
    /// The session that is to be raised; `None` where the password was just verified.
    #[serde(default)]
    raises: Option<Raised>,
}

/// The live session that stands for the password in a step-up.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Raised {
    id: SessionId,
    started: Timestamp,
}

impl FirstFactorSession {
    /// Begins with a verified password.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a proof is spent")]
    pub fn begin(proof: PasswordVerified, epoch: Epoch, now: Timestamp) -> Self {
        Self {
            account: proof.account(),
            epoch,
            started: now,
            tries: 0,
            raises: None,
        }
    }

    /// Begins a step-up: a live session stands for the password, and a code is to be shown, for the
    /// first time or afresh.
    #[must_use]
    pub fn step_up(session: &Resumed, now: Timestamp) -> Self {
        Self {
            account: session.account(),
            epoch: session.epoch(),
            started: now,
            tries: 0,
            raises: Some(Raised {
                id: session.id(),
                started: session.started(),
            }),
        }
    }

    /// Goes on with the password alone, for what asks for one factor; `None` in a step-up, where no
    /// password was given.
    #[must_use]
    pub fn settle(self) -> Option<OneFactorSession> {
        self.raises.is_none().then(|| OneFactorSession {
            account: self.account,
            id: SessionId::generate(),
            epoch: self.epoch,
            started: self.started,
        })
    }

    /// The session that a step-up raises. It has to be alive until the end, and ends with it.
    #[must_use]
    pub fn raises(&self) -> Option<SessionId> {
        self.raises.map(|raised| raised.id)
    }

    /// Who claims to sign in.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The epoch in which the password was verified.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Reserves one try *before* a code is looked at, so that parallel guesses are counted (X-022).
    ///
    /// # Errors
    /// [`Rejection::TransactionOver`] after five tries or five minutes.
    pub fn reserve_try(&mut self, now: Timestamp) -> Result<(), Rejection> {
        if self.tries >= TRIES || now.age_of(self.started) >= FIRST_FACTOR_LIFETIME {
            return Err(Rejection::TransactionOver);
        }
        self.tries += 1;
        Ok(())
    }

    /// Is there no try left?
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.tries >= TRIES
    }

    /// Both factors belong to the same account, or there is no session. One that was raised is as old as
    /// it was: a code does not lengthen its life.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a proof is spent")]
    pub fn finish(self, proof: SecondFactorVerified, now: Timestamp) -> Option<Session> {
        (proof.account == self.account).then(|| Session {
            started: self.raises.map_or(now, |raised| raised.started),
            ..Session::begin(self.account, self.epoch, proof.factor, now)
        })
    }
}

/// Somebody may bind an authenticator: the invitation was accepted, or the password verified where
/// enrolment at the first sign-in is allowed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EnrolmentSession {
    account: AccountId,
    epoch: Epoch,
    id: EnrolmentId,
    started: Timestamp,
}

impl EnrolmentSession {
    /// Begins with an accepted invitation, which has just set the password.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a proof is spent")]
    pub fn invited(
        proof: InvitationAccepted,
        epoch: Epoch,
        id: EnrolmentId,
        now: Timestamp,
    ) -> Self {
        Self {
            account: proof.account(),
            epoch,
            id,
            started: now,
        }
    }

    /// Begins with a verified password; only for `totp.enrolment = "first-sign-in"`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a proof is spent")]
    pub fn first_sign_in(
        proof: PasswordVerified,
        epoch: Epoch,
        id: EnrolmentId,
        now: Timestamp,
    ) -> Self {
        Self {
            account: proof.account(),
            epoch,
            id,
            started: now,
        }
    }

    /// Which enrolment it is: secrets are shown in one alone.
    #[must_use]
    pub fn id(&self) -> EnrolmentId {
        self.id
    }

    /// Who enrols.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The epoch in which the right to enrol was shown.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Is there still time?
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.age_of(self.started) < ENROLMENT_LIFETIME
    }

    /// The first code was right: both factors are proven, and the session waits for the backup codes.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a proof is spent")]
    pub fn finish(self, proof: SecondFactorVerified, now: Timestamp) -> Option<HeldSession> {
        (proof.account == self.account).then_some(HeldSession {
            account: self.account,
            epoch: self.epoch,
            factor: proof.factor,
            authenticated: now,
        })
    }
}

/// A session that opens nothing until its holder has said that the backup codes are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HeldSession {
    account: AccountId,
    epoch: Epoch,
    factor: Factor,
    authenticated: Timestamp,
}

impl HeldSession {
    /// Who holds it.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The epoch in which both factors were shown.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The codes are kept: the session begins, if nothing has ended it meanwhile.
    #[must_use]
    pub fn release(self, epoch: Epoch, now: Timestamp) -> Option<Session> {
        self.is_alive(epoch, now).then(|| Session {
            started: self.authenticated,
            authenticated: self.authenticated,
            ..Session::begin(self.account, self.epoch, self.factor, now)
        })
    }

    /// Does its epoch still stand, and is there time?
    #[must_use]
    pub fn is_alive(&self, epoch: Epoch, now: Timestamp) -> bool {
        self.epoch == epoch && now.age_of(self.authenticated) < ENROLMENT_LIFETIME
    }
}

/// Both factors were right, and the session is alive at this moment.
#[derive(Debug)]
pub struct Session {
    account: AccountId,
    id: SessionId,
    epoch: Epoch,
    factor: Factor,
    started: Timestamp,
    authenticated: Timestamp,
}

impl Session {
    fn begin(account: AccountId, epoch: Epoch, factor: Factor, now: Timestamp) -> Self {
        Self {
            account,
            id: SessionId::generate(),
            epoch,
            factor,
            started: now,
            authenticated: now,
        }
    }

    /// Whose session it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The account's epoch that it belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Which second factor was shown.
    #[must_use]
    pub fn factor(&self) -> Factor {
        self.factor
    }

    /// When the second factor was last shown.
    #[must_use]
    pub fn authenticated(&self) -> Timestamp {
        self.authenticated
    }
}

/// The password was right, no code was shown, and the session is alive at this moment: enough for what
/// asks for one factor, and for nothing else.
#[derive(Debug)]
pub struct OneFactorSession {
    account: AccountId,
    id: SessionId,
    epoch: Epoch,
    started: Timestamp,
}

/// A live session, of one factor or of both.
#[derive(Debug)]
pub enum Resumed {
    /// The password alone.
    OneFactor(OneFactorSession),
    /// Both factors.
    TwoFactor(Session),
}

impl Resumed {
    /// Whose session it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match self {
            Self::OneFactor(session) => session.account,
            Self::TwoFactor(session) => session.account,
        }
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        match self {
            Self::OneFactor(session) => session.id,
            Self::TwoFactor(session) => session.id,
        }
    }

    /// The account's epoch that it belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::OneFactor(session) => session.epoch,
            Self::TwoFactor(session) => session.epoch,
        }
    }

    /// When it began; its whole life is counted from then.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        match self {
            Self::OneFactor(session) => session.started,
            Self::TwoFactor(session) => session.started,
        }
    }

    /// When its newest factor was shown.
    #[must_use]
    pub fn authenticated(&self) -> Timestamp {
        match self {
            Self::OneFactor(session) => session.started,
            Self::TwoFactor(session) => session.authenticated,
        }
    }

    /// Which second factor was shown, if one was.
    #[must_use]
    pub fn factor(&self) -> Option<Factor> {
        match self {
            Self::OneFactor(_) => None,
            Self::TwoFactor(session) => Some(session.factor),
        }
    }

    /// A session for unit tests of the layers above, with one factor or two.
    #[cfg(test)]
    pub(crate) fn for_test(account: AccountId, factors: usize, at: Timestamp) -> Self {
        let session = Session::begin(account, Epoch::default(), Factor::Totp, at);
        match factors {
            1 => Self::OneFactor(OneFactorSession {
                account,
                id: session.id,
                epoch: session.epoch,
                started: at,
            }),
            _ => Self::TwoFactor(session),
        }
    }
}

#[cfg(test)]
mod tests;
