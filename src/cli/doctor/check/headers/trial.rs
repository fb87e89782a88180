//! One question with headers more than another, and what the answers tell about who reads them.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::{limited, unanswered};
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::visitor::{LONGEST_BODY, Letters, Lines, Visitor};
use crate::cli::doctor::walk::Step;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::doctor::check) struct Trial<'a> {
    pub(in crate::cli::doctor::check) check: &'static str,
    /// The header in words.
    pub(in crate::cli::doctor::check) name: &'a str,
    pub(in crate::cli::doctor::check) lines: Lines<'a>,
    pub(in crate::cli::doctor::check) letters: Letters,
}

/// How an answer differs from the one to the same question without the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor::check) enum Difference {
    /// Another status.
    Status(u16, u16),
    /// It leads somewhere else.
    Way,
    /// Another page.
    Page,
}

impl Difference {
    /// The first that a reader would notice.
    pub(in crate::cli::doctor::check) fn of(before: &Step, after: &Answer) -> Option<Self> {
        let way = |answer: &Answer| answer.location(&before.place);
        let is_whole = |answer: &Answer| answer.body.len() < LONGEST_BODY;
        let both_are_whole = is_whole(&before.answer) && is_whole(after);
        if before.answer.status != after.status {
            let (before, after) = (before.answer.status, after.status);
            Some(Self::Status(before.as_u16(), after.as_u16()))
        } else if way(&before.answer) != way(after) {
            Some(Self::Way)
        } else if Reception::of(&before.place, after).is_through()
            && both_are_whole
            && before.answer.body != after.body
        {
            Some(Self::Page)
        } else {
            None
        }
    }

    /// The finding for a header that is not known to do harm.
    pub(in crate::cli::doctor::check) fn read(self, check: &'static str, name: &str) -> Finding {
        let found = match self {
            Self::Status(before, after) => {
                format!("with {name} the answer is {after} in place of {before}: somebody reads it")
            }
            Self::Way => format!("{name} changes where the answer leads: somebody reads it"),
            Self::Page => format!("{name} changes the page: somebody reads it"),
        };
        let change = "find out who; let the proxy remove what a client writes there";
        Finding::warn(check, found, change)
    }
}

/// Asks, and judges the answer by `certain`; what only differs is told by `doubtful`, if the answer without the
/// headers is still the one that it was.
pub(in crate::cli::doctor::check) async fn tried(
    visitor: &Visitor,
    step: &Step,
    trial: Trial<'_>,
    certain: impl Fn(&Answer) -> Option<Finding>,
    doubtful: impl Fn(Difference) -> Option<Finding>,
) -> Finding {
    let (check, name) = (trial.check, trial.name);
    let nothing = Finding::ok(check, "nothing comes of it");
    let asked = visitor.ask_with(&step.place, trial.lines, trial.letters);
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(why) => return unanswered(check, &format!("a request with {name}"), &why),
    };
    if let Some(finding) = certain(&answer) {
        return finding;
    }
    if let Some(finding) = limited(check, &format!("a request with {name}"), &answer) {
        return finding;
    }
    let Some(difference) = Difference::of(step, &answer) else {
        return nothing;
    };
    let Some(doubt) = doubtful(difference) else {
        return nothing;
    };
    match visitor.ask(&step.place).await {
        Ok(again) => unsteady(check, difference, Difference::of(step, &again)).unwrap_or(doubt),
        Err(why) => unanswered(check, "the same request once more", &why),
    }
}

/// What can be told when the answer changes by itself, too: as it did with the headers, or in its status.
pub(in crate::cli::doctor::check) fn unsteady(
    check: &'static str,
    with: Difference,
    without: Option<Difference>,
) -> Option<Finding> {
    match (with, without?) {
        (_, Difference::Status(before, after)) => Some(Finding::warn(
            check,
            format!("the answer changes by itself, from {before} to {after}"),
            "try again when less is going on; a limit of the proxy may be in the way",
        )),
        (Difference::Way, Difference::Way)
        | (Difference::Page, Difference::Way | Difference::Page) => {
            Some(Finding::ok(check, "nothing can be told"))
        }
        // A page that differs each time, as forms do, says nothing against another status.
        (Difference::Status(_, _), Difference::Way | Difference::Page)
        | (Difference::Way, Difference::Page) => None,
    }
}
