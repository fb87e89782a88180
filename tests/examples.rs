//! What people copy is right: every configuration in the examples, the README and `config/`.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::fs::{read_dir, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::gate::binary;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs `vestibule check` in an empty folder.
fn check(config: &Path) -> Output {
    command(&["check"], config)
}

/// Runs a command in an empty folder.
fn command(arguments: &[&str], config: &Path) -> Output {
    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            command.env_remove(name);
        }
    }
    let command = command.args(arguments).arg("--config").arg(config);
    command.current_dir(empty.path()).output().unwrap()
}

#[track_caller]
fn assert_good(config: &Path) {
    let output = check(config);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), said.as_ref()),
        (Some(0), ""),
        "{}",
        config.display()
    );
}

#[test]
fn every_example_is_accepted_without_a_warning() {
    let examples = files(&root().join("examples"), ".toml");
    assert_eq!(examples.len(), 10, "{examples:?}");
    for config in examples {
        assert_good(&config);
    }
    assert_good(&root().join("config/minimal.toml"));
}

/// So that nobody copies a recipe that the command would no longer print.
#[test]
fn every_recipe_is_what_integrate_prints_for_its_configuration() {
    for (proxy, recipe) in [
        ("nginx", "nginx/vestibule.conf"),
        ("caddy", "caddy/Caddyfile"),
        ("haproxy", "haproxy/haproxy.cfg"),
        ("haproxy-lua", "haproxy/vestibule.lua"),
        ("traefik", "traefik/vestibule.yaml"),
        ("envoy", "envoy/envoy.yaml"),
    ] {
        let recipe = root().join("examples").join(recipe);
        let output = command(
            &["integrate", proxy],
            &recipe.with_file_name("vestibule.toml"),
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{proxy}");
        assert_eq!(printed, read_to_string(&recipe).unwrap(), "{proxy}");
    }
}

/// Containers find each other by name.
#[test]
fn the_recipe_for_compose_differs_by_its_addresses_alone() {
    let folder = root().join("examples/compose");
    let output = command(&["integrate", "nginx"], &folder.join("vestibule.toml"));
    let mut printed = String::from_utf8(output.stdout).unwrap();
    for (address, name) in [
        ("127.0.0.1:8080", "gate:8080"),
        ("127.0.0.1:3000", "app:5232"),
    ] {
        assert_eq!(printed.matches(address).count(), 1, "{printed}");
        printed = printed.replace(address, name);
    }
    assert_eq!(
        printed,
        read_to_string(folder.join("vestibule.conf")).unwrap()
    );
}

#[test]
fn the_complete_configuration_is_accepted_and_misses_only_the_app() {
    let output = check(&root().join("config/vestibule.toml"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("warning: ").count(), 1, "{said}");
    assert!(said.contains("there is no app behind"), "{said}");
}

#[test]
fn the_configuration_in_the_readme_is_accepted() {
    let readme = read_to_string(root().join("README.md")).unwrap();
    // One begins with public_url; what follows it are rules, to be added.
    let blocks = readme.split("```toml\n").skip(1);
    let mut configs: Vec<String> = vec![];
    for block in blocks.filter_map(|block| block.split("```").next()) {
        match configs.last_mut() {
            Some(last) if !block.starts_with("public_url") => last.push_str(block),
            Some(_) | None => configs.push(block.to_owned()),
        }
    }
    assert_eq!(configs.len(), 2, "{configs:?}");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("vestibule.toml");
    for text in configs {
        write(&config, text).unwrap();
        assert_good(&config);
    }
}

#[test]
fn every_link_between_the_papers_leads_to_a_file() {
    let mut papers = files(&root().join("examples"), ".md");
    papers.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    papers.extend(files(&root().join(".github"), ".md"));
    for paper in papers {
        let text = read_to_string(&paper).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if !link.starts_with("http") {
                let target = paper.parent().unwrap().join(link);
                assert!(target.exists(), "{link} in {}", paper.display());
            }
        }
    }
}

/// What the README tells people to type is known to the program.
#[test]
fn every_command_in_the_readme_exists() {
    let readme = read_to_string(root().join("README.md")).unwrap();
    let typed = readme
        .lines()
        .filter_map(|line| line.strip_prefix("    vestibule "));
    let mut known = 0;
    for line in typed {
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        let names: Vec<&str> = match words.as_slice() {
            [group @ ("user" | "session" | "key"), command] => vec![group, command],
            [command, ..] => vec![command],
            [] => continue,
        };
        let output = Command::new(binary()).args(&names).arg("--help").output();
        assert!(output.unwrap().status.success(), "{line}");
        known += 1;
    }
    assert!(known >= 9, "{known}");
}

#[test]
fn nginx_accepts_its_configuration() {
    if std::env::var_os("VESTIBULE_TEST_THIRD_PARTY").is_none_or(|value| value != "1") {
        eprintln!("left out: needs nginx and openssl (tests/run)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    run(Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        ])
        .args(["-subj", "/CN=app.example.com", "-keyout", "privkey.pem"])
        .args(["-out", "fullchain.pem"])
        .current_dir(folder.path()));
    let server = read_to_string(root().join("examples/nginx-tls/app.conf")).unwrap();
    let server = server
        .replace("/etc/letsencrypt/live/app.example.com", &place.to_string())
        .replace("listen 80;", &format!("listen unix:{place}/http;"))
        .replace("listen 443 ", &format!("listen unix:{place}/https "))
        .replace("listen [::]:80;", "")
        .replace("listen [::]:443 ssl http2;", "");
    write(folder.path().join("app.conf"), server).unwrap();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
        .concat();
    let main = format!(
        "pid {place}/pid;\nerror_log {place}/log;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {place}/app.conf;\n}}\n"
    );
    let config = folder.path().join("nginx.conf");
    write(&config, main).unwrap();
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    run(Command::new("nginx")
        .env("PATH", path)
        .arg("-t")
        .arg("-c")
        .arg(config));
}

#[test]
fn systemd_accepts_its_unit_and_finds_little_exposed() {
    if std::env::var_os("VESTIBULE_TEST_THIRD_PARTY").is_none_or(|value| value != "1") {
        eprintln!("left out: needs systemd-analyze (tests/run)");
        return;
    }
    let unit = read_to_string(root().join("examples/systemd/vestibule.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("vestibule.service");
    // What it starts has to exist for `verify`; nothing is started.
    let program = binary().display().to_string();
    write(&here, unit.replace("/usr/local/bin/vestibule", &program)).unwrap();
    let mut verify = Command::new("systemd-analyze");
    run(verify.args(["verify", "--man=no"]).arg(&here));
    // Tenths: 1.5 of 10 at most.
    let mut security = Command::new("systemd-analyze");
    run(security
        .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
        .arg(&here));
}

/// The manual names every event, and every series that a fresh gate has.
#[test]
fn the_manual_lists_what_the_server_says() {
    let manual = read_to_string(root().join("src/manual/operations.rs")).unwrap();
    let gate = harness::gate::Gate::start("");
    let metrics = gate.ops("/metrics").text();
    for line in metrics.lines() {
        let name = match line.strip_prefix("# TYPE vestibule_") {
            Some(rest) => rest.split(' ').next().unwrap(),
            None => continue,
        };
        let short = name.rsplit('_').next().unwrap();
        let named = manual.contains(&format!("vestibule_{name}"))
            || manual.contains(&format!("`…_{short}`"));
        assert!(named, "vestibule_{name}");
    }
    for event in metrics.split("event=\"").skip(1) {
        let event = event.split('"').next().unwrap();
        assert!(manual.contains(&format!("| `{event}` |")), "{event}");
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
}
