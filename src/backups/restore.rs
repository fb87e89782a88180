//! Brings a backup back, and sees to it that no door opens again that was shut since.

use crate::accounts::PAGE;
use crate::audit::{Audit, Details, Event, Source};
use crate::authn::account::{Account, SinceBackup};
use crate::clock::{Clock, Timestamp};
use crate::signing_keys;
use crate::store::data_folder::Place;
use crate::store::restore::{OldStore, RestoreError, Restored, Restoring};
use crate::store::table::{Table, UpdateError};
use crate::store::{Error, Store};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

/// What is asked for beside the file.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What becomes of a store that is there.
    pub old: OldStore,
    /// Whether backup codes may have been spent since the backup.
    pub codes: SinceBackup,
}

/// What came back with a backup, and what did not.
#[derive(Debug)]
pub struct BroughtBack {
    /// The store.
    pub restored: Restored,
    /// Every account in it.
    pub accounts: Vec<Account>,
    /// How many signing keys of the backup stay away: one of them may have leaked, and been revoked, since.
    pub signing_keys_left_behind: usize,
}

/// Puts the store of the backup `file` in place.
///
/// # Errors
/// See [`RestoreError`]; then everything is as it was.
pub async fn restore(
    place: Place<'_>,
    file: &Path,
    wanted: Wanted,
    clock: Arc<dyn Clock>,
    audit: &Audit,
) -> Result<BroughtBack, RestoreError> {
    let restoring = Restoring::load(place, file, wanted.old, Arc::clone(&clock)).await?;
    let accounts = revive(restoring.store(), clock.now(), wanted.codes).await?;
    let signing_keys_left_behind = signing_keys::forget(&*restoring.store()).await?;
    let restored = restoring.commit(clock.now()).await?;
    let source = Source::command_line();
    audit.record(Event::SysRestore, &source, &Details::none());
    Ok(BroughtBack {
        restored,
        accounts,
        signing_keys_left_behind,
    })
}

/// Every account is told that it comes from a backup.
async fn revive(
    store: Arc<dyn Store>,
    now: Timestamp,
    codes: SinceBackup,
) -> Result<Vec<Account>, Error> {
    let table: Table<Account> = Table::new(store);
    let mut all: Vec<Account> = vec![];
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = table.scan(&[], after.as_deref(), PAGE).await?;
        for (key, _) in &page {
            let revived = table.update_relaxed(key, |account: &mut Account| {
                account.revive(now, codes);
                Ok::<_, Infallible>(account.clone())
            });
            all.push(
                revived
                    .await
                    .map_err(|error: UpdateError| Error::from(error))?,
            );
        }
        let done = page.len() < PAGE;
        after = page.last().map(|(key, _)| key.clone());
        if done {
            return Ok(all);
        }
    }
}
