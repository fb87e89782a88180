//! `vestibule access`: which rule decides about a request, and whether the rules say what they should.

mod cases;
mod question;

use crate::authz::explain::{Decider, Explanation};
use crate::authz::rule::{Condition, Fit, Requirement};
use crate::cli::access::question::{Answer, Question};
use crate::cli::{Common, Failure, admin, load, note_no_file, print};
use crate::config::{Config, Overrides, Rule};
use clap::{Args, Subcommand};
use humantime::format_duration;
use serde::Serialize;
use std::fmt::Display;
use std::net::{AddrParseError, IpAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Access {
    /// Say rule by rule why a request may pass or not
    Explain(Explain),
    /// Compare decisions with what a file expects; exit 1 when one differs
    Test {
        /// A TOML file of `[[case]]`: url, expect, and method, from, user, groups, factors, age
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Explain {
    /// What the browser asks for, as in its address bar
    #[arg(long, value_name = "URL")]
    url: String,
    /// The method
    #[arg(long, default_value = "GET")]
    method: String,
    /// Who has signed in; without it, nobody has
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A group of the user, in place of those that the store knows; give it several times for several
    #[arg(long = "group", value_name = "GROUP", requires = "user")]
    groups: Vec<String>,
    /// How many factors the user has shown
    #[arg(long, value_name = "1|2", default_value_t = 2, requires = "user",
          value_parser = clap::value_parser!(u8).range(1..=2))]
    factors: u8,
    /// How long ago the newest code was shown
    #[arg(long, value_name = "TIME", default_value = "0s", requires = "user")]
    age: humantime::Duration,
    /// The address of the client
    #[arg(long, value_name = "IP", default_value = "203.0.113.1", value_parser = address)]
    from: IpAddr,
}

pub(in crate::cli) fn access(access: &Access, common: &Common) -> Result<ExitCode, Failure> {
    let config = load(common, Overrides::default())?.config;
    note_no_file(common);
    match access {
        Access::Explain(explain) => {
            let question = explain.question(&config)?;
            let answer = question.answer(&config);
            if common.json {
                print::json(&view(&config, &question, &answer));
            } else {
                show(&config, &question, &answer);
            }
            Ok(ExitCode::SUCCESS)
        }
        Access::Test { file } => cases::test(file, &config, common),
    }
}

/// An address, an IPv6 one also as URLs have it.
fn address(text: &str) -> Result<IpAddr, AddrParseError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().map(IpAddr::V6),
        None => text.parse(),
    }
}

impl Explain {
    fn question(&self, config: &Config) -> Result<Question, Failure> {
        let groups = match &self.user {
            Some(name) if self.groups.is_empty() => {
                let known = admin::groups_of(name, config);
                known.map_err(|failure| {
                    failure.or(", or say with --group in which groups they are")
                })?
            }
            Some(_) | None => self.groups.clone(),
        };
        let question = Question {
            url: self.url.clone(),
            method: self.method.clone(),
            from: self.from,
            user: self.user.clone(),
            groups,
            factors: self.factors,
            age: self.age.into(),
        };
        question.checked().map_err(Failure::usage)
    }
}

#[derive(Serialize)]
struct View<'a> {
    decision: &'a str,
    decided_by: Option<String>,
    policy: Option<&'a str>,
    max_age_seconds: Option<u64>,
    ambiguous: bool,
    rules: Vec<RuleView>,
}

#[derive(Serialize)]
struct RuleView {
    rule: String,
    policy: &'static str,
    conditions: String,
    fit: &'static str,
}

fn view<'a>(config: &Config, question: &Question, answer: &'a Answer) -> View<'a> {
    let explanation = answer.explanation();
    View {
        decision: answer.name(),
        decided_by: explanation.map(|explanation| decider(&explanation.decider)),
        policy: explanation.map(|explanation| explanation.requirement.policy.name()),
        max_age_seconds: explanation
            .and_then(|explanation| explanation.requirement.max_age)
            .map(|age| age.as_secs()),
        ambiguous: explanation.is_some_and(|e| e.decider == Decider::All),
        rules: explanation.map_or(vec![], |explanation| rules(config, question, explanation)),
    }
}

fn rules(config: &Config, question: &Question, explanation: &Explanation) -> Vec<RuleView> {
    let all = config.access.rules.iter().zip(&explanation.fits);
    all.enumerate()
        .map(|(at, (rule, fit))| RuleView {
            rule: name(at),
            policy: rule.policy.name(),
            conditions: conditions(rule),
            fit: match (&explanation.decider, fit) {
                (Decider::All, Fit::Matches) => "could match",
                // Its path is met to the letter, so it is the client that nobody knows.
                (Decider::Lax(lax), Fit::Not(Condition::Network)) if lax.contains(&at) => {
                    "could be from there"
                }
                (Decider::Lax(lax), _) if lax.contains(&at) => "this path to lax servers",
                (Decider::All | Decider::Default | Decider::Lax(_) | Decider::Rule(_), fit) => {
                    match fit {
                        Fit::Not(Condition::Path) if question.is_below(rule) => {
                            "below the path, which has no /**"
                        }
                        fit => words(*fit),
                    }
                }
            },
        })
        .collect()
}

fn show(config: &Config, question: &Question, answer: &Answer) {
    print::line(question);
    if let Some(explanation) = answer.explanation() {
        print::line("");
        table(config, question, explanation);
        print::line("");
        if let Some(note) = note(&explanation.decider) {
            print::line(note);
        }
        let (by, asks) = (decider(&explanation.decider), asks(explanation.requirement));
        print::line(format!("{by}: {asks}"));
    }
    print::line(format!("{}: {}", answer.name(), answer.meaning()));
    if let Some(obstacle) = answer.obstacle(question, config) {
        print::line(obstacle);
    }
}

fn note(decider: &Decider) -> Option<&'static str> {
    match decider {
        Decider::All => Some(
            "The path is ambiguous: servers read it differently. So every rule that could match counts,\n\
             and at least two factors are asked for.",
        ),
        Decider::Lax(_) => Some(
            "Some servers do not mind case, percent codes, a slash at the end, or blanks and dots around\n\
             a name. To them this is a path of a marked rule, which asks for more: so it counts, too.\n\
             So does a rule for networks where the address of the client is not known (::).",
        ),
        Decider::Rule(_) | Decider::Default => None,
    }
}

fn table(config: &Config, question: &Question, explanation: &Explanation) {
    let mark = |decides| if decides { "->" } else { "" }.to_owned();
    let decides = |at| match &explanation.decider {
        Decider::Rule(by) => *by == at,
        Decider::Lax(by) => by.contains(&at),
        Decider::Default | Decider::All => false,
    };
    let mut rows: Vec<Vec<String>> = rules(config, question, explanation)
        .into_iter()
        .enumerate()
        .map(|(at, rule)| {
            let policy = rule.policy.to_owned();
            vec![
                mark(decides(at)),
                rule.rule,
                policy,
                rule.fit.to_owned(),
                rule.conditions,
            ]
        })
        .collect();
    rows.push(vec![
        mark(explanation.decider == Decider::Default),
        decider(&Decider::Default),
        config.access.default.name().to_owned(),
    ]);
    print::table(&["", "RULE", "POLICY", "THIS REQUEST", "CONDITIONS"], &rows);
}

fn name(at: usize) -> String {
    format!("access.rule[{at}]")
}

fn decider(decider: &Decider) -> String {
    match decider {
        Decider::Rule(at) => name(*at),
        Decider::Lax(all) => {
            let names: Vec<String> = all.iter().map(|at| name(*at)).collect();
            names.join(", ")
        }
        Decider::Default => "access.default".to_owned(),
        Decider::All => "together".to_owned(),
    }
}

fn asks(requirement: Requirement) -> String {
    let policy = requirement.policy.name();
    match requirement.max_age {
        Some(age) => format!("{policy}, not older than {}", format_duration(age)),
        None => policy.to_owned(),
    }
}

fn words(fit: Fit) -> &'static str {
    match fit {
        Fit::Matches => "matches",
        Fit::Unknown => "cannot be judged before somebody signs in",
        Fit::Not(Condition::Host) => "another host",
        Fit::Not(Condition::Path) => "another path",
        Fit::Not(Condition::Method) => "another method",
        Fit::Not(Condition::Network) => "another network",
        Fit::Not(Condition::User) => "another user",
        Fit::Not(Condition::Group) => "in none of the groups",
    }
}

/// The conditions of a rule as they could be written, and what is asked for beside the policy.
fn conditions(rule: &Rule) -> String {
    fn part<T: Display>(name: &str, values: &[T]) -> Option<String> {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
    }
    let age = |age: Duration| format!("max_age {}", format_duration(age));
    let parts = [
        part("host", &rule.hosts),
        part("path", &rule.paths),
        part("methods", &rule.methods),
        part("networks", &rule.networks),
        part("groups", &rule.groups),
        part("users", &rule.users),
        rule.max_age.map(age),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join("; ")
    }
}
