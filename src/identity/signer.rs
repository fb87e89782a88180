//! Assertions: short-lived JWTs that say who is asking (RFC 7519, RFC 8725).
//!
//! One key, one algorithm, one purpose; the header carries `alg`, `kid` and `typ` and nothing else.

use crate::authn::AccountId;
use crate::authn::account::Account;
use crate::authn::session::{Session, SessionId};
use crate::clock::Timestamp;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use data_encoding::BASE64;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// How assertions are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4); the default.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (RFC 8037, 3.1).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// A stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored signing key is damaged")]
pub struct DamagedKey;

/// A signing key as the store keeps it (sealed).
#[derive(Clone, Deserialize, Serialize)]
pub struct KeyRecord {
    algorithm: Algorithm,
    /// PKCS#8 in base64.
    pkcs8: Zeroizing<String>,
    created: Timestamp,
}

impl KeyRecord {
    /// A fresh key.
    ///
    /// # Panics
    /// When the system's random generator fails.
    #[must_use]
    pub fn generate(algorithm: Algorithm, now: Timestamp) -> Self {
        let pkcs8 = match algorithm {
            Algorithm::Es256 => {
                let random = SystemRandom::new();
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map(|document| BASE64.encode(document.as_ref()))
            }
            // jsonwebtoken reads version 1 of PKCS#8 only.
            Algorithm::EdDsa => Ed25519KeyPair::generate()
                .and_then(|pair| pair.to_pkcs8v1())
                .map(|document| BASE64.encode(document.as_ref())),
        };
        Self {
            algorithm,
            pkcs8: Zeroizing::new(pkcs8.expect("the system's random generator works")),
            created: now,
        }
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it was made; the newest key of the configured algorithm signs.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRecord({:?})", self.algorithm)
    }
}

/// A key that can be used, with its public half.
pub struct SigningKey {
    key: EncodingKey,
    header: Header,
    public: Jwk,
}

impl SigningKey {
    /// Opens a stored key.
    ///
    /// # Errors
    /// When it is not a key of its algorithm.
    pub fn open(record: &KeyRecord) -> Result<Self, DamagedKey> {
        let der = Zeroizing::new(
            BASE64
                .decode(record.pkcs8.as_bytes())
                .map_err(|_| DamagedKey)?,
        );
        let key = match record.algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_der(&der),
            Algorithm::EdDsa => EncodingKey::from_ed_der(&der),
        };
        let mut public =
            Jwk::from_encoding_key(&key, record.algorithm.into()).map_err(|_| DamagedKey)?;
        let kid = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| DamagedKey)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let mut header = Header::new(record.algorithm.into());
        header.kid = Some(kid);
        Ok(Self {
            key,
            header,
            public,
        })
    }

    /// The name of the key: its RFC 7638 thumbprint.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &Jwk {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

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
    amr: [&'static str; 3],
    acr: &'static str,
}

impl Claims {
    /// The claims about one session.
    #[must_use]
    pub fn of(session: &Session, account: &Account) -> Self {
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
            // RFC 8176; a backup code is a one-time password, too.
            amr: ["pwd", "otp", "mfa"],
            acr: "urn:vestibule:two-factor",
        }
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

/// Signs assertions for one audience, with one key.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    issuer: String,
    audience: String,
    lifetime: Duration,
}

/// A verifier whose clock runs this much behind still accepts a fresh assertion.
const NOT_BEFORE_SLACK: u64 = 5;

impl Signer {
    /// Signs as `issuer` for `audience`; an assertion is good for `lifetime`, 60 s by default.
    #[must_use]
    pub fn new(key: SigningKey, issuer: String, audience: String, lifetime: Duration) -> Self {
        Self {
            key,
            issuer,
            audience,
            lifetime,
        }
    }

    /// How long an assertion is good for.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Signs `claims` as of `now`.
    ///
    /// # Panics
    /// When the provider cannot sign with a key that it has opened.
    #[must_use]
    pub fn sign(&self, claims: &Claims, now: Timestamp) -> String {
        let assertion = Assertion {
            iss: &self.issuer,
            aud: &self.audience,
            iat: now,
            nbf: Timestamp(now.0.saturating_sub(NOT_BEFORE_SLACK)),
            exp: now.plus(self.lifetime),
            jti: data_encoding::BASE64URL_NOPAD.encode(&crate::secret::random::<16>()),
            claims,
        };
        encode(&self.key.header, &assertion, &self.key.key).expect("an opened key signs")
    }
}
