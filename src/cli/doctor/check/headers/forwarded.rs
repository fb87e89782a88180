//! Claims about where a request came from and was meant for: only a proxy of ours may make them.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::headers::summed;
use crate::cli::doctor::check::headers::trial::{Difference, Trial, tried};
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::visitor::{Letters, Visitor};
use crate::cli::doctor::walk::Step;
use http::{HeaderName, HeaderValue};

const FORWARDED: &str = "forwarded-headers";

/// A host that exists nowhere (RFC 2606).
const NOWHERE: &str = "doctor.invalid";

/// What decides about the answer of our own page alone: no gate shows a form over plain http.
const PROTO: &str = "x-forwarded-proto";

/// Claims about host and scheme.
const CLAIMS: [(&str, &str); 6] = [
    ("x-forwarded-host", NOWHERE),
    (PROTO, "http"),
    ("x-forwarded-port", "1"),
    ("forwarded", "for=127.0.0.1;host=doctor.invalid;proto=http"),
    ("x-forwarded-server", NOWHERE),
    ("x-host", NOWHERE),
];

/// Claims about the client, for rules that let networks in.
const ADDRESS_CLAIMS: [&str; 2] = ["x-forwarded-for", "x-real-ip"];

/// This machine, and one of each private network (RFC 1918).
const ADDRESSES: [&str; 4] = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1"];

/// Sends each claim by itself to the page and to the sign-in; to open pages those that name a host.
pub(in crate::cli::doctor) async fn forwarded(
    visitor: &Visitor,
    page: &Step,
    login: Option<&Step>,
    open: &[Step],
) -> Finding {
    let mut findings = vec![];
    for step in std::iter::once(page).chain(login) {
        for (name, value) in CLAIMS {
            findings.push(claim(visitor, step, name, value).await);
        }
    }
    for name in ADDRESS_CLAIMS {
        for value in ADDRESSES {
            findings.push(claim(visitor, page, name, value).await);
        }
    }
    for step in open {
        for (name, value) in [CLAIMS[0], CLAIMS[3]] {
            findings.push(claim(visitor, step, name, value).await);
        }
    }
    let nothing =
        "what a stranger says about host, scheme and address changes nothing that can be seen";
    summed(FORWARDED, findings, nothing.to_owned())
}

async fn claim(visitor: &Visitor, step: &Step, name: &str, value: &'static str) -> Finding {
    let lines = [(
        HeaderName::from_bytes(name.as_bytes()).expect("these are names"),
        HeaderValue::from_static(value),
    )];
    let trial = Trial {
        check: FORWARDED,
        name,
        lines: &lines,
        letters: Letters::Lower,
    };
    let certain = |answer: &Answer| believed(step, name, value, answer);
    let doubtful = |difference| noticed(step, name, difference);
    tried(visitor, step, trial, certain, doubtful).await
}

fn open(found: String) -> Finding {
    let change = "let the proxy set this header itself, or remove it, and name only that proxy in trusted_proxies";
    Finding::open(FORWARDED, found, change)
}

/// What only a believed claim does.
pub(in crate::cli::doctor::check) fn believed(
    step: &Step,
    name: &str,
    value: &str,
    after: &Answer,
) -> Option<Finding> {
    let before = &step.answer;
    if after.holds(NOWHERE) && !before.holds(NOWHERE) {
        return Some(open(format!(
            "a stranger's {name} is believed: the answer names the host in it"
        )));
    }
    let [was, is] = [before, after].map(|answer| Reception::of(&step.place, answer));
    if is.is_through() && !was.is_through() {
        return Some(open(format!("a stranger's {name}: {value} opens the page")));
    }
    if !step.place.is_https() {
        return None;
    }
    if is_plain(&is) && !is_plain(&was) {
        return Some(open(format!(
            "a stranger's {name} makes the way lead over plain http"
        )));
    }
    let bare = |answer: &Answer| answer.cookies().iter().any(|cookie| !cookie.secure);
    (bare(after) && !bare(before))
        .then(|| open(format!("a stranger's {name} takes Secure from the cookies")))
}

fn is_plain(reception: &Reception) -> bool {
    match reception {
        Reception::SignIn(to) | Reception::Elsewhere(to) => {
            let back = to.field("rd").unwrap_or_default();
            !to.is_https() || back.starts_with("http:")
        }
        Reception::Told | Reception::Through | Reception::Refused(_) | Reception::Broken(_) => {
            false
        }
    }
}

/// What a believed claim does, and little else.
pub(in crate::cli::doctor::check) fn noticed(
    step: &Step,
    name: &str,
    difference: Difference,
) -> Option<Finding> {
    let path = shown(step.place.path());
    match difference {
        Difference::Way => Some(open(format!(
            "a stranger's {name} changes where {path} leads"
        ))),
        Difference::Status(before, after) if after == 421 || name == PROTO => Some(open(format!(
            "a stranger's {name} is believed: {path} answers {after} in place of {before}"
        ))),
        Difference::Status(_, _) => Some(difference.read(FORWARDED, name)),
        // Forms differ each time, and apps may show what they got.
        Difference::Page => None,
    }
}
