//! What paths lead to: those that are meant to be open, spellings that cheat, and what is not for strangers.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::{limited, unanswered};
use crate::cli::doctor::finding::{Finding, shown, worst};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Silence, Visitor};
use crate::cli::doctor::walk::Step;
use crate::web::ops::READY;
use crate::web::route::Dialect;
use http::{HeaderName, HeaderValue, StatusCode};

const OPEN: &str = "open-paths";
const TRICKS: &str = "path-tricks";
const CHECKS: &str = "check-endpoints";
const OPS: &str = "ops-endpoints";

/// Are the paths that were named with `--open` open?
pub(in crate::cli::doctor) fn open(named: &[(String, Result<Step, Silence>)]) -> Finding {
    let found = named.iter().map(|(path, asked)| {
        let path = shown(path);
        let step = match asked {
            Ok(step) => step,
            Err(why) => return unanswered(OPEN, &path, why),
        };
        if Reception::of(&step.place, &step.answer).is_through() {
            return Finding::ok(OPEN, format!("{path} is open, as --open says"));
        }
        Finding::warn(
            OPEN,
            format!(
                "{path} is not open: it answers {}",
                step.answer.status.as_u16()
            ),
            "leave out --open for it, or let an access rule with policy = \"bypass\" match it",
        )
    });
    worst(found).unwrap_or_else(|| {
        Finding::skip(
            OPEN,
            "no path was named, so nothing behind an open path was looked at",
            Some("name each path that is meant to be open with --open"),
        )
    })
}

/// Spellings of `closed` that begin like `open` or hide what they lead to.
fn tricks(open: &str, closed: &str) -> Vec<String> {
    let open = open.trim_end_matches('/');
    let depth = open.matches('/').count();
    let tail = closed.trim_start_matches('/');
    let up = |step: &str| format!("{open}{}", step.repeat(depth));
    vec![
        format!("{}/{tail}", up("/..")),
        format!("{}/{tail}", up("/%2e%2e")),
        format!("{}/{tail}", up("/.%2e")),
        format!("{}/{tail}", up("/..;")),
        format!("{}/{tail}", up("/..%3b")),
        format!("{}%2f{tail}", up("%2f..")),
        format!("{open}/{}{tail}", "..%2f".repeat(depth)),
        format!("{open}/{}{tail}", "..%5c".repeat(depth)),
        format!("{open}/{}{tail}", "..%252f".repeat(depth)),
        format!("{open}//{}{tail}", "../".repeat(depth + 1)),
    ]
}

/// Spellings of `closed` that need no open path.
fn disguises(closed: &str) -> Vec<String> {
    let tail = closed.trim_start_matches('/');
    vec![
        format!("//{tail}"),
        format!("/./{tail}"),
        format!("/%2e/{tail}"),
        format!("/;/{tail}"),
        format!("{closed};x=.css"),
        format!("{closed}%3fx=.css"),
        format!("{closed}%23.css"),
        format!("{closed}%00.css"),
    ]
}

/// Asks for the closed page by every trick.
pub(in crate::cli::doctor) async fn path_tricks(
    visitor: &Visitor,
    closed: &Place,
    open: &[Step],
) -> Finding {
    let path = closed.path();
    let mut all = disguises(path);
    all.extend(open.iter().flat_map(|step| tricks(step.place.path(), path)));
    let mut findings = vec![];
    for target in &all {
        let place = closed.at(target);
        findings.push(match visitor.ask(&place).await {
            Ok(answer) => tricked(&place, &answer),
            Err(why) => unanswered(TRICKS, &shown(target), &why),
        });
    }
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    let nothing = format!("{} spellings of {} open nothing", all.len(), shown(path));
    worst(bad).unwrap_or_else(|| Finding::ok(TRICKS, nothing))
}

fn tricked(place: &Place, answer: &Answer) -> Finding {
    let (path, status) = (shown(place.path()), answer.status.as_u16());
    if Reception::of(place, answer).is_through() {
        return Finding::open(
            TRICKS,
            format!(
                "{path} gets {status} without a sign-in, and some apps serve a closed page for it"
            ),
            "let the gate alone decide what is open: the proxy passes on every path as the browser wrote it",
        );
    }
    limited(TRICKS, &path, answer)
        .unwrap_or_else(|| Finding::ok(TRICKS, format!("{path} gets {status}")))
}

/// Asks the endpoints that are for proxies, as a stranger who claims to be one.
pub(in crate::cli::doctor) async fn checks(
    visitor: &Visitor,
    places: &[Place],
    portal: &str,
    names: &[HeaderName],
) -> Finding {
    let mut findings = vec![];
    for place in places {
        // Our own pages pass every check, so a check that is answered at all says 200.
        let asked = place.at(&format!("{portal}/login"));
        for dialect in Dialect::ALL {
            let target = match dialect {
                Dialect::ExtAuthz => format!("{portal}{}{}", dialect.path(), asked.target),
                Dialect::AuthRequest | Dialect::ForwardAuth => {
                    format!("{portal}{}", dialect.path())
                }
            };
            let endpoint = place.at(&target);
            let answer = visitor
                .ask_with(&endpoint, &as_a_proxy(&asked), Letters::Lower)
                .await;
            findings.push(checked(&endpoint, &answer, names));
        }
    }
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    worst(bad)
        .unwrap_or_else(|| Finding::ok(CHECKS, "what proxies ask is not answered to strangers"))
}

/// What proxies of every dialect would say about a request for `asked`.
fn as_a_proxy(asked: &Place) -> Vec<(HeaderName, HeaderValue)> {
    let url = asked.origin() + &asked.target;
    let lines = [
        ("x-original-url", url.as_str()),
        ("x-original-method", "GET"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", asked.scheme.as_str()),
        ("x-forwarded-host", &asked.authority()),
        ("x-forwarded-uri", &asked.target),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value)));
    let good = lines
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.ok()?)));
    good.collect()
}

fn checked(place: &Place, answer: &Result<Answer, Silence>, names: &[HeaderName]) -> Finding {
    let change = "let the proxy answer 404 for everything below authz/ under portal.path, and keep its own question internal; let trusted_proxies name that proxy and nobody else";
    let path = shown(place.path());
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return unanswered(CHECKS, &path, why),
    };
    // Each of our answers of this kind carries every identity header, if only empty.
    let is_ours = names.iter().all(|name| answer.headers.contains_key(name));
    if answer.status != StatusCode::OK {
        let kept = || Finding::ok(CHECKS, format!("{path} gets {}", answer.status.as_u16()));
        return limited(CHECKS, &path, answer).unwrap_or_else(kept);
    }
    if is_ours {
        return Finding::open(
            CHECKS,
            format!(
                "{path} tells a stranger what only proxies may ask, identities of signed-in people with it"
            ),
            change,
        );
    }
    Finding::warn(
        CHECKS,
        format!("{path} gets 200, and not from the gate"),
        change,
    )
}

/// Asks for what the gate serves to operators alone.
pub(in crate::cli::doctor) async fn ops(visitor: &Visitor, url: &Place) -> Finding {
    let mut findings = vec![];
    for path in ["/metrics", "/healthz", "/readyz"] {
        findings.push(match visitor.ask(&url.at(path)).await {
            Ok(answer) => operated(path, &answer),
            Err(why) => unanswered(OPS, path, &why),
        });
    }
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    worst(bad)
        .unwrap_or_else(|| Finding::ok(OPS, "metrics and probes of the gate are not served here"))
}

fn operated(path: &str, answer: &Answer) -> Finding {
    let change = "let the proxy lead to `listen`, never to `ops.listen`";
    if answer.status.is_success() && answer.holds("# TYPE vestibule_") {
        return Finding::open(
            OPS,
            format!("{path} shows the gate's metrics to everybody"),
            change,
        );
    }
    if answer.status.is_success() && (answer.body == READY.as_bytes() || answer.body == b"alive\n")
    {
        return Finding::warn(
            OPS,
            format!("{path} answers as the gate's own probe does"),
            change,
        );
    }
    limited(OPS, path, answer).unwrap_or_else(|| Finding::ok(OPS, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;

    fn place(target: &str) -> Place {
        Place::parse("https://app.example.com/").unwrap().at(target)
    }

    #[test]
    fn what_is_said_to_be_open_is_open() {
        let step = |status| {
            let (place, answer) = (place("/healthz"), answer(status, &[], ""));
            ("/healthz".to_owned(), Ok(Step { place, answer }))
        };
        assert_eq!(open(&[]).result, Severity::Skip);
        assert_eq!(open(&[step(200)]).result, Severity::Ok);
        assert_eq!(open(&[step(200), step(401)]).result, Severity::Warn);
        let silent = ("/healthz".to_owned(), Err(Silence::Unreachable));
        assert_eq!(open(&[step(200), silent]).result, Severity::Warn);
    }

    #[test]
    fn every_trick_leads_back_to_the_closed_page() {
        let all = tricks("/assets/a", "/admin/x");
        assert_eq!(all[0], "/assets/a/../../admin/x");
        assert_eq!(all[3], "/assets/a/..;/..;/admin/x");
        assert_eq!(all[5], "/assets/a%2f..%2f..%2fadmin/x");
        assert_eq!(all[6], "/assets/a/..%2f..%2fadmin/x");
        assert_eq!(all[9], "/assets/a//../../../admin/x");
        assert_eq!(tricks("/healthz", "/")[6], "/healthz/..%2f");
        for target in all
            .iter()
            .chain(&disguises("/admin"))
            .chain(&disguises("/"))
        {
            assert!(target.parse::<http::Uri>().is_ok(), "{target}");
        }
    }

    #[test]
    fn a_trick_that_passes_is_open() {
        let result = |status| tricked(&place("/o/..%2fx"), &answer(status, &[], "")).result;
        assert_eq!(result(200), Severity::Open);
        assert_eq!(result(429), Severity::Warn);
        for kept_out in [303, 400, 401, 403, 404] {
            assert_eq!(result(kept_out), Severity::Ok, "{kept_out}");
        }
    }

    #[test]
    fn a_check_that_strangers_may_make_is_open() {
        let names = [HeaderName::from_static("remote-user")];
        let result =
            |answer| checked(&place("/_vestibule/authz/auth-request"), &answer, &names).result;
        assert_eq!(
            result(Ok(answer(200, &[("Remote-User", "")], ""))),
            Severity::Open
        );
        assert_eq!(result(Ok(answer(200, &[], "an app"))), Severity::Warn);
        assert_eq!(result(Ok(answer(403, &[], ""))), Severity::Ok);
        assert_eq!(result(Err(Silence::Refused)), Severity::Warn);
    }

    #[test]
    fn what_is_for_operators_is_not_for_everybody() {
        let result = |status, body: &str| operated("/metrics", &answer(status, &[], body)).result;
        assert_eq!(
            result(200, "# TYPE vestibule_ready gauge\n"),
            Severity::Open
        );
        assert_eq!(result(200, READY), Severity::Warn);
        assert_eq!(result(200, "# TYPE app_requests counter\n"), Severity::Ok);
        assert_eq!(result(303, ""), Severity::Ok);
    }
}
