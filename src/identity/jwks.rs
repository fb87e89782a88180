//! The public keys, as apps fetch them (RFC 7517).

use crate::identity::key::SigningKey;
use crate::secret::sha256;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use jsonwebtoken::jwk::JwkSet;
use std::time::Duration;

/// How long verifiers and caches between may keep a key set.
pub const MAX_AGE: Duration = Duration::from_secs(300);

/// The key set in its one text form, made once.
#[derive(Clone, Debug)]
pub struct Jwks {
    /// The JSON document.
    pub json: Bytes,
    /// A strong entity tag of it (RFC 9110, 8.8.3), with its quotes.
    pub etag: String,
}

impl Jwks {
    /// The public halves of `keys`.
    #[must_use]
    pub fn publish<'a>(keys: impl Iterator<Item = &'a SigningKey>) -> Self {
        let keys = keys.map(|key| key.public().clone()).collect();
        let json = serde_json::to_vec(&JwkSet { keys }).expect("a key set is plain JSON");
        Self {
            etag: format!("\"{}\"", HEXLOWER.encode(&sha256(&json)[..16])),
            json: json.into(),
        }
    }
}
