//! Where a body ends, followed byte by byte and never copied (RFC 9112 sections 6 and 7).

/// The longest extension of one chunk, and the longest trailer section, in bytes. Both are dropped.
const MAX_EXTRA: usize = 4096;

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Message(Kind);

#[derive(Debug)]
enum Kind {
    /// So many bytes are left.
    Length(u64),
    Chunked(Chunk),
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More is to come.
    Under,
    /// The last byte was read.
    Over,
    /// The next byte belongs to no body.
    Malformed,
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    /// In the digits of a size.
    Size { size: u64, digits: u8 },
    /// Behind them: white space, an extension.
    Extension {
        size: u64,
        extra: usize,
        named: bool,
    },
    /// The line feed of a size line.
    SizeEnd { size: u64 },
    /// So many bytes of data are left.
    Data { left: u64 },
    /// The carriage return behind the data.
    DataEnd,
    /// Its line feed.
    DataLineFeed,
    /// The first byte of a trailer line, or of the end.
    TrailerStart { extra: usize },
    /// In a trailer line.
    Trailer { extra: usize },
    /// The line feed of a trailer line.
    TrailerLineFeed { extra: usize },
    /// The very last line feed.
    LastLineFeed,
}

impl Message {
    /// One of `length` bytes, which is not zero.
    pub(crate) fn of_length(length: u64) -> Self {
        Self(Kind::Length(length))
    }

    /// One in chunks.
    pub(crate) fn chunked() -> Self {
        Self(Kind::Chunked(START))
    }

    /// Reads on; returns how many of `bytes` belong to the body.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> (usize, Progress) {
        match &mut self.0 {
            Kind::Length(left) => {
                let length = skip(left, bytes);
                let progress = if *left == 0 {
                    Progress::Over
                } else {
                    Progress::Under
                };
                (length, progress)
            }
            Kind::Chunked(chunk) => chunk.read(bytes),
        }
    }
}

const START: Chunk = Chunk::Size { size: 0, digits: 0 };

/// Takes as many of `bytes` as are left.
fn skip(left: &mut u64, bytes: &[u8]) -> usize {
    let length = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= u64::try_from(length).unwrap_or(*left);
    length
}

impl Chunk {
    fn read(&mut self, bytes: &[u8]) -> (usize, Progress) {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data { left } = self {
                at += skip(left, &bytes[at..]);
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            match (*self, bytes[at]) {
                (Self::LastLineFeed, b'\n') => return (at + 1, Progress::Over),
                (state, byte) => match state.after(byte) {
                    Some(next) => *self = next,
                    None => return (at, Progress::Malformed),
                },
            }
            at += 1;
        }
        (at, Progress::Under)
    }

    /// The state after one byte that is no data; `None` when it must not stand there.
    fn after(self, byte: u8) -> Option<Self> {
        match self {
            Self::Size { size, digits } => after_digit(size, digits, byte),
            Self::Extension { size, extra, named } => match byte {
                b'\r' => Some(Self::SizeEnd { size }),
                _ if !named && !matches!(byte, b' ' | b'\t' | b';') => None,
                _ => is_text(byte, extra).then_some(Self::Extension {
                    size,
                    extra: extra + 1,
                    named: named || byte == b';',
                }),
            },
            Self::SizeEnd { size } => (byte == b'\n').then_some(match size {
                0 => Self::TrailerStart { extra: 0 },
                left => Self::Data { left },
            }),
            Self::DataEnd => (byte == b'\r').then_some(Self::DataLineFeed),
            Self::DataLineFeed => (byte == b'\n').then_some(START),
            Self::TrailerStart { extra: _ } if byte == b'\r' => Some(Self::LastLineFeed),
            Self::Trailer { extra } if byte == b'\r' => Some(Self::TrailerLineFeed { extra }),
            Self::TrailerStart { extra } | Self::Trailer { extra } => {
                is_text(byte, extra).then_some(Self::Trailer { extra: extra + 1 })
            }
            Self::TrailerLineFeed { extra } => {
                (byte == b'\n').then_some(Self::TrailerStart { extra: extra + 2 })
            }
            Self::Data { .. } | Self::LastLineFeed => None,
        }
    }
}

/// At most sixteen digits: 64 bits, leading zeros included.
fn after_digit(size: u64, digits: u8, byte: u8) -> Option<Chunk> {
    let digit = char::from(byte).to_digit(16);
    match (digit, byte) {
        (Some(digit), _) if digits < 16 => Some(Chunk::Size {
            size: size << 4 | u64::from(digit),
            digits: digits + 1,
        }),
        (Some(_), _) => None,
        (None, _) if digits == 0 => None,
        (None, b'\r') => Some(Chunk::SizeEnd { size }),
        (None, b' ' | b'\t' | b';') => Some(Chunk::Extension {
            size,
            extra: 1,
            named: byte == b';',
        }),
        (None, _) => None,
    }
}

fn is_text(byte: u8, extra: usize) -> bool {
    extra < MAX_EXTRA && matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}
