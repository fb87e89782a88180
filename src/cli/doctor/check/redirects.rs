//! Where redirects lead: the sign-in and the way back from it, and never from https to plain http.

use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::walk::Step;
use crate::web::challenge::APART;

const ADDRESS: &str = "login-address";
const PLAIN: &str = "plain-redirects";

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
    if !from.is_akin(login) {
        return open(format!(
            "the sign-in is on {host}, which belongs to another domain, so it cannot count here"
        ));
    }
    if login.host == from.host && login.scheme == from.scheme && login.port != from.port {
        return Finding::warn(
            ADDRESS,
            format!("the sign-in is on another port: {at}"),
            change,
        );
    }
    if login.field(APART).is_some() {
        return Finding::broken(
            ADDRESS,
            format!(
                "no browser sends the cookie of a sign-in at {host} to {}: nobody can sign in there",
                shown(&from.host)
            ),
            "set session.cookie_domain to the domain that both hosts share, or public_url to the host that browsers ask for",
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

/// Does any page, on the way or open, send a browser from https to http?
pub(in crate::cli::doctor) fn plain<'a>(steps: impl Iterator<Item = &'a Step>) -> Finding {
    let mut leads = steps
        .filter(|step| step.place.is_https())
        .filter_map(|step| {
            let to = step.answer.location(&step.place)?;
            (!to.is_https()).then_some((&step.place, to))
        });
    match leads.next() {
        Some((from, to)) => Finding::open(
            PLAIN,
            format!("{} sends browsers to {}", from.shown(), to.shown()),
            "set public_url to the https address; where the app redirects so, let it go by X-Forwarded-Proto",
        ),
        None => Finding::ok(PLAIN, "no redirect leads from https to plain http"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
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
                Severity::Open,
            ),
            (
                "https://auth.example.com/login",
                Some("auth.example.com"),
                Severity::Ok,
            ),
            ("https://app.example.com:8443/login", None, Severity::Warn),
            (
                "https://auth.example.com/login?apart=there",
                Some("auth.example.com"),
                Severity::Broken,
            ),
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
    fn a_redirect_to_plain_http_is_found_wherever_it_is() {
        let result = |from: &str, to: &str| {
            let step = |from, to| Step {
                place: place(from),
                answer: answer(301, &[("Location", to)], ""),
            };
            let steps = [step("https://a.example/x", "/y"), step(from, to)];
            plain(steps.iter()).result
        };
        let secure = "https://a.example/x";
        assert_eq!(result(secure, "https://b.example/"), Severity::Ok);
        assert_eq!(result(secure, "http://a.example/x/"), Severity::Open);
        assert_eq!(
            result("http://a.example/", "http://a.example/x"),
            Severity::Ok
        );
    }
}
