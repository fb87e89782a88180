//! The backup file: the rows of a store, apart from any database.
//!
//! Lines of JSON. The first is a [`Header`] that everybody can read. Each further line is a string, one
//! sealed [`Piece`] or, as the last one, the [`End`]. The key of a file is derived from the master
//! key and the whole header, in which there is a fresh salt, and every line is bound to its number:
//! nothing can be changed, moved, left out, or brought from another file. A file without its end is no
//! backup.

use crate::clock::Timestamp;
use crate::secret::{Key, random};
use crate::store::Tree;
use crate::store::opening::{InstanceId, KeyId};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use zeroize::Zeroizing;

pub mod file;
pub mod write;
pub mod read;
mod line;

/// The only format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// The longest line, in bytes: the largest row, twice in base64, and what stands around it.
pub const MAX_LINE: usize = 192 * 1024;

/// What the first line says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The format: [`FORMAT`].
    pub vestibule_backup: u32,
    /// The store that it was made of.
    pub instance: InstanceId,
    /// The master key that opens it.
    pub master_key: KeyId,
    /// When it was begun.
    pub made: Timestamp,
    /// The store's count of changes when it was begun.
    pub sequence: u64,
    /// 256 random bits: no two files share a key.
    salt: String,
}

impl Header {
    /// The header of a new file.
    #[must_use]
    pub fn new(instance: InstanceId, master_key: &Key, made: Timestamp, sequence: u64) -> Self {
        Self {
            vestibule_backup: FORMAT,
            instance,
            master_key: KeyId::of(master_key),
            made,
            sequence,
            salt: HEXLOWER.encode(&random::<32>()),
        }
    }
}

/// One change on the way to the state that the file holds; a later one replaces an earlier one of the
/// same row.
#[derive(PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Piece {
    /// The row is there.
    Present {
        /// Its key space.
        tree: Tree,
        /// Its key.
        #[serde(with = "text")]
        key: Zeroizing<Vec<u8>>,
        /// From when on it reads as absent.
        expires: Option<Timestamp>,
        /// Its value, opened.
        #[serde(with = "text")]
        value: Zeroizing<Vec<u8>>,
    },
    /// The row is not there, or no more.
    Removed {
        /// Its key space.
        tree: Tree,
        /// Its key.
        #[serde(with = "text")]
        key: Zeroizing<Vec<u8>>,
    },
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present { tree, .. } => write!(f, "Present in {tree:?}"),
            Self::Removed { tree, .. } => write!(f, "Removed from {tree:?}"),
        }
    }
}

/// Bytes as base64 within JSON.
mod text {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    pub(in crate::store::backup) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(bytes)))
    }

    pub(in crate::store::backup) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64.decode(text.as_bytes());
        bytes
            .map(Zeroizing::new)
            .map_err(|_| de::Error::custom("not base64"))
    }
}

/// What the last line says: what there has to be once all pieces are in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Rows in each key space.
    pub rows: BTreeMap<Tree, u64>,
    /// The store's count of changes in the state that the file holds.
    pub sequence: u64,
    /// Lines before this one, the header included.
    lines: u64,
    /// SHA-256 over all of them, each chained to those before it.
    digest: String,
}

impl End {
    /// What a writer is told; the rest it knows itself.
    #[must_use]
    pub fn of(rows: BTreeMap<Tree, u64>, sequence: u64) -> Self {
        Self {
            rows,
            sequence,
            ..Self::default()
        }
    }

    /// All rows together; the highest number there is when they are more.
    #[must_use]
    pub fn total(&self) -> u64 {
        let rows = self.rows.values().copied();
        rows.fold(0, u64::saturating_add)
    }
}

/// Why a file is of no use as a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin like one.
    #[error("it is no backup of vestibule")]
    NotABackup,
    /// Another version of this program made it.
    #[error("it has format version {found}; this program reads version {FORMAT}")]
    OtherFormat {
        /// The version in the file.
        found: u32,
    },
    /// It was made under another master key.
    #[error("it was made under the master key with id {needed}; this one has id {found}")]
    OtherKey {
        /// The id in the file.
        needed: KeyId,
        /// The id of the key that was given.
        found: KeyId,
    },
    /// A line is longer than any line of a backup.
    #[error("line {0} is longer than a line of a backup can be")]
    LongLine(u64),
    /// A line was changed, moved, or belongs to another file.
    #[error("line {0} is damaged, not in its place, or of another file")]
    Damaged(u64),
    /// The end is missing.
    #[error("it ends after {0} lines, before its last one: a part is missing")]
    Cut(u64),
    /// Something follows the end.
    #[error("something follows its last line")]
    Trailing,
    /// The lines are genuine, and do not make the state that they should.
    #[error("its rows do not add up to what its last line says")]
    Miscounted,
    /// A row is longer than any row of a store, or cannot be sealed.
    #[error("a row cannot be written to a line")]
    Unwritable,
}

impl BackupError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Io(_) => {
                "the folder has to exist and to have free space, and the user that runs the server has to be able to write there: a running server writes the file itself"
            }
            Self::NotABackup => "name a file that `vestibule backup` wrote",
            Self::OtherFormat { .. } => "use the version of vestibule that wrote it",
            Self::OtherKey { .. } => {
                "put back the master key that was kept for this backup, where storage.master_key_file says"
            }
            Self::LongLine(_)
            | Self::Damaged(_)
            | Self::Cut(_)
            | Self::Trailing
            | Self::Miscounted => "take another backup; nothing was changed",
            Self::Unwritable => "check the store: `vestibule store verify`",
        }
    }
}

#[cfg(test)]
mod tests;
