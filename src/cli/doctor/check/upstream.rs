//! Can the app be reached around the gate?

use crate::cli::doctor::answer::Answer;
use crate::cli::doctor::check::headers::marker;
use crate::cli::doctor::check::unanswered;
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Silence, Visitor};
use http::{HeaderName, HeaderValue};

const UPSTREAM: &str = "upstream";

/// Connects to the app directly, with a forged identity.
pub(in crate::cli::doctor) async fn direct(
    visitor: &Visitor,
    place: &Place,
    names: &[HeaderName],
) -> Finding {
    let marker = marker();
    let value = HeaderValue::try_from(&marker).expect("a marker is visible ASCII");
    let lines: Vec<_> = names
        .iter()
        .map(|name| (name.clone(), value.clone()))
        .collect();
    let answer = visitor.ask_with(place, &lines, Letters::Lower).await;
    reached(place, &marker, &answer)
}

fn reached(place: &Place, marker: &str, answer: &Result<Answer, Silence>) -> Finding {
    let change = "let the app listen on 127.0.0.1, on a Unix socket or in a network that only the gate is in, and let it verify the assertion";
    let at = place.shown();
    match answer {
        Ok(answer) if answer.holds(marker) => Finding::open(
            UPSTREAM,
            format!("{at} can be reached from here around the gate, and takes a forged identity"),
            change,
        ),
        Ok(answer) => Finding::open(
            UPSTREAM,
            format!(
                "{at} can be reached from here around the gate: it answers {}",
                answer.status.as_u16()
            ),
            change,
        ),
        Err(why @ (Silence::Tls(_) | Silence::Mute(_))) => Finding::open(
            UPSTREAM,
            format!(
                "{at} can be reached from here around the gate ({})",
                shown(&why.to_string())
            ),
            change,
        ),
        Err(why @ (Silence::Refused | Silence::Unreachable)) => {
            Finding::ok(UPSTREAM, format!("{at} cannot be reached from here: {why}"))
        }
        Err(why @ Silence::Unresolved) => Finding::skip(
            UPSTREAM,
            format!("nobody was asked at {at}: {why} here"),
            Some(
                "give --upstream the app's address in numbers: a name that only its own network knows keeps nobody out",
            ),
        ),
        Err(why @ Silence::OutOfTime) => unanswered(UPSTREAM, &at, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;

    #[test]
    fn an_app_that_answers_anybody_is_open() {
        let place = Place::parse("http://10.0.0.5:3000").unwrap();
        let of = |answer| reached(&place, "m1", &answer);
        assert_eq!(of(Err(Silence::Refused)).result, Severity::Ok);
        assert_eq!(of(Err(Silence::Unreachable)).result, Severity::Ok);
        assert_eq!(of(Err(Silence::Unresolved)).result, Severity::Skip);
        assert_eq!(of(Err(Silence::OutOfTime)).result, Severity::Warn);
        assert_eq!(of(Ok(answer(404, &[], ""))).result, Severity::Open);
        assert_eq!(of(Err(Silence::Tls("x".to_owned()))).result, Severity::Open);
        let forged = of(Ok(answer(200, &[], "hello m1")));
        assert!(
            forged.found.ends_with("takes a forged identity"),
            "{forged:?}"
        );
    }
}
