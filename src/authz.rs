//! May this request pass: one pure function, [`decide`].
//!
//! A permit comes from there and nowhere else:
//!
//! ```compile_fail,E0451
//! use vestibule::authz::Permit;
//! let forged = Permit { account: None };
//! ```
//!
//! and what has not come to life as a session is no subject:
//!
//! ```compile_fail,E0308
//! # use vestibule::authn::{account::Account, session::FirstFactorSession};
//! # use vestibule::authz::Subject;
//! fn cannot_pass(half: &FirstFactorSession, account: &Account) {
//!     let _ = Subject::new(half, account);
//! }
//! ```

pub mod rule;
pub mod pattern;
pub mod target;

use crate::authn::AccountId;
use crate::authn::account::Account;
use crate::authn::session::{Resumed, Session};
use crate::authz::rule::{Asked, Policy, Requirement, Rules};
use crate::clock::Timestamp;

/// Who asks: a live session and its account.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    session: &'a Resumed,
    account: &'a Account,
}

impl<'a> Subject<'a> {
    /// `None` when the session is another account's.
    #[must_use]
    pub fn new(session: &'a Resumed, account: &'a Account) -> Option<Self> {
        (session.account() == account.id()).then_some(Self { session, account })
    }
}

/// What a visitor is asked for (RFC 9110, 11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// There is no live session.
    SignIn,
    /// The password was shown, a code was not.
    SecondFactor,
    /// A code was shown, but too long ago.
    FreshSecondFactor,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// It may pass.
    Allow(Permit),
    /// It may pass once the visitor has shown more.
    Challenge(Challenge),
    /// It may not pass, whatever is shown.
    Deny,
}

/// Proof that [`decide`] let a request through, and for whom: the only thing an identity is signed for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Permit {
    account: Option<AccountId>,
}

impl Permit {
    /// Who is let through; `None` where anyone may pass and nobody has shown both factors.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// A permit for unit tests of the layers above.
    #[cfg(test)]
    pub(crate) fn for_test(account: Option<AccountId>) -> Self {
        Self { account }
    }
}

/// Decides by the first rule that matches; where none does, by the default of the rules.
pub fn decide(
    rules: &Rules,
    asked: Asked<'_>,
    subject: Option<Subject<'_>>,
    now: Timestamp,
) -> Decision {
    let account = subject.map(|subject| subject.account);
    let requirement = rules.requirement(asked, account);
    let session = subject.map(|subject| subject.session);
    let allow = |account| Decision::Allow(Permit { account });
    match (requirement.policy, session) {
        (Policy::Deny, _) => Decision::Deny,
        // A password alone names nobody where the app did not ask for it: it may take a name for both factors.
        (Policy::Bypass, None | Some(Resumed::OneFactor(_))) => allow(None),
        (Policy::Bypass, Some(Resumed::TwoFactor(session))) => allow(Some(session.account())),
        (Policy::OneFactor | Policy::TwoFactor, None) => Decision::Challenge(Challenge::SignIn),
        (Policy::OneFactor, Some(session)) => allow(Some(session.account())),
        (Policy::TwoFactor, Some(Resumed::OneFactor(_))) => {
            Decision::Challenge(Challenge::SecondFactor)
        }
        (Policy::TwoFactor, Some(Resumed::TwoFactor(session))) => {
            if is_stale(requirement, session, now) {
                return Decision::Challenge(Challenge::FreshSecondFactor);
            }
            allow(Some(session.account()))
        }
    }
}

fn is_stale(requirement: Requirement, session: &Session, now: Timestamp) -> bool {
    let age = now.age_of(session.authenticated());
    requirement.max_age.is_some_and(|most| age > most)
}
