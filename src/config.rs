//! Complete, typed configuration.
//!
//! A [`Config`] that exists has been read, checked and completed: every default is filled in,
//! nothing in it needs another look. It knows none of the modules it configures.

mod load;
mod check;
mod file;
mod reader;
mod unknown;
mod layers;
mod setting;
mod report;
mod problem;

pub use crate::config::load::{Loaded, Overrides, PLACES, environment, has_file};
pub use crate::config::problem::{Origin, Problem, Problems, Severity};
pub use crate::config::report::{Source, Sources};

use crate::authn::profile::Group;
use crate::authn::username::Username;
use crate::authz::pattern;
use crate::authz::rule::{self, Policy, Requirement, know_one_factor};
use http::{HeaderName, Method};
use ipnet::IpNet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// All that can be set. The names are those of the file; see `config/vestibule.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where browsers (or the proxy before us) connect. Default `127.0.0.1:8080`.
    pub listen: Listen,
    /// What the browser sees. Default `http://localhost:<port of listen>`.
    pub public_url: PublicUrl,
    /// Our folder: the store, the admin socket, by default the master key. Default
    /// `vestibule-data`, relative to the working folder.
    pub data_dir: PathBuf,
    /// Who may tell us the client's address, scheme and host. Default: nobody.
    pub trusted_proxies: Vec<IpNet>,
    /// Our own pages.
    pub portal: Portal,
    /// The apps behind; none at all means that only other proxies ask us.
    pub upstreams: Vec<Upstream>,
    /// The client side of the proxy: limits and timeouts.
    pub proxy: Proxy,
    /// Who may pass.
    pub access: Access,
    /// Sessions and their cookie.
    pub session: Session,
    /// Passwords and the cost of hashing them.
    pub password: Password,
    /// One-time codes.
    pub totp: Totp,
    /// Invitation links.
    pub invitation: Invitation,
    /// How fast anyone may guess.
    pub throttle: Throttle,
    /// What the app learns about who came in.
    pub identity: Identity,
    /// Logs and the audit stream.
    pub log: Log,
    /// The listener for operators.
    pub ops: Ops,
    /// Where accounts and sessions are kept.
    pub storage: Storage,
    /// Backups by the clock.
    pub backup: Backup,
}

/// A place to listen at: `addr:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The origin that browsers see: http or https, a host, perhaps a port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    url: Url,
    origin: String,
}

impl PublicUrl {
    /// The origin without a slash at its end, such as `https://app.example.com`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// The origin as a URL, for joining paths to it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host in lower case, without the port; an IPv6 address stands in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether browsers reach us through TLS, so that cookies can be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// Our own pages: `[portal]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Portal {
    /// Everything of ours lives at and below this path; no slash at its end. Default `/_vestibule`.
    pub path: String,
    /// The heading of the pages. Default `Sign in`.
    pub title: String,
    /// An SVG, PNG, JPEG or WebP image of at most 1 MiB. Default: none.
    pub logo_file: Option<PathBuf>,
    /// The colour of buttons and links. Default `#2455c3`.
    pub accent: Colour,
    /// Where people find help: http, https or mailto. Default: none.
    pub support_link: Option<Url>,
}

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// An app behind us: `[[upstream]]`. The longest matching `path` of the matching `host` wins.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Where the app listens.
    pub url: UpstreamUrl,
    /// Only requests for this host go here, in lower case without port. Default: any.
    pub host: Option<String>,
    /// Only requests at or below this path go here. Default `/`.
    pub path: String,
    /// How long connecting may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long the app may take until the head of its reply. Default 60 s.
    pub response_timeout: Duration,
    /// How long a body may stand still. Default 5 min.
    pub idle_timeout: Duration,
    /// The longest request body in bytes. Default: none, bodies stream through.
    pub max_body: Option<u64>,
    /// The most requests and WebSockets under way to it at once. Default 1000.
    pub max_connections: usize,
    /// The most of them of one user; without a user, of one address. Default a quarter of all, and at least 32.
    pub max_connections_per_user: usize,
    /// Whether the app sees the `Host` that the browser sent rather than its own. Default yes.
    pub preserve_host: bool,
}

/// Where an app listens: `http://host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamUrl {
    /// Plain HTTP over TCP.
    Http {
        /// A name or an address.
        host: url::Host,
        /// Default 80.
        port: u16,
    },
    /// Plain HTTP over a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { host, port } => write!(f, "http://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The client side of the proxy: `[proxy]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Proxy {
    /// What becomes of client headers with `_` in their names. Default drop.
    pub underscore_headers: UnderscoreHeaders,
    /// How long the head of a request may take. Default 10 s.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a request body may stand still. Default 30 s.
    pub body_idle_timeout: Duration,
    /// How long running requests may take to finish when we stop. Default 30 s.
    pub drain_timeout: Duration,
    /// How long a WebSocket or other tunnel may be silent. Default 10 min.
    pub tunnel_idle_timeout: Duration,
    /// The longest request head in bytes. Default 32 KiB.
    pub max_header_bytes: usize,
    /// The most header lines of a request. Default 100.
    pub max_headers: usize,
    /// The longest request target in bytes. Default 16 KiB.
    pub max_target: usize,
    /// The most client connections at once. Default 10 000.
    pub max_connections: usize,
    /// The most of them from one address (IPv6: one /64); trusted proxies and Unix sockets are not counted.
    /// Default a tenth of all, and at least 100.
    pub max_connections_per_address: usize,
    /// The most WebSockets that one user has open at once; without a user, one address. Default 100.
    pub max_tunnels_per_user: usize,
}

/// What becomes of client headers whose names contain `_`.
///
/// Many servers read `Remote_User` as `Remote-User`, which is how identities get forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderscoreHeaders {
    /// They are removed, as nginx does.
    Drop,
    /// They pass, except those that spell one of our identity headers.
    Keep,
}

/// Who may pass: `[access]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// What holds where no rule matches. Default two factors.
    pub default: Policy,
    /// Origins whose scripts may read that somebody has to sign in. Default: none.
    pub cors_origins: Vec<String>,
    /// The first rule that matches decides.
    pub rules: Vec<Rule>,
}

impl Access {
    /// Is there anything that a password alone opens?
    #[must_use]
    pub fn knows_one_factor(&self) -> bool {
        know_one_factor(self.default, self.rules.iter().map(|rule| rule.policy))
    }
}

/// One rule: `[[access.rule]]`. All conditions must hold; an empty list is no condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Hosts in lower case, without port; `*.example.com` is every host below `example.com`.
    pub hosts: Vec<String>,
    /// Paths.
    pub paths: Vec<PathPattern>,
    /// Methods.
    pub methods: Vec<Method>,
    /// Networks of clients.
    pub networks: Vec<IpNet>,
    /// Groups of which whoever is signed in has to be in one.
    pub groups: Vec<Group>,
    /// Users of whom whoever is signed in has to be one.
    pub users: Vec<Username>,
    /// What holds when the rule matches.
    pub policy: Policy,
    /// How old the second factor may be, for two factors alone. Default: as old as the session.
    pub max_age: Option<Duration>,
}

impl Config {
    /// Has each host a sign-in of its own, because every app names its host?
    #[must_use]
    pub(crate) fn signs_in_by_host(&self) -> bool {
        !self.upstreams.is_empty() && self.upstreams.iter().all(|app| app.host.is_some())
    }

    /// Does the cookie of a sign-in at the host of `public_url` reach `host`?
    #[must_use]
    pub(crate) fn shares_sign_in(&self, host: &str) -> bool {
        match &self.session.cookie_domain {
            Some(domain) => pattern::is_within(host, domain),
            None => host == self.public_url.host(),
        }
    }
}

impl Rule {
    /// The rule as requests are judged by it.
    #[must_use]
    pub(crate) fn judged(&self) -> rule::Rule {
        let paths = self.paths.iter().map(PathPattern::as_str);
        let hosts = self.hosts.iter().map(String::as_str);
        rule::Rule {
            hosts: hosts.map(pattern::HostPattern::parse).collect(),
            paths: paths.map(pattern::PathPattern::parse).collect(),
            methods: self.methods.clone(),
            networks: self.networks.clone(),
            users: self.users.clone(),
            groups: self.groups.clone(),
            requirement: Requirement {
                policy: self.policy,
                max_age: self.max_age,
            },
        }
    }
}

/// A path of a rule: exact, `*` for any part of one segment, `/**` at the end for any depth.
///
/// It starts with `/` and is written as a browser sends it, so it can be compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sessions and their cookie: `[session]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// A session that is not used for this long is over. Default 1 h (NIST SP 800-63B-4, 2.2.3).
    pub idle: Duration,
    /// No session lives longer. Default 24 h (NIST SP 800-63B-4, 2.2.3).
    pub lifetime: Duration,
    /// Default `__Host-vestibule` where browsers allow that prefix, else `vestibule`.
    pub cookie_name: String,
    /// The domain whose hosts share the sign-in. Default: none, only the host of `public_url`.
    pub cookie_domain: Option<String>,
    /// The most sessions of one account; others end when there is one more, as
    /// [`room`](crate::authn::session::room) says. Default 20, at most 1000.
    pub max_per_user: usize,
    /// How long a browser counts as known to an account, so that a stranger's guesses do not
    /// slow its owner down. It never replaces a factor. Default 90 d.
    pub device_lifetime: Duration,
}

/// Passwords and the cost of hashing them: `[password]` (Argon2id, RFC 9106).
#[derive(Clone, Debug, PartialEq)]
pub struct Password {
    /// Memory of one hash in bytes, whole KiB. Default 19 MiB.
    pub memory: u64,
    /// Passes over the memory. Default 2.
    pub iterations: u32,
    /// Lanes. Default 1.
    pub parallelism: u32,
    /// The shortest new password in code points. Default 12, and 15 where a password alone opens something.
    pub min_length: usize,
    /// The longest password in code points. Default 256.
    pub max_length: usize,
    /// How many hashes are computed at once. Default: the number of cores, at most 4.
    pub hashing_threads: usize,
    /// How many sign-ins wait for one of them before the next is told to come back. Default 64.
    pub hashing_queue: usize,
}

/// One-time codes: `[totp]` (RFC 6238; 6 digits, 30 seconds, SHA-1 as every app knows).
#[derive(Clone, Debug, PartialEq)]
pub struct Totp {
    /// What authenticator apps show beside the name. Default: the title of the portal.
    pub issuer: String,
    /// How many steps before and after the current one count: 0 or 1. Default 1.
    pub skew: u8,
    /// When an account gets its authenticator. Default with the invitation.
    pub enrolment: EnrolmentMode,
}

/// When an account gets its authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentMode {
    /// Only together with accepting an invitation.
    Invite,
    /// Also after the first sign-in with a password.
    FirstSignIn,
}

/// Invitation links: `[invitation]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// How long a link can be used, once. Default 72 h.
    pub lifetime: Duration,
}

/// How fast anyone may guess: `[throttle]` (NIST SP 800-63B-4, 3.2.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Throttle {
    /// Sign-in tries from one address (IPv6: one /64) in a minute. Default 20.
    pub logins_per_minute: u32,
    /// Sign-in tries from one address (IPv6: one /64) in an hour. Default 100.
    pub logins_per_hour: u32,
    /// Passwords that may be tried at once for one account; known browsers are counted apart.
    /// Default 5.
    pub free_attempts: u32,
    /// After those, one more attempt is granted each time this has passed. Default 30 s.
    pub delay: Duration,
    /// After this many wrong passwords in a row the password works from known browsers only.
    /// Default 100, which NIST allows at most.
    pub max_failures: u32,
    /// One-time codes tried for one account in an hour. Default 10.
    pub codes_per_hour: u32,
    /// Backup codes tried for one account in an hour. Default 5.
    pub backup_codes_per_hour: u32,
    /// After this many wrong codes in a row the authenticator is out of use. Default 20.
    pub max_code_failures: u32,
    /// How many addresses and accounts are remembered, so that memory stays bounded.
    /// Default 200 000.
    pub max_keys: usize,
}

/// What the app learns about who came in: `[identity]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The names of the plain headers.
    pub headers: IdentityHeaders,
    /// The header with the signed assertion. Default `X-Vestibule-Assertion`.
    pub assertion_header: HeaderName,
    /// How assertions are signed. Default ES256.
    pub algorithm: Algorithm,
    /// How long an assertion can be used, 15 s to 5 min. Default 60 s.
    pub lifetime: Duration,
    /// How long a key signs before the next one does; `None` when it is `"off"`. Default 90 d.
    pub rotate_keys: Option<Duration>,
    /// The `aud` claim. Default: `public_url`.
    pub audience: String,
}

/// The names of the plain identity headers; all differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// The user name. Default `Remote-User`.
    pub user: HeaderName,
    /// The display name. Default `Remote-Name`.
    pub name: HeaderName,
    /// The mail address. Default `Remote-Email`.
    pub email: HeaderName,
    /// The groups, with commas between. Default `Remote-Groups`.
    pub groups: HeaderName,
}

/// How assertions are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4).
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
}

/// Logs and the audit stream: `[log]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// How lines look. Default text.
    pub format: LogFormat,
    /// What is worth a line. Default info.
    pub level: LogLevel,
    /// Is there a line for each request? Default off.
    pub access: AccessLog,
    /// A file for security events, one JSON object a line. Default: none, they go to the log.
    pub audit_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is worth a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what may soon fail.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

/// Is there a line for each request?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// No.
    Off,
    /// In the log, under the target `access`, without queries.
    On,
}

/// The listener for operators: `[ops]`, with `/healthz`, `/readyz` and `/metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ops {
    /// `None` when it is `"off"`. Default `127.0.0.1:9090`.
    pub listen: Option<SocketAddr>,
}

/// Where accounts and sessions are kept: `[storage]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Which store. Default `sled:`.
    pub url: StorageUrl,
    /// The file with the key that seals every value; mode 0600. Default
    /// `<data_dir>/master.key`.
    pub master_key_file: PathBuf,
}

/// Backups by the clock: `[backup]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// Where they go. Default: nowhere, they are made by hand alone.
    pub folder: Option<PathBuf>,
    /// How old the newest gets before there is another. Default 24 h.
    pub every: Duration,
    /// How many stay. Default 7.
    pub keep: usize,
}

/// Which store keeps the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageUrl {
    /// `sled:` – embedded, below `data_dir`.
    Sled,
}

#[cfg(test)]
mod tests;
