//! How each kind of value is written: parsed from text, shown as text.

mod address;
mod choice;
mod name;
mod path;

pub(crate) use crate::config::setting::address::{CookieDomain, HostName, HostPattern};
pub(crate) use crate::config::setting::name::{CookieName, folded};
pub(crate) use crate::config::setting::path::{PlainPath, PortalPath};

use crate::config::problem::{Wrong, quoted};
use std::path::PathBuf;
use std::time::Duration;

/// What TOML may hold instead of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// Nothing: it is written in quotes.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Switch,
}

/// A kind of value.
pub(crate) trait Setting: Sized {
    /// What a TOML file may hold instead of a text.
    const NATIVE: Native = Native::Text;

    /// How to write one, for hints.
    const HINT: &'static str;

    /// Reads one.
    fn parse(text: &str) -> Result<Self, Wrong>;

    /// Writes one, so that [`Setting::parse`] reads it again.
    fn show(&self) -> String;
}

/// A number of bytes: `8KiB`, `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

impl Size {
    pub(crate) const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    pub(crate) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The size for things in memory.
    pub(crate) fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The units of sizes, the largest first.
const UNITS: [(&str, u32); 4] = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

impl Setting for Size {
    const HINT: &'static str =
        "write a whole number and a unit in quotes: \"8KiB\", \"1MiB\", \"2GiB\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::new(format!("{} is not a size", quoted(text)), Self::HINT);
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, shift) = known.ok_or_else(wrong)?;
        let count: u64 = whole(digits.trim_end()).ok_or_else(wrong)?;
        let bytes = count.checked_mul(1 << shift).ok_or_else(wrong)?;
        Ok(Self(bytes))
    }

    fn show(&self) -> String {
        let fits = |(_, shift): &&(&str, u32)| self.0 > 0 && self.0.trailing_zeros() >= *shift;
        let (unit, shift) = UNITS.iter().find(fits).unwrap_or(&("B", 0));
        format!("{}{unit}", self.0 >> shift)
    }
}

impl Setting for Duration {
    const HINT: &'static str =
        "write a number and a unit in quotes: \"30s\", \"5m\", \"12h\", \"30d\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        humantime::parse_duration(text)
            .map_err(|_| Wrong::new(format!("{} is not a duration", quoted(text)), Self::HINT))
    }

    fn show(&self) -> String {
        let seconds = self.as_secs();
        if self.subsec_nanos() != 0 {
            return humantime::format_duration(*self).to_string();
        }
        match seconds {
            0 => "0s".to_owned(),
            s if s % 86400 == 0 && s > 86400 => format!("{}d", s / 86400),
            s if s % 3600 == 0 => format!("{}h", s / 3600),
            s if s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        }
    }
}

/// Digits only: no sign, no blank, no underscore.
fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Setting for $number {
            const NATIVE: Native = Native::Number;
            const HINT: &'static str = "write a whole number without a sign";

            fn parse(text: &str) -> Result<Self, Wrong> {
                let wrong = || format!("{} is not a whole number", quoted(text));
                whole(text).ok_or_else(|| Wrong::new(wrong(), Self::HINT))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
numbers!(u8, u32, usize);

impl Setting for bool {
    const NATIVE: Native = Native::Switch;
    const HINT: &'static str = "write true or false";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let what = format!("{} is neither true nor false", quoted(text));
            Wrong::new(what, Self::HINT)
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const HINT: &'static str = "write a text in quotes, without control characters";

    fn parse(text: &str) -> Result<Self, Wrong> {
        const MOST: usize = 200;
        if text.chars().any(char::is_control) {
            return Err(Wrong::new("it contains a control character", Self::HINT));
        }
        if text.trim().is_empty() {
            return Err(Wrong::new(
                "it is empty",
                "write a text, or leave the key out",
            ));
        }
        if text.chars().count() > MOST {
            let what = format!("it is longer than {MOST} characters");
            return Err(Wrong::new(what, "write a shorter one"));
        }
        Ok(text.trim().to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for PathBuf {
    const HINT: &'static str = "write the path of a file or folder in quotes";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() || text.contains('\0') {
            return Err(Wrong::new("it is no path", Self::HINT));
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}
