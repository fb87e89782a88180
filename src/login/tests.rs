//! The way from a stranger to a session, and from one factor to two.

use super::*;
use crate::accounts::Parts as AccountParts;
use crate::authn::account::{Account, Profile};
use crate::authn::backup_code::BackupCode;
use crate::authn::backup_code::BackupCodes;
use crate::authn::enrolment::EnrolmentId;
use crate::authn::lockout::{Device, Failures};
use crate::authn::password::policy::Policy;
use crate::authn::password::{Memory, Params, hash};
use crate::authn::session::record::Lifetimes;
use crate::authn::totp::{TimeStep, TotpSecret};
use crate::authn::username::Username;
use crate::authn::{AccountId, Factor};
use crate::clock::{ManualClock, Moment};
use crate::hashing;
use crate::rate_limit::Limit;
use crate::rate_limit::Rate;
use crate::secret::Key;
use crate::store::memory::MemoryStore;
use crate::store::{BoxFuture, Change, Durability, Entry, Found, Store, Swap};
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

const START: Timestamp = Timestamp(1_700_000_010);
const NAMES: [&str; 2] = ["alice", "bob"];
const PASSWORDS: [&str; 2] = ["alice has a long one", "bob has another one"];
const LIFETIMES: Lifetimes = Lifetimes {
    absolute: Duration::from_secs(4_500),
    idle: Duration::from_secs(2_400),
};

/// Step-ups that one account may begin; none comes back while a test runs.
const STEP_UPS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Backup codes are dear to make, so all runs share them.
static BACKUP: LazyLock<[(BackupCodes, Vec<BackupCode>); 2]> =
    LazyLock::new(|| [(); 2].map(|()| BackupCodes::generate(START, &mut Memory::default())));

struct World {
    clock: ManualClock,
    login: Login,
    accounts: Accounts,
    sessions: Sessions,
    ids: [AccountId; 2],
    secrets: [TotpSecret; 2],
    /// Those that they had before.
    old: [Option<TotpSecret>; 2],
}

fn limit() -> Limit {
    let many = NonZeroU32::new(1_000_000).unwrap();
    let period = Duration::from_nanos(1);
    Limit::new(
        Rate {
            burst: many,
            period,
        },
        many,
    )
}

fn step_ups() -> Limit {
    let rate = Rate {
        burst: STEP_UPS,
        period: Duration::from_secs(24 * 3_600),
    };
    Limit::new(rate, NonZeroU32::MAX)
}

fn cheap() -> Params {
    Params::new(8, 1, 1).unwrap()
}

/// What was stamped more than a minute ahead, before the clock was set back, counts as old.
fn is_younger(then: Timestamp, seconds: u64, now: Timestamp) -> bool {
    then.0 <= now.0 + 60 && now.0 < then.0 + seconds
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

fn client() -> Client {
    Client {
        address: [192, 0, 2, 1].into(),
        source: Source::default(),
        origin: Origin::default(),
    }
}

impl World {
    async fn new() -> Self {
        let hashing = Pool::new(hashing::Limits::default(), cheap());
        let memory = |clock| Arc::new(MemoryStore::new(clock)) as Arc<dyn Store>;
        Self::with(hashing, Duration::ZERO, memory).await
    }

    async fn with(
        hashing: Pool,
        refused_after: Duration,
        store: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Store>,
    ) -> Self {
        let clock = ManualClock::starting_at(START);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let store = store(Arc::clone(&shared));
        let cheap = cheap();
        let audit = Audit::to_log(Arc::clone(&shared));
        let sessions = Sessions::new(
            Table::new(Arc::clone(&store)),
            Arc::clone(&shared),
            LIFETIMES,
            200,
        );
        let accounts = Accounts::new(AccountParts {
            store: Arc::clone(&store),
            sessions: sessions.clone(),
            hashing: hashing.clone(),
            policy: Policy::default(),
            context: vec![],
            invitation_lifetime: Duration::from_secs(60),
            audit: audit.clone(),
            clock: Arc::clone(&shared),
        });
        let login = Login::new(Parts {
            accounts: accounts.clone(),
            transactions: Table::new(Arc::clone(&store)),
            sessions: sessions.clone(),
            hashing,
            limits: Limits {
                address_minute: limit(),
                address_hour: limit(),
                network_minute: limit(),
                network_hour: limit(),
                account: limit(),
                known: limit(),
                codes: limit(),
                backup_codes: limit(),
                step_ups: step_ups(),
            },
            ceiling: Ceiling::default(),
            devices: DeviceKey::new(Key::from_bytes([7; 32]), Duration::from_secs(60)),
            skew: Skew::OneStep,
            enrolment: EnrolmentMode::Invite,
            refused_after,
            audit,
            clock: shared,
        });
        let (alice, bob) = (
            enrolled(&accounts, 0, &cheap).await,
            enrolled(&accounts, 1, &cheap).await,
        );
        Self {
            clock,
            login,
            accounts,
            sessions,
            ids: [alice.0, bob.0],
            secrets: [alice.1, bob.1],
            old: [None, None],
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn first_factor(&self, name: &str, typed: &str) -> Result<Advanced, LoginError> {
        let attempt = FirstFactor {
            username: name.to_owned(),
            password: password(typed),
            device: None,
            return_to: "/".to_owned(),
        };
        self.login.first_factor(attempt, &client()).await
    }

    async fn second_factor(
        &self,
        token: &Token<Transaction>,
        code: &str,
    ) -> Result<SignedIn, LoginError> {
        let since = Instant::now();
        let login = &self.login;
        login
            .second_factor(token, code, None, &client(), since)
            .await
    }

    fn code(&self, who: usize, offset: i64) -> String {
        let step = TimeStep::at(self.now()).0.saturating_add_signed(offset);
        let code = self.secrets[who].code_at(TimeStep(step));
        code.text_for_test()
    }

    /// The session that this token opens, and whose it is.
    async fn resume(&self, token: &AccountToken<SessionRecord>) -> Option<(Resumed, Account)> {
        let account = self.accounts.get(token.account()).await.unwrap()?;
        let key = key_of(token);
        let session = self.sessions.live(&key, account.epoch()).await.unwrap()?;
        Some((session, account))
    }
}

/// An account with password, authenticator and backup codes, whose newest accepted step is long ago.
async fn enrolled(accounts: &Accounts, who: usize, params: &Params) -> (AccountId, TotpSecret) {
    let (username, source) = (Username::parse(NAMES[who]).unwrap(), Source::default());
    let added = accounts.add(username, Profile::default(), &source);
    let id = added.await.unwrap().id();
    let hash = hash(&password(PASSWORDS[who]), params);
    let set = accounts.set_password_hash(id, &hash, &source);
    set.await.unwrap();
    let secret = bind(accounts, id, who, Timestamp(START.0 - 3_600)).await;
    (id, secret)
}

/// Binds an authenticator and backup codes, `at` that time.
async fn bind(accounts: &Accounts, id: AccountId, who: usize, at: Timestamp) -> TotpSecret {
    let enrolment = EnrolmentId::generate();
    let bound = accounts.update(id, |account| {
        account.begin_enrolment(enrolment, at)?;
        let secret = account.pending_secret(enrolment, at).unwrap().clone();
        let code = secret.code_at(TimeStep::at(at));
        let codes = BACKUP[who].0.clone();
        let moment = Moment::quiet(at);
        let _proof = account.confirm_enrolment(enrolment, &code, codes, moment, Skew::OneStep)?;
        Ok::<_, Rejection>(secret)
    });
    bound.await.unwrap()
}

fn wrong_code(world: &World, who: usize) -> String {
    let near: Vec<String> = (-2..=2).map(|offset| world.code(who, offset)).collect();
    let mut candidates = (0..10).map(|digit| digit.to_string().repeat(6));
    candidates.find(|code| !near.contains(code)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_sent_sixty_four_times_at_once_opens_one_session() {
    let world = Arc::new(World::new().await);
    let mut tokens = vec![];
    for _ in 0..16 {
        tokens.push(Arc::new(
            world
                .first_factor(NAMES[0], PASSWORDS[0])
                .await
                .unwrap()
                .token,
        ));
    }
    let code = world.code(0, 0);
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (world, token, code) = (
                Arc::clone(&world),
                Arc::clone(&tokens[n % 16]),
                code.clone(),
            );
            tokio::spawn(async move { world.second_factor(&token, &code).await.is_ok() })
        })
        .collect();
    let mut opened = 0;
    for task in tasks {
        opened += usize::from(task.await.unwrap());
    }
    assert_eq!(opened, 1);
}

/// A store that fails once, at the operation that is counted down to.
#[derive(Debug)]
struct Failing {
    inner: MemoryStore,
    left: AtomicUsize,
    /// Does it do what it was asked to, and only say that it failed?
    after: bool,
}

impl Failing {
    fn is_due(&self) -> bool {
        let count = |left: usize| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
            == Ok(1)
    }

    fn failure<T>() -> Result<T, Error> {
        Err(Error::Io("a test wants it".to_owned()))
    }
}

impl Store for Failing {
    fn get<'a>(&'a self, tree: Tree, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Found>, Error>> {
        if self.is_due() {
            return Box::pin(async { Self::failure() });
        }
        self.inner.get(tree, key)
    }

    fn swap<'a>(
        &'a self,
        changes: &'a [Change<'a>],
        durability: Durability,
    ) -> BoxFuture<'a, Result<Swap, Error>> {
        if !self.is_due() {
            return self.inner.swap(changes, durability);
        }
        Box::pin(async move {
            if self.after {
                let _done = self.inner.swap(changes, durability).await?;
            }
            Self::failure()
        })
    }

    fn scan<'a>(
        &'a self,
        tree: Tree,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        if self.is_due() {
            return Box::pin(async { Self::failure() });
        }
        self.inner.scan(tree, prefix, after, limit)
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.ping()
    }
}

/// Signs alice in while the operation of this number fails; whether it was reached at all.
async fn sign_in_while_one_fails(number: usize, after: bool) -> bool {
    let mut failing = None;
    let pool = Pool::new(hashing::Limits::default(), cheap());
    let world = World::with(pool, Duration::ZERO, |clock| {
        let (inner, left) = (MemoryStore::new(clock), AtomicUsize::new(0));
        let store = Arc::new(Failing { inner, left, after });
        failing = Some(Arc::clone(&store));
        store
    });
    let (world, failing) = (world.await, failing.unwrap());
    failing.left.store(number, Ordering::Relaxed);
    let code = world.code(0, 0);
    let walked = match world.first_factor(NAMES[0], PASSWORDS[0]).await {
        Ok(advanced) => world.second_factor(&advanced.token, &code).await,
        Err(error) => Err(error),
    };
    let reached = failing.left.swap(0, Ordering::Relaxed) == 0;
    match walked {
        Ok(_) => assert!(!reached, "operation {number} failed, and somebody got in"),
        Err(error) => assert!(matches!(error, LoginError::Store(_)), "{error:?}"),
    }
    // Nobody is locked out by it, and what was spent stays spent.
    let again = world.first_factor(NAMES[0], PASSWORDS[0]).await.unwrap();
    let fresh = world.code(0, 1);
    assert!(world.second_factor(&again.token, &fresh).await.is_ok());
    let again = world.first_factor(NAMES[0], PASSWORDS[0]).await.unwrap();
    assert!(world.second_factor(&again.token, &code).await.is_err());
    reached
}

#[tokio::test]
async fn whichever_operation_of_the_store_fails_nobody_gets_in() {
    for after in [false, true] {
        let mut number = 1;
        while sign_in_while_one_fails(number, after).await {
            number += 1;
        }
        assert!(number > 8, "only {number} operations make a sign-in");
    }
}

#[tokio::test]
async fn every_attempt_waits_for_a_hash_whoever_is_meant() {
    let limits = hashing::Limits {
        threads: 1,
        queue: 0,
        ..hashing::Limits::default()
    };
    let pool = Pool::new(limits, cheap());
    let memory = |clock| Arc::new(MemoryStore::new(clock)) as Arc<dyn Store>;
    let world = World::with(pool.clone(), Duration::ZERO, memory).await;
    let source = Source::default();
    world.accounts.disable(world.ids[1], &source).await.unwrap();
    let ((begun, is_begun), (end, is_over)) =
        (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let running = tokio::spawn(async move {
        let job = move |_: &mut Memory| {
            begun.send(()).unwrap();
            is_over.recv().unwrap();
        };
        pool.run(job).await
    });
    let waiting = tokio::task::spawn_blocking(move || is_begun.recv());
    waiting.await.unwrap().unwrap();
    for (name, typed) in [
        ("nobody", "x"),
        ("\u{0}", "x"),
        ("alice", "x"),
        ("alice", PASSWORDS[0]),
        ("bob", PASSWORDS[1]),
    ] {
        let refused = world.first_factor(name, typed).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::Busy(_)),
            "{name}: {refused:?}"
        );
    }
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn every_refusal_is_of_one_age_when_it_leaves() {
    let age = Duration::from_millis(200);
    let pool = Pool::new(hashing::Limits::default(), cheap());
    let memory = |clock| Arc::new(MemoryStore::new(clock)) as Arc<dyn Store>;
    let world = World::with(pool, age, memory).await;
    let half = world.first_factor(NAMES[0], PASSWORDS[0]).await.unwrap();
    let begun = std::time::Instant::now();
    let refused = world.first_factor("nobody", "x").await.unwrap_err();
    assert!(matches!(refused, LoginError::Refused) && begun.elapsed() >= age);
    let begun = std::time::Instant::now();
    let wrong = wrong_code(&world, 0);
    let refused = world.second_factor(&half.token, &wrong).await.unwrap_err();
    assert!(matches!(refused, LoginError::Refused) && begun.elapsed() >= age);
}

#[tokio::test]
async fn a_wrong_password_is_counted_when_its_answer_comes() {
    let world = World::new().await;
    let expected = |tries| {
        let mut failures = Failures::default();
        (0..tries).for_each(|_| failures.password_failed(Device::Unknown));
        failures
    };
    for tries in 1..=10 {
        world.first_factor(NAMES[0], "x").await.unwrap_err();
        let account = world.accounts.get(world.ids[0]).await.unwrap().unwrap();
        assert_eq!(*account.failures(), expected(tries));
    }
}

#[tokio::test]
async fn every_refusal_of_a_password_is_the_same_refusal() {
    let world = World::new().await;
    world
        .accounts
        .disable(world.ids[1], &Source::default())
        .await
        .unwrap();
    for (name, typed) in [
        ("nobody", "x"),
        ("alice", "x"),
        ("bob", PASSWORDS[1]),
        ("\u{0}", "x"),
        ("", "x"),
    ] {
        let refused = world.first_factor(name, typed).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::Refused),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_password_without_an_authenticator_goes_nowhere() {
    let world = World::new().await;
    world
        .accounts
        .reset_second_factor(world.ids[0], &Source::default())
        .await
        .unwrap();
    let refused = world
        .first_factor(NAMES[0], PASSWORDS[0])
        .await
        .unwrap_err();
    assert!(matches!(refused, LoginError::Refused));
}

#[tokio::test]
async fn what_has_not_the_form_of_a_code_uses_up_no_try() {
    let world = World::new().await;
    let token = world
        .first_factor(NAMES[0], PASSWORDS[0])
        .await
        .unwrap()
        .token;
    let long = "1".repeat(1_000);
    for typed in [
        "",
        "12345",
        "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
        "123456\n",
        long.as_str(),
    ] {
        let refused = world.second_factor(&token, typed).await.unwrap_err();
        assert!(matches!(refused, LoginError::Malformed), "{typed:?}");
    }
    assert!(world.second_factor(&token, &world.code(0, 0)).await.is_ok());
}

mod sign_out;
mod step_up;
mod walk;
