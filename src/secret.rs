//! Secrets: values that are never printed, tokens, derived keys and random bytes.
//!
//! Nothing else in the crate draws random numbers or compares secrets.

use aws_lc_rs::{constant_time, digest, hkdf, hmac, rand};
use data_encoding::BASE64URL_NOPAD;
use std::fmt;
use std::marker::PhantomData;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A value whose `Debug` says nothing and which is wiped from memory when dropped.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Hides `value`.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Fills `N` bytes from the operating system's generator through aws-lc-rs.
///
/// # Panics
/// When the generator fails: without randomness no step of a login is safe, so the process stops.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random generator works");
    bytes
}

/// Compares without telling by its duration where the difference lies.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// What the store keeps of a token: SHA-256, which is enough for 256 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest(pub [u8; 32]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// A 256-bit bearer token that opens one kind of record `R` and no other (ASVS V7.2.3).
pub struct Token<R>(Secret<[u8; 32]>, PhantomData<fn() -> R>);

impl<R> Token<R> {
    /// A fresh token.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::new(random()), PhantomData)
    }

    /// Reads what [`Token::to_text`] wrote; anything else is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The encoded length is fixed, so nothing long is ever decoded.
        if text.len() != 43 {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Secret::new(bytes), PhantomData))
    }

    /// The token as 43 characters of base64url, for a cookie or a link.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(self.0.expose()))
    }

    /// What the store may see of the token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(sha256(self.0.expose()))
    }
}

impl<R> fmt::Debug for Token<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// A 256-bit key for one purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// A fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self(random())
    }

    /// Takes over key material.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key material, for a key file or a cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key of its own for `purpose`, by HKDF-SHA-256 (RFC 5869).
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule");
        let mut out = [0; 32];
        salt.extract(&self.0)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|key| key.fill(&mut out))
            .expect("32 bytes are within HKDF's limit");
        Self(out)
    }

    /// HMAC-SHA-256 over `parts`, each preceded by its length so that no two lists collide.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form() {
        let token = Token::<()>::generate();
        let again = Token::<()>::parse(&token.to_text()).unwrap();
        assert_eq!(again.digest(), token.digest());
    }

    #[test]
    fn only_the_exact_text_form_is_a_token() {
        let text = Token::<()>::generate().to_text();
        for bad in [
            "",
            &text[1..],
            &format!("{}=", *text),
            &"!".repeat(43),
            &format!("{}x", "\u{e9}".repeat(21)),
        ] {
            assert!(Token::<()>::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_part_lists_never_share_a_mac() {
        let key = Key::from_bytes([7; 32]);
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert_ne!(key.derive("a").expose(), key.derive("b").expose());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let printed = format!(
            "{:?} {:?} {:?} {:?}",
            Secret::new("hunter2".to_owned()),
            Key::from_bytes([7; 32]),
            Token::<()>::generate(),
            TokenDigest([1; 32]),
        );
        assert_eq!(printed, "Secret Key Token TokenDigest");
    }
}
