//! The two ways in which app and pages lie: each has its configuration and its recipes.

use std::fs::write;
use std::process::Command;

use crate::harness::gate::binary;
use crate::proxy::{example, replaced};

/// Where app and pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// On two hosts, as in the examples.
    Apart,
    /// On one: the configuration of the examples without `session.cookie_domain`.
    Together,
}

/// As in the first line of a configuration.
const PAGES_APART: &str = "https://auth.example.com";

/// The session cookie without the prefix that browsers refuse on plain http.
const PLAIN_COOKIE: &str = "[session]\ncookie_name = \"vestibule\"\n";

impl Layout {
    /// The host of the pages.
    pub(crate) fn pages(self) -> &'static str {
        match self {
            Self::Apart => "auth.example.com",
            Self::Together => "app.example.com",
        }
    }

    /// Every host that the recipe is for.
    pub(crate) fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Apart => &["auth.example.com", "app.example.com"],
            Self::Together => &["app.example.com"],
        }
    }

    /// The configuration of the gate.
    pub(crate) fn config(self) -> String {
        let text = example("nginx/vestibule.toml");
        match self {
            Self::Apart => text,
            Self::Together => {
                let lines = text.lines();
                let kept = lines.filter(|line| !line.starts_with("cookie_domain"));
                let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
                assert_ne!(kept, text, "the sign-in is shared");
                replaced(&kept, &[(PAGES_APART, "https://app.example.com")])
            }
        }
    }

    /// The same for plain http.
    pub(crate) fn plain_config(self) -> String {
        replaced(&self.config(), &[("https://", "http://")])
    }

    /// A file of the recipe for a gate with `config`.
    pub(crate) fn recipe(self, file: &str) -> String {
        match self {
            Self::Apart => example(file),
            Self::Together => printed(file, &self.config()),
        }
    }

    /// The same for cookies as they are called on plain http.
    pub(crate) fn recipe_for_plain_cookies(self, file: &str) -> String {
        match self {
            Self::Apart => example(file),
            Self::Together => {
                let config = replaced(&self.config(), &[("[session]\n", PLAIN_COOKIE)]);
                printed(file, &config)
            }
        }
    }
}

/// What `vestibule integrate` prints in the place of this file of the examples.
fn printed(file: &str, config: &str) -> String {
    let proxy = match file {
        "nginx/vestibule.conf" => "nginx",
        "caddy/Caddyfile" => "caddy",
        "haproxy/haproxy.cfg" => "haproxy",
        "haproxy/vestibule.lua" => "haproxy-lua",
        "traefik/vestibule.yaml" => "traefik",
        "envoy/envoy.yaml" => "envoy",
        fixed => return example(fixed),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path().join("vestibule.toml"), config).expect("the folder is writable");
    let mut command = Command::new(binary());
    command.args(["integrate", proxy]);
    command.env_clear().current_dir(&folder);
    let output = command.output().expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}
