//! `vestibule backup` and `vestibule restore`.

use crate::admin::Command;
use crate::admin::view::{self, UserView};
use crate::app;
use crate::authn::account::{Account, SinceBackup};
use crate::backups::restore::{BroughtBack, Wanted, restore as bring_back};
use crate::cli::admin::{execute, must_be_stopped, show_users, start_failure};
use crate::cli::{Common, Failure, load, print, runtime};
use crate::clock::SystemClock;
use crate::config::{Config, Overrides};
use crate::store::backup::file::Existing;
use crate::store::data_folder::Place;
use crate::store::restore::{OldStore, Restored};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    /// The new file; a running server writes it itself, as the user that it runs as
    file: PathBuf,
    /// Replace a backup that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Restore {
    /// A file that `vestibule backup` wrote
    file: PathBuf,
    /// Put the store that is there aside, into a folder of its own within data_dir
    #[arg(long)]
    force: bool,
    /// Keep backup codes: only if nobody has signed in with one since the backup
    #[arg(long)]
    keep_backup_codes: bool,
}

pub(in crate::cli) fn backup(asked: &Backup, common: &Common) -> Result<ExitCode, Failure> {
    // The server has a working folder of its own.
    let file = std::path::absolute(&asked.file).map_err(|error| {
        Failure::usage(format!("error: {error}\nhint: name the file of the backup"))
    })?;
    let Some(file) = file.to_str() else {
        let what = "error: the name of the file is not UTF-8\nhint: choose another name";
        return Err(Failure::usage(what));
    };
    let existing = if asked.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let file = file.to_owned();
    execute(Command::Backup { file, existing }, common)
}

pub(in crate::cli) fn restore(asked: &Restore, common: &Common) -> Result<ExitCode, Failure> {
    let config = load(common, Overrides::default())?.config;
    let wanted = Wanted {
        old: if asked.force {
            OldStore::PutAside
        } else {
            OldStore::Keep
        },
        codes: if asked.keep_backup_codes {
            SinceBackup::Unspent
        } else {
            SinceBackup::MayBeSpent
        },
    };
    let brought = runtime()?.block_on(carry_out(&asked.file, wanted, &config))?;
    let ceiling = app::ceiling(&config);
    let mut users: Vec<UserView> = brought
        .accounts
        .iter()
        .map(|account: &Account| view::user(account, ceiling))
        .collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    if common.json {
        print::json(&RestoredView::of(&brought, users));
    } else {
        show(&brought.restored, &users, wanted.codes);
    }
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(file: &Path, wanted: Wanted, config: &Config) -> Result<BroughtBack, Failure> {
    must_be_stopped(config).await?;
    let audit = app::audit(config, &(Arc::new(SystemClock) as _));
    let audit = audit.map_err(|error| start_failure(&error))?;
    let place = Place {
        folder: &config.data_dir,
        key_file: &config.storage.master_key_file,
    };
    bring_back(place, file, wanted, Arc::new(SystemClock), &audit)
        .await
        .map_err(|error| Failure::running(&error, error.hint()))
}

/// What was restored, as JSON.
#[derive(Serialize)]
struct RestoredView {
    made: String,
    store: String,
    rows: u64,
    replaced: Option<String>,
    /// The next start makes a new one.
    signing_keys_left_behind: usize,
    users: Vec<UserView>,
}

impl RestoredView {
    fn of(brought: &BroughtBack, users: Vec<UserView>) -> Self {
        let restored = &brought.restored;
        Self {
            made: restored.header.made.rfc3339(),
            store: restored.header.instance.to_string(),
            rows: restored.rows,
            replaced: restored.aside.as_ref().map(|old| old.display().to_string()),
            signing_keys_left_behind: brought.signing_keys_left_behind,
            users,
        }
    }
}

fn show(restored: &Restored, users: &[UserView], codes: SinceBackup) {
    let made = restored.header.made.rfc3339();
    print::line(format!("Restored the store as it was on {made}:\n"));
    show_users(users);
    if let Some(old) = &restored.aside {
        print::line(format!(
            "\nThe store that was there is in {}.",
            old.display()
        ));
    }
    print::line(format!(
        "\nCheck this list: whoever was removed or disabled after {made} is back, with the password of\n\
         then. Everybody is signed out, and invitation links of before do not work. A code of an\n\
         authenticator works again from the next one or two on. The next start makes a new signing key:\n\
         an app that does not look for unknown keys refuses for up to 5 minutes."
    ));
    print::line(match codes {
        SinceBackup::MayBeSpent => {
            "Backup codes do not work any more, as some may have been used since. Whoever has lost the\n\
             authenticator needs `vestibule user reset-2fa`."
        }
        SinceBackup::Unspent => "Backup codes work as they did then.",
    });
}
