//! Names of methods, headers, cookies, groups, users; colours.

use crate::authn::profile::Group;
use crate::authn::username::Username;
use crate::config::Colour;
use crate::config::problem::{Wrong, quoted};
use crate::config::setting::Setting;
use http::{HeaderName, Method};

impl Setting for Method {
    const HINT: &'static str = "write methods in capitals: \"GET\", \"HEAD\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = |what: &str| Wrong::new(format!("{} {what}", quoted(text)), Self::HINT);
        let method = Self::from_bytes(text.as_bytes()).map_err(|_| wrong("is not a method"))?;
        if text.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err(wrong(
                "is not in capitals, and methods are told apart by case",
            ));
        }
        if matches!(method, Self::CONNECT | Self::TRACE) {
            return Err(wrong("never passes"));
        }
        Ok(method)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Group {
    const HINT: &'static str = "write a group: \"staff\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|wrong| {
            let what = format!("{} is not a group", quoted(text));
            Wrong::new(what, wrong.to_string())
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Username {
    const HINT: &'static str = "write a user name: \"anna\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|wrong| {
            let what = format!("{} is not a user name", quoted(text));
            Wrong::new(what, wrong.to_string())
        })
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Colour {
    const HINT: &'static str = "write six hex digits: \"#2455c3\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.strip_prefix('#').map(str::to_ascii_lowercase);
        let bytes = digits.and_then(|d| data_encoding::HEXLOWER.decode(d.as_bytes()).ok());
        let colour = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        colour.ok_or_else(|| Wrong::new(format!("{} is not a colour", quoted(text)), Self::HINT))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// The name of a header that carries an identity.
impl Setting for HeaderName {
    const HINT: &'static str = "write a header of its own: \"Remote-User\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = |what: &str| Wrong::new(format!("{} {what}", quoted(text)), Self::HINT);
        let name = Self::from_bytes(text.as_bytes()).map_err(|_| wrong("is not a header name"))?;
        if is_reserved(&folded(&name)) {
            return Err(wrong(
                "already means something else to the app or to proxies",
            ));
        }
        Ok(name)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A header name as servers compare it that read `_` as `-`.
pub(crate) fn folded(name: &HeaderName) -> String {
    let is_sign = |c: char| !c.is_ascii_alphanumeric();
    name.as_str().replace(is_sign, "-")
}

fn is_reserved(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "host",
        "cookie",
        "set-cookie",
        "authorization",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "range",
        "forwarded",
        "via",
        "origin",
        "referer",
        "date",
        "location",
        "user-agent",
        "cache-control",
        "pragma",
        "x-real-ip",
        "x-request-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-method",
        "x-forwarded-uri",
        "x-forwarded-server",
        "x-forwarded-prefix",
        "x-forwarded-scheme",
        "x-forwarded-ssl",
    ];
    const STARTS: &[&str] = &[
        "content-",
        "proxy-",
        "accept",
        "if-",
        "sec-",
        "access-control-",
        "x-original-",
    ];
    NAMES.contains(&name) || STARTS.iter().any(|start| name.starts_with(start))
}

/// The name of a cookie (RFC 6265, 4.1.1): a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CookieName(pub(crate) String);

impl Setting for CookieName {
    const HINT: &'static str = "write letters, digits, \"-\" and \"_\": \"vestibule\"";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
            return Err(Wrong::new(
                format!("{} is not a cookie name", quoted(text)),
                Self::HINT,
            ));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
