//! What the browser asked for, judged and forwarded as the same bytes.
//!
//! A [`Target`] is canonical in scheme and host and raw in path and query. Bytes that no two servers
//! agree on make no target at all; a path that servers are known to read differently makes a target
//! that says so ([`Target::is_ambiguous`]), and no rule that lets more people in may match it.

use crate::authz::lax;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use unicode_normalization::UnicodeNormalization;

/// The longest path with query that is read, in bytes: twice what RFC 9112 section 3 recommends to support.
pub const MAX_LENGTH: usize = 64 * 1024;

/// How the browser reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Reads `http` or `https` in any case (RFC 3986 section 3.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else if text.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else {
            None
        }
    }

    /// The lower-case name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme need not name.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why something is not a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Neither `http` nor `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// The host or port cannot be one: empty, with user information, a zone, other characters than a name has.
    #[error("the host is malformed")]
    Authority,
    /// The path or query holds bytes that must not be there (NUL, control characters, `#`, a bad percent code, non-ASCII).
    #[error("the path is malformed")]
    Path,
    /// The path and query are longer than [`MAX_LENGTH`].
    #[error("the path is too long")]
    TooLong,
}

/// What the browser asked for (RFC 9110 section 7.1: the target URI).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    scheme: Scheme,
    /// The whole URL; the numbers below cut it into its parts.
    url: String,
    host_end: usize,
    authority_end: usize,
    path_end: usize,
    port: u16,
    clarity: Clarity,
    lax_path: Option<String>,
}

/// Do all servers read a path alike?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Clarity {
    Plain,
    Ambiguous,
}

impl Target {
    /// Builds a target from the parts of a request.
    ///
    /// The host becomes lower case and loses one trailing dot; a default port is dropped; an IPv6
    /// literal is written the one canonical way. An empty path becomes `/`; otherwise path and query stay
    /// byte for byte (RFC 9110 section 7.7).
    ///
    /// # Errors
    /// [`BadTarget`] tells which part was refused.
    pub fn parse(scheme: &str, authority: &str, path_and_query: &str) -> Result<Self, BadTarget> {
        let scheme = Scheme::parse(scheme).ok_or(BadTarget::Scheme)?;
        if path_and_query.len() > MAX_LENGTH {
            return Err(BadTarget::TooLong);
        }
        let (host, port) = parse_authority(authority)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        check_path(path)?;
        check_query(query.unwrap_or_default())?;
        let port = port.unwrap_or(scheme.default_port());
        Ok(Self::assemble(scheme, &host, port, (path, query)))
    }

    /// Reads a whole URL, as auth-check headers carry one.
    ///
    /// # Errors
    /// [`BadTarget`], also when the text is not absolute or carries a fragment.
    pub fn parse_url(url: &str) -> Result<Self, BadTarget> {
        let (scheme, rest) = url.split_once("://").ok_or(BadTarget::Scheme)?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(end);
        Self::parse(scheme, authority, path_and_query)
    }

    fn assemble(
        scheme: Scheme,
        host: &str,
        port: u16,
        (path, query): (&str, Option<&str>),
    ) -> Self {
        let clarity = clarity(path);
        let lax_path = match clarity {
            Clarity::Plain => lax::path(path),
            Clarity::Ambiguous => None,
        };
        let mut url = String::with_capacity(
            scheme.as_str().len() + host.len() + path.len() + query.map_or(0, str::len) + 10,
        );
        url.push_str(scheme.as_str());
        url.push_str("://");
        url.push_str(host);
        let host_end = url.len();
        if port != scheme.default_port() {
            url.push(':');
            url.push_str(&port.to_string());
        }
        let authority_end = url.len();
        url.push_str(path);
        let path_end = url.len();
        if let Some(query) = query {
            url.push('?');
            url.push_str(query);
        }
        Self {
            scheme,
            url,
            host_end,
            authority_end,
            path_end,
            port,
            clarity,
            lax_path,
        }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case without a port; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.url[self.host_start()..self.host_end]
    }

    /// The port, also when it is the scheme's default.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port; a default port is left out.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.url[self.host_start()..self.authority_end]
    }

    /// The web origin: scheme, host and port (RFC 6454).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.url[..self.authority_end]
    }

    /// The path exactly as received, never empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.url[self.authority_end..self.path_end]
    }

    /// The path as servers read it that do not mind case, percent codes, and blanks and dots around a segment; some
    /// of them drop the slash at its end. Only for patterns, and only when nothing is ambiguous.
    #[must_use]
    pub fn lax_path(&self) -> &str {
        self.lax_path.as_deref().unwrap_or(self.path())
    }

    /// Do lax servers read the path as it stands?
    pub(in crate::authz) fn is_plain(&self) -> bool {
        self.lax_path.is_none()
    }

    /// The query exactly as received, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.url[self.path_end..].strip_prefix('?')
    }

    /// Path and query exactly as received: what goes upstream.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.url[self.authority_end..]
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True when servers are known to read this path in different ways, so that it may only pass where every rule agrees.
    ///
    /// Dot segments raw or encoded, segments of nothing but dots and blanks, encoded slash or backslash, `//`, `\`, `;` parameters raw or encoded, an encoded `?` or `#`, encoded
    /// control characters, unreserved characters that were encoded without need, double encoding, and bytes
    /// that are overlong, no UTF-8, or that compatibility normalisation turns into ASCII.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.clarity == Clarity::Ambiguous
    }

    /// True when some server could take this path for one at or below `prefix`.
    ///
    /// Such a path is never forwarded as the app's own: `//_vestibule/login`, `/%5fvestibule/login`,
    /// `/_VESTIBULE/login`, `/x/../_vestibule`, `/_vestibule/../x`.
    #[must_use]
    pub fn resembles(&self, prefix: &str) -> bool {
        let wanted = segments(prefix);
        let path = loosely_decoded(self.path());
        let found = segments(&path);
        found.starts_with(&wanted) || found.contains(&"..") && contains(&found, &wanted)
    }

    fn host_start(&self) -> usize {
        self.scheme.as_str().len() + "://".len()
    }
}

impl fmt::Debug for Target {
    /// Leaves the query out: it may carry what must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target")
            .field(&&self.url[..self.path_end])
            .finish()
    }
}

/// Splits an authority into its canonical host and its port.
fn parse_authority(authority: &str) -> Result<(String, Option<u16>), BadTarget> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(BadTarget::Authority)?;
            (parse_ipv6(address)?, after)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (name, after) = authority.split_at(end);
            (parse_name(name)?, after)
        }
    };
    match port.strip_prefix(':') {
        Some(digits) => Ok((host, Some(parse_port(digits)?))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(BadTarget::Authority),
    }
}

fn parse_ipv6(address: &str) -> Result<String, BadTarget> {
    let address: Ipv6Addr = address.parse().map_err(|_| BadTarget::Authority)?;
    Ok(format!("[{address}]"))
}

/// A DNS name in ASCII (IDNA names in their `xn--` form) or an IPv4 address.
fn parse_name(name: &str) -> Result<String, BadTarget> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(label_is_good) {
        return Err(BadTarget::Authority);
    }
    // A name that ends in a number is read as an IPv4 address by browsers, in many odd notations
    // (`0x7f.1`); only the plain one passes.
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || last.len() > 1 && matches!(&last.as_bytes()[..2], b"0x" | b"0X");
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err(BadTarget::Authority);
    }
    Ok(name.to_ascii_lowercase())
}

fn parse_port(digits: &str) -> Result<u16, BadTarget> {
    // `u16::from_str` would take a plus sign, and a leading zero is a second spelling.
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadTarget::Authority);
    }
    digits.parse().map_err(|_| BadTarget::Authority)
}

fn check_path(path: &str) -> Result<(), BadTarget> {
    let refused =
        |b: u8| matches!(b, b'#' | b'"' | b'<' | b'>' | b'{' | b'}') || !b.is_ascii_graphic();
    if !path.starts_with('/') || path.bytes().any(refused) {
        return Err(BadTarget::Path);
    }
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        match hex_pair(&rest.as_bytes()[at + 1..]) {
            Some(0) | None => return Err(BadTarget::Path),
            Some(_) => rest = &rest[at + 3..],
        }
    }
    Ok(())
}

/// A query is the app's own language: only what breaks messages apart is refused.
fn check_query(query: &str) -> Result<(), BadTarget> {
    let refused = |b: u8| matches!(b, b'#' | b'"' | b'<' | b'>') || !b.is_ascii_graphic();
    if query.bytes().any(refused) {
        return Err(BadTarget::Path);
    }
    Ok(())
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let value = digit(*bytes.first()?)? * 16 + digit(*bytes.get(1)?)?;
    u8::try_from(value).ok()
}

fn clarity(path: &str) -> Clarity {
    let raw = path.contains("//") || path.contains(['\\', ';']) || path.split('/').any(is_dots);
    if raw || path.contains('%') && encoding_is_ambiguous(path) {
        Clarity::Ambiguous
    } else {
        Clarity::Plain
    }
}

/// Could a server take this segment for none, for `.` or for `..`? Windows drops blanks and dots at the end of a
/// name and frameworks trim it, so `..%20` and `...` are as good as `..` to some.
fn is_dots(segment: &str) -> bool {
    segment.starts_with(['.', '%']) && lax::segment(segment).is_empty()
}

/// Judges the percent codes of a path whose codes are well-formed.
fn encoding_is_ambiguous(path: &str) -> bool {
    let mut rest = path.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let (code, after) = (hex_pair(&rest[at + 1..]), &rest[at + 3..]);
        match code {
            Some(b'%') if hex_pair(after).is_some() => return true, // double encoding
            // A server that decodes before it looks for the query ends the path at `?` and `#`.
            Some(b'/' | b'\\' | b';' | b'?' | b'#') => return true,
            Some(b) if b.is_ascii_control() => return true,
            Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') => {
                return true; // encoded without need: a second spelling of a plain path
            }
            Some(_) | None => rest = after,
        }
    }
    match percent_decode_str(path).decode_utf8() {
        Ok(text) => text.chars().any(folds_to_ascii),
        Err(_) => true, // overlong forms and other encodings
    }
}

/// True for characters that some servers turn into ASCII ones: fullwidth letters, other slashes and dots.
fn folds_to_ascii(c: char) -> bool {
    !c.is_ascii() && std::iter::once(c).nfkc().any(|c| c.is_ascii())
}

/// Decodes as long as there is something to decode, in lower case and with `/` for `\`.
fn loosely_decoded(path: &str) -> String {
    let mut text = path.to_owned();
    // Three rounds see through double encoding; deeper nesting is no server's reading.
    for _ in 0..3 {
        if text.contains('%') {
            let bytes: Vec<u8> = percent_decode_str(&text).collect();
            text = String::from_utf8_lossy(&without_overlong(&bytes)).into_owned();
        }
    }
    if !text.is_ascii() {
        text = text.chars().nfkc().collect();
    }
    text.to_lowercase().replace('\\', "/")
}

/// ASCII that is written in two to four bytes, as the ASCII that it is to decoders which do not refuse it (RFC 3629 section 10).
fn without_overlong(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let length = match first {
            0xc0 | 0xc1 => 1,
            0xe0 => 2,
            0xf0 => 3,
            _ => 0,
        };
        let (tail, behind) = after.split_at(length.min(after.len()));
        match overlong(*first, tail).filter(|_| tail.len() == length && length > 0) {
            Some(byte) => {
                plain.push(byte);
                rest = behind;
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

fn overlong(first: u8, tail: &[u8]) -> Option<u8> {
    let bits = |value: u32, byte: &u8| {
        let continues = byte & 0xc0 == 0x80;
        continues.then_some(value << 6 | u32::from(byte & 0x3f))
    };
    let value = tail.iter().try_fold(u32::from(first & 1), bits)?;
    u8::try_from(value).ok().filter(u8::is_ascii)
}

/// The segments that are neither empty nor a single dot, without `;` parameters, what was decoded to a query,
/// and blanks and dots around a name.
fn segments(path: &str) -> Vec<&str> {
    path.split('/')
        .map(|segment| segment.split([';', '?', '#']).next().unwrap_or_default())
        .map(|segment| match lax::trimmed(segment) {
            "" if segment.matches('.').count() > 1 => "..",
            name => name,
        })
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// Whether `wanted` is left of these segments when others are taken away. Which ones `..` takes away, servers do not agree on: that
/// depends on what else they hold for a separator, decode, merge or drop before.
fn contains(segments: &[&str], wanted: &[&str]) -> bool {
    let mut rest = segments.iter();
    wanted
        .iter()
        .all(|segment| rest.any(|found| found == segment))
}

#[cfg(test)]
mod tests;
