//! `vestibule store rekey`: another master key, without a server.

use crate::app;
use crate::audit::{Details, Event, Source};
use crate::cli::admin::{must_be_stopped, start_failure};
use crate::cli::{Common, Failure, print, runtime};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::store::data_folder::Place;
use crate::store::rekey::{NewKey, Rekeyed, rekey as change_key};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes the master key; `new_key_file` says where the new one is when not in its place.
pub(in crate::cli) fn rekey(
    new_key_file: Option<&Path>,
    config: &Config,
    common: &Common,
) -> Result<ExitCode, Failure> {
    let new_key = new_key_file.map_or(NewKey::InPlace, NewKey::In);
    let rekeyed = runtime()?.block_on(carry_out(new_key, config))?;
    if common.json {
        print::json(&RekeyedView::of(&rekeyed));
    } else {
        show(&rekeyed);
    }
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(new_key: NewKey<'_>, config: &Config) -> Result<Rekeyed, Failure> {
    must_be_stopped(config).await?;
    let audit = app::audit(config, &(Arc::new(SystemClock) as _));
    let audit = audit.map_err(|error| start_failure(&error))?;
    let place = Place {
        folder: &config.data_dir,
        key_file: &config.storage.master_key_file,
    };
    let rekeyed = change_key(place, new_key, Arc::new(SystemClock), progress()).await;
    let rekeyed = rekeyed.map_err(|error| Failure::running(&error, error.hint()))?;
    let source = Source::command_line();
    audit.record(Event::SysRekey, &source, &Details::none());
    Ok(rekeyed)
}

/// Says how far it is, now and then, and at the end.
fn progress() -> impl FnMut(u64, u64) {
    let mut said = Instant::now();
    move |done, total| {
        if done == total || said.elapsed() >= Duration::from_secs(1) {
            print::error(format!("{done} of {total} rows"));
            said = Instant::now();
        }
    }
}

/// How it ended, as JSON.
#[derive(Serialize)]
struct RekeyedView {
    master_key: String,
    file: Option<String>,
    old_master_key: Option<String>,
    old_file: Option<String>,
    rows: Option<u64>,
}

impl RekeyedView {
    fn of(rekeyed: &Rekeyed) -> Self {
        match rekeyed {
            Rekeyed::Completed { new } => Self {
                master_key: new.to_string(),
                file: None,
                old_master_key: None,
                old_file: None,
                rows: None,
            },
            Rekeyed::Changed {
                old,
                new,
                file,
                kept,
                rows,
            } => Self {
                master_key: new.to_string(),
                file: Some(file.display().to_string()),
                old_master_key: Some(old.to_string()),
                old_file: Some(kept.display().to_string()),
                rows: Some(*rows),
            },
        }
    }
}

fn show(rekeyed: &Rekeyed) {
    match rekeyed {
        Rekeyed::Completed { new } => print::line(format!(
            "An earlier change of the key had been interrupted; it is complete now. The master key has id {new}."
        )),
        Rekeyed::Changed {
            old,
            new,
            file,
            kept,
            rows,
        } => {
            let (file, kept) = (file.display(), kept.display());
            print::line(format!(
                "{rows} rows are sealed under the new master key, id {new}, in {file}: back it up, and name it in\n\
                 storage.master_key_file if it is not there already.\n\
                 The old key, id {old}, is in {kept}. Backups made until now open under it alone: move it to where\n\
                 they are, or remove it together with them.\n\
                 Everybody stays signed in; forms that are open now have to be loaded again, and browsers count as\n\
                 unknown until their next sign-in."
            ));
        }
    }
}
