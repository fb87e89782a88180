//! The data folder: marker file, master key and database, made and opened in one order.
//!
//! Made: marker "creating", key, database, first record, marker "ready". Until "ready" nothing was
//! ever handed out, so whatever a kill left behind is completed by the next start. From "ready" on
//! nothing is ever made again: what is missing is lost, and the start is refused.

use crate::clock::Clock;
use crate::secret::Key;
use crate::store::draft::{self, FIRST_RECORD};
use crate::store::manifest::{Damage, ManifestKeys};
use crate::store::marker::{Marker, SCHEMA, State};
use crate::store::observed::Observed;
use crate::store::opening::{InstanceId, KeyId, OpenError};
use crate::store::sealed::Sealed;
use crate::store::sled::{DATABASE, Event, Examined, Place as DatabasePlace, SledStore, WalkError};
use crate::store::verify::Report;
use crate::store::{Error, Store, Tree, files, master_key, sealed};
use std::cell::Cell;
use std::convert::Infallible;
use std::fs::{File, TryLockError, remove_dir_all, rename};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for another process that opens the folder at this moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// An opened data folder.
#[derive(Debug)]
pub struct DataFolder {
    /// The store, sealed under the master key.
    pub store: Sealed<SledStore>,
    /// The master key; other keys may be derived from it for other purposes.
    pub master_key: Key,
    /// Which store this is.
    pub instance: InstanceId,
}

impl DataFolder {
    /// Is there a store in `folder`, or the beginning of one?
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        Marker::path(folder).exists()
    }

    /// Opens the store in `folder`, or makes one when the folder is new; the master key is in `key_file`.
    ///
    /// Blocks while the database is read; meant for the start of the process. Needs a Tokio runtime.
    ///
    /// # Errors
    /// See [`OpenError`]. None of them changes what was stored.
    pub async fn open(
        folder: &Path,
        key_file: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let place = Place { folder, key_file };
        files::create_folder(folder).map_err(OpenError::io(folder))?;
        // Held while opening: two first starts at the same moment must not make two stores.
        let _lock = place.lock()?;
        Self::open_locked(place, clock).await
    }

    /// As [`DataFolder::open`], for whoever holds the lock of the folder.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) async fn open_locked(
        place: Place<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let folder = place.folder;
        let Some(marker) = Marker::read(folder)? else {
            refuse_remains(place)?;
            return complete(place, clock, begin(folder)?).await;
        };
        match marker.state.clone() {
            State::Creating => complete(place, clock, marker).await,
            State::Ready { master_key, .. } => reopen(place, clock, marker, master_key).await,
        }
    }
}

/// The store as a server has it open: watched, sealed, in sled.
pub type OpenStore = Observed<Sealed<SledStore>>;

/// What becomes of a store that lost rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is told, and nothing is changed.
    Told,
    /// What is left is taken for the whole store from now on.
    Accepted,
}

/// The state of the store that a server has open. Blocks.
///
/// # Errors
/// When it failed, or changes too fast to be read.
pub fn verify_open(store: &OpenStore) -> Result<Report, Error> {
    let sealed = store.inner();
    let mut unreadable = 0;
    let walked = sealed.inner().walk(|event| {
        if let Event::Present { tree, key, row } = event {
            unreadable += usize::from(!sealed.opens(tree, key, row.value));
        }
        Ok::<_, Infallible>(())
    });
    let report = match walked {
        Ok(manifest) => Report::new(Some(&manifest), &Damage::default()),
        Err(WalkError::Damaged(damage)) => Report::new(Some(&sealed.inner().manifest()?), &damage),
        Err(WalkError::Store(error)) => return Err(error),
        Err(error @ (WalkError::Outrun | WalkError::Stopped)) => {
            return Err(Error::Io(error.to_string()));
        }
        Err(WalkError::Visitor(never)) => match never {},
    };
    Ok(report.unreadable(unreadable))
}

/// The state of the store in `folder`, which no server has open; does with its losses as `loss` says.
/// Blocks.
///
/// # Errors
/// When the store cannot be read at all, or has nothing left that could be accepted.
pub fn verify(folder: &Path, key_file: &Path, loss: Loss) -> Result<Report, OpenError> {
    let _lock = lock(folder)?;
    let path = Marker::path(folder);
    let Some(marker) = Marker::read(folder)? else {
        return Err(OpenError::NoStore(path));
    };
    let State::Ready {
        master_key: expected,
        ..
    } = marker.state.clone()
    else {
        return Err(OpenError::NoStore(path));
    };
    let (marker, master_key) = settle(Place { folder, key_file }, marker, &expected)?;
    let database = existing_database(folder)?;
    let keys = ManifestKeys::new(&master_key, marker.instance.as_bytes());
    let (opens, first) = (sealed::opener(&master_key), Cell::new(false));
    let examined = Examined::read(DatabasePlace::new(&database, keys), |tree, key, sealed| {
        let opened = opens(tree, key, sealed);
        if opened && (tree, key) == (Tree::Meta, FIRST_RECORD) {
            first.set(true);
        }
        opened
    })?;
    let mut report = Report::new(examined.manifest.as_ref().ok(), &examined.damage())
        .unreadable(examined.unreadable());
    report.problems.extend(examined.problems());
    match loss {
        // What lost even this would look like a new store, and hand itself to whoever comes first.
        Loss::Accepted if !first.get() => return Err(OpenError::Emptied(database)),
        Loss::Accepted if !report.is_whole() => examined.accept()?,
        Loss::Told | Loss::Accepted => {}
    }
    Ok(report)
}

/// The folder, and the file of the master key in it or elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The data folder.
    pub folder: &'a Path,
    /// The file of the master key.
    pub key_file: &'a Path,
}

impl Place<'_> {
    /// Refuses a folder of another user: what is put there now its owner could not open.
    ///
    /// # Errors
    /// [`OpenError::OthersFolder`].
    pub(crate) fn must_be_ours(self) -> Result<(), OpenError> {
        let path = self.folder.to_owned();
        let found = std::fs::metadata(self.folder).map_err(OpenError::io(self.folder))?;
        let (owner, me) = (found.uid(), rustix::process::geteuid().as_raw());
        if owner != me {
            return Err(OpenError::OthersFolder { path, owner, me });
        }
        Ok(())
    }

    /// Keeps everybody from opening the folder, for as long as the lock is held.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while somebody else opens it or holds the lock.
    pub(crate) fn lock(self) -> Result<File, OpenError> {
        lock(self.folder)
    }

    /// Keeps everybody from the database, whatever its state; `None` when there is none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while it is open.
    pub(crate) fn lock_database(self) -> Result<Option<File>, OpenError> {
        let path = database_folder(self.folder).join(DATABASE);
        match path.try_exists() {
            Ok(false) => Ok(None),
            Ok(true) => match lock(&path) {
                Err(OpenError::InUse(_)) => Err(OpenError::InUse(self.folder.to_owned())),
                locked => locked.map(Some),
            },
            Err(error) => Err(OpenError::io(&path)(error)),
        }
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = File::open(path).map_err(OpenError::io(path))?;
    match files::lock(&file, PATIENCE) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::io(path)(error)),
    }
}

/// Without a marker there must be nothing of a store: its remains would be taken for a new one.
fn refuse_remains(place: Place<'_>) -> Result<(), OpenError> {
    for found in [database_folder(place.folder), place.key_file.to_owned()] {
        if found.try_exists().map_err(OpenError::io(&found))? {
            let marker = Marker::path(place.folder);
            return Err(OpenError::MarkerMissing { found, marker });
        }
    }
    Ok(())
}

fn begin(folder: &Path) -> Result<Marker, OpenError> {
    let marker = Marker {
        schema: SCHEMA,
        instance: InstanceId::generate(),
        state: State::Creating,
    };
    marker.write(folder)?;
    // Should the name of the folder itself be lost, all of it looks like a first run. Not every
    // parent may be opened, so this is as much as can be done.
    if let Some(parent) = folder.canonicalize().ok().as_deref().and_then(Path::parent) {
        let _ = files::sync_folder(parent);
    }
    Ok(marker)
}

/// Does what is left to do of the making; every step may have been done before.
async fn complete(
    place: Place<'_>,
    clock: Arc<dyn Clock>,
    marker: Marker,
) -> Result<DataFolder, OpenError> {
    let folder = place.folder;
    let master_key = match master_key::read(place.key_file) {
        Err(OpenError::KeyMissing(_)) => master_key::create(place.key_file)?,
        read => read?,
    };
    let path = database_folder(folder);
    if !path.try_exists().map_err(OpenError::io(&path))? {
        make_database(folder, Arc::clone(&clock), &master_key, &marker.instance).await?;
    }
    let state = State::Ready {
        master_key: KeyId::of(&master_key),
        replacing: None,
    };
    let marker = Marker { state, ..marker };
    let opened = open_database(folder, clock, master_key, marker.instance.clone()).await?;
    marker.write(folder)?;
    Ok(opened)
}

/// Makes the database as a draft beside its place: a half-made one never stands there.
async fn make_database(
    folder: &Path,
    clock: Arc<dyn Clock>,
    master_key: &Key,
    instance: &InstanceId,
) -> Result<(), OpenError> {
    let draft = folder.join("store.new");
    match remove_dir_all(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(OpenError::io(&draft)(error));
        }
        Ok(()) | Err(_) => {}
    }
    drop(draft::create(&draft, clock, master_key, instance).await?);
    files::sync_content(&draft).map_err(OpenError::io(&draft))?;
    let path = database_folder(folder);
    rename(&draft, &path).map_err(OpenError::io(&path))?;
    files::sync_folder(folder).map_err(OpenError::io(folder))
}

async fn reopen(
    place: Place<'_>,
    clock: Arc<dyn Clock>,
    marker: Marker,
    expected: KeyId,
) -> Result<DataFolder, OpenError> {
    let (marker, master_key) = settle(place, marker, &expected)?;
    open_database(place.folder, clock, master_key, marker.instance).await
}

/// The right key, and the store in its place: completes what was decided on and interrupted, and
/// clears away what was not.
fn settle(place: Place<'_>, marker: Marker, expected: &KeyId) -> Result<(Marker, Key), OpenError> {
    let master_key = master_key::find(place.key_file, expected)?;
    let marker = draft::complete(place.folder, marker)?;
    draft::discard(place.folder)?;
    Ok((marker, master_key))
}

async fn open_database(
    folder: &Path,
    clock: Arc<dyn Clock>,
    master_key: Key,
    instance: InstanceId,
) -> Result<DataFolder, OpenError> {
    let path = existing_database(folder)?;
    let keys = ManifestKeys::new(&master_key, instance.as_bytes());
    let store = Sealed::new(SledStore::open(&path, keys, clock)?, &master_key);
    match store.get(Tree::Meta, FIRST_RECORD).await {
        Ok(Some(found)) if found.value == instance.as_bytes() => Ok(DataFolder {
            store,
            master_key,
            instance,
        }),
        Ok(Some(_)) => Err(OpenError::OtherInstance { marker: instance }),
        Ok(None) => Err(OpenError::Emptied(path)),
        Err(error) => Err(OpenError::Damaged(error)),
    }
}

/// sled would make a new database where there is none.
fn existing_database(folder: &Path) -> Result<PathBuf, OpenError> {
    let path = database_folder(folder);
    let file = path.join(DATABASE);
    if file.try_exists().map_err(OpenError::io(&file))? {
        Ok(path)
    } else {
        Err(OpenError::DatabaseMissing(file))
    }
}

fn database_folder(folder: &Path) -> PathBuf {
    folder.join(draft::DATABASE)
}

#[cfg(test)]
mod tests;
