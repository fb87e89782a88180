//! Whether requests find their app, and only their app.

use crate::config::problem::Wrong;
use crate::config::report::Report;
use crate::config::{Config, Listen, Upstream, UpstreamUrl};
use std::net::IpAddr;
use url::Host;

pub(crate) fn upstreams(config: &Config, report: &mut Report) {
    if config.upstreams.is_empty() && config.trusted_proxies.is_empty() {
        report.warn(
            &["upstream", "trusted_proxies"],
            Wrong::new(
                "there is no app behind, and no proxy may ask: nothing but our own pages is served",
                "name the app: --upstream http://127.0.0.1:3000, or [[upstream]] in the file; or the proxy that asks: trusted_proxies = [\"127.0.0.1\"]",
            ),
        );
    }
    for index in 0..config.upstreams.len() {
        place(config, index, report);
        address(config, index, report);
    }
}

/// The requests that an app is for.
fn place(config: &Config, index: usize, report: &mut Report) {
    let upstream = &config.upstreams[index];
    let (host, path) = (key(index, "host"), key(index, "path"));
    let earlier = &config.upstreams[..index];
    let same = |other: &Upstream| other.host == upstream.host && other.path == upstream.path;
    if let Some(other) = earlier.iter().position(same) {
        let what = format!("upstream[{other}] has the same host and path");
        let hint = "give one of them another path or host, or remove it";
        report.refuse(&[&path, &host], Wrong::new(what, hint));
    }
    let portal = &config.portal.path;
    if is_below(&upstream.path, portal) {
        let what = format!("it lies below portal.path, {portal}, where our own pages are");
        let hint = "give the app another path, or change portal.path";
        report.refuse(&[&path, "portal.path"], Wrong::new(what, hint));
    }
    if let Some(name) = &upstream.host
        && !config.signs_in_by_host()
        && !config.shares_sign_in(name)
    {
        let public = &config.public_url;
        let what = format!("browsers do not send the sign-in of {public} to {name}");
        let hint = "set session.cookie_domain to a domain that holds both hosts, or name the host of every app";
        let keys = [&*host, "public_url", "session.cookie_domain"];
        report.warn(&keys, Wrong::new(what, hint));
    }
}

/// The place where an app listens.
fn address(config: &Config, index: usize, report: &mut Report) {
    let url = &config.upstreams[index].url;
    let ops = config.ops.listen.map(Listen::Tcp);
    let hint = "write where the app itself listens";
    if leads_to(url, &config.listen) {
        let wrong = Wrong::new("it leads back to our own listener", hint);
        report.refuse(&[&key(index, "url"), "listen"], wrong);
    } else if ops.is_some_and(|ops| leads_to(url, &ops)) {
        let wrong = Wrong::new("it leads to the listener for operators", hint);
        report.refuse(&[&key(index, "url"), "ops.listen"], wrong);
    }
}

fn key(index: usize, name: &str) -> String {
    format!("upstream[{index}].{name}")
}

/// Whether `path` is `top` or below it.
fn is_below(path: &str, top: &str) -> bool {
    let rest = path.strip_prefix(top);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether requests to `url` arrive at `listen`.
fn leads_to(url: &UpstreamUrl, listen: &Listen) -> bool {
    match (url, listen) {
        (UpstreamUrl::Unix(theirs), Listen::Unix(ours)) => theirs == ours,
        (UpstreamUrl::Http { host, port }, Listen::Tcp(ours)) => {
            // 0.0.0.0 is every address for a listener, this machine for a client.
            let ours_ip = ours.ip();
            let near = ours_ip.is_loopback() || ours_ip.is_unspecified();
            let same = |ip: IpAddr| {
                ip == ours_ip
                    || (ours_ip.is_unspecified() && ip.is_loopback())
                    || (ip.is_unspecified() && near)
            };
            let arrives = match host {
                Host::Domain(name) => name == "localhost" && near,
                Host::Ipv4(ip) => same((*ip).into()),
                Host::Ipv6(ip) => same((*ip).into()),
            };
            *port == ours.port() && arrives
        }
        (UpstreamUrl::Unix(_), Listen::Tcp(_)) | (UpstreamUrl::Http { .. }, Listen::Unix(_)) => {
            false
        }
    }
}

pub(crate) fn proxy(config: &Config, report: &mut Report) {
    if config.proxy.max_target > config.proxy.max_header_bytes {
        report.refuse(
            &["proxy.max_target", "proxy.max_header_bytes"],
            Wrong::new(
                "it is larger than proxy.max_header_bytes, of which the target is a part",
                "lower it, or raise proxy.max_header_bytes",
            ),
        );
    }
}
