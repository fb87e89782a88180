//! A sign-out whose client does not wait for its end.

use super::*;
use crate::metrics::{Format, Metrics};
use crate::sessions::account_of;
use std::pin::pin;
use tokio::sync::RwLock;
use tokio::time::timeout;

/// A store whose writes wait while somebody holds it.
#[derive(Debug)]
struct Held {
    inner: MemoryStore,
    hold: RwLock<()>,
}

impl Store for Held {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        self.inner.get(tree, key)
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        Box::pin(async move {
            let _turn = self.hold.read().await;
            self.inner.swap(changes, durability).await
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.inner.scan(tree, prefix, after, limit)
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.ping()
    }
}

/// Alice, signed in.
async fn signed_in() -> (World, Arc<Held>, AccountToken<SessionRecord>) {
    let mut held = None;
    let pool = Pool::new(hashing::Limits::default(), cheap());
    let world = World::with(pool, Duration::ZERO, |clock| {
        let (inner, hold) = (MemoryStore::new(clock), RwLock::default());
        let store = Arc::new(Held { inner, hold });
        held = Some(Arc::clone(&store));
        store
    });
    let (world, held) = (world.await, held.unwrap());
    let half = world.first_factor(NAMES[0], PASSWORDS[0]).await.unwrap();
    let code = world.code(0, 0);
    let whole = world.second_factor(&half.token, &code).await.unwrap();
    (world, held, whole.session.token)
}

#[tokio::test]
async fn an_ending_that_nobody_waits_for_holds_and_is_kept_later() {
    let (world, held, token) = signed_in().await;
    let key = key_of(&token);
    let hold = held.hold.write().await;
    let given_up = timeout(Duration::from_millis(1), world.sessions.end(&key)).await;
    assert!(given_up.is_err());
    assert!(world.sessions.is_over(&key));
    drop(hold);
    let (ended, told) = (AtomicUsize::new(0), account_of(&key));
    let kept = world.sessions.keep_endings(|record| {
        assert_eq!(Some(record.account()), told);
        ended.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!((kept.await.unwrap(), ended.into_inner()), (1, 1));
    assert!(world.sessions.get(&key).await.unwrap().is_none());
    assert!(!world.sessions.is_over(&key));
}

#[tokio::test]
async fn an_ending_that_somebody_waits_for_is_taken_from_nobody() {
    let (world, held, token) = signed_in().await;
    let key = key_of(&token);
    let hold = held.hold.write().await;
    let mut ending = pin!(world.sessions.end(&key));
    let waiting = timeout(Duration::from_millis(1), &mut ending).await;
    assert!(waiting.is_err() && world.sessions.is_over(&key));
    drop(hold);
    // Else a step-up would find its session gone, with its code spent.
    let kept = world
        .sessions
        .keep_endings(|_| panic!("it was left by nobody"));
    assert_eq!(kept.await.unwrap(), 0);
    assert!(ending.await.unwrap().is_some());
    assert!(!world.sessions.is_over(&key));
}

#[tokio::test]
async fn a_sign_out_is_recorded_when_the_client_has_left() {
    let (world, held, token) = signed_in().await;
    let mut metrics = Metrics::new();
    world.login.parts.audit.register(metrics.ours());
    let sign_outs = || {
        let text = metrics.text(Format::Prometheus);
        let of_sign_outs = |line: &&str| line.contains("session_logout");
        text.lines()
            .filter(of_sign_outs)
            .any(|line| line.ends_with(" 1"))
    };
    let hold = held.hold.write().await;
    let source = Source::default();
    let left = timeout(
        Duration::from_millis(1),
        world.login.sign_out(&token, &source),
    )
    .await;
    assert!(left.is_err() && !sign_outs());
    drop(hold);
    let recorded = async {
        while !sign_outs() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), recorded).await.unwrap();
    assert!(world.resume(&token).await.is_none());
}
