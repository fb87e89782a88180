//! The gate among programs that are not ours: a browser, an authenticator, real apps.
//!
//! They run when `VESTIBULE_TEST_THIRD_PARTY=1` says that the programs are there, as
//! `tests/run` does; otherwise each test says that it was left out.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::app::App;
use harness::fake_time::FakeTime;
use harness::gate::Gate;
use harness::person::Person;
use harness::program::Program;
use harness::{DEADLINE, HOST, third_party};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder that `tests/run` fills.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.tools")
}

/// A program of the Python environment.
fn python_tool(name: &str) -> Command {
    Command::new(tools().join("venv/bin").join(name))
}

/// What one walk of the browser is to do.
struct Walk<'a> {
    gate: &'a Gate,
    /// The server that the browser reaches, and how it calls it.
    server: SocketAddr,
    scheme: &'a str,
    script: bool,
    inspect: bool,
    pictures: &'a str,
}

impl Walk<'_> {
    fn run(&self) {
        let screenshots = std::env::var_os("VESTIBULE_TEST_SCREENSHOTS")
            .map(|folder| Path::new(&folder).join(self.pictures));
        let walk = json!({
            "server": self.server.to_string(),
            "origin": format!("{}://{HOST}", self.scheme),
            "invitation": self.gate.invite("alice"),
            "name": "alice",
            "tools": tools().join("npm"),
            "script": self.script,
            "inspect": self.inspect,
            "screenshots": screenshots,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/walk.mjs");
        let output = python_tool("node")
            .arg(script)
            .env("WALK", walk.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("tests/run installs Node.js");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
    }
}

#[test]
fn a_link_on_another_site_leads_to_the_code_and_to_the_page() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let rule = "[access]\nrule = [{ path = \"/wiki/**\", policy = \"one-factor\" }]\n";
    let gate = Gate::start(&format!("{}{rule}", app.upstream()));
    let alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    let visit = json!({
        "server": gate.address().to_string(),
        "origin": format!("http://{HOST}"),
        "name": alice.name,
        "password": alice.password,
        "code": alice.backup_codes[0],
        "open": "/wiki/page",
        "shut": "/reports/7?year=2026",
        "tools": tools().join("npm"),
    });
    run_visit("elsewhere.mjs", &visit);
}

#[test]
fn a_form_that_was_not_passed_on_is_sent_again_after_the_sign_in() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    let alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    let visit = json!({
        "server": gate.address().to_string(),
        "origin": format!("http://{HOST}"),
        "name": alice.name,
        "password": alice.password,
        "code": alice.backup_codes[0],
        "tools": tools().join("npm"),
    });
    run_visit("unsent.mjs", &visit);
}

/// Runs a script of `tests/e2e`.
#[track_caller]
fn run_visit(script: &str, visit: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let output = python_tool("node")
        .arg(folder.join(script))
        .env("VISIT", visit.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("tests/run installs Node.js");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
}

#[test]
fn a_browser_walks_from_the_invitation_to_the_app_and_back() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    Walk {
        gate: &gate,
        server: gate.address(),
        scheme: "http",
        script: true,
        inspect: true,
        pictures: "script",
    }
    .run();
}

#[test]
fn a_browser_without_script_walks_the_same_way() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&app.upstream());
    Walk {
        gate: &gate,
        server: gate.address(),
        scheme: "http",
        script: false,
        inspect: false,
        pictures: "no-script",
    }
    .run();
}

#[test]
fn a_browser_walks_the_same_way_over_https_through_nginx() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let gate = Gate::start(&format!(
        "public_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{}",
        app.upstream()
    ));
    let nginx = Nginx::start(gate.address());
    Walk {
        gate: &gate,
        server: nginx.address,
        scheme: "https",
        script: true,
        inspect: false,
        pictures: "https",
    }
    .run();
}

/// nginx with TLS in front of a gate.
struct Nginx {
    address: SocketAddr,
    _program: Program,
    _folder: TempDir,
}

impl Nginx {
    fn start(gate: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().display();
        let certificate = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj"])
            .args([&format!("/CN={HOST}"), "-keyout"])
            .args([
                &format!("{path}/key.pem"),
                "-out",
                &format!("{path}/cert.pem"),
            ])
            .output()
            .expect("tests/run installs openssl");
        assert!(certificate.status.success(), "{certificate:?}");
        // nginx does not tell which port it was given, so one is picked for it.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = free.expect("a port is free");
        let config = folder.path().join("nginx.conf");
        std::fs::write(&config, Self::config(&path.to_string(), address, gate))
            .expect("the folder is writable");
        let mut command = Command::new("nginx");
        let search = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&config)
            .env("PATH", search);
        let program = Program::start(&mut command);
        wait_for_server(address);
        Self {
            address,
            _program: program,
            _folder: folder,
        }
    }

    fn config(folder: &str, own: SocketAddr, gate: SocketAddr) -> String {
        format!(
            "daemon off;
            master_process off;
            pid {folder}/pid;
            error_log stderr;
            events {{}}
            http {{
                access_log off;
                client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{
                    listen {own} ssl;
                    ssl_certificate {folder}/cert.pem;
                    ssl_certificate_key {folder}/key.pem;
                    location / {{
                        proxy_pass http://{gate};
                        proxy_http_version 1.1;
                        proxy_set_header Host $host;
                        proxy_set_header X-Forwarded-For $remote_addr;
                        proxy_set_header X-Forwarded-Host $host;
                        proxy_set_header X-Forwarded-Proto $scheme;
                    }}
                }}
            }}"
        )
    }
}

/// Waits until `address` accepts connections.
fn wait_for_server(address: SocketAddr) {
    let end = Instant::now() + DEADLINE;
    while let Err(e) = TcpStream::connect(address) {
        assert!(Instant::now() < end, "nothing listens on {address}: {e}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn radicale_sees_the_person_whom_the_gate_signed_in() {
    if !third_party() {
        return;
    }
    let radicale = Radicale::start();
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://{}\"\n[identity]\nheaders = {{ user = \"X-Remote-User\" }}\n",
        radicale.address
    ));
    let stranger =
        gate.browser()
            .with_header("X-Remote-User", "alice")
            .send("PUT", "/alice/c/", &[], b"x");
    assert_eq!(stranger.status, 401);

    // The header of the app, as someone who would like to be bob sends it.
    let mut alice = gate
        .browser()
        .with_header("X-Remote-User", "bob")
        .with_header("X_Remote_User", "bob")
        .with_header("x-remote-user", "bob");
    Person::enrol(&mut alice, "alice", &gate.invite("alice"));
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n\
        DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:Two doors\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let calendar = [("Content-Type", "text/calendar")];
    let answers = [
        alice.send("MKCALENDAR", "/alice/c/", &[], b"").status,
        alice
            .send("PUT", "/alice/c/1.ics", &calendar, event.as_bytes())
            .status,
        alice.send("MKCALENDAR", "/bob/c/", &[], b"").status,
    ];
    assert_eq!(answers, [201, 201, 403]);
    let stored = alice.send("GET", "/alice/c/1.ics", &[], b"").text();
    assert!(stored.contains("SUMMARY:Two doors"), "{stored}");
}

/// Radicale, which believes the header `X-Remote-User`.
struct Radicale {
    address: String,
    _program: Program,
    _folder: TempDir,
}

impl Radicale {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config");
        let collections = folder.path().join("collections");
        let text = format!(
            "[logging]\nlevel = warning\n[auth]\ntype = http_x_remote_user\n[rights]\ntype = owner_only\n[storage]\nfilesystem_folder = {}\n",
            collections.display()
        );
        std::fs::write(&config, text).expect("the folder is writable");
        // Its own server refuses port 0, so the server of Python's library carries it.
        let server = "from wsgiref.simple_server import make_server; from radicale import application; \
            s = make_server('127.0.0.1', 0, application); print('at 127.0.0.1:%d' % s.server_port, flush=True); \
            s.serve_forever()";
        let mut command = python_tool("python3");
        command.args(["-c", server]).env("RADICALE_CONFIG", &config);
        let program = Program::start(&mut command);
        Self {
            address: program.wait_for("at "),
            _program: program,
            _folder: folder,
        }
    }
}

#[test]
fn a_jupyter_kernel_answers_over_a_websocket_through_the_gate() {
    if !third_party() {
        return;
    }
    let jupyter = Jupyter::start();
    let gate = Gate::start(&format!(
        "[[upstream]]\nurl = \"http://{}\"\n",
        jupyter.address
    ));
    let mut alice = gate.browser();
    Person::enrol(&mut alice, "alice", &gate.invite("alice"));
    alice.visit("/lab");
    let token = alice.cookie("_xsrf").expect("Jupyter sets its token");
    let started = alice.send("POST", "/api/kernels", &[("X-XSRFToken", &token)], b"");
    assert_eq!(started.status, 201, "{}", started.text());
    let kernel = started.json()["id"]
        .as_str()
        .map(str::to_owned)
        .expect("a kernel has an id");
    assert_eq!(compute(&gate, &alice.cookie_header(), &kernel), "42");

    // The handshake of someone who is not signed in ends at the gate.
    assert_eq!(compute(&gate, "_xsrf=1", &kernel), "refused with 401");
}

/// What the kernel says to `6*7`.
fn compute(gate: &Gate, cookies: &str, kernel: &str) -> String {
    let output = python_tool("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/kernel.py"))
        .args([&gate.address().to_string(), HOST, kernel, "6*7"])
        .env("COOKIES", cookies)
        .stdin(Stdio::null())
        .output()
        .expect("tests/run installs Python's tools");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// JupyterLab with no authentication of its own.
struct Jupyter {
    address: String,
    _program: Program,
    _folder: TempDir,
}

impl Jupyter {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = python_tool("jupyter-lab");
        command
            .args(["--ip=127.0.0.1", "--port=0", "--no-browser", "--allow-root"])
            .args([
                "--IdentityProvider.token=",
                "--ServerApp.allow_remote_access=True",
            ])
            .env("HOME", folder.path())
            .current_dir(folder.path());
        let program = Program::start(&mut command);
        let url = program.wait_for("] http://");
        Self {
            address: url.split('/').next().unwrap_or_default().to_owned(),
            _program: program,
            _folder: folder,
        }
    }
}

#[test]
fn keys_are_replaced_and_an_app_with_pyjwt_refuses_nobody() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let mut gate = Gate::prepared(&app.upstream());
    let time = FakeTime::in_folder(gate.folder());
    gate.spawn_as(&["serve"], &time.passing());
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let binary = harness::gate::binary();
    let setup = json!({
        "gate": gate.address().to_string(),
        "host": HOST,
        "cookie": browser.cookie_header(),
        "command": [binary, Path::new("--config"), gate.config()],
        "clock": time.file(),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/rotation.py");
    let output = python_tool("python3")
        .arg(script)
        .env("ROTATION", setup.to_string())
        .envs(time.passing())
        .stdin(Stdio::null())
        .output()
        .expect("tests/run installs PyJWT");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let done: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    assert_eq!(done["refused"], json!([]));
    assert_eq!(done["leaked"], "refused");
    assert!(done["requests"].as_u64() >= Some(10_000), "{done}");
    assert_eq!(done["signed_by"].as_array().map(Vec::len), Some(4));
}
