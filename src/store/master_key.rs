//! The master key in its own file: all that is needed beside the store to read it.
//!
//! `<data_dir>/master.key` unless configured: 64 hexadecimal digits, mode 0600. Made once, with the store; lost means
//! that the store is lost (NIST SP 800-57: back it up apart from the data).

use crate::secret::Key;
use crate::store::files;
use crate::store::opening::{KeyId, OpenError};
use data_encoding::HEXLOWER;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NAME: &str = "master.key";

/// 64 digits and a line end; one byte more shows that there is too much.
const MAX_LENGTH: u64 = 66;

/// Where the master key of `folder` is unless another place was configured.
#[must_use]
pub fn default_path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Draws a key and writes it to its file, durably. Only where no key is in use yet.
///
/// # Errors
/// When the system refuses.
pub fn create(path: &Path) -> Result<Key, OpenError> {
    let key = Key::generate();
    write(path, &key)?;
    Ok(key)
}

fn write(path: &Path, key: &Key) -> Result<(), OpenError> {
    let mut text = Zeroizing::new(HEXLOWER.encode(key.expose()));
    text.push('\n');
    files::write(path, text.as_bytes()).map_err(OpenError::io(path))
}

/// Where a key waits that shall take the place of the one at `path`.
#[must_use]
pub fn next_path(path: &Path) -> PathBuf {
    with_suffix(path, "next")
}

/// Where the key with this id is kept once another has taken its place at `path`.
#[must_use]
pub fn kept_path(path: &Path, id: &KeyId) -> PathBuf {
    with_suffix(path, &id.to_string())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    path.into()
}

/// The key of this id at `path`. When a change of the key was decided on and not completed, the next
/// one takes its place first, and the old one is kept beside it under its id.
///
/// # Errors
/// As [`read`]; [`OpenError::WrongKey`] when neither has this id.
pub fn find(path: &Path, expected: &KeyId) -> Result<Key, OpenError> {
    let key = read(path)?;
    let found = KeyId::of(&key);
    if found == *expected {
        return Ok(key);
    }
    match read(&next_path(path)) {
        Ok(next) if KeyId::of(&next) == *expected => {
            write(&kept_path(path, &found), &key)?;
            files::replace(&next_path(path), path).map_err(OpenError::io(path))?;
            Ok(next)
        }
        Ok(_) | Err(_) => Err(OpenError::WrongKey {
            path: path.to_owned(),
            found,
            expected: expected.clone(),
        }),
    }
}

/// Reads the key.
///
/// # Errors
/// When it is missing, when anyone but its owner may read or write it, when it is no key.
pub fn read(path: &Path) -> Result<Key, OpenError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::KeyMissing(path.to_owned()));
        }
        opened => opened.map_err(OpenError::io(path))?,
    };
    // Asked of the open file: what is checked is what is read.
    let mode = file.metadata().map_err(OpenError::io(path))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(OpenError::KeyOpen { path, mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(128));
    file.take(MAX_LENGTH)
        .read_to_end(&mut text)
        .map_err(OpenError::io(path))?;
    parse(&text).ok_or_else(|| OpenError::KeyMalformed(path.to_owned()))
}

fn parse(text: &[u8]) -> Option<Key> {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    let bytes = Zeroizing::new(HEXLOWER.decode(digits).ok()?);
    Some(Key::from_bytes(bytes.as_slice().try_into().ok()?))
}
