//! What a check found, in words that are safe to print whatever the target said.

use serde::Serialize;

/// More of what a target says is not shown.
const LONGEST: usize = 120;

/// How bad it is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli::doctor) enum Severity {
    /// As it should be.
    Ok,
    /// Nothing to look at here, so nothing was found out.
    Skip,
    /// Worth a change; nobody gets in by it, and people can sign in. Exit status 0.
    Warn,
    /// Nobody can sign in, or what is closed could not be told. Exit status 1.
    Broken,
    /// A stranger gets in, can read what is for others, or can deceive somebody. Exit status 1.
    Open,
}

impl Severity {
    /// The word in every output.
    pub(in crate::cli::doctor) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Broken => "broken",
            Self::Open => "open",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli::doctor) struct Finding {
    /// Its stable name.
    pub(in crate::cli::doctor) check: &'static str,
    /// How bad it is.
    pub(in crate::cli::doctor) result: Severity,
    /// What was found, in one sentence.
    pub(in crate::cli::doctor) found: String,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::doctor) change: Option<&'static str>,
}

impl Finding {
    /// As it should be.
    pub(in crate::cli::doctor) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, found, None)
    }

    /// Not looked at; `change` says how it can be.
    pub(in crate::cli::doctor) fn skip(
        check: &'static str,
        found: impl Into<String>,
        change: Option<&'static str>,
    ) -> Self {
        Self::new(check, Severity::Skip, found, change)
    }

    /// Worth a change.
    pub(in crate::cli::doctor) fn warn(
        check: &'static str,
        found: impl Into<String>,
        change: &'static str,
    ) -> Self {
        Self::new(check, Severity::Warn, found, Some(change))
    }

    /// Nobody can sign in, or nothing can be told.
    pub(in crate::cli::doctor) fn broken(
        check: &'static str,
        found: impl Into<String>,
        change: &'static str,
    ) -> Self {
        Self::new(check, Severity::Broken, found, Some(change))
    }

    /// Open to strangers.
    pub(in crate::cli::doctor) fn open(
        check: &'static str,
        found: impl Into<String>,
        change: &'static str,
    ) -> Self {
        Self::new(check, Severity::Open, found, Some(change))
    }

    fn new(
        check: &'static str,
        result: Severity,
        found: impl Into<String>,
        change: Option<&'static str>,
    ) -> Self {
        Self {
            check,
            result,
            found: found.into(),
            change,
        }
    }
}

/// The worst of several findings of one check, the first among equals.
pub(in crate::cli::doctor) fn worst(
    findings: impl IntoIterator<Item = Finding>,
) -> Option<Finding> {
    let worse = |worst: Finding, next: Finding| {
        if next.result > worst.result {
            next
        } else {
            worst
        }
    };
    findings.into_iter().reduce(worse)
}

/// What a stranger said, fit for a terminal: visible ASCII, and not too much of it.
pub(in crate::cli::doctor) fn shown(text: &str) -> String {
    let visible = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    let mut clean: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        clean.push_str("...");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_says_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\r\nb\u{202e}c"), "a?[2J??b?c");
        assert_eq!(shown(&"x".repeat(500)).len(), LONGEST + 3);
    }

    #[test]
    fn the_worst_finding_counts() {
        let all = [
            Finding::ok("a", "1"),
            Finding::open("a", "2", "x"),
            Finding::open("a", "3", "x"),
            Finding::broken("a", "4", "x"),
            Finding::warn("a", "5", "x"),
        ];
        assert_eq!(worst(all.clone()), Some(all[1].clone()));
        assert_eq!(worst(all[3..].to_vec()), Some(all[3].clone()));
        assert_eq!(worst([]), None);
    }
}
