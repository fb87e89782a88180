//! A one-time code lets one visitor in, whoever else sends it at the same moment.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::sync::Barrier;
use std::thread;

use harness::app::App;
use harness::browser::{Browser, Reply};
use harness::gate::Gate;
use harness::person::Person;

/// Visitors at the same moment.
const VISITORS: usize = 64;

/// Codes that one sign-in may try before it is over.
const TRIES: usize = 5;

/// Limits on tries are not what is tested here; visitors come from addresses of their own.
const CONFIG: &str = "trusted_proxies = [\"127.0.0.1/32\"]
[throttle]
free_attempts = 100
codes_per_hour = 100
backup_codes_per_hour = 100
max_code_failures = 100
";

#[test]
fn one_of_many_visitors_with_the_same_code_gets_in() {
    let app = App::start();
    let gate = Gate::start(&format!("{CONFIG}{}", app.upstream()));
    let mut alice = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    let bob = Person::enrol(&mut gate.browser(), "bob", &gate.invite("bob"));
    let code = alice.authenticator.code();
    for (person, code) in [(&alice, &code), (&bob, &bob.backup_codes[0])] {
        let visitors = (0..VISITORS).map(|at| half_signed_in(&gate, person, at));
        assert_eq!(let_in(visitors.collect(), code), 1, "{code}");
    }
}

#[test]
fn one_sign_in_with_many_posts_begins_one_session() {
    let app = App::start();
    let gate = Gate::start(&format!("{CONFIG}{}", app.upstream()));
    let mut person = Person::enrol(&mut gate.browser(), "alice", &gate.invite("alice"));
    let visitor = half_signed_in(&gate, &person, 0);
    let code = person.authenticator.code();
    assert_eq!(let_in(vec![visitor; TRIES], &code), 1);
}

/// A visitor who gave the password, with the page that asks for the code.
fn half_signed_in(gate: &Gate, person: &Person, at: usize) -> (Browser, Reply) {
    let address = format!("10.0.{at}.1");
    let mut browser = gate.browser().with_header("X-Forwarded-For", &address);
    let page = person.give_password(&mut browser);
    (browser, page)
}

/// Sends `code` from all of them at once, and counts who was given a session.
fn let_in(visitors: Vec<(Browser, Reply)>, code: &str) -> usize {
    let start = Barrier::new(visitors.len());
    thread::scope(|scope| {
        let posts: Vec<_> = visitors
            .into_iter()
            .map(|(mut browser, page)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let answer = browser.submit(&page, &[("code", code)]);
                    (300..400).contains(&answer.status) && answer.begins_a_session()
                })
            })
            .collect();
        let answers = posts
            .into_iter()
            .map(|post| post.join().expect("no visitor panics"));
        answers.filter(|got_in| *got_in).count()
    })
}
