//! Backups by the clock: one whenever the newest is old enough, and no more of them than are wanted.
//!
//! The age of a backup is in its name. Only files that are named by us and begin like a backup of this
//! store are ever removed.

use crate::audit::Source;
use crate::backups::{Backups, MakeError};
use crate::clock::{Clock, Timestamp};
use crate::store::backup::file::{self, Existing};
use crate::store::files;
use crate::store::opening::InstanceId;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// When backups are made, and how many stay.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Where they go; made when it is missing.
    pub folder: PathBuf,
    /// One is made when the newest is as old as this.
    pub every: Duration,
    /// This many stay; older ones are removed once there is a newer one.
    pub keep: usize,
}

/// After a failure the next try comes no later than this.
const RETRY: Duration = Duration::from_secs(15 * 60);

/// Why a backup was not made or the old ones not looked through.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Make(#[from] MakeError),
    #[error("{}: {error}", folder.display())]
    Folder { folder: PathBuf, error: io::Error },
}

/// Makes backups for ever. A failure is recorded, and tried again.
pub async fn run(schedule: Schedule, backups: Backups, clock: Arc<dyn Clock>) {
    loop {
        let wait = match turn(&schedule, &backups, clock.now()).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "NO BACKUP was made; earlier ones are as they were");
                if let Failed::Folder { .. } = error {
                    backups.record_failure("folder", &Source::schedule());
                }
                schedule.every.min(RETRY)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Makes a backup if one is due, and tells how long to wait.
async fn turn(schedule: &Schedule, backups: &Backups, now: Timestamp) -> Result<Duration, Failed> {
    let failed = |error| Failed::Folder {
        folder: schedule.folder.clone(),
        error,
    };
    let instance = &backups.parts.instance;
    let (wanted, ours) = (schedule.clone(), instance.clone());
    let prepared = blocking(move || prepare(&wanted, &ours, now)).await;
    let (newest, due) = prepared.map_err(failed)?;
    if let Some(newest) = newest {
        backups.last.set(newest);
    }
    let folder = match due {
        Due::In(wait) => return Ok(wait),
        Due::Now(folder) => folder,
    };
    let path = folder.join(name(instance, now));
    let made = backups
        .make(path, Existing::Keep, &Source::schedule())
        .await?;
    tracing::info!(file = %made.path.display(), rows = made.end.total(), "a backup was made");
    let (keep, ours) = (schedule.keep, instance.clone());
    let removed = blocking(move || remove_surplus(&folder, &ours, now, keep));
    removed.await.map_err(failed)?;
    Ok(schedule.every)
}

/// Runs file work where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// When the next backup is due.
enum Due {
    In(Duration),
    /// In this folder, which is there and has no drafts of ours.
    Now(PathBuf),
}

/// What is due, and when the newest backup was made.
fn prepare(
    schedule: &Schedule,
    instance: &InstanceId,
    now: Timestamp,
) -> io::Result<(Option<Timestamp>, Due)> {
    files::create_folder(&schedule.folder)?;
    let folder = std::path::absolute(&schedule.folder)?;
    let made = made_at(&folder, instance)?;
    let wait = wait(&made, now, schedule.every);
    if !wait.is_zero() {
        return Ok((newest(&made, now), Due::In(wait)));
    }
    file::clear(&folder, |stem| moment(stem, instance).is_some())?;
    Ok((newest(&made, now), Due::Now(folder)))
}

fn remove_surplus(
    folder: &Path,
    instance: &InstanceId,
    now: Timestamp,
    keep: usize,
) -> io::Result<()> {
    for old in surplus(made_at(folder, instance)?, now, keep) {
        let path = folder.join(name(instance, old));
        std::fs::remove_file(&path)?;
        tracing::info!(file = %path.display(), "an old backup was removed");
    }
    Ok(())
}

/// How long until the next one.
fn wait(made: &[Timestamp], now: Timestamp, every: Duration) -> Duration {
    newest(made, now).map_or(Duration::ZERO, |newest| {
        every.saturating_sub(now.since(newest))
    })
}

/// The last one. What seems to come from the future tells nothing: the clock was set back.
fn newest(made: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
    made.iter().copied().filter(|made| *made <= now).max()
}

/// The oldest beyond `keep`, never the one that was made just `now`.
fn surplus(mut made: Vec<Timestamp>, now: Timestamp, keep: usize) -> Vec<Timestamp> {
    let most = made.len().saturating_sub(keep);
    made.sort();
    made.retain(|made| *made != now);
    made.truncate(most);
    made
}

const PREFIX: &str = "vestibule-";
const SUFFIX: &str = ".backup";

/// `vestibule-0123abcd-20261124T131700Z.backup`: sorts by time for each store.
fn name(instance: &InstanceId, made: Timestamp) -> String {
    let store: String = instance.to_string().chars().take(8).collect();
    format!("{PREFIX}{store}-{}{SUFFIX}", made.compact())
}

/// When the file was made that [`name`] named so.
fn moment(file: &str, instance: &InstanceId) -> Option<Timestamp> {
    let rest = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let made = Timestamp::from_compact(rest.split_once('-')?.1)?;
    (name(instance, made) == file).then_some(made)
}

/// When the backups of this store in `folder` were made.
fn made_at(folder: &Path, instance: &InstanceId) -> io::Result<Vec<Timestamp>> {
    let mut made = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(at) = name.to_str().and_then(|name| moment(name, instance)) else {
            continue;
        };
        let header = file::header_of(&entry.path());
        if header.is_ok_and(|header| header.instance == *instance) {
            made.push(at);
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_526_220);
    const DAY: Duration = Duration::from_secs(86_400);

    fn ago(hours: u64) -> Timestamp {
        Timestamp(NOW.0 - hours * 3_600)
    }

    #[test]
    fn one_is_due_when_there_is_none_or_the_newest_is_old() {
        assert_eq!(wait(&[], NOW, DAY), Duration::ZERO);
        assert_eq!(wait(&[ago(30), ago(25)], NOW, DAY), Duration::ZERO);
        assert_eq!(
            wait(&[ago(30), ago(23)], NOW, DAY),
            Duration::from_secs(3_600)
        );
    }

    #[test]
    fn one_from_the_future_neither_stops_the_others_nor_calls_for_more() {
        let future = Timestamp(NOW.0 + 1_000_000);
        assert_eq!(wait(&[future], NOW, DAY), Duration::ZERO);
        assert_eq!(wait(&[future, NOW], NOW, DAY), DAY);
    }

    #[test]
    fn the_oldest_go_and_the_new_one_stays() {
        let all = vec![ago(1), ago(3), NOW, ago(2)];
        assert_eq!(surplus(all.clone(), NOW, 2), [ago(3), ago(2)]);
        assert_eq!(surplus(all.clone(), NOW, 1), [ago(3), ago(2), ago(1)]);
        assert_eq!(surplus(all, NOW, 7), []);
        let future = Timestamp(NOW.0 + 5);
        assert_eq!(surplus(vec![NOW, future], NOW, 1), [future]);
    }

    #[test]
    fn names_say_when_and_of_which_store_and_sort_by_time() {
        let (store, other) = (InstanceId::generate(), InstanceId::generate());
        let named = name(&store, NOW);
        assert!(named.ends_with("-20261124T131700Z.backup"), "{named}");
        assert_eq!(moment(&named, &store), Some(NOW));
        assert_eq!(moment(&named, &other), None);
        assert!(name(&store, ago(1)) < named);
        for foreign in [
            named.replace(".backup", ".backup.txt"),
            named.replace("vestibule", "Vestibule"),
            named.replace("20261124T131700Z", "20261324T131700Z"),
            named.replace("20261124T131700Z", "20261124T131700z"),
            named.replace("20261124T131700Z", "2026-11-24"),
            named.replace(".backup", "/../x.backup"),
            String::new(),
        ] {
            assert_eq!(moment(&foreign, &store), None, "{foreign}");
        }
    }
}
