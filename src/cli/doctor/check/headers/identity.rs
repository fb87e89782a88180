//! Forged identities, in every spelling that some server takes for the header's name.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::headers::trial::{Difference, Trial, tried};
use crate::cli::doctor::check::headers::{marker, summed};
use crate::cli::doctor::check::listed;
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Visitor};
use crate::cli::doctor::walk::Step;
use http::{HeaderName, HeaderValue};

/// How the names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Spelling {
    /// `Remote-User`.
    AsNamed,
    /// `Remote_User`: gateways to programs (CGI, WSGI) take both for one.
    Underscores,
}

impl Spelling {
    fn check(self) -> &'static str {
        match self {
            Self::AsNamed => "identity-headers",
            Self::Underscores => "underscore-headers",
        }
    }

    fn change(self) -> &'static str {
        match self {
            Self::AsNamed => {
                "let every way to the app lead through the gate, or clear these headers in the proxy on every location, the open ones too"
            }
            Self::Underscores => {
                "let the proxy drop names with `_` (nginx: underscores_in_headers off; Envoy: DROP_HEADER; `vestibule integrate` prints it for each), on open paths too"
            }
        }
    }

    /// Every name with each of its `-` as it is or as `_`; with none as `_` only [`Self::AsNamed`].
    pub(in crate::cli::doctor::check) fn names(self, names: &[HeaderName]) -> Vec<HeaderName> {
        match self {
            Self::AsNamed => names.to_vec(),
            Self::Underscores => names.iter().flat_map(folded).collect(),
        }
    }
}

/// Every spelling of a name with at least one `_` in place of a `-`; of very long ones, all at once.
fn folded(name: &HeaderName) -> Vec<HeaderName> {
    const MOST_DASHES: usize = 4;
    let dashes: Vec<usize> = name.as_str().match_indices('-').map(|(at, _)| at).collect();
    let all = (1_usize << dashes.len().min(MOST_DASHES)) - 1;
    let choices = if dashes.len() > MOST_DASHES {
        all..=all
    } else {
        1..=all
    };
    let spell = |choice: usize| {
        let mut bytes = name.as_str().as_bytes().to_vec();
        for (bit, at) in dashes.iter().enumerate() {
            if bit >= MOST_DASHES || choice & (1 << bit) != 0 {
                bytes[*at] = b'_';
            }
        }
        HeaderName::from_bytes(&bytes).ok()
    };
    let spelled = choices.filter_map(spell);
    spelled.filter(|spelled| spelled != name).collect()
}

/// Sends forged identities to the address and to every open path, in small letters and with capitals.
pub(in crate::cli::doctor) async fn identity(
    visitor: &Visitor,
    names: &[HeaderName],
    spelling: Spelling,
    steps: &[Step],
) -> Finding {
    let spelled = spelling.names(names);
    let mut findings = vec![];
    for step in steps {
        for letters in [Letters::Lower, Letters::Title] {
            findings.push(forge(visitor, &spelled, spelling, step, letters).await);
        }
    }
    let places: Vec<Place> = steps.iter().map(|step| step.place.clone()).collect();
    let first = spelled.first().map_or("names", HeaderName::as_str);
    let nothing = format!(
        "forged {} and {} more change nothing on {}; an app that shows no name could still get them",
        shown(first),
        spelled.len().saturating_sub(1),
        listed(&places)
    );
    summed(spelling.check(), findings, nothing)
}

async fn forge(
    visitor: &Visitor,
    names: &[HeaderName],
    spelling: Spelling,
    step: &Step,
    letters: Letters,
) -> Finding {
    let marker = marker();
    let value = HeaderValue::try_from(&marker).expect("a marker is visible ASCII");
    let lines: Vec<_> = names
        .iter()
        .map(|name| (name.clone(), value.clone()))
        .collect();
    let name = format!(
        "forged {}",
        names.first().map_or("name", HeaderName::as_str)
    );
    let trial = Trial {
        check: spelling.check(),
        name: &name,
        lines: &lines,
        letters,
    };
    let certain = |answer: &Answer| arrived(step, spelling, &name, &marker, answer);
    let doubtful = |difference| Some(noticed(step, spelling, &name, difference));
    tried(visitor, step, trial, certain, doubtful).await
}

pub(in crate::cli::doctor::check) fn arrived(
    step: &Step,
    spelling: Spelling,
    name: &str,
    marker: &str,
    answer: &Answer,
) -> Option<Finding> {
    let path = shown(step.place.path());
    let open = |found| Some(Finding::open(spelling.check(), found, spelling.change()));
    if answer.holds(marker) {
        return open(format!(
            "a {name} reaches what answers at {path}, and is shown"
        ));
    }
    let [before, after] = [&step.answer, answer].map(|answer| Reception::of(&step.place, answer));
    if after.is_through() && !before.is_through() {
        return open(format!("a {name} lets a stranger in at {path}"));
    }
    None
}

pub(in crate::cli::doctor::check) fn noticed(
    step: &Step,
    spelling: Spelling,
    name: &str,
    difference: Difference,
) -> Finding {
    match difference {
        Difference::Page => Finding::open(
            spelling.check(),
            format!("a {name} changes the page at {}", shown(step.place.path())),
            spelling.change(),
        ),
        Difference::Status(_, _) | Difference::Way => difference.read(spelling.check(), name),
    }
}
