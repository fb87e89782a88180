//! A store built beside the one in use, which takes its place at one moment.
//!
//! It grows in a folder of its own. The moment is the writing of the marker file, which names the
//! new key and says that the store is to be replaced; what is left to do then is renaming, and
//! whoever opens the folder next does it if it was not done. Killed before the moment, the old store
//! is as it was; afterwards it is the new one.

use crate::clock::Clock;
use crate::secret::Key;
use crate::store::backup::Piece;
use crate::store::manifest::{Manifest, ManifestKeys};
use crate::store::marker::{Aside, Marker, Replacing, SCHEMA, State};
use crate::store::opening::{InstanceId, KeyId, OpenError};
use crate::store::sealed::Sealed;
use crate::store::sled::{SledStore, WalkError};
use crate::store::{Change, Durability, Error, Row, Store, Swap, Tree, files};
use std::convert::Infallible;
use std::fs::{remove_dir, remove_dir_all, rename};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// The first record of every store, in [`Tree::Meta`]: the instance id. It opens only under the
/// right master key and only in the right store.
pub(crate) const FIRST_RECORD: &[u8] = b"instance";

/// The folder of the database within a data folder.
pub(crate) const DATABASE: &str = "store";

/// What moves when a store takes the place of another: the database, and its anchor beside it.
const MOVED: [&str; 2] = [DATABASE, "store.anchor"];

/// Where a draft grows.
const NEXT: &str = "next";

/// Makes a database in `folder` with the first record, durably.
pub(crate) async fn create(
    folder: &Path,
    clock: Arc<dyn Clock>,
    master: &Key,
    instance: &InstanceId,
) -> Result<Sealed<SledStore>, OpenError> {
    let keys = ManifestKeys::new(master, instance.as_bytes());
    let store = Sealed::new(SledStore::create(folder, keys, clock)?, master);
    let change = Change {
        tree: Tree::Meta,
        key: FIRST_RECORD,
        expect: None,
        new: Some(first_record(instance)),
    };
    let written = store.swap(&[change], Durability::Synced).await;
    // Nobody else knows the folder, so this is no conflict; the next opening would refuse it.
    let (Swap::Done | Swap::Conflict) = written.map_err(OpenError::Damaged)?;
    Ok(store)
}

fn first_record(instance: &InstanceId) -> Row<'_> {
    Row {
        value: instance.as_bytes(),
        expires: None,
    }
}

/// A store that is being built. Whoever builds it holds the lock of the data folder.
#[derive(Debug)]
pub struct Draft<'a> {
    folder: &'a Path,
    store: Arc<Sealed<SledStore>>,
    instance: InstanceId,
    key: KeyId,
    // Dropped after the store, which writes when it is closed.
    room: Room<'a>,
}

/// The place that a draft grows in; cleared when it comes to nothing.
#[derive(Debug)]
struct Room<'a> {
    folder: &'a Path,
    decided: bool,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.decided {
            // What cannot be removed now is removed by the next opening.
            let _ = discard(self.folder);
        }
    }
}

impl<'a> Draft<'a> {
    /// Begins a store in the data folder `folder`, beside whatever is in use there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) async fn begin(
        folder: &'a Path,
        clock: Arc<dyn Clock>,
        master: &Key,
        instance: InstanceId,
    ) -> Result<Self, OpenError> {
        discard(folder)?;
        let room = Room {
            folder,
            decided: false,
        };
        let next = folder.join(NEXT);
        files::create_folder(&next).map_err(OpenError::io(&next))?;
        let store = create(&next.join(DATABASE), clock, master, &instance).await?;
        Ok(Self {
            folder,
            room,
            store: Arc::new(store),
            instance,
            key: KeyId::of(master),
        })
    }

    /// The store, to look at and to change before it is in use. Let go of it before committing.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    /// Puts a row in place, or takes it away. Not durable before the commit.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn put(&self, piece: Piece) -> Result<(), Error> {
        let (tree, key, row) = match &piece {
            Piece::Present {
                tree,
                key,
                expires,
                value,
            } => (
                *tree,
                key,
                Some(Row {
                    value,
                    expires: *expires,
                }),
            ),
            Piece::Removed { tree, key } => (*tree, key, None),
        };
        let found = self.store.get(tree, key).await?;
        let change = Change {
            tree,
            key,
            expect: found.as_ref().map(|found| &found.version),
            new: row,
        };
        match self.store.swap(&[change], Durability::Relaxed).await? {
            Swap::Done => Ok(()),
            Swap::Conflict => Err(Error::Io("somebody else writes to the draft".to_owned())),
        }
    }

    /// Reads all rows again, and tells what they amount to. Blocks.
    ///
    /// # Errors
    /// When one cannot be read, or is not what was written.
    pub(crate) fn verify(&self) -> Result<Manifest, Error> {
        let walked = self.store.walk(|_| Ok::<_, Infallible>(()));
        walked.map_err(|error| match error {
            WalkError::Store(error) => error,
            other @ (WalkError::Damaged(_)
            | WalkError::Outrun
            | WalkError::Stopped
            | WalkError::Visitor(_)) => Error::Io(other.to_string()),
        })
    }

    /// Leaves the draft as a kill would.
    #[cfg(test)]
    pub(crate) fn abandon(mut self) {
        self.room.decided = true;
    }

    /// The draft becomes the store of the folder; the one before it goes to the folder `aside`.
    ///
    /// # Errors
    /// Before the moment nothing has changed. After it, the next opening completes what is left.
    pub(crate) async fn commit(self, replacing: Replacing) -> Result<Marker, OpenError> {
        let Self {
            folder,
            store,
            instance,
            key,
            mut room,
        } = self;
        let next = folder.join(NEXT);
        make_durable(&store, &instance)
            .await
            .map_err(OpenError::Damaged)?;
        // Closed here, or somebody could write to what is about to move.
        let closed = Arc::into_inner(store).map(drop);
        closed.ok_or_else(|| OpenError::InUse(next.clone()))?;
        keep_marker(folder)?;
        for folder in [next.join(DATABASE), next.clone()] {
            files::sync_content(&folder).map_err(OpenError::io(&folder))?;
        }
        let marker = Marker {
            schema: SCHEMA,
            instance,
            state: State::Ready {
                master_key: key,
                replacing: Some(replacing),
            },
        };
        // From here on the marker may say that this is the store, also when writing it seems to fail.
        room.decided = true;
        marker.write(folder)?;
        complete(folder, marker)
    }
}

/// Writes the first record once more, in order to hear that it and all before it are on disk.
async fn make_durable(store: &Sealed<SledStore>, instance: &InstanceId) -> Result<(), Error> {
    let found = store.get(Tree::Meta, FIRST_RECORD).await?;
    let change = Change {
        tree: Tree::Meta,
        key: FIRST_RECORD,
        expect: found.as_ref().map(|found| &found.version),
        new: Some(first_record(instance)),
    };
    match store.swap(&[change], Durability::Synced).await? {
        Swap::Done => Ok(()),
        Swap::Conflict => Err(Error::Io("somebody else writes to the draft".to_owned())),
    }
}

/// What moves aside is a whole data folder, but for its key: with its marker it can be opened there.
fn keep_marker(folder: &Path) -> Result<(), OpenError> {
    match Marker::read(folder) {
        Ok(Some(old)) => old.write(&folder.join(NEXT)),
        // One that cannot be read is no loss.
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Does what is left to do of a replacement that the marker says; every step may have been done.
pub(crate) fn complete(folder: &Path, marker: Marker) -> Result<Marker, OpenError> {
    let State::Ready {
        master_key,
        replacing: Some(Replacing { aside, then }),
    } = marker.state
    else {
        return Ok(marker);
    };
    let aside = folder.join(aside);
    move_in(folder, &aside).map_err(OpenError::io(folder))?;
    match then {
        // Empty when there was nothing to keep.
        Aside::Keep => drop(remove_dir(&aside)),
        Aside::Remove => remove_all(&aside).map_err(OpenError::io(&aside))?,
    }
    discard(folder)?;
    let state = State::Ready {
        master_key,
        replacing: None,
    };
    let marker = Marker { state, ..marker };
    marker.write(folder)?;
    Ok(marker)
}

fn move_in(folder: &Path, aside: &Path) -> io::Result<()> {
    files::create_folder(aside)?;
    let next = folder.join(NEXT);
    for name in MOVED {
        let (new, place) = (next.join(name), folder.join(name));
        if !new.try_exists()? {
            continue;
        }
        if place.try_exists()? {
            rename(&place, aside.join(name))?;
        }
        rename(&new, &place)?;
    }
    let old_marker = Marker::path(&next);
    if old_marker.try_exists()? {
        rename(&old_marker, Marker::path(aside))?;
    }
    files::sync_folder(aside)?;
    files::sync_folder(folder)
}

/// Removes what is left of a draft that was never decided on.
pub(crate) fn discard(folder: &Path) -> Result<(), OpenError> {
    let next = folder.join(NEXT);
    remove_all(&next).map_err(OpenError::io(&next))
}

fn remove_all(folder: &Path) -> io::Result<()> {
    match remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
