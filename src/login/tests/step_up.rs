//! A step-up, and what happens to its session while the code is looked at.

use super::*;
use crate::store::Version;

/// A store in which a session ends by itself, after so many looks at one.
#[derive(Debug)]
struct Ending {
    inner: MemoryStore,
    looks: AtomicUsize,
}

impl Ending {
    async fn end(&self, key: &[u8], version: &Version) {
        let change = Change {
            tree: Tree::Sessions,
            key,
            expect: Some(version),
            new: None,
        };
        let ended = self.inner.swap(&[change], Durability::Synced).await;
        assert_eq!(ended.unwrap(), Swap::Done);
    }
}

impl Store for Ending {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            let found = self.inner.get(tree, key).await?;
            if let (Tree::Sessions, Some(session)) = (tree, &found) {
                let count = |left: usize| left.checked_sub(1);
                let (before, after) = (Ordering::Relaxed, Ordering::Relaxed);
                if self.looks.fetch_update(before, after, count) == Ok(1) {
                    self.end(key, &session.version).await;
                }
            }
            Ok(found)
        })
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        self.inner.swap(changes, durability)
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

/// Raises alice's session while it ends after so many looks, if it does; whether that many were taken.
async fn raise_while_it_ends(looks: usize) -> bool {
    let mut ending = None;
    let pool = Pool::new(hashing::Limits::default(), cheap());
    let world = World::with(pool, Duration::ZERO, |clock| {
        let (inner, looks) = (MemoryStore::new(clock), AtomicUsize::new(0));
        let store = Arc::new(Ending { inner, looks });
        ending = Some(Arc::clone(&store));
        store
    });
    let (world, ending) = (world.await, ending.unwrap());
    let half = world.first_factor(NAMES[0], PASSWORDS[0]).await.unwrap();
    let code = world.code(0, 0);
    let held = world.second_factor(&half.token, &code).await.unwrap();
    let held = held.session.token;
    let (session, _) = world.resume(&held).await.unwrap();
    let half = world.login.step_up(&session, "/".to_owned()).await.unwrap();
    ending.looks.store(looks, Ordering::Relaxed);
    let (code, since, client) = (world.code(0, 1), Instant::now(), client());
    let raised = world
        .login
        .second_factor(&half.token, &code, Some(&held), &client, since)
        .await;
    let has_ended = ending.looks.swap(0, Ordering::Relaxed) == 0;
    if has_ended {
        assert!(matches!(raised, Err(LoginError::Over)), "{looks} looks");
    } else {
        let raised = raised.unwrap().session.token;
        assert!(world.resume(&raised).await.is_some());
    }
    assert!(world.resume(&held).await.is_none());
    has_ended
}

#[tokio::test]
async fn whenever_a_session_ends_nothing_is_raised_from_it() {
    let mut looks = 1;
    while raise_while_it_ends(looks).await {
        looks += 1;
    }
    assert!(looks > 3, "it is looked at {looks} times");
}
