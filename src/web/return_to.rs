//! Where to go after signing in or out: a path of this host, or an address of a configured one.
//!
//! Parsed once; what is not clearly safe is replaced by `/` (X-040, CVE-2020-5233, CVE-2020-11053).

use crate::authz::pattern::is_within;
use crate::authz::target::Target;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

/// Longer targets are not remembered.
const LONGEST: usize = 2_048;

/// What has to be encoded in the value of a query field.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?');

/// A target that was found safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

/// Where a visitor may be sent.
#[derive(Clone, Debug)]
pub struct Allowed {
    origins: Vec<String>,
    shared: Option<Shared>,
    portal: String,
}

/// Every host of a domain, where all of them share the sign-in (`session.cookie_domain`).
#[derive(Clone, Debug)]
pub struct Shared {
    /// `https` or `http`.
    pub scheme: String,
    /// The domain, in lower case.
    pub domain: String,
    /// The port, if it is not the scheme's own.
    pub port: Option<u16>,
}

impl Shared {
    fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        is_within(host, &self.domain) && url.scheme() == self.scheme && url.port() == self.port
    }

    /// The same for a Content-Security-Policy (CSP Level 3, 2.3.1).
    #[must_use]
    pub fn sources(&self) -> [String; 2] {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        ["", "*."].map(|below| format!("{}://{below}{}{port}", self.scheme, self.domain))
    }
}

impl Allowed {
    /// Paths outside `portal`, and addresses of exactly these `origins`, such as `https://app.example.com`, or
    /// of the hosts that share the sign-in.
    #[must_use]
    pub fn new(origins: Vec<String>, shared: Option<Shared>, portal: String) -> Self {
        Self {
            origins,
            shared,
            portal,
        }
    }

    /// Reads a target; anything doubtful becomes `/`.
    #[must_use]
    pub fn parse(&self, text: &str) -> ReturnTo {
        let safe = text.len() <= LONGEST && (self.is_safe_path(text) || self.is_safe_address(text));
        if safe {
            ReturnTo(text.to_owned())
        } else {
            ReturnTo::home()
        }
    }

    fn is_safe_path(&self, text: &str) -> bool {
        let mut bytes = text.bytes();
        // A second slash or a backslash makes it another host to some browser.
        bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && text.bytes().all(is_plain)
            && !self.is_portal(text)
            && self.stays_here(text)
    }

    /// The last word has the parser that browsers use: resolved, the path is still on the same host.
    fn stays_here(&self, text: &str) -> bool {
        let base = Url::parse("https://here.invalid/").expect("a constant");
        base.join(text)
            .is_ok_and(|url| url.origin() == base.origin() && !self.is_portal(url.path()))
    }

    fn is_safe_address(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else {
            return false;
        };
        // Written any other way than the parser writes it, somebody may read it differently.
        let canonical = url.as_str() == text && text.bytes().all(is_plain);
        let plain = url.username().is_empty() && url.password().is_none();
        canonical && plain && self.is_known(&url) && !self.is_portal(url.path())
    }

    fn is_known(&self, url: &Url) -> bool {
        self.origins.contains(&url.origin().ascii_serialization())
            || self
                .shared
                .as_ref()
                .is_some_and(|shared| shared.covers(url))
    }

    /// Our own pages lead back to the login, or out again, also in another spelling.
    fn is_portal(&self, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let target = Target::parse("https", "here.invalid", path);
        target.is_ok_and(|target| target.resembles(&self.portal))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`')
}

impl ReturnTo {
    /// The front page.
    #[must_use]
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The target as a `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The link to `page` that leads back here.
    #[must_use]
    pub fn after(&self, page: &str) -> String {
        if self.is_home() {
            return page.to_owned();
        }
        let mark = if page.contains('?') { '&' } else { '?' };
        format!(
            "{page}{mark}rd={}",
            utf8_percent_encode(&self.0, QUERY_VALUE)
        )
    }

    /// What will be asked for there; a path is one of the host of `here`.
    #[must_use]
    pub fn target(&self, here: &Target) -> Option<Target> {
        let address = self.0.split('#').next().unwrap_or_default();
        if address.starts_with('/') {
            Target::parse(here.scheme().as_str(), here.authority(), address).ok()
        } else {
            Target::parse_url(address).ok()
        }
    }

    /// Is it the front page, so that links need not carry it?
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.0 == "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allowed() -> Allowed {
        let origins = vec![
            "https://app.example.com".to_owned(),
            "https://wiki.example.com:8443".to_owned(),
        ];
        Allowed::new(origins, None, "/_vestibule".to_owned())
    }

    #[test]
    fn a_shared_sign_in_leads_to_every_host_of_its_domain_and_no_further() {
        let shared = Shared {
            scheme: "https".to_owned(),
            domain: "example.com".to_owned(),
            port: None,
        };
        let allowed = Allowed::new(vec![], Some(shared), "/_vestibule".to_owned());
        for text in ["https://example.com/", "https://a.b.example.com/x?y"] {
            assert_eq!(allowed.parse(text).as_str(), text);
        }
        for text in [
            "http://a.example.com/",
            "https://a.example.com:444/",
            "https://badexample.com/",
            "https://example.com.evil/",
            "https://evil/example.com",
            "https://evil/.example.com",
            "https://evil#.example.com",
            "https://evil?.example.com",
            "https://evil@a.example.com/",
            "https://a.example.com@evil/",
            "https://a.example.com./",
            "https://.example.com/",
            "https://a.example.com",
            "https://a.example.com/_vestibule/logout",
        ] {
            assert_eq!(allowed.parse(text).as_str(), "/", "{text}");
        }
    }

    #[test]
    fn paths_and_configured_addresses_are_kept_as_they_are() {
        let longest = format!("/{}", "a".repeat(LONGEST - 1));
        for text in [
            "/",
            "/reports?id=7&x=%2F",
            "/a;b/c%20d#e",
            "/_vestibules/x",
            "https://app.example.com/x?y=z",
            "https://wiki.example.com:8443/",
            &longest,
        ] {
            assert_eq!(allowed().parse(text).as_str(), text);
        }
    }

    #[test]
    fn everything_else_becomes_the_front_page() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for text in [
            "",
            "x",
            "//evil",
            "/\\evil",
            "\\\\evil",
            "/\tevil",
            "/ /evil",
            "/./\\evil",
            "https:evil",
            "https:/evil",
            "https:///evil",
            "http://app.example.com/",
            "https://app.example.com@evil/",
            "https://evil#app.example.com",
            "https://app.example.com.evil/",
            "https://badapp.example.com/",
            "https://app.example.com:444/",
            "https://app.example.com:443/",
            "https://APP.example.com/",
            "https://app.example.com\\@evil/",
            "https://user@app.example.com/",
            "https://:secret@app.example.com/",
            "https://app.example.com/?`",
            "https://app.example.com/\r\nx",
            "javascript:alert(1)",
            "data:text/html,x",
            "/x\r\nSet-Cookie: a=b",
            "/\u{ff0f}evil",
            "//evil%2f..",
            "https://2130706433/",
            "https://[::1]/",
            "/_vestibule",
            "/_vestibule/logout",
            "/%5fvestibule/logout",
            "//_vestibule/",
            "/_VESTIBULE/login?rd=/",
            "/x/../_vestibule/logout",
            "/_vestibule/../x",
            "/%5c/..//evil\\",
            "https://app.example.com/_vestibule/logout",
            "/a\"b",
            "/<b>",
            &long,
        ] {
            assert_eq!(allowed().parse(text).as_str(), "/", "{text:?}");
        }
    }

    #[test]
    fn what_will_be_asked_for_is_on_the_host_that_the_address_names_or_here() {
        let here = Target::parse("http", "here.example.com:81", "/_vestibule/login").unwrap();
        for (kept, asked) in [
            ("/", "http://here.example.com:81/"),
            ("/x?y#z", "http://here.example.com:81/x?y"),
            (
                "https://app.example.com/x?y#/z",
                "https://app.example.com/x?y",
            ),
        ] {
            let target = allowed().parse(kept).target(&here).unwrap();
            assert_eq!(target.url(), asked, "{kept}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_kept_stays_on_a_configured_host(text in "(/|https?:|[a-z./\\\\@#?%:;\t\r\n -]){0,12}") {
            let kept = allowed().parse(&text);
            let base = Url::parse("https://app.example.com/").unwrap();
            let url = base.join(kept.as_str()).unwrap();
            let origin = url.origin().ascii_serialization();
            prop_assert!(allowed().origins.contains(&origin), "{text:?} leads to {url}");
        }
    }
}
