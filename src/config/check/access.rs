//! Rules that cannot be meant, and rules that are probably not meant so.

use crate::authz::rule::{Policy, Requirement, Rule};
use crate::config::problem::Wrong;
use crate::config::report::Report;
use crate::config::setting::Setting;
use crate::config::{self, Config};
use http::Method;
use std::time::Duration;

/// Checks each rule, and what the rules before it leave of it.
pub(crate) fn access(config: &Config, report: &mut Report) {
    let access = &config.access;
    if access.default == Policy::Bypass {
        report.warn(
            &["access.default"],
            Wrong::new(
                "whatever no rule names is open to everybody",
                "write \"two-factor\" and name what is open in [[access.rule]]",
            ),
        );
    }
    let rules: Vec<Rule> = access.rules.iter().map(config::Rule::judged).collect();
    for (at, rule) in rules.iter().enumerate() {
        let key = |name: &str| format!("access.rule[{at}].{name}");
        bypass(rule, key, report);
        max_age(config, rule, key, report);
        reached(&rules[..at], rule, key, report);
        limited(&rules, at, access.default, key, report);
        alike(&rules, at, access.default, key, report);
        hosts(config, at, key, report);
    }
}

/// Nobody is known where everybody may pass.
fn bypass(rule: &Rule, key: impl Fn(&str) -> String, report: &mut Report) {
    if rule.requirement.policy != Policy::Bypass {
        return;
    }
    for (name, given) in [
        ("groups", !rule.groups.is_empty()),
        ("users", !rule.users.is_empty()),
    ] {
        if given {
            let what = "a bypass asks nobody who they are, so it cannot be for some";
            let hint = "write \"one-factor\" or \"two-factor\", or leave this key out";
            report.refuse(&[&key(name), &key("policy")], Wrong::new(what, hint));
        }
    }
    if rule.covers(&Rule::for_all(Policy::Bypass)) {
        let what = "this bypass opens everything to everybody";
        let hint = "give the rule a path that is not all of them, a host or a method";
        report.warn(&[&key("policy")], Wrong::new(what, hint));
    }
}

fn max_age(config: &Config, rule: &Rule, key: impl Fn(&str) -> String, report: &mut Report) {
    let Some(age) = rule.requirement.max_age else {
        return;
    };
    let name = key("max_age");
    if rule.requirement.policy != Policy::TwoFactor {
        let hint = "write policy = \"two-factor\", or leave this key out";
        let wrong = Wrong::new("only a second factor has an age", hint);
        report.refuse(&[&name, &key("policy")], wrong);
    }
    if age.as_secs() < 60 {
        let what = format!("{} leaves no time to do anything", age.show());
        report.refuse(&[&name], Wrong::new(what, "write 1m or more"));
    }
    if age >= config.session.lifetime {
        let what = "no session is that old: see session.lifetime";
        let hint = "write a shorter time, or leave this key out";
        report.warn(&[&name, "session.lifetime"], Wrong::new(what, hint));
    }
}

fn reached(earlier: &[Rule], rule: &Rule, key: impl Fn(&str) -> String, report: &mut Report) {
    if let Some(first) = earlier.iter().position(|first| first.covers(rule)) {
        let what = format!("this rule never matches: access.rule[{first}] matches first");
        let hint = "the first rule that matches decides: move this one up, or remove it";
        report.warn(&[&key("policy")], Wrong::new(what, hint));
    }
}

/// A rule for some shuts nobody else out: the others go on to the next rule, and to the default.
fn limited(
    rules: &[Rule],
    at: usize,
    default: Policy,
    key: impl Fn(&str) -> String,
    report: &mut Report,
) {
    let rule = &rules[at];
    let for_some = !rule.groups.is_empty() || !rule.users.is_empty();
    if !for_some || [rule.requirement.policy, default].contains(&Policy::Deny) {
        return;
    }
    let others = Rule {
        groups: vec![],
        users: vec![],
        ..rule.clone()
    };
    let shuts = |later: &Rule| later.requirement.policy == Policy::Deny && later.covers(&others);
    if !rules[at + 1..].iter().any(shuts) {
        let name = if rule.groups.is_empty() {
            "users"
        } else {
            "groups"
        };
        let what =
            "it shuts nobody out: whoever is not named goes on to the rules below and the default";
        let hint = "add a rule with the same conditions, without users and groups, and policy = \"deny\" below";
        report.warn(&[&key(name)], Wrong::new(what, hint));
    }
}

/// A method that is as good as another which the rule names, and meets less than that.
struct Alike {
    named: &'static [Method],
    other: Method,
    what: &'static str,
    hint: &'static str,
}

const ALIKE: [Alike; 2] = [
    // The answer to a HEAD tells what a GET would find: that it is there, how long it is, its headers.
    Alike {
        named: &[Method::GET],
        other: Method::HEAD,
        what: "HEAD is not named and meets a weaker rule, which tells what is there, its length and headers",
        hint: "name HEAD beside GET, or give it a rule with the same conditions",
    },
    // Rails, Laravel, Symfony, Spring and Phoenix do so, for forms, which know GET and POST alone.
    Alike {
        named: &[Method::DELETE, Method::PATCH, Method::PUT],
        other: Method::POST,
        what: "POST is not named and meets a weaker rule, and many apps take the method from its field _method",
        hint: "name POST too, or give it a rule with the same conditions",
    },
];

fn alike(
    rules: &[Rule],
    at: usize,
    default: Policy,
    key: impl Fn(&str) -> String,
    report: &mut Report,
) {
    let rule = &rules[at];
    let names = |method: &Method| rule.methods.contains(method);
    for alike in ALIKE {
        if rule.requirement.policy == Policy::Bypass
            || !alike.named.iter().any(names)
            || names(&alike.other)
        {
            continue;
        }
        let unnamed = Rule {
            methods: vec![alike.other],
            ..rule.clone()
        };
        let mut others = rules.iter().enumerate();
        let is_settled = others.any(|(place, other)| {
            (place < at || !other.methods.is_empty()) && other.covers(&unnamed)
        });
        if !is_settled && meets_weaker(&unnamed, &rules[at + 1..], default) {
            report.warn(&[&key("methods")], Wrong::new(alike.what, alike.hint));
        }
    }
}

/// Could some of what `rule` names get by more easily, where `later` rules decide?
fn meets_weaker(rule: &Rule, later: &[Rule], default: Policy) -> bool {
    let asked = strength(rule.requirement);
    for other in later.iter().filter(|other| other.may_meet(rule)) {
        if strength(other.requirement) < asked {
            return true;
        }
        if other.covers(rule) {
            return false;
        }
    }
    strength(Requirement::of(default)) < asked
}

/// Whoever signs in at `public_url` is known where the cookie is sent. Where each app names its host, each host has
/// a sign-in of its own.
fn hosts(config: &Config, at: usize, key: impl Fn(&str) -> String, report: &mut Report) {
    let rule = &config.access.rules[at];
    if ![Policy::OneFactor, Policy::TwoFactor].contains(&rule.policy) || config.signs_in_by_host() {
        return;
    }
    if let Some(host) = rule.hosts.iter().find(|host| !reaches(config, host)) {
        let public = &config.public_url;
        let all = if host.starts_with("*.") {
            "all of "
        } else {
            ""
        };
        let what = format!("browsers do not send the sign-in of {public} to {all}{host}");
        let hint = "set session.cookie_domain to a domain that holds both";
        let keys = [&*key("host"), "public_url", "session.cookie_domain"];
        report.warn(&keys, Wrong::new(what, hint));
    }
}

/// Is the sign-in sent to every host that is meant by `pattern`? Without a domain it is sent to one alone.
fn reaches(config: &Config, pattern: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => config.session.cookie_domain.is_some() && config.shares_sign_in(domain),
        None => config.shares_sign_in(pattern),
    }
}

/// How much is asked, to be compared: the younger a code has to be, the more.
fn strength(asked: Requirement) -> (Policy, Duration) {
    let age = asked.max_age.unwrap_or(Duration::MAX);
    (asked.policy, Duration::MAX - age)
}
