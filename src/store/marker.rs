//! The marker file `VESTIBULE-STORE`: proof that a store was made here, and which.
//!
//! It outlives the database, so that an emptied database never passes for a first run.

use crate::store::files;
use crate::store::opening::{InstanceId, KeyId, OpenError};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The only layout of the store that this program reads and writes.
pub const SCHEMA: u32 = 2;

const NAME: &str = "VESTIBULE-STORE";

/// A marker is some 150 bytes; more is none.
const MAX_LENGTH: u64 = 4096;

/// What the marker file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The layout of the store: [`SCHEMA`].
    pub schema: u32,
    /// The store it belongs to.
    pub instance: InstanceId,
    /// How far the making of the store got.
    pub state: State,
}

/// Begins the name of every folder that a replaced store goes to.
pub(crate) const ASIDE: &str = "replaced-";

/// How far the making of the store got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The first start has begun and nothing was ever stored: the next start may finish it.
    Creating,
    /// The store is in use: whatever is missing from now on is lost, not new.
    Ready {
        /// The key that it is sealed with.
        master_key: KeyId,
        /// Another store was decided on, and may still have to be put in place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replacing: Option<Replacing>,
    },
}

/// A store that takes the place of the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacing {
    /// The folder, within the data folder, that the old one goes to.
    pub aside: String,
    /// What becomes of it there.
    pub then: Aside,
}

/// What becomes of a store that was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aside {
    /// It stays where it was put.
    Keep,
    /// It is removed.
    Remove,
}

/// Read first, so that a later layout is named instead of called damaged.
#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

impl Marker {
    /// Where the marker of `folder` is.
    #[must_use]
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Reads the marker; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or understood, or is of another schema version.
    pub fn read(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = Self::path(folder);
        let mut text = vec![];
        match File::open(&path).and_then(|file| file.take(MAX_LENGTH).read_to_end(&mut text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::Io { path, error }),
            Ok(_) => {}
        }
        let Ok(SchemaOnly { schema: found }) = serde_json::from_slice(&text) else {
            return Err(OpenError::MarkerDamaged(path));
        };
        if found != SCHEMA {
            let known = SCHEMA;
            return Err(OpenError::OtherSchema { found, known });
        }
        match serde_json::from_slice::<Self>(&text) {
            Ok(marker) if marker.stays_within() => Ok(Some(marker)),
            Ok(_) | Err(_) => Err(OpenError::MarkerDamaged(path)),
        }
    }

    /// Is the folder for the old store one that we would have named? Things are moved there, or removed.
    fn stays_within(&self) -> bool {
        let State::Ready {
            replacing: Some(Replacing { aside, .. }),
            ..
        } = &self.state
        else {
            return true;
        };
        aside.starts_with(ASIDE) && !aside.contains(['/', '\\', '\0'])
    }

    /// Writes the marker in place of an earlier one, durably.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, folder: &Path) -> Result<(), OpenError> {
        let path = Self::path(folder);
        let text = serde_json::to_vec(self).expect("a marker has only text and numbers");
        files::write(&path, &text).map_err(OpenError::io(&path))
    }
}
