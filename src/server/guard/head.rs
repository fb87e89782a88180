//! A head, line by line: the grammar of RFC 9112 sections 2 to 5 without its tolerances.

use crate::server::guard::body::Message;
use crate::web::request::{Refusal, framing};
use http::{HeaderMap, Uri};
use http_body::SizeHint;
use memchr::memchr;

/// How much a head may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes, with the empty line at the end.
    pub(crate) bytes: usize,
    /// Header lines.
    pub(crate) lines: usize,
}

/// What a head says about its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    lines: usize,
    framing: Framing,
}

/// Where the message ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    #[default]
    NoBody,
    Length(u64),
    Chunked,
}

impl Facts {
    /// The body to follow, if there is one.
    pub(crate) fn message(&self) -> Option<Message> {
        match self.framing {
            Framing::NoBody | Framing::Length(0) => None,
            Framing::Length(length) => Some(Message::of_length(length)),
            Framing::Chunked => Some(Message::chunked()),
        }
    }

    /// Is this what the parser read?
    pub(crate) fn fit(&self, headers: &HeaderMap, body: &SizeHint) -> bool {
        let length = match self.framing {
            Framing::NoBody => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
        headers.len() == self.lines && body.exact() == length
    }
}

/// A head that is being read.
#[derive(Debug)]
pub(crate) struct Head {
    /// Where the line that is not complete yet begins.
    line: usize,
    /// Up to where its end was looked for.
    searched: usize,
    part: Part,
    facts: Facts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Nothing was read; one empty line may come (RFC 9112 section 2.2).
    Start,
    /// The request line comes now.
    RequestLine,
    /// Header lines.
    Fields(Version),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// One of which nothing was read.
    pub(crate) fn new() -> Self {
        Self {
            line: 0,
            searched: 0,
            part: Part::Start,
            facts: Facts::default(),
        }
    }

    /// Reads on in `bytes`, which begin where the head does and have grown since the last call; returns the length of
    /// the head and what it says once it is complete.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, Facts)>, Refusal> {
        while let Some(length) = memchr(b'\n', &bytes[self.searched..]) {
            self.check_begin(bytes)?;
            let end = self.searched + length;
            let line = &bytes[self.line..end];
            (self.line, self.searched) = (end + 1, end + 1);
            if self.line > limits.bytes {
                return Err(self.too_long());
            }
            let line = line.strip_suffix(b"\r").ok_or(Refusal::LineEnd)?;
            if self.take(line, limits)? {
                return Ok(Some((self.line, self.facts)));
            }
        }
        self.searched = bytes.len();
        if bytes.len() >= limits.bytes {
            return Err(self.too_long());
        }
        self.check_begin(bytes)?;
        Ok(None)
    }

    /// What cannot become a request line, a TLS handshake for one, need not wait for a line end; and is refused for the
    /// same reason when it does not have to.
    fn check_begin(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let is_begin = |b: &u8| is_token_char(*b) || matches!(*b, b'\r' | b'\n');
        match self.part {
            Part::Start | Part::RequestLine if !bytes[self.line..].first().is_none_or(is_begin) => {
                Err(Refusal::RequestLine)
            }
            Part::Start | Part::RequestLine | Part::Fields(_) => Ok(()),
        }
    }

    fn too_long(&self) -> Refusal {
        match self.part {
            Part::Start | Part::RequestLine => Refusal::TargetTooLong,
            Part::Fields(_) => Refusal::HeadTooLarge,
        }
    }

    /// Takes a line; true when it was the last.
    fn take(&mut self, line: &[u8], limits: &Limits) -> Result<bool, Refusal> {
        match self.part {
            Part::Start if line.is_empty() => self.part = Part::RequestLine,
            Part::Start | Part::RequestLine => self.part = Part::Fields(request_line(line)?),
            Part::Fields(_) if line.is_empty() => return Ok(true),
            Part::Fields(version) => {
                self.facts.lines += 1;
                if self.facts.lines > limits.lines {
                    return Err(Refusal::HeadTooLarge);
                }
                self.field(line, version)?;
            }
        }
        Ok(false)
    }

    /// A header line (RFC 9112 section 5): no space before the colon, no folding, no control character.
    fn field(&mut self, line: &[u8], version: Version) -> Result<(), Refusal> {
        let colon = memchr(b':', line);
        let (name, value) = line.split_at(colon.ok_or(Refusal::HeaderLine)?);
        if !is_token(name) || !is_value(value) {
            return Err(Refusal::HeaderLine);
        }
        let value = value[1..].trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length(value)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coding(value, version)
        } else {
            Ok(())
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = framing::length(value).ok_or(Refusal::ContentLength)?;
        match self.facts.framing {
            Framing::NoBody => self.facts.framing = Framing::Length(length),
            Framing::Length(_) | Framing::Chunked => return Err(Refusal::ContentLength),
        }
        Ok(())
    }

    fn coding(&mut self, value: &[u8], version: Version) -> Result<(), Refusal> {
        framing::coding(value)?;
        match (self.facts.framing, version) {
            (Framing::NoBody, Version::Http11) => self.facts.framing = Framing::Chunked,
            (Framing::Length(_), _) => return Err(Refusal::ContentLength),
            (Framing::NoBody | Framing::Chunked, _) => return Err(Refusal::TransferEncoding),
        }
        Ok(())
    }
}

/// `method SP target SP version` (RFC 9112 section 3), with exactly one space in between.
fn request_line(line: &[u8]) -> Result<Version, Refusal> {
    let mut words = line.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::RequestLine);
    };
    if !is_token(method) {
        return Err(Refusal::RequestLine);
    }
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(Refusal::Version);
        }
        _ => return Err(Refusal::RequestLine),
    };
    if method == b"CONNECT" {
        return Err(Refusal::Method);
    }
    check_target(target)?;
    Ok(version)
}

/// Bytes that make no target anywhere, and forms that the parser would not take.
fn check_target(target: &[u8]) -> Result<(), Refusal> {
    let is_target_char = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'<' | b'>');
    if !target.iter().all(is_target_char) {
        return Err(Refusal::Path);
    }
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    match target.first() {
        Some(b'/') if path.contains(&b'`') => Err(Refusal::Path),
        Some(b'/') => Ok(()),
        Some(_) if Uri::try_from(target).is_ok() => Ok(()),
        Some(_) | None => Err(Refusal::TargetForm),
    }
}

/// The signs of names and methods (RFC 9110 section 5.6.2), by byte.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0_u8;
    while at < 128 {
        table[at as usize] = at.is_ascii_alphanumeric()
            || matches!(
                at,
                b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        at += 1;
    }
    table
};

fn is_token_char(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_char(*byte))
}

/// True when no byte ends a line or means something to a terminal. Looks at all of them, which the compiler does
/// sixteen at a time.
fn is_value(bytes: &[u8]) -> bool {
    let is_good = |byte: &u8| (*byte >= b' ' && *byte != 0x7f) | (*byte == b'\t');
    bytes.iter().fold(true, |good, byte| good & is_good(byte))
}
