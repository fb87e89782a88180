//! What a stranger writes into headers must neither arrive nor be believed.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::{listed, unanswered};
use crate::cli::doctor::finding::{Finding, shown, worst};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Visitor};
use crate::cli::doctor::walk::Step;
use crate::secret::random;
use data_encoding::HEXLOWER;
use http::{HeaderName, HeaderValue};

const IDENTITY: &str = "identity-headers";
const FORWARDED: &str = "forwarded-headers";
const REWRITE: &str = "rewrite-headers";

/// A host that exists nowhere (RFC 2606).
const NOWHERE: &str = "doctor.invalid";

/// Claims about where a request came from and was meant for.
const CLAIMS: [(&str, &str); 8] = [
    ("x-forwarded-host", NOWHERE),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-port", "1"),
    ("forwarded", "for=127.0.0.1;host=doctor.invalid;proto=http"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("x-forwarded-server", NOWHERE),
    ("x-host", NOWHERE),
];

/// Headers that make some servers answer for another path (CVE-2018-14773) or method.
const REWRITES: [&str; 4] = [
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-original-uri",
];

/// One spelling of forged names.
#[derive(Clone, Debug)]
struct Forgery {
    names: Vec<HeaderName>,
    letters: Letters,
    marker: String,
}

impl Forgery {
    /// With `-` and with `_`, in small letters and with capitals: gateways to programs take them for one.
    fn all(names: &[HeaderName]) -> Vec<Self> {
        let folded = |name: &HeaderName| HeaderName::try_from(name.as_str().replace('-', "_")).ok();
        let low: Vec<HeaderName> = names.iter().filter_map(folded).collect();
        let all = [
            (names.to_vec(), Letters::Lower),
            (names.to_vec(), Letters::Title),
            (low.clone(), Letters::Lower),
            (low, Letters::Title),
        ];
        let forged = |(names, letters)| Self {
            names,
            letters,
            marker: marker(),
        };
        all.into_iter().map(forged).collect()
    }

    fn lines(&self) -> Vec<(HeaderName, HeaderValue)> {
        let value = HeaderValue::try_from(&self.marker).expect("a marker is visible ASCII");
        self.names
            .iter()
            .map(|name| (name.clone(), value.clone()))
            .collect()
    }

    fn name(&self) -> &str {
        self.names.first().map_or("none", HeaderName::as_str)
    }
}

/// A word that nobody else says.
pub(in crate::cli::doctor) fn marker() -> String {
    format!("vestibule-doctor-{}", HEXLOWER.encode(&random::<8>()))
}

/// Sends forged identities to the address and to every open path.
pub(in crate::cli::doctor) async fn identity(
    visitor: &Visitor,
    names: &[HeaderName],
    steps: &[Step],
) -> Finding {
    let mut findings = vec![];
    for step in steps {
        for forgery in Forgery::all(names) {
            let asked = visitor
                .ask_with(&step.place, &forgery.lines(), forgery.letters)
                .await;
            findings.push(match asked {
                Ok(answer) => forged(step, forgery.name(), &forgery.marker, &answer),
                Err(why) => unanswered(IDENTITY, "a request with forged identity headers", &why),
            });
        }
    }
    let places: Vec<Place> = steps.iter().map(|step| step.place.clone()).collect();
    let nothing = format!(
        "forged {} and {} more change nothing on {}; an app that shows no name could still get them",
        names.first().map_or("names", HeaderName::as_str),
        names.len().saturating_sub(1),
        listed(&places)
    );
    summed(IDENTITY, findings, nothing)
}

fn forged(step: &Step, name: &str, marker: &str, answer: &Answer) -> Finding {
    let change = "let every way to the app lead through the gate, or clear these headers in the proxy on every location, the open ones too";
    let path = shown(step.place.path());
    let (name, before) = (shown(name), Reception::of(&step.place, &step.answer));
    if answer.holds(marker) {
        let found = format!("a forged {name} reaches what answers at {path}, and is shown");
        return Finding::open(IDENTITY, found, change);
    }
    let after = Reception::of(&step.place, answer);
    if after.is_through() && !before.is_through() {
        return Finding::open(
            IDENTITY,
            format!("a forged {name} lets a stranger in at {path}"),
            change,
        );
    }
    changed(IDENTITY, step, answer, &name)
        .unwrap_or_else(|| Finding::ok(IDENTITY, "nothing comes of it"))
}

/// Sends claims about the way of the request, one at a time.
pub(in crate::cli::doctor) async fn forwarded(visitor: &Visitor, step: &Step) -> Finding {
    let mut findings = vec![];
    for (name, value) in CLAIMS {
        let line = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        findings.push(
            match visitor.ask_with(&step.place, &[line], Letters::Lower).await {
                Ok(answer) => claimed(step, name, &answer),
                Err(why) => unanswered(FORWARDED, name, &why),
            },
        );
    }
    let nothing =
        "what a stranger says about host, scheme and address changes nothing that can be seen";
    summed(FORWARDED, findings, nothing.to_owned())
}

fn claimed(step: &Step, name: &str, answer: &Answer) -> Finding {
    let change = "let the proxy set this header itself, or remove it, and name only that proxy in trusted_proxies";
    let open = |found: String| Finding::open(FORWARDED, found, change);
    let (before, after) = (&step.answer, answer);
    if after.holds(NOWHERE) && !before.holds(NOWHERE) {
        return open(format!(
            "a stranger's {name} is believed: the answer names the host in it"
        ));
    }
    let (was, is) = (
        Reception::of(&step.place, before),
        Reception::of(&step.place, after),
    );
    if is.is_through() && !was.is_through() {
        return open(format!("a stranger's {name} opens the page"));
    }
    let is_plain = |reception: &Reception| match reception {
        Reception::SignIn(to) | Reception::Elsewhere(to) => {
            let back = to.field("rd").unwrap_or_default();
            !to.is_https() || back.starts_with("http:")
        }
        Reception::Told | Reception::Through | Reception::Refused(_) | Reception::Broken(_) => {
            false
        }
    };
    if step.place.is_https() && is_plain(&is) && !is_plain(&was) {
        return open(format!(
            "a stranger's {name} makes the way lead over plain http"
        ));
    }
    let bare = |answer: &Answer| answer.cookies().iter().any(|cookie| !cookie.secure);
    if step.place.is_https() && bare(after) && !bare(before) {
        return open(format!("a stranger's {name} takes Secure from the cookies"));
    }
    changed(FORWARDED, step, answer, name)
        .unwrap_or_else(|| Finding::ok(FORWARDED, "nothing comes of it"))
}

/// Asks for the closed page with headers that name an open one.
pub(in crate::cli::doctor) async fn rewrite(
    visitor: &Visitor,
    closed: &Step,
    open: &[String],
) -> Finding {
    let mut findings = vec![];
    let paths = open
        .iter()
        .filter_map(|path| HeaderValue::try_from(path).ok());
    let named = paths.flat_map(|path| REWRITES.map(|name| (name, path.clone())));
    let method = (
        "x-http-method-override",
        HeaderValue::from_static("OPTIONS"),
    );
    for (name, value) in named.chain([method]) {
        let line = (HeaderName::from_static(name), value);
        findings.push(
            match visitor
                .ask_with(&closed.place, &[line], Letters::Lower)
                .await
            {
                Ok(answer) => rewritten(closed, name, &answer),
                Err(why) => unanswered(REWRITE, name, &why),
            },
        );
    }
    let nothing = "headers that name another path or method do not open the page";
    summed(REWRITE, findings, nothing.to_owned())
}

fn rewritten(closed: &Step, name: &str, answer: &Answer) -> Finding {
    if Reception::of(&closed.place, answer).is_through() {
        return Finding::open(
            REWRITE,
            format!("a stranger's {name} opens {}", shown(closed.place.path())),
            "let the proxy remove this header: it decides by it, and the app may serve another page",
        );
    }
    changed(REWRITE, closed, answer, name)
        .unwrap_or_else(|| Finding::ok(REWRITE, "nothing comes of it"))
}

/// Another status means that somebody reads the header.
fn changed(check: &'static str, step: &Step, answer: &Answer, name: &str) -> Option<Finding> {
    let (before, after) = (step.answer.status.as_u16(), answer.status.as_u16());
    let found =
        format!("with {name} the answer is {after} in place of {before}: somebody reads it");
    let change = "find out who; let the proxy remove what a client writes there";
    (before != after).then(|| Finding::warn(check, found, change))
}

/// The worst of all, or that there was nothing.
fn summed(check: &'static str, findings: Vec<Finding>, nothing: String) -> Finding {
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    worst(bad).unwrap_or_else(|| Finding::ok(check, nothing))
}

#[cfg(test)]
mod tests;
