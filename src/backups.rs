//! Backups of the store: made while it is in use, on a schedule, and brought back.
//!
//! The file is [`store::backup`](crate::store::backup)'s; what a restored account may still do is the
//! [account](crate::authn::account::Account::revive)'s. One backup is made at a time.

use crate::audit::{Audit, Details, Event, Source};
use crate::clock::Clock;
use crate::metrics::{Moment, Registry};
use crate::secret::Key;
use crate::store::backup::file::{self, Existing, FileError, Made};
use crate::store::backup::write::Writer;
use crate::store::backup::{BackupError, End, Header, Piece};
use crate::store::data_folder::OpenStore;
use crate::store::manifest::Manifest;
use crate::store::opening::InstanceId;
use crate::store::sealed::Sealed;
use crate::store::sled::{SledStore, WalkError};
use crate::store::{Error, Tree};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

pub mod schedule;
pub mod restore;

/// Why there is no new backup.
pub type MakeError = FileError<SourceError>;

/// Why the rows could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The store failed, or is damaged.
    #[error("{0}")]
    Store(#[from] Error),
    /// A row could not be written.
    #[error("{0}")]
    Row(#[from] BackupError),
    /// The store changes faster than it can be read.
    #[error("the store changes faster than it can be read")]
    Outrun,
    /// The process is about to end.
    #[error("the backup was broken off: the server is stopping")]
    Stopped,
}

impl MakeError {
    /// The reason as a short stable word, for security events.
    const fn word(&self) -> &'static str {
        match self {
            Self::Relative(_) | Self::Exists(_) | Self::Foreign(_) => "place",
            Self::Backup { .. } | Self::Source(SourceError::Row(_)) => "file",
            Self::Source(SourceError::Store(_)) => "store",
            Self::Source(SourceError::Outrun) => "outrun",
            Self::Source(SourceError::Stopped) => "stopping",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Relative(_) => "name the file from the root of the file system",
            Self::Exists(_) => "name another file, or pass --force to replace this backup",
            Self::Foreign(_) => "name another file; only a backup is ever replaced",
            Self::Backup { error, .. } | Self::Source(SourceError::Row(error)) => error.hint(),
            Self::Source(SourceError::Store(_)) => {
                "check the store: `vestibule store verify`; earlier backups are as they were"
            }
            Self::Source(SourceError::Outrun) => "try again when there is less to do",
            Self::Source(SourceError::Stopped) => {
                "make it again, with the server stopped or started anew; earlier ones are as they were"
            }
        }
    }
}

/// Makes backups of one store.
#[derive(Clone, Debug)]
pub struct Backups {
    parts: Arc<Parts>,
    turn: Arc<Mutex<()>>,
    last: Moment,
}

/// What [`Backups`] works with.
#[derive(Debug)]
pub struct Parts {
    /// The store.
    pub store: Arc<OpenStore>,
    /// Which store.
    pub instance: InstanceId,
    /// What its backups are sealed under.
    pub master_key: Key,
    /// Where events go.
    pub audit: Audit,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How often a backup begins anew when writers were faster.
const ATTEMPTS: usize = 3;

impl Backups {
    /// Backups of a store, from what they work with.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            turn: Arc::default(),
            last: Moment::default(),
        }
    }

    /// Shows how old the newest backup is that we know of.
    pub fn register(&self, registry: &mut Registry) {
        let help =
            "When the last backup was begun, since the Unix epoch; absent while none is known";
        self.last
            .register(registry, "last_backup_timestamp_seconds", help);
    }

    /// Makes a backup at `path`, of the store as it is at one moment, while it is in use.
    ///
    /// # Errors
    /// See [`FileError`]; then there is no new file, and the store is as it was.
    pub async fn make(
        &self,
        path: PathBuf,
        existing: Existing,
        source: &Source,
    ) -> Result<Made, MakeError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let parts = Arc::clone(&self.parts);
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work, which goes on when nobody waits for it any more.
            let _turn = turn;
            parts.make(&path, existing)
        });
        let ended = || FileError::Source(Error::Io("the work was broken off".to_owned()).into());
        let made = work.await.unwrap_or_else(|_| Err(ended()));
        self.record(&made, source);
        made
    }

    fn record(&self, made: &Result<Made, MakeError>, source: &Source) {
        match made {
            Ok(made) => {
                self.last.set(made.header.made);
                let audit = &self.parts.audit;
                audit.record(Event::SysBackup, source, &Details::none());
            }
            Err(error) => self.record_failure(error.word(), source),
        }
    }

    fn record_failure(&self, reason: &'static str, source: &Source) {
        let details = Details::none().reason(reason);
        let audit = &self.parts.audit;
        audit.record(Event::SysBackupFail, source, &details);
    }
}

impl Parts {
    fn make(&self, path: &Path, existing: Existing) -> Result<Made, MakeError> {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match self.try_make(path, existing) {
                Err(FileError::Source(SourceError::Outrun)) if left > 0 => {}
                outcome => return outcome,
            }
        }
    }

    fn try_make(&self, path: &Path, existing: Existing) -> Result<Made, MakeError> {
        let store = self.store.inner();
        let stands = store.inner().manifest();
        let sequence = stands
            .map_err(SourceError::from)
            .map_err(FileError::Source)?
            .sequence();
        let header = Header::new(
            self.instance.clone(),
            &self.master_key,
            self.clock.now(),
            sequence,
        );
        let go_on = || match store.inner().is_stopping() {
            true => Err(SourceError::Stopped),
            false => Ok(()),
        };
        let made = file::create(
            path,
            existing,
            &self.master_key,
            header,
            |writer| write_all(store, writer),
            go_on,
        );
        made.map_err(|error| match error {
            FileError::Source(SourceError::Row(error)) => FileError::Backup {
                path: path.to_owned(),
                error,
            },
            other => other,
        })
    }
}

/// Writes every row that a backup keeps, and tells what they add up to.
fn write_all<W: Write>(
    store: &Sealed<SledStore>,
    writer: &mut Writer<W>,
) -> Result<End, SourceError> {
    let walked = store.walk(|piece| match tree_of(&piece).is_backed_up() {
        true => writer.write(piece),
        false => Ok(()),
    });
    walked
        .map(|manifest| end(&manifest))
        .map_err(|error| match error {
            WalkError::Store(error) => error.into(),
            WalkError::Visitor(error) => error.into(),
            WalkError::Outrun => SourceError::Outrun,
            WalkError::Stopped => SourceError::Stopped,
            WalkError::Damaged(damage) => Error::Io(damage.to_string()).into(),
        })
}

const fn tree_of(piece: &Piece) -> Tree {
    match piece {
        Piece::Present { tree, .. } | Piece::Removed { tree, .. } => *tree,
    }
}

fn end(manifest: &Manifest) -> End {
    let kept = Tree::ALL.into_iter().filter(|tree| tree.is_backed_up());
    let rows = kept.map(|tree| (tree, manifest.rows(tree)));
    End::of(rows.collect(), manifest.sequence())
}
