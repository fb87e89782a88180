//! Why a request may pass or not: what each rule says to it, and which of them decides.

use crate::authn::account::Account;
use crate::authz::rule::{Asked, Fit, Found, Requirement, Rules};
use crate::authz::{Outcome, Shown, judge};
use std::cmp::Reverse;
use std::time::Duration;

/// What the decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decider {
    /// One rule, counted from 0.
    Rule(usize),
    /// Rules that ask for more than the one which matches to the letter: lax servers take the path for theirs.
    Lax(Vec<usize>),
    /// The default: no rule matches.
    Default,
    /// Every rule that could match, together: the path is ambiguous.
    All,
}

/// The reasons of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What each rule says, in order, also those behind the one that decides.
    pub fits: Vec<Fit>,
    /// What the decision rests on.
    pub decider: Decider,
    /// What is asked for.
    pub requirement: Requirement,
    /// What becomes of the request.
    pub outcome: Outcome,
}

/// Explains what [`crate::authz::decide`] decides about `who`, after so much was shown. What the rules say to a
/// destination is for an explanation of its own.
#[must_use]
pub fn explain(
    rules: &Rules,
    asked: Asked<'_>,
    who: Option<&Account>,
    shown: Shown,
) -> Explanation {
    let all = rules.all().iter();
    let fits: Vec<Fit> = all.map(|rule| rule.fit(asked, who)).collect();
    let requirement = rules.requirement(asked, who);
    Explanation {
        fits,
        decider: decider(rules, asked, who),
        requirement,
        outcome: judge(requirement, shown),
    }
}

fn decider(rules: &Rules, asked: Asked<'_>, who: Option<&Account>) -> Decider {
    if asked.target.is_ambiguous() {
        return Decider::All;
    }
    let Found { exact, lax } = rules.find(asked, who);
    let default = Requirement::of(rules.default_policy());
    let (decider, asks) = exact.map_or((Decider::Default, default), |(at, asks)| {
        (Decider::Rule(at), asks)
    });
    match adding(asks, lax) {
        lax if lax.is_empty() => decider,
        lax => Decider::Lax(lax),
    }
}

/// The fewest of these that ask for all that they ask for together beyond `asks`, in order.
fn adding(mut asks: Requirement, mut lax: Vec<(usize, Requirement)>) -> Vec<usize> {
    let strictest = |(_, more): &(usize, Requirement)| {
        let age = more.max_age.unwrap_or(Duration::MAX);
        (Reverse(more.policy), age)
    };
    lax.sort_by_key(strictest);
    lax.retain(|(_, more)| {
        let before = asks;
        asks = asks.and(*more);
        asks != before
    });
    let mut places: Vec<usize> = lax.into_iter().map(|(at, _)| at).collect();
    places.sort_unstable();
    places
}
