//! Reads a backup, and believes no line that is not genuine and in its place.

use crate::secret::Key;
use crate::store::backup::line::{Chain, Content};
use crate::store::backup::{BackupError, End, FORMAT, Header, MAX_LINE, Piece};
use crate::store::opening::KeyId;
use serde::Deserialize;
use std::fmt;
use std::io::{BufRead, Read};

/// The longest header, in bytes; a file that begins otherwise is not read on.
const MAX_HEADER: usize = 1024;

/// Read first, so that a later format is named instead of called none.
#[derive(Deserialize)]
struct FormatOnly {
    vestibule_backup: u32,
}

/// A backup that is being read.
pub struct Reader<R> {
    input: R,
    chain: Chain,
    header: Header,
    over: bool,
}

/// What was read next.
#[derive(Debug)]
pub enum Next {
    /// A piece. Nothing that it says holds before the end was read.
    Piece(Piece),
    /// The end; everything before it is as it was written.
    End(End),
}

/// Reads what everybody can read of a backup, and nothing of it can be believed.
///
/// # Errors
/// When it does not begin like one.
pub fn header(input: &mut impl BufRead) -> Result<Header, BackupError> {
    parse(&first_line(input)?)
}

fn first_line(input: &mut impl BufRead) -> Result<Vec<u8>, BackupError> {
    match line(input, MAX_HEADER) {
        Ok(Some(line)) => Ok(line),
        Ok(None) | Err(Broken::Long | Broken::Unfinished) => Err(BackupError::NotABackup),
        Err(Broken::Io(error)) => Err(error.into()),
    }
}

fn parse(line: &[u8]) -> Result<Header, BackupError> {
    let Ok(FormatOnly {
        vestibule_backup: found,
    }) = serde_json::from_slice(line)
    else {
        return Err(BackupError::NotABackup);
    };
    if found != FORMAT {
        return Err(BackupError::OtherFormat { found });
    }
    serde_json::from_slice(line).map_err(|_| BackupError::NotABackup)
}

impl<R: BufRead> Reader<R> {
    /// Begins to read a backup that was sealed under `master`.
    ///
    /// # Errors
    /// When it is none, or of another format or key.
    pub fn open(mut input: R, master: &Key) -> Result<Self, BackupError> {
        let first = first_line(&mut input)?;
        let header = parse(&first)?;
        let found = KeyId::of(master);
        if header.master_key != found {
            let needed = header.master_key;
            return Err(BackupError::OtherKey { needed, found });
        }
        Ok(Self {
            input,
            chain: Chain::begin(master, &first),
            header,
            over: false,
        })
    }

    /// What the first line says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next line. After the end or an error there is none: a file is not read past what is wrong.
    ///
    /// # Errors
    /// When it is missing, too long or not genuine, or when something follows the end.
    pub fn read(&mut self) -> Result<Next, BackupError> {
        if self.over {
            return Err(BackupError::Cut(self.chain.next() - 1));
        }
        let next = self.next();
        self.over = !matches!(next, Ok(Next::Piece(_)));
        next
    }

    fn next(&mut self) -> Result<Next, BackupError> {
        let number = self.chain.next();
        let line = match line(&mut self.input, MAX_LINE) {
            Ok(Some(line)) => line,
            Ok(None) | Err(Broken::Unfinished) => return Err(BackupError::Cut(number - 1)),
            Err(Broken::Long) => return Err(BackupError::LongLine(number)),
            Err(Broken::Io(error)) => return Err(error.into()),
        };
        let sum = self.chain.sum();
        match self.chain.open(&line) {
            None => Err(BackupError::Damaged(number)),
            Some(Content::Piece(piece)) => Ok(Next::Piece(piece)),
            Some(Content::End(end)) if (end.lines, &end.digest) != (sum.0, &sum.1) => {
                Err(BackupError::Damaged(number))
            }
            Some(Content::End(end)) => self.nothing_follows().map(|()| Next::End(end)),
        }
    }

    /// Reads all that is left, and tells what its end says.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn verify(mut self) -> Result<End, BackupError> {
        loop {
            if let Next::End(end) = self.read()? {
                return Ok(end);
            }
        }
    }

    fn nothing_follows(&mut self) -> Result<(), BackupError> {
        if self.input.fill_buf()?.is_empty() {
            Ok(())
        } else {
            Err(BackupError::Trailing)
        }
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.header).finish()
    }
}

/// Why there is no whole line.
enum Broken {
    Long,
    Unfinished,
    Io(std::io::Error),
}

/// The next line without its end, never more than `most` bytes of it; `None` when there is none.
fn line(input: &mut impl BufRead, most: usize) -> Result<Option<Vec<u8>>, Broken> {
    let mut line = Vec::new();
    let mut bounded = input.take(most as u64);
    bounded.read_until(b'\n', &mut line).map_err(Broken::Io)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(line));
    }
    Err(if line.len() == most {
        Broken::Long
    } else {
        Broken::Unfinished
    })
}
