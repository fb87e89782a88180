//! The real proxies, each with the files of its recipe; only ports, folders and TLS are changed.

use std::fs::{read_to_string, write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::DEADLINE;
use crate::harness::browser::{Reply, exchange};
use crate::harness::program::Program;

/// What stands in front of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// The gate itself.
    InLine,
    Nginx,
    Caddy,
    Haproxy,
    Traefik,
    Envoy,
}

/// Those that ask the gate.
pub(crate) const PROXIES: [Proxy; 5] = [
    Proxy::Nginx,
    Proxy::Caddy,
    Proxy::Haproxy,
    Proxy::Traefik,
    Proxy::Envoy,
];

impl Proxy {
    /// Whether the recipe takes our cookies out; the other two have no simple way to.
    pub(crate) fn keeps_our_cookies_back(self) -> bool {
        match self {
            Self::InLine | Self::Nginx | Self::Caddy | Self::Haproxy => true,
            Self::Traefik | Self::Envoy => false,
        }
    }
}

/// A running proxy.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    _program: Program,
    _folder: TempDir,
}

/// What a recipe is filled in with.
struct Places {
    folder: PathBuf,
    own: SocketAddr,
    gate: SocketAddr,
    app: SocketAddr,
}

impl Running {
    /// Lets the proxy check its configuration, where it can, starts it, and returns once it listens.
    pub(crate) fn start(proxy: Proxy, gate: SocketAddr, app: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // None of them tells which port it was given, so one is picked.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let places = Places {
            folder: folder.path().to_owned(),
            own: free.expect("a port is free"),
            gate,
            app,
        };
        let (check, mut run) = match proxy {
            Proxy::InLine => panic!("nothing stands in front"),
            Proxy::Nginx => places.nginx(),
            Proxy::Caddy => places.caddy(),
            Proxy::Haproxy => places.haproxy(),
            Proxy::Traefik => places.traefik(),
            Proxy::Envoy => places.envoy(),
        };
        if let Some(mut check) = check {
            let output = check.output().expect("tests/run installs the proxies");
            assert!(output.status.success(), "{output:?}");
        }
        let program = Program::start(&mut run);
        wait_for_server(places.own, &program);
        Self {
            address: places.own,
            _program: program,
            _folder: folder,
        }
    }
}

impl Places {
    fn nginx(&self) -> (Option<Command>, Command) {
        let text = self.filled(
            &example("nginx/vestibule.conf"),
            &[
                ("listen 443 ssl;", &format!("listen {};", self.own)),
                ("    ssl_certificate     /etc/letsencrypt/live/auth.example.com/fullchain.pem;\n", ""),
                ("    ssl_certificate_key /etc/letsencrypt/live/auth.example.com/privkey.pem;\n", ""),
                ("    ssl_certificate     /etc/letsencrypt/live/app.example.com/fullchain.pem;\n", ""),
                ("    ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;\n", ""),
            ],
        );
        let recipe = self.file("vestibule.conf", &text);
        let folder = self.folder.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}include {};\n}}\n",
            recipe.display()
        );
        let config = self.file("nginx.conf", &main);
        let nginx = || {
            let mut command = system("nginx");
            command.arg("-c").arg(&config);
            command
        };
        let mut check = nginx();
        check.arg("-t");
        (Some(check), nginx())
    }

    fn caddy(&self) -> (Option<Command>, Command) {
        let port = self.own.port();
        let text = self.filled(
            &example("caddy/Caddyfile"),
            &[
                (
                    "https://auth.example.com {",
                    &format!("http://auth.example.com:{port} {{\n\tbind 127.0.0.1"),
                ),
                (
                    "https://app.example.com {",
                    &format!("http://app.example.com:{port} {{\n\tbind 127.0.0.1"),
                ),
            ],
        );
        let options = "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n";
        let config = self.file("Caddyfile", &format!("{options}{text}"));
        let caddy = |word: &str| {
            let mut command = python_tool("caddy");
            command
                .arg(word)
                .args(["--adapter", "caddyfile", "--config"])
                .arg(&config);
            command.env("HOME", &self.folder);
            command
        };
        (Some(caddy("validate")), caddy("run"))
    }

    fn haproxy(&self) -> (Option<Command>, Command) {
        let script = replaced(
            &example("haproxy/vestibule.lua"),
            &[
                ("127.0.0.1:8080", &self.gate.to_string()),
                ("\"https://\"", "\"http://\""),
            ],
        );
        let script = self.file("vestibule.lua", &script);
        let text = self.filled(
            &example("haproxy/haproxy.cfg"),
            &[
                ("/etc/haproxy/vestibule.lua", &script.display().to_string()),
                (
                    "bind :443 ssl crt /etc/haproxy/certs/",
                    &format!("bind {}", self.own),
                ),
                ("X-Forwarded-Proto https", "X-Forwarded-Proto http"),
            ],
        );
        let config = self.file("haproxy.cfg", &text);
        let haproxy = || {
            let mut command = system("haproxy");
            command.arg("-f").arg(&config);
            command
        };
        let mut check = haproxy();
        check.arg("-c");
        (Some(check), haproxy())
    }

    fn traefik(&self) -> (Option<Command>, Command) {
        let text = self.filled(
            &example("traefik/vestibule.yaml"),
            &[("      tls: {}\n", "")],
        );
        let recipe = self.file("vestibule.yaml", &text);
        let main = replaced(
            &example("traefik/traefik.yaml"),
            &[
                ("\":443\"", &format!("\"{}\"", self.own)),
                ("/etc/traefik/vestibule.yaml", &recipe.display().to_string()),
            ],
        );
        let config = self.file("traefik.yaml", &main);
        let mut command = python_tool("traefik");
        command
            .arg("--configFile")
            .arg(config)
            .current_dir(&self.folder);
        (None, command)
    }

    fn envoy(&self) -> (Option<Command>, Command) {
        let text = example("envoy/envoy.yaml");
        let from = text
            .find("        - transport_socket:")
            .expect("TLS begins");
        let to = text.find("          filters:").expect("TLS ends");
        let text = replaced(
            &text,
            &[
                (
                    &text[from..to + "          filters:".len()],
                    "        - filters:",
                ),
                (
                    "0.0.0.0, port_value: 443",
                    &format!("127.0.0.1, port_value: {}", self.own.port()),
                ),
                ("http://127.0.0.1:8080", &format!("http://{}", self.gate)),
                (
                    "port_value: 8080",
                    &format!("port_value: {}", self.gate.port()),
                ),
                (
                    "port_value: 3000",
                    &format!("port_value: {}", self.app.port()),
                ),
            ],
        );
        let config = self.file("envoy.yaml", &text);
        let envoy = || {
            let mut command = python_tool("envoy");
            command.args([
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "--log-level",
                "warn",
                "-c",
            ]);
            command.arg(&config);
            command
        };
        let mut check = envoy();
        check.args(["--mode", "validate"]);
        (Some(check), envoy())
    }

    fn filled(&self, text: &str, more: &[(&str, &str)]) -> String {
        let (gate, app) = (self.gate.to_string(), self.app.to_string());
        let common = [("127.0.0.1:8080", gate.as_str()), ("127.0.0.1:3000", &app)];
        let common: Vec<_> = common
            .into_iter()
            .filter(|(from, _)| text.contains(from))
            .collect();
        replaced(&replaced(text, &common), more)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        write(&path, text).expect("the folder is writable");
        path
    }
}

/// A file of the examples.
pub(crate) fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(path);
    read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text with every replacement made; one that finds nothing to replace is a failure.
pub(crate) fn replaced(text: &str, replacements: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from:?} is not in:\n{text}");
        text = text.replace(from, to);
    }
    text
}

/// A program of the Python environment that `tests/run` fills.
fn python_tool(name: &str) -> Command {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.tools/venv/bin");
    Command::new(tools.join(name))
}

/// A program of the system; Debian keeps servers where users do not look.
fn system(name: &str) -> Command {
    let mut command = Command::new(name);
    let search = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    command.env("PATH", search);
    command
}

/// Waits until `address` answers for the app: some read a part of their configuration when they listen already.
fn wait_for_server(address: SocketAddr, program: &Program) {
    let end = Instant::now() + DEADLINE;
    let question = b"GET /ready HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n";
    let ready = || {
        let answer = exchange(address, question).ok()?;
        Some(Reply::parse("/ready", &answer).status != 404)
    };
    while ready() != Some(true) {
        assert!(
            Instant::now() < end,
            "nothing answers on {address}:\n{}",
            program.output()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
