//! One request that somebody asks about, and the answer.

use crate::app::rules::{hosts, rules};
use crate::authn::account::{Account, Profile};
use crate::authn::profile::Group;
use crate::authn::username::Username;
use crate::authz::explain::{Explanation, explain};
use crate::authz::rule::{Asked, Policy};
use crate::authz::target::{BadTarget, Target};
use crate::authz::{Challenge, Outcome, Shown};
use crate::clock::Timestamp;
use crate::config::{Config, Rule};
use crate::web::request::{Refusal, check_length, framing};
use crate::web::route::Route;
use http::Method;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A request, and who has shown what.
#[derive(Clone, Debug)]
pub(in crate::cli::access) struct Question {
    pub(in crate::cli::access) url: String,
    pub(in crate::cli::access) method: String,
    pub(in crate::cli::access) from: IpAddr,
    pub(in crate::cli::access) user: Option<String>,
    pub(in crate::cli::access) groups: Vec<String>,
    pub(in crate::cli::access) factors: u8,
    pub(in crate::cli::access) age: Duration,
}

/// What becomes of it.
#[derive(Debug)]
pub(in crate::cli::access) enum Answer {
    /// It is read no further, for this reason.
    Refused(Refusal, &'static str),
    /// It is no target that anyone could ask for.
    BadRequest(BadTarget),
    /// Nobody configured its host.
    UnknownHost,
    /// It is a page of ours, or looks like one: the rules are for the app.
    Ours,
    /// The rules decide.
    Judged(Explanation),
}

impl Question {
    /// Makes sure that it can be asked.
    pub(in crate::cli::access) fn checked(self) -> Result<Self, String> {
        self.account()?;
        self.read_method()?;
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            return Err(wrong(
                "a URL",
                &self.url,
                "write it whole: https://app.example.com/path",
            ));
        }
        Ok(self)
    }

    fn read_method(&self) -> Result<Method, String> {
        let method = Method::from_bytes(self.method.as_bytes());
        method.map_err(|_| wrong("a method", &self.method, "write one like GET or POST"))
    }

    fn account(&self) -> Result<Option<Account>, String> {
        let Some(name) = &self.user else {
            return Ok(None);
        };
        let username = Username::parse(name)
            .map_err(|error| wrong("a user name", name, &error.to_string()))?;
        let group = |name: &String| {
            Group::parse(name).map_err(|error| wrong("a group", name, &error.to_string()))
        };
        let groups = self.groups.iter().map(group).collect::<Result<_, _>>()?;
        let profile = Profile {
            groups,
            ..Profile::default()
        };
        Ok(Some(Account::new(username, profile, Timestamp::default())))
    }

    /// Does it ask for what lies below a path of a rule that names that path alone, or one segment more?
    pub(in crate::cli::access) fn is_below(&self, rule: &Rule) -> bool {
        let Ok(target) = Target::parse_url(&self.url) else {
            return false;
        };
        let mut tops = rule.paths.iter().map(|path| {
            let path = path.as_str();
            path.strip_suffix("/*")
                .unwrap_or(path)
                .trim_end_matches('/')
        });
        tops.any(|top| {
            let rest = target.path().strip_prefix(top);
            !top.contains('*') && rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }

    fn shown(&self) -> Shown {
        match (&self.user, self.factors) {
            (None, _) => Shown::Nothing,
            (Some(_), 1) => Shown::OneFactor,
            (Some(_), _) => Shown::TwoFactor { age: self.age },
        }
    }

    /// What this configuration makes of it.
    pub(in crate::cli::access) fn answer(&self, config: &Config) -> Answer {
        let method = self.read_method().expect("it was checked");
        if let Err(refusal) = framing::check_method(&method) {
            return Answer::Refused(refusal, what_is_wrong(&method));
        }
        let target = match Target::parse_url(&self.url) {
            Ok(target) => target,
            Err(BadTarget::TooLong) => return too_long(Refusal::TargetTooLong),
            Err(bad) => return Answer::BadRequest(bad),
        };
        let is_known = |hosts: Vec<String>| hosts.iter().any(|host| host == target.host());
        if !hosts(config).is_none_or(is_known) {
            return Answer::UnknownHost;
        }
        let length = target.path_and_query().len();
        if is_in_line(config, &target)
            && let Err(refusal) = check_length(length, config.proxy.max_target)
        {
            return too_long(refusal);
        }
        let portal = &config.portal.path;
        if Route::of(&target, portal) != Route::Application && has_pages(config, &target) {
            return Answer::Ours;
        }
        let account = self.account().expect("it was checked");
        let asked = Asked {
            method: &method,
            target: &target,
            client: self.from.to_canonical(),
            destination: None,
        };
        let rules = rules(&config.access);
        Answer::Judged(explain(&rules, asked, account.as_ref(), self.shown()))
    }
}

fn what_is_wrong(method: &Method) -> &'static str {
    if method.as_str().bytes().any(|b| b.is_ascii_lowercase()) {
        "methods are in capitals, and this one is not known"
    } else {
        "this method goes to no app"
    }
}

fn too_long(refusal: Refusal) -> Answer {
    Answer::Refused(refusal, "the path is too long: see proxy.max_target")
}

/// Do requests come through us to an app? Else another proxy asks about them.
fn is_in_line(config: &Config, target: &Target) -> bool {
    config.upstreams.iter().any(|app| {
        let host = app.host.as_deref();
        host.is_none_or(|host| host == target.host())
    })
}

/// Are our pages there? On the host of an app behind another proxy, which asks us, a path like ours is the app's.
fn has_pages(config: &Config, target: &Target) -> bool {
    let is_below = target.path() != config.portal.path;
    is_in_line(config, target) || is_below && target.origin() == config.public_url.as_str()
}

fn wrong(what: &str, text: &str, hint: &str) -> String {
    format!("error: {text:?} is not {what}\nhint: {hint}")
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} from {}, ", self.method, self.url, self.from)?;
        let Some(user) = &self.user else {
            return f.write_str("nobody signed in");
        };
        let groups = if self.groups.is_empty() {
            "no group".to_owned()
        } else {
            self.groups.join(", ")
        };
        let age = humantime::format_duration(self.age);
        match self.factors {
            1 => write!(f, "{user} ({groups}) signed in with a password alone"),
            _ => write!(
                f,
                "{user} ({groups}) signed in with both factors, the code {age} ago"
            ),
        }
    }
}

impl Answer {
    /// In one word, as `expect` of a case names it.
    pub(in crate::cli::access) fn name(&self) -> &'static str {
        match self {
            Self::Refused(..) => "refused",
            Self::BadRequest(_) => "bad-request",
            Self::UnknownHost => "unknown-host",
            Self::Ours => "ours",
            Self::Judged(explanation) => match explanation.outcome {
                Outcome::Named | Outcome::Unnamed => "allow",
                Outcome::Challenge(Challenge::SignIn) => "sign-in",
                Outcome::Challenge(Challenge::SecondFactor) => "second-factor",
                Outcome::Challenge(Challenge::FreshSecondFactor) => "step-up",
                Outcome::Deny => "deny",
            },
        }
    }

    /// What a visitor notices.
    pub(in crate::cli::access) fn meaning(&self) -> String {
        let text = match self {
            Self::Refused(refusal, why) => {
                let status = refusal.status().as_u16();
                return format!("{why}: it is answered {status}, and no rule is asked");
            }
            Self::BadRequest(bad) => return format!("{bad}: it is answered 400"),
            Self::UnknownHost => "nobody configured this host: it is answered 421",
            Self::Ours => {
                "it is a page of ours or looks like one: no rule is asked, and it never reaches an app"
            }
            Self::Judged(explanation) => match explanation.outcome {
                Outcome::Named => "it passes, and the app is told who it is",
                Outcome::Unnamed => "it passes, and the app is told of nobody",
                Outcome::Challenge(Challenge::SignIn) => {
                    "a navigation goes to the login page, everything else hears 401"
                }
                Outcome::Challenge(Challenge::SecondFactor) => {
                    "a navigation is asked for a code, everything else hears 401"
                }
                Outcome::Challenge(Challenge::FreshSecondFactor) => {
                    "the code is too old: a navigation is asked for a fresh one, everything else hears 401"
                }
                Outcome::Deny => "it is answered 403",
            },
        };
        text.to_owned()
    }

    /// What keeps a sign-in from counting there, if one is asked for.
    pub(in crate::cli::access) fn obstacle(
        &self,
        question: &Question,
        config: &Config,
    ) -> Option<String> {
        let Self::Judged(explanation) = self else {
            return None;
        };
        let asks = [Policy::OneFactor, Policy::TwoFactor].contains(&explanation.requirement.policy);
        let target = Target::parse_url(&question.url).ok()?;
        let host = target.host();
        let is_lost = asks && !config.signs_in_by_host() && !config.shares_sign_in(host);
        is_lost.then(|| {
            format!(
                "But browsers do not send the sign-in of {} to {host}, so nobody can sign in there:\n\
                 set session.cookie_domain to a domain that holds both hosts.",
                config.public_url
            )
        })
    }

    /// What the rules said, where they were asked.
    pub(in crate::cli::access) fn explanation(&self) -> Option<&Explanation> {
        match self {
            Self::Judged(explanation) => Some(explanation),
            Self::Refused(..) | Self::BadRequest(_) | Self::UnknownHost | Self::Ours => None,
        }
    }
}
