//! The shape of a configuration: every key with its default and its bounds.

use crate::authz::rule::Policy;
use crate::config::reader::Section;
use crate::config::setting::{
    CookieDomain, CookieName, HostName, HostPattern, PlainPath, PortalPath, Setting, Size,
};
use crate::config::{
    Access, AccessLog, Algorithm, Backup, Colour, Config, EnrolmentMode, Identity, IdentityHeaders,
    Invitation, Listen, Log, LogFormat, LogLevel, Ops, Password, Portal, Proxy, PublicUrl, Rule,
    Session, Storage, StorageUrl, Throttle, Totp, UnderscoreHeaders, Upstream,
};
use crate::identity::signer::LONGEST_LIFETIME;
use crate::sessions::MOST_PER_ACCOUNT;
use http::HeaderName;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads the whole.
pub(crate) fn config(root: &mut Section<'_, '_>) -> Config {
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = root.get("listen", Listen::Tcp(loopback(8080)));
    let public_url = root.get("public_url", local_url(&listen));
    let data_dir = root.get("data_dir", PathBuf::from("vestibule-data"));
    let trusted_proxies = root.list("trusted_proxies");
    let portal = root.section("portal", portal);
    let upstreams = root.tables("upstream", Some("url"), upstream);
    let proxy = root.section("proxy", proxy);
    let access = root.section("access", access);
    let session = root.section("session", |section| session(section, &public_url));
    let password = root.section("password", |section| password(section, &access));
    let totp = root.section("totp", |section| totp(section, &portal.title));
    let invitation = root.section("invitation", invitation);
    let throttle = root.section("throttle", throttle);
    let identity = root.section("identity", |section| identity(section, &public_url));
    let log = root.section("log", log);
    let ops = root.section("ops", |section| Ops {
        listen: section.optional("listen", "off", Some(loopback(9090))),
    });
    let storage = root.section("storage", |section| storage(section, &data_dir));
    let backup = root.section("backup", backup);
    Config {
        listen,
        public_url,
        data_dir,
        trusted_proxies,
        portal,
        upstreams,
        proxy,
        access,
        session,
        password,
        totp,
        invitation,
        throttle,
        identity,
        log,
        ops,
        storage,
        backup,
    }
}

/// What a browser on this machine would type.
fn local_url(listen: &Listen) -> PublicUrl {
    let port = match listen {
        Listen::Tcp(address) => address.port(),
        Listen::Unix(_) => 80,
    };
    let text = format!("http://localhost:{port}");
    PublicUrl::parse(&text).expect("a host and a port make a URL")
}

fn portal(section: &mut Section<'_, '_>) -> Portal {
    Portal {
        path: section.get("path", PortalPath("/_vestibule".to_owned())).0,
        title: section.get("title", "Sign in".to_owned()),
        logo_file: section.optional("logo_file", "", None),
        accent: section.get("accent", Colour([0x24, 0x55, 0xc3])),
        support_link: section.optional("support_link", "", None),
    }
}

fn upstream(section: &mut Section<'_, '_>) -> Option<Upstream> {
    // Every key is asked for before a missing one ends this.
    let url = section.required("url");
    let host = section.optional("host", "", None::<HostName>);
    let path = section.get("path", PlainPath("/".to_owned()));
    let connect_timeout = section.within("connect_timeout", 5 * SECOND, SECOND..=MINUTE);
    let response_timeout = section.within("response_timeout", 60 * SECOND, SECOND..=HOUR);
    let idle_timeout = section.within("idle_timeout", 5 * MINUTE, SECOND..=DAY);
    let max_body = section.optional("max_body", "none", None::<Size>);
    let connections = 1..=100_000;
    let max_connections = section.within("max_connections", 1000, connections.clone());
    let share = (max_connections / 4).max(32);
    let max_connections_per_user = section.within("max_connections_per_user", share, connections);
    let preserve_host = section.get("preserve_host", true);
    Some(Upstream {
        url: url?,
        host: host.map(|host| host.0),
        path: path.0,
        connect_timeout,
        response_timeout,
        idle_timeout,
        max_body: max_body.map(|size| size.0),
        max_connections,
        max_connections_per_user,
        preserve_host,
    })
}

fn proxy(section: &mut Section<'_, '_>) -> Proxy {
    let heads = Size::kib(8)..=Size::mib(1);
    let targets = Size::kib(8)..=Size::kib(64);
    let connections = 1..=1_000_000;
    let max_connections = section.within("max_connections", 10_000, connections.clone());
    let share = (max_connections / 10).max(100);
    Proxy {
        underscore_headers: section.get("underscore_headers", UnderscoreHeaders::Drop),
        header_timeout: section.within("header_timeout", 10 * SECOND, SECOND..=5 * MINUTE),
        idle_timeout: section.within("idle_timeout", 60 * SECOND, SECOND..=HOUR),
        body_idle_timeout: section.within("body_idle_timeout", 30 * SECOND, SECOND..=HOUR),
        drain_timeout: section.within("drain_timeout", 30 * SECOND, Duration::ZERO..=HOUR),
        tunnel_idle_timeout: section.within("tunnel_idle_timeout", 10 * MINUTE, SECOND..=DAY),
        max_header_bytes: section
            .within("max_header_bytes", Size::kib(32), heads)
            .in_memory(),
        max_headers: section.within("max_headers", 100, 16..=1000),
        max_target: section
            .within("max_target", Size::kib(16), targets)
            .in_memory(),
        max_connections,
        max_connections_per_address: section.within(
            "max_connections_per_address",
            share,
            connections,
        ),
        max_tunnels_per_user: section.within("max_tunnels_per_user", 100, 1..=100_000),
    }
}

fn access(section: &mut Section<'_, '_>) -> Access {
    Access {
        default: section.get("default", Policy::TwoFactor),
        cors_origins: origins(section),
        rules: section.tables("rule", None, rule),
    }
}

fn origins(section: &mut Section<'_, '_>) -> Vec<String> {
    let origins = section.list::<PublicUrl>("cors_origins");
    origins
        .iter()
        .map(|origin| origin.as_str().to_owned())
        .collect()
}

fn rule(section: &mut Section<'_, '_>) -> Option<Rule> {
    let hosts = section.some_of::<HostPattern>("host");
    let paths = section.some_of("path");
    let methods = section.some_of("methods");
    let networks = section.some_of("networks");
    let groups = section.some_of("groups");
    let users = section.some_of("users");
    let max_age = section.optional("max_age", "", None);
    let policy = section.required("policy")?;
    Some(Rule {
        hosts: hosts.into_iter().map(|host| host.0).collect(),
        paths,
        methods,
        networks,
        groups,
        users,
        policy,
        max_age,
    })
}

fn session(section: &mut Section<'_, '_>, public_url: &PublicUrl) -> Session {
    let domain = section.optional("cookie_domain", "", None::<CookieDomain>);
    let name = match domain {
        None if public_url.is_https() => "__Host-vestibule",
        None | Some(_) => "vestibule",
    };
    Session {
        idle: section.within("idle", HOUR, MINUTE..=365 * DAY),
        lifetime: section.within("lifetime", DAY, MINUTE..=365 * DAY),
        cookie_name: section.get("cookie_name", CookieName(name.to_owned())).0,
        cookie_domain: domain.map(|domain| domain.0),
        max_per_user: section.within("max_per_user", 20, 1..=MOST_PER_ACCOUNT),
        device_lifetime: section.within("device_lifetime", 90 * DAY, DAY..=400 * DAY),
    }
}

/// The shortest password that is enough beside a code, and where it is all (NIST SP 800-63B-4, 3.1.1.2).
const LENGTHS: (usize, usize) = (12, 15);

fn password(section: &mut Section<'_, '_>, access: &Access) -> Password {
    let (beside_a_code, alone) = LENGTHS;
    let min_length = if access.knows_one_factor() {
        alone
    } else {
        beside_a_code
    };
    let memory = Size::mib(7)..=Size::mib(1024);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Password {
        memory: section.within("memory", Size::mib(19), memory).0,
        iterations: section.within("iterations", 2, 1..=20),
        parallelism: section.within("parallelism", 1, 1..=16),
        min_length: section.within("min_length", min_length, 8..=64),
        max_length: section.within("max_length", 256, 64..=256),
        hashing_threads: section.within("hashing_threads", cores.min(4), 1..=64),
        hashing_queue: section.within("hashing_queue", 64, 0..=10_000),
    }
}

fn totp(section: &mut Section<'_, '_>, title: &str) -> Totp {
    // Apps split the label at the colon (Key URI Format).
    let parts: Vec<_> = title.split(':').map(str::trim).collect();
    let issuer = parts.join(" ").trim().to_owned();
    Totp {
        issuer: section.get("issuer", issuer),
        skew: section.within("skew", 1, 0..=1),
        enrolment: section.get("enrolment", EnrolmentMode::Invite),
    }
}

fn invitation(section: &mut Section<'_, '_>) -> Invitation {
    Invitation {
        lifetime: section.within("lifetime", 72 * HOUR, 10 * MINUTE..=30 * DAY),
    }
}

fn throttle(section: &mut Section<'_, '_>) -> Throttle {
    Throttle {
        logins_per_minute: section.within("logins_per_minute", 20, 1..=100_000),
        logins_per_hour: section.within("logins_per_hour", 100, 1..=1_000_000),
        free_attempts: section.within("free_attempts", 5, 1..=100),
        delay: section.within("delay", 30 * SECOND, SECOND..=HOUR),
        max_failures: section.within("max_failures", 100, 5..=100),
        codes_per_hour: section.within("codes_per_hour", 10, 3..=1000),
        backup_codes_per_hour: section.within("backup_codes_per_hour", 5, 1..=1000),
        max_code_failures: section.within("max_code_failures", 20, 5..=100),
        max_keys: section.within("max_keys", 200_000, 1000..=10_000_000),
    }
}

fn identity(section: &mut Section<'_, '_>, public_url: &PublicUrl) -> Identity {
    Identity {
        headers: section.section("headers", |names| IdentityHeaders {
            user: names.get("user", HeaderName::from_static("remote-user")),
            name: names.get("name", HeaderName::from_static("remote-name")),
            email: names.get("email", HeaderName::from_static("remote-email")),
            groups: names.get("groups", HeaderName::from_static("remote-groups")),
        }),
        assertion_header: section.get(
            "assertion_header",
            HeaderName::from_static("x-vestibule-assertion"),
        ),
        algorithm: section.get("algorithm", Algorithm::Es256),
        lifetime: section.within("lifetime", 60 * SECOND, 15 * SECOND..=LONGEST_LIFETIME),
        rotate_keys: section.optional("rotate_keys", "off", Some(90 * DAY)),
        audience: section.get("audience", public_url.as_str().to_owned()),
    }
}

fn log(section: &mut Section<'_, '_>) -> Log {
    Log {
        format: section.get("format", LogFormat::Text),
        level: section.get("level", LogLevel::Info),
        access: section.get("access", AccessLog::Off),
        audit_file: section.optional("audit_file", "", None),
    }
}

fn storage(section: &mut Section<'_, '_>, data_dir: &Path) -> Storage {
    Storage {
        url: section.get("url", StorageUrl::Sled),
        master_key_file: section.get("master_key_file", data_dir.join("master.key")),
    }
}

fn backup(section: &mut Section<'_, '_>) -> Backup {
    Backup {
        folder: section.optional("folder", "", None),
        every: section.within("every", DAY, SECOND..=365 * DAY),
        keep: section.within("keep", 7, 1..=10_000),
    }
}
