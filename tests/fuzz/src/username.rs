//! User names and what else is known of a person: one canonical form, which is its own.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use vestibule::authn::profile::{
    DisplayName, Email, Group, MAX_DISPLAY_NAME, MAX_EMAIL, MAX_GROUP,
};
use vestibule::authn::username::{MAX_CODE_POINTS, TypedName, Username};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    username(text);
    typed(text);
    if let Some(name) = canonical::<DisplayName>(text) {
        assert!(name.chars().count() <= MAX_DISPLAY_NAME);
        assert!(!name.chars().any(char::is_control));
        assert_eq!(name.trim(), name);
    }
    if let Some(address) = canonical::<Email>(text) {
        assert!(address.len() <= MAX_EMAIL && address.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(address.matches('@').count(), 1);
    }
    if let Some(group) = canonical::<Group>(text) {
        assert!(group.len() <= MAX_GROUP);
        assert!(!group.contains(|c: char| c == ',' || !c.is_ascii_graphic()));
    }
}

/// Reads `text`; what it is shown as is read as the same again, and shown the same.
fn canonical<T>(text: &str) -> Option<String>
where
    T: FromStr<Err: Debug + Display> + Display + PartialEq + Debug,
{
    let value = text
        .parse::<T>()
        .map_err(|error| assert!(!error.to_string().is_empty()))
        .ok()?;
    let shown = value.to_string();
    assert_eq!(shown.parse::<T>().as_ref().ok(), Some(&value));
    Some(shown)
}

fn username(text: &str) {
    let Some(shown) = canonical::<Username>(text) else {
        return;
    };
    let name = Username::parse(&shown).expect("its own canonical form");
    assert!((1..=MAX_CODE_POINTS).contains(&shown.chars().count()));
    let has_meaning = |c: char| c.is_control() || c.is_whitespace() || ":/,;\"'\\<>%".contains(c);
    assert!(!shown.contains(has_meaning), "{shown:?}");
    assert!(
        !shown.starts_with('-'),
        "no command line takes it for an option"
    );
    // A skeleton is a key: whoever looks the same has the same, in every spelling.
    assert_eq!(
        Username::parse(text).expect("as above").skeleton(),
        name.skeleton()
    );
    assert!(!name.skeleton().as_str().is_empty());
    assert_eq!(
        TypedName::new(text).as_str(),
        shown,
        "it is counted under its own name"
    );
    let json = serde_json::to_string(&name).expect("a text");
    assert_eq!(serde_json::from_str::<Username>(&json).ok(), Some(name));
}

fn typed(text: &str) {
    let typed = TypedName::new(text);
    assert!(typed.as_str().chars().count() <= MAX_CODE_POINTS);
    assert!(!format!("{typed:?}").contains(char::is_whitespace));
    // Spaces around it and capitals make no second counter where they make no other name.
    let spellings: BTreeSet<String> = [text.to_owned(), format!(" {text}\t")]
        .iter()
        .map(|spelling| TypedName::new(spelling).as_str().to_owned())
        .collect();
    assert_eq!(spellings.len(), 1);
}
