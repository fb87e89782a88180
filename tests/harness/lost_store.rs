//! A store that is lost while the gate runs: its disk fails, and when it works again the database is gone.

use std::fs::rename;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::DEADLINE;
use super::gate::Gate;
use super::program::Program;

impl Gate {
    /// Returns once the store answers no question any more. Needs strace.
    pub(crate) fn lose_store(&self) {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
        strace.args(["-p", &self.pid().to_string()]);
        let broken = Program::start(&mut strace);
        broken.wait_for("attached");
        self.runs_until_it_fails(&["user", "invite", "admin"]);
        // Until here it is read from, so it could not be opened again.
        let data = self.folder().join("data");
        rename(data.join("store/db"), data.join("taken-away")).expect("there is a database");
        broken.end(Signal::TERM);
        self.runs_until_it_fails(&["user", "list"]);
    }

    fn runs_until_it_fails(&self, command: &[&str]) {
        let begun = Instant::now();
        while self.cli(command).code == Some(0) {
            assert!(begun.elapsed() < DEADLINE, "{command:?} never fails");
            sleep(Duration::from_millis(50));
        }
    }
}
