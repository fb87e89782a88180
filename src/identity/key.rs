//! Keys that sign: generated, stored, opened, published.
//!
//! One key, one algorithm, one purpose (RFC 8725, 3.1).

use crate::clock::Timestamp;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
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

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        })
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// The name of a key, `kid`: the SHA-256 thumbprint of its public half (RFC 7638).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// Reads the text form, 43 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    fn of(public: &Jwk) -> Result<Self, DamagedKey> {
        let thumbprint = public.thumbprint(ThumbprintHash::SHA256);
        Self::parse(&thumbprint.map_err(|_| DamagedKey)?).ok_or(DamagedKey)
    }

    /// Would a command line take it for an option?
    fn looks_like_an_option(self) -> bool {
        self.to_string().starts_with('-')
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a key id")
    }
}

/// A stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored signing key is damaged")]
pub struct DamagedKey;

/// A signing key as the store keeps it (sealed).
#[derive(Clone, Deserialize, Serialize)]
pub struct KeyRecord {
    id: KeyId,
    algorithm: Algorithm,
    /// PKCS#8 in base64.
    pkcs8: Zeroizing<String>,
    created: Timestamp,
}

impl KeyRecord {
    /// A fresh key, whose name no command line takes for an option.
    ///
    /// # Panics
    /// When the system's random generator fails.
    #[must_use]
    pub fn generate(algorithm: Algorithm, now: Timestamp) -> Self {
        loop {
            let pkcs8 = generate(algorithm);
            let (_, public) = open(algorithm, &pkcs8).expect("what was generated is a key");
            let id = KeyId::of(&public).expect("a public key has a thumbprint");
            if !id.looks_like_an_option() {
                return Self {
                    id,
                    algorithm,
                    pkcs8,
                    created: now,
                };
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }
}

/// A private key: PKCS#8 in base64.
fn generate(algorithm: Algorithm) -> Zeroizing<String> {
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
    Zeroizing::new(pkcs8.expect("the system's random generator works"))
}

/// The two halves of a private key.
fn open(algorithm: Algorithm, pkcs8: &str) -> Result<(EncodingKey, Jwk), DamagedKey> {
    let der = BASE64.decode(pkcs8.as_bytes()).map_err(|_| DamagedKey)?;
    let der = Zeroizing::new(der);
    let key = match algorithm {
        Algorithm::Es256 => EncodingKey::from_ec_der(&der),
        Algorithm::EdDsa => EncodingKey::from_ed_der(&der),
    };
    let public = Jwk::from_encoding_key(&key, algorithm.into()).map_err(|_| DamagedKey)?;
    Ok((key, public))
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRecord({})", self.id)
    }
}

/// A key that can be used, with its public half.
pub struct SigningKey {
    id: KeyId,
    key: EncodingKey,
    header: Header,
    public: Jwk,
}

impl SigningKey {
    /// Opens a stored key.
    ///
    /// # Errors
    /// When it is not the key of its name and algorithm.
    pub fn open(record: &KeyRecord) -> Result<Self, DamagedKey> {
        let (key, mut public) = open(record.algorithm, &record.pkcs8)?;
        let id = KeyId::of(&public)?;
        if id != record.id {
            return Err(DamagedKey);
        }
        public.common.key_id = Some(id.to_string());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let mut header = Header::new(record.algorithm.into());
        header.kid = Some(id.to_string());
        Ok(Self {
            id,
            key,
            header,
            public,
        })
    }

    /// The name of the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
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
        write!(f, "SigningKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_looks_like_an_option() {
        for _ in 0..300 {
            let record = KeyRecord::generate(Algorithm::EdDsa, Timestamp(0));
            assert!(!record.id().to_string().starts_with('-'));
        }
    }

    #[test]
    fn a_name_reads_as_it_is_written() {
        let id = KeyRecord::generate(Algorithm::Es256, Timestamp(0)).id();
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        for wrong in ["", "x", "!", &id.to_string()[1..], &format!("{id}=")] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_under_another_name_is_damaged() {
        let mut record = KeyRecord::generate(Algorithm::Es256, Timestamp(0));
        record.id = KeyRecord::generate(Algorithm::Es256, Timestamp(0)).id;
        assert_eq!(SigningKey::open(&record).err(), Some(DamagedKey));
    }

    #[test]
    fn neither_a_record_nor_a_key_shows_its_private_half() {
        let record = KeyRecord::generate(Algorithm::Es256, Timestamp(0));
        let key = SigningKey::open(&record).unwrap();
        assert_eq!(format!("{record:?}"), format!("KeyRecord({})", record.id));
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", record.id));
        let public = serde_json::to_value(key.public()).unwrap();
        assert_eq!(public.get("d"), None);
    }
}
