//! `vestibule integrate`: the configuration of a proxy that asks us, made for ours.
//!
//! The recipes in `examples/` are what this prints for the `vestibule.toml` beside them. A line of a template that
//! begins with the mark of a [`Layout`] is for that one alone.

mod foreign;

use crate::cli::integrate::foreign::{METHOD_OVERRIDES, OF_OTHER_GATEWAYS, STRIPPED};
use crate::cli::{Common, Failure, load, print};
use crate::config::{Config, Listen, Overrides};
use clap::ValueEnum;
use http::HeaderName;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// A proxy that can ask, or a file that one needs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Proxy {
    /// A file for /etc/nginx/conf.d/, with auth_request
    Nginx,
    /// A Caddyfile, with forward_auth
    Caddy,
    /// haproxy.cfg, which loads vestibule.lua
    Haproxy,
    /// vestibule.lua
    HaproxyLua,
    /// A file for the file provider, with forwardAuth
    Traefik,
    /// A bootstrap file, with ext_authz
    Envoy,
}

impl Proxy {
    fn template(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("integrate/nginx.conf"),
            Self::Caddy => include_str!("integrate/Caddyfile"),
            Self::Haproxy => include_str!("integrate/haproxy.cfg"),
            Self::HaproxyLua => include_str!("integrate/vestibule.lua"),
            Self::Traefik => include_str!("integrate/traefik.yaml"),
            Self::Envoy => include_str!("integrate/envoy.yaml"),
        }
    }
}

/// Where app and pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Each on a host of its own: the sign-in is shared below `session.cookie_domain`.
    Apart,
    /// On one host, the pages below `portal.path`: its sign-in counts nowhere else.
    Together,
}

impl Layout {
    const ALL: [Self; 2] = [Self::Apart, Self::Together];

    fn of(config: &Config) -> Self {
        match config.session.cookie_domain {
            Some(_) => Self::Apart,
            None => Self::Together,
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Apart => "@apart@",
            Self::Together => "@together@",
        }
    }

    /// The line of a template without its mark, unless that is another's.
    fn line(self, line: &str) -> Option<&str> {
        let marked = |layout: &Self| Some((*layout, line.strip_prefix(layout.mark())?));
        match Self::ALL.iter().find_map(marked) {
            Some((layout, line)) => (layout == self).then_some(line),
            None => Some(line),
        }
    }
}

/// Prints the file for `proxy`.
pub(in crate::cli) fn integrate(proxy: Proxy, common: &Common) -> Result<ExitCode, Failure> {
    let config = load(common, Overrides::default())?.config;
    let gate = reachable(&config)?;
    let words = words(&config, gate)?;
    print::line(filled(proxy.template(), Layout::of(&config), &words).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Where a proxy on this machine finds us, if it may ask.
fn reachable(config: &Config) -> Result<SocketAddr, Failure> {
    let Listen::Tcp(address) = config.listen else {
        return Err(refused(
            "the recipes ask over TCP, and listen is a Unix socket",
            "write listen = \"127.0.0.1:8080\"",
        ));
    };
    if config.trusted_proxies.is_empty() {
        return Err(refused(
            "trusted_proxies is empty, so no proxy would be answered",
            "name the address that the proxy connects from: trusted_proxies = [\"127.0.0.1\"]",
        ));
    }
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

fn refused(what: &str, hint: &str) -> Failure {
    Failure::usage(format!("error: {what}\nhint: {hint}"))
}

/// What stands for the words between `@` in a template.
struct Words {
    /// The same on every line.
    single: Vec<(&'static str, String)>,
    /// A line with one of these stands there once for each.
    headers: Vec<String>,
    twins: Vec<String>,
    stripped: Vec<&'static str>,
}

fn words(config: &Config, gate: SocketAddr) -> Result<Words, Failure> {
    if !config.public_url.is_https() {
        return Err(refused(
            "public_url is plain http, and the recipes end TLS",
            "write public_url = \"https://auth.example.com\"",
        ));
    }
    let host = config.public_url.host();
    let portal = &config.portal.path;
    let given = config.public_url.url().port();
    let headers = names(config);
    let single = vec![
        ("app", app(config)),
        ("cookie", pattern(&config.session.cookie_name)),
        ("gate", gate.to_string()),
        ("gate_ip", gate.ip().to_string()),
        ("gate_port", gate.port().to_string()),
        ("host", host.to_owned()),
        ("origin", config.public_url.as_str().to_owned()),
        ("port", given.unwrap_or(443).to_string()),
        (
            "port_of_host",
            given.map_or(String::new(), |port| format!(":{port}")),
        ),
        ("portal", portal.clone()),
        ("portal_pattern", pattern(portal)),
    ];
    let by_method = config
        .access
        .rules
        .iter()
        .any(|rule| !rule.methods.is_empty());
    let overrides = METHOD_OVERRIDES.iter().filter(|_| by_method);
    Ok(Words {
        single,
        twins: headers.iter().flat_map(|name| twins(name)).collect(),
        stripped: stripped(&headers, overrides),
        headers,
    })
}

/// All that is dropped, but for what we say ourselves.
fn stripped<'a>(
    headers: &[String],
    overrides: impl Iterator<Item = &'a &'static str>,
) -> Vec<&'static str> {
    let foreign = OF_OTHER_GATEWAYS.iter().filter(|name| {
        let is_ours = |header: &String| header.eq_ignore_ascii_case(name);
        !headers.iter().any(is_ours)
    });
    STRIPPED
        .iter()
        .chain(overrides)
        .chain(foreign)
        .copied()
        .collect()
}

/// The host of the app: a name to be changed, or the one that is there.
fn app(config: &Config) -> String {
    let host = config.public_url.host();
    let Some(domain) = &config.session.cookie_domain else {
        return host.to_owned();
    };
    match format!("app.{domain}") {
        taken if taken == host => format!("wiki.{domain}"),
        free => free,
    }
}

/// The identity headers as people write them.
fn names(config: &Config) -> Vec<String> {
    let identity = &config.identity;
    let plain = &identity.headers;
    let all = [
        &plain.user,
        &plain.name,
        &plain.email,
        &plain.groups,
        &identity.assertion_header,
    ];
    all.map(capitalised).to_vec()
}

fn capitalised(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

/// Every other spelling that has `_` for some `-`.
fn twins(name: &str) -> Vec<String> {
    let mut spellings = vec![String::new()];
    for c in name.chars() {
        let marks: &[char] = if c == '-' { &['-', '_'] } else { &[c] };
        spellings = spellings
            .iter()
            .flat_map(|begun| marks.iter().map(move |mark| format!("{begun}{mark}")))
            .collect();
    }
    spellings.retain(|spelling| spelling != name);
    spellings
}

/// The text as a regular expression that matches just this.
fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '/') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

fn filled(template: &str, layout: Layout, words: &Words) -> String {
    let mut text = String::new();
    for line in template.lines().filter_map(|line| layout.line(line)) {
        for line in repeated(line, words) {
            let line = words.single.iter().fold(line, |line, (name, word)| {
                line.replace(&format!("@{name}@"), word)
            });
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// The line once for each header that it is about.
fn repeated(line: &str, words: &Words) -> Vec<String> {
    if line.contains("@twin@") {
        let twins = words.twins.iter();
        return twins.map(|twin| line.replace("@twin@", twin)).collect();
    }
    if line.contains("@stripped@") {
        let stripped = words.stripped.iter();
        return stripped
            .map(|name| line.replace("@stripped@", name))
            .collect();
    }
    if !["@header@", "@lower@", "@variable@"]
        .iter()
        .any(|word| line.contains(word))
    {
        return vec![line.to_owned()];
    }
    let headers = words.headers.iter().map(|header| {
        let lower = header.to_ascii_lowercase();
        line.replace("@header@", header)
            .replace("@variable@", &lower.replace('-', "_"))
            .replace("@lower@", &lower)
    });
    headers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_every_template_is_filled_in() {
        let words = Words {
            single: [
                "app",
                "cookie",
                "gate",
                "gate_ip",
                "gate_port",
                "host",
                "origin",
                "port",
                "port_of_host",
                "portal",
                "portal_pattern",
            ]
            .map(|name| (name, "x".to_owned()))
            .to_vec(),
            headers: vec!["Remote-User".to_owned()],
            twins: twins("Remote-User"),
            stripped: STRIPPED.to_vec(),
        };
        let is_word = |text: &&str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let layouts = Layout::ALL.into_iter();
        let all = layouts.flat_map(|layout| {
            let proxies = Proxy::value_variants().iter();
            proxies.map(move |proxy| (layout, proxy))
        });
        for (layout, proxy) in all {
            let text = filled(proxy.template(), layout, &words);
            let lines = text.lines().flat_map(|line| {
                let pieces: Vec<&str> = line.split('@').collect();
                let inner = pieces.len().saturating_sub(1).max(1);
                pieces[1..inner.max(1)].to_vec()
            });
            let left: Vec<&str> = lines.filter(is_word).collect();
            assert_eq!(left, [""; 0], "{proxy:?} {layout:?}");
        }
    }

    #[test]
    fn a_header_has_a_twin_for_every_choice_of_dashes() {
        assert_eq!(twins("Remote-User"), ["Remote_User"]);
        assert_eq!(twins("X-A-B"), ["X-A_B", "X_A-B", "X_A_B"]);
    }

    #[test]
    fn a_pattern_means_its_own_text_alone() {
        assert_eq!(pattern("__Secure-gate"), "__Secure-gate");
        assert_eq!(pattern("a.b+c"), "a\\.b\\+c");
    }
}
