//! Configuration text: whatever is wrong is said, with its place and what to do.

use std::path::Path;
use vestibule::config::{Config, Loaded, Origin, Overrides, Problem, Problems, Severity};

/// TOML, and behind a NUL lines of `NAME=VALUE` for the environment.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (toml, environment) = text.split_once('\0').unwrap_or((text, ""));
    let read = Config::from_toml(toml);
    judge(&read, toml);
    assert_eq!(read, Config::from_toml(toml), "the same text says the same");
    if !environment.is_empty() {
        judge(&from_environment(environment), "");
    }
}

fn from_environment(lines: &str) -> Result<Loaded, Problems> {
    let variables = lines.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::load(
        Some(Path::new("/dev/null")),
        variables,
        Overrides::default(),
    )
}

fn judge(read: &Result<Loaded, Problems>, text: &str) {
    let lines = text.split('\n').count();
    let problems = match read {
        Ok(loaded) => &loaded.warnings,
        Err(problems) => problems,
    };
    for problem in &problems.0 {
        said_well(problem, lines);
    }
    let errors = problems
        .0
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    assert_eq!(errors.count() == 0, read.is_ok());
    assert!(serde_json::to_string(problems).is_ok());
    if let Ok(loaded) = read {
        assert!(serde_json::to_string(&loaded.sources).is_ok());
    }
}

/// A person can find what is meant: a key or a line, and a hint.
fn said_well(problem: &Problem, lines: usize) {
    assert!(
        !problem.what.is_empty() && !problem.hint.is_empty(),
        "{problem:?}"
    );
    let line = match &problem.origin {
        Origin::File { line, .. } => *line,
        Origin::Default | Origin::Variable(_) | Origin::Flag(_) => None,
    };
    let is_placed =
        line.is_some() || !problem.key.is_empty() || matches!(problem.origin, Origin::Variable(_));
    assert!(is_placed, "{problem:?}");
    assert!(
        line.is_none_or(|line| (1..=lines).contains(&line)),
        "{problem:?}"
    );
    assert!(problem.to_string().contains("\nhint: "));
}
