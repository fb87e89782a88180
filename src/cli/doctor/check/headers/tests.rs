use super::*;
use crate::cli::doctor::answer::{Answer, answer};
use crate::cli::doctor::check::headers::identity::Spelling;
use crate::cli::doctor::check::headers::trial::{Difference, unsteady};
use crate::cli::doctor::finding::Severity;
use crate::cli::doctor::place::Place;
use crate::cli::doctor::walk::Step;
use http::HeaderName;

fn step(status: u16, headers: &[(&str, &str)], body: &str) -> Step {
    Step {
        place: Place::parse("https://app.example.com/x").unwrap(),
        answer: answer(status, headers, body),
    }
}

fn result(finding: Option<Finding>) -> Severity {
    finding.map_or(Severity::Ok, |finding| finding.result)
}

const LOGIN: (&str, &str) = ("Location", "/_vestibule/login?rd=%2Fx");

#[test]
fn names_are_forged_in_every_spelling() {
    let names = |spelling: Spelling, name: &'static str| {
        let spelled = spelling.names(&[HeaderName::from_static(name)]);
        let texts = spelled.iter().map(|name| name.as_str().to_owned());
        texts.collect::<Vec<_>>()
    };
    let under = Spelling::Underscores;
    assert_eq!(names(Spelling::AsNamed, "remote-user"), ["remote-user"]);
    assert_eq!(names(under, "remote-user"), ["remote_user"]);
    assert_eq!(names(under, "a-b-c"), ["a_b-c", "a-b_c", "a_b_c"]);
    assert_eq!(names(under, "user"), [""; 0]);
    assert_eq!(names(under, "a-b-c-d-e-f"), ["a_b_c_d_e_f"]);
    assert_ne!(marker(), marker());
}

#[test]
fn a_forged_identity_that_arrives_or_counts_is_open() {
    let closed = step(303, &[LOGIN], "");
    let open = step(200, &[], "hello");
    let result = |step: &Step, after: &Answer| {
        result(identity::arrived(
            step,
            Spelling::Underscores,
            "x",
            "m1",
            after,
        ))
    };
    assert_eq!(result(&closed, &closed.answer), Severity::Ok);
    assert_eq!(result(&closed, &answer(200, &[], "")), Severity::Open);
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
fn a_page_that_changes_with_a_forged_name_is_open() {
    let open = step(200, &[], "hello");
    let noticed = |difference| identity::noticed(&open, Spelling::AsNamed, "x", difference).result;
    assert_eq!(noticed(Difference::Page), Severity::Open);
    assert_eq!(noticed(Difference::Status(200, 400)), Severity::Warn);
}

#[test]
fn answers_differ_by_status_way_and_page() {
    let open = step(200, &[], "hello");
    assert_eq!(Difference::of(&open, &open.answer), None);
    let other = answer(200, &[], "bye");
    assert_eq!(Difference::of(&open, &other), Some(Difference::Page));
    let closed = step(303, &[LOGIN], "a");
    assert_eq!(Difference::of(&closed, &answer(303, &[LOGIN], "b")), None);
    let elsewhere = answer(303, &[("Location", "/_vestibule/login")], "");
    assert_eq!(Difference::of(&closed, &elsewhere), Some(Difference::Way));
    let refused = Difference::of(&closed, &answer(400, &[], ""));
    assert_eq!(refused, Some(Difference::Status(303, 400)));
}

#[test]
fn an_answer_that_changes_by_itself_accuses_no_header() {
    let status = Difference::Status(200, 403);
    let without = |with, without| unsteady("x", with, without).map(|finding| finding.result);
    let (ok, warn) = (Some(Severity::Ok), Some(Severity::Warn));
    for with in [status, Difference::Way, Difference::Page] {
        assert_eq!(without(with, None), None, "{with:?}");
        let limit = Some(Difference::Status(200, 429));
        assert_eq!(without(with, limit), warn, "{with:?}");
    }
    let page = Some(Difference::Page);
    assert_eq!(without(Difference::Page, page), ok);
    assert_eq!(without(Difference::Way, Some(Difference::Way)), ok);
    // Each form has a token of its own, and its status counts all the same.
    assert_eq!(without(status, page), None);
}

#[test]
fn a_claim_that_is_believed_is_open() {
    let secure = ("Set-Cookie", "a=b; Secure");
    let closed = step(303, &[LOGIN, secure], "");
    let result = |after: Answer| {
        result(forwarded::believed(
            &closed,
            "x-forwarded-host",
            "a",
            &after,
        ))
    };
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
}

#[test]
fn a_claim_that_changes_the_answer_is_open_where_only_belief_does_that() {
    let closed = step(303, &[LOGIN], "");
    let noticed = |name, difference| result(forwarded::noticed(&closed, name, difference));
    let status = |after| Difference::Status(303, after);
    assert_eq!(noticed("x-forwarded-host", Difference::Way), Severity::Open);
    assert_eq!(noticed("x-forwarded-host", status(421)), Severity::Open);
    assert_eq!(noticed("x-forwarded-proto", status(403)), Severity::Open);
    assert_eq!(noticed("x-forwarded-host", status(403)), Severity::Warn);
    assert_eq!(noticed("x-host", Difference::Page), Severity::Ok);
}

#[test]
fn a_header_that_opens_another_path_is_open() {
    let closed = step(303, &[LOGIN], "");
    let result = |after: &Answer| result(rewrite::opened(&closed, "x-original-url", after));
    assert_eq!(result(&closed.answer), Severity::Ok);
    assert_eq!(result(&answer(404, &[], "")), Severity::Ok);
    assert_eq!(result(&answer(200, &[], "")), Severity::Open);
}

#[test]
fn the_worst_of_many_is_told_and_nothing_is_said_so() {
    let nothing = || summed("x", vec![Finding::ok("x", "a")], "nothing".to_owned());
    assert_eq!(nothing(), Finding::ok("x", "nothing"));
    let findings = vec![Finding::warn("x", "a", "x"), Finding::open("x", "b", "x")];
    assert_eq!(summed("x", findings, String::new()).found, "b");
}
