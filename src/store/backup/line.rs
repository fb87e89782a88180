//! One line of a backup file, sealed and opened, and the chain of all lines.

use crate::secret::{Key, sha256};
use crate::store::backup::{BackupError, End, Piece};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a sealed line holds, as JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::store::backup) enum Content {
    Piece(Piece),
    End(End),
}

impl Content {
    /// More bytes than its JSON and a tag take.
    fn room(&self) -> usize {
        let bytes = match self {
            Self::Piece(Piece::Present { key, value, .. }) => key.len() + value.len(),
            Self::Piece(Piece::Removed { key, .. }) => key.len(),
            Self::End(_) => 0,
        };
        1024 + bytes.div_ceil(3) * 4
    }
}

/// The cipher of one file, and all its lines so far.
pub(in crate::store::backup) struct Chain {
    key: RandomizedNonceKey,
    lines: u64,
    digest: [u8; 32],
}

impl Chain {
    /// Begins with the header as it stands in the file, without its line end.
    pub(in crate::store::backup) fn begin(master: &Key, header: &[u8]) -> Self {
        let key = master.derive("backup files").mac(&[header]);
        Self {
            key: RandomizedNonceKey::new(&AES_256_GCM_SIV, &key)
                .expect("a key has the 256 bits that the cipher takes"),
            lines: 1,
            digest: sha256(header),
        }
    }

    /// The number of the next line, which begins at 1 with the header.
    pub(in crate::store::backup) fn next(&self) -> u64 {
        self.lines + 1
    }

    /// Lines so far, and what they chain to.
    pub(in crate::store::backup) fn sum(&self) -> (u64, String) {
        (self.lines, HEXLOWER.encode(&self.digest))
    }

    /// The next line, without its line end.
    pub(in crate::store::backup) fn seal(
        &mut self,
        content: &Content,
    ) -> Result<Vec<u8>, BackupError> {
        // With room for all of it and the tag: growing would leave copies of plain values behind.
        let mut body = Zeroizing::new(Vec::with_capacity(content.room()));
        serde_json::to_writer(&mut *body, content).map_err(|_| BackupError::Unwritable)?;
        let nonce = self
            .key
            .seal_in_place_append_tag(self.place(), &mut *body)
            .map_err(|_| BackupError::Unwritable)?;
        let sealed = [nonce.as_ref().as_slice(), body.as_slice()].concat();
        let line = format!("\"{}\"", BASE64.encode(&sealed));
        self.add(line.as_bytes());
        Ok(line.into_bytes())
    }

    /// What the next line holds; `None` when it is not genuine or not in its place.
    pub(in crate::store::backup) fn open(&mut self, line: &[u8]) -> Option<Content> {
        let text = line.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let sealed = Zeroizing::new(BASE64.decode(text).ok()?);
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .key
            .open_in_place(nonce, self.place(), &mut body)
            .ok()?;
        let content = serde_json::from_slice(opened).ok()?;
        self.add(line);
        Some(content)
    }

    /// What a line is bound to beside its file: its number.
    fn place(&self) -> Aad<[u8; 8]> {
        Aad::from(self.next().to_be_bytes())
    }

    fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        self.digest = sha256(&[&self.digest, line].concat());
    }
}
