//! Sealing: AES-256-GCM-SIV (RFC 8452) under a key derived for one purpose.
//!
//! A sealed value is a format byte, the nonce, the ciphertext and its tag. It opens only under the
//! same key and only in the place it was sealed for.

use crate::secret::Key;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// The first byte of a sealed value.
const FORMAT: u8 = 1;

/// A key that seals and opens.
pub(crate) struct Cipher(RandomizedNonceKey);

impl Cipher {
    /// A cipher of its own for `purpose`, from the `master` key.
    pub(crate) fn new(master: &Key, purpose: &'static str) -> Self {
        // SIV: a nonce drawn twice tells only that two values are equal.
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, master.derive(purpose).expose());
        Self(key.expect("a key has the 256 bits that the cipher takes"))
    }

    /// Seals `value` for `place`; fails only for values that no store takes.
    pub(crate) fn seal(&self, place: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        // With room for the tag, so that no copy of the plain value is left behind by growing.
        let mut body = Vec::with_capacity(value.len() + AES_256_GCM_SIV.tag_len());
        body.extend_from_slice(value);
        let aad = Aad::from(bound(place));
        let nonce = self.0.seal_in_place_append_tag(aad, &mut body).ok()?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Some(sealed)
    }

    /// The value that was sealed for `place`.
    ///
    /// # Errors
    /// Why it does not open.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
        let Some((&FORMAT, rest)) = sealed.split_first() else {
            return Err("unknown form of sealing");
        };
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or("too short")?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .0
            .open_in_place(nonce, Aad::from(bound(place)), &mut body)
            .map_err(|_| "it does not open here under this key")?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

/// What a value is bound to: the format and its place.
fn bound(place: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(1 + place.len());
    bound.push(FORMAT);
    bound.extend_from_slice(place);
    bound
}
