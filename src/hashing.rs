//! The bounded pool for password hashing, away from the reactor.
//!
//! At most `threads` jobs run at once, at most `queue` wait, none waits longer than `patience`:
//! a flood of sign-ins costs a known amount of memory and never slows a signed-in visitor.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, available_parallelism};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::authn::AccountId;
use crate::authn::password::{
    self, Memory, Params, Password, PasswordHash, PasswordVerified, WrongPassword,
};
use crate::metrics::{Counter, Durations, Registry, number, reading};

/// How much hashing may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs at once; the number of cores but at most 4 unless configured. Each takes the memory
    /// of one Argon2 run. Zero counts as one.
    pub threads: usize,
    /// Jobs that may wait; 64 unless configured.
    pub queue: usize,
    /// How long one waits before it gives up; 2 seconds unless configured.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: available_parallelism().map_or(1, usize::from).min(4),
            queue: 64,
            patience: Duration::from_secs(2),
        }
    }
}

/// The pool has no place, or none came free in time: 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

impl Busy {
    /// What a client is told to wait: longer than a full queue takes with the defaults.
    pub const RETRY_AFTER: Duration = Duration::from_secs(5);
}

/// How many times the work of one hash a refusal is given, and within which bounds.
const LEVEL: u32 = 3;
const LEAST_LEVEL: Duration = Duration::from_millis(50);
const MOST_LEVEL: Duration = Duration::from_secs(1);

/// Hashes and verifies passwords. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    params: Params,
    decoy: PasswordHash,
    leveling_time: Duration,
    /// One permit for everybody who is here, running or waiting.
    places: Arc<Semaphore>,
    /// One permit for everybody who runs. It is fair: first come, first served.
    turns: Arc<Semaphore>,
    /// Working memory that a finished job left to the next one; never more than `threads`.
    spare: Mutex<Vec<Memory>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    waited: Durations,
    worked: Durations,
    refused: Counter,
}

impl Pool {
    /// A pool that hashes with `params`. Makes the decoy, so it takes as long as one sign-in.
    ///
    /// # Panics
    /// When the machine has not the memory that `params` ask for.
    #[must_use]
    pub fn new(limits: Limits, params: Params) -> Self {
        let threads = limits.threads.max(1);
        let begun = Instant::now();
        let decoy = password::decoy(&params);
        Self(Arc::new(Inner {
            limits: Limits { threads, ..limits },
            params,
            decoy,
            leveling_time: (LEVEL * begun.elapsed()).clamp(LEAST_LEVEL, MOST_LEVEL),
            places: Arc::new(Semaphore::new(threads + limits.queue)),
            turns: Arc::new(Semaphore::new(threads)),
            spare: Mutex::default(),
            counts: Counts::default(),
        }))
    }

    /// Shows how much hashing goes on.
    pub fn register(&self, registry: &mut Registry) {
        let (running, waiting) = (Arc::clone(&self.0), Arc::clone(&self.0));
        reading(
            registry,
            "hashing_jobs_running",
            "Passwords and backup codes that are being hashed",
            move || number(running.running()),
        );
        reading(
            registry,
            "hashing_jobs_waiting",
            "Jobs that wait for their turn to be hashed",
            move || number(waiting.waiting()),
        );
        let places = self.0.limits.threads + self.0.limits.queue;
        reading(
            registry,
            "hashing_jobs_max",
            "Jobs that may run and wait at once; the next one is refused",
            move || number(places),
        );
        let counts = &self.0.counts;
        registry.register(
            "hashing_wait_seconds",
            "How long jobs waited for their turn",
            counts.waited.clone(),
        );
        registry.register(
            "hashing_duration_seconds",
            "How long jobs took once they ran",
            counts.worked.clone(),
        );
        registry.register(
            "hashing_refused",
            "Jobs turned away because the queue was full or their turn did not come",
            counts.refused.clone(),
        );
    }

    /// How long an attempt takes with all that goes with its hash, generously: three times what the decoy took, at
    /// least 50 ms and at most a second. Refusals that leave at that age tell nothing by their time.
    #[must_use]
    pub fn leveling_time(&self) -> Duration {
        self.0.leveling_time
    }

    /// Checks a password as [`password::verify`] does; `None` means there is no such account.
    ///
    /// # Errors
    /// [`Busy`] outside, [`WrongPassword`] inside.
    pub async fn verify(
        &self,
        known: Option<(AccountId, PasswordHash)>,
        attempt: &Password,
    ) -> Result<Result<PasswordVerified, WrongPassword>, Busy> {
        let (inner, attempt) = (Arc::clone(&self.0), attempt.clone());
        let check = move |memory: &mut Memory| {
            let known = known.as_ref().map(|(account, hash)| (*account, hash));
            password::verify_in(memory, known, &inner.decoy, &attempt)
        };
        self.run(check).await
    }

    /// Hashes a password for the store with the current parameters.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, Busy> {
        let (inner, password) = (Arc::clone(&self.0), password.clone());
        let hash = move |memory: &mut Memory| password::hash_in(memory, &password, &inner.params);
        self.run(hash).await
    }

    /// Runs any costly job in working memory of the pool. A caller that goes away while it waits frees its place at once; a job
    /// that runs is finished in any case and keeps its place until then.
    ///
    /// # Errors
    /// [`Busy`] at once when the queue is full, after [`Limits::patience`] when no turn came, and
    /// when the system gives no thread.
    ///
    /// # Panics
    /// When the job panics.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let counts = &self.0.counts;
        let held = self.turn().await.inspect_err(|_| {
            counts.refused.inc();
        })?;
        let inner = Arc::clone(&self.0);
        let (tell, told) = oneshot::channel();
        let work = move || {
            step_aside();
            let began = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| inner.lend_memory(job)));
            inner.counts.worked.note(began.elapsed());
            // Both permits live as long as the memory that they stand for, not as the caller.
            drop(held);
            // A caller that went away needs no answer.
            let _ = tell.send(result);
        };
        Builder::new()
            .name("hash".to_owned())
            .spawn(work)
            .map_err(|_| Busy)?;
        match told.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(Busy),
        }
    }
}

/// How much less the system prefers a thread that hashes to those that serve requests: about a tenth of their
/// share when both want all of a core.
const NICE: i32 = 10;

/// A flood of sign-ins wants every core, and whoever is signed in comes first. What lowered itself may not rise again
/// without a privilege, so each job has a thread of its own: some 30 µs beside a hash's 30 ms.
fn step_aside() {
    // Where it is forbidden, hashing goes on at the same priority.
    let _ = rustix::process::nice(NICE);
}

impl Pool {
    /// A place at once, and a turn in time.
    async fn turn(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Busy> {
        let place = Arc::clone(&self.0.places)
            .try_acquire_owned()
            .map_err(|_| Busy)?;
        let came = Instant::now();
        let turn = Arc::clone(&self.0.turns).acquire_owned();
        let turn = timeout(self.0.limits.patience, turn).await;
        self.0.counts.waited.note(came.elapsed());
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok((place, turn))
    }
}

impl Inner {
    fn running(&self) -> usize {
        self.limits.threads - self.turns.available_permits()
    }

    fn waiting(&self) -> usize {
        let here = self.limits.threads + self.limits.queue - self.places.available_permits();
        // Read one after the other, while jobs come and go.
        here.saturating_sub(self.running())
    }

    /// Lends working memory to one job and keeps it for the next: never more than `threads` of them.
    ///
    /// Given back, such large blocks would stay with the allocator all the same, once for every
    /// thread that ever freed one (glibc keeps an arena for each).
    fn lend_memory<T>(&self, job: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.spare().pop().unwrap_or_default();
        let result = job(&mut memory);
        self.spare().push(memory);
        result
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
