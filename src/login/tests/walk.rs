//! A random order of events, against a small model of what may happen.

use super::*;
use crate::authn::session::SessionId;
use crate::authn::transaction::Step;
use crate::authz::pattern::PathPattern;
use crate::authz::rule::{Asked, Policy as Access, Requirement, Rule, Rules};
use crate::authz::target::Target;
use crate::authz::{Decision, Subject, decide};
use http::Method;
use proptest::prelude::*;
use std::collections::HashSet;

/// How old a code may be at `/fresh`, in seconds.
const MAX_AGE: u64 = 600;

/// What asks for the password, for a code too, and for a fresh one.
const PLACES: [&str; 3] = ["/one", "/two", "/fresh"];

/// The passwords that take turns with the first ones.
const OTHERS: [&str; 2] = ["alice has a newer one", "bob has a newer one"];

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rule = |path, policy, max_age: Option<u64>| Rule {
        paths: vec![PathPattern::parse(path)],
        requirement: Requirement {
            policy,
            max_age: max_age.map(Duration::from_secs),
        },
        ..Rule::for_all(policy)
    };
    let rules = vec![
        rule("/one", Access::OneFactor, None),
        rule("/fresh", Access::TwoFactor, Some(MAX_AGE)),
    ];
    Rules::new(rules, Access::TwoFactor)
});

/// The places that a session opens to the owner of this account.
fn opened(session: &Resumed, account: &Account, now: Timestamp) -> [bool; 3] {
    PLACES.map(|path| {
        let target = Target::parse("https", "app.example", path).unwrap();
        let asked = Asked {
            method: &Method::GET,
            target: &target,
            client: [192, 0, 2, 1].into(),
            destination: None,
        };
        match decide(&RULES, asked, Subject::new(session, account), now) {
            Decision::Allow(permit) => permit.account() == Some(account.id()),
            Decision::Challenge(_) | Decision::Deny => false,
        }
    })
}

/// What happens. Logins under way and sessions are counted from the newest one back.
#[derive(Clone, Debug)]
enum Act {
    Password {
        who: usize,
        right: bool,
    },
    Code {
        half: usize,
        typed: Typed,
        cookie: Cookie,
    },
    Settle {
        half: usize,
        cookie: Cookie,
    },
    StepUp {
        session: usize,
    },
    Abandon {
        half: usize,
    },
    SignOut {
        session: usize,
    },
    Revoke {
        session: usize,
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
    SetPassword {
        who: usize,
    },
    EnrolAnew {
        who: usize,
    },
}

#[derive(Clone, Copy, Debug)]
enum Typed {
    Totp {
        offset: i64,
    },
    Wrong,
    /// From the authenticator of the other one.
    OfOther {
        offset: i64,
    },
    /// From the authenticator that the account had before.
    OfOld {
        offset: i64,
    },
    Backup {
        slot: usize,
        of_other: bool,
    },
}

/// Which session the browser shows with what is typed.
#[derive(Clone, Copy, Debug)]
enum Cookie {
    None,
    /// The one that is to be raised; none where none is.
    Raised,
    Any(usize),
}

fn step() -> impl Strategy<Value = Act> {
    let who = || 0..2_usize;
    let which = || prop_oneof![4 => Just(0_usize), 1 => 1..4_usize];
    let change = prop_oneof![
        1 => who().prop_map(|who| Act::Disable { who }),
        2 => who().prop_map(|who| Act::Enable { who }),
        1 => who().prop_map(|who| Act::SignOutEverywhere { who }),
        1 => who().prop_map(|who| Act::SetPassword { who }),
        1 => who().prop_map(|who| Act::EnrolAnew { who }),
    ];
    prop_oneof![
        8 => (who(), prop::bool::weighted(0.8)).prop_map(|(who, right)| Act::Password { who, right }),
        16 => (which(), typed(), cookie()).prop_map(|(half, typed, cookie)| Act::Code { half, typed, cookie }),
        4 => (which(), cookie()).prop_map(|(half, cookie)| Act::Settle { half, cookie }),
        8 => which().prop_map(|session| Act::StepUp { session }),
        1 => which().prop_map(|half| Act::Abandon { half }),
        1 => which().prop_map(|session| Act::SignOut { session }),
        1 => which().prop_map(|session| Act::Revoke { session }),
        4 => (0..900_u64).prop_map(|seconds| Act::Advance { seconds }),
        6 => (30..90_u64).prop_map(|seconds| Act::Advance { seconds }),
        2 => (0..100_u64).prop_map(|seconds| Act::SetBack { seconds }),
        3 => change,
    ]
}

fn typed() -> impl Strategy<Value = Typed> {
    let offset = || -2..=2_i64;
    prop_oneof![
        6 => (-1..=1_i64).prop_map(|offset| Typed::Totp { offset }),
        1 => offset().prop_map(|offset| Typed::Totp { offset }),
        2 => Just(Typed::Wrong),
        1 => offset().prop_map(|offset| Typed::OfOther { offset }),
        1 => offset().prop_map(|offset| Typed::OfOld { offset }),
        1 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(slot, of_other)| Typed::Backup { slot, of_other }),
    ]
}

fn cookie() -> impl Strategy<Value = Cookie> {
    prop_oneof![
        5 => Just(Cookie::Raised),
        1 => Just(Cookie::None),
        2 => (0..3_usize).prop_map(Cookie::Any),
    ]
}

/// What should be true, kept beside the real thing.
#[derive(Default)]
struct Model {
    disabled: [bool; 2],
    epoch: [u32; 2],
    has_other_password: [bool; 2],
    newest_step: [u64; 2],
    spent: [HashSet<usize>; 2],
    wrong_codes: [u32; 2],
    step_ups: [u32; 2],
    halves: Vec<Half>,
    sessions: Vec<Held>,
}

/// A login or a step-up under way.
struct Half {
    token: Token<Transaction>,
    who: usize,
    epoch: u32,
    started: Timestamp,
    tries: u32,
    raises: Option<usize>,
    over: bool,
}

/// A session that was begun.
struct Held {
    token: AccountToken<SessionRecord>,
    id: SessionId,
    who: usize,
    epoch: u32,
    began: Timestamp,
    used: Timestamp,
    code: Option<(Factor, Timestamp)>,
    over: bool,
}

/// What a code would be accepted for.
#[derive(Clone, Copy)]
enum Meant {
    Step(u64),
    Slot(usize),
    Nothing,
}

/// The one that is so many before the newest.
fn from_newest(number: usize, back: usize) -> Option<usize> {
    (number > 0).then(|| number - 1 - back % number)
}

impl Half {
    fn is_there(&self, now: Timestamp) -> bool {
        !self.over && now.0 < self.started.0 + 300
    }
}

impl Model {
    fn new() -> Self {
        let newest = TimeStep::at(Timestamp(START.0 - 3_600)).0;
        Self {
            newest_step: [newest; 2],
            ..Self::default()
        }
    }

    fn password(&self, who: usize, right: bool) -> &'static str {
        let is_other = self.has_other_password[who] == right;
        if is_other {
            OTHERS[who]
        } else {
            PASSWORDS[who]
        }
    }

    fn lives(&self, session: usize, now: Timestamp) -> bool {
        let held = &self.sessions[session];
        let in_time = is_younger(held.used, LIFETIMES.idle.as_secs(), now)
            && is_younger(held.began, LIFETIMES.absolute.as_secs(), now);
        !held.over && held.epoch == self.epoch[held.who] && in_time
    }

    fn shown(&self, half: usize, cookie: Cookie) -> Option<usize> {
        match cookie {
            Cookie::None => None,
            Cookie::Raised => self.halves[half].raises,
            Cookie::Any(back) => from_newest(self.sessions.len(), back),
        }
    }

    fn token(&self, session: Option<usize>) -> Option<&AccountToken<SessionRecord>> {
        session.map(|session| &self.sessions[session].token)
    }

    /// Does the account stand as it stood when this began?
    fn stands(&self, half: usize) -> bool {
        let Half { who, epoch, .. } = self.halves[half];
        epoch == self.epoch[who] && !self.disabled[who]
    }

    /// May a code be looked at now? Counts the try.
    fn admits(&mut self, half: usize, shown: Option<usize>, now: Timestamp) -> bool {
        let under_way = &mut self.halves[half];
        let granted = under_way.is_there(now)
            && is_younger(under_way.started, 300, now)
            && under_way.tries < 5;
        under_way.tries += u32::from(granted);
        let (who, raises) = (under_way.who, under_way.raises);
        let raised_lives =
            raises.is_none_or(|raised| shown == Some(raised) && self.lives(raised, now));
        granted && raised_lives && self.stands(half) && self.wrong_codes[who] < 20
    }

    fn accepts(&self, who: usize, meant: Meant) -> bool {
        match meant {
            Meant::Step(step) => step > self.newest_step[who],
            Meant::Slot(slot) => !self.spent[who].contains(&slot),
            Meant::Nothing => false,
        }
    }

    /// It is used up, and so is what makes it unfit for a second time.
    fn spend(&mut self, who: usize, meant: Meant) -> Option<Factor> {
        match meant {
            Meant::Step(step) => {
                self.newest_step[who] = step;
                self.wrong_codes[who] = 0;
                Some(Factor::Totp)
            }
            Meant::Slot(slot) => {
                self.spent[who].insert(slot);
                Some(Factor::BackupCode)
            }
            Meant::Nothing => None,
        }
    }

    /// The session begins that this led to; the one that the browser showed is over.
    fn begin(&mut self, half: usize, signed_in: SignedIn, shown: Option<usize>, session: Fresh) {
        let under_way = &mut self.halves[half];
        under_way.over = true;
        let (who, epoch) = (under_way.who, under_way.epoch);
        if let Some(shown) = shown {
            self.sessions[shown].over = true;
        }
        self.sessions.push(Held {
            token: signed_in.session.token,
            id: signed_in.session.id,
            who,
            epoch,
            began: session.began,
            used: session.now,
            code: session.factor.map(|factor| (factor, session.now)),
            over: false,
        });
    }
}

/// What a session is when it begins.
struct Fresh {
    began: Timestamp,
    now: Timestamp,
    factor: Option<Factor>,
}

async fn run(steps: Vec<Act>) {
    let mut world = World::new().await;
    let mut model = Model::new();
    for step in steps {
        take(&mut world, &mut model, step).await;
        check_sessions(&world, &model).await;
        check_counters(&world, &model).await;
    }
}

async fn take(world: &mut World, model: &mut Model, step: Act) {
    match step {
        Act::Password { who, right } => give_password(world, model, who, right).await,
        Act::Code {
            half,
            typed,
            cookie,
        } => give_code(world, model, half, typed, cookie).await,
        Act::Settle { half, cookie } => settle(world, model, half, cookie).await,
        Act::StepUp { session } => step_up(world, model, session).await,
        Act::Abandon { half } => {
            if let Some(half) = from_newest(model.halves.len(), half) {
                let half = &mut model.halves[half];
                world.login.give_up(&half.token).await.unwrap();
                half.over = true;
            }
        }
        Act::SignOut { session } => {
            if let Some(session) = from_newest(model.sessions.len(), session) {
                let held = &mut model.sessions[session];
                let source = Source::default();
                world.login.sign_out(&held.token, &source).await.unwrap();
                held.over = true;
            }
        }
        Act::Revoke { session } => revoke(world, model, session).await,
        Act::Advance { seconds } => world.clock.advance(Duration::from_secs(seconds)),
        Act::SetBack { seconds } => world.clock.set(Timestamp(world.now().0 - seconds)),
        Act::EnrolAnew { who } => enrol_anew(world, model, who).await,
        Act::Disable { who }
        | Act::Enable { who }
        | Act::SignOutEverywhere { who }
        | Act::SetPassword { who } => administer(world, model, &step, who).await,
    }
}

async fn administer(world: &World, model: &mut Model, step: &Act, who: usize) {
    let (accounts, id, source) = (&world.accounts, world.ids[who], Source::default());
    match step {
        Act::Enable { .. } => {
            accounts.enable(id, &source).await.unwrap();
            model.disabled[who] = false;
            return;
        }
        Act::Disable { .. } => {
            accounts.disable(id, &source).await.unwrap();
            model.disabled[who] = true;
        }
        Act::SetPassword { .. } => {
            let other = hash(&password(model.password(who, false)), &cheap());
            let set = accounts.set_password_hash(id, &other, &source);
            set.await.unwrap();
            model.has_other_password[who] ^= true;
        }
        _ => accounts.sign_out(id, &source).await.unwrap(),
    }
    model.epoch[who] += 1;
}

async fn revoke(world: &World, model: &mut Model, session: usize) {
    let Some(session) = from_newest(model.sessions.len(), session) else {
        return;
    };
    let (now, held) = (world.now(), &mut model.sessions[session]);
    let revoked = world.sessions.revoke(world.ids[held.who], held.id);
    revoked.await.unwrap();
    // What has vanished from the list is not found there.
    held.over |= now < held.began.plus(LIFETIMES.absolute);
}

async fn enrol_anew(world: &mut World, model: &mut Model, who: usize) {
    if model.disabled[who] {
        return;
    }
    let (id, source) = (world.ids[who], Source::default());
    let reset = world.accounts.reset_second_factor(id, &source);
    reset.await.unwrap();
    let earlier = Timestamp(world.now().0 - 3_600);
    let secret = bind(&world.accounts, id, who, earlier).await;
    world.old[who] = Some(std::mem::replace(&mut world.secrets[who], secret));
    model.newest_step[who] = TimeStep::at(earlier).0;
    model.spent[who].clear();
    model.wrong_codes[who] = 0;
    model.epoch[who] += 1;
}

async fn give_password(world: &World, model: &mut Model, who: usize, right: bool) {
    let typed = model.password(who, right);
    let outcome = world.first_factor(NAMES[who], typed).await;
    assert_eq!(outcome.is_ok(), right && !model.disabled[who]);
    if let Ok(advanced) = outcome {
        under_way(world, model, who, advanced, None);
    }
}

fn under_way(
    world: &World,
    model: &mut Model,
    who: usize,
    advanced: Advanced,
    raises: Option<usize>,
) {
    model.halves.push(Half {
        token: advanced.token,
        who,
        epoch: model.epoch[who],
        started: world.now(),
        tries: 0,
        raises,
        over: false,
    });
}

async fn step_up(world: &World, model: &mut Model, session: usize) {
    let Some(session) = from_newest(model.sessions.len(), session) else {
        return;
    };
    let held = &model.sessions[session];
    let Some((resumed, _)) = world.resume(&held.token).await else {
        return;
    };
    let who = held.who;
    let outcome = world.login.step_up(&resumed, "/".to_owned()).await;
    assert_eq!(outcome.is_ok(), model.step_ups[who] < STEP_UPS.get());
    if let Ok(advanced) = outcome {
        model.step_ups[who] += 1;
        under_way(world, model, who, advanced, Some(session));
    }
}

async fn settle(world: &World, model: &mut Model, half: usize, cookie: Cookie) {
    let Some(half) = from_newest(model.halves.len(), half) else {
        return;
    };
    let (now, shown) = (world.now(), model.shown(half, cookie));
    let Half {
        ref token,
        who,
        started,
        raises,
        ..
    } = model.halves[half];
    let there = model.halves[half].is_there(now);
    let transaction = world.login.under_way(token).await.unwrap();
    assert_eq!(transaction.is_some(), there);
    // What the password would open, were it to be enough.
    if let Some(Step::SecondFactor(half)) = transaction.map(|transaction| transaction.step) {
        let account = world.accounts.get(world.ids[who]).await.unwrap().unwrap();
        let alone = half.settle().map(Resumed::OneFactor);
        let opened = alone.map(|session| opened(&session, &account, now));
        assert_eq!(opened, raises.is_none().then_some([true, false, false]));
    }
    let previous = model.token(shown);
    let outcome = world.login.settle(token, previous, &client()).await;
    let expected = there && raises.is_none() && model.stands(half);
    assert_eq!(outcome.is_ok(), expected, "settles");
    model.halves[half].over = true;
    if let Ok(signed_in) = outcome {
        let session = Fresh {
            began: started,
            now,
            factor: None,
        };
        model.begin(half, signed_in, shown, session);
    }
}

async fn give_code(world: &World, model: &mut Model, half: usize, typed: Typed, cookie: Cookie) {
    let Some(half) = from_newest(model.halves.len(), half) else {
        return;
    };
    let (now, who) = (world.now(), model.halves[half].who);
    let Some((code, meant)) = written(world, who, typed) else {
        return;
    };
    let shown = model.shown(half, cookie);
    let outcome = {
        let (token, previous) = (&model.halves[half].token, model.token(shown));
        let since = Instant::now();
        let login = &world.login;
        login
            .second_factor(token, &code, previous, &client(), since)
            .await
    };
    let admitted = model.admits(half, shown, now);
    let expected = admitted && model.accepts(who, meant);
    assert_eq!(outcome.is_ok(), expected, "{typed:?} with {cookie:?}");
    model.wrong_codes[who] += u32::from(admitted && !expected);
    if let Ok(signed_in) = outcome {
        let raised = model.halves[half].raises;
        let session = Fresh {
            began: raised.map_or(now, |raised| model.sessions[raised].began),
            now,
            factor: model.spend(who, meant),
        };
        model.begin(half, signed_in, shown, session);
    }
}

/// A code, and what it would be accepted for; `None` where by chance it is another one as well.
fn written(world: &World, who: usize, typed: Typed) -> Option<(String, Meant)> {
    let step = |offset| TimeStep::at(world.now()).0.saturating_add_signed(offset);
    let (code, meant) = match typed {
        Typed::Backup { slot, of_other } => {
            let owner = if of_other { 1 - who } else { who };
            let meant = if of_other {
                Meant::Nothing
            } else {
                Meant::Slot(slot)
            };
            return Some((BACKUP[owner].1[slot].to_text().to_string(), meant));
        }
        Typed::Totp { offset } if offset.abs() <= 1 => {
            (world.code(who, offset), Meant::Step(step(offset)))
        }
        Typed::Totp { offset } => (world.code(who, offset), Meant::Nothing),
        Typed::Wrong => (wrong_code(world, who), Meant::Nothing),
        Typed::OfOther { offset } => (world.code(1 - who, offset), Meant::Nothing),
        Typed::OfOld { offset } => {
            let code = world.old[who].as_ref()?.code_at(TimeStep(step(offset)));
            (code.text_for_test(), Meant::Nothing)
        }
    };
    let near = (-1..=1).filter(|near| world.code(who, *near) == code);
    let is_meant = matches!(meant, Meant::Step(_));
    (near.count() == usize::from(is_meant)).then_some((code, meant))
}

/// A session opens what its factors open, to its owner alone, as long as its epoch stands and its time lasts; and
/// it is as old as the password that began it.
async fn check_sessions(world: &World, model: &Model) {
    let now = world.now();
    for (at, held) in model.sessions.iter().enumerate() {
        let Some((resumed, account)) = world.resume(&held.token).await else {
            assert!(!model.lives(at, now), "session {at} lives");
            continue;
        };
        assert!(model.lives(at, now), "session {at} is over");
        assert_eq!(account.id(), world.ids[held.who]);
        assert_eq!(resumed.started(), held.began);
        assert_eq!(resumed.factor(), held.code.map(|(factor, _)| factor));
        let shown = held.code.map(|(_, shown)| shown);
        assert_eq!(resumed.authenticated(), shown.unwrap_or(held.began));
        let fresh = shown.is_some_and(|shown| is_younger(shown, MAX_AGE + 1, now));
        let expected = [true, shown.is_some(), fresh];
        assert_eq!(opened(&resumed, &account, now), expected);
    }
}

/// Wrong codes are forgotten by a code of the authenticator and by another authenticator, and by nothing else that happens here.
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
