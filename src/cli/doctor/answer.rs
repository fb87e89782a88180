//! What came back, and how it reads to a stranger.

use crate::cli::doctor::place::Place;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};

/// The last segments of the pages that ask who somebody is.
const SIGN_IN: [&str; 2] = ["/login", "/second-factor"];

/// One answer; its body may be cut.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Answer {
    pub(in crate::cli::doctor) status: StatusCode,
    pub(in crate::cli::doctor) headers: HeaderMap,
    pub(in crate::cli::doctor) body: Vec<u8>,
}

/// A cookie that an answer sets; never its value, which could be a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct SetCookie {
    pub(in crate::cli::doctor) name: String,
    pub(in crate::cli::doctor) secure: bool,
    pub(in crate::cli::doctor) http_only: bool,
    pub(in crate::cli::doctor) same_site: bool,
}

impl Answer {
    /// A header that is text.
    pub(in crate::cli::doctor) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where it leads, if it leads anywhere that HTTP can go.
    pub(in crate::cli::doctor) fn location(&self, from: &Place) -> Option<Place> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        self.status.is_redirection().then(|| from.join(location))?
    }

    /// The cookies that it sets; what is no cookie is left out, as browsers do.
    pub(in crate::cli::doctor) fn cookies(&self) -> Vec<SetCookie> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines
            .filter_map(|line| cookie::Cookie::parse(line.to_str().ok()?).ok())
            .map(|cookie| SetCookie {
                name: cookie.name().to_owned(),
                secure: cookie.secure() == Some(true),
                http_only: cookie.http_only() == Some(true),
                same_site: cookie.same_site().is_some(),
            })
            .collect()
    }

    /// Does it say this anywhere, in a header or in its body?
    pub(in crate::cli::doctor) fn holds(&self, marker: &str) -> bool {
        let within = |bytes: &[u8]| memchr::memmem::find(bytes, marker.as_bytes()).is_some();
        within(&self.body) || self.headers.values().any(|value| within(value.as_bytes()))
    }
}

/// How a stranger is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Reception {
    /// Sent to a page where to sign in.
    SignIn(Place),
    /// 401: told to sign in.
    Told,
    /// Sent somewhere else.
    Elsewhere(Place),
    /// Let through.
    Through,
    /// Refused with this status.
    Refused(u16),
    /// Something behind is broken: 5xx.
    Broken(u16),
}

impl Reception {
    /// Reads the answer to a request for `from`.
    pub(in crate::cli::doctor) fn of(from: &Place, answer: &Answer) -> Self {
        let status = answer.status;
        match answer.location(from) {
            Some(to) if SIGN_IN.iter().any(|page| to.path().ends_with(page)) => Self::SignIn(to),
            Some(to) => Self::Elsewhere(to),
            None if status == StatusCode::UNAUTHORIZED => Self::Told,
            None if status.is_success() => Self::Through,
            None if status.is_server_error() => Self::Broken(status.as_u16()),
            None => Self::Refused(status.as_u16()),
        }
    }

    /// Is the stranger kept out, or at least not let in?
    pub(in crate::cli::doctor) fn is_through(&self) -> bool {
        *self == Self::Through
    }
}

/// An answer made by hand.
#[cfg(test)]
pub(in crate::cli::doctor) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, value.parse().unwrap());
    }
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: map,
        body: body.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_a_stranger_reads_them() {
        let here = Place::parse("https://a.example/x").unwrap();
        let to = |text: &str| Place::parse(text).unwrap();
        let login = "https://a.example/_vestibule/login?rd=%2Fx";
        let cases = [
            (
                303,
                "/_vestibule/login?rd=%2Fx",
                Reception::SignIn(to(login)),
            ),
            (302, "/y", Reception::Elsewhere(to("https://a.example/y"))),
            (303, "javascript:x", Reception::Refused(303)),
            (401, "/_vestibule/login", Reception::Told),
            (200, "/_vestibule/login", Reception::Through),
            (403, "", Reception::Refused(403)),
            (502, "", Reception::Broken(502)),
        ];
        for (status, location, expected) in cases {
            let answer = answer(status, &[("Location", location)], "");
            assert_eq!(
                Reception::of(&here, &answer),
                expected,
                "{status} {location}"
            );
        }
    }

    #[test]
    fn cookies_are_known_by_name_and_attributes() {
        let lines = [
            ("Set-Cookie", "a=1; secure; HTTPONLY; SameSite=Lax"),
            ("Set-Cookie", "b=secure"),
            ("Set-Cookie", "no cookie"),
        ];
        let cookie = |name: &str, good| SetCookie {
            name: name.to_owned(),
            secure: good,
            http_only: good,
            same_site: good,
        };
        let read = answer(200, &lines, "").cookies();
        assert_eq!(read, [cookie("a", true), cookie("b", false)]);
    }

    #[test]
    fn a_marker_is_found_in_headers_and_body() {
        assert!(answer(200, &[("x", "a-m1-b")], "").holds("m1"));
        assert!(answer(200, &[], "a m1").holds("m1"));
        assert!(!answer(200, &[("m1", "x")], "m").holds("m1"));
    }
}
