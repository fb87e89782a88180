use proptest::prelude::*;

use crate::authn::username::*;

fn name(typed: &str) -> Result<String, InvalidUsername> {
    Username::parse(typed).map(String::from)
}

#[test]
fn spellings_of_one_name_have_one_canonical_form() {
    for typed in [
        "alice",
        "Alice",
        "ALICE",
        "\u{ff21}lice",
        "\u{ff41}\u{ff4c}ice",
    ] {
        assert_eq!(name(typed), Ok("alice".to_owned()), "{typed}");
    }
    assert_eq!(name("Ame\u{301}lie"), name("AM\u{c9}LIE"));
    assert_eq!(name("Ame\u{301}lie"), Ok("am\u{e9}lie".to_owned()));
}

#[test]
fn names_of_many_shapes_and_scripts_are_accepted() {
    for same in [
        "a",
        "7",
        "_www",
        "j.doe",
        "j-doe",
        "j_doe",
        "j+doe",
        "j.doe@example.com",
        "\u{440}\u{43e}\u{43c}\u{430}\u{43d}",
        "\u{5d3}\u{5e0}\u{5d9}",
        "\u{674e}\u{660e}",
        "\u{930}\u{93e}\u{92e}",
    ] {
        assert_eq!(name(same), Ok(same.to_owned()));
    }
}

#[test]
fn characters_that_hide_or_mean_something_elsewhere_are_refused() {
    for bad in [
        ' ',
        '\t',
        '\n',
        '\0',
        '\u{7f}',
        '\u{a0}',
        ':',
        '/',
        '\\',
        ',',
        '=',
        ';',
        '"',
        '\'',
        '<',
        '>',
        '(',
        '*',
        '&',
        '%',
        '#',
        '!',
        '$',
        '`',
        '|',
        '~',
        '^',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{2060}',
        '\u{feff}',
        '\u{ad}',
        '\u{202e}',
        '\u{2066}',
        '\u{200f}',
        '\u{61c}',
        '\u{fe0f}',
        '\u{e0041}',
        '\u{e000}',
        '\u{378}',
        '\u{1f600}',
        '\u{2014}',
    ] {
        let typed = format!("ad{bad}min");
        assert_eq!(
            name(&typed),
            Err(InvalidUsername::Character(bad)),
            "{bad:?}"
        );
    }
}

#[test]
fn full_width_punctuation_is_judged_as_what_it_means() {
    assert_eq!(name("a\u{ff1a}b"), Err(InvalidUsername::Character(':')));
    assert_eq!(name("a\u{ff0f}b"), Err(InvalidUsername::Character('/')));
    assert_eq!(name("a\u{3000}b"), Err(InvalidUsername::Character(' ')));
    assert_eq!(name("a\u{ff20}b"), Ok("a@b".to_owned()));
}

#[test]
fn punctuation_stands_only_between_other_characters() {
    for start in [".a", "-rf", "+a", "@a", "\u{301}a"] {
        assert_eq!(name(start), Err(InvalidUsername::Start), "{start}");
    }
    for bad in ["a.", "a-", "a+", "a@", "a..b"] {
        assert_eq!(name(bad), Err(InvalidUsername::Punctuation), "{bad}");
    }
}

#[test]
fn a_name_has_1_to_64_code_points() {
    assert_eq!(name(""), Err(InvalidUsername::Empty));
    assert_eq!(name(&"\u{e9}".repeat(64)), Ok("\u{e9}".repeat(64)));
    assert_eq!(name(&"e\u{301}".repeat(64)), Ok("\u{e9}".repeat(64)));
    assert_eq!(name(&"a".repeat(65)), Err(InvalidUsername::TooLong));
    assert_eq!(name(&"a".repeat(10_000)), Err(InvalidUsername::TooLong));
}

#[test]
fn a_name_is_read_in_one_direction() {
    assert_eq!(name("abc\u{5d0}"), Err(InvalidUsername::Direction));
}

#[test]
fn names_that_look_alike_have_one_skeleton() {
    let skeleton = |typed: &str| Username::parse(typed).unwrap().skeleton();
    for (one, other) in [
        ("admin", "\u{430}dmin"),
        ("bob0", "bobo"),
        ("paul", "pau1"),
        ("scope", "\u{455}\u{441}\u{43e}\u{440}\u{435}"),
        ("modern", "modem"),
    ] {
        assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
    }
    assert_ne!(skeleton("alice"), skeleton("alicia"));
    assert_ne!(skeleton("user2"), skeleton("user3"));
}

#[test]
fn spellings_of_one_name_share_a_counter() {
    let counter = TypedName::new("alice");
    for typed in [
        "Alice",
        "alice ",
        "  ALICE\t",
        "\u{ff21}\u{ff2c}ice",
        "al\u{200b}ice",
        "a\0lice",
        "\u{202e}alice",
        "alice\u{ad}",
    ] {
        assert_eq!(
            TypedName::new(typed).as_str(),
            counter.as_str(),
            "{typed:?}"
        );
    }
    assert_ne!(TypedName::new("alicia").as_str(), counter.as_str());
}

#[test]
fn a_huge_name_has_a_small_counter_key() {
    for huge in [
        "a".repeat(10_000),
        "\u{fdfa}".repeat(10_000),
        " ".repeat(10_000),
    ] {
        assert!(TypedName::new(&huge).as_str().chars().count() <= MAX_CODE_POINTS);
    }
}

#[test]
fn a_typed_name_is_not_printed() {
    assert_eq!(format!("{:?}", TypedName::new("my password")), "TypedName");
}

#[test]
fn a_stored_name_is_checked_when_it_is_read() {
    let name: Username = serde_json::from_str("\"Alice\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"alice\"");
    assert!(serde_json::from_str::<Username>("\"a:b\"").is_err());
}

proptest! {
    #[test]
    fn canonical_forms_are_stable_and_count_as_themselves(typed in "\\PC{1,12}") {
        if let Ok(name) = Username::parse(&typed) {
            prop_assert_eq!(&Username::parse(name.as_str()), &Ok(name.clone()));
            prop_assert_eq!(TypedName::new(&typed).0, name.0);
        }
    }

    #[test]
    fn lossy_folding_agrees_with_the_canonical_form(typed in "[\\p{L}\\p{M}0-9@._+-]{1,8}") {
        if let Ok(name) = Username::parse(&typed) {
            prop_assert_eq!(lossy(&typed), name.0);
        }
    }
}
