//! Values of which there are a few, each with a name.

use crate::authz::rule::Policy;
use crate::config::problem::{Wrong, quoted};
use crate::config::setting::Setting;
use crate::config::{
    AccessLog, Algorithm, EnrolmentMode, LogFormat, LogLevel, StorageUrl, UnderscoreHeaders,
};

/// Values of which there are a few, each with a name.
trait Choice: Copy + PartialEq + 'static {
    /// All names.
    const NAMES: &'static [(&'static str, Self)];
}

macro_rules! choices {
    ($($choice:ident: $hint:literal, $($name:literal = $value:ident),+;)*) => {$(
        impl Choice for $choice {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$value)),+];
        }

        impl Setting for $choice {
            const HINT: &'static str = $hint;

            fn parse(text: &str) -> Result<Self, Wrong> {
                choose(text, Self::HINT)
            }

            fn show(&self) -> String {
                name_of(*self)
            }
        }
    )*};
}
choices! {
    UnderscoreHeaders: "write \"drop\" or \"keep\"", "drop" = Drop, "keep" = Keep;
    Policy: "write \"bypass\", \"one-factor\", \"two-factor\" or \"deny\"",
        "bypass" = Bypass, "one-factor" = OneFactor, "two-factor" = TwoFactor, "deny" = Deny;
    EnrolmentMode: "write \"invite\" or \"first-sign-in\"",
        "invite" = Invite, "first-sign-in" = FirstSignIn;
    Algorithm: "write \"ES256\" or \"EdDSA\"", "ES256" = Es256, "EdDSA" = EdDsa;
    AccessLog: "write \"off\" or \"on\"", "off" = Off, "on" = On;
    LogFormat: "write \"text\" or \"json\"", "text" = Text, "json" = Json;
    LogLevel: "write \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        "error" = Error, "warn" = Warn, "info" = Info, "debug" = Debug, "trace" = Trace;
}

fn choose<T: Choice>(text: &str, hint: &str) -> Result<T, Wrong> {
    let found = T::NAMES.iter().find(|(name, _)| *name == text);
    let wrong = || Wrong::new(format!("{} is none of the choices", quoted(text)), hint);
    found.map(|(_, value)| *value).ok_or_else(wrong)
}

fn name_of<T: Choice>(value: T) -> String {
    let mut names = T::NAMES.iter();
    let found = names.find(|(_, known)| *known == value);
    found
        .map(|(name, _)| (*name).to_owned())
        .unwrap_or_default()
}

impl Setting for StorageUrl {
    const HINT: &'static str = "write \"sled:\"; the store lies below data_dir";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.split(':').next() {
            _ if text == "sled:" => Ok(Self::Sled),
            Some("postgres" | "postgresql" | "redis" | "rediss") => Err(Wrong::new(
                "this kind of store is not in this version",
                Self::HINT,
            )),
            // The text may hold a password, so it is not shown.
            Some(_) | None => Err(Wrong::new("it names no store", Self::HINT)),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Sled => "sled:".to_owned(),
        }
    }
}
