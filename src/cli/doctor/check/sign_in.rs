//! Is a stranger asked to sign in, by us, at the right address, and does that come to an end?

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::Silence;
use crate::cli::doctor::walk::{End, Walk};
use http::StatusCode;

const SIGN_IN: &str = "sign-in";
const PAGE: &str = "login-page";
const ADDRESS: &str = "login-address";
const LOOP: &str = "login-loop";

/// How a stranger is received; `expected_open` when the address is one of those that are meant to be open.
pub(in crate::cli::doctor) fn reception(walk: &Walk, expected_open: bool) -> Finding {
    if let Some((_, login)) = walk.sign_in() {
        return Finding::ok(SIGN_IN, format!("a stranger is sent to {}", login.shown()));
    }
    let Some(last) = walk.steps.last() else {
        return Finding::skip(SIGN_IN, "there was no answer", None);
    };
    let place = last.place.shown();
    match Reception::of(&last.place, &last.answer) {
        Reception::Told => Finding::ok(SIGN_IN, format!("a stranger hears 401 from {place}")),
        Reception::Refused(403) => {
            Finding::ok(SIGN_IN, format!("a stranger hears 403 from {place}"))
        }
        Reception::Through if expected_open => Finding::ok(
            SIGN_IN,
            format!("{place} is open to everybody, as --open says"),
        ),
        Reception::Through => Finding::open(
            SIGN_IN,
            format!(
                "open to everybody: a stranger gets {} from {place}",
                last.answer.status.as_u16()
            ),
            "if that is meant, name the path with --open and give --url a page that is not open; else look at the access rules, and whether the proxy leads to the gate at all",
        ),
        Reception::Refused(421) => Finding::warn(
            SIGN_IN,
            "the gate does not know this host (421)",
            "name the host in public_url or in an [[upstream]], and let the proxy pass on Host as it came",
        ),
        Reception::Refused(status) => Finding::warn(
            SIGN_IN,
            format!("{place} answers {status}, which does not tell whether a page would be closed"),
            "give --url a page of the app that exists",
        ),
        Reception::Broken(status) => Finding::warn(
            SIGN_IN,
            format!("{place} answers {status}: something behind is down"),
            "let gate and app run, and try again",
        ),
        Reception::Elsewhere(_) | Reception::SignIn(_) => Finding::warn(
            SIGN_IN,
            format!("redirects lead from {place} to nowhere"),
            "see login-loop",
        ),
    }
}

/// Is it our page, with our keys beside it?
pub(in crate::cli::doctor) fn page(
    login: &Place,
    page: &Result<Answer, Silence>,
    keys: &Result<Answer, Silence>,
) -> Finding {
    let place = login.shown();
    let is_ours = page.as_ref().is_ok_and(is_login_page);
    let keys = keys.as_ref().ok().and_then(key_count);
    match (is_ours, keys) {
        (true, Some(count)) => Finding::ok(
            PAGE,
            format!("{place} is Vestibule's, with its public keys ({count}) beside it"),
        ),
        (true, None) => Finding::warn(
            PAGE,
            format!("{place} looks like Vestibule's, and no jwks.json is beside it"),
            "let the proxy pass everything below the portal's path on to the gate: apps verify identities with these keys",
        ),
        (false, _) => Finding::open(
            PAGE,
            format!("what answers at {place} is not Vestibule's sign-in"),
            "let the proxy pass everything below the portal's path on to the gate; whoever answers there can collect passwords",
        ),
    }
}

fn is_login_page(page: &Answer) -> bool {
    let framed = page.header("content-security-policy").unwrap_or_default();
    page.status == StatusCode::OK
        && framed.contains("frame-ancestors 'none'")
        && ["name=\"username\"", "name=\"password\""]
            .iter()
            .all(|field| page.holds(field))
}

fn key_count(keys: &Answer) -> Option<usize> {
    let set: serde_json::Value = serde_json::from_slice(&keys.body).ok()?;
    let keys = set.get("keys")?.as_array()?;
    let named = keys
        .iter()
        .filter(|key| key.get("kid").is_some_and(serde_json::Value::is_string));
    let count = named.count();
    (count > 0).then_some(count)
}

/// Are sign-in and way back where they belong? `public` is the host of `public_url`, where it is known.
pub(in crate::cli::doctor) fn address(
    from: &Place,
    login: &Place,
    public: Option<&str>,
) -> Finding {
    let change = "set public_url to what browsers see, and let the proxy pass on Host and set X-Forwarded-Proto";
    let open = |found: String| Finding::open(ADDRESS, found, change);
    let (at, host) = (login.shown(), shown(&login.host));
    if from.is_https() && !login.is_https() {
        return open(format!("the sign-in is over plain http: {at}"));
    }
    if let Some(public) = public.filter(|public| *public != login.host && login.host != from.host) {
        return open(format!(
            "the sign-in is on {host}, and public_url says {public}"
        ));
    }
    if public.is_none() && !from.is_akin(login) {
        return open(format!(
            "the sign-in is on {host}, which belongs to another domain"
        ));
    }
    if login.host == from.host && login.scheme == from.scheme && login.port != from.port {
        return Finding::warn(
            ADDRESS,
            format!("the sign-in is on another port: {at}"),
            change,
        );
    }
    match way_back(from, login) {
        WayBack::Here => Finding::ok(
            ADDRESS,
            "the sign-in and the way back from it are where they belong",
        ),
        WayBack::Plain => open("the way back from the sign-in is over plain http".to_owned()),
        WayBack::Elsewhere(host) => open(format!(
            "the way back from the sign-in leads to {}",
            shown(&host)
        )),
    }
}

enum WayBack {
    Here,
    Plain,
    Elsewhere(String),
}

fn way_back(from: &Place, login: &Place) -> WayBack {
    let Some(back) = login.field("rd").and_then(|rd| login.join(&rd)) else {
        return WayBack::Here;
    };
    // A path leads back to the host of the sign-in, which was judged already.
    if back.host != from.host && back.host != login.host {
        WayBack::Elsewhere(back.host)
    } else if from.is_https() && !back.is_https() {
        WayBack::Plain
    } else {
        WayBack::Here
    }
}

/// Does the walk come to an end?
pub(in crate::cli::doctor) fn ending(walk: &Walk) -> Finding {
    match &walk.end {
        End::Page => {
            let hops = walk.steps.len().saturating_sub(1);
            Finding::ok(
                LOOP,
                format!("a browser arrives at a page after {hops} redirects"),
            )
        }
        End::Loop => Finding::warn(
            LOOP,
            "redirects go on and on: nobody can sign in",
            "mostly proxy and gate disagree about https: let the proxy set X-Forwarded-Proto, and name it in trusted_proxies",
        ),
        End::Silent(place, why) => Finding::warn(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;
    use crate::cli::doctor::walk::Step;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    fn walk(answers: &[(u16, &str)], end: End) -> Walk {
        let step = |(status, location): &(u16, &str)| Step {
            place: place("https://a.example/x"),
            answer: answer(*status, &[("Location", location)], ""),
        };
        Walk {
            steps: answers.iter().map(step).collect(),
            end,
        }
    }

    #[test]
    fn a_stranger_has_to_be_stopped() {
        let result =
            |answers: &[(u16, &str)], open| reception(&walk(answers, End::Page), open).result;
        assert_eq!(
            result(&[(303, "/_vestibule/login"), (200, "")], false),
            Severity::Ok
        );
        assert_eq!(result(&[(401, "")], false), Severity::Ok);
        assert_eq!(result(&[(403, "")], false), Severity::Ok);
        assert_eq!(result(&[(200, "")], false), Severity::Open);
        assert_eq!(result(&[(302, "/home"), (200, "")], false), Severity::Open);
        assert_eq!(result(&[(200, "")], true), Severity::Ok);
        for unclear in [404, 421, 502] {
            assert_eq!(result(&[(unclear, "")], false), Severity::Warn, "{unclear}");
        }
    }

    #[test]
    fn a_sign_in_of_somebody_else_is_found() {
        let login = place("https://a.example/_vestibule/login");
        let csp = [("Content-Security-Policy", "frame-ancestors 'none'")];
        let form = "<input name=\"username\"><input name=\"password\">";
        let ours = || Ok(answer(200, &csp, form));
        let keys = || Ok(answer(200, &[], r#"{"keys":[{"kid":"1"}]}"#));
        let result = |page_, keys| page(&login, &page_, &keys).result;
        assert_eq!(result(ours(), keys()), Severity::Ok);
        assert_eq!(
            result(ours(), Ok(answer(200, &[], r#"{"keys":[]}"#))),
            Severity::Warn
        );
        assert_eq!(
            result(ours(), Ok(answer(404, &[], "<html>"))),
            Severity::Warn
        );
        assert_eq!(result(Ok(answer(200, &[], form)), keys()), Severity::Open);
        assert_eq!(result(Err(Silence::Refused), keys()), Severity::Open);
    }

    #[test]
    fn sign_in_and_way_back_are_https_and_at_home() {
        let from = place("https://app.example.com/x");
        let login = "https://app.example.com/_vestibule/login";
        for (login, public, expected) in [
            ("/_vestibule/login?rd=%2Fx", None, Severity::Ok),
            (
                "https://auth.example.com/login?rd=https%3A%2F%2Fapp.example.com%2Fx",
                None,
                Severity::Ok,
            ),
            (
                "https://auth.example.org/login",
                Some("auth.example.org"),
                Severity::Ok,
            ),
            ("https://app.example.com:8443/login", None, Severity::Warn),
            (
                "https://auth.example.com/login",
                Some("login.example.com"),
                Severity::Open,
            ),
            (
                "http://app.example.com/_vestibule/login?rd=%2Fx",
                None,
                Severity::Open,
            ),
            ("https://localhost/login", None, Severity::Open),
            (
                &format!("{login}?rd=http%3A%2F%2Fapp.example.com%2Fx"),
                None,
                Severity::Open,
            ),
            (
                &format!("{login}?rd=https%3A%2F%2Fevil.example.net%2F"),
                None,
                Severity::Open,
            ),
        ] {
            let to = from.join(login).unwrap();
            assert_eq!(
                address(&from, &to, public).result,
                expected,
                "{login} {public:?}"
            );
        }
    }

    #[test]
    fn a_loop_is_found() {
        assert_eq!(ending(&walk(&[(200, "")], End::Page)).result, Severity::Ok);
        assert_eq!(
            ending(&walk(&[(302, "/x")], End::Loop)).result,
            Severity::Warn
        );
        let silent = End::Silent(place("http://localhost:8080/"), Silence::Refused);
        assert_eq!(ending(&walk(&[(302, "/x")], silent)).result, Severity::Warn);
    }
}
