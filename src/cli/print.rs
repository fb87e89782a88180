//! The only place that writes to standard output and standard error.

use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Writes a line to standard output; a reader that went away is no error of ours.
pub(in crate::cli) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Writes a line to standard error.
pub(in crate::cli) fn error(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Writes a value as JSON.
pub(in crate::cli) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value);
    line(text.expect("what we print has string keys"));
}

/// Help and version go to standard output, everything else is wrong usage.
pub(in crate::cli) fn usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if error.use_stderr() {
        self::error("hint: `vestibule help` lists all commands");
    }
    if error.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// Writes rows with aligned columns; every cell on one line, whatever it holds.
pub(in crate::cli) fn table(header: &[&str], rows: &[Vec<String>]) {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let clean = |cell: &String| cell.replace(char::is_control, " ");
    let all: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.iter().map(clean).collect())
        .collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in &all {
        let cells = row.iter().enumerate();
        let padded: Vec<String> = cells
            .map(|(at, cell)| format!("{cell:<0$}", width(at)))
            .collect();
        line(padded.join("  ").trim_end());
    }
}
