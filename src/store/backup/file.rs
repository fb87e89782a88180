//! A backup file on disk: whole and proven to be readable, or not there.

use crate::secret::{Key, random};
use crate::store::backup::read::{self, Next, Reader};
use crate::store::backup::write::Writer;
use crate::store::backup::{BackupError, End, Header};
use crate::store::files;
use data_encoding::HEXLOWER;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, read_dir, remove_file, rename, symlink_metadata};
use std::io::{self, BufReader, BufWriter, ErrorKind, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What becomes of a backup that lies where the new one shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Existing {
    /// It stays, and no new one is made.
    Keep,
    /// The new one takes its place, in one step. Only a backup is ever replaced.
    Replace,
}

/// A backup that was written, read again, and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Its first line.
    pub header: Header,
    /// Its last line.
    pub end: End,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub enum FileError<E> {
    /// The path does not say where.
    #[error("{} is not an absolute path", .0.display())]
    Relative(PathBuf),
    /// Something is there already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Something is there that is no backup.
    #[error("{} exists already and is no backup", .0.display())]
    Foreign(PathBuf),
    /// The file could not be written, or was not readable again.
    #[error("{}: {error}", path.display())]
    Backup {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        error: BackupError,
    },
    /// What was to be written could not be had.
    #[error("{0}")]
    Source(E),
}

/// Makes a backup at `path`: a draft beside it that `fill` writes, synced, read again, and renamed.
/// `go_on` is asked before each line that is read again. Whatever goes wrong, `path` stays as it was.
/// Blocks.
///
/// # Errors
/// See [`FileError`].
pub fn create<E>(
    path: &Path,
    existing: Existing,
    master: &Key,
    header: Header,
    fill: impl FnOnce(&mut Writer<BufWriter<&File>>) -> Result<End, E>,
    go_on: impl Fn() -> Result<(), E>,
) -> Result<Made, FileError<E>> {
    let failed = |error: BackupError| FileError::Backup {
        path: path.to_owned(),
        error,
    };
    let io_failed = |error: io::Error| failed(error.into());
    may_stand(path, existing)?;
    let draft = Draft::beside(path).map_err(io_failed)?;
    let buffered = BufWriter::new(&draft.file);
    let mut writer = Writer::begin(buffered, master, &header).map_err(failed)?;
    let end = fill(&mut writer).map_err(FileError::Source)?;
    drop(writer.finish(end).map_err(failed)?);
    draft.file.sync_all().map_err(io_failed)?;
    let verified = draft.verify(master, go_on).map_err(FileError::Source)?;
    let end = verified.map_err(failed)?;
    let bytes = draft.file.metadata().map_err(io_failed)?.size();
    // Asked again: it may have come meanwhile.
    may_stand(path, existing)?;
    draft.publish(path).map_err(io_failed)?;
    Ok(Made {
        path: path.to_owned(),
        header,
        end,
        bytes,
    })
}

fn may_stand<E>(path: &Path, existing: Existing) -> Result<(), FileError<E>> {
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(FileError::Relative(path.to_owned()));
    }
    // Not followed: a link is something else than a backup.
    let found = match symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map(|found| found.is_file()),
    };
    match (existing, found) {
        (Existing::Keep, _) => Err(FileError::Exists(path.to_owned())),
        (Existing::Replace, Ok(true)) if header_of(path).is_ok() => Ok(()),
        (Existing::Replace, _) => Err(FileError::Foreign(path.to_owned())),
    }
}

/// What the first line of the file at `path` says; nothing of it is proven.
///
/// # Errors
/// When it cannot be read, or does not begin like a backup.
pub fn header_of(path: &Path) -> Result<Header, BackupError> {
    read::header(&mut BufReader::new(File::open(path)?))
}

/// A file beside its place, under a name that no other process uses; removed unless published.
struct Draft {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Draft {
    fn beside(path: &Path) -> io::Result<Self> {
        let stem = path.file_name().unwrap_or_default();
        clear(path.parent().unwrap_or(path), |left| {
            OsStr::new(left) == stem
        })?;
        let mut name = OsString::from(".");
        name.push(stem);
        name.push(format!(".{}{SUFFIX}", HEXLOWER.encode(&random::<8>())));
        let draft = path.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        Ok(Self {
            file,
            path: draft,
            published: false,
        })
    }

    /// Reads what was written, from its beginning to its end.
    ///
    /// # Errors
    /// Those of `go_on`; the inner one says why it is no backup.
    fn verify<E>(
        &self,
        master: &Key,
        go_on: impl Fn() -> Result<(), E>,
    ) -> Result<Result<End, BackupError>, E> {
        let mut reader = match self.reader(master) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            go_on()?;
            match reader.read() {
                Ok(Next::Piece(_)) => {}
                Ok(Next::End(end)) => return Ok(Ok(end)),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn reader(&self, master: &Key) -> Result<Reader<BufReader<&File>>, BackupError> {
        (&self.file).rewind()?;
        Reader::open(BufReader::new(&self.file), master)
    }

    fn publish(mut self, path: &Path) -> io::Result<()> {
        rename(&self.path, path)?;
        self.published = true;
        files::sync_parent(path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed now is removed by the next backup to the same place.
            let _ = remove_file(&self.path);
        }
    }
}

const SUFFIX: &str = ".draft";

/// Removes from `folder` the drafts that killed processes left of backups whose names `is_ours`.
///
/// # Errors
/// When the system refuses.
pub fn clear(folder: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().and_then(stem_of_draft).is_some_and(&is_ours) {
            remove_file(folder.join(name))?;
        }
    }
    Ok(())
}

/// Of which file a draft of this name is: `.NAME.` and 16 hexadecimal digits.
fn stem_of_draft(name: &str) -> Option<&str> {
    let (stem, digits) = name
        .strip_prefix('.')?
        .strip_suffix(SUFFIX)?
        .rsplit_once('.')?;
    let is_random = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_random.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::opening::InstanceId;
    use std::convert::Infallible;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn make(path: &Path, existing: Existing) -> Result<Made, FileError<Infallible>> {
        let key = Key::from_bytes([7; 32]);
        let header = Header::new(InstanceId::generate(), &key, Timestamp(1), 1);
        let go_on = || Ok(());
        create(path, existing, &key, header, |_| Ok(End::default()), go_on)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_is_for_its_owner_alone_and_leaves_no_draft() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.backup");
        let made = make(&path, Existing::Keep).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o600);
        assert_eq!((made.bytes, &made.path), (found.len(), &path));
        assert_eq!(names(folder.path()), ["a.backup"]);
    }

    #[test]
    fn only_a_backup_is_replaced_and_only_when_asked() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        make(&at("a"), Existing::Keep).unwrap();
        assert!(matches!(
            make(&at("a"), Existing::Keep),
            Err(FileError::Exists(_))
        ));
        make(&at("a"), Existing::Replace).unwrap();
        fs::write(at("master.key"), "a key").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("a"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        for name in ["master.key", "folder", "link", "dangling"] {
            let made = make(&at(name), Existing::Replace);
            assert!(
                matches!(made, Err(FileError::Foreign(_))),
                "{name}: {made:?}"
            );
        }
        assert_eq!(fs::read_to_string(at("master.key")).unwrap(), "a key");
        let relative = make(Path::new("a"), Existing::Replace);
        assert!(matches!(relative, Err(FileError::Relative(_))));
    }

    #[test]
    fn a_backup_that_fails_leaves_the_one_before_and_no_draft() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        make(&path, Existing::Keep).unwrap();
        let before = fs::read(&path).unwrap();
        let key = Key::from_bytes([7; 32]);
        let make = |fill: Result<End, &'static str>, go_on: Result<(), &'static str>| {
            let header = Header::new(InstanceId::generate(), &key, Timestamp(1), 1);
            create(&path, Existing::Replace, &key, header, |_| fill, || go_on)
        };
        for failed in [
            make(Err("no rows"), Ok(())),
            make(Ok(End::default()), Err("no rows")),
        ] {
            assert!(matches!(failed, Err(FileError::Source("no rows"))));
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn what_a_killed_backup_left_goes_and_nothing_else() {
        let folder = TempDir::new().unwrap();
        let others = [
            ".a.0123456789abcde.draft",
            ".b.0123456789abcdef.draft",
            "a.draft",
        ];
        for name in others.iter().chain(&[".a.0123456789abcdef.draft"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        make(&folder.path().join("a"), Existing::Keep).unwrap();
        let mut expected = others.to_vec();
        expected.push("a");
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }
}
