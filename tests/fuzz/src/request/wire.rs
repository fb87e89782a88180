//! HTTP/1.1 on the wire (RFC 9112), for a reader who repairs nothing.

/// A request, or as much of it as came.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names and values, in order.
    pub(crate) lines: Vec<(String, Vec<u8>)>,
}

impl Request {
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines.iter().filter(move |(known, _)| known == name);
        lines.map(|(_, value)| value.as_slice())
    }
}

/// How a body ends.
enum Framing {
    Length(usize),
    Chunked,
}

/// What is left of a body.
enum Rest<'a> {
    /// It is whole, and this follows it.
    Whole(&'a [u8]),
    /// More has to come.
    More,
}

/// Is there a whole request in `bytes`?
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let Some((head, body)) = split(bytes) else {
        return false;
    };
    let framing = framing(&parse(head));
    matches!(rest(&framing, body), Rest::Whole(_))
}

/// Reads the one request in `bytes`; its body may have been cut off.
///
/// # Panics
/// When it is malformed in any way, or anything follows it.
pub(crate) fn read(bytes: &[u8]) -> Request {
    let (head, body) = split(bytes).expect("a head is sent whole");
    let request = parse(head);
    if let Rest::Whole(after) = rest(&framing(&request), body) {
        assert!(after.is_empty(), "{} bytes behind a request", after.len());
    }
    request
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&bytes[..end], &bytes[end + 4..]))
}

fn parse(head: &[u8]) -> Request {
    let mut lines = lines(head);
    let first = lines.next().expect("there is a first line");
    let first = std::str::from_utf8(first).expect("a request line is ASCII");
    let words: Vec<&str> = first.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else {
        unreachable!("{first:?} is no request line");
    };
    assert!(is_token(method.as_bytes()), "{method:?}");
    assert!(
        target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic()),
        "{target:?}"
    );
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        lines: lines.map(line).collect(),
    }
}

/// Lines end with CRLF, and no part of it stands alone.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.windows(2).position(|two| two == b"\r\n");
        let line = &text[..end.unwrap_or(text.len())];
        assert!(
            !line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)),
            "a line in a line"
        );
        rest = end.map(|end| &text[end + 2..]);
        Some(line)
    })
}

fn line(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line
        .iter()
        .position(|b| *b == b':')
        .expect("a line has a colon");
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    assert!(is_token(name), "{:?}", String::from_utf8_lossy(name));
    assert!(
        value.iter().all(|b| *b == b'\t' || !b.is_ascii_control()),
        "a control character"
    );
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    (name, value.to_vec())
}

/// RFC 9110, 5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// One way to frame a body, or there is none (RFC 9112, 6.3).
fn framing(request: &Request) -> Framing {
    let lengths: Vec<&[u8]> = request.values("content-length").collect();
    let codings: Vec<&[u8]> = request.values("transfer-encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Framing::Length(0),
        ([length], []) => {
            assert!(length.iter().all(u8::is_ascii_digit));
            let length = std::str::from_utf8(length).expect("digits");
            Framing::Length(length.parse().expect("a number"))
        }
        ([], [b"chunked"]) => Framing::Chunked,
        _ => unreachable!("{lengths:?} and {codings:?} frame two bodies"),
    }
}

fn rest<'a>(framing: &Framing, body: &'a [u8]) -> Rest<'a> {
    match framing {
        Framing::Length(length) => body.get(*length..).map_or(Rest::More, Rest::Whole),
        Framing::Chunked => chunks(body),
    }
}

/// Chunks without extensions, an end without trailers.
fn chunks(mut body: &[u8]) -> Rest<'_> {
    loop {
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else {
            return Rest::More;
        };
        let size = std::str::from_utf8(&body[..end]).expect("digits");
        assert!(
            (1..=16).contains(&size.len()) && size.bytes().all(|b| b.is_ascii_hexdigit()),
            "{size:?}"
        );
        let size = usize::from_str_radix(size, 16).expect("a number");
        let Some(after) = body.get(end + 2 + size..) else {
            return Rest::More;
        };
        match after {
            [b'\r', b'\n', next @ ..] if size == 0 => return Rest::Whole(next),
            [b'\r', b'\n', next @ ..] => body = next,
            [] | [b'\r'] => return Rest::More,
            _ => unreachable!("a chunk is longer than it says"),
        }
    }
}
