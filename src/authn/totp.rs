//! Time-based one-time codes (RFC 6238) over totp-rs.
//!
//! SHA-1, six digits, 30 seconds: the only parameters that every authenticator app honours.

use crate::clock::Timestamp;
use crate::secret::{Secret, equal, random};
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Seconds that one code is shown (RFC 6238, 5.2).
const PERIOD: u64 = 30;

/// Digits of a code (RFC 4226, 5.3).
const DIGITS: usize = 6;

/// A counter value of the 30-second clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct TimeStep(pub u64);

impl TimeStep {
    /// The step that `moment` lies in.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment.0 / PERIOD)
    }
}

/// How many steps before and after the present one are accepted: 0, or 1 by default (RFC 6238, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// Only the code that is shown now.
    Strict,
    /// The previous and the next code as well, for slow typists and drifting clocks.
    OneStep,
}

impl Skew {
    /// The newest step that counts at `now`.
    #[must_use]
    pub fn newest(self, now: Timestamp) -> TimeStep {
        TimeStep(TimeStep::at(now).0.saturating_add(self.steps()))
    }

    fn steps(self) -> u64 {
        match self {
            Self::Strict => 0,
            Self::OneStep => 1,
        }
    }
}

/// Six digits, as shown by an authenticator.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; DIGITS]);

#[cfg(test)]
impl Code {
    /// What an authenticator would show.
    pub(crate) fn text_for_test(&self) -> String {
        self.0.iter().map(|digit| char::from(*digit)).collect()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

/// The text is not six ASCII digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits")]
pub struct InvalidCode;

impl FromStr for Code {
    type Err = InvalidCode;

    /// Spaces and hyphens may stand anywhere; digits of other scripts are refused.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let mut digits = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let mut code = [0; DIGITS];
        for slot in &mut code {
            *slot = digits
                .next()
                .filter(u8::is_ascii_digit)
                .ok_or(InvalidCode)?;
        }
        digits
            .next()
            .is_none()
            .then_some(Self(code))
            .ok_or(InvalidCode)
    }
}

/// What a code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Match {
    /// Right, for a step that was never accepted.
    Fresh(TimeStep),
    /// Right, for a step at or before one that was accepted (RFC 6238, 5.2: must not be accepted twice).
    Replayed,
    /// Not right for any step of the window.
    Wrong,
}

/// The 160-bit key that authenticator and server share (RFC 4226, R6).
#[derive(Clone)]
pub struct TotpSecret(Secret<[u8; 20]>);

impl TotpSecret {
    /// A fresh secret.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::new(random()))
    }

    /// Takes over a secret, for the vectors of the RFC.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Secret::new(bytes))
    }

    /// The secret as upper-case base32 without padding, for people who type it.
    #[must_use]
    pub fn to_base32(&self) -> String {
        BASE32_NOPAD.encode(self.0.expose())
    }

    /// The `otpauth://` address that QR codes and phones understand (key URI format).
    ///
    /// A colon would split the label (T-15), so it becomes a space.
    #[must_use]
    pub fn to_uri(&self, issuer: &str, account: &str) -> String {
        let builder = self
            .builder()
            .with_issuer(Some(without_colon(issuer)))
            .with_account_name(without_colon(account));
        builder
            .build()
            .and_then(|totp| totp.to_url())
            .expect("160 bits, six digits and labels without colon are valid")
    }

    /// The code of one step.
    #[must_use]
    pub fn code_at(&self, step: TimeStep) -> Code {
        let text = self
            .totp()
            .generate(step.0.saturating_mul(PERIOD))
            .to_string();
        text.parse().expect("totp-rs prints six digits")
    }

    /// Compares `code` with every step of the window around `now`, in constant time, and takes the
    /// newest that matches (T-07). Steps up to `spent` are replays.
    pub fn check(&self, code: &Code, now: Timestamp, skew: Skew, spent: Option<TimeStep>) -> Match {
        let present = TimeStep::at(now).0;
        let window = present.saturating_sub(skew.steps())..=present.saturating_add(skew.steps());
        let mut found = Match::Wrong;
        for step in window.map(TimeStep) {
            if equal(&self.code_at(step).0, &code.0) {
                found = match spent {
                    Some(spent) if step <= spent => Match::Replayed,
                    Some(_) | None => Match::Fresh(step),
                };
            }
        }
        found
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(PERIOD)
            .with_secret(self.0.expose().to_vec())
    }

    fn totp(&self) -> Totp {
        self.builder()
            .build()
            .expect("160 bits and six digits are valid")
    }
}

fn without_colon(label: &str) -> String {
    label.replace(':', " ")
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

impl Serialize for TotpSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base32())
    }
}

impl<'de> Deserialize<'de> for TotpSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = zeroize::Zeroizing::new(String::deserialize(deserializer)?);
        BASE32_NOPAD
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self::from_bytes)
            .ok_or_else(|| serde::de::Error::custom("not a TOTP secret"))
    }
}

#[cfg(test)]
mod tests;
