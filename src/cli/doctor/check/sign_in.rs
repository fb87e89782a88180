//! Is a stranger asked to sign in, and by us?

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::Silence;
use crate::cli::doctor::walk::{End, Walk};
use http::StatusCode;

const SIGN_IN: &str = "sign-in";
const PAGE: &str = "login-page";

/// Whether a page is meant to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Meant {
    /// To everybody: `--open` names it.
    Open,
    /// To nobody without a sign-in.
    Closed,
}

/// Where a sign-in should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Login {
    /// A stranger was sent there, or the configuration says so.
    Known(Place),
    /// Nobody said so: on the host that answered 401.
    Guessed(Place),
}

impl Login {
    pub(in crate::cli::doctor) fn place(&self) -> &Place {
        match self {
            Self::Known(place) | Self::Guessed(place) => place,
        }
    }
}

/// How a stranger is received.
pub(in crate::cli::doctor) fn reception(walk: &Walk, meant: Meant) -> Finding {
    if let Some((_, login)) = walk.sign_in() {
        return Finding::ok(SIGN_IN, format!("a stranger is sent to {}", login.shown()));
    }
    match (walk.steps.last(), &walk.end) {
        (Some(last), End::Page) => received(&last.place, &last.answer, meant),
        (Some(_), End::Loop | End::Silent(_, _)) | (None, _) => {
            Finding::skip(SIGN_IN, "no page was reached: see login-loop", None)
        }
    }
}

fn received(place: &Place, answer: &Answer, meant: Meant) -> Finding {
    let at = place.shown();
    let broken = |found: String, change| Finding::broken(SIGN_IN, found, change);
    match Reception::of(place, answer) {
        Reception::Told => Finding::ok(SIGN_IN, format!("a stranger hears 401 from {at}")),
        Reception::Through if meant == Meant::Open => Finding::ok(
            SIGN_IN,
            format!("{at} is open to everybody, as --open says"),
        ),
        Reception::Through => Finding::open(
            SIGN_IN,
            format!(
                "open to everybody: a stranger gets {} from {at}",
                answer.status.as_u16()
            ),
            "if that is meant, name the path with --open and give --url a page that is not open; else look at the access rules, and whether the proxy leads to the gate at all",
        ),
        Reception::Refused(403) => Finding::warn(
            SIGN_IN,
            format!("a stranger hears 403 from {at}, and is not asked to sign in"),
            "right for a policy = \"deny\": give --url another page; else let trusted_proxies name the proxy that asks the gate",
        ),
        Reception::Refused(421) => broken(
            format!("the gate does not know this host: {at} answers 421"),
            "name the host in public_url or as host of an [[upstream]], and let the proxy pass on Host as it came",
        ),
        Reception::Refused(status) => broken(
            format!("{at} answers {status}, so nobody is asked to sign in"),
            "the gate asks before it looks whether a page exists: let the proxy lead this host to the gate, or ask it",
        ),
        Reception::Broken(status) => broken(
            format!("{at} answers {status}: something behind is down"),
            "let gate and app run, and try again",
        ),
        Reception::Elsewhere(_) | Reception::SignIn(_) => {
            Finding::skip(SIGN_IN, "no page was reached: see login-loop", None)
        }
    }
}

/// Is it our page, with our keys beside it?
pub(in crate::cli::doctor) fn page(
    login: &Login,
    page: &Result<Answer, Silence>,
    keys: &Result<Answer, Silence>,
) -> Finding {
    let place = login.place().shown();
    let pass_on = "let the proxy pass everything below portal.path on to the gate";
    let answer = match page {
        Ok(answer) => answer,
        Err(why) => {
            let why = shown(&why.to_string());
            return Finding::broken(PAGE, format!("no answer at {place}: {why}"), pass_on);
        }
    };
    let keys = keys.as_ref().ok().and_then(key_count);
    match (is_ours(answer), keys, login) {
        (true, Some(count), _) => Finding::ok(
            PAGE,
            format!("{place} is Vestibule's, with its public keys ({count}) beside it"),
        ),
        (true, None, _) => Finding::warn(
            PAGE,
            format!("{place} looks like Vestibule's, and no jwks.json is beside it"),
            "let the proxy pass everything below portal.path on to the gate: apps verify identities with these keys",
        ),
        (false, _, Login::Guessed(_)) => Finding::warn(
            PAGE,
            format!("a stranger hears 401 and is not led to a sign-in; there is none at {place}"),
            "let the proxy send browsers to the address that comes with the 401 (nginx: error_page 401), or name the --config",
        ),
        (false, _, Login::Known(_)) => strange(&place, answer),
    }
}

/// Something that is not our page.
fn strange(place: &str, answer: &Answer) -> Finding {
    let status = answer.status.as_u16();
    match answer.status {
        status if status.is_success() => Finding::open(
            PAGE,
            format!("what answers at {place} is not Vestibule's sign-in"),
            "let the proxy pass everything below portal.path on to the gate; whoever answers there can collect passwords",
        ),
        StatusCode::FORBIDDEN => Finding::broken(
            PAGE,
            format!(
                "{place} answers {status}, as the gate does when it takes the connection for plain http"
            ),
            "let the proxy set X-Forwarded-Proto to https, and let trusted_proxies name that proxy",
        ),
        _ => Finding::broken(
            PAGE,
            format!("{place} answers {status} in place of a sign-in"),
            "let the gate run, and let the proxy pass everything below portal.path on to it",
        ),
    }
}

/// Our form, which nobody may frame.
pub(in crate::cli::doctor) fn is_ours(page: &Answer) -> bool {
    let policy = page.header("content-security-policy").unwrap_or_default();
    page.status == StatusCode::OK
        && policy.contains("frame-ancestors 'none'")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;
    use crate::cli::doctor::walk::walk;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn a_stranger_has_to_be_stopped() {
        let result = |answers: &[(u16, &str)], meant| {
            let walk = walk("https://a.example/x", answers, End::Page);
            reception(&walk, meant).result
        };
        for (answers, meant, expected) in [
            (
                vec![(303, "/_vestibule/login"), (200, "")],
                Meant::Closed,
                Severity::Ok,
            ),
            (vec![(401, "")], Meant::Closed, Severity::Ok),
            (vec![(200, "")], Meant::Open, Severity::Ok),
            (vec![(200, "")], Meant::Closed, Severity::Open),
            (vec![(204, "")], Meant::Closed, Severity::Open),
            (
                vec![(302, "/home"), (200, "")],
                Meant::Closed,
                Severity::Open,
            ),
            (vec![(403, "")], Meant::Closed, Severity::Warn),
            (vec![(400, "")], Meant::Closed, Severity::Broken),
            // Of the app, which a stranger has reached then, or of a proxy that does not know the host.
            (vec![(404, "")], Meant::Closed, Severity::Broken),
            (vec![(421, "")], Meant::Closed, Severity::Broken),
            (vec![(429, "")], Meant::Closed, Severity::Broken),
            (vec![(502, "")], Meant::Closed, Severity::Broken),
        ] {
            assert_eq!(result(&answers, meant), expected, "{answers:?} {meant:?}");
        }
    }

    #[test]
    fn a_sign_in_of_somebody_else_is_found() {
        let at = place("https://a.example/_vestibule/login");
        let csp = [("Content-Security-Policy", "frame-ancestors 'none'")];
        let form = "<input name=\"username\"><input name=\"password\">";
        let ours = || Ok(answer(200, &csp, form));
        let keys = || Ok(answer(200, &[], r#"{"keys":[{"kid":"1"}]}"#));
        let result = |page_, keys| page(&Login::Known(at.clone()), &page_, &keys).result;
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
        let guessed = page(&Login::Guessed(at), &Ok(answer(200, &[], form)), &keys());
        assert_eq!(guessed.result, Severity::Warn);
    }

    #[test]
    fn a_sign_in_that_does_not_answer_is_broken() {
        let login = Login::Known(place("https://a.example/_vestibule/login"));
        let result = |page_| page(&login, &page_, &Err(Silence::Refused)).result;
        assert_eq!(result(Err(Silence::Refused)), Severity::Broken);
        for status in [302, 403, 404, 429, 502] {
            assert_eq!(
                result(Ok(answer(status, &[], ""))),
                Severity::Broken,
                "{status}"
            );
        }
    }
}
