//! Addresses, hosts and URLs.
//!
//! A URL that is refused is never shown: people write passwords into them.

use crate::config::problem::{Wrong, quoted};
use crate::config::setting::Setting;
use crate::config::{Listen, PublicUrl, UpstreamUrl};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use url::{Host, ParseError, Url};

impl Setting for SocketAddr {
    const HINT: &'static str = "write an address and a port: \"127.0.0.1:9090\", \"[::1]:9090\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let hint = match text.split_once(':') {
                Some(("", port)) => format!("write \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" for every address of this machine"),
                Some(("localhost", port)) => format!("write the address itself: \"127.0.0.1:{port}\""),
                Some(_) | None => Self::HINT.to_owned(),
            };
            Wrong::new(format!("{} is not an address with a port", quoted(text)), hint)
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Listen {
    const HINT: &'static str = "write \"127.0.0.1:8080\" or \"unix:/run/vestibule.sock\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.strip_prefix("unix:") {
            Some(path) => socket_path(path).map(Self::Unix),
            None => SocketAddr::parse(text).map(Self::Tcp),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// The path after `unix:`. The kernel takes at most 107 bytes (unix(7)).
fn socket_path(text: &str) -> Result<PathBuf, Wrong> {
    let hint = "write the whole path: \"unix:/run/app.sock\"";
    if !text.starts_with('/') || text.contains('\0') {
        let what = format!("{} does not start with \"/\"", quoted(text));
        return Err(Wrong::new(what, hint));
    }
    if text.len() > 107 {
        let what = "the path of the socket is longer than 107 bytes";
        return Err(Wrong::new(
            what,
            "put the socket into a folder with a short path",
        ));
    }
    Ok(PathBuf::from(text))
}

impl Setting for IpNet {
    const HINT: &'static str =
        "write an address or a network: \"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = |hint: &str| Wrong::new(format!("{} is not a network", quoted(text)), hint);
        let one = || text.parse::<IpAddr>().map(Self::from);
        let net = text.parse::<Self>().or_else(|_| one());
        let net = net.map_err(|_| wrong(Self::HINT))?;
        // Clients have their IPv4 address, never its form in IPv6 (RFC 4291, 2.5.5.2).
        let IpAddr::V4(address) = net.addr().to_canonical() else {
            return Ok(net.trunc());
        };
        let given = net.prefix_len();
        let length = if net.addr().is_ipv4() {
            Some(given)
        } else {
            given.checked_sub(96)
        };
        let net = length.and_then(|length| Self::new(IpAddr::V4(address), length).ok());
        net.map(|net| net.trunc()).ok_or_else(|| {
            wrong("write it as IPv4, \"192.0.2.0/24\": in the form of IPv6 it begins with 96 bits")
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for PublicUrl {
    const HINT: &'static str =
        "write what browsers see, without a path: \"https://app.example.com\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = |what: &str| Wrong::new(what, Self::HINT);
        let url = Url::parse(text).map_err(|_| wrong("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it is neither http nor https"));
        }
        // Not shown: it may be a password.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it contains a user name or password"));
        }
        if url.path() != "/" {
            return Err(wrong("it contains a path"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it contains a query or fragment"));
        }
        if url
            .host_str()
            .is_none_or(|host| host.contains('*') || host.ends_with('.'))
        {
            return Err(wrong("its host is not the name of one host"));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { url, origin })
    }

    fn show(&self) -> String {
        self.origin.clone()
    }
}

/// A host in lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) String);

impl Setting for HostName {
    const HINT: &'static str = "write a host alone: \"app.example.com\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.contains('*') {
            let what = format!("{} contains a wildcard", quoted(text));
            return Err(Wrong::new(
                what,
                "wildcards are for hosts of access rules: add an upstream for each host, or leave host out",
            ));
        }
        match Host::parse(name) {
            Ok(host) if !name.contains('%') => Ok(Self(host.to_string())),
            Ok(_) | Err(_) => {
                let what = format!("{} is not a host", quoted(text));
                Err(Wrong::new(
                    what,
                    "write a host alone, without scheme, port or path: \"app.example.com\"",
                ))
            }
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// The domain of a cookie: a host name, which holds for every host below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieDomain(pub(crate) String);

impl Setting for CookieDomain {
    const HINT: &'static str = "write the domain that you registered: \"example.com\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        // Other programs want it so.
        if let Some(bare) = text.strip_prefix("*.").or(text.strip_prefix('.')) {
            let what = format!("{} is more than a domain", quoted(text));
            let hint = format!(
                "write it without what stands before the name: {}; every host below it is meant anyway",
                quoted(bare)
            );
            return Err(Wrong::new(what, hint));
        }
        let hint = |wrong: Wrong| Wrong::new(wrong.what, Self::HINT);
        HostName::parse(text).map(|name| Self(name.0)).map_err(hint)
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A host of a rule, or `*.` and a domain for every host below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPattern(pub(crate) String);

impl Setting for HostPattern {
    const HINT: &'static str = "write \"app.example.com\", or \"*.example.com\" for all below";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (every, name) = match text.strip_prefix("*.") {
            Some(domain) => ("*.", domain),
            None => ("", text),
        };
        let named = HostName::parse(name).ok();
        let named = named
            .filter(|name| every.is_empty() || name.0.contains(|c: char| c.is_ascii_alphabetic()));
        match named {
            Some(name) => Ok(Self(format!("{every}{}", name.0))),
            None => Err(Wrong::new(
                format!("{} is not a host", quoted(text)),
                Self::HINT,
            )),
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Setting for UpstreamUrl {
    const HINT: &'static str = "write \"http://127.0.0.1:3000\" or \"unix:/run/app.sock\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(path).map(Self::Unix);
        }
        if text.starts_with("https:") {
            return Err(Wrong::new(
                "TLS to the app is not in this version",
                "write http:// and keep the way to the app on this machine or a private network",
            ));
        }
        let wrong = |what: &str| Wrong::new(what, Self::HINT);
        let url = Url::parse(text);
        if url == Err(ParseError::InvalidPort) && text.starts_with("http:") {
            return Err(wrong("its port is no number up to 65535"));
        }
        let url = url.ok().filter(|url| url.scheme() == "http");
        let url = url.ok_or_else(|| wrong("it is not a URL with http://"))?;
        // Not shown: it may be a password.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it contains a user name or password"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            let hint = "leave the path out: requests keep the path that the browser asked for";
            return Err(Wrong::new("it contains a path or query", hint));
        }
        let host = url.host().ok_or_else(|| wrong("it has no host"))?;
        Ok(Self::Http {
            host: host.to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Url {
    const HINT: &'static str = "write \"https://…\" or \"mailto:…\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let url = Self::parse(text).ok();
        // `javascript:` in a link of ours would run on our pages.
        let good = |url: &Self| {
            matches!(url.scheme(), "http" | "https" | "mailto") && url.password().is_none()
        };
        url.filter(good)
            .ok_or_else(|| Wrong::new("it is not a link for people", Self::HINT))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
