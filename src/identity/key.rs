//! Keys that sign: generated, stored, opened, published.
//!
//! One key, one algorithm, one purpose (RFC 8725, 3.1).

use crate::clock::Timestamp;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use data_encoding::BASE64;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use std::fmt;
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

    /// A compact JWS of `claims` (RFC 7515).
    ///
    /// # Panics
    /// When the provider cannot sign with a key that it has opened.
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize) -> String {
        encode(&self.header, claims, &self.key).expect("an opened key signs")
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
