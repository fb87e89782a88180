//! The anchor: how far the database had come, in a small file beside it.
//!
//! A log whose tail was cut off opens as an older whole database, with the older manifest. So the
//! newest durable sequence number is kept outside of it as well. The file is only overwritten in
//! place, in one of two slots by turns: a write that was torn leaves the other slot.

use crate::secret::equal;
use crate::store::files;
use crate::store::manifest::ManifestKeys;
use crate::store::opening::OpenError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Far enough apart to share no page and no sector.
const SLOT: usize = 4096;

/// The sequence number and the MAC over it.
const LENGTH: usize = 8 + 32;

/// The anchor of an open database.
#[derive(Debug)]
pub(crate) struct Anchor {
    file: File,
    keys: Arc<ManifestKeys>,
    newest: u64,
    turn: usize,
}

/// Where the anchor of the database in `folder` is: `NAME.anchor` beside it, also for its draft
/// `NAME.new`, so that renaming the draft needs no second step.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.with_extension("anchor")
}

impl Anchor {
    /// Writes a new anchor at `sequence` for the database in `folder`, durably, in place of any other.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn create(
        folder: &Path,
        keys: Arc<ManifestKeys>,
        sequence: u64,
    ) -> Result<Self, OpenError> {
        let path = path(folder);
        let mut content = encode(&keys, sequence).to_vec();
        // At its full size from the start: no later write has to find room.
        content.resize(2 * SLOT, 0);
        files::write(&path, &content).map_err(OpenError::io(&path))?;
        Self::open(folder, keys)
    }

    /// Opens the anchor of the database in `folder`.
    ///
    /// # Errors
    /// When there is none, or none of this store.
    pub(crate) fn open(folder: &Path, keys: Arc<ManifestKeys>) -> Result<Self, OpenError> {
        let path = path(folder);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::AnchorMissing(path));
            }
            opened => opened.map_err(OpenError::io(&path))?,
        };
        let slots = [0, 1].map(|turn| read(&file, &keys, turn));
        let newest = slots.iter().flatten().copied().max();
        let Some(newest) = newest else {
            return Err(OpenError::AnchorDamaged(path));
        };
        // The next write goes over the older slot, or the torn one.
        let turn = usize::from(slots[0] == Some(newest));
        Ok(Self {
            file,
            keys,
            newest,
            turn,
        })
    }

    /// The newest sequence number that was ever written.
    pub(crate) const fn newest(&self) -> u64 {
        self.newest
    }

    /// Says that everything up to `sequence` is durable.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn advance(&mut self, sequence: u64) -> io::Result<()> {
        if sequence <= self.newest {
            return Ok(());
        }
        let slot = encode(&self.keys, sequence);
        self.file.write_all_at(&slot, place(self.turn))?;
        self.file.sync_data()?;
        self.newest = sequence;
        self.turn = 1 - self.turn;
        Ok(())
    }
}

fn place(turn: usize) -> u64 {
    (turn * SLOT) as u64
}

fn encode(keys: &ManifestKeys, sequence: u64) -> [u8; LENGTH] {
    let mut slot = [0; LENGTH];
    let number = sequence.to_be_bytes();
    let (front, back) = slot.split_at_mut(number.len());
    front.copy_from_slice(&number);
    back.copy_from_slice(&keys.anchor.mac(&[&keys.instance, &number]));
    slot
}

fn read(file: &File, keys: &ManifestKeys, turn: usize) -> Option<u64> {
    let mut slot = [0; LENGTH];
    file.read_exact_at(&mut slot, place(turn)).ok()?;
    let (number, _) = slot.split_first_chunk::<8>()?;
    let sequence = u64::from_be_bytes(*number);
    equal(&slot, &encode(keys, sequence)).then_some(sequence)
}

#[cfg(test)]
mod tests;
