//! `vestibule store …`: the store as a whole, in the running server or on disk.

use crate::admin::socket::{CallError, call};
use crate::admin::{Answer, Command};
use crate::cli::rekey::rekey;
use crate::cli::{Common, Failure, load, print, runtime};
use crate::config::{Config, Overrides};
use crate::store::data_folder::{Loss, verify};
use crate::store::verify::Report;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Store {
    /// Read every row, compare with what was written, and say what is missing
    Verify {
        /// Take what is left for the whole store from now on; only while no server runs
        #[arg(long)]
        accept_loss: bool,
    },
    /// Change the master key: seal everything anew; the server has to be stopped
    Rekey {
        /// Where the new key is, or will be: for a key that cannot be replaced in its place
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
}

pub(in crate::cli) fn store(store: &Store, common: &Common) -> Result<ExitCode, Failure> {
    let config = load(common, Overrides::default())?.config;
    match store {
        Store::Verify { accept_loss } => {
            let loss = if *accept_loss {
                Loss::Accepted
            } else {
                Loss::Told
            };
            let report = runtime()?.block_on(examine(&config, loss))?;
            Ok(show(&report, loss, common))
        }
        Store::Rekey { new_key_file } => rekey(new_key_file.as_deref(), &config, common),
    }
}

async fn examine(config: &Config, loss: Loss) -> Result<Report, Failure> {
    let asked = match loss {
        Loss::Told => Command::StoreVerify {},
        Loss::Accepted => Command::Ping {},
    };
    match (call(&config.data_dir, &asked).await, loss) {
        (Err(CallError::NoServer), _) => {
            verify(&config.data_dir, &config.storage.master_key_file, loss)
                .map_err(|error| Failure::running(&error, error.hint()))
        }
        (Err(error), _) => Err(refused(error)),
        (Ok(Answer::Store { report }), Loss::Told) => Ok(report),
        (Ok(_), Loss::Told) => Err(Failure::running(
            "the server answered something else",
            "use the `vestibule` of the running server",
        )),
        (Ok(_), Loss::Accepted) => Err(Failure::running(
            "a server has the store open",
            "stop it first; nothing was changed",
        )),
    }
}

fn refused(error: CallError) -> Failure {
    match error {
        CallError::Refused { error, hint } => Failure::running(error, &hint),
        CallError::Forbidden => Failure::running(
            CallError::Forbidden,
            "run this as root, or as the user that runs the server",
        ),
        error @ (CallError::NoServer | CallError::Broken(_)) => {
            Failure::running(error, "see the server's log")
        }
    }
}

fn show(report: &Report, loss: Loss, common: &Common) -> ExitCode {
    if common.json {
        print::json(report);
    } else {
        table(report);
    }
    match (report.is_whole(), loss) {
        (true, Loss::Told | Loss::Accepted) => ExitCode::SUCCESS,
        (false, Loss::Accepted) => {
            print::error("What is left is the store from now on. What was lost stays lost.");
            ExitCode::SUCCESS
        }
        (false, Loss::Told) => {
            print::error(
                "error: the store is damaged\nhint: `vestibule restore FILE` brings back a backup; \
                 without one, `vestibule store verify --accept-loss` takes what is left",
            );
            ExitCode::FAILURE
        }
    }
}

fn table(report: &Report) {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let rows: Vec<Vec<String>> = report
        .trees
        .iter()
        .map(|tree| {
            vec![
                tree.tree.clone(),
                tree.rows.to_string(),
                number(tree.expected),
            ]
        })
        .collect();
    print::table(&["TREE", "ROWS", "EXPECTED"], &rows);
    print::line(format!("\nTransactions: {}", number(report.sequence)));
    for problem in &report.problems {
        print::line(format!("Wrong: {problem}"));
    }
    if report.is_whole() {
        print::line("Every row is there, as it was written.");
    }
}
