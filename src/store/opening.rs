//! Why a data folder was not opened, in words for the person who has to mend it.
//!
//! No error here is ever answered by starting afresh: a store that lost its content must not look
//! like a new one.

use crate::secret::{Key, random};
use crate::store::Error;
use crate::store::manifest::Damage;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Which store this is: 128 random bits as hex, the same in the marker file and inside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// The id of a new store.
    #[must_use]
    pub fn generate() -> Self {
        Self(HEXLOWER.encode(&random::<16>()))
    }

    /// The id as the database keeps it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for InstanceId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        hex::<32>(text).map(Self)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a master key: 64 bits derived from it, which tell nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The name of `key`.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        let derived = key.derive("master key id");
        let (name, _) = derived.expose().split_at(8);
        Self(HEXLOWER.encode(name))
    }
}

impl TryFrom<String> for KeyId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        hex::<16>(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no store and no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of {0} digits, 0-9 and a-f")]
pub struct NotAnId(usize);

/// Ids stand in files that anybody may have made, and are shown before anything of these is proven.
fn hex<const DIGITS: usize>(text: String) -> Result<String, NotAnId> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == DIGITS && text.bytes().all(is_digit) {
        Ok(text)
    } else {
        Err(NotAnId(DIGITS))
    }
}

/// Why a data folder was not opened. `Display` says what is wrong, [`OpenError::hint`] what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused a file operation.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The folder is another user's, and what we make there would be ours.
    #[error("the data folder {} belongs to another user (uid {owner}, and this runs as {me})", path.display())]
    OthersFolder {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        me: u32,
    },
    /// Another process has the folder open.
    #[error("another vestibule serves this data folder: {}", .0.display())]
    InUse(PathBuf),
    /// The database engine gave up while opening: it is damaged or the disk failed.
    #[error("the database in {} cannot be opened: {reason}", path.display())]
    Unopenable {
        /// The folder of the database.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// There is a database or a master key, but no marker file that says whose.
    #[error("{} is there, but the marker file {} beside it is missing", found.display(), marker.display())]
    MarkerMissing {
        /// What was found.
        found: PathBuf,
        /// Where the marker has to be.
        marker: PathBuf,
    },
    /// The marker file cannot be understood.
    #[error("the marker file {} is damaged", .0.display())]
    MarkerDamaged(PathBuf),
    /// The store was written by another version of Vestibule.
    #[error("the store has schema version {found}; this program reads version {known}")]
    OtherSchema {
        /// The version in the marker file.
        found: u32,
        /// The version of this program.
        known: u32,
    },
    /// There is no store, or none whose making was completed.
    #[error("there is no store: {} says nothing of one", .0.display())]
    NoStore(PathBuf),
    /// The marker file says that there is a store, but its database is gone.
    #[error("the database {} is missing, but the marker file says that there is one", .0.display())]
    DatabaseMissing(PathBuf),
    /// The database opened but has lost its content.
    #[error("the database in {} has lost its content", .0.display())]
    Emptied(PathBuf),
    /// The database has rows, but no manifest of this store that says which they have to be.
    #[error("the database in {} has no manifest of this store: {reason}", path.display())]
    NoManifest {
        /// The folder of the database.
        path: PathBuf,
        /// Why there is none.
        reason: &'static str,
    },
    /// The rows of the database are not those that were written.
    #[error("the database in {} is damaged: {damage}", path.display())]
    Lost {
        /// The folder of the database.
        path: PathBuf,
        /// How they differ.
        damage: Damage,
    },
    /// The database is whole, but older than what was acknowledged.
    #[error(
        "the database in {} is an older state: it stands at transaction {found}, and {known} were made",
        path.display()
    )]
    RolledBack {
        /// The folder of the database.
        path: PathBuf,
        /// Where it stands.
        found: u64,
        /// Where it stood.
        known: u64,
    },
    /// The file that says how far the database had come is gone.
    #[error("the anchor {} is missing; without it nobody can tell whether the store is complete", .0.display())]
    AnchorMissing(PathBuf),
    /// The file that says how far the database had come cannot be read, or is another store's.
    #[error("the anchor {} is damaged, or of another store", .0.display())]
    AnchorDamaged(PathBuf),
    /// The marker file belongs to another store.
    #[error("the marker file belongs to store {marker}, but the database is another store's")]
    OtherInstance {
        /// The id in the marker file.
        marker: InstanceId,
    },
    /// The master key is gone while the store exists.
    #[error("the master key {} is missing; without it nobody can read the store", .0.display())]
    KeyMissing(PathBuf),
    /// Others can read or change the master key.
    #[error("the master key {} is open to others (mode {mode:04o})", path.display())]
    KeyOpen {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file does not hold a key.
    #[error("the master key {} is damaged: it must be 64 hexadecimal digits", .0.display())]
    KeyMalformed(PathBuf),
    /// The key is one, but not the one of this store.
    #[error("wrong master key: {} has id {found}, the store was sealed with {expected}", path.display())]
    WrongKey {
        /// The key file.
        path: PathBuf,
        /// The id of the key in the file.
        found: KeyId,
        /// The id in the marker file.
        expected: KeyId,
    },
    /// The first record of the store does not open: damaged, or not of this store.
    #[error("the store cannot be trusted: {0}")]
    Damaged(Error),
}

impl OpenError {
    /// Wraps what the system said about `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Io { path, error }
    }

    /// Would trying again find the same? Only what the system said may pass by itself.
    pub(crate) const fn is_lasting(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::InUse(_))
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that the folder exists, is yours and has free space",
            Self::NoStore(_) => "check data_dir; `vestibule serve` makes a store in a new folder",
            Self::OthersFolder { .. } => {
                "run this as that user, who runs the server: sudo -u; nothing was changed"
            }
            Self::InUse(_) => "stop the other one, or give this one a data_dir of its own",
            Self::OtherSchema { .. } => "use the version of vestibule that wrote the store",
            Self::KeyOpen { .. } => "close it with: chmod 600",
            Self::KeyMissing(_) | Self::KeyMalformed(_) => {
                "put back the master.key that was kept with the backup of this store"
            }
            Self::WrongKey { .. } => {
                "put back the key with that id; after `store rekey --new-key-file`, storage.master_key_file has to name its file"
            }
            Self::MarkerMissing { .. } => {
                "put back the VESTIBULE-STORE file or restore the whole folder from a backup; for a new store choose an empty folder"
            }
            Self::Unopenable { .. }
            | Self::MarkerDamaged(_)
            | Self::DatabaseMissing(_)
            | Self::Emptied(_)
            | Self::OtherInstance { .. }
            | Self::NoManifest { .. }
            | Self::Lost { .. }
            | Self::RolledBack { .. }
            | Self::AnchorMissing(_)
            | Self::AnchorDamaged(_)
            | Self::Damaged(_) => {
                "nothing was changed; `vestibule store verify` says more, `vestibule restore FILE` brings back a backup, and nobody can sign in until then"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_is_nothing_but_digits() {
        let instance = InstanceId::generate();
        let key = KeyId::of(&Key::from_bytes([7; 32]));
        let written = serde_json::to_string(&(&instance, &key)).unwrap();
        let read: (InstanceId, KeyId) = serde_json::from_str(&written).unwrap();
        assert_eq!(read, (instance, key));
        for digits in ["", "0", "A", "/", " ", "\n", "\u{1b}", "\u{e9}"] {
            for length in [15, 16, 17, 31, 32, 33] {
                let text = digits.repeat(length);
                let is_id = |right: usize| digits == "0" && length == right;
                assert_eq!(KeyId::try_from(text.clone()).is_ok(), is_id(16), "{text:?}");
                assert_eq!(
                    InstanceId::try_from(text.clone()).is_ok(),
                    is_id(32),
                    "{text:?}"
                );
            }
        }
    }
}
