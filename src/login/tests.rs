//! The way from a stranger to a session, under random events, against a small model of what may happen.

use super::*;
use crate::accounts::Parts as AccountParts;
use crate::authn::account::Profile;
use crate::authn::backup_code::BackupCode;
use crate::authn::backup_code::BackupCodes;
use crate::authn::enrolment::EnrolmentId;
use crate::authn::lockout::{Device, Failures};
use crate::authn::password::policy::Policy;
use crate::authn::password::{Memory, Params, hash};
use crate::authn::session::record::Lifetimes;
use crate::authn::totp::TimeStep;
use crate::authn::username::Username;
use crate::authn::{AccountId, Factor};
use crate::clock::{ManualClock, Moment};
use crate::hashing;
use crate::rate_limit::Limit;
use crate::rate_limit::Rate;
use crate::secret::Key;
use crate::store::memory::MemoryStore;
use crate::store::{BoxFuture, Change, Durability, Entry, Found, Store, Swap};
use proptest::prelude::*;
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

const START: Timestamp = Timestamp(1_700_000_010);
const NAMES: [&str; 2] = ["alice", "bob"];
const PASSWORDS: [&str; 2] = ["alice has a long one", "bob has another one"];
const LIFETIMES: Lifetimes = Lifetimes {
    absolute: Duration::from_secs(24 * 3_600),
    idle: Duration::from_secs(3_600),
};

/// Backup codes are dear to make, so all runs share them.
static BACKUP: LazyLock<[(BackupCodes, Vec<BackupCode>); 2]> =
    LazyLock::new(|| [(); 2].map(|()| BackupCodes::generate(START, &mut Memory::default())));

struct World {
    clock: ManualClock,
    login: Login,
    accounts: Accounts,
    sessions: Sessions,
    ids: [AccountId; 2],
    secrets: [crate::authn::totp::TotpSecret; 2],
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
            20,
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
                step_ups: limit(),
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

    /// By which second factor was this session begun?
    async fn factor(&self, token: &AccountToken<SessionRecord>) -> Factor {
        let key = key_of(token);
        let record = self.sessions.get(&key).await.unwrap().unwrap();
        let account = self.accounts.get(record.account()).await.unwrap().unwrap();
        let session = record.resume(account.epoch(), &LIFETIMES, self.now());
        session.unwrap().factor().unwrap()
    }

    /// Does this token open a live session, and whose?
    async fn opens(&self, token: &AccountToken<SessionRecord>) -> Option<usize> {
        let record = self.sessions.get(&key_of(token)).await.unwrap()?;
        let account = self.accounts.get(record.account()).await.unwrap()?;
        let session = record
            .resume(account.epoch(), &LIFETIMES, self.now())
            .ok()?;
        self.ids.iter().position(|id| *id == session.account())
    }
}

/// An account with password, authenticator and backup codes, whose newest accepted step is long ago.
async fn enrolled(
    accounts: &Accounts,
    who: usize,
    params: &Params,
) -> (AccountId, crate::authn::totp::TotpSecret) {
    let username = Username::parse(NAMES[who]).unwrap();
    let added = accounts
        .add(username, Profile::default(), &Source::default())
        .await
        .unwrap();
    let earlier = Timestamp(START.0 - 3_600);
    let hash = hash(&password(PASSWORDS[who]), params);
    let enrolment = EnrolmentId::generate();
    let set_up = accounts.update(added.id(), |account| {
        account.set_password(hash.clone());
        account.begin_enrolment(enrolment, earlier)?;
        let secret = account.pending_secret(enrolment, earlier).unwrap().clone();
        let code = secret.code_at(TimeStep::at(earlier));
        let codes = BACKUP[who].0.clone();
        let at = Moment::quiet(earlier);
        let _proof = account.confirm_enrolment(enrolment, &code, codes, at, Skew::OneStep)?;
        Ok::<_, Rejection>(secret)
    });
    (added.id(), set_up.await.unwrap())
}

#[derive(Clone, Debug)]
enum Act {
    Password {
        who: usize,
        right: bool,
    },
    Totp {
        offset: i64,
        wrong: bool,
        of_other: bool,
    },
    Backup {
        slot: usize,
        of_other: bool,
    },
    OldToken {
        right: bool,
    },
    Advance {
        seconds: u64,
    },
    SetBack {
        seconds: u64,
    },
    Disable {
        who: usize,
    },
    Enable {
        who: usize,
    },
    SignOutEverywhere {
        who: usize,
    },
    SignOut,
}

fn step() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..2_usize, prop::bool::weighted(0.8)).prop_map(|(who, right)| Act::Password { who, right }),
        5 => (-2..=2_i64, prop::bool::weighted(0.3), prop::bool::weighted(0.15))
            .prop_map(|(offset, wrong, of_other)| Act::Totp { offset, wrong, of_other }),
        1 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(slot, of_other)| Act::Backup { slot, of_other }),
        1 => any::<bool>().prop_map(|right| Act::OldToken { right }),
        3 => (0..700_u64).prop_map(|seconds| Act::Advance { seconds }),
        1 => (0..100_u64).prop_map(|seconds| Act::SetBack { seconds }),
        1 => (0..2_usize).prop_map(|who| Act::Disable { who }),
        2 => (0..2_usize).prop_map(|who| Act::Enable { who }),
        1 => (0..2_usize).prop_map(|who| Act::SignOutEverywhere { who }),
        1 => Just(Act::SignOut),
    ]
}

/// What should be true, kept beside the real thing.
struct Model {
    disabled: [bool; 2],
    epoch: [u32; 2],
    newest_step: [u64; 2],
    spent: [HashSet<usize>; 2],
    half: Option<Half>,
    old: Option<Token<Transaction>>,
    sessions: Vec<(AccountToken<SessionRecord>, usize, u32, Timestamp)>,
    wrong_codes: [u32; 2],
}

struct Half {
    token: Token<Transaction>,
    who: usize,
    epoch: u32,
    started: Timestamp,
    tries: u32,
}

impl Model {
    fn new() -> Self {
        let newest = TimeStep::at(Timestamp(START.0 - 3_600)).0;
        Self {
            disabled: [false; 2],
            epoch: [0; 2],
            newest_step: [newest; 2],
            spent: [HashSet::new(), HashSet::new()],
            half: None,
            old: None,
            sessions: vec![],
            wrong_codes: [0; 2],
        }
    }

    /// May a code be looked at now? Counts the try.
    fn admits(&mut self, now: Timestamp) -> Option<usize> {
        let half = self.half.as_mut()?;
        let granted = is_younger(half.started, 300, now) && half.tries < 5;
        half.tries += u32::from(granted);
        let current = half.epoch == self.epoch[half.who];
        let usable = !self.disabled[half.who] && self.wrong_codes[half.who] < 20;
        (granted && current && usable).then_some(half.who)
    }
}

async fn run(steps: Vec<Act>) {
    let world = World::new().await;
    let mut model = Model::new();
    for step in steps {
        take(&world, &mut model, step).await;
        check_sessions(&world, &model).await;
        check_counters(&world, &model).await;
    }
}

async fn take(world: &World, model: &mut Model, step: Act) {
    match step.clone() {
        Act::Password { who, right } => give_password(world, model, who, right).await,
        Act::Totp {
            offset,
            wrong,
            of_other,
        } => give_totp(world, model, offset, wrong, of_other).await,
        Act::Backup { slot, of_other } => give_backup(world, model, slot, of_other).await,
        Act::OldToken { right } => {
            if let Some(old) = &model.old {
                let code = if right {
                    world.code(0, 0)
                } else {
                    "000000".to_owned()
                };
                assert!(
                    world.second_factor(old, &code).await.is_err(),
                    "an old token is dead"
                );
            }
        }
        Act::Advance { seconds } => world.clock.advance(Duration::from_secs(seconds)),
        Act::SetBack { seconds } => world.clock.set(Timestamp(world.now().0 - seconds)),
        Act::Disable { .. } | Act::Enable { .. } | Act::SignOutEverywhere { .. } => {
            administer(world, model, &step).await
        }
        Act::SignOut => {
            if let Some((token, ..)) = model.sessions.pop() {
                world
                    .login
                    .sign_out(&token, &Source::default())
                    .await
                    .unwrap();
                assert_eq!(
                    world.opens(&token).await,
                    None,
                    "a session is over once it was ended"
                );
            }
        }
    }
}

async fn administer(world: &World, model: &mut Model, step: &Act) {
    let source = Source::default();
    match *step {
        Act::Disable { who } => {
            world
                .accounts
                .disable(world.ids[who], &source)
                .await
                .unwrap();
            model.disabled[who] = true;
            model.epoch[who] += 1;
        }
        Act::Enable { who } => {
            world
                .accounts
                .enable(world.ids[who], &source)
                .await
                .unwrap();
            model.disabled[who] = false;
        }
        Act::SignOutEverywhere { who } => {
            world
                .accounts
                .sign_out(world.ids[who], &source)
                .await
                .unwrap();
            model.epoch[who] += 1;
        }
        Act::Advance { .. }
        | Act::Backup { .. }
        | Act::OldToken { .. }
        | Act::Password { .. }
        | Act::SetBack { .. }
        | Act::SignOut
        | Act::Totp { .. } => unreachable!("not an administrator's"),
    }
}

async fn give_password(world: &World, model: &mut Model, who: usize, right: bool) {
    let typed = if right {
        PASSWORDS[who]
    } else {
        "certainly not this one"
    };
    let outcome = world.first_factor(NAMES[who], typed).await;
    assert_eq!(outcome.is_ok(), right && !model.disabled[who]);
    if let Ok(advanced) = outcome {
        let half = Half {
            token: advanced.token,
            who,
            epoch: model.epoch[who],
            started: world.now(),
            tries: 0,
        };
        model.half = Some(half);
    }
}

async fn give_totp(world: &World, model: &mut Model, offset: i64, wrong: bool, of_other: bool) {
    let Some(half) = &model.half else { return };
    let (who, now) = (half.who, world.now());
    let step = TimeStep::at(now).0.saturating_add_signed(offset);
    let code = match (wrong, of_other) {
        (true, _) => wrong_code(world, who),
        (false, true) => world.code(1 - who, offset),
        (false, false) => world.code(who, offset),
    };
    // By chance another step, or the other's authenticator, may show the same six digits.
    let matching = (-1..=1)
        .filter(|near| world.code(who, *near) == code)
        .count();
    let intended = !wrong && !of_other && offset.abs() <= 1;
    if matching != usize::from(intended) {
        return;
    }
    let outcome = world
        .second_factor(&model.half.as_ref().unwrap().token, &code)
        .await;
    let admitted = model.admits(now).is_some();
    let expected = admitted && intended && step > model.newest_step[who];
    assert_eq!(
        outcome.is_ok(),
        expected,
        "offset {offset}, wrong {wrong}, other {of_other}"
    );
    if admitted && !expected {
        model.wrong_codes[who] += 1;
    }
    if let Ok(signed_in) = outcome {
        assert_eq!(world.factor(&signed_in.session.token).await, Factor::Totp);
        model.newest_step[who] = step;
        model.wrong_codes[who] = 0;
        signed_in_as(model, signed_in, who, now);
    }
}

async fn give_backup(world: &World, model: &mut Model, slot: usize, of_other: bool) {
    let Some(half) = &model.half else { return };
    let (who, now) = (half.who, world.now());
    let owner = if of_other { 1 - who } else { who };
    let code = BACKUP[owner].1[slot].to_text();
    let outcome = world.second_factor(&half.token, &code).await;
    let admitted = model.admits(now).is_some();
    let expected = admitted && !of_other && !model.spent[who].contains(&slot);
    assert_eq!(outcome.is_ok(), expected, "slot {slot}, other {of_other}");
    if admitted && !expected {
        model.wrong_codes[who] += 1;
    }
    if let Ok(signed_in) = outcome {
        let factor = world.factor(&signed_in.session.token).await;
        assert_eq!(factor, Factor::BackupCode);
        model.spent[who].insert(slot);
        signed_in_as(model, signed_in, who, now);
    }
}

fn signed_in_as(model: &mut Model, signed_in: SignedIn, who: usize, now: Timestamp) {
    let half = model.half.take().unwrap();
    model.old = Some(half.token);
    model
        .sessions
        .push((signed_in.session.token, who, model.epoch[who], now));
}

fn wrong_code(world: &World, who: usize) -> String {
    let near: Vec<String> = (-2..=2).map(|offset| world.code(who, offset)).collect();
    let mut candidates = (0..10).map(|digit| digit.to_string().repeat(6));
    candidates.find(|code| !near.contains(code)).unwrap()
}

/// A session is open exactly as long as its epoch stands and its idle hour lasts, and to its owner alone.
async fn check_sessions(world: &World, model: &Model) {
    for (token, who, epoch, since) in &model.sessions {
        let lives = *epoch == model.epoch[*who] && is_younger(*since, 3_600, world.now());
        assert_eq!(world.opens(token).await, lives.then_some(*who));
    }
}

/// Wrong codes are forgotten by a sign-in with the authenticator, and by nothing else that happens here.
async fn check_counters(world: &World, model: &Model) {
    for (id, wrong) in world.ids.iter().zip(model.wrong_codes) {
        let account = world.accounts.get(*id).await.unwrap().unwrap();
        let at_least = |codes| {
            let passwords = Ceiling::default().passwords;
            account.failures().code_locked(Ceiling { passwords, codes })
        };
        assert_eq!((at_least(wrong), at_least(wrong + 1)), (true, false));
    }
}

/// Events of one run; with the twenty thousand runs of a soak they are a million.
fn longest() -> usize {
    let soak = std::env::var_os("VESTIBULE_TEST_SOAK").is_some_and(|value| value == "1");
    if soak { 100 } else { 60 }
}

proptest! {
    #[test]
    fn no_order_of_events_opens_a_session_without_both_factors(steps in prop::collection::vec(step(), 1..=longest())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(steps));
    }
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
