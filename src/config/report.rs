//! What was read, from where, and what is wrong with it.
//!
//! A key that could not be read is *broken*; later checks that involve it stay silent, so that
//! one mistake is reported once.

use crate::config::problem::{Origin, Problem, Problems, Severity, Wrong};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// One resolved value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The key, such as `session.idle` or `upstream[0].url`.
    pub key: String,
    /// The value in the form in which it could be written.
    pub value: String,
    /// Where it was said.
    pub origin: Origin,
}

/// Every value in effect and where it was said; `vestibule check` prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Sources(pub Vec<Source>);

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|s| s.key.chars().count()).max();
        let keys = keys.unwrap_or_default();
        let values = self.0.iter().map(|s| s.value.chars().count());
        // One long value shall not push all others to the right.
        let values = values.filter(|width| *width <= 40).max().unwrap_or(0);
        for source in &self.0 {
            let line = format!("{:keys$}  {:values$}", source.key, source.value);
            if source.origin == Origin::Default {
                writeln!(f, "{}", line.trim_end())?;
            } else {
                writeln!(f, "{line}  {}", source.origin)?;
            }
        }
        Ok(())
    }
}

/// Collects while the configuration is read and checked.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
    sources: Vec<Source>,
    broken: BTreeSet<String>,
}

impl Report {
    /// Notes the value in effect for `key`.
    pub(crate) fn resolved(&mut self, key: String, value: String, origin: Origin) {
        self.sources.push(Source { key, value, origin });
    }

    /// Notes that `key` could not be read.
    pub(crate) fn broken(&mut self, key: &str, origin: Origin, wrong: Wrong) {
        self.broken.insert(key.to_owned());
        self.add(Severity::Error, origin, key, wrong);
    }

    /// Notes that the values of `keys` cannot be used together; the first is to blame.
    pub(crate) fn refuse(&mut self, keys: &[&str], wrong: Wrong) {
        self.judge(Severity::Error, keys, wrong);
    }

    /// Notes that the values of `keys` are probably not meant so; the first is to blame.
    pub(crate) fn warn(&mut self, keys: &[&str], wrong: Wrong) {
        self.judge(Severity::Warning, keys, wrong);
    }

    /// Whether somebody gave `key` a value.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.origin(key) != Origin::Default
    }

    /// Ends with the sources and warnings, or with every error.
    pub(crate) fn close(self) -> Result<(Sources, Problems), Problems> {
        let failed = |problem: &Problem| problem.severity == Severity::Error;
        let (errors, warnings): (Vec<_>, Vec<_>) = self.problems.into_iter().partition(failed);
        if errors.is_empty() {
            return Ok((Sources(self.sources), Problems(warnings)));
        }
        // Warnings wait: a default that stands in for a mistake may be what they are about.
        Err(Problems(errors))
    }

    fn judge(&mut self, severity: Severity, keys: &[&str], wrong: Wrong) {
        if keys.iter().any(|key| self.broken.contains(*key)) {
            return;
        }
        let blamed = keys.first().copied().unwrap_or_default();
        // A default is not where a person looks: point at the first key that was set.
        let mut origins = keys.iter().map(|key| self.origin(key));
        let origin = origins.find(|origin| *origin != Origin::Default);
        self.add(severity, origin.unwrap_or(Origin::Default), blamed, wrong);
    }

    fn origin(&self, key: &str) -> Origin {
        let source = self.sources.iter().find(|source| source.key == key);
        source.map_or(Origin::Default, |source| source.origin.clone())
    }

    fn add(&mut self, severity: Severity, origin: Origin, key: &str, wrong: Wrong) {
        self.problems.push(Problem {
            severity,
            origin,
            key: key.to_owned(),
            what: wrong.what,
            hint: wrong.hint,
        });
    }
}
