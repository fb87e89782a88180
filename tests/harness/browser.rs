//! A browser without script: cookies, forms, one redirect at a time, every byte visible.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// One visitor with a cookie jar. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    address: SocketAddr,
    host: String,
    scheme: &'static str,
    cookies: Vec<Cookie>,
    extra: Vec<(String, String)>,
    killed: bool,
}

/// To a browser, one of the host and one of its domain are two (RFC 6265, 5.3).
#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    /// `None` for one of this host alone.
    domain: Option<String>,
}

/// What unwinds, in silence, when the other side is gone and that was expected.
#[derive(Debug)]
pub(crate) struct Gone;

impl Browser {
    /// Visits `host`, whatever its name resolves to, at `address`.
    pub(crate) fn new(address: SocketAddr, host: &str) -> Self {
        Self {
            address,
            host: host.to_owned(),
            scheme: "http",
            cookies: vec![],
            extra: vec![],
            killed: false,
        }
    }

    /// Sends this header with every request from now on.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Comes through a proxy that ends TLS, as far as the gate can tell.
    pub(crate) fn over_tls(mut self) -> Self {
        self.scheme = "https";
        self.with_header("X-Forwarded-Proto", "https")
    }

    /// Takes a missing answer for the end of the gate: unwinds with [`Gone`].
    pub(crate) fn expecting_a_kill(mut self) -> Self {
        self.killed = true;
        self
    }

    /// The same visitor after the gate moved to another port.
    pub(crate) fn moved_to(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self.killed = false;
        self
    }

    /// The cookies as the `Cookie` header carries them.
    pub(crate) fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        pairs.join("; ")
    }

    /// The value of one cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let found = self.cookies.iter().find(|cookie| cookie.name == name);
        found.map(|cookie| cookie.value.clone())
    }

    /// Puts a cookie into the jar, in place of all of its name.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|known| known.name != name);
        if !value.is_empty() {
            self.plant(name, value, None);
        }
    }

    /// Puts a cookie of a domain, or of this host alone, beside others of its name.
    pub(crate) fn plant(&mut self, name: &str, value: &str, domain: Option<&str>) {
        self.forget(name, domain);
        self.cookies.push(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: domain.map(str::to_owned),
        });
    }

    fn forget(&mut self, name: &str, domain: Option<&str>) {
        self.cookies
            .retain(|known| known.name != name || known.domain.as_deref() != domain);
    }

    /// The same visitor at another host, to which go the cookies of `domain` alone.
    pub(crate) fn elsewhere(&self, host: &str, domain: &str) -> Self {
        let mut there = self.clone();
        host.clone_into(&mut there.host);
        let shared = |cookie: &Cookie| cookie.domain.as_deref() == Some(domain);
        there.cookies.retain(shared);
        there
    }

    /// Opens a page as a navigation.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[("Accept", "text/html")], b"")
    }

    /// Opens a page and follows redirects as long as they stay on this host.
    pub(crate) fn visit(&mut self, path: &str) -> Reply {
        let reply = self.get(path);
        self.follow(reply)
    }

    /// Follows the redirects of `reply`; a loop is a failure.
    pub(crate) fn follow(&mut self, mut reply: Reply) -> Reply {
        for _ in 0..10 {
            if !(300..400).contains(&reply.status) {
                return reply;
            }
            let target = reply
                .header("location")
                .expect("a redirect names its target");
            let path = self.local_path(target);
            reply = self.get(&path);
        }
        panic!(
            "redirected ten times, lastly to {:?}",
            reply.header("location")
        );
    }

    /// Where the gate listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The origin of the pages that it reads.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    fn local_path(&self, target: &str) -> String {
        if target.starts_with('/') && !target.starts_with("//") {
            return target.to_owned();
        }
        let own = self.origin();
        match target.strip_prefix(&own) {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => panic!("redirected away from {own}: {target}"),
        }
    }

    /// Fills in the form of `page` that has all the named fields, sends it with whatever else a
    /// browser would send, and returns the answer as it is (redirects are not followed).
    pub(crate) fn submit(&mut self, page: &Reply, fields: &[(&str, &str)]) -> Reply {
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let form = page.form(&names);
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &form.filled {
            if !names.contains(&name.as_str()) {
                body.append_pair(name, value);
            }
        }
        body.extend_pairs(fields);
        let action = form.action.unwrap_or_else(|| page.path.clone());
        self.post(&self.local_path(&action), &body.finish())
    }

    /// Posts an encoded form from a page of this host.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Reply {
        let origin = self.origin();
        let headers = [
            ("Accept", "text/html"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", &origin),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.send("POST", path, &headers, body.as_bytes())
    }

    /// Sends a request of any kind and keeps the cookies of its answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        let cookies = self.cookie_header();
        // What a test says of the way it asks stands alone.
        let says_how = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("sec-fetch-mode"));
        let mode = if says_how { "" } else { "navigate" };
        let own = [
            ("Connection", "close"),
            ("Sec-Fetch-Mode", mode),
            ("Cookie", &cookies),
        ];
        let extra = self
            .extra
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(extra).chain(headers.iter().copied()) {
            if !value.is_empty() {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let message = [head.as_bytes(), b"\r\n", body].concat();
        let answer = match exchange(self.address, &message) {
            Ok(answer) => answer,
            Err(_) if self.killed => std::panic::resume_unwind(Box::new(Gone)),
            Err(e) => panic!("{method} {path}: {e}"),
        };
        let reply = Reply::parse(path, &answer);
        for line in reply.all("set-cookie") {
            self.keep(&line);
        }
        reply
    }

    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .expect("a cookie has a name");
        let (mut expired, mut of) = (value.is_empty(), None);
        for attribute in parts {
            expired |= attribute.eq_ignore_ascii_case("max-age=0");
            // A browser takes no cookie for a domain that is not its host's (RFC 6265, 5.3).
            if let Some(domain) = attribute.strip_prefix("Domain=") {
                if !format!(".{}", self.host).ends_with(&format!(".{domain}")) {
                    return;
                }
                of = Some(domain);
            }
        }
        if expired {
            self.forget(name, of);
        } else {
            self.plant(name, value, of);
        }
    }
}

/// Writes bytes to `address` and reads until the other side closes; an answer that breaks off
/// is an error.
pub(crate) fn exchange(address: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // An early refusal may close before all was written; what it answered still counts.
    let written = stream.write_all(message);
    let mut answer = vec![];
    stream.read_to_end(&mut answer)?;
    if !is_whole(&answer, message.starts_with(b"HEAD ")) {
        written?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

/// Whether an answer is as long as it says it is.
fn is_whole(answer: &[u8], head_only: bool) -> bool {
    let Some(end) = find(answer, b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let value = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let body = &answer[end + 4..];
    match (value("content-length:"), value("transfer-encoding:")) {
        (Some(length), _) => head_only || length.parse() == Ok(body.len()),
        (None, Some(_)) => head_only || body.ends_with(b"0\r\n\r\n"),
        (None, None) => true,
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The path that was asked for.
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Names in lower case, in the order of the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Reads one answer that ends with its connection.
    pub(crate) fn parse(path: &str, bytes: &[u8]) -> Self {
        let end = find(bytes, b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Self {
            path: path.to_owned(),
            status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
            headers,
            body: bytes[end + 4..].to_vec(),
        };
        // The answer to HEAD says what GET would be answered with, and has no body.
        if reply.header("transfer-encoding") == Some("chunked") && !reply.body.is_empty() {
            reply.body = unchunked(&reply.body);
        }
        reply
    }

    /// The value of a header that must not stand there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let first = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "{name} stands twice in {:?}",
            self.headers
        );
        first
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let found = self.headers.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// Whether it brings a cookie, not only takes some away.
    pub(crate) fn sets_a_cookie(&self) -> bool {
        let lines = self.all("set-cookie");
        lines
            .iter()
            .any(|line| !line.to_ascii_lowercase().contains("max-age=0"))
    }

    /// Whether it brings a session cookie.
    pub(crate) fn begins_a_session(&self) -> bool {
        let lines = self.all("set-cookie");
        let mut values = lines
            .iter()
            .filter_map(|line| line.split(';').next()?.split_once('='));
        values.any(|(name, value)| {
            ["vestibule", "__Host-vestibule"].contains(&name) && !value.is_empty()
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }

    /// The first form that has all the named fields.
    pub(crate) fn form(&self, fields: &[&str]) -> Form {
        let text = self.text();
        let forms = text.split("<form").skip(1).map(Form::parse);
        forms
            .into_iter()
            .find(|form| {
                fields
                    .iter()
                    .all(|field| form.names.iter().any(|name| name == field))
            })
            .unwrap_or_else(|| {
                panic!(
                    "no form with {fields:?} in {} {}:\n{text}",
                    self.status, self.path
                )
            })
    }

    /// The text of the page without its tags, entities resolved.
    pub(crate) fn visible_text(&self) -> String {
        without_tags(&self.text())
    }
}

/// What a reader sees of a piece of HTML that starts with a tag.
pub(crate) fn without_tags(html: &str) -> String {
    let pieces = html.split('<').filter_map(|piece| piece.split_once('>'));
    unescaped(&pieces.fold(String::new(), |text, (_, after)| text + " " + after))
}

/// What a form would send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Where to; the page itself when there is none.
    pub(crate) action: Option<String>,
    /// What a browser sends when nobody fills in anything: all but boxes and buttons.
    pub(crate) filled: Vec<(String, String)>,
    /// The names of all fields.
    pub(crate) names: Vec<String>,
}

impl Form {
    fn parse(after_tag: &str) -> Self {
        let own = after_tag.split("</form").next().unwrap_or_default();
        let mut form = Self {
            action: attribute(own, "action"),
            ..Self::default()
        };
        for tag in own.split('<').skip(1) {
            let is = |kind: &str| tag.starts_with(kind);
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let kind = attribute(tag, "type").unwrap_or_default();
            if is("input") && !["checkbox", "radio", "submit"].contains(&kind.as_str()) {
                let value = attribute(tag, "value").unwrap_or_default();
                form.filled.push((name.clone(), value));
            }
            if is("input") || is("button") || is("select") || is("textarea") {
                form.names.push(name);
            }
        }
        form
    }
}

/// The value of an attribute in the first tag of `text`, which starts inside that tag.
fn attribute(text: &str, name: &str) -> Option<String> {
    let tag = text.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = vec![];
    loop {
        let end = find(rest, b"\r\n").expect("a chunk has a size line");
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = line
            .split(';')
            .next()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size = size.unwrap_or_else(|| panic!("{line:?} is no chunk size"));
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
