//! What the app behind learns of the visitor: plain header lines and a signed assertion.
//!
//! Lines are made from a [`Permit`] only, and a request goes upstream with a [`Pass`] only.

pub mod ring;
pub mod jwks;
pub mod signer;
pub mod key;

use crate::authn::account::Account;
use crate::authn::profile::{DisplayName, Email, Group};
use crate::authn::session::Resumed;
use crate::authz::Permit;
use crate::clock::{Moment, Timestamp};
use crate::identity::key::{KeyId, SigningKey};
use crate::identity::signer::{Claims, Issuer};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::Arc;

/// The names under which the app receives an identity (`[identity]` in the configuration).
#[derive(Clone, Debug)]
pub struct Names {
    /// The user name; default `Remote-User`.
    pub user: HeaderName,
    /// The display name; default `Remote-Name`.
    pub name: HeaderName,
    /// The e-mail address; default `Remote-Email`.
    pub email: HeaderName,
    /// The groups, comma-separated; default `Remote-Groups`.
    pub groups: HeaderName,
    /// The signed assertion; default `X-Vestibule-Assertion`.
    pub assertion: HeaderName,
}

impl Names {
    /// All five names.
    #[must_use]
    pub fn all(&self) -> [&HeaderName; 5] {
        [
            &self.user,
            &self.name,
            &self.email,
            &self.groups,
            &self.assertion,
        ]
    }
}

/// What a header value may not hold as it is: what would end the line, and `%`, so that decoding
/// gives back exactly what was encoded (H-12). Spaces stay, they are legal inside a value.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b';').add(b'"').add(b'\\');

/// The header lines that tell the app who is asking; empty for a visitor who may pass unknown.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// The lines, each name once.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// All five lines for an account; a value that there is none for is empty.
    fn of(names: &Names, account: &Account, assertion: &str) -> Self {
        let profile = &account.profile;
        let display = profile.display_name.as_ref().map(DisplayName::as_str);
        let groups: Vec<&str> = profile.groups.iter().map(Group::as_str).collect();
        let lines = [
            (&names.user, encoded(account.username().as_str())),
            (&names.name, encoded(display.unwrap_or_default())),
            (
                &names.email,
                encoded(
                    profile
                        .email
                        .as_ref()
                        .map(Email::as_str)
                        .unwrap_or_default(),
                ),
            ),
            (&names.groups, groups.join(",")),
            (&names.assertion, assertion.to_owned()),
        ];
        Self(
            lines
                .into_iter()
                .map(|(name, value)| (name.clone(), line(&value)))
                .collect(),
        )
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE).to_string()
}

fn line(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("everything but visible ASCII and space is encoded")
}

/// The identity lines of one session, with what makes them worth making anew.
#[derive(Clone, Debug)]
pub struct Statement {
    headers: Arc<Headers>,
    key: KeyId,
    renew: Timestamp,
}

impl Statement {
    /// States who `session` belongs to, signed with `key`.
    #[must_use]
    pub fn make(
        names: &Names,
        issuer: &Issuer,
        key: &SigningKey,
        session: &Resumed,
        account: &Account,
        at: Moment,
    ) -> Self {
        // Whoever verifies it has another clock, which was not ahead with ours.
        let assertion = issuer.sign(key, &Claims::of(session, account), at.wall);
        Self {
            headers: Arc::new(Headers::of(names, account, &assertion)),
            key: key.id(),
            // Half of its life is left for the way to the app and a verifier with a slow clock.
            renew: at.now.plus(issuer.lifetime() / 2),
        }
    }

    /// Is it still good enough to hand out? What another key than the `active` one signed never is:
    /// that key may have leaked.
    #[must_use]
    pub fn is_fresh(&self, active: KeyId, now: Timestamp) -> bool {
        self.key == active && now < self.renew
    }
}

/// A permit together with the header lines that say for whom: the only thing that lets a request
/// go upstream.
#[derive(Clone, Debug)]
#[must_use]
pub struct Pass {
    permit: Permit,
    headers: Arc<Headers>,
}

impl Pass {
    /// For a permit that names nobody.
    pub fn anonymous(permit: Permit) -> Self {
        let headers = Arc::default();
        Self { permit, headers }
    }

    /// For a permit that names an account, with the statement about its session.
    pub fn identified(permit: Permit, statement: &Statement) -> Self {
        let headers = Arc::clone(&statement.headers);
        Self { permit, headers }
    }

    /// The permit.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The identity lines; empty when the permit names nobody.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// A pass for unit tests of the layers above.
    #[cfg(test)]
    pub(crate) fn for_test(permit: Permit, lines: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self {
            permit,
            headers: Arc::new(Headers(lines)),
        }
    }
}
