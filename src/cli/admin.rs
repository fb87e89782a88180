//! `vestibule user …`, `session …` and `key …`: sent to the running server, or done here.

use crate::admin::profile::ProfileChange;
use crate::admin::socket::{CallError, call};
use crate::admin::view::{BackupView, SessionView, UserView};
use crate::admin::{Admin, Answer, Command};
use crate::app::{App, StartError};
use crate::cli::keys::{self, Key};
use crate::cli::{Common, Failure, load, print, runtime};
use crate::config::{Config, Overrides};
use crate::store::data_folder::DataFolder;
use crate::timekeeping::Trust;
use clap::{Args, Subcommand};
use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use zeroize::Zeroizing;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum User {
    /// Add a user and print an invitation link
    Add {
        /// The user name
        name: String,
        #[command(flatten)]
        profile: Profile,
        /// Read a password from standard input; no invitation is made then
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all users
    List,
    /// Show one user
    Show {
        /// The user name
        name: String,
    },
    /// Change a user's e-mail address, display name or groups; an empty value removes it
    Set {
        /// The user name
        name: String,
        #[command(flatten)]
        profile: Profile,
    },
    /// Set a password, asked for or read from standard input; ends all sessions
    Passwd {
        /// The user name
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make a new invitation link; older ones stop working
    Invite {
        /// The user name
        name: String,
    },
    /// Turn a user off; ends all sessions
    Disable {
        /// The user name
        name: String,
    },
    /// Turn a user on again
    Enable {
        /// The user name
        name: String,
    },
    /// Forget wrong passwords and codes
    Unlock {
        /// The user name
        name: String,
    },
    /// Forget authenticator and backup codes, end all sessions, print a new invitation link
    #[command(name = "reset-2fa")]
    Reset2fa {
        /// The user name
        name: String,
    },
    /// End all sessions of a user
    SignOut {
        /// The user name
        name: String,
    },
    /// Remove a user
    Remove {
        /// The user name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Profile {
    /// The e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The name to show
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// A group; give it several times for several
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

impl Profile {
    fn is_empty(&self) -> bool {
        self.email.is_none() && self.display_name.is_none() && self.groups.is_empty()
    }

    fn change(&self) -> ProfileChange {
        // `--group ''` removes all groups.
        let groups = self.groups.iter().filter(|group| !group.is_empty());
        ProfileChange {
            email: self.email.clone(),
            display_name: self.display_name.clone(),
            groups: (!self.groups.is_empty()).then(|| groups.cloned().collect()),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Session {
    /// List live sessions
    List {
        /// Of this user alone
        name: Option<String>,
    },
    /// End one session
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

pub(in crate::cli) fn user(user: &User, common: &Common) -> Result<ExitCode, Failure> {
    execute(command(user)?, common)
}

pub(in crate::cli) fn session(session: &Session, common: &Common) -> Result<ExitCode, Failure> {
    let command = match session {
        Session::List { name } => Command::SessionList { name: name.clone() },
        Session::Revoke { id } => Command::SessionRevoke { id: id.clone() },
    };
    execute(command, common)
}

pub(in crate::cli) fn key(key: &Key, common: &Common) -> Result<ExitCode, Failure> {
    execute(keys::command(key), common)
}

fn command(user: &User) -> Result<Command, Failure> {
    Ok(match user {
        User::Add {
            name,
            profile,
            password_stdin,
        } => Command::UserAdd {
            name: name.clone(),
            profile: profile.change(),
            password: password_stdin.then(read_password).transpose()?,
        },
        User::List => Command::UserList {},
        User::Show { name } => Command::UserShow { name: name.clone() },
        User::Set { profile, .. } if profile.is_empty() => {
            return Err(Failure::usage(
                "error: nothing to change was given\nhint: pass --email, --display-name or --group; an empty value removes it",
            ));
        }
        User::Set { name, profile } => Command::UserSet {
            name: name.clone(),
            profile: profile.change(),
        },
        User::Passwd {
            name,
            password_stdin,
        } => Command::UserPasswd {
            name: name.clone(),
            password: if *password_stdin {
                read_password()?
            } else {
                ask_password()?
            },
        },
        User::Invite { name } => Command::UserInvite { name: name.clone() },
        User::Disable { name } => Command::UserDisable { name: name.clone() },
        User::Enable { name } => Command::UserEnable { name: name.clone() },
        User::Unlock { name } => Command::UserUnlock { name: name.clone() },
        User::Reset2fa { name } => Command::UserReset2fa { name: name.clone() },
        User::SignOut { name } => Command::UserSignOut { name: name.clone() },
        User::Remove { name } => Command::UserRemove { name: name.clone() },
    })
}

/// More than any password may have; the rest of an endless input is not read.
const LONGEST_INPUT: u64 = 4_096;

/// One line; the line break that `echo` adds is not part of the password.
fn read_password() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_INPUT)
        .read_to_string(&mut text);
    read.map_err(|error| {
        Failure::running(error, "give the password as UTF-8 text on standard input")
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if line.contains('\n') {
        return Err(Failure::usage(
            "error: standard input has more than one line\nhint: give the password as one line",
        ));
    }
    Ok(Zeroizing::new(
        line.strip_suffix('\r').unwrap_or(line).to_owned(),
    ))
}

fn ask_password() -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "error: there is no terminal to ask for the password\nhint: pass --password-stdin and give it on standard input",
        ));
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let cannot =
        |error| Failure::running(error, "pass --password-stdin and give it on standard input");
    let first = ask("New password: ").map_err(cannot)?;
    if first != ask("The same again: ").map_err(cannot)? {
        return Err(Failure::running("the two passwords differ", "try again"));
    }
    Ok(first)
}

pub(in crate::cli) fn execute(command: Command, common: &Common) -> Result<ExitCode, Failure> {
    let config = load(common, Overrides::default())?.config;
    let answer = runtime()?.block_on(carry_out(command, config))?;
    if common.json {
        print::json(&answer);
    } else {
        show(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

/// The groups of a user, as the store knows them.
pub(in crate::cli) fn groups_of(name: &str, config: &Config) -> Result<Vec<String>, Failure> {
    let command = Command::UserShow {
        name: name.to_owned(),
    };
    match runtime()?.block_on(carry_out(command, config.clone()))? {
        Answer::User { user, .. } => Ok(user.groups),
        _ => Err(Failure::running(
            "the server answered something else",
            "it may be of another version: restart it",
        )),
    }
}

/// The running server owns the store; without one the store is opened here.
async fn carry_out(command: Command, config: Config) -> Result<Answer, Failure> {
    match call(&config.data_dir, &command).await {
        Ok(answer) => return Ok(answer),
        Err(CallError::NoServer) => {}
        Err(CallError::Refused { error, hint }) => return Err(Failure::running(error, &hint)),
        Err(error @ CallError::Forbidden) => {
            return Err(Failure::running(
                error,
                "run this as root, or as the user that runs the server",
            ));
        }
        Err(error @ CallError::Broken(_)) => {
            let hint = "see the server's log; what was asked may have been done";
            return Err(Failure::running(error, hint));
        }
    }
    if !Admin::begins_a_store(&command) && !DataFolder::exists(&config.data_dir) {
        let missing = format!("there is no store in {}", config.data_dir.display());
        return Err(Failure::running(
            missing,
            "check data_dir, and run this in the server's working folder",
        ));
    }
    let app = App::open(config, Trust::Mark)
        .await
        .map_err(|error| start_failure(&error))?;
    let executed = app.admin().execute(command).await;
    executed.map_err(|error| Failure::running(&error, error.hint()))
}

/// Asked first, because the answer is clearer than that of the lock.
pub(in crate::cli) async fn must_be_stopped(config: &Config) -> Result<(), Failure> {
    match call(&config.data_dir, &Command::Ping {}).await {
        Err(CallError::NoServer) => Ok(()),
        Ok(_) | Err(CallError::Forbidden | CallError::Refused { .. } | CallError::Broken(_)) => {
            Err(Failure::running(
                format!("a server runs on {}", config.data_dir.display()),
                "stop it first; nothing was changed",
            ))
        }
    }
}

pub(in crate::cli) fn start_failure(error: &StartError) -> Failure {
    Failure::running(error, error.hint())
}

fn show(answer: &Answer) {
    match answer {
        Answer::Done {} => print::line("Done."),
        Answer::User { user, invitation } => {
            show_user(user);
            if let Some(invitation) = invitation {
                print::line(format!(
                    "\nInvitation, works once, until {}:",
                    invitation.expires
                ));
                print::line(&invitation.link);
            } else if user.status == "incomplete" {
                print::line(
                    "\nNo authenticator is bound yet: `vestibule user invite` makes a link that binds one.",
                );
            }
        }
        // `vestibule store verify` asks for this, and shows it itself.
        Answer::Store { .. } => print::line("Done."),
        Answer::Users { users } => show_users(users),
        Answer::Backup { backup } => show_backup(backup),
        Answer::Keys { keys, notice } => keys::show(keys, notice.as_deref()),
        Answer::Sessions { sessions } => {
            let row = |s: &SessionView| {
                vec![
                    s.id.clone(),
                    s.name.clone(),
                    s.since.clone(),
                    s.last_seen.clone(),
                    s.address.clone(),
                    s.agent.clone(),
                ]
            };
            let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
            print::table(
                &["ID", "USER", "SINCE", "LAST SEEN", "ADDRESS", "BROWSER"],
                &rows,
            );
        }
    }
}

fn show_backup(backup: &BackupView) {
    let BackupView {
        file,
        accounts,
        rows,
        bytes,
        master_key,
        ..
    } = backup;
    print::line(format!(
        "{file}: {accounts} users, {rows} rows, {bytes} bytes; written and read again."
    ));
    print::line(format!(
        "It opens under the master key with id {master_key} alone, which is not in it: keep that key elsewhere."
    ));
}

pub(in crate::cli) fn show_users(users: &[UserView]) {
    let row = |user: &UserView| {
        let factor = if user.second_factor { "yes" } else { "no" };
        let name = user.display_name.clone().unwrap_or_default();
        vec![
            user.name.clone(),
            user.status.clone(),
            factor.to_owned(),
            user.backup_codes.to_string(),
            name,
            user.groups.join(","),
        ]
    };
    let rows: Vec<Vec<String>> = users.iter().map(row).collect();
    print::table(&["USER", "STATUS", "2FA", "CODES", "NAME", "GROUPS"], &rows);
}

fn show_user(user: &UserView) {
    let unset = || "-".to_owned();
    let factor = if user.second_factor {
        "enrolled"
    } else {
        "none"
    };
    for (label, value) in [
        ("user", user.name.clone()),
        ("id", user.id.clone()),
        ("status", user.status.clone()),
        ("name", user.display_name.clone().unwrap_or_else(unset)),
        ("e-mail", user.email.clone().unwrap_or_else(unset)),
        (
            "groups",
            if user.groups.is_empty() {
                unset()
            } else {
                user.groups.join(", ")
            },
        ),
        ("second factor", factor.to_owned()),
        ("backup codes", user.backup_codes.to_string()),
        ("created", user.created.clone()),
    ] {
        print::line(format!("{label:<14} {value}"));
    }
}
