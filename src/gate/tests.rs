//! What the app gets while the keys change, judged by verifiers that keep an old key set for as long as
//! they may.

use super::*;
use crate::accounts;
use crate::audit::{Audit, Source};
use crate::authn::account::Profile;
use crate::authn::backup_code::BackupCodes;
use crate::authn::enrolment::EnrolmentId;
use crate::authn::password::policy::Policy as PasswordPolicy;
use crate::authn::password::{Memory, Params, PasswordVerified};
use crate::authn::session::FirstFactorSession;
use crate::authn::session::record::Origin;
use crate::authn::totp::{Skew, TimeStep};
use crate::authn::username::Username;
use crate::authz::rule::{Policy as AccessPolicy, Requirement, Rule};
use crate::authz::target::Target;
use crate::clock::{ManualClock, Moment};
use crate::hashing::{self, Pool};
use crate::identity::jwks::MAX_AGE;
use crate::identity::key::{Algorithm, KeyId};
use crate::identity::ring::{PUBLISHED_AFTER, PUBLISHED_BEFORE, Policy};
use crate::signing_keys;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::store::table::Table;
use http::HeaderName;
use http::Method;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use std::time::Duration;

const START: Timestamp = Timestamp(1_700_000_000);
const AUDIENCE: &str = "https://app.example.com";
const LEEWAY: u64 = 30;

/// A gate with somebody who is signed in.
struct Scene {
    clock: ManualClock,
    keys: SigningKeys,
    gate: Gate,
    token: AccountToken<SessionRecord>,
}

impl Scene {
    async fn new(policy: Policy) -> Self {
        Self::with(policy, Rules::new(vec![], AccessPolicy::TwoFactor)).await
    }

    async fn with(policy: Policy, rules: Rules) -> Self {
        let clock = ManualClock::starting_at(START);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::clone(&shared)));
        let audit = Audit::to_log(Arc::clone(&shared));
        let keys = SigningKeys::open(signing_keys::Parts {
            store: Arc::clone(&store),
            policy,
            audit: audit.clone(),
            clock: Arc::clone(&shared),
        });
        let keys = keys.await.unwrap();
        let limits = Lifetimes {
            absolute: Duration::from_secs(365 * 86_400),
            idle: Duration::from_secs(3_600),
        };
        let sessions = Table::new(Arc::clone(&store));
        let sessions = Sessions::new(sessions, Arc::clone(&shared), limits, 20);
        let accounts = Accounts::new(accounts::Parts {
            store,
            sessions: sessions.clone(),
            hashing: Pool::new(hashing::Limits::default(), Params::new(8, 1, 1).unwrap()),
            policy: PasswordPolicy::default(),
            context: vec![],
            invitation_lifetime: Duration::from_secs(60),
            audit,
            clock: Arc::clone(&shared),
        });
        let session = session(&accounts).await;
        let begun = sessions.begin(&session, Origin::default()).await.unwrap();
        let lifetime = Duration::from_secs(60);
        let gate = Gate::new(Parts {
            accounts,
            sessions,
            generations: Arc::default(),
            rules,
            issuer: Issuer::new(AUDIENCE.to_owned(), AUDIENCE.to_owned(), lifetime),
            keys: keys.clone(),
            names: names(),
            clock: shared,
        });
        Self {
            clock,
            keys,
            gate,
            token: begun.token,
        }
    }

    async fn check(&self) -> Verdict {
        let verdict = self.gate.check(asked(&front()), Some(&self.token)).await;
        verdict.unwrap()
    }

    async fn still_passes(&self) -> bool {
        let key = key_of(&self.token);
        self.gate.still_passes(asked(&front()), &key).await
    }

    /// The assertion of one request.
    async fn assertion(&self) -> String {
        let Verdict::Pass(pass, Some(_)) = self.check().await else {
            panic!("somebody is signed in")
        };
        let mut lines = pass.headers().iter();
        let line = lines.find(|(name, _)| *name == "x-vestibule-assertion");
        line.unwrap().1.to_str().unwrap().to_owned()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.keys.tend().await.unwrap();
    }
}

fn front() -> Target {
    Target::parse("https", "app.example.com", "/").unwrap()
}

fn asked(target: &Target) -> Asked<'_> {
    Asked {
        method: &Method::GET,
        target,
        client: [192, 0, 2, 7].into(),
        destination: None,
    }
}

fn names() -> Names {
    let name = HeaderName::from_static;
    Names {
        user: name("remote-user"),
        name: name("remote-name"),
        email: name("remote-email"),
        groups: name("remote-groups"),
        assertion: name("x-vestibule-assertion"),
    }
}

async fn session(accounts: &Accounts) -> Resumed {
    let username = Username::parse("alice").unwrap();
    let source = Source::default();
    let added = accounts.add(username, Profile::default(), &source).await;
    let id = added.unwrap().id();
    let codes = BackupCodes::generate(START, &mut Memory::default()).0;
    let enrolment = EnrolmentId::generate();
    let enrolled = accounts.update(id, |account| {
        account.begin_enrolment(enrolment, START)?;
        let code = account.pending_secret(enrolment, START).unwrap();
        let code = code.code_at(TimeStep::at(START));
        account.confirm_enrolment(
            enrolment,
            &code,
            codes.clone(),
            Moment::quiet(START),
            Skew::OneStep,
        )
    });
    let second = enrolled.await.unwrap();
    let epoch = accounts.get(id).await.unwrap().unwrap().epoch();
    let first = FirstFactorSession::begin(PasswordVerified::for_test(id), epoch, START);
    Resumed::TwoFactor(first.finish(second, START).unwrap())
}

/// Keeps what it fetched for as long as `max-age` allows.
struct Cached {
    set: JwkSet,
    fetched: Timestamp,
}

impl Cached {
    fn fetch(keys: &SigningKeys, now: Timestamp) -> Self {
        Self {
            set: serde_json::from_slice(&keys.in_force().published.json).unwrap(),
            fetched: now,
        }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.fetched) >= MAX_AGE
    }
}

/// A verifier that never looks for an unknown key, behind a cache of somebody else.
struct Verifier {
    between: Cached,
    own: Cached,
}

impl Verifier {
    fn new(keys: &SigningKeys, now: Timestamp) -> Self {
        Self {
            between: Cached::fetch(keys, now),
            own: Cached::fetch(keys, now),
        }
    }

    fn verify(&mut self, keys: &SigningKeys, token: &str, now: Timestamp) -> Result<KeyId, String> {
        if self.own.is_old(now) {
            if self.between.is_old(now) {
                self.between = Cached::fetch(keys, now);
            }
            self.own.set = self.between.set.clone();
            self.own.fetched = now;
        }
        verify(&self.own.set, token, now)
    }
}

#[derive(serde::Deserialize)]
struct Times {
    nbf: u64,
    exp: u64,
}

fn verify(set: &JwkSet, token: &str, now: Timestamp) -> Result<KeyId, String> {
    let header = decode_header(token).map_err(|error| error.to_string())?;
    let kid = header.kid.ok_or("no kid")?;
    let key = set.find(&kid).ok_or_else(|| format!("{kid} is unknown"))?;
    let mut rules = Validation::new(header.alg);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[AUDIENCE]);
    // It would compare with the clock of the machine.
    rules.validate_exp = false;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let token = decode::<Times>(token, &key, &rules).map_err(|error| error.to_string())?;
    let Times { nbf, exp } = token.claims;
    if nbf > now.0 + LEEWAY || exp + LEEWAY < now.0 {
        return Err(format!("{nbf} to {exp} at {}", now.0));
    }
    KeyId::parse(&kid).ok_or_else(|| "no key id".to_owned())
}

const HOUR: Duration = Duration::from_secs(3_600);

fn policy(rotate: Option<Duration>) -> Policy {
    let algorithm = Algorithm::Es256;
    Policy { algorithm, rotate }
}

#[tokio::test]
async fn ten_thousand_requests_over_many_rotations_and_none_is_refused() {
    let scene = Scene::new(policy(Some(2 * HOUR))).await;
    let mut verifiers = vec![];
    let mut signed_by = vec![];
    for request in 0..10_000_u64 {
        scene.pass(Duration::from_secs(1 + request % 13)).await;
        if verifiers.len() < 20 {
            verifiers.push(Verifier::new(&scene.keys, scene.clock.now()));
        }
        let token = scene.assertion().await;
        // On the way for a while: to the verifier with the oldest key set of all.
        let late = scene.clock.now().plus(Duration::from_secs(request % 7));
        let which = usize::try_from(request % 20)
            .unwrap()
            .min(verifiers.len() - 1);
        let verified = verifiers[which].verify(&scene.keys, &token, late);
        signed_by.push(verified.unwrap_or_else(|refusal| panic!("request {request}: {refusal}")));
    }
    signed_by.dedup();
    assert!(signed_by.len() > 8, "{} keys signed", signed_by.len());
}

#[tokio::test]
async fn a_rotation_by_hand_and_one_in_a_hurry_make_statements_anew() {
    let scene = Scene::new(policy(None)).await;
    let first = scene.assertion().await;
    scene.keys.rotate(&Source::command_line()).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(
        scene.assertion().await,
        first,
        "nothing changed for the app"
    );
    scene.pass(PUBLISHED_BEFORE).await;
    let set = Cached::fetch(&scene.keys, START).set;
    let second = scene.assertion().await;
    let now = scene.clock.now();
    assert_ne!(verify(&set, &second, now), verify(&set, &first, START));
    scene
        .keys
        .rotate_now(&Source::command_line())
        .await
        .unwrap();
    let third = scene.assertion().await;
    let set = Cached::fetch(&scene.keys, START).set;
    assert_ne!(verify(&set, &third, now), verify(&set, &second, now));
    verify(&set, &second, now).unwrap();
    scene.pass(PUBLISHED_AFTER).await;
    let set = Cached::fetch(&scene.keys, START).set;
    assert_eq!(set.keys.len(), 1);
}

#[tokio::test]
async fn what_a_leaked_key_signed_is_handed_out_never_again() {
    let scene = Scene::new(policy(None)).await;
    let now = scene.clock.now();
    let before = scene.assertion().await;
    let leaked = scene.keys.in_force().active.id();
    scene
        .keys
        .retire(leaked, &Source::command_line())
        .await
        .unwrap();
    let after = scene.assertion().await;
    let set = Cached::fetch(&scene.keys, now).set;
    assert_eq!(
        verify(&set, &after, now),
        Ok(scene.keys.in_force().active.id())
    );
    assert_eq!(
        verify(&set, &before, now),
        Err(format!("{leaked} is unknown"))
    );
}

#[tokio::test]
async fn what_a_fresh_code_opened_stays_open_when_it_is_old_and_looking_is_not_using() {
    let max_age = Some(Duration::from_secs(60));
    let policy_of_rule = AccessPolicy::TwoFactor;
    let rule = Rule {
        requirement: Requirement {
            max_age,
            ..Requirement::of(policy_of_rule)
        },
        ..Rule::for_all(policy_of_rule)
    };
    let rules = Rules::new(vec![rule], AccessPolicy::Deny);
    let scene = Scene::with(policy(None), rules).await;
    assert!(scene.still_passes().await);
    scene.pass(Duration::from_secs(61)).await;
    let verdict = scene.check().await;
    let is_old = matches!(verdict, Verdict::Challenge(Challenge::FreshSecondFactor));
    assert!(is_old && scene.still_passes().await, "{verdict:?}");
    scene.pass(HOUR - Duration::from_secs(1)).await;
    assert!(scene.still_passes().await);
    scene.pass(Duration::from_secs(1)).await;
    assert!(!scene.still_passes().await, "nobody used it for an hour");
}

#[tokio::test]
async fn the_use_of_a_session_is_written_down_once_a_minute() {
    let scene = Scene::new(policy(None)).await;
    let key = key_of(&scene.token);
    let mut age = 0;
    for (used, written) in [(59, 0), (60, 60), (61, 60), (119, 60), (121, 121)] {
        scene.pass(Duration::from_secs(used - age)).await;
        age = used;
        scene.assertion().await;
        // What is written in the background has its turn.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let record = scene.gate.parts.sessions.get(&key).await.unwrap().unwrap();
        assert_eq!(record.last_seen().0 - START.0, written, "after {used} s");
    }
}

#[test]
fn when_anything_may_have_changed_every_session_is_read_again() {
    let generations = Generations::default();
    let account = AccountId::from_bytes([7; 16]);
    let before = generations.of(account);
    generations.all_changed();
    assert_ne!(generations.of(account), before);
}
