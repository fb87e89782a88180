//! A process whose output can be read while it runs; it does not outlive its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::DEADLINE;

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    log: Log,
}

impl Program {
    /// Starts `command` without input.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let log = Log::default();
        log.follow(child.stdout.take().expect("stdout is piped"));
        log.follow(child.stderr.take().expect("stderr is piped"));
        Self { child, log }
    }

    /// Waits until a line of output contains `text` and returns what follows it there.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let line = self.log.wait_for(text);
        let (_, rest) = line.split_once(text).expect("the line was searched for it");
        rest.to_owned()
    }

    /// All output so far.
    pub(crate) fn output(&self) -> String {
        self.log.text()
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a child has an id"), signal).expect("a child can be signalled");
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// Sends `signal` and waits for the end.
    pub(crate) fn end(self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- output of a program ---\n{}---", self.output());
        }
    }
}

/// Lines that a process printed, readable while it runs.
#[derive(Clone, Debug, Default)]
struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    /// Sources that may still bring more.
    open: usize,
}

impl Log {
    /// Collects the lines of `source` from another thread until it ends.
    fn follow(&self, source: impl Read + Send + 'static) {
        self.change(|lines| lines.open += 1);
        let log = self.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(source);
            let mut line = vec![];
            while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                log.change(|lines| lines.lines.push(text));
                line.clear();
            }
            log.change(|lines| lines.open -= 1);
        });
    }

    /// Waits until a line contains `text` and returns it.
    fn wait_for(&self, text: &str) -> String {
        let wanted = |lines: &Lines| lines.lines.iter().find(|line| line.contains(text)).cloned();
        let (lines, changed) = &*self.0;
        let guard = lines.lock().expect("no thread panics with the log");
        let waits = |lines: &mut Lines| lines.open > 0 && wanted(lines).is_none();
        let waited = changed.wait_timeout_while(guard, DEADLINE, waits);
        let found = wanted(&waited.expect("no thread panics with the log").0);
        found.unwrap_or_else(|| panic!("no {text:?} in:\n{}", self.text()))
    }

    /// All lines so far.
    fn text(&self) -> String {
        let lines = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .lines
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }
}
