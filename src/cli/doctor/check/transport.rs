//! TLS, plain http beside it, and what may be read or sent along the way.

use crate::cli::doctor::answer::{Answer, Reception, SetCookie};
use crate::cli::doctor::check::unanswered;
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Silence, Visitor};

const TIME: &str = "time";
const HTTPS: &str = "https";
const CERTIFICATE: &str = "certificate";
const PLAIN: &str = "plain-http";
const COOKIES: &str = "cookies";
const HSTS: &str = "hsts";

/// One year, which browsers' lists ask for.
const YEAR: u64 = 31_536_000;

/// What the certificate is worth now (`None` when all is well) and in two weeks; then also, whether HTTP/2 is spoken.
pub(in crate::cli::doctor) fn certificate(
    now: Option<&Silence>,
    soon: &Result<bool, Silence>,
) -> Finding {
    if let Some(why) = now {
        return Finding::open(
            CERTIFICATE,
            format!("no browser would go on: {}", shown(&why.to_string())),
            "install a certificate for this host, with its chain; for an authority of your own give --ca-file",
        );
    }
    match soon {
        Ok(http_2) => {
            let version = if *http_2 {
                "HTTP/2 and HTTP/1.1"
            } else {
                "HTTP/1.1"
            };
            Finding::ok(
                CERTIFICATE,
                format!("it is trusted, and for two weeks more; {version} over TLS"),
            )
        }
        Err(Silence::Tls(_)) => Finding::warn(
            CERTIFICATE,
            "it is trusted, and ends within two weeks",
            "see whether it is renewed by itself",
        ),
        Err(why) => unanswered(CERTIFICATE, "a second handshake", why),
    }
}

/// Did the time suffice? What was not asked any more may be open.
pub(in crate::cli::doctor) fn in_time(visitor: &Visitor) -> Option<Finding> {
    visitor.is_over().then(|| {
        Finding::broken(
            TIME,
            "two minutes were over before everything was asked: what comes last is not known",
            "try again when less is going on, or give fewer --open at once",
        )
    })
}

/// Plain http is for what stays on one machine.
pub(in crate::cli::doctor) fn unencrypted(place: &Place) -> Finding {
    if place.is_local() {
        return Finding::skip(
            HTTPS,
            "plain http on this machine: nothing about TLS was looked at",
            None,
        );
    }
    Finding::open(
        HTTPS,
        format!(
            "{} is plain http: anybody on the way reads passwords and sessions, and can take them over",
            place.shown()
        ),
        "put a proxy with TLS in front, set public_url to the https address, and give --url that",
    )
}

/// What the same address answers on the port of plain http.
pub(in crate::cli::doctor) fn plain(place: &Place, answer: &Result<Answer, Silence>) -> Finding {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why @ Silence::OutOfTime) => return unanswered(PLAIN, "port 80", why),
        Err(why) => {
            let why = shown(&why.to_string());
            return Finding::ok(PLAIN, format!("port 80 gives no answer: {why}"));
        }
    };
    if let Some(cookie) = answer.cookies().first() {
        return Finding::open(
            PLAIN,
            format!(
                "port 80 sets the cookie {}, which anybody on the way can read",
                shown(&cookie.name)
            ),
            "let port 80 do nothing but redirect to https",
        );
    }
    let status = answer.status.as_u16();
    match Reception::of(place, answer) {
        Reception::SignIn(to) | Reception::Elsewhere(to) if to.is_https() && to.is_akin(place) => {
            Finding::ok(PLAIN, "port 80 redirects to https and sets no cookie")
        }
        Reception::Refused(_) | Reception::Broken(_) => Finding::ok(
            PLAIN,
            format!("port 80 serves nothing ({status}) and sets no cookie"),
        ),
        Reception::SignIn(to) | Reception::Elsewhere(to) => Finding::open(
            PLAIN,
            format!("port 80 redirects to {}", to.shown()),
            "let port 80 redirect to https on the same host",
        ),
        Reception::Told | Reception::Through => Finding::open(
            PLAIN,
            format!("port 80 answers {status} over plain http"),
            "let port 80 do nothing but redirect to https",
        ),
    }
}

/// The attributes of the cookies of our pages.
pub(in crate::cli::doctor) fn cookies(is_https: bool, cookies: &[SetCookie]) -> Finding {
    let change = "set public_url to the https address that browsers see, and take out whatever in the proxy changes Set-Cookie";
    for cookie in cookies {
        let name = shown(&cookie.name);
        let missing = [
            (is_https && !cookie.secure, "Secure"),
            (!cookie.http_only, "HttpOnly"),
            (!cookie.same_site, "SameSite"),
        ];
        if let Some((_, attribute)) = missing.iter().find(|(is_missing, _)| *is_missing) {
            return Finding::open(
                COOKIES,
                format!("the cookie {name} has no {attribute}"),
                change,
            );
        }
        if !is_https && cookie.secure {
            return Finding::broken(
                COOKIES,
                format!(
                    "the cookie {name} is Secure, so browsers drop it over http: nobody can sign in here"
                ),
                "let port 80 redirect to https, and give --url the https address",
            );
        }
    }
    match (cookies.len(), is_https) {
        (0, _) => Finding::skip(COOKIES, "none was seen", None),
        (count, true) => Finding::ok(
            COOKIES,
            format!("Secure, HttpOnly and SameSite, all that are set ({count})"),
        ),
        (count, false) => Finding::ok(
            COOKIES,
            format!("HttpOnly and SameSite, all that are set ({count})"),
        ),
    }
}

/// Are browsers told to stay with https (RFC 6797)?
pub(in crate::cli::doctor) fn hsts(answer: &Answer) -> Finding {
    let change = "let the proxy that ends TLS add: Strict-Transport-Security: max-age=31536000";
    let Some(line) = answer.header("strict-transport-security") else {
        return Finding::warn(HSTS, "browsers are not told to stay with https", change);
    };
    let age = line.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_age = name.trim().eq_ignore_ascii_case("max-age");
        is_age.then(|| value.trim().trim_matches('"').parse::<u64>().ok())?
    });
    match age {
        Some(age) if age >= YEAR => Finding::ok(HSTS, "browsers are told to stay with https"),
        Some(age) => Finding::warn(
            HSTS,
            format!("browsers stay with https for {age} s only"),
            change,
        ),
        None => Finding::warn(
            HSTS,
            "Strict-Transport-Security is there and says nothing",
            change,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;
    use crate::cli::doctor::finding::Severity;

    #[test]
    fn a_certificate_is_trusted_now_and_soon() {
        let over = || Silence::Tls("expired".to_owned());
        assert_eq!(certificate(None, &Ok(false)).result, Severity::Ok);
        assert_eq!(certificate(None, &Err(over())).result, Severity::Warn);
        assert_eq!(
            certificate(Some(&over()), &Err(over())).result,
            Severity::Open
        );
    }

    #[test]
    fn plain_http_is_for_one_machine() {
        let result = |text| unencrypted(&Place::parse(text).unwrap()).result;
        assert_eq!(result("http://app.localhost:8080/"), Severity::Skip);
        assert_eq!(result("http://app.example.com/"), Severity::Open);
        assert_eq!(result("http://192.168.0.4/"), Severity::Open);
    }

    #[test]
    fn plain_http_only_redirects() {
        let place = Place::parse("http://app.example.com/x").unwrap();
        let result = |status, headers: &[(&str, &str)]| {
            plain(&place, &Ok(answer(status, headers, ""))).result
        };
        assert_eq!(plain(&place, &Err(Silence::Refused)).result, Severity::Ok);
        let over = plain(&place, &Err(Silence::OutOfTime));
        assert_eq!(over.result, Severity::Warn);
        assert_eq!(
            result(301, &[("Location", "https://app.example.com/x")]),
            Severity::Ok
        );
        assert_eq!(result(404, &[]), Severity::Ok);
        assert_eq!(
            result(301, &[("Location", "https://evil.example.net/")]),
            Severity::Open
        );
        assert_eq!(
            result(301, &[("Location", "http://app.example.com/y")]),
            Severity::Open
        );
        assert_eq!(
            result(303, &[("Location", "/_vestibule/login")]),
            Severity::Open
        );
        assert_eq!(result(200, &[]), Severity::Open);
        let cookie = [
            ("Location", "https://app.example.com/x"),
            ("Set-Cookie", "a=b"),
        ];
        assert_eq!(result(301, &cookie), Severity::Open);
    }

    #[test]
    fn cookies_have_every_attribute() {
        let of = |line: &str| answer(200, &[("Set-Cookie", line)], "").cookies();
        let result = |https, line| cookies(https, &of(line)).result;
        assert_eq!(
            result(true, "a=b; Secure; HttpOnly; SameSite=Lax"),
            Severity::Ok
        );
        assert_eq!(result(true, "a=b; HttpOnly; SameSite=Lax"), Severity::Open);
        assert_eq!(result(true, "a=b; Secure; SameSite=Lax"), Severity::Open);
        assert_eq!(result(true, "a=b; Secure; HttpOnly"), Severity::Open);
        assert_eq!(result(false, "a=b; HttpOnly; SameSite=Lax"), Severity::Ok);
        assert_eq!(
            result(false, "a=b; Secure; HttpOnly; SameSite=Lax"),
            Severity::Broken
        );
        assert_eq!(cookies(true, &[]).result, Severity::Skip);
        let said = cookies(true, &of("a=topsecret; HttpOnly")).found;
        assert!(!said.contains("topsecret"), "{said}");
    }

    #[test]
    fn browsers_are_told_to_stay_with_https() {
        let result = |line| hsts(&answer(200, &[("Strict-Transport-Security", line)], "")).result;
        assert_eq!(result("max-age=31536000"), Severity::Ok);
        assert_eq!(
            result("includeSubDomains; Max-Age=\"63072000\""),
            Severity::Ok
        );
        assert_eq!(result("max-age=300"), Severity::Warn);
        assert_eq!(result("max-age=x"), Severity::Warn);
        assert_eq!(hsts(&answer(200, &[], "")).result, Severity::Warn);
    }
}
