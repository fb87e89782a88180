//! A table of expected decisions, for other people's own checks.

use crate::cli::access::question::Question;
use crate::cli::{Common, Failure, print};
use crate::config::Config;
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// One expectation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    url: String,
    expect: Expect,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "stranger")]
    from: IpAddr,
    user: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default = "both")]
    factors: u8,
    #[serde(default)]
    age: Age,
}

/// What a case may expect, see [`crate::cli::access::question::Answer::name`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    Allow,
    SignIn,
    SecondFactor,
    StepUp,
    Deny,
    Refused,
    BadRequest,
    UnknownHost,
    Ours,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct Age(Duration);

impl TryFrom<String> for Age {
    type Error = humantime::DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_duration(&text).map(Self)
    }
}

fn get() -> String {
    "GET".to_owned()
}

/// An address of nobody (RFC 5737).
fn stranger() -> IpAddr {
    [203, 0, 113, 1].into()
}

fn both() -> u8 {
    2
}

impl Expect {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::SignIn => "sign-in",
            Self::SecondFactor => "second-factor",
            Self::StepUp => "step-up",
            Self::Deny => "deny",
            Self::Refused => "refused",
            Self::BadRequest => "bad-request",
            Self::UnknownHost => "unknown-host",
            Self::Ours => "ours",
        }
    }
}

#[derive(Serialize)]
struct Outcome {
    case: usize,
    request: String,
    expected: &'static str,
    decided: &'static str,
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.expected == self.decided
    }
}

/// Decides every case and compares.
pub(in crate::cli::access) fn test(
    file: &Path,
    config: &Config,
    common: &Common,
) -> Result<ExitCode, Failure> {
    let mut outcomes = Vec::new();
    for (at, case) in read(file)?.into_iter().enumerate() {
        let expected = case.expect.name();
        let question = case.question().map_err(|text| {
            Failure::usage(text.replacen("error: ", &format!("error: case[{at}]: "), 1))
        })?;
        outcomes.push(Outcome {
            case: at,
            request: question.to_string(),
            expected,
            decided: question.answer(config).name(),
        });
    }
    let good = outcomes.iter().all(Outcome::is_good);
    if common.json {
        print::json(&outcomes);
    } else {
        show(&outcomes);
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn read(file: &Path) -> Result<Vec<Case>, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "error: {shown}: {error}\nhint: name a TOML file with [[case]]"
        ))
    })?;
    let cases = Figment::from(Toml::string(&text)).extract::<Cases>();
    let cases = cases.map_err(|error| {
        let hint = "each [[case]] has url and expect, and may have method, from, user, groups (a list), factors, age (\"15m\")";
        Failure::usage(format!("error: {shown}: {}\nhint: {hint}", complaint(&error)))
    })?;
    if cases.case.is_empty() {
        let hint = "a file that expects nothing is always met: add a [[case]]";
        return Err(Failure::usage(format!(
            "error: {shown}: no case\nhint: {hint}"
        )));
    }
    Ok(cases.case)
}

/// Where it is wrong, and how; without the words of the reader about itself.
fn complaint(error: &figment::Error) -> String {
    let place = match error.path.as_slice() {
        [] => String::new(),
        [table, at, rest @ ..] => {
            let rest: String = rest.iter().map(|part| format!(".{part}")).collect();
            format!("{table}[{at}]{rest}: ")
        }
        [key] => format!("{key}: "),
    };
    format!("{place}{}", error.kind)
}

impl Case {
    fn question(self) -> Result<Question, String> {
        if !(1..=2).contains(&self.factors) {
            return Err(
                "error: factors is neither 1 nor 2\nhint: leave user out for nobody".to_owned(),
            );
        }
        let question = Question {
            url: self.url,
            method: self.method,
            from: self.from,
            user: self.user,
            groups: self.groups,
            factors: self.factors,
            age: self.age.0,
        };
        question.checked()
    }
}

fn show(outcomes: &[Outcome]) {
    let bad: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| !outcome.is_good())
        .collect();
    for outcome in &bad {
        let Outcome {
            case,
            request,
            expected,
            decided,
        } = outcome;
        print::line(format!(
            "case[{case}]: {request}\n  expected {expected}, decided {decided}"
        ));
    }
    print::line(format!(
        "{} cases, {} as expected.",
        outcomes.len(),
        outcomes.len() - bad.len()
    ));
}
