//! The same proof twice, one after the other and at the same time.

use std::collections::BTreeSet;

use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::at_once;
use crate::harness::person::{Person, shown_backup_codes, signed_in};
use crate::{
    ENROL, SESSION, enters, is_over, lenient, logins, person, recorded, shown, visible, wrong_code,
};

#[test]
fn a_code_is_accepted_once() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut gate.browser(), &code));
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    let replayed = browser.submit(&page, &[("code", &code)]);
    let wrong = browser.submit(&page, &[("code", &wrong_code(&alice.authenticator))]);
    assert!(!enters(&replayed));
    assert_eq!(
        visible(&replayed),
        visible(&wrong),
        "nobody learns that it was right"
    );
    assert_eq!(recorded(&gate, "authn_token_reuse"), 1);
}

#[test]
fn a_code_of_an_earlier_step_is_refused_after_a_later_one() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let later = alice.authenticator.code();
    assert!(alice.sign_in(&mut gate.browser(), &later));
    let step = alice.authenticator.newest_step();
    for earlier in [step - 1, step - 2] {
        let code = alice.authenticator.code_of(earlier);
        assert!(
            !alice.sign_in(&mut gate.browser(), &code),
            "step {earlier} after {step}"
        );
    }
}

/// Sends one code from all these browsers, which have given the password, at once.
fn race(ready: &[(Browser, Reply)], code: &str) -> Vec<(Reply, Browser)> {
    at_once(ready.len(), |index| {
        let (mut browser, page) = ready[index].clone();
        let reply = browser.submit(&page, &[("code", code)]);
        (reply, browser)
    })
}

/// Exactly one of them got in, and no other holds a session.
fn assert_one_entered(outcome: Vec<(Reply, Browser)>) {
    let statuses: BTreeSet<u16> = outcome.iter().map(|(reply, _)| reply.status).collect();
    let entered = outcome.iter().filter(|(reply, _)| enters(reply)).count();
    let sessions: BTreeSet<String> = outcome
        .into_iter()
        .filter_map(|(_, mut browser)| signed_in(&mut browser).then(|| browser.cookie(SESSION)))
        .flatten()
        .collect();
    assert_eq!((entered, sessions.len()), (1, 1), "answers: {statuses:?}");
}

#[test]
fn one_code_sixty_four_times_in_one_login_opens_one_session() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    let ready = vec![(browser, page); 64];
    assert_one_entered(race(&ready, &alice.authenticator.code()));
}

#[test]
fn one_code_sixty_four_times_in_sixteen_logins_opens_one_session() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    let ready = logins(&gate, &alice, 16, 4);
    assert_one_entered(race(&ready, &alice.authenticator.code()));
}

#[test]
fn one_backup_code_sixty_four_times_opens_one_session() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let ready = logins(&gate, &alice, 16, 4);
    assert_one_entered(race(&ready, &alice.backup_codes[0]));
    assert_eq!(shown(&gate, "alice")["backup_codes"], 9);
}

#[test]
fn ten_backup_codes_at_once_open_ten_sessions() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let ready = logins(&gate, &alice, 10, 1);
    let entered = at_once(10, |index| {
        let (mut browser, page) = ready[index].clone();
        enters(&browser.submit(&page, &[("code", &alice.backup_codes[index])]))
    });
    assert_eq!(entered, [true; 10]);
}

#[test]
fn a_backup_code_is_read_as_people_write_it() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let lower = alice.backup_codes[0].to_lowercase();
    assert!(alice.sign_in(&mut gate.browser(), &lower));
    let bare = alice.backup_codes[1].replace('-', " ");
    assert!(alice.sign_in(&mut gate.browser(), &format!("  {bare} ")));
    let confused = alice.backup_codes[2].replace('0', "O").replace('1', "l");
    assert!(alice.sign_in(&mut gate.browser(), &confused));
    for code in &alice.backup_codes[..3] {
        assert!(
            !alice.sign_in(&mut gate.browser(), code),
            "spent under another spelling"
        );
    }
}

#[test]
fn nobody_uses_the_backup_codes_of_another() {
    let gate = lenient();
    let (alice, bob) = (person(&gate, "alice"), person(&gate, "bob"));
    assert!(!bob.sign_in(&mut gate.browser(), &alice.backup_codes[0]));
    assert!(
        alice.sign_in(&mut gate.browser(), &alice.backup_codes[0]),
        "and none is lost by it"
    );
}

#[test]
fn renewed_backup_codes_replace_the_old_ones() {
    let gate = lenient();
    let mut browser = gate.browser();
    let (alice, page) = Person::enrol_to_codes(&mut browser, "alice", &gate.invite("alice"));
    let older = browser.clone();
    let csrf = page.form(&["kept"]).filled[0].1.clone();
    let renewed = browser.post(ENROL, &format!("csrf={csrf}&do=renew"));
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert!(is_over(&older.clone().submit(&page, &[("kept", "yes")])));
    Person::keep_codes(&mut browser, &renewed);
    assert!(!alice.sign_in(&mut gate.browser(), &alice.backup_codes[0]));
}

#[test]
fn of_many_renewals_at_once_the_codes_that_are_shown_are_the_ones_that_work() {
    let gate = lenient();
    let mut browser = gate.browser();
    let (alice, page) = Person::enrol_to_codes(&mut browser, "alice", &gate.invite("alice"));
    let csrf = page.form(&["kept"]).filled[0].1.clone();
    let renewed = at_once(8, |_| {
        browser
            .clone()
            .post(ENROL, &format!("csrf={csrf}&do=renew"))
    });
    let shown: Vec<&Reply> = renewed.iter().filter(|reply| reply.status == 200).collect();
    let [shown] = shown[..] else {
        panic!("{} answers show codes", shown.len());
    };
    let alice = Person {
        backup_codes: shown_backup_codes(shown),
        ..alice
    };
    assert!(alice.sign_in(&mut gate.browser(), &alice.backup_codes[0]));
}

#[test]
fn few_codes_left_lead_to_the_account_only_when_one_was_spent() {
    let gate = lenient();
    let mut alice = person(&gate, "alice");
    for (at, code) in alice.backup_codes[..7].iter().enumerate() {
        let mut browser = gate.browser();
        let page = alice.give_password(&mut browser);
        let reply = browser.submit(&page, &[("code", code)]);
        let expected = if at < 6 { "/" } else { "/_vestibule/account" };
        assert_eq!(
            reply.header("location"),
            Some(expected),
            "after {at} others"
        );
    }
    let mut browser = gate.browser();
    let page = browser.get("/_vestibule/login?rd=/reports");
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let answer = browser.submit(&page, &fields);
    let page = browser.follow(answer);
    let reply = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert_eq!(reply.header("location"), Some("/reports"));
}

#[test]
fn what_is_spent_stays_spent_after_a_power_cut_and_a_restart() {
    let mut gate = lenient();
    let mut alice = person(&gate, "alice");
    let backup = alice.backup_codes[0].clone();
    let mut browser = gate.browser();
    assert!(alice.sign_in(&mut browser, &backup));
    gate.kill_9();
    gate.spawn();
    let mut browser = browser.moved_to(gate.address());
    assert!(
        signed_in(&mut browser),
        "a session that was reported is kept"
    );
    assert!(
        !alice.sign_in(&mut gate.browser(), &backup),
        "a backup code came back"
    );
    let code = alice.authenticator.code();
    assert!(alice.sign_in(&mut gate.browser(), &code));
    gate.kill_9();
    gate.spawn();
    assert!(
        !alice.sign_in(&mut gate.browser(), &code),
        "a code came back"
    );
    let mut browser = browser.moved_to(gate.address());
    Person::sign_out(&mut browser.clone());
    gate.kill_9();
    gate.spawn();
    browser = browser.moved_to(gate.address());
    assert!(!signed_in(&mut browser), "a session came back");
    gate.restart();
    for spent in [&backup, &code] {
        assert!(
            !alice.sign_in(&mut gate.browser(), spent),
            "{spent} after a restart"
        );
    }
}

#[test]
fn five_tries_stay_used_after_a_power_cut() {
    let mut gate = lenient();
    let mut alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = alice.give_password(&mut browser);
    let wrong = wrong_code(&alice.authenticator);
    for _ in 0..5 {
        browser.submit(&page, &[("code", &wrong)]);
        gate.kill_9();
        gate.spawn();
        browser = browser.moved_to(gate.address());
    }
    let reply = browser.submit(&page, &[("code", &alice.authenticator.code())]);
    assert!(is_over(&reply), "{}", reply.text());
}
