//! The example for nginx, as it is, with the ports and files of a test.

use std::fs::{read_to_string, write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::front::{saying, tls_file};
use crate::harness::app::App;
use crate::harness::browser::{Reply, exchange};
use crate::harness::gate::Gate;
use crate::harness::program::Program;
use crate::harness::{DEADLINE, third_party};
use crate::{RULES, complaints};

/// nginx with `server` as its only servers; waits until it answers.
fn nginx(folder: &TempDir, server: &str, address: SocketAddr) -> Program {
    let place = folder.path().display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
        .concat();
    let main = format!(
        "daemon off;\npid {place}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{server}\n}}\n"
    );
    let config = folder.path().join("nginx.conf");
    write(&config, main).unwrap();
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let mut command = Command::new("nginx");
    let program = Program::start(command.env("PATH", path).arg("-c").arg(config));
    let end = Instant::now() + DEADLINE;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < end, "{}", program.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    program
}

/// nginx cannot say which port the system chose, so the choice is made for it.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// The example, with certificates in `folder`, in front of `gate` at `address`.
fn example(folder: &TempDir, gate: &Gate, address: SocketAddr) -> String {
    let place = folder.path().display().to_string();
    for (ours, name) in [("leaf.pem", "fullchain.pem"), ("key.pem", "privkey.pem")] {
        std::fs::copy(tls_file(ours), folder.path().join(name)).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    read_to_string(root.join("examples/nginx-tls/app.conf"))
        .unwrap()
        .replace("/etc/letsencrypt/live/app.example.com", &place)
        .replace("listen 80;", &format!("listen unix:{place}/http;"))
        .replace("listen 443 ", &format!("listen {address} "))
        .replace("listen [::]:80;", "")
        .replace("listen [::]:443 ssl http2;", "")
        .replace("app.example.com", "app.localhost")
        .replace("127.0.0.1:8080", &gate.address().to_string())
}

#[test]
fn a_stranger_shows_the_app_no_certificate_through_the_example_for_nginx() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&format!(
        "public_url = \"https://app.localhost\"\ntrusted_proxies = [\"127.0.0.1\"]\n{}{RULES}",
        app.upstream()
    ));
    let folder = tempfile::tempdir().unwrap();
    let address = free();
    // What it does to headers is the same without TLS.
    let server = example(&folder, &gate, address)
        .replace(" ssl http2;", ";")
        .replace("$scheme", "https");
    let nginx = nginx(&folder, &server, address);
    let names = [
        "Client-Cert",
        "Client-Cert-Chain",
        "X-Forwarded-By",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
    ];
    let forged = names
        .map(|name| format!("{name}: mallory\r\n{}: mallory\r\n", name.replace('-', "_")))
        .concat();
    let message =
        format!("GET /open HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n{forged}\r\n");
    let answer = exchange(address, message.as_bytes()).unwrap();
    assert_eq!(Reply::parse("/open", &answer).status, 200);
    let seen = app.seen().pop().expect("it is open");
    let text = format!("{:?}", seen.headers);
    assert!(!text.contains("mallory"), "{text}");
    nginx.end(Signal::TERM);
}

#[test]
fn the_example_for_nginx_is_clean_and_without_its_care_it_is_not() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&format!(
        "public_url = \"https://app.localhost\"\ntrusted_proxies = [\"127.0.0.1\"]\n{}{RULES}",
        app.upstream()
    ));
    let folder = tempfile::tempdir().unwrap();
    let address = free();
    let server = example(&folder, &gate, address);
    let ca = tls_file("ca.pem").display().to_string();
    let connect = address.to_string();
    let plain = saying("301 Moved\r\nLocation: https://app.localhost/closed");
    let plain = format!("app.localhost:80={plain}");
    let arguments = [
        "--url",
        "https://app.localhost/closed",
        "--connect",
        &connect,
        "--connect",
        &plain,
        "--ca-file",
        &ca,
        "--open",
        "/open",
    ];
    let bad = || complaints(&arguments);
    let good = nginx(&folder, &server, address);
    assert_eq!(bad(), (Some(0), vec![]));
    good.end(Signal::TERM);
    let careless = server.replace("\"^/_vestibule/authz\"", "\"^/nothing\"");
    let careless = nginx(&folder, &careless, address);
    assert_eq!(bad(), (Some(1), vec!["open check-endpoints".to_owned()]));
    careless.end(Signal::TERM);
}
