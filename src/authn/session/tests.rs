use super::*;
use crate::authn::session::record::{End, Lifetimes, SessionRecord};

const START: Timestamp = Timestamp(1_700_000_000);
const LIMITS: Lifetimes = Lifetimes {
    absolute: Duration::from_secs(24 * 3600),
    idle: Duration::from_secs(3600),
};

fn alice() -> AccountId {
    AccountId::from_bytes([1; 16])
}

fn half() -> FirstFactorSession {
    FirstFactorSession {
        account: alice(),
        epoch: Epoch::default(),
        started: START,
        tries: 0,
        raises: None,
    }
}

fn proof_of(account: AccountId) -> SecondFactorVerified {
    SecondFactorVerified::assertion(account, Factor::Totp)
}

fn record() -> SessionRecord {
    SessionRecord::of(&signed_in(START), &LIMITS, START)
}

fn signed_in(now: Timestamp) -> Resumed {
    Resumed::TwoFactor(half().finish(proof_of(alice()), now).unwrap())
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[test]
fn the_proofs_of_two_accounts_make_no_session() {
    let mallory = AccountId::from_bytes([2; 16]);
    assert!(half().finish(proof_of(mallory), START).is_none());
}

#[test]
fn five_tries_are_granted_and_no_sixth() {
    let mut half = half();
    for _ in 0..TRIES {
        assert!(!half.is_spent());
        assert_eq!(half.reserve_try(START), Ok(()));
    }
    assert!(half.is_spent());
    assert_eq!(half.reserve_try(START), Err(Rejection::TransactionOver));
}

#[test]
fn a_first_factor_waits_five_minutes_and_no_longer() {
    assert_eq!(half().reserve_try(after(299)), Ok(()));
    assert_eq!(
        half().reserve_try(after(300)),
        Err(Rejection::TransactionOver)
    );
}

#[test]
fn a_session_lives_an_idle_hour_less_a_second() {
    assert!(
        record()
            .resume(Epoch::default(), &LIMITS, after(3599))
            .is_ok()
    );
    let late = record().resume(Epoch::default(), &LIMITS, after(3600));
    assert_eq!(late.unwrap_err(), End::Idle);
}

#[test]
fn activity_never_extends_the_whole_life() {
    let mut record = record();
    record.touch(after(86_399));
    assert!(
        record
            .resume(Epoch::default(), &LIMITS, after(86_399))
            .is_ok()
    );
    let late = record.resume(Epoch::default(), &LIMITS, after(86_400));
    assert_eq!(late.unwrap_err(), End::Expired);
}

#[test]
fn another_epoch_ends_every_older_session() {
    let revoked = record().resume(Epoch::default().next(), &LIMITS, START);
    assert_eq!(revoked.unwrap_err(), End::Revoked);
}

#[test]
fn a_touch_with_the_clock_set_back_changes_nothing() {
    let mut record = record();
    record.touch(Timestamp(START.0 - 500));
    assert_eq!(record.last_seen(), START);
}

#[test]
fn an_enrolment_and_the_session_that_it_holds_last_half_an_hour_within_their_epoch() {
    let enrolling = EnrolmentSession {
        account: alice(),
        epoch: Epoch::default(),
        id: EnrolmentId::generate(),
        started: START,
    };
    let half_an_hour = after(1_800);
    assert!(enrolling.is_alive(after(1_799)) && !enrolling.is_alive(half_an_hour));
    let held = enrolling.finish(proof_of(alice()), START).unwrap();
    let in_time = held.clone().release(Epoch::default(), after(1_799));
    assert!(in_time.is_some());
    assert!(
        held.clone()
            .release(Epoch::default(), half_an_hour)
            .is_none()
    );
    assert!(held.release(Epoch::default().next(), START).is_none());
}

#[test]
fn every_session_has_a_name_of_its_own() {
    let one = record().id();
    assert_ne!(one, record().id());
    assert_eq!(SessionId::parse(&one.to_string()), Some(one));
    assert!(one.to_string().starts_with("s_"));
    assert_eq!(SessionId::parse(&one.to_string()[1..]), None);
}

#[test]
fn a_password_alone_is_resumed_as_one_factor() {
    let settled = Resumed::OneFactor(half().settle().unwrap());
    let record = SessionRecord::of(&settled, &LIMITS, START);
    let resumed = record.resume(Epoch::default(), &LIMITS, after(10)).unwrap();
    assert!(matches!(resumed, Resumed::OneFactor(_)));
    assert_eq!(resumed.factor(), None);
}

#[test]
fn a_step_up_renews_the_second_factor_and_not_the_life() {
    let old = signed_in(START);
    let raising = FirstFactorSession::step_up(&old, after(80_000));
    assert_eq!(raising.raises(), Some(old.id()));
    let raised = raising
        .finish(proof_of(alice()), after(80_010))
        .map(Resumed::TwoFactor)
        .unwrap();
    assert_eq!(raised.started(), START);
    assert_eq!(raised.authenticated(), after(80_010));
    assert_ne!(raised.id(), old.id());
    let record = SessionRecord::of(&raised, &LIMITS, after(86_399));
    let late = record.resume(Epoch::default(), &LIMITS, after(86_400));
    assert_eq!(late.unwrap_err(), End::Expired);
}

#[test]
fn a_step_up_without_its_code_is_worth_nothing() {
    let raising = FirstFactorSession::step_up(&signed_in(START), START);
    assert!(raising.settle().is_none());
}

#[test]
fn a_record_of_a_version_without_one_factor_is_over() {
    let mut old = serde_json::to_value(record()).unwrap();
    old.as_object_mut().unwrap().remove("started");
    let old: SessionRecord = serde_json::from_value(old).unwrap();
    let resumed = old.resume(Epoch::default(), &LIMITS, START);
    assert_eq!(resumed.unwrap_err(), End::Expired);
}

#[test]
fn a_record_is_certainly_over_with_its_life_or_two_minutes_after_its_idle_time() {
    let mut record = record();
    assert!(!record.is_certainly_over(&LIMITS, after(3_719)));
    assert!(record.is_certainly_over(&LIMITS, after(3_720)));
    record.touch(after(86_399));
    assert!(!record.is_certainly_over(&LIMITS, after(86_399)));
    assert!(record.is_certainly_over(&LIMITS, after(86_400)));
}
