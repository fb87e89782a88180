//! User names: one canonical spelling for each, and one key for all that look alike.
//!
//! Two names that a person cannot tell apart have the same [`Skeleton`]; the store keeps that
//! unique, so no account can pose as another.

use std::fmt;

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::Error;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::skeleton;

/// Longest user name in code points of its canonical form.
pub const MAX_CODE_POINTS: usize = 64;

/// Most code points that are looked at: no canonical character is composed of more than four.
const MAX_TYPED: usize = 4 * MAX_CODE_POINTS;

/// A user name in its canonical form: PRECIS UsernameCaseMapped (RFC 8265, 3.3), which means
/// full-width characters made plain, in lower case, in NFC, and with its direction rule.
///
/// It has 1 to 64 code points: letters, digits and combining marks of any script, and `@ . _ - +`
/// behind the first. A code point that Unicode 6.3 did not know counts as unassigned and is refused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// Reads a typed name. Nothing is trimmed.
    ///
    /// # Errors
    /// [`InvalidUsername`], whose text tells an administrator what to change. Whoever signs in
    /// may not see it: there a name that nobody can have is a name that nobody has.
    pub fn parse(typed: &str) -> Result<Self, InvalidUsername> {
        if typed.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if typed.chars().nth(MAX_TYPED).is_some() {
            return Err(InvalidUsername::TooLong);
        }
        let name = canonical(typed)?;
        if name.chars().count() > MAX_CODE_POINTS {
            return Err(InvalidUsername::TooLong);
        }
        if let Some(stranger) = name.chars().find(|c| !is_allowed(*c)) {
            return Err(InvalidUsername::Character(stranger));
        }
        if !name.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return Err(InvalidUsername::Start);
        }
        if name.ends_with(['@', '.', '-', '+']) || name.contains("..") {
            return Err(InvalidUsername::Punctuation);
        }
        Ok(Self(name))
    }

    /// The canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the name looks like: equal for all names that a person may confuse.
    #[must_use]
    pub fn skeleton(&self) -> Skeleton {
        let once: String = skeleton(&self.0).collect();
        // UTS 39 makes a zero an `O`; among names in lower case it has to meet `o`.
        Skeleton(skeleton(&once.to_lowercase()).collect())
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({:?})", self.0)
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

impl TryFrom<String> for Username {
    type Error = InvalidUsername;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// PRECIS, until it changes nothing any more (RFC 8264, 7): one name has one canonical form.
fn canonical(typed: &str) -> Result<String, InvalidUsername> {
    let once = UsernameCaseMapped::enforce(typed).map_err(InvalidUsername::from)?;
    let twice = UsernameCaseMapped::enforce(once.as_ref()).map_err(InvalidUsername::from)?;
    if once != twice {
        return Err(InvalidUsername::Unstable);
    }
    Ok(twice.into_owned())
}

/// PRECIS lets every printing ASCII character pass, and joiners and a few signs in some places.
/// Colons, slashes, commas and the like have a meaning in headers, paths, LDAP and htpasswd files.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '@' | '.' | '_' | '-' | '+')
}

/// Why a text is no user name. The text is for whoever chooses the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// There is nothing.
    #[error("a user name needs at least one character")]
    Empty,
    /// More than 64 code points.
    #[error("a user name has at most 64 characters")]
    TooLong,
    /// This one may not be in a name: white space, control, invisible, symbol, unassigned.
    #[error("{0:?} cannot be part of a user name; letters, digits and @ . _ - + can")]
    Character(char),
    /// It starts with punctuation or a combining mark.
    #[error("a user name starts with a letter, a digit or _")]
    Start,
    /// It ends with one of `@ . - +` or has two dots in a row.
    #[error("a user name does not end with @ . - or + and has no two dots in a row")]
    Punctuation,
    /// Its reading direction is not clear (RFC 5893, 2).
    #[error("a user name cannot mix characters written from left to right and from right to left")]
    Direction,
    /// It has no canonical form.
    #[error("a user name needs one way to write it in lower case, and this has several")]
    Unstable,
}

impl From<Error> for InvalidUsername {
    fn from(error: Error) -> Self {
        match error {
            Error::BadCodepoint(info) => {
                char::from_u32(info.cp).map_or(Self::Unstable, Self::Character)
            }
            Error::Invalid => Self::Direction,
            Error::Unexpected(_) => Self::Unstable,
        }
    }
}

/// The key under which a name must be unique (UTS 39, 4). Not for people, only to compare.
///
/// It depends on the Unicode tables of this build, so it is an index that can be made again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Skeleton(String);

impl Skeleton {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whatever was typed as a user name, folded so that its spellings share one counter.
///
/// Never fails and never looks at more than 256 code points. Where the text, without white
/// space around it, is a [`Username`], this is its canonical form. Debug hides it: people
/// type passwords into the wrong field.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TypedName(String);

impl TypedName {
    /// Folds `typed`.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let start = typed.trim_start();
        let looked_at = start
            .char_indices()
            .nth(MAX_TYPED)
            .map_or(start, |(end, _)| &start[..end]);
        let looked_at = looked_at.trim_end();
        Self(Username::parse(looked_at).map_or_else(|_| lossy(looked_at), String::from))
    }

    /// The folded text, at most 64 code points, for a keyed hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedName")
    }
}

/// No name can be this; what is left of it only has to be bounded and stubborn.
fn lossy(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .nfc()
        .filter(|c| is_allowed(*c))
        .take(MAX_CODE_POINTS)
        .collect()
}

#[cfg(test)]
mod tests;
