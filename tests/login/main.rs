//! Attacks on the way in: out of sequence, twice, at the same time, by guessing, from other sites.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod guessing;
mod lost_forms;
mod names;
mod outside;
mod replay;
mod return_to;
mod sequence;
mod sessions;
mod third_parties;

use std::sync::atomic::{AtomicUsize, Ordering};

use harness::authenticator::Authenticator;
use harness::browser::{Browser, Reply};
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::Person;

const LOGIN: &str = "/_vestibule/login";
const SECOND_FACTOR: &str = "/_vestibule/second-factor";
const ENROL: &str = "/_vestibule/enrol";
const LOGOUT: &str = "/_vestibule/logout";
const SESSION: &str = "vestibule";
const TRANSACTION: &str = "vestibule-login";

/// A gate that counts no try as one too many.
fn lenient() -> Gate {
    Gate::start(LENIENT)
}

/// Someone who has signed in before, from a browser that is not used any more.
fn person(gate: &Gate, name: &str) -> Person {
    Person::enrol(&mut gate.browser(), name, &gate.invite(name))
}

/// Gives a name and a password; the answer as it is.
fn give(browser: &mut Browser, name: &str, password: &str) -> Reply {
    let page = browser.get(LOGIN);
    browser.submit(&page, &[("username", name), ("password", password)])
}

/// Whether an answer brings a session.
fn enters(reply: &Reply) -> bool {
    let lines = reply.all("set-cookie");
    lines
        .iter()
        .any(|line| line.starts_with("vestibule=") && !line.contains("Max-Age=0"))
}

/// Whether an answer says that there is nothing to go on with: a wrong code shows the form again.
fn is_over(reply: &Reply) -> bool {
    reply.status == 403 && !reply.text().contains("<form")
}

/// What the command line tells of somebody.
fn shown(gate: &Gate, name: &str) -> serde_json::Value {
    let shown = gate.cli(&["user", "show", name, "--json"]);
    let answer: serde_json::Value =
        serde_json::from_str(&shown.stdout).expect("the command line prints JSON");
    answer["user"].clone()
}

/// Runs a command that has to succeed.
fn command(gate: &Gate, arguments: &[&str]) {
    let outcome = gate.cli(arguments);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
}

/// Adds an account that has a password and no authenticator.
fn add_with_password(gate: &Gate, name: &str, password: &str) {
    let arguments = ["user", "add", name, "--password-stdin"];
    let added = gate.commands().run(&arguments, password);
    assert_eq!(added.code, Some(0), "{added:?}");
}

/// How often this gate recorded an event.
fn recorded(gate: &Gate, event: &str) -> usize {
    static MARKERS: AtomicUsize = AtomicUsize::new(0);
    // Lines come in order: once that of a new account is there, all before it are.
    let name = format!("marker{}", MARKERS.fetch_add(1, Ordering::Relaxed));
    let added = gate.cli(&["user", "add", &name, "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&added.stdout).expect("an answer in JSON");
    gate.wait_for(answer["user"]["id"].as_str().expect("an account has an id"));
    let event = format!("event=\"{event}\"");
    gate.output().matches(&event).count()
}

/// A browser with these cookies of another one.
fn thief(gate: &Gate, of: &Browser, cookies: &[&str]) -> Browser {
    let mut thief = gate.browser();
    for name in cookies {
        let value = of.cookie(name).expect("the cookie is there to steal");
        thief.set_cookie(name, &value);
    }
    thief
}

/// A page without what is made anew each time: the form's token, and the name of the request.
fn fixed(reply: &Reply) -> String {
    let mut text = reply.text();
    for (before, after) in [("name=\"csrf\" value=\"", "\""), ("Request <code>", "<")] {
        if let Some((start, rest)) = text.clone().split_once(before) {
            let (_, end) = rest.split_once(after).expect("a value ends");
            text = format!("{start}{before}{after}{end}");
        }
    }
    text
}

/// Everything that a visitor can tell of an answer.
fn visible(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    (reply.status, headers.cloned().collect(), fixed(reply))
}

/// Six digits that are no code of the time around now.
fn wrong_code(authenticator: &Authenticator) -> String {
    let mut candidates = (0..10).map(|n| format!("00000{n}"));
    candidates
        .find(|code| !authenticator.is_timely(code))
        .expect("three of ten at most are right")
}

/// The secret that an enrolment page shows.
fn secret(page: &Reply) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("secret=").expect("the page shows a secret");
    rest.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}

/// Accepts an invitation with a password; the answer as it is.
fn accept(browser: &mut Browser, link: &str) -> Reply {
    let page = browser.get(link);
    submit_password(browser, &page)
}

/// Sends the form of an invitation.
fn submit_password(browser: &mut Browser, page: &Reply) -> Reply {
    let password = "a password nobody guesses";
    let fields = [("new_password", password), ("new_password_again", password)];
    browser.submit(page, &fields)
}

/// Gives the password in `number` browsers, each of which is there `times`.
fn logins(gate: &Gate, person: &Person, number: usize, times: usize) -> Vec<(Browser, Reply)> {
    let login = |_| {
        let mut browser = gate.browser();
        let page = person.give_password(&mut browser);
        vec![(browser, page); times]
    };
    (0..number).flat_map(login).collect()
}
