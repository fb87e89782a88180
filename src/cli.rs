//! The command line: what was asked for, and how it ended.
//!
//! Exit status 0: done; 1: failed while running; 2: wrong usage or configuration.

mod serve;
mod backup;
mod store;
mod rekey;
mod admin;
mod keys;
mod access;
mod integrate;
mod check;
mod healthcheck;
mod doctor;
mod harden;
mod print;

use crate::config::Overrides;
use crate::timekeeping::Trust;
use clap::{Args, Parser, Subcommand};
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

/// A login in front of any web app: password, one-time code, signed identity.
#[derive(Debug, Parser)]
#[command(name = "vestibule", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Asked,
}

#[derive(Debug, Args)]
struct Common {
    /// The configuration file; else vestibule.toml here, else /etc/vestibule/vestibule.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// Start a sample app with the gate in front of it, and print a first invitation link
    Demo {
        /// Where to listen
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
    },
    /// Run the gate
    Serve {
        /// Where to listen, in place of `listen` in the configuration
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
        /// The app behind, in place of all `[[upstream]]` in the configuration
        #[arg(long, value_name = "URL")]
        upstream: Option<String>,
        /// Start although the clock is far behind what it showed before: it was wrong then and is
        /// right now
        #[arg(long)]
        trust_clock: bool,
    },
    /// Read the whole configuration and say what is wrong with it
    Check,
    /// Ask the local server whether it is ready
    Healthcheck,
    /// Users
    #[command(subcommand)]
    User(admin::User),
    /// Sessions
    #[command(subcommand)]
    Session(admin::Session),
    /// Write all accounts and keys to a file, sealed, while the server runs or not
    Backup(backup::Backup),
    /// Bring a backup back; the server has to be stopped
    Restore(backup::Restore),
    /// The store as a whole
    #[command(subcommand)]
    Store(store::Store),
    /// The keys that sign identities
    #[command(subcommand)]
    Key(keys::Key),
    /// The access rules
    #[command(subcommand)]
    Access(access::Access),
    /// Play a stranger against a live deployment and say what is open; exit 1 when something is
    Doctor(doctor::Doctor),
    /// Print the configuration of a proxy that asks before it lets anybody to an app
    ///
    /// With session.cookie_domain the pages are on the host of public_url and the app is on another host of that
    /// domain; without it both are on the host of public_url, the pages below portal.path.
    Integrate {
        /// The proxy
        #[arg(value_name = "PROXY")]
        proxy: integrate::Proxy,
    },
}

/// Why a command failed; printed as `error:` and `hint:` lines.
#[derive(Debug)]
struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// Failed while running.
    fn running(what: impl fmt::Display, hint: &str) -> Self {
        Self {
            code: 1,
            text: format!("error: {what}\nhint: {hint}"),
        }
    }

    /// Wrong usage or configuration; `text` has its own `error:` and `hint:` lines.
    fn usage(text: impl fmt::Display) -> Self {
        Self {
            code: 2,
            text: text.to_string(),
        }
    }

    /// Something else to do; `more` goes on where the hint ends.
    fn or(mut self, more: &str) -> Self {
        self.text.push_str(more);
        self
    }
}

/// Runs what the arguments of the process ask for.
#[must_use]
pub fn run() -> ExitCode {
    harden::harden();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return print::usage(&error),
    };
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            print::error(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let common = &arguments.common;
    match &arguments.command {
        Asked::Demo { listen } => serve::demo(*listen),
        Asked::Serve {
            listen,
            upstream,
            trust_clock,
        } => {
            let overrides = Overrides {
                listen: listen.clone(),
                upstream: upstream.clone(),
                ..Overrides::default()
            };
            let trust = if *trust_clock {
                Trust::Clock
            } else {
                Trust::Mark
            };
            serve::serve(load(common, overrides)?, trust)
        }
        Asked::Check => check::check(common),
        Asked::Healthcheck => healthcheck::ask(&load(common, Overrides::default())?.config),
        Asked::User(user) => admin::user(user, common),
        Asked::Session(session) => admin::session(session, common),
        Asked::Backup(backup) => backup::backup(backup, common),
        Asked::Restore(restore) => backup::restore(restore, common),
        Asked::Store(store) => store::store(store, common),
        Asked::Key(key) => admin::key(key, common),
        Asked::Access(access) => access::access(access, common),
        Asked::Doctor(doctor) => doctor::doctor(doctor, common),
        Asked::Integrate { proxy } => integrate::integrate(*proxy, common),
    }
}

fn load(common: &Common, overrides: Overrides) -> Result<crate::config::Loaded, Failure> {
    let environment = crate::config::environment();
    crate::config::Config::load(common.config.as_deref(), environment, overrides)
        .map_err(Failure::usage)
}

/// Says where an answer comes from that no file has a part in: in another folder than the server's it is about another
/// configuration.
fn note_no_file(common: &Common) {
    if common.config.is_none() && !crate::config::has_file() {
        let places = crate::config::PLACES.join(" nor ");
        print::error(format!(
            "note: no configuration file was found, neither {places}: only defaults and the environment count\n\
             hint: run this in the server's working folder, or name the file with --config"
        ));
    }
}

fn runtime() -> Result<Runtime, Failure> {
    build(&mut Builder::new_multi_thread())
}

/// A runtime for what must not be held up by anything else, on the thread that waits for it.
fn watch() -> Result<Runtime, Failure> {
    build(&mut Builder::new_current_thread())
}

fn build(builder: &mut Builder) -> Result<Runtime, Failure> {
    builder.enable_all().build().map_err(|error| {
        Failure::running(error, "the system is short of threads or file descriptors")
    })
}
