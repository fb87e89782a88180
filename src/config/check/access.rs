//! Rules that cannot be meant, and rules that are probably not meant so.

use crate::authz::rule::Policy;
use crate::config::problem::Wrong;
use crate::config::report::Report;
use crate::config::setting::Setting;
use crate::config::{Access, Config, PathPattern, Rule};
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
    for (at, rule) in access.rules.iter().enumerate() {
        let key = |name: &str| format!("access.rule[{at}].{name}");
        bypass(rule, key, report);
        max_age(config, rule, key, report);
        reached(&access.rules[..at], rule, key, report);
        limited(access, at, key, report);
        heads(access, at, key, report);
    }
}

/// Nobody is known where everybody may pass.
fn bypass(rule: &Rule, key: impl Fn(&str) -> String, report: &mut Report) {
    if rule.policy != Policy::Bypass {
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
    if is_unconditional(rule) {
        let what = "a bypass without conditions opens everything to everybody";
        let hint = "give the rule a path, host or method";
        report.warn(&[&key("policy")], Wrong::new(what, hint));
    }
}

fn max_age(config: &Config, rule: &Rule, key: impl Fn(&str) -> String, report: &mut Report) {
    let Some(age) = rule.max_age else {
        return;
    };
    let name = key("max_age");
    if rule.policy != Policy::TwoFactor {
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
    if let Some(first) = earlier.iter().position(|first| covers(first, rule)) {
        let what = format!("this rule never matches: access.rule[{first}] matches first");
        let hint = "the first rule that matches decides: move this one up, or remove it";
        report.warn(&[&key("policy")], Wrong::new(what, hint));
    }
}

/// A rule for some shuts nobody else out: the others go on to the next rule, and to the default.
fn limited(access: &Access, at: usize, key: impl Fn(&str) -> String, report: &mut Report) {
    let rule = &access.rules[at];
    let for_some = !rule.groups.is_empty() || !rule.users.is_empty();
    if !for_some || rule.policy == Policy::Deny || access.default == Policy::Deny {
        return;
    }
    let others = Rule {
        groups: vec![],
        users: vec![],
        ..rule.clone()
    };
    let shuts = |later: &Rule| later.policy == Policy::Deny && covers(later, &others);
    if !access.rules[at + 1..].iter().any(shuts) {
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

/// The answer to a HEAD tells what a GET would find: that it is there, how long it is, its headers.
fn heads(access: &Access, at: usize, key: impl Fn(&str) -> String, report: &mut Report) {
    let rule = &access.rules[at];
    let names = |method| rule.methods.contains(&method);
    if rule.policy == Policy::Bypass || !names(Method::GET) || names(Method::HEAD) {
        return;
    }
    let of_heads = Rule {
        methods: vec![Method::HEAD],
        ..rule.clone()
    };
    let mut others = access.rules.iter().enumerate();
    let is_settled = others.any(|(place, other)| {
        (place < at || !other.methods.is_empty()) && covers(other, &of_heads)
    });
    if !is_settled && meets_weaker(&of_heads, &access.rules[at + 1..], access.default) {
        let what = "HEAD is not named and meets a weaker rule, which tells what is there, its length and headers";
        let hint = "name HEAD beside GET, or give it a rule with the same conditions";
        report.warn(&[&key("methods")], Wrong::new(what, hint));
    }
}

/// Could some of what `rule` names get by more easily, where `later` rules decide?
fn meets_weaker(rule: &Rule, later: &[Rule], default: Policy) -> bool {
    for other in later.iter().filter(|other| may_meet(other, rule)) {
        if strength(other) < strength(rule) {
            return true;
        }
        if covers(other, rule) {
            return false;
        }
    }
    (default, Duration::ZERO) < strength(rule)
}

/// How much a rule asks, to be compared: the younger a code has to be, the more.
fn strength(rule: &Rule) -> (Policy, Duration) {
    let age = rule.max_age.unwrap_or(Duration::MAX);
    (rule.policy, Duration::MAX - age)
}

/// Could one request be named by both? Only what is certainly apart is not.
fn may_meet(first: &Rule, second: &Rule) -> bool {
    fn part<T>(first: &[T], second: &[T], meet: impl Fn(&T, &T) -> bool) -> bool {
        let mut pairs = first
            .iter()
            .flat_map(|one| second.iter().map(move |two| (one, two)));
        first.is_empty() || second.is_empty() || pairs.any(|(one, two)| meet(one, two))
    }
    let hosts = |one: &String, two: &String| one == two || one.contains('*') || two.contains('*');
    let paths = |one: &PathPattern, two: &PathPattern| {
        let [one, two] = [one, two].map(|path| path.as_str().split('*').next().unwrap_or_default());
        one.starts_with(two) || two.starts_with(one)
    };
    part(&first.hosts, &second.hosts, hosts)
        && part(&first.paths, &second.paths, paths)
        && part(&first.methods, &second.methods, PartialEq::eq)
}

fn is_unconditional(rule: &Rule) -> bool {
    rule.hosts.is_empty()
        && rule.paths.is_empty()
        && rule.methods.is_empty()
        && rule.networks.is_empty()
}

/// Whether all that `second` names is named by `first`, word for word.
fn covers(first: &Rule, second: &Rule) -> bool {
    fn part<T: PartialEq>(first: &[T], second: &[T]) -> bool {
        let named = !second.is_empty() && second.iter().all(|one| first.contains(one));
        first.is_empty() || named
    }
    part(&first.hosts, &second.hosts)
        && part(&first.paths, &second.paths)
        && part(&first.methods, &second.methods)
        && part(&first.networks, &second.networks)
        && part(&first.groups, &second.groups)
        && part(&first.users, &second.users)
}
