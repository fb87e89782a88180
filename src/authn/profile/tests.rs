use crate::authn::profile::*;
use proptest::prelude::*;

#[test]
fn display_names_are_trimmed_and_normalised() {
    let name = |text: &str| DisplayName::parse(text).map(String::from);
    assert_eq!(
        name("  Ame\u{301}lie O'Neil "),
        Ok("Am\u{e9}lie O'Neil".to_owned())
    );
    assert_eq!(name(&"\u{1f600}".repeat(128)), Ok("\u{1f600}".repeat(128)));
    for bad in ["", "  ", &"x".repeat(129), &"x".repeat(10_000)] {
        assert_eq!(name(bad), Err(InvalidProfile::DisplayName), "{bad:?}");
    }
}

#[test]
fn a_display_name_cannot_break_a_line_or_turn_the_text() {
    for bad in [
        "a\r\nb",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200b}b",
        "a\0b",
        "a\u{1b}[2Jb",
        "a\u{2028}b",
        "a\u{85}b",
    ] {
        assert_eq!(
            DisplayName::parse(bad),
            Err(InvalidProfile::DisplayName),
            "{bad:?}"
        );
    }
}

#[test]
fn addresses_have_one_at_and_a_domain() {
    let address = |text: &str| Email::parse(text).map(String::from);
    assert_eq!(
        address("J.Doe+x@Example.COM"),
        Ok("J.Doe+x@example.com".to_owned())
    );
    assert_eq!(address("root@localhost"), Ok("root@localhost".to_owned()));
    for bad in [
        "",
        "@",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b c",
        "a@b..c",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@-b",
        "a@b-",
        "a@b.",
        "a@b\r\nBcc: c@d",
        "\"a b\"@c",
        "a@[127.0.0.1]",
        "a<b@c",
        "a,b@c",
        "\u{e9}@c",
        "a@\u{e9}",
        " a@b",
        &format!("{}@b", "a".repeat(65)),
        &format!("a@{}", "b.".repeat(200) + "c"),
        &format!("a@{}", "b".repeat(64)),
    ] {
        assert_eq!(address(bad), Err(InvalidProfile::Email), "{bad:?}");
    }
}

#[test]
fn the_local_part_stands_before_the_at() {
    assert_eq!(
        Email::parse("j.doe@example.com").unwrap().local_part(),
        "j.doe"
    );
}

#[test]
fn groups_fit_into_a_list_in_a_header() {
    let group = |text: &str| Group::parse(text).map(String::from);
    for good in ["admins", "A", "team:ops/eu-1@x_y.z", &"g".repeat(64)] {
        assert_eq!(group(good), Ok(good.to_owned()));
    }
    for bad in [
        "",
        "a,b",
        "a b",
        "a\tb",
        "a\nb",
        "a;b",
        "a|b",
        "a=b",
        "\u{e9}",
        &"g".repeat(65),
    ] {
        assert_eq!(group(bad), Err(InvalidProfile::Group), "{bad:?}");
    }
}

#[test]
fn stored_profiles_are_checked_when_they_are_read() {
    let read = |json: &str| serde_json::from_str::<(DisplayName, Email, Group)>(json);
    let good = r#"["Alice","a@b.c","admins"]"#;
    assert_eq!(serde_json::to_string(&read(good).unwrap()).unwrap(), good);
    for bad in [
        r#"["","a@b.c","g"]"#,
        r#"["A","a","g"]"#,
        r#"["A","a@b.c",""]"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_its_own_canonical_form(text in "\\PC{0,20}|[a-z.]{1,8}@[A-Za-z.-]{1,12}|[A-Za-z0-9._:@/-]{1,66}") {
        if let Ok(name) = DisplayName::parse(&text) {
            prop_assert_eq!(DisplayName::parse(name.as_str()), Ok(name));
        }
        if let Ok(address) = Email::parse(&text) {
            prop_assert_eq!(Email::parse(address.as_str()), Ok(address));
        }
        if let Ok(group) = Group::parse(&text) {
            prop_assert_eq!(group.as_str(), text);
        }
    }
}
