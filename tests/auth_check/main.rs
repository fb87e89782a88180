//! Auth-check mode: other proxies ask, in the words of each, and hear what they understand.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod answers;
mod loops;
mod questions;

use harness::browser::{Browser, Reply, exchange};
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};

/// How a proxy asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    AuthRequest,
    ForwardAuth,
    ExtAuthz,
}

pub(crate) const DIALECTS: [Dialect; 3] = [
    Dialect::AuthRequest,
    Dialect::ForwardAuth,
    Dialect::ExtAuthz,
];

/// What a proxy asks about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) target: &'a str,
}

impl<'a> Question<'a> {
    pub(crate) fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            host: "wiki.team.localhost",
            target,
        }
    }

    /// The head of the check, without its last empty line.
    pub(crate) fn head(self, dialect: Dialect) -> String {
        let Self {
            method,
            host,
            target,
        } = self;
        match dialect {
            Dialect::AuthRequest => format!(
                "GET {PORTAL}/authz/auth-request HTTP/1.0\r\nHost: 127.0.0.1\r\n\
                 X-Original-Method: {method}\r\nX-Original-URL: http://{host}{target}\r\n"
            ),
            Dialect::ForwardAuth => format!(
                "GET {PORTAL}/authz/forward-auth HTTP/1.1\r\nHost: gate.internal\r\nConnection: close\r\n\
                 X-Forwarded-Method: {method}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {host}\r\n\
                 X-Forwarded-Uri: {target}\r\n"
            ),
            Dialect::ExtAuthz => format!(
                "{method} {PORTAL}/authz/ext-authz{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                 X-Forwarded-Proto: http\r\n"
            ),
        }
    }
}

/// Where the pages of the gate are.
pub(crate) const AUTH_HOST: &str = "auth.team.localhost";

/// A gate that only answers proxies, on this machine.
pub(crate) struct Scene {
    pub(crate) gate: Gate,
    pub(crate) alice: Person,
    /// Signed in.
    pub(crate) cookie: String,
}

pub(crate) const NAVIGATION: &[(&str, &str)] = &[
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
];

impl Scene {
    /// With these rules; the sign-in is shared below `localhost`.
    pub(crate) fn new(rules: &str) -> Self {
        let config = format!(
            "public_url = \"http://{AUTH_HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}\
             [session]\ncookie_domain = \"team.localhost\"\n{rules}"
        );
        let gate = Gate::start(&config);
        let mut browser = Browser::new(gate.address(), AUTH_HOST);
        let alice = Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        Self {
            cookie: browser.cookie_header(),
            gate,
            alice,
        }
    }

    /// Asks with these further lines.
    pub(crate) fn ask(
        &self,
        dialect: Dialect,
        question: Question<'_>,
        lines: &[(&str, &str)],
    ) -> Reply {
        let mut head = question.head(dialect);
        for (name, value) in lines {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&(head + "\r\n"))
    }

    /// Asks for somebody who is signed in.
    pub(crate) fn ask_for_alice(&self, dialect: Dialect, question: Question<'_>) -> Reply {
        self.ask(dialect, question, &[("Cookie", &self.cookie)])
    }

    pub(crate) fn send(&self, message: &str) -> Reply {
        let answer = exchange(self.gate.address(), message.as_bytes()).expect("an answer");
        Reply::parse("", &answer)
    }

    /// A browser that never was here before.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.gate.address(), AUTH_HOST)
    }

    /// A browser that has given its password and no code.
    pub(crate) fn half_signed_in(&self) -> Browser {
        let mut browser = self.browser();
        self.alice.give_password(&mut browser);
        browser
    }
}

/// The identity headers of an answer, whether or not there is a value.
pub(crate) fn identity(reply: &Reply) -> Vec<(&'static str, Option<String>)> {
    let names = [
        "remote-user",
        "remote-name",
        "remote-email",
        "remote-groups",
        "x-vestibule-assertion",
    ];
    names
        .map(|name| (name, reply.header(name).map(str::to_owned)))
        .to_vec()
}
