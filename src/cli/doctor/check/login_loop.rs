//! Does signing in come to an end? It does not, where redirects go on and on or a cookie gets lost.
//!
//! A stranger cannot sign in, but can see whether the cookie of the sign-in's form goes to the browser and back,
//! and whether cookies reach the gate when it judges a page.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::sign_in::is_ours;
use crate::cli::doctor::check::unanswered;
use crate::cli::doctor::finding::{Finding, shown, worst};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Silence, Visitor};
use crate::cli::doctor::walk::{End, Jar, Step, Walk};
use http::HeaderValue;
use http::header::COOKIE;

const LOOP: &str = "login-loop";

/// More pairs than the gate reads, so it refuses a request for a page that it would else send to the sign-in.
const TOO_MANY: usize = crate::web::request::cookies::MAX_PAIRS + 1;

/// Looks at the way to the sign-in, and at the cookies of `page`, if that is ours.
pub(in crate::cli::doctor) async fn ends(
    visitor: &Visitor,
    walk: &Walk,
    base: &Step,
    page: Option<&Step>,
) -> Finding {
    let mut findings = vec![ending(walk)];
    if let Some(Step { place, answer }) = page {
        findings.push(set(answer));
        findings.extend(come_back(visitor, place, answer).await);
        findings.extend(reach_the_gate(visitor, base).await);
    }
    let bad = findings
        .into_iter()
        .filter(|finding| finding.change.is_some());
    let cookies = match page {
        Some(_) => "the cookie of the sign-in goes there and back",
        None => "cookies could not be looked at",
    };
    let hops = walk.steps.len().saturating_sub(1);
    let good = format!("a browser arrives at a page after {hops} redirects; {cookies}");
    worst(bad).unwrap_or_else(|| Finding::ok(LOOP, good))
}

fn ending(walk: &Walk) -> Finding {
    match &walk.end {
        End::Page => Finding::ok(LOOP, "it comes to an end"),
        End::Loop => Finding::broken(
            LOOP,
            "redirects go on and on: nobody can sign in",
            "mostly proxy and gate disagree about https: let the proxy set X-Forwarded-Proto, and let trusted_proxies name it",
        ),
        End::Silent(place, why) => Finding::broken(
            LOOP,
            format!(
                "redirects end at {}: {}",
                place.shown(),
                shown(&why.to_string())
            ),
            "set public_url to what browsers see",
        ),
    }
}

/// Our form always comes with a cookie, to whoever has none.
fn set(page: &Answer) -> Finding {
    if page.cookies().is_empty() {
        return Finding::broken(
            LOOP,
            "the sign-in sets no cookie: something drops Set-Cookie, and nobody can sign in",
            "let the proxy, and any cache before it, pass on Set-Cookie as it comes",
        );
    }
    Finding::ok(LOOP, "the sign-in sets a cookie")
}

async fn come_back(visitor: &Visitor, login: &Place, page: &Answer) -> Option<Finding> {
    let mut jar = Jar::default();
    jar.keep(login, page);
    let lines = [(COOKIE, jar.line(login)?)];
    Some(
        match visitor.ask_with(login, &lines, Letters::Lower).await {
            Ok(again) => came_back(page, &again),
            Err(why) => unanswered(LOOP, "the sign-in with its cookie", &why),
        },
    )
}

/// To whoever has the cookie it is not set again.
fn came_back(first: &Answer, again: &Answer) -> Finding {
    let names = |answer: &Answer| answer.cookies().into_iter().map(|cookie| cookie.name);
    let known: Vec<String> = names(first).collect();
    let lost = names(again).find(|name| known.contains(name));
    match lost.filter(|_| is_ours(again)) {
        Some(name) => Finding::broken(
            LOOP,
            format!(
                "the cookie {} does not come back to the sign-in: something drops Cookie, and nobody can sign in",
                shown(&name)
            ),
            "let the proxy pass on Cookie to the gate; where it picks cookies by name, those that begin like session.cookie_name",
        ),
        None => Finding::ok(LOOP, "the cookie of the sign-in comes back"),
    }
}

async fn reach_the_gate(visitor: &Visitor, base: &Step) -> Option<Finding> {
    let pairs = vec!["a=1"; TOO_MANY].join("; ");
    let lines = [(COOKIE, HeaderValue::try_from(pairs).ok()?)];
    match Reception::of(&base.place, &base.answer) {
        Reception::SignIn(_) | Reception::Told => {}
        Reception::Elsewhere(_)
        | Reception::Through
        | Reception::Refused(_)
        | Reception::Broken(_) => return None,
    }
    Some(
        match visitor.ask_with(&base.place, &lines, Letters::Lower).await {
            Ok(answer) => reached(base, &answer),
            // Refused without a word: somebody read them.
            Err(Silence::Mute(_)) => Finding::ok(LOOP, "too many cookies are refused"),
            Err(why) => unanswered(LOOP, "a page with many cookies", &why),
        },
    )
}

fn reached(base: &Step, answer: &Answer) -> Finding {
    if answer.status != base.answer.status {
        return Finding::ok(LOOP, "too many cookies are refused");
    }
    Finding::broken(
        LOOP,
        format!(
            "the gate judges {} without the cookies of the browser: whoever signs in is sent to the sign-in again",
            shown(base.place.path())
        ),
        "let the proxy pass on Cookie when it asks the gate: Envoy needs it in allowed_headers, Traefik in authRequestHeaders where that is set",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;
    use crate::cli::doctor::walk::walk;

    const CSP: (&str, &str) = ("Content-Security-Policy", "frame-ancestors 'none'");
    const FORM: &str = "<input name=\"username\"><input name=\"password\">";

    #[test]
    fn a_way_without_end_is_a_loop() {
        let result = |status, end| {
            let walk = walk("https://a.example/x", &[(status, "/x")], end);
            ending(&walk).result
        };
        assert_eq!(result(200, End::Page), Severity::Ok);
        assert_eq!(result(302, End::Loop), Severity::Broken);
        let place = Place::parse("http://localhost:8080/").unwrap();
        let silent = End::Silent(place, Silence::Refused);
        assert_eq!(result(302, silent), Severity::Broken);
    }

    #[test]
    fn a_cookie_that_gets_lost_is_a_loop() {
        let page = |lines: &[&str]| {
            let lines = lines.iter().map(|line| ("Set-Cookie", *line));
            let headers: Vec<_> = std::iter::once(CSP).chain(lines).collect();
            answer(200, &headers, FORM)
        };
        assert_eq!(set(&page(&["s-csrf=1; Secure"])).result, Severity::Ok);
        assert_eq!(set(&page(&[])).result, Severity::Broken);
        let came = |again| came_back(&page(&["s-csrf=1"]), &again).result;
        assert_eq!(came(page(&[])), Severity::Ok);
        assert_eq!(came(page(&["other=1"])), Severity::Ok);
        assert_eq!(came(page(&["s-csrf=2"])), Severity::Broken);
    }

    #[test]
    fn a_page_that_is_judged_without_cookies_is_a_loop() {
        let base = Step {
            place: Place::parse("https://a.example/x").unwrap(),
            answer: answer(303, &[("Location", "/_vestibule/login")], ""),
        };
        for (status, expected) in [
            (303, Severity::Broken),
            (431, Severity::Ok),
            (500, Severity::Ok),
        ] {
            assert_eq!(
                reached(&base, &answer(status, &[], "")).result,
                expected,
                "{status}"
            );
        }
    }
}
