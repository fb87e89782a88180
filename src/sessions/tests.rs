use super::*;
use crate::clock::ManualClock;
use crate::store::memory::MemoryStore;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_800_000_000);
const LIFETIMES: Lifetimes = Lifetimes {
    absolute: Duration::from_secs(24 * 3600),
    idle: Duration::from_secs(3600),
};

fn alice() -> AccountId {
    AccountId::from_bytes([1; 16])
}

fn sessions(per_account: usize) -> Sessions {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(NOW));
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    Sessions::new(Table::new(store), clock, LIFETIMES, per_account)
}

/// How many sessions there are once one more has begun, and how many ended for it.
async fn after_one_more(sessions: &Sessions, factors: usize) -> (usize, usize) {
    let session = Resumed::for_test(alice(), factors, NOW);
    let begun = sessions.begin(&session, Origin::default()).await.unwrap();
    let held = sessions.of(alice()).await.unwrap();
    (held.len(), begun.evicted.len())
}

#[tokio::test]
async fn also_of_the_most_that_may_be_none_is_overlooked() {
    let sessions = sessions(MOST_PER_ACCOUNT);
    for _ in 0..MOST_PER_ACCOUNT {
        let record = SessionRecord::of(&Resumed::for_test(alice(), 2, NOW), &LIFETIMES, NOW);
        let key = key_of(&AccountToken::generate(alice()));
        let inserted = sessions.table.insert(&key, &record).await;
        inserted.unwrap().expect_new().unwrap();
    }
    assert_eq!(after_one_more(&sessions, 1).await, (1_001, 0));
    assert_eq!(after_one_more(&sessions, 1).await, (1_001, 1));
    assert_eq!(after_one_more(&sessions, 2).await, (1_000, 2));
    sessions.clear(alice()).await.unwrap();
    assert_eq!(after_one_more(&sessions, 1).await, (1, 0));
}
