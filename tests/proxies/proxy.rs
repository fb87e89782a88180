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
use crate::layout::Layout;

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

/// How a recipe is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) layout: Layout,
    pub(crate) gate: SocketAddr,
    pub(crate) app: SocketAddr,
    /// A folder with `fullchain.pem` and `privkey.pem`; without one everything is plain http.
    pub(crate) tls: Option<&'a Path>,
    /// What somebody changed in the files of the recipe.
    pub(crate) edits: &'a [Edit],
    /// Does the address answer for the app? Some read a part of their configuration when they listen already.
    pub(crate) is_ready: fn(SocketAddr) -> bool,
}

/// A change in a file of the examples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

/// What a recipe is filled in with.
struct Places<'a> {
    folder: PathBuf,
    own: SocketAddr,
    setup: Setup<'a>,
}

impl Running {
    /// Starts the recipe as it is, for plain http.
    pub(crate) fn start(proxy: Proxy, layout: Layout, gate: SocketAddr, app: SocketAddr) -> Self {
        Self::start_with(
            proxy,
            Setup {
                layout,
                gate,
                app,
                tls: None,
                edits: &[],
                is_ready: answers,
            },
        )
    }

    /// Lets the proxy check its configuration, where it can, starts it, and returns once it answers.
    pub(crate) fn start_with(proxy: Proxy, setup: Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // None of them tells which port it was given, so one is picked.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let places = Places {
            folder: folder.path().to_owned(),
            own: free.expect("a port is free"),
            setup,
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
        let end = Instant::now() + DEADLINE;
        while !(setup.is_ready)(places.own) {
            assert!(
                Instant::now() < end,
                "nothing answers on {}:\n{}",
                places.own,
                program.output()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            address: places.own,
            _program: program,
            _folder: folder,
        }
    }
}

impl Places<'_> {
    fn nginx(&self) -> (Option<Command>, Command) {
        let text = self.filled("nginx/vestibule.conf");
        let hosts = self.setup.layout.hosts();
        let text = match self.setup.tls {
            Some(folder) => {
                let folder = folder.display().to_string();
                let listen = format!("listen {} ssl;", self.own);
                let text = replaced(&text, &[("listen 443 ssl;", &listen)]);
                hosts.iter().fold(text, |text, host| {
                    let live = format!("/etc/letsencrypt/live/{host}");
                    replaced(&text, &[(&live, &folder)])
                })
            }
            None => without_lines(&text, "    ssl_certificate", 2 * hosts.len())
                .replace("listen 443 ssl;", &format!("listen {};", self.own)),
        };
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
        let (scheme, tls) = match self.setup.tls {
            Some(folder) => {
                let folder = folder.display();
                let files = format!("{folder}/fullchain.pem {folder}/privkey.pem");
                ("https", format!("\n\ttls {files}"))
            }
            None => ("http", String::new()),
        };
        let hosts = self.setup.layout.hosts().iter();
        let text = hosts.fold(self.filled("caddy/Caddyfile"), |text, host| {
            let site = format!("{scheme}://{host}:{port} {{\n\tbind 127.0.0.1{tls}");
            replaced(&text, &[(&format!("https://{host} {{"), &site)])
        });
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
        let gate = self.setup.gate.to_string();
        let script = replaced(
            &self.recipe("haproxy/vestibule.lua"),
            &[("127.0.0.1:8080", &gate)],
        );
        let text = self.recipe("haproxy/haproxy.cfg");
        let (bind, script, text) = match self.setup.tls {
            Some(folder) => {
                let read = |name| read_to_string(folder.join(name)).expect("a certificate");
                let both = read("fullchain.pem") + &read("privkey.pem");
                let both = self.file("both.pem", &both);
                let bind = format!("bind {} ssl crt {}", self.own, both.display());
                (bind, script, text)
            }
            None => (
                format!("bind {}", self.own),
                replaced(&script, &[("\"https://\"", "\"http://\"")]),
                replaced(
                    &text,
                    &[("X-Forwarded-Proto https", "X-Forwarded-Proto http")],
                ),
            ),
        };
        let script = self.file("vestibule.lua", &script).display().to_string();
        let text = replaced(
            &self.at_places(&text),
            &[
                ("/etc/haproxy/vestibule.lua", &script),
                ("bind :443 ssl crt /etc/haproxy/certs/", &bind),
            ],
        );
        let own_rights = "    user haproxy\n    group haproxy\n    chroot /var/lib/haproxy\n";
        let text = if rustix::process::getuid().is_root() {
            text
        } else {
            replaced(&text, &[(own_rights, "")])
        };
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
        let text = self.filled("traefik/vestibule.yaml");
        let text = match self.setup.tls {
            Some(folder) => {
                let folder = folder.display();
                format!(
                    "{text}tls:\n  certificates:\n    - certFile: {folder}/fullchain.pem\n      \
                     keyFile: {folder}/privkey.pem\n"
                )
            }
            None => replaced(&text, &[("      tls: {}\n", "")]),
        };
        let recipe = self.file("vestibule.yaml", &text);
        let main = replaced(
            &self.recipe("traefik/traefik.yaml"),
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
        let text = self.recipe("envoy/envoy.yaml");
        let text = match self.setup.tls {
            Some(folder) => {
                let folder = folder.display().to_string() + "/";
                replaced(&text, &[("/etc/envoy/", &folder)])
            }
            None => without_tls(&text),
        };
        let Setup { gate, app, .. } = self.setup;
        let text = replaced(
            &text,
            &[
                (
                    "0.0.0.0, port_value: 443",
                    &format!("127.0.0.1, port_value: {}", self.own.port()),
                ),
                ("http://127.0.0.1:8080", &format!("http://{gate}")),
                ("port_value: 8080", &format!("port_value: {}", gate.port())),
                ("port_value: 3000", &format!("port_value: {}", app.port())),
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

    /// A file of the recipe, with what somebody changed in it.
    fn recipe(&self, file: &str) -> String {
        let edits = self.setup.edits.iter().filter(|edit| edit.file == file);
        let edits: Vec<_> = edits.map(|edit| (edit.from, edit.to)).collect();
        let layout = self.setup.layout;
        let text = match self.setup.tls {
            Some(_) => layout.recipe(file),
            None => layout.recipe_for_plain_cookies(file),
        };
        replaced(&text, &edits)
    }

    fn at_places(&self, text: &str) -> String {
        let (gate, app) = (self.setup.gate.to_string(), self.setup.app.to_string());
        text.replace("127.0.0.1:8080", &gate)
            .replace("127.0.0.1:3000", &app)
    }

    fn filled(&self, file: &str) -> String {
        self.at_places(&self.recipe(file))
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

/// The text without the lines that begin so; there have to be as many as expected.
fn without_lines(text: &str, beginning: &str, expected: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.iter().filter(|line| !line.starts_with(beginning));
    let kept: Vec<&str> = kept.copied().collect();
    assert_eq!(
        lines.len() - kept.len(),
        expected,
        "{beginning:?} in:\n{text}"
    );
    kept.join("\n") + "\n"
}

fn without_tls(envoy: &str) -> String {
    let from = envoy
        .find("        - transport_socket:")
        .expect("TLS begins");
    let filters = "          filters:";
    let to = envoy.find(filters).expect("TLS ends") + filters.len();
    format!("{}        - filters:{}", &envoy[..from], &envoy[to..])
}

/// Over plain http.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let question = b"GET /ready HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n";
    let answer = exchange(address, question);
    answer.is_ok_and(|answer| Reply::parse("/ready", &answer).status != 404)
}
