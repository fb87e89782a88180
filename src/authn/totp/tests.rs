use super::*;
use proptest::prelude::*;

/// The ASCII secret of RFC 4226 appendix D and RFC 6238 appendix B.
fn rfc_secret() -> TotpSecret {
    TotpSecret::from_bytes(*b"12345678901234567890")
}

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

const NOW: Timestamp = Timestamp(1_111_111_111);

#[test]
fn every_hotp_value_of_rfc_4226_comes_out() {
    let expected = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (step, expected) in (0..).zip(expected) {
        assert_eq!(
            rfc_secret().code_at(TimeStep(step)),
            code(expected),
            "{step}"
        );
    }
}

#[test]
fn every_sha1_value_of_rfc_6238_comes_out_in_six_digits() {
    let expected = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    for (moment, expected) in expected {
        let step = TimeStep::at(Timestamp(moment));
        assert_eq!(rfc_secret().code_at(step), code(expected), "{moment}");
    }
}

/// Appendix B: the seeds of SHA-256 and SHA-512 are the ASCII digits repeated to 32 and 64 bytes.
#[test]
fn every_value_of_rfc_6238_comes_out_of_the_library() {
    let moments = [
        59,
        1_111_111_109,
        1_111_111_111,
        1_234_567_890,
        2_000_000_000,
        20_000_000_000,
    ];
    let expected = [
        (
            Algorithm::SHA1,
            20,
            [
                "94287082", "07081804", "14050471", "89005924", "69279037", "65353130",
            ],
        ),
        (
            Algorithm::SHA256,
            32,
            [
                "46119246", "68084774", "67062674", "91819424", "90698825", "77737706",
            ],
        ),
        (
            Algorithm::SHA512,
            64,
            [
                "90693936", "25091201", "99943326", "93441116", "38618901", "47863826",
            ],
        ),
    ];
    for (algorithm, length, values) in expected {
        let seed: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
        let builder = Builder::new().with_algorithm(algorithm).with_digits(8);
        let totp = builder
            .with_step_duration(PERIOD)
            .with_secret(seed)
            .build()
            .unwrap();
        let actual = moments.map(|moment| totp.generate(moment).to_string());
        assert_eq!(actual, values, "{algorithm:?}");
    }
}

#[test]
fn one_step_before_and_after_are_accepted_and_two_are_not() {
    let secret = rfc_secret();
    let present = TimeStep::at(NOW).0;
    for (step, expected) in [
        (present - 2, Match::Wrong),
        (present - 1, Match::Fresh(TimeStep(present - 1))),
        (present, Match::Fresh(TimeStep(present))),
        (present + 1, Match::Fresh(TimeStep(present + 1))),
        (present + 2, Match::Wrong),
    ] {
        let code = secret.code_at(TimeStep(step));
        assert_eq!(secret.check(&code, NOW, Skew::OneStep, None), expected);
    }
}

#[test]
fn the_strict_window_is_the_present_step_alone() {
    let secret = rfc_secret();
    let present = TimeStep::at(NOW);
    let before = secret.code_at(TimeStep(present.0 - 1));
    assert_eq!(secret.check(&before, NOW, Skew::Strict, None), Match::Wrong);
    let now = secret.code_at(present);
    assert_eq!(
        secret.check(&now, NOW, Skew::Strict, None),
        Match::Fresh(present)
    );
}

#[test]
fn a_spent_step_and_every_earlier_one_are_replays() {
    let secret = rfc_secret();
    let present = TimeStep::at(NOW);
    let spent = Some(present);
    for step in [present.0 - 1, present.0] {
        let code = secret.code_at(TimeStep(step));
        assert_eq!(
            secret.check(&code, NOW, Skew::OneStep, spent),
            Match::Replayed
        );
    }
    let next = secret.code_at(TimeStep(present.0 + 1));
    let expected = Match::Fresh(TimeStep(present.0 + 1));
    assert_eq!(secret.check(&next, NOW, Skew::OneStep, spent), expected);
}

#[test]
fn the_edges_of_time_do_not_panic() {
    let secret = rfc_secret();
    for now in [0, 1, 29, u64::MAX] {
        let any = code("000000");
        let _ = secret.check(&any, Timestamp(now), Skew::OneStep, None);
    }
}

#[test]
fn codes_may_be_typed_with_spaces_and_hyphens() {
    for text in ["123456", "123 456", "123-456", " 1 2 3 4 5 6 ", "12-34-56"] {
        assert_eq!(text.parse::<Code>(), Ok(Code(*b"123456")), "{text}");
    }
}

#[test]
fn nothing_but_six_ascii_digits_is_a_code() {
    let arabic = "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}";
    let full_width = "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}";
    for text in [
        "", "12345", "1234567", "+12345", "12345\n", "12345\0", "12345a", arabic, full_width,
    ] {
        assert_eq!(text.parse::<Code>(), Err(InvalidCode), "{text:?}");
    }
}

#[test]
fn the_uri_names_issuer_and_account_without_colons() {
    let uri = rfc_secret().to_uri("ACME Co: & S\u{f6}hne", "a:b@example.com");
    assert_eq!(
        uri,
        "otpauth://totp/ACME%20Co%20%20%26%20S%C3%B6hne:a%20b%40example.com\
         ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ACME%20Co%20%20%26%20S%C3%B6hne"
    );
}

#[test]
fn a_secret_survives_its_stored_form_and_prints_nothing() {
    let secret = TotpSecret::generate();
    let stored = serde_json::to_string(&secret).unwrap();
    let again: TotpSecret = serde_json::from_str(&stored).unwrap();
    assert_eq!(again.to_base32(), secret.to_base32());
    assert_eq!(
        format!("{secret:?} {:?}", code("123456")),
        "TotpSecret Code"
    );
    assert!(serde_json::from_str::<TotpSecret>("\"GEZDGNBV\"").is_err());
}

proptest! {
    #[test]
    fn a_second_implementation_agrees(bytes: [u8; 20], step in 0_u64..1 << 40) {
        let ours = TotpSecret::from_bytes(bytes).code_at(TimeStep(step));
        let theirs = totp_lite::totp_custom::<totp_lite::Sha1>(PERIOD, 6, &bytes, step * PERIOD);
        prop_assert_eq!(ours, code(&theirs));
    }

    #[test]
    fn reading_a_code_never_panics(text in ".{0,40}") {
        let _ = text.parse::<Code>();
    }
}
