use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use tokio::task::{JoinSet, yield_now};

use crate::hashing::*;

const HOUR: Duration = Duration::from_secs(3600);

fn pool(threads: usize, queue: usize, patience: Duration) -> Pool {
    let limits = Limits {
        threads,
        queue,
        patience,
    };
    Pool::new(limits, Params::new(8, 1, 1).unwrap())
}

/// Starts a job that tells when it runs and ends when the returned sender is dropped.
async fn occupy(pool: &Pool) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, running) = oneshot::channel();
    let pool = pool.clone();
    tokio::spawn(async move {
        pool.run(move |_| {
            started.send(()).unwrap();
            released.recv().unwrap_err();
        })
        .await
    });
    running.await.unwrap();
    release
}

/// What the pool answers without any waiting.
async fn at_once<T>(answer: impl Future<Output = T>) -> T {
    timeout(Duration::ZERO, answer).await.unwrap()
}

/// Lets the scheduler run until so many places are taken.
async fn until_present(pool: &Pool, present: usize) {
    let places = pool.0.limits.threads + pool.0.limits.queue;
    while places - pool.0.places.available_permits() != present {
        yield_now().await;
    }
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_there_are_threads() {
    let pool = pool(2, 64, HOUR);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut jobs = JoinSet::new();
    for _ in 0..64 {
        let (pool, now, most) = (pool.clone(), Arc::clone(&now), Arc::clone(&most));
        jobs.spawn(async move {
            pool.run(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
            .await
        });
    }
    assert!(jobs.join_all().await.iter().all(Result::is_ok));
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once_and_the_waiting_get_their_turn() {
    let pool = pool(1, 2, HOUR);
    let release = occupy(&pool).await;
    let mut waiting = JoinSet::new();
    for job in 0..2 {
        let pool = pool.clone();
        waiting.spawn(async move { pool.run(move |_| job).await });
    }
    until_present(&pool, 3).await;
    assert_eq!(at_once(pool.run(|_| ())).await, Err(Busy));
    assert_eq!(pool.0.turns.available_permits(), 0);
    drop(release);
    let mut done = waiting.join_all().await;
    done.sort_by_key(|job| job.ok());
    assert_eq!(done, [Ok(0), Ok(1)]);
}

#[tokio::test]
async fn whoever_stops_waiting_frees_the_place() {
    let pool = pool(1, 1, HOUR);
    let _release = occupy(&pool).await;
    let mut waiter = Box::pin(pool.run(|_| ()));
    // One poll puts it into the queue.
    assert!(timeout(Duration::ZERO, &mut waiter).await.is_err());
    assert_eq!(at_once(pool.run(|_| ())).await, Err(Busy));
    drop(waiter);
    assert_eq!(pool.0.places.available_permits(), 1);
}

#[tokio::test]
async fn a_running_job_keeps_its_place_when_its_caller_goes_away() {
    let pool = pool(1, 0, HOUR);
    let (release, released) = mpsc::channel::<()>();
    let mut caller = Box::pin(pool.run(move |_| released.recv()));
    assert!(timeout(Duration::ZERO, &mut caller).await.is_err());
    drop(caller);
    assert_eq!(at_once(pool.run(|_| ())).await, Err(Busy));
    drop(release);
    until_present(&pool, 0).await;
    assert_eq!(pool.run(|_| 7).await, Ok(7));
}

#[tokio::test]
async fn nobody_waits_longer_than_the_patience() {
    let pool = pool(1, 64, Duration::from_millis(1));
    let _release = occupy(&pool).await;
    assert_eq!(pool.run(|_| ()).await, Err(Busy));
    assert_eq!(pool.0.places.available_permits(), 64);
}

#[tokio::test]
async fn a_panic_reaches_the_caller_and_frees_the_place() {
    let pool = pool(1, 0, HOUR);
    let other = pool.clone();
    let failed = tokio::spawn(async move { other.run(|_| panic!("on purpose")).await });
    assert!(failed.await.unwrap_err().is_panic());
    assert_eq!(pool.run(|_| 7).await, Ok(7));
}

#[tokio::test]
async fn a_hash_of_the_pool_is_verified_by_the_pool() {
    let pool = pool(1, 1, HOUR);
    let typed = Password::new("correct horse battery".to_owned()).unwrap();
    let wrong = Password::new("incorrect horse".to_owned()).unwrap();
    let (alice, hash) = (AccountId::generate(), pool.hash(&typed).await.unwrap());
    let known = || Some((alice, hash.clone()));

    let proof = pool.verify(known(), &typed).await.unwrap().unwrap();
    assert_eq!((proof.account(), proof.needs_rehash()), (alice, false));
    assert_eq!(
        pool.verify(known(), &wrong).await.unwrap().unwrap_err(),
        WrongPassword
    );
    assert_eq!(
        pool.verify(None, &typed).await.unwrap().unwrap_err(),
        WrongPassword
    );
}

#[tokio::test]
async fn working_memory_is_kept_for_as_many_jobs_as_run_at_once() {
    let pool = pool(2, 64, HOUR);
    let typed = Password::new("correct horse battery".to_owned()).unwrap();
    let mut checks = JoinSet::new();
    for _ in 0..64 {
        let (pool, typed) = (pool.clone(), typed.clone());
        checks.spawn(async move { pool.verify(None, &typed).await.unwrap().unwrap_err() });
    }
    checks.join_all().await;
    let kept = pool.0.spare.lock().unwrap().len();
    assert!((1..=2).contains(&kept), "{kept}");
}
