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

pub mod explain;
pub mod reach;
pub mod network;
pub mod rule;
pub mod pattern;
pub mod target;
mod lax;

use crate::authn::AccountId;
use crate::authn::account::Account;
use crate::authn::session::Resumed;
use crate::authz::rule::{Asked, Policy, Requirement, Rules};
use crate::clock::Timestamp;
use std::time::Duration;

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

/// What a visitor has shown, whoever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: there is no live session.
    Nothing,
    /// The password.
    OneFactor,
    /// Password and code.
    TwoFactor {
        /// How long ago the newest code was shown.
        age: Duration,
    },
}

impl Shown {
    fn by(subject: Option<Subject<'_>>, now: Timestamp) -> Self {
        match subject.map(|subject| subject.session) {
            None => Self::Nothing,
            Some(Resumed::OneFactor(_)) => Self::OneFactor,
            Some(Resumed::TwoFactor(session)) => Self::TwoFactor {
                age: now.age_of(session.authenticated()),
            },
        }
    }
}

/// What follows from a requirement and what was shown: a [`Decision`] that lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whoever it is may pass, and the app is told who.
    Named,
    /// Anyone may pass, and the app is told of nobody.
    Unnamed,
    /// More has to be shown.
    Challenge(Challenge),
    /// Nothing helps.
    Deny,
}

/// Compares what is asked for with what was shown.
#[must_use]
pub fn judge(requirement: Requirement, shown: Shown) -> Outcome {
    match (requirement.policy, shown) {
        (Policy::Deny, _) => Outcome::Deny,
        // A password alone names nobody where the app did not ask for it: it may take a name for both factors.
        (Policy::Bypass, Shown::Nothing | Shown::OneFactor) => Outcome::Unnamed,
        (Policy::Bypass, Shown::TwoFactor { .. }) => Outcome::Named,
        (Policy::OneFactor | Policy::TwoFactor, Shown::Nothing) => {
            Outcome::Challenge(Challenge::SignIn)
        }
        (Policy::OneFactor, Shown::OneFactor | Shown::TwoFactor { .. }) => Outcome::Named,
        (Policy::TwoFactor, Shown::OneFactor) => Outcome::Challenge(Challenge::SecondFactor),
        (Policy::TwoFactor, Shown::TwoFactor { age }) => {
            if requirement.max_age.is_some_and(|most| age > most) {
                return Outcome::Challenge(Challenge::FreshSecondFactor);
            }
            Outcome::Named
        }
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
    match (judge(requirement, Shown::by(subject, now)), account) {
        (Outcome::Named, Some(account)) => Decision::Allow(Permit {
            account: Some(account.id()),
        }),
        (Outcome::Unnamed, _) => Decision::Allow(Permit { account: None }),
        (Outcome::Challenge(challenge), _) => Decision::Challenge(challenge),
        // Who has shown something has an account; should that ever fail, it fails closed.
        (Outcome::Deny, _) | (Outcome::Named, None) => Decision::Deny,
    }
}
