//! Stored password hashes: of bounded cost, and nothing is right that Argon2 itself calls wrong.

use super::choice;
use argon2::password_hash::phc;
use argon2::{Argon2, PasswordVerifier};
use std::sync::LazyLock;
use vestibule::authn::AccountId;
use vestibule::authn::password::{
    MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PARALLELISM, Memory, Params, Password, PasswordHash, decoy,
    hash, verify_in,
};

const RIGHT: &str = "correct horse battery staple";

/// More work than this is within bounds, and too much to be tried thousands of times.
const AFFORDABLE_KIB: u32 = 256;

static CHEAP: LazyLock<Params> =
    LazyLock::new(|| Params::new(8, 1, 1).expect("the least there is"));
static DECOY: LazyLock<PasswordHash> = LazyLock::new(|| decoy(&CHEAP));

/// A hash as it is; or, behind `+`, a right one in which one byte is another.
pub(crate) fn check(data: &[u8]) {
    let (kind, rest) = choice(data);
    let text = match (kind, rest) {
        (b'+', [at, byte, ..]) => changed(*at, *byte),
        _ => std::str::from_utf8(data).ok().map(str::to_owned),
    };
    let Some(text) = text else { return };
    if is_dear(&text) {
        return;
    }
    let judged = judge(&text);
    for attempt in [RIGHT, ""] {
        let password = Password::new(attempt.to_owned()).expect("short enough");
        let stored: PasswordHash = serde_json::from_value(text.clone().into()).expect("a text");
        let known = Some((AccountId::from_bytes([1; 16]), &stored));
        let accepted = verify_in(&mut Memory::default(), known, &DECOY, &password).is_ok();
        let right = judged.as_ref().is_some_and(|phc| {
            Argon2::default()
                .verify_password(attempt.as_bytes(), phc)
                .is_ok()
        });
        assert!(!accepted || right, "{text:?} accepts {attempt:?}");
    }
}

/// Within the bounds, as another reader of PHC strings understands it.
fn judge(text: &str) -> Option<phc::PasswordHash> {
    let phc = phc::PasswordHash::new(text).ok()?;
    let params = argon2::Params::try_from(&phc).ok()?;
    let within = params.m_cost() <= MAX_MEMORY_KIB
        && params.t_cost() <= MAX_ITERATIONS
        && params.p_cost() <= MAX_PARALLELISM;
    within.then_some(phc)
}

/// Would it be worked on, at length? What is out of bounds must not be, and is therefore tried.
fn is_dear(text: &str) -> bool {
    judge(text).is_some_and(|phc| {
        argon2::Params::try_from(&phc)
            .is_ok_and(|params| params.m_cost().saturating_mul(params.t_cost()) > AFFORDABLE_KIB)
    })
}

fn changed(at: u8, byte: u8) -> Option<String> {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let password = Password::new(RIGHT.to_owned()).expect("short enough");
        let json = serde_json::to_value(hash(&password, &CHEAP)).expect("a text");
        json.as_str().expect("a text").to_owned()
    });
    let mut bytes = HASH.clone().into_bytes();
    let place = usize::from(at) % bytes.len();
    bytes[place] = byte;
    String::from_utf8(bytes).ok()
}
