//! What a service manager hears and passes, over a real socket (sd_notify(3)), and that the end comes when
//! it is asked for.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

use harness::DEADLINE;
use harness::gate::Gate;
use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use rustix::process::Signal;

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: String,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            socket,
            path: path.display().to_string(),
            _folder: folder,
        }
    }

    /// The next message.
    fn hears(&self) -> String {
        let mut message = [0; 1024];
        let length = self.socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// Leaves out messages until one has this line.
    fn hears_at_last(&self, line: &str) -> String {
        loop {
            let message = self.hears();
            if message.lines().any(|said| said == line) {
                return message;
            }
        }
    }
}

#[test]
fn ready_is_said_once_the_listeners_are_open_and_stopping_at_the_end() {
    let manager = Manager::new();
    let mut gate = Gate::prepared("");
    gate.spawn_with(&[("NOTIFY_SOCKET", &manager.path)]);
    assert_eq!(manager.hears(), "READY=1\nSTATUS=serving\n");
    TcpStream::connect(gate.address()).unwrap();
    TcpStream::connect(gate.ops_address()).unwrap();
    gate.signal(Signal::TERM);
    let stopping = manager.hears();
    assert_eq!(
        stopping,
        "STOPPING=1\nSTATUS=stopping: finishing what is under way\n"
    );
    assert!(gate.stop().success());
}

#[test]
fn the_watchdog_is_fed_for_as_long_as_the_process_runs() {
    let manager = Manager::new();
    let mut gate = Gate::prepared("");
    let environment = [
        ("NOTIFY_SOCKET", manager.path.as_str()),
        ("WATCHDOG_USEC", "200000"),
    ];
    gate.spawn_with(&environment);
    for _ in 0..3 {
        assert_eq!(
            manager.hears_at_last("WATCHDOG=1"),
            "WATCHDOG=1\nSTATUS=serving\n"
        );
    }
    gate.signal(Signal::STOP);
    // What was said before the process stood still may still lie there; then nothing comes.
    let limit = std::time::Duration::from_secs(2);
    manager.socket.set_read_timeout(Some(limit)).unwrap();
    let mut message = [0; 1024];
    while manager.socket.recv(&mut message).is_ok() {}
    gate.signal(Signal::CONT);
    manager.socket.set_read_timeout(Some(DEADLINE)).unwrap();
    manager.hears_at_last("WATCHDOG=1");
    assert!(gate.stop().success());
}

#[test]
fn a_watchdog_for_another_process_is_none_of_ours() {
    let manager = Manager::new();
    let mut gate = Gate::prepared("");
    gate.spawn_with(&[
        ("NOTIFY_SOCKET", &manager.path),
        ("WATCHDOG_USEC", "1000"),
        ("WATCHDOG_PID", "1"),
    ]);
    assert!(manager.hears().starts_with("READY=1\n"));
    gate.signal(Signal::TERM);
    assert!(manager.hears().starts_with("STOPPING=1\n"));
    assert!(gate.stop().success());
}

#[test]
fn nobody_reads_the_memory_of_the_server() {
    let gate = Gate::start("");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gate.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"]);
    // The files of a process that is not dumpable belong to root (proc(5)).
    let folder = std::fs::metadata(format!("/proc/{}/mem", gate.pid())).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&folder), 0);
}

/// Sends a command to the running gate, and does not wait for the answer.
fn ask(gate: &Gate, command: &str) -> UnixStream {
    let mut stream = UnixStream::connect(gate.folder().join("data/admin.sock")).unwrap();
    let request = format!(
        "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{command}",
        command.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: UnixStream) -> String {
    let mut answer = String::new();
    // A connection that is broken off has none.
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn users(gate: &Gate) -> usize {
    let list = gate.cli(&["user", "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    list.stdout.lines().count()
}

#[test]
fn what_reads_the_whole_store_is_broken_off_when_the_end_is_asked_for() {
    let mut gate = Gate::start("");
    for number in 0..100 {
        let add = format!(
            "{{\"command\":\"user-add\",\"name\":\"user{number}\",\"profile\":{{}},\"password\":null}}"
        );
        assert!(answer(ask(&gate, &add)).starts_with("HTTP/1.1 200 "));
    }
    let before = users(&gate);
    // One at a time, so that most of them wait for their turn.
    let looks: Vec<UnixStream> = (0..400)
        .map(|_| ask(&gate, "{\"command\":\"store-verify\"}"))
        .collect();
    let file = gate.folder().join("b");
    let make = format!(
        "{{\"command\":\"backup\",\"file\":\"{}\",\"existing\":\"keep\"}}",
        file.display()
    );
    let made = ask(&gate, &make);
    // Who came before this one is heard by then.
    answer(ask(&gate, "{\"command\":\"user-list\"}"));
    assert!(gate.stop().success());
    let broken_off = looks
        .into_iter()
        .map(answer)
        .filter(|answer| answer.contains("broken off: the server is stopping"));
    assert!(broken_off.count() > 0);
    let made = answer(made);
    assert_eq!(made.starts_with("HTTP/1.1 200 "), file.exists(), "{made}");
    let entries = std::fs::read_dir(gate.folder()).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name());
    assert!(!names.any(|name| name.to_string_lossy().ends_with(".draft")));
    gate.spawn();
    assert_eq!(users(&gate), before);
}

/// A pipe that nobody reads.
fn pipe(path: &Path) -> File {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
    let flags = OFlags::NONBLOCK.bits().try_into().unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags);
    options.open(path).unwrap()
}

fn fill(mut pipe: &File) {
    for size in [4096, 1] {
        let full = loop {
            if let Err(error) = pipe.write(&vec![b'x'; size]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn an_end_that_hangs_is_cut_short() {
    let mut gate = Gate::prepared("[log]\naudit_file = \"events\"\n");
    // As a disk that is stuck: whoever writes waits for good.
    let events = pipe(&gate.folder().join("events"));
    gate.spawn();
    fill(&events);
    gate.signal(Signal::TERM);
    gate.signal(Signal::INT);
    gate.wait_for("error: it did not end in time");
    assert_eq!(gate.wait_for_end().code(), Some(1));
}
