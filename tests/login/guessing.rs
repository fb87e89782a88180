//! Guessing: passwords, codes and names, one by one and many at once.

use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::{LENIENT, at_once};
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person};
use crate::{
    LOGIN, SECOND_FACTOR, SESSION, add_with_password, command, enters, fixed, give, is_over,
    lenient, logins, person, recorded, visible, wrong_code,
};

/// As many tries as by default, which come back after an hour and not while a slow machine tries them; and cheap
/// hashes. With so many slots hardly two keys ever share one.
const STRICT: &str = "[password]\nmemory = \"7MiB\"\niterations = 1\n\
    [throttle]\ndelay = \"1h\"\nmax_keys = 10000000\n";

/// The same for one address: twelve minutes go by until the next of these is granted.
const PER_HOUR: usize = 5;

/// [`STRICT`], with so many tries of one address.
fn narrow(per_hour: usize) -> String {
    format!("{STRICT}logins_per_hour = {per_hour}\n")
}

/// Everything but the seconds to wait.
fn timeless(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let (status, mut headers, text) = visible(reply);
    headers.retain(|(name, _)| name != "retry-after" && name != "content-length");
    let text = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    (status, headers, text)
}

/// The seconds after which an answer says to come back.
fn wait(reply: &Reply) -> u64 {
    let seconds = reply
        .header("retry-after")
        .expect("it says when to come back");
    seconds.parse().expect("a number of seconds")
}

#[test]
fn nobody_learns_whose_name_exists_and_how_it_stands() {
    let gate = lenient();
    let password = "correct horse battery stays";
    add_with_password(&gate, "no2fa", password);
    gate.invite("inviA");
    let mut disabled = person(&gate, "turnA");
    command(&gate, &["user", "disable", "turnA"]);
    let known = person(&gate, "alice");
    let locked = person(&gate, "lockA");
    lock(&gate, "lockA");
    let mut browser = gate.browser();
    browser.get(LOGIN);
    let mut look = |name: &str, password: &str| {
        let reply = until_it_counts(|| give(&mut browser, name, password));
        let (status, mut headers, text) = visible(&reply);
        headers.retain(|(name, _)| name != "content-length");
        (status, headers, text.replace(name, "NAME"))
    };
    let unknown = look("nobdy", password);
    assert_eq!(unknown.0, 403);
    assert_eq!(look("alice", password), unknown, "a wrong password");
    assert_eq!(
        look("alice", &format!("{}x", known.password)),
        unknown,
        "a longer password"
    );
    assert_eq!(look("no2fa", password), unknown, "no second factor");
    assert_eq!(look("inviA", password), unknown, "only invited");
    assert_eq!(look("turnA", &disabled.password), unknown, "disabled");
    assert_eq!(look("lockA", &locked.password), unknown, "locked");
    assert_eq!(
        look("\u{430}lice", &known.password),
        unknown,
        "a look-alike"
    );
    assert_eq!(look("a\u{0}b/c", password), unknown, "no name at all");
    assert_eq!(
        look("alice", &"x".repeat(1_000)),
        unknown,
        "an endless password"
    );
    assert!(!disabled.sign_in_or_not(&gate));
}

impl Person {
    /// Tries the whole way in, with a fresh code.
    fn sign_in_or_not(&mut self, gate: &Gate) -> bool {
        let mut browser = gate.browser();
        let reply = give(&mut browser, &self.name, &self.password);
        if reply.header("location") != Some(SECOND_FACTOR) {
            return false;
        }
        let page = browser.follow(reply);
        let code = self.authenticator.code();
        enters(&browser.submit(&page, &[("code", &code)]))
    }
}

/// Tries until the limit grants one more.
fn until_it_counts(mut attempt: impl FnMut() -> Reply) -> Reply {
    loop {
        let reply = attempt();
        if reply.status != 429 {
            return reply;
        }
    }
}

/// Gives a hundred wrong passwords from strangers' browsers, until the right one would not do.
fn lock(gate: &Gate, name: &str) {
    at_once(4, |_| {
        let mut browser = gate.browser();
        for _ in 0..25 {
            assert_eq!(give(&mut browser, name, "wrong").status, 403);
        }
    });
}

#[test]
fn a_hundred_wrong_passwords_leave_the_owners_browser_alone() {
    let gate = lenient();
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    lock(&gate, "alice");
    let stranger =
        |password: &str| until_it_counts(|| give(&mut gate.browser(), "alice", password));
    let (wrong, right) = (stranger("wrong"), stranger(&alice.password));
    assert_eq!(wrong.status, 403);
    assert_eq!(visible(&right).0, visible(&wrong).0);
    assert_eq!(
        fixed(&right),
        fixed(&wrong),
        "locked, also for the right password"
    );
    browser.set_cookie(SESSION, "");
    assert!(
        alice.sign_in(&mut browser, &alice.authenticator.clone().code()),
        "the owner's browser"
    );
    alice.authenticator.code();
    let reply = stranger(&alice.password);
    assert_eq!(
        reply.header("location"),
        Some(SECOND_FACTOR),
        "a sign-in forgets the wrong ones"
    );
}

#[test]
fn a_known_browser_guesses_no_longer_than_a_stranger() {
    let gate = lenient();
    let mut browser = gate.browser();
    let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    browser.set_cookie(SESSION, "");
    for _ in 0..100 {
        let reply = until_it_counts(|| give(&mut browser, "alice", "wrong"));
        assert_eq!(reply.status, 403);
    }
    let reply = until_it_counts(|| give(&mut browser, "alice", &alice.password));
    assert_eq!(reply.status, 403, "after a hundred wrong ones");
    let reply = give(&mut gate.browser(), "alice", &alice.password);
    let location = reply.header("location");
    assert_eq!(
        location,
        Some(SECOND_FACTOR),
        "and it locks nobody else out"
    );
}

#[test]
fn an_administrator_unlocks() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    lock(&gate, "alice");
    command(&gate, &["user", "unlock", "alice"]);
    let reply = until_it_counts(|| give(&mut gate.browser(), "alice", &alice.password));
    assert_eq!(reply.header("location"), Some(SECOND_FACTOR));
}

#[test]
fn five_tries_make_a_name_wait_whether_or_not_anybody_has_it() {
    let gate = Gate::start(STRICT);
    let alice = person(&gate, "alice");
    let mut browser = gate.browser();
    browser.get(LOGIN);
    for name in ["alice", "nobdy"] {
        for _ in 0..5 {
            assert_eq!(give(&mut browser, name, "wrong").status, 403, "{name}");
        }
    }
    let wrong = give(&mut browser, "alice", "wrong");
    let right = give(&mut browser, "alice", &alice.password);
    let nobody = give(&mut browser, "nobdy", "wrong");
    assert_eq!(wrong.status, 429);
    assert!((1..=3_600).contains(&wait(&wrong)), "{}", wait(&wrong));
    assert_eq!(timeless(&right), timeless(&wrong), "the right password");
    let (status, headers, text) = timeless(&nobody);
    assert_eq!(
        (status, headers, text.replace("nobdy", "alice")),
        timeless(&wrong),
        "nobody"
    );
    assert_eq!(recorded(&gate, "authn_login_fail"), 10);
}

#[test]
fn every_spelling_of_a_name_shares_its_counter() {
    let gate = Gate::start(STRICT);
    let mut browser = gate.browser();
    for name in [
        "alice",
        "ALICE",
        " alice ",
        "\u{ff21}\u{ff2c}\u{ff29}\u{ff23}\u{ff25}",
        "Alice",
    ] {
        assert_eq!(give(&mut browser, name, "wrong").status, 403, "{name}");
    }
    for name in ["alice", "aLICE", "alice\t", "\u{ff41}lice"] {
        assert_eq!(give(&mut browser, name, "wrong").status, 429, "{name}");
    }
    assert_eq!(give(&mut browser, "bob", "wrong").status, 403);
}

/// Tries so many different names, and returns the statuses that came.
fn spray(browser: &mut Browser, names: usize) -> Vec<u16> {
    (0..names)
        .map(|n| give(browser, &format!("name{n}"), "wrong").status)
        .collect()
}

#[test]
fn an_address_tries_as_many_names_as_it_may_whatever_it_claims_to_be() {
    let gate = Gate::start(&narrow(PER_HOUR));
    assert_eq!(spray(&mut gate.browser(), PER_HOUR), [403; PER_HOUR]);
    for line in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "CF-Connecting-IP",
        "True-Client-IP",
    ] {
        let mut browser = gate.browser().with_header(line, "for=192.0.2.9");
        assert_eq!(spray(&mut browser, 1), [429], "{line}");
        let mut browser = gate.browser().with_header(line, "192.0.2.9");
        assert_eq!(spray(&mut browser, 1), [429], "{line}");
    }
    // Accepting an invitation costs a hash, too.
    let link = gate.invite("alice");
    let mut browser = gate.browser();
    assert_eq!(crate::accept(&mut browser, &link).status, 429);
}

#[test]
fn behind_a_trusted_proxy_each_network_counts_for_itself() {
    let config = format!("trusted_proxies = [\"127.0.0.1/32\"]\n{}", narrow(PER_HOUR));
    let gate = Gate::start(&config);
    let from = |address: &str| gate.browser().with_header("X-Forwarded-For", address);
    assert_eq!(spray(&mut from("192.0.2.1"), PER_HOUR), [403; PER_HOUR]);
    assert_eq!(spray(&mut from("192.0.2.1"), 1), [429]);
    assert_eq!(
        spray(&mut from("198.51.100.7, 192.0.2.1"), 1),
        [429],
        "what it says of others"
    );
    assert_eq!(spray(&mut from("192.0.2.2"), 1), [403]);
    assert_eq!(spray(&mut from("2001:db8::1"), PER_HOUR), [403; PER_HOUR]);
    assert_eq!(
        spray(&mut from("2001:db8::ffff:2"), 1),
        [429],
        "the same /64"
    );
    assert_eq!(spray(&mut from("2001:db8:0:1::1"), 1), [403], "another /64");
    assert_eq!(spray(&mut from("unknown"), PER_HOUR), [403; PER_HOUR]);
    assert_eq!(
        spray(&mut from("192.0.2.2, unix:"), 1),
        [429],
        "all together"
    );
    let neighbour = give(&mut from("::1"), "another", "wrong");
    assert_eq!(neighbour.status, 403, "nobody's neighbour");
    let proxy = give(&mut gate.browser(), "a third", "wrong");
    assert_eq!(proxy.status, 403, "not the proxy");
}

#[test]
fn many_addresses_of_one_network_are_ten_together() {
    let config = format!("trusted_proxies = [\"127.0.0.1/32\"]\n{}", narrow(1));
    let gate = Gate::start(&config);
    let try_from = |address: &str| {
        let mut browser = gate.browser().with_header("X-Forwarded-For", address);
        give(&mut browser, &address.replace(':', "x"), "wrong").status
    };
    let six: Vec<u16> = (0..12)
        .map(|n| try_from(&format!("2001:db8:0:{n:x}::1")))
        .collect();
    assert_eq!(six, [[403; 10].as_slice(), &[429; 2]].concat(), "one /48");
    assert_eq!(try_from("2001:db8:1::1"), 403, "another /48");
    let four: Vec<u16> = (0..12).map(|n| try_from(&format!("192.0.2.{n}"))).collect();
    assert_eq!(four, [[403; 10].as_slice(), &[429; 2]].concat(), "one /24");
    assert_eq!(try_from("192.0.3.1"), 403, "another /24");
}

#[test]
fn strangers_behind_the_same_address_do_not_keep_a_known_browser_out() {
    let gate = Gate::start(&narrow(PER_HOUR));
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    browser.set_cookie(SESSION, "");
    let statuses = spray(&mut gate.browser(), PER_HOUR + 10);
    assert!(statuses.ends_with(&[429; 10]), "{statuses:?}");
    let known = browser.clone();
    assert!(alice.sign_in(&mut browser, &alice.authenticator.clone().code()));
    alice.authenticator.code();
    // What it may try is counted all the same.
    let mut guessing = known.clone();
    let statuses: Vec<u16> = (0..5)
        .map(|_| give(&mut guessing, "alice", "wrong").status)
        .collect();
    assert_eq!(statuses, [403, 403, 403, 403, 429]);
    let mut guessing = known;
    assert_eq!(
        give(&mut guessing, "bob", "wrong").status,
        429,
        "for another"
    );
}

#[test]
fn a_stranger_does_not_use_up_what_the_owner_may_try() {
    let gate = Gate::start(STRICT);
    let mut browser = gate.browser();
    let mut alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    browser.set_cookie(SESSION, "");
    let mut stranger = gate.browser();
    for _ in 0..5 {
        assert_eq!(give(&mut stranger, "alice", "wrong").status, 403);
    }
    assert_eq!(give(&mut stranger, "alice", &alice.password).status, 429);
    assert!(alice.sign_in(&mut browser, &alice.authenticator.clone().code()));
    // The mark of one account is no mark of another.
    let bob = person(&gate, "bob");
    browser.set_cookie(SESSION, "");
    for _ in 0..5 {
        assert_eq!(give(&mut stranger, "bob", "wrong").status, 403);
    }
    assert_eq!(give(&mut browser, "bob", &bob.password).status, 429);
    alice.authenticator.code();
}

#[test]
fn five_guesses_at_a_login_are_looked_at_however_many_come_at_once() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let (browser, page) = logins(&gate, &alice, 1, 1).remove(0);
    let wrong = wrong_code(&alice.authenticator);
    let replies = at_once(64, |_| browser.clone().submit(&page, &[("code", &wrong)]));
    assert_eq!(recorded(&gate, "authn_login_fail"), 5);
    assert_eq!(replies.iter().filter(|reply| is_over(reply)).count(), 59);
    let reply = browser
        .clone()
        .submit(&page, &[("code", &alice.authenticator.code())]);
    assert!(is_over(&reply));
}

#[test]
fn ten_codes_of_an_account_are_looked_at_in_an_hour_over_all_logins() {
    let gate = Gate::start(STRICT);
    let alice = person(&gate, "alice");
    let ready = logins(&gate, &alice, 4, 5);
    let wrong = wrong_code(&alice.authenticator);
    let replies = at_once(ready.len(), |index| {
        let (mut browser, page) = ready[index].clone();
        browser.submit(&page, &[("code", &wrong)])
    });
    let counts = [403, 429].map(|status| {
        replies
            .iter()
            .filter(|reply| reply.status == status)
            .count()
    });
    assert_eq!(counts, [10, 10]);
    assert_eq!(recorded(&gate, "authn_login_fail"), 10);
    for reply in replies.iter().filter(|reply| reply.status == 429) {
        assert!(wait(reply) > 0);
    }
}

/// Sends wrong codes, five for each login, and returns whether a right one still does.
fn right_code_after(gate: &Gate, alice: &mut Person, wrong_ones: usize) -> bool {
    let wrong = wrong_code(&alice.authenticator);
    for _ in 0..wrong_ones / 5 {
        let (mut browser, page) = logins(gate, alice, 1, 1).remove(0);
        for _ in 0..5 {
            assert_eq!(browser.submit(&page, &[("code", &wrong)]).status, 403);
        }
    }
    alice.sign_in_or_not(gate)
}

#[test]
fn twenty_wrong_codes_in_a_row_put_the_authenticator_out_of_use() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    assert!(right_code_after(&gate, &mut alice, 15));
    let (mut browser, page) = {
        assert!(!right_code_after(&gate, &mut alice, 20));
        logins(&gate, &alice, 1, 1).remove(0)
    };
    let wrong = browser.submit(&page, &[("code", &wrong_code(&alice.authenticator))]);
    let backup = browser.submit(&page, &[("code", &alice.backup_codes[0])]);
    assert_eq!(visible(&backup), visible(&wrong), "locked looks like wrong");
    command(&gate, &["user", "unlock", "alice"]);
    let answer = browser.submit(&page, &[("code", &alice.backup_codes[0])]);
    assert!(enters(&answer), "{}", answer.text());
}

#[test]
fn the_number_of_wrong_codes_is_the_configured_one() {
    let gate = Gate::start(&format!("{LENIENT}max_code_failures = 5\n"));
    let mut alice = person(&gate, "alice");
    assert!(!right_code_after(&gate, &mut alice, 5));
}

#[test]
fn the_number_of_wrong_passwords_is_the_configured_one() {
    let config = LENIENT.replace(
        "free_attempts = 100",
        "free_attempts = 10\nmax_failures = 10",
    );
    let gate = Gate::start(&config);
    let alice = person(&gate, "alice");
    for _ in 0..10 {
        assert_eq!(give(&mut gate.browser(), "alice", "wrong").status, 403);
    }
    let reply = until_it_counts(|| give(&mut gate.browser(), "alice", &alice.password));
    assert_eq!(reply.status, 403);
}

#[test]
fn an_endless_password_is_not_hashed() {
    let gate = lenient();
    let mut browser = gate.browser();
    assert_eq!(
        give(&mut browser, "alice", &"x".repeat(1024 * 1024)).status,
        413
    );
    let long = give(&mut browser, "alice", &"x".repeat(1_025));
    let wrong = give(&mut browser, "alice", "wrong");
    assert_eq!(visible(&long), visible(&wrong));
}

#[test]
fn cookies_are_read_within_their_bounds() {
    let gate = lenient();
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let own = browser.cookie_header();
    let whoami = format!("{PORTAL}/whoami");
    let ask = |cookies: &str| {
        gate.browser()
            .send("GET", &whoami, &[("Cookie", cookies)], b"")
            .status
    };
    let (session, pairs) = (
        format!("{SESSION}={}", browser.cookie(SESSION).expect("signed in")),
        own.matches(';').count() + 1,
    );
    assert_eq!(ask(&own), 200);
    assert_eq!(ask(&format!("{own}; a={}", "x".repeat(8 * 1024))), 200);
    assert_eq!(ask(&format!("{own}{}", "; a=b".repeat(200 - pairs))), 200);
    assert_eq!(ask(&format!("{own}{}", "; a=b".repeat(201 - pairs))), 431);
    assert_eq!(ask(&format!("{own}; a={}", "x".repeat(40 * 1024))), 431);
    assert_eq!(
        ask(&[session.as_str(); 50].join("; ")),
        401,
        "fifty of ours are none"
    );
}
