//! `vestibule demo`: from one command to the sample app, and nothing left behind.

use std::fs::read_dir;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use crate::harness::browser::Browser;
use crate::harness::gate::invitation_path;
use crate::harness::person::Person;
use crate::harness::program::Program;
use crate::{refused, run, vestibule};

use rustix::process::Signal;

fn start(temporary: &Path) -> (Program, SocketAddr) {
    let mut command = vestibule(&["demo", "--listen", "127.0.0.1:0"]);
    let demo = Program::start(command.env("TMPDIR", temporary));
    let address = demo.wait_for("listening on http://").parse().unwrap();
    (demo, address)
}

fn is_empty(folder: &Path) -> bool {
    read_dir(folder).unwrap().next().is_none()
}

#[test]
fn the_printed_link_leads_to_the_sample_app() {
    let temporary = tempfile::tempdir().unwrap();
    let (demo, address) = start(temporary.path());
    let link = demo.wait_for("  http://");
    let host = format!("localhost:{}", address.port());
    assert!(
        link.starts_with(&format!("{host}/_vestibule/invite/")),
        "{link}"
    );
    let mut browser = Browser::new(address, &host);
    Person::enrol(
        &mut browser,
        "ada",
        &invitation_path(&format!("http://{link}")),
    );
    let page = browser.get("/").visible_text();
    for text in ["Hello, Ada Lovelace", "ada@example.com", "admin,analysts"] {
        assert!(page.contains(text), "{page}");
    }
    Person::sign_out(&mut browser);
    assert_eq!(browser.get("/").status, 303);
    assert!(demo.end(Signal::INT).success());
}

#[test]
fn ctrl_c_and_sigterm_end_it_and_its_folder() {
    for signal in [Signal::INT, Signal::TERM] {
        let temporary = tempfile::tempdir().unwrap();
        let (demo, _) = start(temporary.path());
        // The moment at which a person can know of it.
        demo.wait_for("  http://");
        assert!(!is_empty(temporary.path()));
        assert!(demo.end(signal).success());
        assert!(is_empty(temporary.path()), "{signal:?}");
    }
}

#[test]
fn a_taken_port_is_said_and_leaves_no_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = vestibule(&["demo", "--listen", &address]);
    let outcome = run(command.env("TMPDIR", temporary.path()));
    let stderr = refused(&outcome, 1);
    assert!(
        stderr.contains(&format!("cannot listen on {address}")),
        "{stderr}"
    );
    assert!(is_empty(temporary.path()));
}
