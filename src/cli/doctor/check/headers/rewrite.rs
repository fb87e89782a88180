//! Headers that make some servers answer for another path (CVE-2018-14773) or method.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::headers::summed;
use crate::cli::doctor::check::headers::trial::{Difference, Trial, tried};
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::visitor::{Letters, Visitor};
use crate::cli::doctor::walk::Step;
use http::{HeaderName, HeaderValue};

const REWRITE: &str = "rewrite-headers";

/// A whole URL where nginx asks the gate.
const WHOLE: &str = "x-original-url";

const PATHS: [&str; 4] = [WHOLE, "x-rewrite-url", "x-forwarded-uri", "x-original-uri"];

/// What some apps cut off the path before they serve what is left.
const PREFIXES: [&str; 3] = ["x-script-name", "x-forwarded-prefix", "x-ingress-path"];

const METHODS: [&str; 3] = [
    "x-http-method-override",
    "x-forwarded-method",
    "x-original-method",
];

/// Asks for the closed page with headers that name an open path, or a method that a rule may let pass; and for what is
/// open with its own path as the prefix, for an app that cuts it off serves another page.
pub(in crate::cli::doctor) async fn rewrite(
    visitor: &Visitor,
    closed: &Step,
    named: &[String],
    open: &[Step],
) -> Finding {
    let value = |text: String| HeaderValue::try_from(text).ok();
    let origin = closed.place.origin();
    let urls = named
        .iter()
        .filter_map(|path| value(format!("{origin}{path}")));
    let urls = urls.map(|url| (WHOLE, url));
    let paths = named.iter().filter_map(|path| value(path.clone()));
    let named = paths.flat_map(|path| PATHS.map(|name| (name, path.clone())));
    let named = named.chain(urls);
    let methods = METHODS.map(|name| (name, HeaderValue::from_static("OPTIONS")));
    let mut findings = vec![];
    for (name, value) in named.chain(methods) {
        let lines = [(HeaderName::from_static(name), value)];
        let trial = Trial {
            check: REWRITE,
            name,
            lines: &lines,
            letters: Letters::Lower,
        };
        let certain = |answer: &Answer| opened(closed, name, answer);
        let doubtful = |difference| noticed(name, difference);
        findings.push(tried(visitor, closed, trial, certain, doubtful).await);
    }
    for step in open {
        findings.push(prefixed(visitor, step).await);
    }
    let nothing = "headers that name another path or method do not open the page";
    summed(REWRITE, findings, nothing.to_owned())
}

async fn prefixed(visitor: &Visitor, step: &Step) -> Finding {
    let Ok(path) = HeaderValue::try_from(step.place.path()) else {
        return Finding::ok(REWRITE, "a path that no header can name");
    };
    let lines = PREFIXES.map(|name| (HeaderName::from_static(name), path.clone()));
    let name = PREFIXES.join(", ");
    let trial = Trial {
        check: REWRITE,
        name: &name,
        lines: &lines,
        letters: Letters::Lower,
    };
    let doubtful = |difference: Difference| Some(difference.read(REWRITE, &name));
    tried(visitor, step, trial, |_| None, doubtful).await
}

pub(in crate::cli::doctor::check) fn opened(
    closed: &Step,
    name: &str,
    answer: &Answer,
) -> Option<Finding> {
    let is_open = Reception::of(&closed.place, answer).is_through();
    is_open.then(|| {
        Finding::open(
            REWRITE,
            format!("a stranger's {name} opens {}", shown(closed.place.path())),
            "let the proxy remove this header: it decides by it, and the app may serve another page",
        )
    })
}

fn noticed(name: &str, difference: Difference) -> Option<Finding> {
    match difference {
        Difference::Status(_, _) | Difference::Way => Some(difference.read(REWRITE, name)),
        Difference::Page => None,
    }
}
