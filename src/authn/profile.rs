//! What an account shows of a person: display name, e-mail address, groups.
//!
//! Every one of them ends up in a header, a log line and a page, so none can hold a line break
//! or a character that turns the text around it.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longest display name in code points.
pub const MAX_DISPLAY_NAME: usize = 128;

/// Longest e-mail address in bytes (RFC 5321, 4.5.3.1.3, without its angle brackets).
pub const MAX_EMAIL: usize = 254;

/// Longest group name in characters.
pub const MAX_GROUP: usize = 64;

/// A name for people to read: 1 to 128 code points in NFC, without white space around it,
/// without control, bidirectional control or invisible formatting characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a display name; white space around it falls away.
    ///
    /// # Errors
    /// [`InvalidProfile::DisplayName`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        // Four bytes for each code point, and as much again for decomposed text.
        if text.len() > 8 * MAX_DISPLAY_NAME {
            return Err(InvalidProfile::DisplayName);
        }
        let name: String = text.trim().nfc().collect();
        let length = name.chars().count();
        let fits = (1..=MAX_DISPLAY_NAME).contains(&length) && !name.chars().any(disturbs);
        fits.then_some(Self(name))
            .ok_or(InvalidProfile::DisplayName)
    }
}

/// Control characters and those that break lines, turn text around or cannot be seen. The two
/// joiners stay: Persian, Indic scripts and family emoji need them.
fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// An e-mail address: one `@`, a dot-atom of ASCII before it, a domain name after it (RFC 5322,
/// 3.4.1 without quoting, comments and address literals). At most 254 bytes; the domain in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Reads an address. Nothing is trimmed.
    ///
    /// # Errors
    /// [`InvalidProfile::Email`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        let parts = text.split_once('@').filter(|_| text.len() <= MAX_EMAIL);
        let (local, domain) = parts.ok_or(InvalidProfile::Email)?;
        // A second `@` falls to `is_label`.
        if !is_local_part(local) || !domain.split('.').all(is_label) {
            return Err(InvalidProfile::Email);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

/// A dot-atom of at most 64 bytes (RFC 5321, 4.5.3.1.1).
fn is_local_part(local: &str) -> bool {
    let is_atext =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= 64
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// A label of a domain name: letters, digits and inner hyphens, 1 to 63 bytes (RFC 1035, 2.3.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A group: 1 to 64 of `A-Z a-z 0-9 . _ : @ / -`. Case counts. No comma and no white space, because
/// groups travel as a list in one header.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(String);

impl Group {
    /// Reads a group name.
    ///
    /// # Errors
    /// [`InvalidProfile::Group`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        let fits = (1..=MAX_GROUP).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
            .ok_or(InvalidProfile::Group)
    }
}

/// Why a text does not belong into a profile. The text is for whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Not a [`DisplayName`].
    #[error("a display name has 1 to 128 characters and no control or invisible ones")]
    DisplayName,
    /// Not an [`Email`].
    #[error(
        "an e-mail address looks like name@example.com, in plain ASCII, with at most 254 characters"
    )]
    Email,
    /// Not a [`Group`].
    #[error("a group has 1 to 64 characters, each a letter, a digit or one of . _ : @ / -")]
    Group,
}

/// What all of them share: they are text that was checked once.
macro_rules! checked_text {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidProfile;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidProfile;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    )*};
}

checked_text!(DisplayName, Email, Group);

#[cfg(test)]
mod tests;
