//! May this request pass: one pure function, [`decide`].
//!
//! A permit comes from there and nowhere else:
//!
//! ```compile_fail,E0451
//! use vestibule::authz::Permit;
//! let forged = Permit { account: None };
//! ```

pub mod rule;
pub mod target;

use crate::authn::AccountId;
use crate::authn::session::Session;
use crate::authz::rule::{Policy, Rules};
use crate::authz::target::Target;
use http::Method;

/// Why a visitor is asked to sign in (RFC 9110, 11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// There is no live session with both factors.
    NoSession,
}

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// It may pass.
    Allow(Permit),
    /// It may pass once the visitor has signed in.
    Challenge(Challenge),
    /// It may not pass, whoever asks.
    Deny,
}

/// Proof that [`decide`] let a request through, and for whom: the only thing an identity is signed for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Permit {
    account: Option<AccountId>,
}

impl Permit {
    /// Who is let through; `None` where anyone may pass and nobody is signed in.
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
///
/// Only method and target count, never a header, the query or the fragment (CVE-2025-54576,
/// CVE-2026-41059, CVE-2026-34457).
pub fn decide(
    rules: &Rules,
    method: &Method,
    target: &Target,
    session: Option<&Session>,
) -> Decision {
    match (rules.policy(method, target), session) {
        (Policy::Deny, _) => Decision::Deny,
        (Policy::Bypass | Policy::TwoFactor, Some(session)) => Decision::Allow(Permit {
            account: Some(session.account()),
        }),
        (Policy::Bypass, None) => Decision::Allow(Permit { account: None }),
        (Policy::TwoFactor, None) => Decision::Challenge(Challenge::NoSession),
    }
}
