//! Writes a backup, one piece after the other.

use crate::secret::Key;
use crate::store::backup::line::{Chain, Content};
use crate::store::backup::{BackupError, End, Header, MAX_LINE, Piece};
use std::fmt;
use std::io::Write;

/// A backup that is being written; without [`Writer::finish`] it is none.
pub struct Writer<W> {
    out: W,
    chain: Chain,
}

impl<W: Write> Writer<W> {
    /// Begins a backup in `out`, sealed under `master`, the key that `header` names.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn begin(mut out: W, master: &Key, header: &Header) -> Result<Self, BackupError> {
        let header = serde_json::to_vec(header).map_err(|_| BackupError::Unwritable)?;
        let chain = Chain::begin(master, &header);
        out.write_all(&header)?;
        out.write_all(b"\n")?;
        Ok(Self { out, chain })
    }

    /// Writes the next piece.
    ///
    /// # Errors
    /// When `out` refuses, or the piece is longer than any row.
    pub fn write(&mut self, piece: Piece) -> Result<(), BackupError> {
        self.line(&Content::Piece(piece))
    }

    /// Writes the end, and gives `out` back, everything passed on to it.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn finish(mut self, end: End) -> Result<W, BackupError> {
        let (lines, digest) = self.chain.sum();
        self.line(&Content::End(End {
            lines,
            digest,
            ..end
        }))?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, content: &Content) -> Result<(), BackupError> {
        let line = self.chain.seal(content)?;
        if line.len() >= MAX_LINE {
            return Err(BackupError::Unwritable);
        }
        self.out.write_all(&line)?;
        Ok(self.out.write_all(b"\n")?)
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}
