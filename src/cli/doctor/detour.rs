//! Where to connect when a name leads somewhere else from here, or does not lead anywhere yet.

use crate::authz::target::Scheme;
use crate::cli::doctor::place::Place;
use std::net::SocketAddr;

/// One server and where it is: `IP:PORT` for that of the URL, `HOST:PORT=IP:PORT` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Detour {
    server: Option<(String, u16)>,
    to: SocketAddr,
}

impl Detour {
    /// Reads one from the command line.
    pub(in crate::cli::doctor) fn parse(text: &str) -> Option<Self> {
        let Some((server, to)) = text.split_once('=') else {
            let to = text.parse().ok()?;
            return Some(Self { server: None, to });
        };
        let (host, port) = server.rsplit_once(':')?;
        let server = (host.to_ascii_lowercase(), port.parse().ok()?);
        let to = to.parse().ok()?;
        (!host.is_empty()).then_some(Self {
            server: Some(server),
            to,
        })
    }
}

/// All of them.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Detours {
    url: Place,
    list: Vec<Detour>,
}

impl Detours {
    /// Those of a visit to `url`.
    pub(in crate::cli::doctor) fn new(url: &Place, list: &[Detour]) -> Self {
        Self {
            url: url.clone(),
            list: list.to_vec(),
        }
    }

    /// Where to connect in place of what the name says.
    ///
    /// Plain http beside a URL that was given an address of its own is on that machine, too: its name may still
    /// lead to another one.
    pub(in crate::cli::doctor) fn address(&self, place: &Place) -> Option<SocketAddr> {
        let is_it = |server: &(String, u16)| server.0 == place.host && server.1 == place.port;
        let named = |detour: &&Detour| detour.server.as_ref().is_some_and(is_it);
        if let Some(detour) = self.list.iter().find(named) {
            return Some(detour.to);
        }
        let unnamed = self.list.iter().find(|detour| detour.server.is_none())?;
        if self.url.is_beside(place) {
            return Some(unnamed.to);
        }
        let is_plain = place.is_beside(&self.url.plain());
        is_plain.then(|| SocketAddr::new(unnamed.to.ip(), Scheme::Http.default_port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_is_an_address_or_a_server_with_one() {
        for bad in [
            "",
            "a",
            "1.2.3.4",
            "a=1.2.3.4:5",
            "a:b=1.2.3.4:5",
            ":1=1.2.3.4:5",
        ] {
            assert_eq!(Detour::parse(bad), None, "{bad}");
        }
        let named = Detour::parse("[::1]:443=127.0.0.1:8443").unwrap();
        assert_eq!(named.server, Some(("[::1]".to_owned(), 443)));
    }

    #[test]
    fn each_server_has_its_own_way() {
        let place = |text| Place::parse(text).unwrap();
        let url = place("https://app.example.com/x");
        let list = ["10.0.0.1:8443", "Auth.example.com:443=10.0.0.2:9443"];
        let list: Vec<Detour> = list.iter().filter_map(|text| Detour::parse(text)).collect();
        let to = |list: &[Detour], text| {
            let address = Detours::new(&url, list).address(&place(text));
            address.map(|address| address.to_string())
        };
        let cases = [
            ("https://app.example.com/y", Some("10.0.0.1:8443")),
            ("http://app.example.com/", Some("10.0.0.1:80")),
            ("https://auth.example.com/", Some("10.0.0.2:9443")),
            ("http://auth.example.com/", None),
            ("https://app.example.com:1/", None),
        ];
        for (text, expected) in cases {
            assert_eq!(to(&list, text).as_deref(), expected, "{text}");
        }
        assert_eq!(to(&list[1..], "http://app.example.com/"), None);
    }
}
