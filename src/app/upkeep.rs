//! What is done without being asked: what expired is cleared away, a failed store is mended, and
//! now and then the whole of it is looked at.

use crate::audit::{Audit, Details, Event, Source};
use crate::authn::session::record::SessionRecord;
use crate::clock::Clock;
use crate::login::Login;
use crate::sessions::Sessions;
use crate::signing_keys::SigningKeys;
use crate::store::Error;
use crate::store::data_folder::{OpenStore, verify_open};
use crate::store::sled::Health;
use crate::timekeeping::Timekeeping;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often what has expired is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Rows that are looked at for it at once.
const SWEEP: usize = 10_000;

/// How often the newest time is written down.
const MARK_EVERY: Duration = Duration::from_secs(60);

/// How often the signing keys are looked after.
const TEND_EVERY: Duration = Duration::from_secs(60);

/// How often a store that is well is asked.
const HEAL_EVERY: Duration = Duration::from_secs(1);

/// The longest time between two tries to mend it.
const HEAL_AT_MOST_EVERY: Duration = Duration::from_secs(8);

/// The time between two tries to open one that is damaged: only a person can mend it.
const DAMAGED_EVERY: Duration = Duration::from_secs(120);

/// How long opening a failed store once more may take when the process ends.
const LAST_HEAL: Duration = Duration::from_secs(3);

/// How often all rows are read.
const VERIFY_EVERY: Duration = Duration::from_secs(3_600);

/// Clears away what has expired, for ever.
pub(in crate::app) async fn sweep(login: Login, store: Arc<OpenStore>, clock: Arc<dyn Clock>) {
    let mut timer = interval(SWEEP_EVERY);
    loop {
        timer.tick().await;
        login.limits().sweep();
        match store.inner().inner().sweep(clock.now(), SWEEP).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "cleared away what had expired"),
            Err(error) => tracing::error!(%error, "what has expired cannot be cleared away"),
        }
    }
}

/// Writes down how late it is, and tells of a clock that was set, for ever.
pub(in crate::app) async fn mark_time(timekeeping: Arc<Timekeeping>) {
    let mut timer = interval(MARK_EVERY);
    loop {
        timer.tick().await;
        if let Err(error) = timekeeping.tick().await {
            tracing::error!(%error, "the time cannot be written down");
        }
    }
}

/// Replaces signing keys when it is time, for ever.
pub(in crate::app) async fn tend(keys: SigningKeys) {
    let mut timer = interval(TEND_EVERY);
    loop {
        timer.tick().await;
        if let Err(error) = keys.tend().await {
            tracing::error!(%error, "the signing keys cannot be looked after");
        }
    }
}

/// Opens the store again after a failure, for ever; the longer it fails, the rarer it is tried.
pub(in crate::app) async fn heal(store: Arc<OpenStore>, sessions: Sessions, audit: Audit) {
    let (mut pause, mut failing) = (HEAL_EVERY, false);
    loop {
        sleep(pause).await;
        match attempt(&store).await {
            Health::Well => pause = HEAL_EVERY,
            Health::Healed => {
                tell_of_healing(&audit);
                (pause, failing) = (HEAL_EVERY, false);
            }
            Health::Failing(error) => {
                tell_of_failure(&audit, &error, failing);
                (pause, failing) = ((pause * 2).min(HEAL_AT_MOST_EVERY), true);
            }
            Health::Damaged(error) => {
                tell_of_failure(&audit, &error, failing);
                (pause, failing) = (DAMAGED_EVERY, true);
            }
        }
        if let Err(error) = sessions.keep_endings(tell_of_ending(&audit)).await {
            tracing::warn!(%error, "a session that was ended is still in the store");
        }
    }
}

/// The endings that the store could not keep are written down before the process forgets them. The
/// disk may be well again, and the store not have been opened since: that is tried unless `at_once`.
pub(in crate::app) async fn keep_last_endings(
    store: Arc<OpenStore>,
    sessions: &Sessions,
    audit: &Audit,
    at_once: CancellationToken,
) {
    if sessions.keep_endings(tell_of_ending(audit)).await.is_ok() {
        return;
    }
    tokio::select! {
        biased;
        () = at_once.cancelled() => {}
        healed = timeout(LAST_HEAL, attempt(&store)) => if let Ok(Health::Healed) = healed {
            tell_of_healing(audit);
        }
    }
    if let Err(error) = sessions.keep_endings(tell_of_ending(audit)).await {
        tracing::error!(%error, "sessions that were ended go on after the next start");
    }
}

/// Whoever signed out read of a failure: now it is done, and recorded.
fn tell_of_ending(audit: &Audit) -> impl Fn(&SessionRecord) + Send + Sync {
    |record| {
        let details = Details::of(record.account()).session(record.id());
        audit.record(Event::SessionLogout, &Source::own(), &details);
    }
}

fn tell_of_healing(audit: &Audit) {
    tracing::info!("the store is open again, and whole");
    audit.record(Event::SysStoreHealed, &Source::default(), &Details::none());
}

/// Tells the log each time, and the audit log once.
fn tell_of_failure(audit: &Audit, error: &Error, told: bool) {
    tracing::error!(%error, "nothing can be written");
    if !told {
        let details = Details::none().reason(error.name());
        audit.record(Event::SysStoreFail, &Source::default(), &details);
    }
}

async fn attempt(store: &Arc<OpenStore>) -> Health {
    let store = Arc::clone(store);
    let healed = spawn_blocking(move || store.inner().inner().heal(|| store.all_changed()));
    healed.await.unwrap_or_else(|error| {
        let reason = format!("opening it again was given up: {error}");
        Health::Failing(Error::Io(reason))
    })
}

/// Reads all rows now and then; a store that is found damaged takes no more writes.
pub(in crate::app) async fn verify(store: Arc<OpenStore>) {
    let mut timer = interval(VERIFY_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the opening has just looked.
    timer.tick().await;
    loop {
        timer.tick().await;
        let store = Arc::clone(&store);
        match spawn_blocking(move || verify_open(&store)).await {
            Ok(Ok(report)) if report.is_whole() => tracing::debug!("the store is whole"),
            Ok(Ok(report)) => tracing::error!(problems = ?report.problems, "the store is damaged"),
            Ok(Err(error)) => tracing::error!(%error, "the store could not be verified"),
            Err(_) => return,
        }
    }
}
