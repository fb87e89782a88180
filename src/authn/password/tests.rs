use crate::authn::password::*;
use proptest::prelude::*;

fn cheap(memory_kib: u32) -> Params {
    Params::new(memory_kib, 1, 1).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

/// A hash as the store may hand it out, sound or not.
fn stored_as(text: &str) -> PasswordHash {
    serde_json::from_value(text.into()).unwrap()
}

/// The verdict over `attempt`, where `alice` has the password `stored`.
fn verdict(stored: &str, attempt: &str) -> Result<AccountId, WrongPassword> {
    let alice = AccountId::from_bytes([7; 16]);
    let hash = hash(&password(stored), &cheap(8));
    let proof = verify(Some((alice, &hash)), &decoy(&cheap(8)), &password(attempt));
    proof.map(|proof| proof.account())
}

#[test]
fn the_right_password_proves_the_account() {
    let alice = AccountId::from_bytes([7; 16]);
    assert_eq!(verdict("correct horse", "correct horse"), Ok(alice));
    assert_eq!(verdict("correct horse", "wrong horse"), Err(WrongPassword));
    assert_eq!(PasswordVerified::for_test(alice).account(), alice);
}

#[test]
fn a_password_is_compared_as_it_was_typed() {
    let long = "x".repeat(200);
    for (stored, attempt) in [
        ("secret words", "secret words "),
        ("secret words", " secret words"),
        ("secret words", "Secret words"),
        (&*format!("{long}1"), &*format!("{long}2")),
        ("secret\0words", "secret\0"),
        ("secret words", ""),
        // Compatibility forms stay apart: NFC, not NFKC.
        ("ﬁne words", "fine words"),
    ] {
        assert_eq!(verdict(stored, attempt), Err(WrongPassword), "{attempt:?}");
    }
}

#[test]
fn composed_and_decomposed_input_is_one_password() {
    let alice = AccountId::from_bytes([7; 16]);
    assert_eq!(
        verdict(
            "cr\u{e8}me br\u{fb}l\u{e9}e",
            "cre\u{300}me bru\u{302}le\u{301}e"
        ),
        Ok(alice)
    );
    assert_eq!(
        verdict(
            "cre\u{300}me bru\u{302}le\u{301}e",
            "cr\u{e8}me br\u{fb}l\u{e9}e"
        ),
        Ok(alice)
    );
}

#[test]
fn a_password_has_at_most_1024_bytes_and_256_code_points() {
    let length = |text: String| Password::new(text).map(|password| password.expose().len());
    assert_eq!(length(String::new()), Ok(0));
    assert_eq!(length("x".repeat(256)), Ok(256));
    assert_eq!(length("x".repeat(257)), Err(TooLong));
    assert_eq!(length("\u{1f600}".repeat(256)), Ok(1024));
    assert_eq!(length("x".repeat(1025)), Err(TooLong));
    assert_eq!(length("x".repeat(1_000_000)), Err(TooLong));
    // Counted after normalisation: two code points become one, and one becomes three.
    assert_eq!(length("e\u{301}".repeat(256)), Ok(512));
    assert_eq!(length("\u{1d160}".repeat(86)), Err(TooLong));
}

#[test]
fn nobody_can_sign_in_as_nobody() {
    let typed = password("the very password of the decoy");
    let decoy = hash(&typed, &cheap(8));
    assert_eq!(verify(None, &decoy, &typed).unwrap_err(), WrongPassword);
}

/// Every run leaves behind exactly the memory that its own parameters asked for, so the memory
/// tells which hash was the last one that was worked on.
#[test]
fn argon2_runs_over_the_account_s_hash_or_over_the_decoy_but_never_not() {
    let typed = password("correct horse");
    let alice = AccountId::from_bytes([7; 16]);
    let (stored, decoy) = (hash(&typed, &cheap(16)), decoy(&cheap(32)));
    let damaged = stored_as("$argon2id$v=19$m=8");
    for (known, blocks) in [(Some(&stored), 16), (None, 32), (Some(&damaged), 32)] {
        for attempt in [&typed, &password("wrong horse")] {
            let mut memory = Memory::default();
            let known = known.map(|hash| (alice, hash));
            let proof = verify_in(&mut memory, known, &decoy, attempt);
            assert_eq!(memory.len(), blocks);
            assert_eq!(
                proof.is_ok(),
                blocks == 16 && attempt.expose() == typed.expose()
            );
        }
    }
}

#[test]
fn used_memory_changes_no_verdict() {
    let typed = password("correct horse");
    let alice = AccountId::from_bytes([7; 16]);
    let decoy = decoy(&cheap(8));
    let mut memory = Memory::default();
    for cost in [8, 64, 8] {
        let stored = hash_in(&mut memory, &typed, &cheap(cost));
        let known = Some((alice, &stored));
        assert!(verify_in(&mut memory, known, &decoy, &typed).is_ok());
        assert!(verify_in(&mut memory, known, &decoy, &password("wrong")).is_err());
        assert!(verify(known, &decoy, &typed).is_ok());
        // A greedy hash does not keep its memory for the next one.
        assert_eq!(memory.len(), usize::try_from(cost).unwrap());
    }
}

#[test]
fn a_hash_with_other_parameters_than_the_decoy_needs_a_rehash() {
    let typed = password("correct horse");
    let alice = AccountId::from_bytes([7; 16]);
    let decoy = decoy(&cheap(16));
    let needs_rehash = |stored: &PasswordHash| {
        verify(Some((alice, stored)), &decoy, &typed)
            .unwrap()
            .needs_rehash()
    };
    assert!(!needs_rehash(&hash(&typed, &cheap(16))));
    assert!(needs_rehash(&hash(&typed, &cheap(8))));
    assert!(needs_rehash(&hash(&typed, &Params::new(16, 2, 1).unwrap())));
    assert!(needs_rehash(&hash(&typed, &Params::new(16, 1, 2).unwrap())));
}

#[test]
fn the_library_reads_our_hashes_and_we_read_those_of_the_reference_program() {
    use argon2::PasswordVerifier;

    let typed = password("password");
    let ours = hash(&typed, &cheap(8));
    assert_eq!(
        argon2::Argon2::default().verify_password(b"password", ours.as_str()),
        Ok(())
    );
    assert!(ours.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));

    // The reference implementation's own vectors for Argon2id, one and two lanes.
    let alice = AccountId::from_bytes([7; 16]);
    for theirs in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ] {
        let known = stored_as(theirs);
        let proof = verify(Some((alice, &known)), &decoy(&cheap(8)), &typed).unwrap();
        assert!(proof.needs_rehash());
    }
}

#[test]
fn two_hashes_of_one_password_differ() {
    let typed = password("correct horse");
    assert_ne!(hash(&typed, &cheap(8)), hash(&typed, &cheap(8)));
}

#[test]
fn a_stored_hash_that_asks_for_too_much_matches_nothing_and_costs_the_decoy() {
    let typed = password("correct horse");
    let alice = AccountId::from_bytes([7; 16]);
    let good = hash(&typed, &cheap(8));
    let decoy = decoy(&cheap(32));
    for greedy in [
        "m=4294967295,t=1,p=1",
        "m=1048577,t=1,p=1",
        "m=8,t=65,p=1",
        "m=256,t=1,p=17",
        "m=8,t=0,p=1",
        "m=7,t=1,p=1",
    ] {
        let stored = stored_as(&good.as_str().replace("m=8,t=1,p=1", greedy));
        let mut memory = Memory::default();
        let proof = verify_in(&mut memory, Some((alice, &stored)), &decoy, &typed);
        assert_eq!(proof.unwrap_err(), WrongPassword, "{greedy}");
        assert_eq!(
            memory.len(),
            if greedy == "m=8,t=1" { 8 } else { 32 },
            "{greedy}"
        );
    }
}

#[test]
fn damaged_hashes_match_nothing() {
    let typed = password("");
    let alice = AccountId::from_bytes([7; 16]);
    let decoy = decoy(&cheap(8));
    for damaged in [
        "",
        "$",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
        "$2b$12$abc",
        "plain",
    ] {
        let stored = stored_as(damaged);
        assert_eq!(
            verify(Some((alice, &stored)), &decoy, &typed).unwrap_err(),
            WrongPassword,
            "{damaged}"
        );
        assert_eq!(
            verify(Some((alice, &decoy)), &stored, &typed).unwrap_err(),
            WrongPassword,
            "{damaged}"
        );
    }
}

#[test]
fn parameters_have_bounds() {
    assert_eq!(Params::default(), Params::new(19_456, 2, 1).unwrap());
    assert!(Params::new(MAX_MEMORY_KIB, MAX_ITERATIONS, MAX_PARALLELISM).is_ok());
    for (memory, iterations, lanes) in [
        (MAX_MEMORY_KIB + 1, 1, 1),
        (8, MAX_ITERATIONS + 1, 1),
        (1024, 1, MAX_PARALLELISM + 1),
        (7, 1, 1),
        (15, 1, 2),
        (8, 0, 1),
        (8, 1, 0),
    ] {
        assert_eq!(
            Params::new(memory, iterations, lanes),
            Err(BadParams),
            "{memory} {iterations} {lanes}"
        );
    }
}

#[test]
fn a_hash_is_stored_as_plain_text_and_nothing_is_printed() {
    let stored = hash(&password("correct horse"), &cheap(8));
    let json = serde_json::to_string(&stored).unwrap();
    assert_eq!(json, format!("{:?}", stored.as_str()));
    assert_eq!(serde_json::from_str::<PasswordHash>(&json).unwrap(), stored);
    let printed = format!(
        "{:?} {:?} {:?}",
        password("correct horse"),
        stored,
        Memory::default()
    );
    assert_eq!(printed, "Password PasswordHash Memory");
}

proptest! {
    #[test]
    fn no_stored_text_asks_for_more_work_than_the_bounds(
        memory: u32, iterations: u32, lanes: u32, small in 1_u32..70, algorithm in "argon2(id|i|d|)", rest in "[$=,a-zA-Z0-9+/]{0,60}",
    ) {
        let head = format!("${algorithm}$v=19$");
        let tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
        for text in [
            format!("{head}m={memory},t={iterations},p={lanes}{tail}"),
            format!("{head}m={},t={small},p={small}{tail}", small * 20_000),
            format!("{head}m=8,t={small},p=1{tail}"),
            format!("{head}{rest}"),
        ] {
            if let Some((recipe, _)) = Recipe::of(&stored_as(&text)) {
                let (memory, iterations, lanes) = recipe.cost();
                prop_assert!(Params::new(memory, iterations, lanes).is_ok(), "{text}");
            }
        }
    }
}
