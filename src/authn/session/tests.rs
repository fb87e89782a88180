use super::*;

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
    }
}

fn proof_of(account: AccountId) -> SecondFactorVerified {
    SecondFactorVerified::assertion(account, Factor::Totp)
}

fn record() -> SessionRecord {
    half()
        .finish(proof_of(alice()), START)
        .unwrap()
        .record(&LIMITS, START)
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
fn a_held_session_is_released_only_in_time_and_within_its_epoch() {
    let enrolling = EnrolmentSession {
        account: alice(),
        epoch: Epoch::default(),
        id: EnrolmentId::generate(),
        started: START,
    };
    let held = enrolling.finish(proof_of(alice()), START).unwrap();
    let half_an_hour = after(1_800);
    assert!(held.clone().release(Epoch::default(), START).is_some());
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
