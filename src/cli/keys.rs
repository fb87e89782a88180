//! `vestibule key …`: what is asked for, and how keys are shown.

use crate::admin::view::KeyView;
use crate::admin::{Command, Timing};
use crate::cli::print;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Key {
    /// List the keys that sign identities: next, active, retired
    List,
    /// Publish the next key, and let it sign once every app can know it
    Rotate {
        /// Let it sign at once; apps that do not look for an unknown key refuse everybody for up to
        /// five minutes
        #[arg(long)]
        now: bool,
    },
    /// Destroy a key that somebody else may have; in place of the active one a fresh one signs at once
    Retire {
        /// Its name, as listed
        kid: String,
    },
}

pub(in crate::cli) fn command(key: &Key) -> Command {
    match key {
        Key::List => Command::KeyList {},
        Key::Rotate { now: false } => Command::KeyRotate {
            timing: Timing::InTime,
        },
        Key::Rotate { now: true } => Command::KeyRotate {
            timing: Timing::AtOnce,
        },
        Key::Retire { kid } => Command::KeyRetire { kid: kid.clone() },
    }
}

pub(in crate::cli) fn show(keys: &[KeyView], notice: Option<&str>) {
    let row = |key: &KeyView| {
        vec![
            key.kid.clone(),
            key.algorithm.clone(),
            key.state.clone(),
            key.created.clone(),
            key.since.clone(),
            key.until.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    print::table(
        &["KEY", "ALGORITHM", "STATE", "CREATED", "SINCE", "UNTIL"],
        &rows,
    );
    if let Some(notice) = notice {
        print::line(format!("\n{notice}"));
    }
}
