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
    let place = folder.path().display().to_string();
    for (ours, name) in [("leaf.pem", "fullchain.pem"), ("key.pem", "privkey.pem")] {
        std::fs::copy(tls_file(ours), folder.path().join(name)).unwrap();
    }
    // nginx cannot say which port the system chose, so the choice is made for it.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let server = read_to_string(root.join("examples/nginx-tls/app.conf"))
        .unwrap()
        .replace("/etc/letsencrypt/live/app.example.com", &place)
        .replace("listen 80;", &format!("listen unix:{place}/http;"))
        .replace("listen 443 ", &format!("listen {address} "))
        .replace("listen [::]:80;", "")
        .replace("listen [::]:443 ssl http2;", "")
        .replace("app.example.com", "app.localhost")
        .replace("127.0.0.1:8080", &gate.address().to_string());
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
