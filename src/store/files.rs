//! Small files that survive a power cut: written, synced, and their folder synced.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError, read_dir, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Makes `folder` with mode 0700 unless it is there, and its parents like it.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes the names in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes `folder` and the files right inside it durable.
pub(crate) fn sync_content(folder: &Path) -> io::Result<()> {
    for entry in read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    sync_folder(folder)
}

/// Writes a file at once, in place of an earlier one: it has the old content or the new, never a
/// part. Readable by its owner alone.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    remove_if_present(&draft)?;
    create(&draft, content)?;
    rename(&draft, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Locks a file or folder against all who lock it too; tries again for a while when it is taken.
pub(crate) fn lock(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                sleep(Duration::from_millis(2));
            }
            outcome => return outcome,
        }
    }
}

/// Writes a file that must not exist yet, readable by its owner alone.
fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Removes a file that may be missing.
fn remove_if_present(path: &Path) -> io::Result<()> {
    match remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
