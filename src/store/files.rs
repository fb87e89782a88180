//! Small files that survive a power cut: written, synced, and their folder synced.

use rustix::fs::statvfs;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError, read_dir, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How the names of drafts end.
const DRAFT: &str = "new";

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
    let draft = draft_of(path);
    remove_if_present(&draft)?;
    create(&draft, content)?;
    replace(&draft, path)
}

/// Puts a durable file in the place of another, durably.
pub(crate) fn replace(new: &Path, place: &Path) -> io::Result<()> {
    rename(new, place)?;
    sync_parent(place)
}

/// Makes the name of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        None => Ok(()),
        // A name alone lies in the working folder.
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
    }
}

/// Writes the files right inside `folder` anew, each in place of itself, durably.
///
/// After a failed sync the kernel takes pages for written that are not, and a later sync says nothing
/// of them ("fsyncgate", PostgreSQL 2018); only writing all of them again makes a sync mean something.
pub(crate) fn rewrite_content(folder: &Path) -> io::Result<()> {
    for entry in read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            rewrite(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// Writes one file anew, in place of itself, durably.
pub(crate) fn rewrite(path: &Path) -> io::Result<()> {
    let draft = draft_of(path);
    remove_if_present(&draft)?;
    let copied = copy(path, &draft).and_then(|()| rename(&draft, path));
    if let Err(error) = copied {
        remove_if_present(&draft)?;
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes the drafts right inside `folder` that were left over when something ended early.
pub(crate) fn remove_drafts(folder: &Path) -> io::Result<()> {
    for entry in read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == DRAFT) {
            remove_if_present(&path)?;
        }
    }
    Ok(())
}

/// Can `bytes` more be written where `folder` is? Asks the file system, then tries with a small file,
/// for quotas and broken disks.
pub(crate) fn check_room(folder: &Path, bytes: u64) -> io::Result<()> {
    let system = statvfs(folder)?;
    if system.f_bavail.saturating_mul(system.f_frsize) < bytes {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let trial = folder.join("room.new");
    remove_if_present(&trial)?;
    let tried = new_file(&trial).and_then(|mut file| {
        file.write_all(&[0xa5; 64 * 1024])?;
        file.sync_all()
    });
    remove_if_present(&trial)?;
    tried
}

/// The bytes of the files right inside `folder`.
pub(crate) fn size_of_content(folder: &Path) -> io::Result<u64> {
    read_dir(folder)?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum()
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
    let mut file = new_file(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = new_file(to)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Where a file is written before it takes its place.
fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".");
    draft.push(DRAFT);
    draft.into()
}

/// Removes a file that may be missing.
fn remove_if_present(path: &Path) -> io::Result<()> {
    match remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_removed_when_it_cannot_be_written() {
        let folder = tempfile::TempDir::new().unwrap();
        // It can be opened, and not be read.
        let path = folder.path().join("db");
        std::fs::create_dir(&path).unwrap();
        rewrite(&path).unwrap_err();
        let names = read_dir(folder.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["db"]);
    }
}
