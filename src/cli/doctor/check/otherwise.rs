//! The closed page, asked for as no browser that follows a link does: the gate is to be asked about each request.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::{limited, unanswered};
use crate::cli::doctor::finding::{Finding, shown, worst};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Asking, Letters, Lines, Silence, Visitor};
use http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Method, StatusCode};

const OTHERWISE: &str = "other-requests";
const ROOTLESS: &str = "odd-target";

const CHANGE: &str =
    "let the proxy ask the gate about every request, whatever its method and headers are";

/// The handshake of RFC 6455, 4.1, with the key that stands there.
const HANDSHAKE: [(HeaderName, HeaderValue); 4] = [
    (CONNECTION, HeaderValue::from_static("Upgrade")),
    (UPGRADE, HeaderValue::from_static("websocket")),
    (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
    (
        SEC_WEBSOCKET_KEY,
        HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
    ),
];

/// Asks for the closed page as programs do, with methods that change nothing.
pub(in crate::cli::doctor) async fn otherwise(visitor: &Visitor, closed: &Place) -> Finding {
    let kinds: [(&str, Method, Lines<'_>); 4] = [
        ("a program", Method::GET, &[]),
        ("a HEAD", Method::HEAD, &[]),
        ("an OPTIONS", Method::OPTIONS, &[]),
        ("a WebSocket", Method::GET, &HANDSHAKE),
    ];
    let mut findings = vec![];
    for (kind, method, lines) in kinds {
        let asking = Asking::Program(method.clone());
        let asked = visitor.ask_as(&asking, closed, lines, Letters::Title);
        findings.push(match asked.await {
            Ok(answer) => received(closed, kind, &method, &answer),
            Err(why) => unanswered(OTHERWISE, kind, &why),
        });
    }
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    let nothing = "programs, HEAD, OPTIONS and WebSockets are stopped as browsers are";
    worst(bad).unwrap_or_else(|| Finding::ok(OTHERWISE, nothing))
}

fn received(closed: &Place, kind: &str, method: &Method, answer: &Answer) -> Finding {
    let (path, status) = (shown(closed.path()), answer.status.as_u16());
    let is_tunnel = answer.status == StatusCode::SWITCHING_PROTOCOLS;
    if !is_tunnel && !Reception::of(closed, answer).is_through() {
        return limited(OTHERWISE, kind, answer)
            .unwrap_or_else(|| Finding::ok(OTHERWISE, format!("{kind} gets {status}")));
    }
    if method == Method::OPTIONS && answer.body.is_empty() {
        return Finding::warn(
            OTHERWISE,
            format!("{kind} gets {status} from {path} without a sign-in, and no page"),
            "right where a rule opens OPTIONS, or the proxy answers it; else let the proxy ask the gate about it",
        );
    }
    let found = format!("{kind} gets {status} from {path} without a sign-in");
    Finding::open(OTHERWISE, found, CHANGE)
}

/// Asks for the keys, which everybody may see, by a target that is no path: a proxy that takes it for an address
/// may ask the gate about the keys, and pass on the request to the app.
pub(in crate::cli::doctor) async fn rootless(
    visitor: &Visitor,
    closed: &Place,
    keys: &str,
) -> Finding {
    let target = format!("x:{}{keys}", closed.origin());
    let answer = visitor.ask_raw(closed, &target).await;
    told(&target, &answer)
}

fn told(target: &str, answer: &Result<StatusCode, Silence>) -> Finding {
    let target = shown(target);
    match answer {
        Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => Finding::warn(
            ROOTLESS,
            format!("{target} meets a limit"),
            "try again when less is going on",
        ),
        Ok(status) if status.is_client_error() || status.is_server_error() => {
            Finding::ok(ROOTLESS, format!("{target} gets {}", status.as_u16()))
        }
        Ok(status) => Finding::open(
            ROOTLESS,
            format!("{target} gets {} in place of an error", status.as_u16()),
            "let the proxy answer 400 to targets that do not begin with /; `vestibule integrate` prints how",
        ),
        // To hang up is an answer, too.
        Err(Silence::Mute(_)) => Finding::ok(ROOTLESS, format!("{target} gets no answer")),
        Err(why) => unanswered(ROOTLESS, &target, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;

    #[test]
    fn an_answer_that_is_no_sign_in_is_open() {
        let closed = Place::parse("https://app.example.com/x").unwrap();
        let login = ("Location", "/_vestibule/login?rd=%2Fx");
        let result = |method, answer| received(&closed, "it", &method, &answer).result;
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for (status, expected) in [
                (200, Severity::Open),
                (101, Severity::Open),
                (429, Severity::Warn),
                (401, Severity::Ok),
                (404, Severity::Ok),
            ] {
                let answer = answer(status, &[], "it");
                assert_eq!(
                    result(method.clone(), answer),
                    expected,
                    "{method} {status}"
                );
            }
            let answer = answer(303, &[login], "");
            assert_eq!(result(method, answer), Severity::Ok);
        }
        let empty = |method| result(method, answer(204, &[], ""));
        assert_eq!(empty(Method::OPTIONS), Severity::Warn);
        assert_eq!(empty(Method::HEAD), Severity::Open);
    }

    #[test]
    fn a_target_that_is_none_gets_an_error_or_nothing() {
        let result = |answer| told("x:https://app.example.com/", &answer).result;
        let status = |code| result(Ok(StatusCode::from_u16(code).unwrap()));
        assert_eq!([200, 303].map(status), [Severity::Open; 2]);
        assert_eq!([400, 404, 500].map(status), [Severity::Ok; 3]);
        assert_eq!([429, 503].map(status), [Severity::Warn; 2]);
        let silent = |why| result(Err(why));
        assert_eq!(silent(Silence::Mute("x".to_owned())), Severity::Ok);
        assert_eq!(silent(Silence::OutOfTime), Severity::Warn);
    }
}
