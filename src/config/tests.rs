use crate::authn::profile::Group;
use crate::authn::username::Username;
use crate::authz::rule::Policy;
use crate::config::check::files::is_trusted_owner;
use crate::config::layers::Layers;
use crate::config::load::add_file;
use crate::config::problem::quoted;
use crate::config::reader::Reader;
use crate::config::setting::{Setting, Size};
use crate::config::{
    Access, AccessLog, Algorithm, Backup, Colour, Config, EnrolmentMode, Identity, IdentityHeaders,
    Invitation, Listen, Loaded, Log, LogFormat, LogLevel, Ops, Origin, Overrides, Password,
    PathPattern, Portal, Problem, Problems, Proxy, PublicUrl, Rule, Session, Severity, Storage,
    StorageUrl, Throttle, Totp, UnderscoreHeaders, Upstream, UpstreamUrl, file,
};
use http::{HeaderName, Method};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const COMPLETE: &str = include_str!("../../config/vestibule.toml");
const MINIMAL: &str = include_str!("../../config/minimal.toml");

/// One app, which is the least that warns of nothing.
const APP: &str = "upstream = \"http://127.0.0.1:3000\"";

fn pattern(text: &str) -> PathPattern {
    PathPattern(text.to_owned())
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn loaded(text: &str) -> Loaded {
    Config::from_toml(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// The lines that `text` is refused with.
fn refusal(text: &str) -> String {
    Config::from_toml(text)
        .map(|_| ())
        .expect_err(text)
        .to_string()
}

fn with_environment(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
    with_all(text, variables, Overrides::default())
}

fn with_all(
    text: &str,
    variables: &[(&str, &str)],
    overrides: Overrides,
) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), variables, overrides)
}

/// Every key there is, without the numbers of tables.
fn known_keys() -> BTreeSet<String> {
    let mut layers = Layers::default();
    let text = "upstream = [{}]\naccess.rule = [{}]\n";
    layers.file(Path::new("all.toml"), text).unwrap();
    Reader::read(&layers, layers.values().unwrap(), file::config).2
}

/// The documented file with its examples put in force: the text in which a comment that is a
/// table or a key has lost its `# `.
fn with_examples() -> String {
    let keys = known_keys();
    let names: BTreeSet<_> = keys.iter().filter_map(|k| k.rsplit('.').next()).collect();
    let lines = COMPLETE.lines().map(|line| {
        let inner = line.strip_prefix("# ").unwrap_or(line);
        let name = inner.split(" = ").next().unwrap_or_default();
        let key = inner.contains(" = ") && names.contains(name);
        if inner.starts_with("[[") || key {
            inner
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[expect(clippy::too_many_lines, reason = "the list of all defaults")]
fn defaults() -> Config {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Config {
        listen: Listen::Tcp("127.0.0.1:8080".parse().unwrap()),
        public_url: PublicUrl::parse("http://localhost:8080").unwrap(),
        data_dir: PathBuf::from("vestibule-data"),
        trusted_proxies: vec![],
        portal: Portal {
            path: "/_vestibule".to_owned(),
            title: "Sign in".to_owned(),
            logo_file: None,
            accent: Colour([0x24, 0x55, 0xc3]),
            support_link: None,
        },
        upstreams: vec![],
        proxy: Proxy {
            underscore_headers: UnderscoreHeaders::Drop,
            header_timeout: secs(10),
            idle_timeout: secs(60),
            body_idle_timeout: secs(30),
            drain_timeout: secs(30),
            tunnel_idle_timeout: secs(600),
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_target: 16 * 1024,
            max_connections: 10_000,
            max_connections_per_address: 1000,
            max_tunnels_per_user: 100,
        },
        access: Access {
            cors_origins: vec![],
            default: Policy::TwoFactor,
            rules: vec![],
        },
        session: Session {
            idle: secs(3600),
            lifetime: secs(86_400),
            cookie_name: "vestibule".to_owned(),
            cookie_domain: None,
            max_per_user: 20,
            device_lifetime: secs(90 * 86_400),
        },
        password: Password {
            memory: 19 << 20,
            iterations: 2,
            parallelism: 1,
            min_length: 12,
            max_length: 256,
            hashing_threads: cores.min(4),
            hashing_queue: 64,
        },
        totp: Totp {
            issuer: "Sign in".to_owned(),
            skew: 1,
            enrolment: EnrolmentMode::Invite,
        },
        invitation: Invitation {
            lifetime: secs(72 * 3600),
        },
        throttle: Throttle {
            logins_per_minute: 20,
            logins_per_hour: 100,
            free_attempts: 5,
            delay: secs(30),
            max_failures: 100,
            codes_per_hour: 10,
            backup_codes_per_hour: 5,
            max_code_failures: 20,
            max_keys: 200_000,
        },
        identity: Identity {
            headers: IdentityHeaders {
                user: HeaderName::from_static("remote-user"),
                name: HeaderName::from_static("remote-name"),
                email: HeaderName::from_static("remote-email"),
                groups: HeaderName::from_static("remote-groups"),
            },
            assertion_header: HeaderName::from_static("x-vestibule-assertion"),
            algorithm: Algorithm::Es256,
            lifetime: secs(60),
            rotate_keys: Some(secs(90 * 86_400)),
            audience: "http://localhost:8080".to_owned(),
        },
        log: Log {
            format: LogFormat::Text,
            level: LogLevel::Info,
            access: AccessLog::Off,
            audit_file: None,
        },
        ops: Ops {
            listen: Some("127.0.0.1:9090".parse().unwrap()),
        },
        storage: Storage {
            url: StorageUrl::Sled,
            master_key_file: PathBuf::from("vestibule-data/master.key"),
        },
        backup: Backup {
            folder: None,
            every: secs(24 * 60 * 60),
            keep: 7,
        },
    }
}

#[test]
fn nothing_said_means_the_documented_defaults() {
    assert_eq!(loaded("").config, defaults());
}

#[test]
fn the_documented_file_says_the_defaults() {
    assert_eq!(loaded(COMPLETE).config, defaults());
}

#[test]
fn the_documented_file_mentions_every_key() {
    let mut layers = Layers::default();
    layers
        .file(Path::new("all.toml"), &with_examples())
        .unwrap();
    let values = layers.values().unwrap();
    let written = |key: &String| {
        let mut values = values.clone();
        let mut rest = key.as_str();
        while let Some((table, inner)) = rest.split_once('.') {
            values = match values.remove(table) {
                Some(figment::value::Value::Dict(_, table)) => table,
                Some(figment::value::Value::Array(_, mut tables)) => {
                    tables.remove(0).into_dict().unwrap()
                }
                _ => return false,
            };
            rest = inner;
        }
        values.contains_key(rest)
    };
    let missing: Vec<_> = known_keys()
        .into_iter()
        .filter(|key| !written(key))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_examples_of_the_documented_file_are_right_and_show_the_defaults() {
    // The one example that names a file which is not there.
    let text = with_examples().replace("logo_file =", "# logo_file =");
    let config = loaded(&text).config;
    let example = Upstream {
        host: Some("app.example.com".to_owned()),
        ..loaded(APP).config.upstreams[0].clone()
    };
    assert_eq!(config.upstreams, [example]);
    let rule = Rule {
        hosts: vec!["app.example.com".to_owned()],
        paths: ["/healthz", "/assets/**"].map(pattern).to_vec(),
        methods: vec![Method::GET, Method::HEAD],
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        groups: vec![Group::parse("staff").unwrap()],
        users: vec![Username::parse("anna").unwrap()],
        policy: Policy::TwoFactor,
        max_age: Some(Duration::from_secs(900)),
    };
    assert_eq!(config.access.rules, [rule]);
}

#[test]
fn the_minimal_file_is_right_and_warns_of_nothing() {
    let loaded = loaded(MINIMAL);
    assert_eq!(loaded.warnings, Problems::default());
    assert_eq!(loaded.config.session.cookie_name, "__Host-vestibule");
    assert_eq!(loaded.config.identity.audience, "https://app.example.com");
    assert_eq!(loaded.config.upstreams.len(), 1);
}

#[test]
fn an_upstream_has_the_documented_defaults() {
    let upstream = Upstream {
        url: UpstreamUrl::Http {
            host: url::Host::Ipv4("127.0.0.1".parse().unwrap()),
            port: 3000,
        },
        host: None,
        path: "/".to_owned(),
        connect_timeout: secs(5),
        response_timeout: secs(60),
        idle_timeout: secs(300),
        max_body: None,
        max_connections: 1000,
        max_connections_per_user: 250,
        preserve_host: true,
    };
    assert_eq!(loaded(APP).config.upstreams, [upstream]);
}

/// Blocks of `cases`: lines of TOML, then the lines that are expected.
fn blocks(cases: &str) -> Vec<(String, String)> {
    let blocks = cases.trim_end().split("\n\n").map(|block| {
        let lines = block.lines();
        let (expected, text): (Vec<_>, Vec<_>) = lines.partition(|line| {
            let starts = ["error: ", "warning: ", "hint: "];
            starts.iter().any(|start| line.starts_with(start))
        });
        (text.join("\n"), expected.join("\n"))
    });
    blocks.collect()
}

#[test]
fn every_refusal_has_its_words() {
    let cases = blocks(include_str!("tests/refusals.txt"));
    assert!(cases.len() > 100);
    for (text, expected) in cases {
        assert_eq!(refusal(&text), expected, "{text}");
    }
}

#[test]
fn every_warning_has_its_words() {
    let cases = blocks(include_str!("tests/warnings.txt"));
    assert!(cases.len() > 10);
    for (text, expected) in cases {
        assert_eq!(loaded(&text).warnings.to_string(), expected, "{text}");
    }
}

#[test]
fn a_rule_without_head_is_fine_where_a_head_meets_nothing_weaker() {
    let get = |more: &str| format!("{{ path = \"/a/**\", methods = [\"GET\"], {more} }}");
    let two = get("policy = \"two-factor\"");
    for rules in [
        two.clone(),
        get("policy = \"one-factor\""),
        format!("{two}, {{ path = \"/b/**\", policy = \"bypass\" }}"),
        format!("{two}, {{ path = \"/a/b\", methods = \"POST\", policy = \"bypass\" }}"),
        format!(
            "{two}, {{ path = \"/a/**\", policy = \"deny\" }}, {{ path = \"/a/b\", policy = \"bypass\" }}"
        ),
        format!("{two}, {{ path = \"/a/**\", methods = \"HEAD\", policy = \"bypass\" }}"),
        get("host = [\"a.example\"], policy = \"two-factor\"")
            + ", { path = \"/a/b\", host = [\"b.example\"], policy = \"bypass\" }",
        "{ path = \"/a/**\", methods = [\"GET\", \"HEAD\"], policy = \"deny\" }".to_owned(),
        "{ path = \"/a/**\", methods = [\"POST\"], policy = \"deny\" }".to_owned(),
    ] {
        let text = format!("upstream = \"http://127.0.0.1:3000\"\naccess.rule = [{rules}]\n");
        let warnings = loaded(&text).warnings.to_string();
        assert!(!warnings.contains("HEAD"), "{rules}: {warnings}");
    }
}

#[test]
fn a_rule_without_post_is_fine_where_a_post_meets_nothing_weaker_or_has_a_rule() {
    let put = "{ path = \"/a/**\", methods = [\"PUT\", \"DELETE\"], policy = \"deny\" }";
    for rules in [
        put.replace("deny", "two-factor"),
        put.replace("deny", "bypass"),
        put.replace("[", "[\"POST\", "),
        put.replace("\"PUT\", \"DELETE\"", "\"GET\", \"HEAD\""),
        format!("{put}, {{ path = \"/a/**\", methods = \"POST\", policy = \"one-factor\" }}"),
        format!("{put}, {{ path = \"/a/**\", policy = \"deny\" }}"),
    ] {
        let text = format!("upstream = \"http://127.0.0.1:3000\"\naccess.rule = [{rules}]\n");
        let warnings = loaded(&text).warnings.to_string();
        assert!(!warnings.contains("POST"), "{rules}: {warnings}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_each_once() {
    let text = "
lisen = \"127.0.0.1:8080\"

[session]
idle     = \"2 weeks ago\"
lifetime = \"30m\"

[[upstream]]
host = \"a b\"
[[upstream]]
url  = \"https://127.0.0.1\"
";
    let problems = Config::from_toml(text).unwrap_err();
    let told = problems
        .0
        .iter()
        .map(|p| (p.key.as_str(), p.origin.to_string()));
    let told: Vec<_> = told.collect();
    let line = |line: u8| format!("vestibule.toml:{line}");
    // The lifetime is shorter than the idle time that stands in for the mistake: not told.
    assert_eq!(
        told,
        [
            ("upstream[0].url", line(8)),
            ("upstream[0].host", line(9)),
            ("upstream[1].url", line(11)),
            ("session.idle", line(5)),
            ("lisen", line(2)),
        ]
    );
}

#[test]
fn what_may_be_a_secret_is_never_shown() {
    for text in [
        "public_url = \"https://anna:hunter2@app.example.com\"",
        "public_url = \"anna:hunter2\"",
        "upstream = \"http://anna:hunter2@127.0.0.1\"",
        "upstream = \"https://anna:hunter2@127.0.0.1\"",
        "storage.url = \"postgres://anna:hunter2@db/gate\"",
        "storage.url = \"sled:hunter2\"",
        "storage.master_key = \"hunter2\"",
        "portal.support_link = \"https://anna:hunter2@example.com\"",
        "unknown = \"hunter2\"",
        "master_key = \"hunter2",
        "hunter2 hunter2",
    ] {
        // Keys are shown, values are not.
        let shown = refusal(text).replace("hunter2 hunter2", "");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn variables_win_over_the_file_and_options_over_variables() {
    let text = "public_url = \"http://localhost\"\nlisten = \"127.0.0.1:1\"\nupstream = \"http://a\"\n\
                [session]\nidle = \"10m\"\nlifetime = \"2h\"";
    let variables = [
        ("VESTIBULE_SESSION__IDLE", "15m"),
        ("VESTIBULE_LISTEN", "127.0.0.1:2"),
        ("SESSION__LIFETIME", "5h"),
    ];
    let overrides = Overrides {
        listen: Some("127.0.0.1:3".to_owned()),
        upstream: Some("http://b".to_owned()),
        ..Overrides::default()
    };
    let config = with_all(text, &variables, overrides).unwrap().config;
    assert_eq!(config.session.idle, secs(15 * 60));
    assert_eq!(config.session.lifetime, secs(2 * 3600));
    assert_eq!(config.listen.to_string(), "127.0.0.1:3");
    let urls = config
        .upstreams
        .iter()
        .map(|upstream| upstream.url.to_string());
    assert_eq!(urls.collect::<Vec<_>>(), ["http://b:80"]);
}

#[test]
fn variables_can_set_every_kind_of_value() {
    let variables = [
        ("VESTIBULE_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1"),
        ("VESTIBULE_UPSTREAM", "http://app:3000"),
        ("VESTIBULE_PROXY__MAX_HEADERS", "50"),
        ("VESTIBULE_PROXY__MAX_TARGET", "8KiB"),
        ("VESTIBULE_PORTAL__TITLE", "00123"),
        ("VESTIBULE_TOTP__ISSUER", "true"),
        ("VESTIBULE_IDENTITY__HEADERS__USER", "X-User"),
        ("VESTIBULE_OPS__LISTEN", "off"),
        ("VESTIBULE_SESSION__COOKIE_DOMAIN", ""),
        ("VESTIBULE_STORAGE__MASTER_KEY_FILE", "/run/secrets/key"),
    ];
    let config = with_environment("", &variables).unwrap().config;
    let mut expected = defaults();
    expected.trusted_proxies = ["10.0.0.0/8", "127.0.0.1/32"]
        .map(|n| n.parse().unwrap())
        .to_vec();
    expected.upstreams = loaded("upstream = \"http://app:3000\"").config.upstreams;
    expected.proxy.max_headers = 50;
    expected.proxy.max_target = 8 * 1024;
    expected.portal.title = "00123".to_owned();
    expected.totp.issuer = "true".to_owned();
    expected.identity.headers.user = HeaderName::from_static("x-user");
    expected.ops.listen = None;
    expected.storage.master_key_file = PathBuf::from("/run/secrets/key");
    assert_eq!(config, expected);
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    for (variable, text, expected) in [
        (
            "VESTIBULE_SESSION__IDLE",
            "soon",
            "error: VESTIBULE_SESSION__IDLE: session.idle: \"soon\" is not a duration\n\
             hint: write a number and a unit in quotes: \"30s\", \"5m\", \"12h\", \"30d\"",
        ),
        (
            "VESTIBULE_SESSION_IDLE",
            "15m",
            "error: VESTIBULE_SESSION_IDLE: session_idle: there is no key \"session_idle\"\n\
             hint: did you mean VESTIBULE_SESSION__IDLE?",
        ),
        (
            "VESTIBULE_SESSION",
            "15m",
            "error: VESTIBULE_SESSION: session: it is a section, not a value\n\
             hint: set its keys: [session] in the file, VESTIBULE_SESSION__… in the environment",
        ),
        (
            "VESTIBULE_ACCESS__RULE",
            "bypass",
            "error: VESTIBULE_ACCESS__RULE: access.rule[0]: it is no table\n\
             hint: write [[access.rule]] in the file",
        ),
        (
            "VESTIBULE_PORT",
            "8080",
            "error: VESTIBULE_PORT: port: there is no key \"port\"\n\
             hint: did you mean VESTIBULE_PORTAL?",
        ),
    ] {
        let refused = with_environment("", &[(variable, text)]).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

#[test]
fn a_mistake_in_an_option_names_the_option() {
    let overrides = Overrides {
        listen: Some("8080".to_owned()),
        upstream: Some("app".to_owned()),
        ..Overrides::default()
    };
    let refused = with_all("", &[], overrides).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "error: --listen: listen: \"8080\" is not an address with a port\n\
         hint: write an address and a port: \"127.0.0.1:9090\", \"[::1]:9090\"\n\
         error: --upstream: upstream[0].url: it is not a URL with http://\n\
         hint: write \"http://127.0.0.1:3000\" or \"unix:/run/app.sock\""
    );
}

#[test]
fn two_variables_cannot_set_the_same() {
    let variables = [
        ("VESTIBULE_UPSTREAM__URL", "http://a"),
        ("VESTIBULE_UPSTREAM", "http://b"),
    ];
    let refused = with_environment("", &variables).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "error: VESTIBULE_UPSTREAM: upstream: it sets what VESTIBULE_UPSTREAM__URL sets too\n\
         hint: unset VESTIBULE_UPSTREAM or VESTIBULE_UPSTREAM__URL"
    );
}

#[test]
fn variables_that_kubernetes_makes_for_services_are_nobodys_settings() {
    let variables = [
        ("VESTIBULE_SERVICE_HOST", "10.0.0.1"),
        ("VESTIBULE_SERVICE_PORT", "80"),
        ("VESTIBULE_SERVICE_PORT_HTTP", "80"),
        ("VESTIBULE_PORT", "tcp://10.0.0.1:80"),
        ("VESTIBULE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("VESTIBULE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("VESTIBULE_OPS_SERVICE_HOST", "10.0.0.2"),
        ("VESTIBULE_OPS_PORT", "tcp://10.0.0.2:9090"),
    ];
    assert_eq!(with_environment("", &variables).unwrap().config, defaults());
}

#[test]
fn the_first_file_that_is_there_counts_and_must_be_readable() {
    let folder = tempfile::tempdir().unwrap();
    let [missing, first, second] = ["a", "b", "c"].map(|name| folder.path().join(name));
    std::fs::write(&first, "listen = \"127.0.0.1:1\"").unwrap();
    std::fs::write(&second, "listen = \"127.0.0.1:2\"").unwrap();
    let listen = |places: &[&Path]| {
        let mut layers = Layers::default();
        add_file(&mut layers, None, places)?;
        let values = layers.values()?;
        let config = Reader::read(&layers, values, file::config).0;
        Ok::<_, Problem>(config.listen.to_string())
    };
    let places: [&Path; 3] = [&missing, &first, &second];
    assert_eq!(listen(&places), Ok("127.0.0.1:1".to_owned()));
    assert_eq!(listen(&places[..1]), Ok("127.0.0.1:8080".to_owned()));
    let refused = listen(&[folder.path(), &first]).unwrap_err();
    assert_eq!(refused.what, "cannot read it: Is a directory (os error 21)");
}

#[test]
fn a_named_file_must_exist_and_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("gate.toml");
    for (path, why) in [
        (
            missing.as_path(),
            "No such file or directory (os error 2)\nhint: name an existing file, or leave --config out",
        ),
        (
            folder.path(),
            "Is a directory (os error 21)\nhint: name a file of TOML text",
        ),
    ] {
        let refused = Config::load(Some(path), std::iter::empty(), Overrides::default());
        let expected = format!("error: {}: cannot read it: {why}", path.display());
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
}

#[test]
fn sources_tell_every_value_and_where_it_was_said() {
    let overrides = Overrides {
        public_url: Some("http://localhost:8080".to_owned()),
        ..Overrides::default()
    };
    let text = "\n[session]\nidle = \"30m\"";
    let variables = [("VESTIBULE_LOG__FORMAT", "json")];
    let sources = with_all(text, &variables, overrides).unwrap().sources;
    let said: Vec<_> = sources
        .0
        .iter()
        .filter(|s| s.origin != Origin::Default)
        .collect();
    let keys: Vec<_> = said
        .iter()
        .map(|s| (s.key.as_str(), s.value.as_str()))
        .collect();
    assert_eq!(
        keys,
        [
            ("public_url", "http://localhost:8080"),
            ("session.idle", "30m"),
            ("log.format", "json"),
        ]
    );
    let flag = said[0].origin.to_string();
    assert_eq!(flag, "--public-url");
    assert!(matches!(
        &said[1].origin,
        Origin::File { line: Some(3), .. }
    ));
    assert_eq!(
        said[2].origin,
        Origin::Variable("VESTIBULE_LOG__FORMAT".to_owned())
    );
}

#[test]
fn sources_list_every_key() {
    let sources = loaded("").sources;
    let all: BTreeSet<_> = sources.0.iter().map(|s| s.key.clone()).collect();
    let sections = [
        "upstream",
        "portal",
        "proxy",
        "access",
        "session",
        "password",
        "totp",
        "invitation",
        "throttle",
        "identity",
        "identity.headers",
        "log",
        "ops",
        "storage",
        "backup",
        "access.rule",
    ];
    let mut known = known_keys();
    known.retain(|k| {
        !sections.contains(&k.as_str())
            && !k.starts_with("upstream.")
            && !k.starts_with("access.rule.")
    });
    assert_eq!(all, known);
}

#[test]
fn sources_print_one_line_each_and_where_only_for_what_was_said() {
    let sources = loaded("log.level = \"warn\"").sources;
    let printed = sources.to_string();
    let line = |key: &str| {
        let mut lines = printed.lines();
        let line = lines.find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("log.format"), "log.format text");
    assert_eq!(line("log.level"), "log.level warn vestibule.toml:1");
    assert_eq!(printed.lines().count(), sources.0.len());
    let json = serde_json::to_value(&sources.0[0]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"key": "listen", "value": "127.0.0.1:8080", "origin": "default"})
    );
}

#[test]
fn what_is_shown_for_a_value_reads_as_the_same_value() {
    let lists = ["trusted_proxies", "access.cors_origins"];
    let values = loaded("").sources.0.into_iter();
    let lines = values
        .filter(|s| !lists.contains(&s.key.as_str()))
        .map(|s| {
            let number = s.value.parse::<u64>().is_ok();
            let value = if number {
                s.value
            } else {
                format!("{:?}", s.value)
            };
            format!("{} = {value}\n", s.key)
        });
    assert_eq!(loaded(&lines.collect::<String>()).config, defaults());
}

#[test]
fn a_key_file_that_others_can_read_is_refused_with_the_command_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, [0; 32]).unwrap();
    let text = format!("storage.master_key_file = {key:?}");
    for mode in [0o640, 0o604, 0o620, 0o777] {
        std::fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let expected = format!(
            "error: vestibule.toml:1: storage.master_key_file: others can read or change {key} \
             (mode {mode:04o})\nhint: chmod 600 {key}",
            key = key.display()
        );
        assert_eq!(refusal(&text), expected);
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        loaded(&text);
    }
}

#[test]
fn a_folder_that_everybody_can_write_to_is_refused_and_one_that_others_see_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{APP}\ndata_dir = {:?}", folder.path());
    let set = |mode| std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    let path = folder.path().display();
    set(0o777);
    let expected = format!(
        "error: vestibule.toml:2: data_dir: everybody can write to {path}\nhint: chmod 700 {path}"
    );
    assert_eq!(refusal(&text), expected);
    set(0o755);
    let expected = format!(
        "warning: vestibule.toml:2: data_dir: others can look into {path}\nhint: chmod 700 {path}"
    );
    assert_eq!(loaded(&text).warnings.to_string(), expected);
    set(0o700);
    assert_eq!(loaded(&text).warnings, Problems::default());
}

#[test]
fn a_logo_is_a_small_image_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: usize| {
        let path = folder.path().join(name);
        std::fs::write(&path, vec![0; bytes]).unwrap();
        format!("portal.logo_file = {path:?}")
    };
    loaded(&file("a.svg", 1 << 20));
    assert!(refusal(&file("b.svg", (1 << 20) + 1)).contains("b.svg is larger than 1 MiB"));
    assert!(refusal(&file("c.html", 1)).contains("c.html is no image by its name"));
}

#[test]
fn the_name_of_the_cookie_follows_from_url_and_domain() {
    for (text, name) in [
        ("", "vestibule"),
        (
            "public_url = \"https://app.example.com\"",
            "__Host-vestibule",
        ),
        (
            "public_url = \"https://app.example.com\"\nsession.cookie_domain = \"example.com\"",
            "vestibule",
        ),
        (
            "public_url = \"https://app.example.com\"\nsession.cookie_name = \"__Secure-gate\"",
            "__Secure-gate",
        ),
    ] {
        assert_eq!(loaded(text).config.session.cookie_name, name, "{text}");
    }
}

#[test]
fn a_cookie_domain_may_be_any_domain_of_one_owner_that_ends_the_host() {
    for domain in ["example.co.uk", "app.example.co.uk", "App.Example.co.uk."] {
        let text = format!(
            "public_url = \"https://app.example.co.uk\"\nsession.cookie_domain = {domain:?}"
        );
        let found = loaded(&text).config.session.cookie_domain.unwrap();
        assert_eq!(found, domain.to_lowercase().trim_end_matches('.'));
    }
}

#[test]
fn a_public_url_is_an_origin_without_a_slash() {
    for (text, origin, host) in [
        (
            "https://App.Example.com:443/",
            "https://app.example.com",
            "app.example.com",
        ),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]"),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            "xn--bcher-kva.example",
        ),
    ] {
        let url = PublicUrl::parse(text).unwrap();
        assert_eq!((url.as_str(), url.host()), (origin, host));
    }
}

#[test]
fn an_app_at_another_address_of_this_machine_is_no_loop() {
    for url in [
        "http://127.0.0.2:8080",
        "http://127.0.0.1:8081",
        "http://[::1]:8080",
    ] {
        loaded(&format!("upstream = {url:?}"));
    }
    for url in [
        "http://127.0.0.2:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
    ] {
        let text = format!("listen = \"0.0.0.0:8080\"\nupstream = {url:?}");
        assert!(refusal(&text).contains("upstream[0].url: it leads back to our own listener"));
    }
}

#[test]
fn the_default_url_follows_the_port() {
    let config = loaded("listen = \"127.0.0.1:81\"").config;
    assert_eq!(config.public_url.as_str(), "http://localhost:81");
    assert_eq!(config.identity.audience, "http://localhost:81");
}

#[test]
fn the_issuer_follows_the_title_without_its_colon() {
    let config = loaded("portal.title = \"Example: sign in\"").config;
    assert_eq!(config.totp.issuer, "Example sign in");
}

#[test]
fn the_key_lies_in_the_data_folder_unless_said_otherwise() {
    let config = loaded("data_dir = \"/no/such\"").config;
    assert_eq!(
        config.storage.master_key_file,
        Path::new("/no/such/master.key")
    );
}

#[test]
fn upstreams_of_different_hosts_may_share_a_path_and_names_may_start_alike() {
    let text = "upstream = [
        { url = \"http://a\", path = \"/a\" },
        { url = \"http://b\", path = \"/a\", host = \"localhost\" },
        { url = \"http://c\", path = \"/_vestibules\" },
        { url = \"unix:/run/d.sock\", path = \"/a/d/\" }]";
    let paths = loaded(text)
        .config
        .upstreams
        .into_iter()
        .map(|upstream| upstream.path);
    assert_eq!(
        paths.collect::<Vec<_>>(),
        ["/a", "/a", "/_vestibules", "/a/d"]
    );
}

#[test]
fn path_patterns_are_taken_as_written() {
    for text in [
        "/", "/a", "/a/", "/a/*/b", "/a*b", "/**", "/a/**", "/%C3%A4", "/a%20b", "/a:b@c,d",
    ] {
        assert_eq!(PathPattern::parse(text), Ok(pattern(text)));
    }
}

#[test]
fn rules_may_name_every_host_below_a_domain() {
    let text =
        "access.rule = [{ host = [\"*.Example.com\", \"APP.example.org.\"], policy = \"deny\" }]";
    let rules = loaded(text).config.access.rules;
    assert_eq!(rules[0].hosts, ["*.example.com", "app.example.org"]);
    assert!(
        refusal("access.rule = [{ host = \"*.192.0.2.1\", policy = \"deny\" }]")
            .contains("is not a host")
    );
}

#[test]
fn sizes_and_durations_show_in_their_largest_whole_unit() {
    for (size, shown) in [
        (0, "0B"),
        (1, "1B"),
        (1536, "1536B"),
        (8 << 10, "8KiB"),
        (3 << 30, "3GiB"),
    ] {
        assert_eq!(Size(size).show(), shown);
        assert_eq!(Size::parse(shown), Ok(Size(size)));
    }
    for (seconds, shown) in [
        (0, "0s"),
        (90, "90s"),
        (60, "1m"),
        (86_400, "24h"),
        (172_800, "2d"),
    ] {
        assert_eq!(secs(seconds).show(), shown);
        assert_eq!(Duration::parse(shown), Ok(secs(seconds)));
    }
}

#[test]
fn long_and_strange_values_are_shown_short_and_escaped() {
    assert_eq!(quoted("a\u{1b}[31m\"b"), "\"a\\u{1b}[31m\\\"b\"");
    assert_eq!(quoted(&"ä".repeat(61)), format!("\"{}\"…", "ä".repeat(60)));
}

#[test]
fn the_key_may_belong_to_us_or_to_root() {
    assert!(is_trusted_owner(1000, 1000));
    assert!(is_trusted_owner(0, 1000));
    assert!(!is_trusted_owner(1001, 1000));
    assert!(!is_trusted_owner(1000, 0));
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_a_list_of_what_is_wrong(
        key in "(listen|public_url|upstream|session.idle|access.rule|portal|[a-z_.]{1,10})",
        value in "(\"\\PC{0,12}\"|-?[0-9]{1,12}|true|\\[\\]|\\{\\}|\\[\\{ path = \"\\PC{0,8}\" \\}\\]|\\PC{0,8})",
    ) {
        if let Err(problems) = Config::from_toml(&format!("{key} = {value}")) {
            let errors = problems.0.iter().filter(|problem| problem.severity == Severity::Error);
            prop_assert!(errors.count() > 0);
            prop_assert!(problems.0.iter().all(|problem| !problem.what.is_empty() && !problem.hint.is_empty()));
        }
    }
}
