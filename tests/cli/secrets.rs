//! Nothing secret is ever printed or logged: a whole walk at the most talkative level, searched.

use std::fs::read_to_string;

use crate::harness::app::App;
use crate::harness::browser::Browser;
use crate::harness::gate::{Gate, Outcome};
use crate::harness::person::{PORTAL, Person};

use serde_json::Value;

/// Everything that was said, and everything that nobody may read in it.
#[derive(Default)]
struct Search {
    said: Vec<String>,
    secrets: Vec<(String, String)>,
}

impl Search {
    fn hear(&mut self, outcome: Outcome) {
        self.said.push(outcome.stdout);
        self.said.push(outcome.stderr);
    }

    fn keep_secret(&mut self, what: &str, text: &str) {
        assert!(text.len() >= 6, "{what} is too short to search for: {text}");
        self.secrets.push((what.to_owned(), text.to_owned()));
    }

    fn keep_cookies_secret(&mut self, browser: &Browser) {
        for pair in browser.cookie_header().split("; ") {
            let (name, value) = pair.split_once('=').unwrap();
            self.keep_secret(name, value);
        }
    }

    fn assert_kept(&self) {
        let words = |text: &str, secret: &str| {
            let mut ends = text.match_indices(secret).map(|(at, _)| at);
            // Six digits alone may be a part of a longer number.
            ends.any(|at| {
                let before = text[..at].chars().next_back();
                let after = text[at + secret.len()..].chars().next();
                let joined = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
                !joined(before) && !joined(after)
            })
        };
        for text in &self.said {
            for (what, secret) in &self.secrets {
                assert!(!words(text, secret), "{what} {secret:?} in:\n{text}");
            }
        }
    }
}

const CONFIG: &str = "[log]\nlevel = \"trace\"\naudit_file = \"audit.jsonl\"\n";

#[test]
fn a_whole_walk_leaves_no_secret_in_any_output() {
    let app = App::start();
    let mut gate = Gate::start(&format!("{CONFIG}{}", app.upstream()));
    let mut search = Search::default();
    let invited = gate.cli(&["user", "add", "ada", "--json"]);
    let answer: Value = serde_json::from_str(&invited.stdout).unwrap();
    let link = answer["invitation"]["link"].as_str().unwrap().to_owned();
    let (_, invitation) = link.rsplit_once('/').unwrap();
    // The link is the one secret that a command prints, to whoever asked for it.
    search.keep_secret("the invitation", invitation);
    search.keep_secret("half of it", invitation.split_once('.').unwrap().1);
    let mut browser = gate.browser();
    let mut ada = Person::enrol(
        &mut browser,
        "ada",
        &format!("{PORTAL}/invite/{invitation}"),
    );
    search.keep_secret("the password", &ada.password);
    search.keep_cookies_secret(&browser);

    browser.get("/page?token=canary-in-the-query");
    search.keep_secret("a query", "canary-in-the-query");
    sign_in_again(&gate, &mut ada, &mut search);
    Person::sign_out(&mut browser);
    mistakes(&gate, &ada, &mut search);
    commands(&gate, &mut search);
    for code in &ada.backup_codes {
        search.keep_secret("a backup code", code);
        search.keep_secret("a backup code", &code.replace('-', ""));
    }
    search.keep_secret("a code", &ada.authenticator.spent_code());

    let output = gate.output();
    assert!(gate.stop().success());
    let audit = read_to_string(gate.folder().join("audit.jsonl")).unwrap();
    assert!(
        audit.contains("\"event\":\"authn_login_success\""),
        "{audit}"
    );
    assert!(
        !output.contains("authn_login_success"),
        "events go to the file"
    );
    let key = read_to_string(gate.folder().join("data/master.key")).unwrap();
    search.keep_secret("the master key", key.trim());
    search.said.extend([output, audit]);
    search.assert_kept();
}

fn sign_in_again(gate: &Gate, ada: &mut Person, search: &mut Search) {
    let mut browser = gate.browser();
    let page = ada.give_password(&mut browser);
    search.keep_cookies_secret(&browser);
    let code = ada.authenticator.code();
    browser.submit(&page, &[("code", &code)]);
    search.keep_cookies_secret(&browser);
    search.keep_secret("a code", &code);
    let mut browser = gate.browser();
    let code = ada.backup_codes[0].clone();
    assert!(ada.sign_in(&mut browser, &code));
    search.keep_cookies_secret(&browser);
}

/// What people do: the password in the field for the name, wrong passwords, old links.
fn mistakes(gate: &Gate, ada: &Person, search: &mut Search) {
    for (username, password) in [
        ("canary-typed-as-name", "x"),
        (ada.password.as_str(), "x"),
        ("ada", "canary-wrong-password"),
        ("nobody", "canary-wrong-password"),
    ] {
        let mut browser = gate.browser();
        let page = browser.visit(&format!("{PORTAL}/login?rd=/canary-return"));
        browser.submit(&page, &[("username", username), ("password", password)]);
    }
    let mut browser = gate.browser();
    browser.get(&format!("{PORTAL}/invite/canary-link"));
    let mut browser = gate.browser();
    browser.set_cookie("vestibule", "canary-cookie");
    browser.get("/");
    browser.post(
        &format!("{PORTAL}/login"),
        "username=a&password=canary-no-token",
    );
    for text in [
        "canary-typed-as-name",
        "canary-wrong-password",
        "canary-link",
        "canary-cookie",
        "canary-no-token",
        "canary-return",
    ] {
        search.keep_secret("a mistake", text);
    }
}

fn commands(gate: &Gate, search: &mut Search) {
    let commands = gate.commands();
    for (arguments, input) in [
        (&["user", "list"][..], ""),
        (&["user", "show", "ada", "--json"], ""),
        (&["session", "list"], ""),
        (&["session", "list", "--json"], ""),
        (
            &["user", "passwd", "ada", "--password-stdin"],
            "canary-new-password",
        ),
        (
            &["user", "passwd", "nobody", "--password-stdin"],
            "canary-new-password",
        ),
        (
            &["user", "add", "bob", "--password-stdin"],
            "canary-new-password",
        ),
        (&["user", "add", "cid", "--password-stdin"], "canary7"),
        (
            &["user", "add", "dan", "--password", "canary-as-option"],
            "",
        ),
        (&["check"], ""),
    ] {
        search.hear(commands.run(arguments, input));
    }
    search.keep_secret("a new password", "canary-new-password");
    search.keep_secret("a weak password", "canary7");
    search.keep_secret("an option", "canary-as-option");
}
