//! Another master key: every row is opened under the old one and sealed under the new one.
//!
//! The new store grows beside the old one and takes its place at one moment (see [`draft`](crate::store::draft)).
//! Before that moment the old key opens the old store; afterwards the new key opens the new one. The
//! new key is on disk, under its name or beside it, before anything needs it.

use crate::clock::{Clock, Timestamp};
use crate::secret::Key;
use crate::store::backup::Piece;
use crate::store::data_folder::{DataFolder, Place};
use crate::store::draft::Draft;
use crate::store::manifest::Manifest;
use crate::store::marker::{ASIDE, Aside, Marker, Replacing, State};
use crate::store::opening::{KeyId, OpenError};
use crate::store::sled::WalkError;
use crate::store::{Error, Tree, master_key};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the new key is to be.
#[derive(Clone, Copy, Debug)]
pub enum NewKey<'a> {
    /// Drawn, and in the place of the old one, which is kept beside it under its id.
    InPlace,
    /// In a file of its own, drawn unless there is one. The old one stays where it is.
    In(&'a Path),
}

/// How a change of the key ended.
#[derive(Debug)]
pub enum Rekeyed {
    /// All rows are sealed under another key.
    Changed {
        /// The key before.
        old: KeyId,
        /// The key now.
        new: KeyId,
        /// Where it is.
        file: PathBuf,
        /// Where the key before is.
        kept: PathBuf,
        /// How many rows.
        rows: u64,
    },
    /// An earlier change had been decided on and was interrupted; it is complete now.
    Completed {
        /// The key now.
        new: KeyId,
    },
}

/// Why the key is the same as before.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// The store could not be opened, or the new one not made.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// There is no store.
    #[error("there is no store in {}", .0.display())]
    NoStore(PathBuf),
    /// The new key is the one in use.
    #[error("the key in {} is the one in use", .0.display())]
    SameKey(PathBuf),
    /// The old store could not be read to its end, or the new one not be written.
    #[error("{0}")]
    Store(#[from] Error),
    /// What was copied is not what there was.
    #[error("{tree:?} has {found} rows after copying {expected}")]
    Miscounted {
        /// Where.
        tree: Tree,
        /// How many there were.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

impl RekeyError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Open(OpenError::InUse(_)) => "stop the server first; nothing was changed",
            Self::Open(error) => error.hint(),
            Self::NoStore(_) => "check data_dir, and run this in the server's working folder",
            Self::SameKey(_) => "name a file with another key, or one that does not exist yet",
            Self::Store(_) | Self::Miscounted { .. } => {
                "the old key is still in use; `vestibule store verify` says more"
            }
        }
    }
}

/// Changes the master key of the store in `place`, and tells `progress` of rows done and all rows.
///
/// # Errors
/// See [`RekeyError`]; then the old key is in use as before.
pub async fn rekey(
    place: Place<'_>,
    new_key: NewKey<'_>,
    clock: Arc<dyn Clock>,
    progress: impl FnMut(u64, u64),
) -> Result<Rekeyed, RekeyError> {
    let folder = place.folder;
    if !DataFolder::exists(folder) {
        return Err(RekeyError::NoStore(folder.to_owned()));
    }
    place.must_be_ours()?;
    let _lock = place.lock()?;
    let interrupted = is_interrupted(place)?;
    let opened = DataFolder::open_locked(place, Arc::clone(&clock)).await?;
    let old = KeyId::of(&opened.master_key);
    if interrupted {
        return Ok(Rekeyed::Completed { new: old });
    }
    let (file, key) = prepare(place, new_key, &old)?;
    let draft = Draft::begin(folder, Arc::clone(&clock), &key, opened.instance.clone()).await?;
    let (draft, copied) = copy(opened, draft, progress).await?;
    let rows = Tree::ALL.into_iter().map(|tree| copied.rows(tree)).sum();
    draft.commit(replacing(clock.now())).await?;
    let new = KeyId::of(&key);
    let kept = match new_key {
        NewKey::InPlace => {
            master_key::find(place.key_file, &new)?;
            master_key::kept_path(place.key_file, &old)
        }
        NewKey::In(_) => place.key_file.to_owned(),
    };
    Ok(Rekeyed::Changed {
        old,
        new,
        file,
        kept,
        rows,
    })
}

/// Was a change of the key decided on, and is something of it left to do?
fn is_interrupted(place: Place<'_>) -> Result<bool, OpenError> {
    let marker = Marker::read(place.folder)?;
    Ok(match marker.map(|marker| marker.state) {
        Some(State::Ready {
            master_key,
            replacing,
        }) => {
            let removes = replacing.is_some_and(|replacing| replacing.then == Aside::Remove);
            let in_place = master_key::read(place.key_file).map(|key| KeyId::of(&key));
            removes || in_place.is_ok_and(|found| found != master_key)
        }
        Some(State::Creating) | None => false,
    })
}

/// The new key, on disk before anything is sealed under it, and the file that it will be in.
fn prepare(
    place: Place<'_>,
    new_key: NewKey<'_>,
    old: &KeyId,
) -> Result<(PathBuf, Key), RekeyError> {
    let (file, key) = match new_key {
        // One that waits there already belongs to a change that was never decided on.
        NewKey::InPlace => {
            let key = master_key::create(&master_key::next_path(place.key_file))?;
            (place.key_file.to_owned(), key)
        }
        NewKey::In(file) => match master_key::read(file) {
            Err(OpenError::KeyMissing(_)) => (file.to_owned(), master_key::create(file)?),
            read => (file.to_owned(), read?),
        },
    };
    if KeyId::of(&key) == *old {
        return Err(RekeyError::SameKey(file));
    }
    Ok((file, key))
}

fn replacing(now: Timestamp) -> Replacing {
    Replacing {
        aside: format!("{ASIDE}{}", now.compact()),
        then: Aside::Remove,
    }
}

/// Copies all rows, on a thread of its own: reading and sealing them takes as long as it takes.
async fn copy<'a>(
    opened: DataFolder,
    draft: Draft<'a>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(Draft<'a>, Manifest), RekeyError> {
    let runtime = tokio::runtime::Handle::current();
    let expected = tokio::task::block_in_place(|| {
        let manifest = opened.store.inner().manifest()?;
        let total = Tree::ALL.into_iter().map(|tree| manifest.rows(tree)).sum();
        let mut done = 0;
        let copied = opened.store.walk(|piece: Piece| {
            done += 1;
            progress(done, total);
            runtime.block_on(draft.put(piece))
        });
        copied.map_err(|error| match error {
            WalkError::Store(error) | WalkError::Visitor(error) => error,
            other @ (WalkError::Damaged(_) | WalkError::Outrun | WalkError::Stopped) => {
                Error::Io(other.to_string())
            }
        })
    })?;
    drop(opened);
    let found = tokio::task::block_in_place(|| draft.verify())?;
    for tree in Tree::ALL {
        let (expected, found) = (expected.rows(tree), found.rows(tree));
        if expected != found {
            return Err(RekeyError::Miscounted {
                tree,
                expected,
                found,
            });
        }
    }
    Ok((draft, found))
}

#[cfg(test)]
mod tests;
