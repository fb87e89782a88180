//! Paths of URLs, in the one form in which they are compared.

use crate::authz::target::Target;
use crate::config::PathPattern;
use crate::config::problem::{Wrong, quoted};
use crate::config::setting::Setting;

/// A path in the one form in which it is compared: RFC 3986 `pchar` without `;`, no dot
/// segments, no empty segments, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainPath(pub(crate) String);

impl Setting for PlainPath {
    const HINT: &'static str = "write a path such as \"/\" or \"/reports\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains('*') {
            return Err(Wrong::new(
                format!("{} contains \"*\"", quoted(text)),
                Self::HINT,
            ));
        }
        let path = match text.strip_suffix('/') {
            Some(shorter) if !shorter.is_empty() => shorter,
            Some(_) | None => text,
        };
        plain(path)?;
        Ok(Self(path.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Refuses what browsers, apps and we could read differently.
fn plain(path: &str) -> Result<(), Wrong> {
    let hint = "write the path as the browser sends it: \"/reports/2024\"";
    let wrong = |what: &str| Err(Wrong::new(format!("{} {what}", quoted(path)), hint));
    if !path.starts_with('/') {
        return wrong("does not start with \"/\"");
    }
    if path.contains(['?', '#']) {
        return wrong("contains a query or fragment; rules see the path alone");
    }
    if path.contains("//") || path.contains('\\') {
        return wrong("contains an empty segment or a backslash");
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return wrong("contains a dot segment");
    }
    let pchar = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@%".contains(&b);
    if !path.bytes().all(pchar) {
        return wrong("contains a character that paths carry percent-encoded");
    }
    if !path.split('%').skip(1).all(is_needed_escape) {
        return wrong(
            "contains a percent-encoding that is broken or means \"/\", \"\\\", \".\", \"%\" or a plain character",
        );
    }
    Ok(())
}

/// Whether what follows a `%` starts with two upper-case hex digits of a byte that cannot stand
/// for itself and does not split paths.
fn is_needed_escape(rest: &str) -> bool {
    let digits = rest
        .get(..2)
        .filter(|hex| !hex.bytes().any(|b| b.is_ascii_lowercase()));
    let byte = digits.and_then(|hex| data_encoding::HEXUPPER.decode(hex.as_bytes()).ok());
    byte.is_some_and(|byte| {
        byte.iter().all(|b| {
            let unreserved = b.is_ascii_alphanumeric() || b"-._~".contains(b);
            !unreserved && !b.is_ascii_control() && !b"/\\%".contains(b)
        })
    })
}

impl Setting for PathPattern {
    const HINT: &'static str = "write a path: \"/healthz\", \"/users/*/photo\", \"/assets/**\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        plain(text)?;
        let body = text.strip_suffix("/**").unwrap_or(text);
        if body.contains("**") {
            let what = format!(
                "{} has \"**\" elsewhere than as its last segment",
                quoted(text)
            );
            return Err(Wrong::new(what, Self::HINT));
        }
        if !can_match(text) {
            let what = format!(
                "{} matches nothing: servers read such a path differently, so it has to meet every rule of its host",
                quoted(text)
            );
            let hint = "write no encoded \";\", \"?\" or \"#\", no segment of dots and blanks alone, no bytes that are not UTF-8, and no look-alikes of ASCII characters";
            return Err(Wrong::new(what, hint));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Whether a request can have a path like this that rules are compared with to the letter.
fn can_match(pattern: &str) -> bool {
    let target = Target::parse("https", "localhost", pattern);
    target.is_ok_and(|target| !target.is_ambiguous())
}

/// The path of our own pages: `/` and names of letters, digits, `.`, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortalPath(pub(crate) String);

impl Setting for PortalPath {
    const HINT: &'static str = "write a short path without a slash at its end: \"/_vestibule\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let name = |segment: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !segment.trim_matches('.').is_empty() && segment.bytes().all(plain)
        };
        let names = text.strip_prefix('/');
        if text.len() > 64 || !names.is_some_and(|names| names.split('/').all(name)) {
            let what = format!(
                "{} is not a path of letters, digits, \".\", \"_\" and \"-\"",
                quoted(text)
            );
            return Err(Wrong::new(what, Self::HINT));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
