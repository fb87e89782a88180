//! What a service manager hears and passes, over a real socket (sd_notify(3)).
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;

use harness::DEADLINE;
use harness::gate::Gate;
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
