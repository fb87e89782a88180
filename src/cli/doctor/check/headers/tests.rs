use super::*;
use crate::cli::doctor::answer::answer;
use crate::cli::doctor::finding::Severity;

fn step(status: u16, headers: &[(&str, &str)], body: &str) -> Step {
    Step {
        place: Place::parse("https://app.example.com/x").unwrap(),
        answer: answer(status, headers, body),
    }
}

const LOGIN: (&str, &str) = ("Location", "/_vestibule/login?rd=%2Fx");

#[test]
fn names_are_forged_in_every_spelling_with_a_marker_each() {
    let forgeries = Forgery::all(&[HeaderName::from_static("remote-user")]);
    let names: Vec<(&str, Letters)> = forgeries.iter().map(|f| (f.name(), f.letters)).collect();
    let expected = [
        ("remote-user", Letters::Lower),
        ("remote-user", Letters::Title),
        ("remote_user", Letters::Lower),
        ("remote_user", Letters::Title),
    ];
    assert_eq!(names, expected);
    assert_ne!(forgeries[0].marker, forgeries[1].marker);
}

#[test]
fn a_forged_identity_that_arrives_or_counts_is_open() {
    let closed = step(303, &[LOGIN], "");
    let open = step(200, &[], "hello");
    let result = |step: &Step, after: &Answer| forged(step, "remote_user", "m1", after).result;
    assert_eq!(result(&closed, &closed.answer), Severity::Ok);
    assert_eq!(result(&closed, &answer(200, &[], "")), Severity::Open);
    assert_eq!(result(&closed, &answer(400, &[], "")), Severity::Warn);
    assert_eq!(
        result(&open, &answer(200, &[], "hello again")),
        Severity::Ok
    );
    assert_eq!(result(&open, &answer(200, &[], "hello m1")), Severity::Open);
    assert_eq!(
        result(&open, &answer(200, &[("X-User", "m1")], "")),
        Severity::Open
    );
}

#[test]
fn a_claim_that_is_believed_is_open() {
    let secure = ("Set-Cookie", "a=b; Secure");
    let closed = step(303, &[LOGIN, secure], "");
    let result = |after: Answer| claimed(&closed, "x-forwarded-host", &after).result;
    assert_eq!(result(closed.answer.clone()), Severity::Ok);
    let to = |location| answer(303, &[("Location", location), secure], "");
    assert_eq!(
        result(to("https://doctor.invalid/_vestibule/login")),
        Severity::Open
    );
    assert_eq!(
        result(to("/_vestibule/login?rd=http%3A%2F%2Fapp.example.com%2F")),
        Severity::Open
    );
    assert_eq!(
        result(to("http://app.example.com/_vestibule/login")),
        Severity::Open
    );
    assert_eq!(
        result(answer(303, &[LOGIN, ("Set-Cookie", "a=b")], "")),
        Severity::Open
    );
    assert_eq!(result(answer(200, &[secure], "")), Severity::Open);
    assert_eq!(result(answer(421, &[], "")), Severity::Warn);
}

#[test]
fn a_header_that_opens_another_path_is_open() {
    let closed = step(303, &[LOGIN], "");
    let result = |after: &Answer| rewritten(&closed, "x-original-url", after).result;
    assert_eq!(result(&closed.answer), Severity::Ok);
    assert_eq!(result(&answer(200, &[], "")), Severity::Open);
    assert_eq!(result(&answer(404, &[], "")), Severity::Warn);
}

#[test]
fn the_worst_of_many_is_told_and_nothing_is_said_so() {
    let nothing = || {
        summed(
            IDENTITY,
            vec![Finding::ok(IDENTITY, "a")],
            "nothing".to_owned(),
        )
    };
    assert_eq!(nothing(), Finding::ok(IDENTITY, "nothing"));
    let findings = vec![
        Finding::warn(IDENTITY, "a", "x"),
        Finding::open(IDENTITY, "b", "x"),
    ];
    assert_eq!(summed(IDENTITY, findings, String::new()).found, "b");
}
