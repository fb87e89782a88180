//! The backup format a second time, after its description: seals whatever it is given, the end with its
//! sums included, and the same bytes always make the same file.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::{BASE64, HEXLOWER};
use vestibule::secret::{Key, sha256};
use vestibule::store::backup::{End, Piece};

/// A file that is being made.
pub(crate) struct Forge {
    key: LessSafeKey,
    digest: [u8; 32],
    lines: Vec<Vec<u8>>,
}

impl Forge {
    /// Begins with this first line, whatever it says.
    pub(crate) fn begin(master: &Key, header: &[u8]) -> Self {
        let key = master.derive("backup files").mac(&[header]);
        let key = UnboundKey::new(&AES_256_GCM_SIV, &key).expect("256 bits");
        Self {
            key: LessSafeKey::new(key),
            digest: sha256(header),
            lines: vec![[header, b"\n"].concat()],
        }
    }

    /// Lines so far, and what they chain to: what an end has to say.
    pub(crate) fn sum(&self) -> (usize, String) {
        (self.lines.len(), HEXLOWER.encode(&self.digest))
    }

    /// Adds a line that holds `plain`, under a nonce made of its number.
    pub(crate) fn seal(&mut self, plain: &[u8]) {
        let mut nonce = [0; NONCE_LEN];
        nonce[4..].copy_from_slice(&self.next().to_be_bytes());
        self.seal_under(nonce, plain);
    }

    /// Adds a line that holds `plain`.
    pub(crate) fn seal_under(&mut self, nonce: [u8; NONCE_LEN], plain: &[u8]) {
        let place = Aad::from(self.next().to_be_bytes());
        let mut body = plain.to_vec();
        let number = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(number, place, &mut body)
            .expect("short enough");
        let text = format!("\"{}\"", BASE64.encode(&[&nonce[..], &body].concat()));
        self.digest = sha256(&[&self.digest[..], text.as_bytes()].concat());
        self.lines.push([text.as_bytes(), b"\n"].concat());
    }

    fn next(&self) -> u64 {
        self.lines.len() as u64 + 1
    }

    /// The lines, each with its end.
    pub(crate) fn into_lines(self) -> Vec<Vec<u8>> {
        self.lines
    }

    /// What the line of a piece holds.
    pub(crate) fn piece(piece: &Piece) -> Vec<u8> {
        let piece = serde_json::to_string(piece).expect("JSON");
        format!(r#"{{"piece":{piece}}}"#).into_bytes()
    }

    /// What the last line holds.
    pub(crate) fn end(&self, end: &End) -> Vec<u8> {
        let rows = serde_json::to_string(&end.rows).expect("JSON");
        let (lines, digest) = self.sum();
        let sequence = end.sequence;
        format!(
            r#"{{"end":{{"rows":{rows},"sequence":{sequence},"lines":{lines},"digest":"{digest}"}}}}"#
        )
        .into_bytes()
    }
}

/// The nonce of a sealed line.
pub(crate) fn nonce_of(line: &[u8]) -> [u8; NONCE_LEN] {
    let text = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""));
    let sealed = BASE64.decode(text.expect("a string")).expect("base64");
    *sealed.first_chunk().expect("a nonce")
}
