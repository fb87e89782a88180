//! An address to visit: where to connect, and exactly what to ask for there.

use crate::authz::target::Scheme;
use crate::cli::doctor::finding::shown;
use url::{Host, Url};

/// An http or https address whose path and query are sent as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Place {
    pub(in crate::cli::doctor) scheme: Scheme,
    /// As in a URL: an IPv6 address stands in brackets.
    pub(in crate::cli::doctor) host: String,
    pub(in crate::cli::doctor) port: u16,
    /// Path and query.
    pub(in crate::cli::doctor) target: String,
}

impl Place {
    /// Reads an address; none with a user name in it.
    pub(in crate::cli::doctor) fn parse(text: &str) -> Option<Self> {
        Self::of(&Url::parse(text).ok()?)
    }

    fn of(url: &Url) -> Option<Self> {
        let has_user = !url.username().is_empty() || url.password().is_some();
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        (!has_user).then_some(Self {
            scheme: Scheme::parse(url.scheme())?,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            target,
        })
    }

    /// Where a `Location` leads from here, read as browsers read it.
    pub(in crate::cli::doctor) fn join(&self, location: &str) -> Option<Self> {
        let here = Url::parse(&format!("{}{}", self.origin(), self.target)).ok()?;
        Self::of(&here.join(location).ok()?)
    }

    /// The same server, asked for something else.
    pub(in crate::cli::doctor) fn at(&self, target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ..self.clone()
        }
    }

    /// The same path over plain http on its own port.
    pub(in crate::cli::doctor) fn plain(&self) -> Self {
        Self {
            scheme: Scheme::Http,
            port: Scheme::Http.default_port(),
            ..self.clone()
        }
    }

    /// Is it reached over TLS?
    pub(in crate::cli::doctor) fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Scheme, host and port are the same.
    pub(in crate::cli::doctor) fn is_beside(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// What stands in `Host`.
    pub(in crate::cli::doctor) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Scheme and authority.
    pub(in crate::cli::doctor) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }

    /// The path without the query.
    pub(in crate::cli::doctor) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a query field, the first of its name.
    pub(in crate::cli::doctor) fn field(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut fields = form_urlencoded::parse(query.as_bytes());
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// For people: without the query, which may hold what is not for others.
    pub(in crate::cli::doctor) fn shown(&self) -> String {
        shown(&format!("{}{}", self.origin(), self.path()))
    }

    /// Does its name say that it is this machine (RFC 6761, 6.3)? What is sent there no other machine can read.
    pub(in crate::cli::doctor) fn is_local(&self) -> bool {
        match Host::parse(&self.host) {
            Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Ok(Host::Ipv4(address)) => address.is_loopback(),
            Ok(Host::Ipv6(address)) => address.is_loopback(),
            Err(_) => false,
        }
    }

    /// Do both hosts belong to one registered domain, so that they can share a sign-in?
    pub(in crate::cli::doctor) fn is_akin(&self, other: &Self) -> bool {
        self.host == other.host
            || match (self.domain(), other.domain()) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (_, _) => false,
            }
    }

    fn domain(&self) -> Option<&str> {
        match Host::parse(&self.host).ok()? {
            Host::Domain(_) => psl::domain_str(&self.host),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        let read = place("HTTPS://App.Example.com:443/a?b=c#d");
        assert_eq!(read.origin(), "https://app.example.com");
        assert_eq!(read.target, "/a?b=c");
        assert_eq!(place("http://[::1]:3000").authority(), "[::1]:3000");
        for text in ["ftp://a/", "a", "http://", "http://u:p@a/", "javascript:x"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_location_is_resolved_and_a_trick_is_kept() {
        let here = place("https://a.example/x/y?z");
        let to = |location| here.join(location).map(|to| to.origin() + &to.target);
        assert_eq!(to("/b").as_deref(), Some("https://a.example/b"));
        assert_eq!(to("//c.example/").as_deref(), Some("https://c.example/"));
        assert_eq!(to("../b?q").as_deref(), Some("https://a.example/b?q"));
        assert_eq!(to("javascript:alert(1)"), None);
        assert_eq!(here.at("/o/..%2fx").target, "/o/..%2fx");
    }

    #[test]
    fn hosts_of_one_registered_domain_are_akin() {
        let app = place("https://app.example.co.uk/");
        assert!(app.is_akin(&place("https://auth.example.co.uk/")));
        assert!(!app.is_akin(&place("https://example2.co.uk/")));
        assert!(!place("http://10.0.0.1/").is_akin(&place("http://10.1.0.1/")));
    }

    #[test]
    fn what_is_on_this_machine_is_known_by_its_name() {
        for (host, expected) in [
            ("localhost:8080", true),
            ("app.localhost", true),
            ("127.0.0.2", true),
            ("[::1]:3000", true),
            ("localhost.example.com", false),
            ("10.0.0.1", false),
        ] {
            let is_local = place(&format!("http://{host}/")).is_local();
            assert_eq!(is_local, expected, "{host}");
        }
    }

    #[test]
    fn a_query_is_read_and_not_shown() {
        let login = place("https://a.example/_vestibule/login?x=1&rd=%2Fb");
        assert_eq!(login.field("rd").as_deref(), Some("/b"));
        assert_eq!(login.shown(), "https://a.example/_vestibule/login");
    }
}
