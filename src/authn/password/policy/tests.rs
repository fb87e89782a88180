use crate::authn::password::policy::*;

const CONTEXT: [&str; 4] = [
    "alice",
    "a.liddell@wonder.example",
    "Mad Tea Party",
    "gate.wonder.example",
];

fn verdict(text: &str) -> Result<(), Weak> {
    let password = Password::new(text.to_owned()).unwrap();
    Policy::default().accept(password, &CONTEXT).map(|_| ())
}

#[test]
fn lengths_are_counted_in_code_points() {
    let short = Err(Weak::TooShort { min: 12 });
    assert_eq!(verdict(""), short);
    assert_eq!(verdict("gkw7fq2xzpm"), short);
    assert_eq!(verdict("gkw7fq2xzpmt"), Ok(()));
    assert_eq!(verdict("🦊🐙🌵🍋🚲🎻🧦🪁🦔🍄🛶"), short);
    assert_eq!(verdict("🦊🐙🌵🍋🚲🎻🧦🪁🦔🍄🛶🥝"), Ok(()));
    // Decomposed, this has twenty code points; as a password it has ten.
    assert_eq!(verdict(&"e\u{301}".repeat(10)), short);
}

#[test]
fn the_longest_password_is_a_setting_too() {
    let policy = Policy {
        min_length: 8,
        max_length: 10,
    };
    let verdict = |text: &str| {
        policy
            .accept(Password::new(text.to_owned()).unwrap(), &[])
            .map(|_| ())
    };
    assert_eq!(verdict("gkw7fq2"), Err(Weak::TooShort { min: 8 }));
    assert_eq!(verdict("gkw7fq2x"), Ok(()));
    // Two letters do not make a repetition out of the digits behind them.
    assert_eq!(verdict("aa918273"), Ok(()));
    assert_eq!(verdict("gkw7fq2xzpm"), Err(Weak::TooLong { max: 10 }));
}

#[test]
fn there_are_no_composition_rules() {
    for good in [
        "correct horse battery staple",
        "vkqzmtrwplxc",
        "VKQZMTRWPLXC",
        "729405816352",
        "               a b c d e f x",
        "\u{43f}\u{441}\u{438}\u{445}\u{43e}\u{442}\u{440}\u{43e}\u{43f} \u{43a}\u{438}\u{442}",
        "\u{9d5c}\u{98f2}\u{6d17}\u{624b}\u{9752}\u{5c71}\u{7dd1}\u{6c34}\u{6625}\u{98a8}\u{79cb}\u{6708}",
    ] {
        assert_eq!(verdict(good), Ok(()), "{good:?}");
    }
    assert_eq!(verdict(&"word and other word ".repeat(12)), Ok(()));
}

/// Every one of these is refused with `why`.
fn all_refused(why: Weak, texts: &[&str]) {
    for text in texts {
        assert_eq!(verdict(text), Err(why), "{text:?}");
    }
}

#[test]
fn common_passwords_are_refused_in_any_case_and_width() {
    all_refused(
        Weak::Common,
        &[
            "unbelievable",
            "sonyericsson",
            "justinbieber",
            "finalfantasy",
            "administrator",
            "supernatural",
            "intelligence",
            "professional",
            "leavemealone",
            "counterstrike",
            "manchesterunited",
            "thisismypassword",
            "iloveyousomuch",
            "ghbdtnrfrltkf",
            "4815162342lost",
            "jamesbond007",
            "chickenwing101",
            "needforspeed",
            "newproject2004",
            "UNBELIEVABLE",
            "Unbelievable",
            "\u{ff55}nbelievable",
        ],
    );
}

#[test]
fn digits_and_symbols_behind_a_common_password_change_nothing() {
    all_refused(
        Weak::Common,
        &[
            "unbelievable!",
            "Unbelievable2026",
            "basketball12",
            "chocolate!!!",
            "password123456",
            "Liverpool#1892",
        ],
    );
    assert_eq!(verdict("unbelievable2026!xy"), Ok(()));
    assert_eq!(verdict("my unbelievable cat"), Ok(()));
}

#[test]
fn repetitions_are_judged_by_what_they_repeat() {
    all_refused(
        Weak::Repeated,
        &[
            "aaaaaaaaaaaa",
            "abababababab",
            "gkwgkwgkwgkwg",
            "passwordpassword",
            "gkw7fqgkw7fq",
            "gkw7fqgkw7fq99",
            "🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙🦊🐙",
        ],
    );
    all_refused(Weak::Common, &["unbelievableunbelievable"]);
    assert_eq!(verdict("gkw7fq2xzpmtgkw7fq2xzpmt"), Ok(()));
}

#[test]
fn runs_over_the_alphabet_and_the_keyboard_are_refused() {
    all_refused(
        Weak::Sequence,
        &[
            "abcdefghijkl",
            "lkjihgfedcba",
            "uvwxyzabcdefgh",
            "123456789012",
            "09876543210987",
            "qwertyuiopasd",
            "qwertzuiopasdf",
            "azertyuiopqsdfghjklm",
            "abcd1234efgh",
            "aaabbbcccddd",
            "5tgb6yhn7ujm",
            "zaq1xsw2cde3vfr4",
            "1qazxsw23edc",
            "123qweasdzxc",
            "qwertyuiop!!",
            "!@#$%^&*()!@",
            "йцукенгшщзхъ",
        ],
    );
}

#[test]
fn words_of_the_context_are_refused_as_a_whole() {
    all_refused(
        Weak::Context,
        &[
            "a.liddell@wonder.example",
            "Mad Tea Party",
            "madteaparty1",
            "Mad-Tea-Party-2026",
            "alice19870412",
            "a.liddell1987",
            "AliceLiddell",
            "aliceliddell42",
            "wonder.example",
            "Vestibule2026",
            "vestibulealice!",
            "gate.wonder.example",
        ],
    );
    assert_eq!(verdict("alice keeps seven ferrets"), Ok(()));
    assert_eq!(verdict("a tea for the vestibule"), Ok(()));
}

#[test]
fn a_context_of_nothing_refuses_nothing() {
    let password = Password::new("gkw7fq2xzpmt".to_owned()).unwrap();
    let accepted = Policy::default()
        .accept(password, &["", "a", "--", "\u{301}"])
        .unwrap();
    assert_eq!(accepted.password().expose(), "gkw7fq2xzpmt");
    let digits = Password::new("!!??((7))&&%%".to_owned()).unwrap();
    assert!(Policy::default().accept(digits, &[]).is_ok());
}

#[test]
fn every_reason_is_a_sentence_with_advice() {
    for weak in [
        Weak::TooShort { min: 12 },
        Weak::TooLong { max: 256 },
        Weak::Common,
        Weak::Repeated,
        Weak::Sequence,
        Weak::Context,
    ] {
        let text = weak.to_string();
        assert!(
            text.starts_with("This password ") && text.ends_with('.'),
            "{text}"
        );
        assert!(
            text.contains(". Use at ") || text.contains(". Choose one "),
            "{text}"
        );
    }
}

#[test]
fn the_longest_password_is_judged_quickly() {
    let started = std::time::Instant::now();
    for worst in [
        "a".repeat(255) + "b",
        "ab".repeat(128),
        "\u{fdfa}".repeat(255) + "b",
        "1".repeat(256),
    ] {
        let _ = verdict(&worst);
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn what_no_form_can_send_is_refused() {
    for text in [
        "first line\nsecond line",
        "twelve or more\0",
        "\u{1b}[2J and so on",
        "tab\tbetween words",
    ] {
        let password = Password::new(text.to_owned()).unwrap();
        let refused = Policy::default().accept(password, &[]);
        assert_eq!(refused.unwrap_err(), Weak::Untypable, "{text:?}");
    }
}
