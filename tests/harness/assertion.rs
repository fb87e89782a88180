//! The app's side of an assertion: read and verified by hand, with nothing of the gate's code.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// A compact JWS whose signature was checked (RFC 7515, 5.2).
#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Assertion {
    /// Verifies `text` with the key of the set that it names.
    pub(crate) fn verify(text: &str, keys: &Value) -> Result<Self, &'static str> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err("not three parts");
        };
        let signed = &text[..header.len() + 1 + claims.len()];
        let (header, claims) = (json(header)?, json(claims)?);
        let set = keys["keys"].as_array().ok_or("no keys")?;
        let named = set.iter().filter(|key| key["kid"] == header["kid"]);
        let [key] = named.collect::<Vec<_>>()[..] else {
            return Err("not one key of that name");
        };
        let signature = bytes(signature)?;
        check(&header, key, signed.as_bytes(), &signature)?;
        Ok(Self { header, claims })
    }

    /// A claim that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.claims[name].as_u64().expect("a whole number")
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.claims[name].as_str().expect("a text")
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| "not base64url")
}

fn json(part: &str) -> Result<Value, &'static str> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| "not JSON")
}

fn check(header: &Value, key: &Value, signed: &[u8], signature: &[u8]) -> Result<(), &'static str> {
    let coordinate = |name: &str| bytes(key[name].as_str().unwrap_or("!"));
    // The key says which algorithm it is for, never the header alone (RFC 8725, 3.1).
    if header["alg"] != key["alg"] {
        return Err("another algorithm than the key's");
    }
    let verified = match (
        key["alg"].as_str(),
        key["kty"].as_str(),
        key["crv"].as_str(),
    ) {
        (Some("ES256"), Some("EC"), Some("P-256")) => {
            let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
        }
        (Some("EdDSA"), Some("OKP"), Some("Ed25519")) => {
            UnparsedPublicKey::new(&ED25519, coordinate("x")?).verify(signed, signature)
        }
        _ => return Err("a key of another kind"),
    };
    verified.map_err(|_| "a wrong signature")
}
