//! `vestibule check`: what is wrong with the configuration, or what it comes to.

use crate::cli::{Common, Failure, note_no_file, print};
use crate::config::{Config, Loaded, Overrides, Problems, Sources, environment};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report<'a> {
    values: &'a Sources,
    warnings: &'a Problems,
    errors: &'a Problems,
}

/// Reads the configuration; binds nothing, opens nothing.
pub(in crate::cli) fn check(common: &Common) -> Result<ExitCode, Failure> {
    let read = Config::load(
        common.config.as_deref(),
        environment(),
        Overrides::default(),
    );
    if read.is_ok() {
        note_no_file(common);
    }
    if common.json {
        return Ok(json(read));
    }
    let loaded = read.map_err(Failure::usage)?;
    print::line(loaded.sources.to_string().trim_end());
    if !loaded.warnings.0.is_empty() {
        print::error(&loaded.warnings);
    }
    print::line("The configuration is good.");
    Ok(ExitCode::SUCCESS)
}

fn json(read: Result<Loaded, Problems>) -> ExitCode {
    let none = Problems::default();
    match read {
        Ok(loaded) => {
            print::json(&Report {
                values: &loaded.sources,
                warnings: &loaded.warnings,
                errors: &none,
            });
            ExitCode::SUCCESS
        }
        Err(errors) => {
            print::json(&Report {
                values: &Sources::default(),
                warnings: &none,
                errors: &errors,
            });
            ExitCode::from(2)
        }
    }
}
