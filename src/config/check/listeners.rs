//! What browsers see, where we listen, and who stands before us.

use crate::config::problem::Wrong;
use crate::config::report::Report;
use crate::config::setting::Setting;
use crate::config::{Config, Listen, PublicUrl};
use std::net::SocketAddr;
use url::Host;

pub(crate) fn public_url(config: &Config, report: &mut Report) {
    let public = &config.public_url;
    if !report.is_set("public_url") {
        match &config.listen {
            Listen::Unix(_) => report.refuse(
                &["public_url", "listen"],
                Wrong::new(
                    "it is missing, and a Unix socket does not tell it",
                    PublicUrl::HINT,
                ),
            ),
            Listen::Tcp(address) if !address.ip().is_loopback() => report.warn(
                &["public_url", "listen"],
                Wrong::new(
                    format!("it is missing, so links say {public} while we listen at {address}"),
                    PublicUrl::HINT,
                ),
            ),
            Listen::Tcp(_) => {}
        }
    }
    if !public.is_https() && !is_local(public.url().host()) {
        report.warn(
            &["public_url"],
            Wrong::new(
                "it is plain http: passwords and codes travel unprotected, cookies cannot be Secure",
                "let a proxy in front end TLS and write https://",
            ),
        );
    }
    if public.is_https()
        && matches!(config.listen, Listen::Tcp(_))
        && config.trusted_proxies.is_empty()
    {
        report.warn(
            &["trusted_proxies", "public_url", "listen"],
            Wrong::new(
                "it is empty, so all visitors share the address of the proxy that ends TLS, and its throttle",
                "name that proxy: trusted_proxies = [\"127.0.0.1/32\"]",
            ),
        );
    }
}

/// Whether a browser reaches the host without leaving its machine.
fn is_local(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(crate) fn trusted_proxies(config: &Config, report: &mut Report) {
    if let Some(all) = config
        .trusted_proxies
        .iter()
        .find(|net| net.prefix_len() == 0)
    {
        report.warn(
            &["trusted_proxies"],
            Wrong::new(
                format!("{all} trusts everybody: anyone can claim any address and host"),
                "name only the proxies in front of this one",
            ),
        );
    }
}

pub(crate) fn ops(config: &Config, report: &mut Report) {
    let Some(ops) = config.ops.listen else {
        return;
    };
    if matches!(config.listen, Listen::Tcp(public) if collide(public, ops)) {
        report.refuse(
            &["ops.listen", "listen"],
            Wrong::new(
                "it is the address of the public listener",
                "give it another port, or write \"off\"",
            ),
        );
    }
    if !ops.ip().is_loopback() {
        report.warn(
            &["ops.listen"],
            Wrong::new(
                "other machines can read metrics and readiness there",
                "write \"127.0.0.1:9090\", or keep strangers away by a firewall",
            ),
        );
    }
}

/// Whether the system refuses the second of two listeners.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let overlap = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && overlap
}
