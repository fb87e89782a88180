//! User names: one spelling each, no look-alikes, and nothing left behind.

use crate::harness::browser::Browser;
use crate::harness::gate::Gate;
use crate::harness::person::{Person, signed_in};
use crate::{LOGIN, SECOND_FACTOR, command, give, lenient, person, shown};

/// Whether the command line takes a name for a new account.
fn can_be_added(gate: &Gate, name: &str) -> bool {
    gate.cli(&["user", "add", name]).code == Some(0)
}

#[test]
fn one_name_has_one_account_however_it_is_written() {
    let gate = lenient();
    let alice = person(&gate, "J\u{fc}rgen");
    for typed in [
        "j\u{fc}rgen",
        "ju\u{308}rgen",
        "J\u{dc}RGEN",
        "\u{ff2a}\u{fc}rgen",
    ] {
        let reply = give(&mut gate.browser(), typed, &alice.password);
        assert_eq!(reply.header("location"), Some(SECOND_FACTOR), "{typed}");
        assert!(!can_be_added(&gate, typed), "{typed}");
    }
}

#[test]
fn no_account_looks_like_another() {
    let gate = lenient();
    for (taken, alike) in [
        (
            "manager",
            [
                "Manager",
                "MANAGER",
                "m\u{430}nager",
                "manag\u{435}r",
                "manager\u{200b}",
            ],
        ),
        (
            "paypal",
            [
                "p\u{430}ypal",
                "\u{440}aypal",
                "paypa1",
                "PAYPAL",
                "pay\u{ad}pal",
            ],
        ),
    ] {
        assert!(can_be_added(&gate, taken));
        for name in alike {
            assert!(!can_be_added(&gate, name), "{name:?} beside {taken}");
        }
    }
}

#[test]
fn odd_names_are_no_names() {
    let gate = lenient();
    let long = "a".repeat(65);
    let endless = "a".repeat(10_000);
    let odd = [
        "",
        " ",
        "a b",
        " a",
        "a ",
        "a:b",
        "a/b",
        "a,b",
        "a=b",
        "a;b",
        "a\"b",
        "a\\b",
        "a%b",
        "<b>",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\u{7f}b",
        "a\u{200b}b",
        "a\u{202e}b",
        "\u{301}a",
        ".",
        "..",
        "-x",
        "a..b",
        "a\u{2028}b",
        "\u{e000}",
        "\u{fffe}",
        "\u{1f600}",
        &long,
        &endless,
    ];
    let mut browser = gate.browser();
    browser.get(LOGIN);
    for name in odd {
        assert!(!can_be_added(&gate, name), "{name:?}");
        let reply = give(&mut browser, name, "some password");
        let expected = if name.is_empty() { 422 } else { 403 };
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (expected, false),
            "{name:?}"
        );
    }
}

#[test]
fn a_name_that_is_used_again_is_another_person() {
    let gate = lenient();
    let mut browser = gate.browser();
    let first = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let before = shown(&gate, "alice")["id"].clone();
    command(&gate, &["user", "remove", "alice"]);
    assert!(!signed_in(&mut browser.clone()));
    let second = person(&gate, "alice");
    assert_ne!(shown(&gate, "alice")["id"], before);
    assert!(!signed_in(&mut browser.clone()), "the old session");
    assert_refused(&mut gate.browser(), &second, &first.backup_codes[0]);
    assert_refused(
        &mut gate.browser(),
        &second,
        &first.authenticator.clone().code(),
    );
    assert!(second.sign_in(&mut gate.browser(), &second.backup_codes[0]));
}

fn assert_refused(browser: &mut Browser, person: &Person, code: &str) {
    assert!(
        !person.sign_in(browser, code),
        "{code} of the account that was removed"
    );
}

#[test]
fn a_disabled_user_gets_in_by_no_door() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut half = gate.browser();
    let page = alice.give_password(&mut half);
    command(&gate, &["user", "disable", "alice"]);
    for code in [alice.backup_codes[0].clone(), alice.authenticator.code()] {
        let reply = half.clone().submit(&page, &[("code", &code)]);
        assert_eq!(
            (reply.status, reply.sets_a_cookie()),
            (403, false),
            "{}",
            reply.text()
        );
    }
    assert_eq!(
        give(&mut gate.browser(), "alice", &alice.password).status,
        403
    );
    assert_eq!(gate.cli(&["user", "invite", "alice"]).code, Some(1));
    command(&gate, &["user", "enable", "alice"]);
    assert!(
        alice.sign_in(&mut gate.browser(), &alice.backup_codes[0]),
        "no code was lost"
    );
    let reply = half.submit(&page, &[("code", &alice.backup_codes[1])]);
    assert_eq!(
        (reply.status, reply.sets_a_cookie()),
        (403, false),
        "the login from before"
    );
}
