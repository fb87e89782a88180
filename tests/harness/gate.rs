//! The real binary as a process with a data folder of its own; killed when dropped.

use std::ffi::OsStr;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::HOST;
use super::browser::{Browser, Reply, exchange};
use super::program::Program;

/// A running gate.
#[derive(Debug)]
pub(crate) struct Gate {
    process: Option<Program>,
    config: PathBuf,
    folder: TempDir,
}

impl Gate {
    /// Writes `config` into a new folder and starts a gate with it, on ports that the system
    /// chooses. Unless `config` says otherwise, the public host is [`HOST`] and the data lie
    /// in the folder.
    pub(crate) fn start(config: &str) -> Self {
        let mut gate = Self::prepared(config);
        gate.spawn();
        gate
    }

    /// The folder and the configuration of a gate, not started.
    pub(crate) fn prepared(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("vestibule.toml");
        let defaults = [
            ("public_url", format!("http://{HOST}")),
            ("data_dir", folder.path().join("data").display().to_string()),
        ];
        let mut text = String::new();
        for (key, value) in defaults {
            if !config.lines().any(|line| line.trim().starts_with(key)) {
                text.push_str(&format!("{key} = \"{value}\"\n"));
            }
        }
        std::fs::write(&path, text + config).expect("the folder is writable");
        Self {
            process: None,
            config: path,
            folder,
        }
    }

    /// Starts the process, and returns once it listens.
    pub(crate) fn spawn(&mut self) {
        self.spawn_with(&[]);
    }

    /// The same with more in its environment.
    pub(crate) fn spawn_with(&mut self, environment: &[(&str, &str)]) {
        self.spawn_as(&["serve"], environment);
    }

    /// Starts the process so, with more in its environment, and returns once it listens.
    pub(crate) fn spawn_as(
        &mut self,
        arguments: &[&str],
        environment: &[(&str, impl AsRef<OsStr>)],
    ) {
        assert!(self.process.is_none(), "the gate runs already");
        let mut command = self.commands().command(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(Program::start(&mut command));
        self.address();
    }

    /// Starts the process on a socket file.
    pub(crate) fn spawn_on_socket(&mut self, path: &Path) {
        let mut command = self.commands().command(&["serve"]);
        let listen = format!("unix:{}", path.display());
        self.process = Some(Program::start(command.env("VESTIBULE_LISTEN", listen)));
        self.wait_for("listening on unix:");
    }

    /// Starts the process with a hard limit of open files.
    pub(crate) fn spawn_with_files(&mut self, files: u32) {
        let command = self.commands().command(&["serve"]);
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -n \"$0\" && exec \"$@\""])
            .arg(files.to_string())
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        self.process = Some(Program::start(&mut limited));
        self.address();
    }

    /// Where the gate listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.announced("listening on http://")
    }

    /// Where its probes are answered.
    pub(crate) fn ops_address(&self) -> SocketAddr {
        self.announced("ops on http://")
    }

    fn announced(&self, prefix: &str) -> SocketAddr {
        let rest = self.running().wait_for(prefix);
        let end = rest.find(|c: char| c.is_whitespace() || c == '/');
        let address = &rest[..end.unwrap_or(rest.len())];
        address.parse().expect("the gate prints a socket address")
    }

    fn running(&self) -> &Program {
        self.process.as_ref().expect("the gate runs")
    }

    /// A browser that never was here before.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address(), HOST)
    }

    /// Waits until a line of output contains `text` and returns what follows it there.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.running().wait_for(text)
    }

    /// All that this start has printed so far.
    pub(crate) fn output(&self) -> String {
        self.running().output()
    }

    /// The process id, for measuring.
    pub(crate) fn pid(&self) -> u32 {
        self.running().pid()
    }

    /// The folder of this gate: its configuration, and its data below `data`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) fn kill_9(&mut self) {
        let status = self
            .process
            .take()
            .expect("the gate runs")
            .end(Signal::KILL);
        assert_eq!(status.signal(), Some(9), "it had ended by itself");
    }

    /// Sends a signal that the process outlives.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a child has an id"), signal).expect("a child can be signalled");
    }

    /// What its probes' listener answers to a GET of `path`.
    pub(crate) fn ops(&self, path: &str) -> Reply {
        let request = format!("GET {path} HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n");
        let answer = exchange(self.ops_address(), request.as_bytes());
        Reply::parse(path, &answer.expect("the gate answers"))
    }

    /// Asks the process to end, and waits until it did.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.process
            .take()
            .expect("the gate runs")
            .end(Signal::TERM)
    }

    /// Asks the process to end, and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.running().signal(Signal::TERM);
    }

    /// Holds the process still while `act` runs, and lets it go on.
    pub(crate) fn held_still<T>(&self, act: impl FnOnce() -> T) -> T {
        self.running().signal(Signal::STOP);
        let acted = act();
        self.running().signal(Signal::CONT);
        acted
    }

    /// Waits for the end of a process that was asked for it.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        self.process.take().expect("the gate runs").wait()
    }

    /// Stops and starts again with the same data. The ports change.
    pub(crate) fn restart(&mut self) {
        let status = self.stop();
        assert!(status.success(), "stopped with {status}");
        self.spawn();
    }

    /// Its command line, usable from other threads.
    pub(crate) fn commands(&self) -> Commands {
        Commands {
            config: self.config.clone(),
        }
    }

    /// Runs a command of the binary with this gate's configuration.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Outcome {
        self.commands().run(arguments, "")
    }

    /// Adds an account and returns the path of its invitation.
    pub(crate) fn invite(&self, name: &str) -> String {
        self.commands()
            .invite(name)
            .unwrap_or_else(|outcome| panic!("{outcome:?}"))
    }
}

/// The command line of the binary with one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    config: PathBuf,
}

impl Commands {
    /// Runs a command with something on standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Outcome {
        self.run_in(arguments, input, &[])
    }

    /// Runs a command with more in its environment.
    pub(crate) fn run_in(
        &self,
        arguments: &[&str],
        input: &str,
        environment: &[(&str, String)],
    ) -> Outcome {
        let mut child = self
            .command(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A command that reads no input may be gone before this is written.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("a child can be waited for");
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.command(arguments))
    }

    /// Adds an account and returns the path of its invitation.
    pub(crate) fn invite(&self, name: &str) -> Result<String, Outcome> {
        let added = self.run(&["user", "add", name], "");
        if added.code != Some(0) {
            return Err(added);
        }
        Ok(invitation_path(&added.stdout))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("VESTIBULE_") {
                command.env_remove(name);
            }
        }
        command
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .current_dir(self.config.parent().expect("a file has a folder"))
            .env("VESTIBULE_LISTEN", "127.0.0.1:0")
            .env("VESTIBULE_OPS__LISTEN", "127.0.0.1:0");
        command
    }
}

/// The binary under test: the one that Cargo built, or an installed one named by
/// `VESTIBULE_TEST_BINARY`.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("VESTIBULE_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_vestibule").into(), PathBuf::from)
}

/// The path in the first invitation link of `text`.
pub(crate) fn invitation_path(text: &str) -> String {
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with("http") && word.contains("/invite/"))
        .unwrap_or_else(|| panic!("no invitation link in {text:?}"));
    let (_, rest) = link.split_once("://").expect("a link has a scheme");
    let at = rest.find('/').expect("a link has a path");
    rest[at..].to_owned()
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Exit status; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}
