//! A store from a backup file: read to its end, built beside what is there, put in place at once.
//!
//! The file is believed only after its last line was read, and nothing is changed before. What a
//! restored store may not bring back to life is for its user to decide, between loading and commit.

use crate::clock::{Clock, Timestamp};
use crate::secret::Key;
use crate::store::backup::read::{Next, Reader};
use crate::store::backup::{BackupError, End, Header};
use crate::store::data_folder::Place;
use crate::store::draft::{DATABASE, Draft};
use crate::store::marker::{ASIDE, Aside, Marker, Replacing};
use crate::store::opening::{InstanceId, OpenError};
use crate::store::{Error, Store, Tree, files, master_key};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What becomes of a store that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldStore {
    /// It stays, and nothing is restored.
    Keep,
    /// It is put aside, within the data folder.
    PutAside,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data folder cannot be used, or the key is not there.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// The file is of no use.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: BackupError,
    },
    /// There is a store already.
    #[error("there is a store in {} already", .0.display())]
    Occupied(PathBuf),
    /// The backup is of another store than the one that is there.
    #[error("the backup is of store {backup}, and there is store {found} in {}", folder.display())]
    OtherInstance {
        /// The store of the backup.
        backup: InstanceId,
        /// The store that is there.
        found: InstanceId,
        /// Where.
        folder: PathBuf,
    },
    /// The new store could not be written.
    #[error("{0}")]
    Store(#[from] Error),
}

impl RestoreError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Open(OpenError::InUse(_)) => "stop the server first; nothing was changed",
            Self::Open(OpenError::KeyMissing(_)) => {
                "put the master key that was kept for this backup there, or name its file in storage.master_key_file; nothing was changed"
            }
            Self::Open(error) => error.hint(),
            Self::File { error, .. } => error.hint(),
            Self::Occupied(_) => {
                "pass --force to put it aside, where it can be found again; nothing was changed"
            }
            Self::OtherInstance { .. } => "restore into an empty data_dir; nothing was changed",
            Self::Store(_) => "check that the disk has free space; nothing was changed",
        }
    }
}

/// A restored store that is not in use yet; dropping it leaves everything as it was.
#[derive(Debug)]
pub struct Restoring<'a> {
    draft: Draft<'a>,
    header: Header,
    end: End,
    folder: &'a Path,
    // Nobody opens the folder, and nobody has the old database open.
    _locks: (File, Option<File>),
}

/// A store that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub header: Header,
    /// Rows that it holds.
    pub rows: u64,
    /// Where the store is that was there before.
    pub aside: Option<PathBuf>,
}

impl<'a> Restoring<'a> {
    /// Reads all of `file`, and builds its store beside what is in `place`.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub async fn load(
        place: Place<'a>,
        file: &Path,
        old: OldStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RestoreError> {
        let failed = |error: BackupError| RestoreError::File {
            path: file.to_owned(),
            error,
        };
        let key = master_key::read(place.key_file)?;
        let mut input = File::open(file).map_err(|error| failed(error.into()))?;
        let (header, end) = verify(&input, &key).map_err(failed)?;
        let folder = place.folder;
        files::create_folder(folder).map_err(OpenError::io(folder))?;
        place.must_be_ours()?;
        let locks = (place.lock()?, place.lock_database()?);
        may_replace(folder, &header, old)?;
        let draft = Draft::begin(folder, clock, &key, header.instance.clone()).await?;
        input.rewind().map_err(|error| failed(error.into()))?;
        fill(&draft, &input, &key)
            .await
            .map_err(|error| match error {
                Unloaded::File(error) => failed(error),
                Unloaded::Store(error) => error.into(),
            })?;
        let found = draft.verify()?;
        if Tree::ALL
            .into_iter()
            .any(|tree| found.rows(tree) != end.rows.get(&tree).copied().unwrap_or_default())
        {
            return Err(failed(BackupError::Miscounted));
        }
        Ok(Self {
            draft,
            header,
            end,
            folder,
            _locks: locks,
        })
    }

    /// The restored store, to change before anybody uses it. Let go of it before committing.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.draft.store()
    }

    /// Puts the restored store in the place of the one that is there.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn commit(self, now: Timestamp) -> Result<Restored, RestoreError> {
        let aside = unused(self.folder, now);
        self.draft
            .commit(Replacing {
                aside: aside.clone(),
                then: Aside::Keep,
            })
            .await?;
        let aside = self.folder.join(aside);
        Ok(Restored {
            header: self.header,
            rows: self.end.total(),
            aside: aside.exists().then_some(aside),
        })
    }
}

fn verify(file: &File, key: &Key) -> Result<(Header, End), BackupError> {
    let reader = Reader::open(BufReader::new(file), key)?;
    let header = reader.header().clone();
    Ok((header, reader.verify()?))
}

/// Why a draft was not filled.
enum Unloaded {
    File(BackupError),
    Store(Error),
}

/// Reads the file a second time: what it was found to be may have been changed meanwhile.
async fn fill(draft: &Draft<'_>, file: &File, key: &Key) -> Result<(), Unloaded> {
    let mut reader = Reader::open(BufReader::new(file), key).map_err(Unloaded::File)?;
    loop {
        match reader.read().map_err(Unloaded::File)? {
            Next::Piece(piece) => draft.put(piece).await.map_err(Unloaded::Store)?,
            Next::End(_) => return Ok(()),
        }
    }
}

fn may_replace(folder: &Path, header: &Header, old: OldStore) -> Result<(), RestoreError> {
    let marker = Marker::read(folder);
    let database = folder.join(DATABASE);
    let empty =
        matches!(marker, Ok(None)) && !database.try_exists().map_err(OpenError::io(&database))?;
    match (old, marker) {
        _ if empty => Ok(()),
        (OldStore::Keep, _) => Err(RestoreError::Occupied(folder.to_owned())),
        (OldStore::PutAside, Ok(Some(marker))) if marker.instance != header.instance => {
            Err(RestoreError::OtherInstance {
                backup: header.instance.clone(),
                found: marker.instance,
                folder: folder.to_owned(),
            })
        }
        (OldStore::PutAside, _) => Ok(()),
    }
}

/// A name for the old store that is not taken.
fn unused(folder: &Path, now: Timestamp) -> String {
    let first = format!("{ASIDE}{}", now.compact());
    let more = (2..).map(|number| format!("{first}-{number}"));
    std::iter::once(first.clone())
        .chain(more)
        .find(|name| !folder.join(name).exists())
        .unwrap_or(first)
}

#[cfg(test)]
mod tests;
