//! Assertions: short-lived JWTs that say who is asking (RFC 7519, RFC 8725).
//!
//! One key, one algorithm, one purpose; the header carries `alg`, `kid` and `typ` and nothing else.

use crate::authn::AccountId;
use crate::authn::account::Account;
use crate::authn::session::{Resumed, SessionId};
use crate::clock::Timestamp;
use crate::identity::key::SigningKey;
use serde::Serialize;
use std::time::Duration;

/// What an assertion says about a session, apart from times and audience.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    sub: AccountId,
    sid: SessionId,
    preferred_username: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    groups: Vec<String>,
    auth_time: Timestamp,
    amr: &'static [&'static str],
    acr: &'static str,
}

impl Claims {
    /// The claims about one session.
    #[must_use]
    pub fn of(session: &Resumed, account: &Account) -> Self {
        let profile = &account.profile;
        let username = account.username().to_string();
        let name = profile.display_name.as_ref().map(ToString::to_string);
        Self {
            sub: session.account(),
            sid: session.id(),
            name: name.unwrap_or_else(|| username.clone()),
            preferred_username: username,
            email: profile.email.as_ref().map(ToString::to_string),
            groups: profile.groups.iter().map(ToString::to_string).collect(),
            auth_time: session.authenticated(),
            amr: methods(session),
            acr: class(session),
        }
    }
}

/// How the visitor was authenticated (RFC 8176); a backup code is a one-time password, too.
#[must_use]
pub fn methods(session: &Resumed) -> &'static [&'static str] {
    match session {
        Resumed::OneFactor(_) => &["pwd"],
        Resumed::TwoFactor(_) => &["pwd", "otp", "mfa"],
    }
}

/// How much that is worth (OpenID Connect Core 1.0, section 2: `acr`).
#[must_use]
pub fn class(session: &Resumed) -> &'static str {
    match session {
        Resumed::OneFactor(_) => "urn:vestibule:one-factor",
        Resumed::TwoFactor(_) => "urn:vestibule:two-factor",
    }
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    jti: String,
    #[serde(flatten)]
    claims: &'a Claims,
}

/// Who assertions are from and for, and how long they are good.
#[derive(Clone, Debug)]
pub struct Issuer {
    name: String,
    audience: String,
    lifetime: Duration,
}

/// No assertion is good for longer.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(300);

/// A verifier whose clock runs this much behind still accepts a fresh assertion.
const NOT_BEFORE_SLACK: u64 = 5;

impl Issuer {
    /// Issues as `name` for `audience`; an assertion is good for `lifetime`, 60 s by default.
    #[must_use]
    pub fn new(name: String, audience: String, lifetime: Duration) -> Self {
        Self {
            name,
            audience,
            lifetime,
        }
    }

    /// How long an assertion is good for.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Signs `claims` with `key` as of `now`.
    ///
    /// # Panics
    /// As [`SigningKey::sign`].
    #[must_use]
    pub fn sign(&self, key: &SigningKey, claims: &Claims, now: Timestamp) -> String {
        let assertion = Assertion {
            iss: &self.name,
            aud: &self.audience,
            iat: now,
            nbf: Timestamp(now.0.saturating_sub(NOT_BEFORE_SLACK)),
            exp: now.plus(self.lifetime),
            jti: data_encoding::BASE64URL_NOPAD.encode(&crate::secret::random::<16>()),
            claims,
        };
        key.sign(&assertion)
    }
}
