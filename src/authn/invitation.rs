//! Invitations: single-use links by which a person takes over an account.

use crate::authn::AccountId;
use crate::clock::Timestamp;
use crate::secret::{TokenDigest, equal};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An invitation as the account keeps it: never the link itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Invitation {
    digest: String,
    expires: Timestamp,
}

impl Invitation {
    /// An invitation that the token with this digest opens for `lifetime` (72 h by default).
    #[must_use]
    pub fn new(digest: TokenDigest, now: Timestamp, lifetime: Duration) -> Self {
        Self {
            digest: BASE64.encode(&digest.0),
            expires: now.plus(lifetime),
        }
    }

    /// Does this token open it, now?
    #[must_use]
    pub fn opens(&self, digest: TokenDigest, now: Timestamp) -> bool {
        let matches = equal(self.digest.as_bytes(), BASE64.encode(&digest.0).as_bytes());
        matches && now < self.expires
    }

    /// Until when the link works.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// Proof that the link of an invitation was used up by whoever holds it.
#[derive(Debug)]
#[must_use]
pub struct InvitationAccepted {
    account: AccountId,
}

impl InvitationAccepted {
    /// Only [`crate::authn::account::Account::accept`] calls this, as it removes the invitation.
    pub(in crate::authn) fn assertion(account: AccountId) -> Self {
        Self { account }
    }

    /// Whose invitation it was.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_token_opens_it_and_only_in_time() {
        let now = Timestamp(1_000);
        let invitation = Invitation::new(TokenDigest([1; 32]), now, Duration::from_secs(60));
        assert!(invitation.opens(TokenDigest([1; 32]), Timestamp(1_059)));
        assert!(!invitation.opens(TokenDigest([1; 32]), Timestamp(1_060)));
        assert!(!invitation.opens(TokenDigest([2; 32]), now));
    }
}
