//! The cookies of a request, bounded, and never one value picked out of two.
//!
//! A second cookie of the same name is visible as such: someone who can set a cookie on a parent domain could
//! otherwise put a session of their own in front of the visitor's (cookie tossing).

use crate::web::request::Refusal;
use cookie::Cookie;
use http::header::{COOKIE, HeaderMap};

/// How many bytes of `Cookie` lines are read: 32 KiB.
pub const MAX_BYTES: usize = 32 * 1024;

/// How many pairs are read: 200.
pub const MAX_PAIRS: usize = 200;

/// The name and value of each cookie, in order.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

impl std::fmt::Debug for Cookies {
    /// Names only: values are credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// The same cookie name came twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cookie was sent twice")]
pub struct Doubled;

impl Cookies {
    /// Reads all `Cookie` lines; pairs whose value is no UTF-8 belong to the app and are passed over.
    ///
    /// # Errors
    /// [`Refusal::CookiesTooLarge`] over [`MAX_BYTES`] or [`MAX_PAIRS`], [`Refusal::CookieName`] when a name is not ASCII.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let lines = headers.get_all(COOKIE);
        let bytes: usize = lines.iter().map(http::HeaderValue::len).sum();
        if bytes > MAX_BYTES {
            return Err(Refusal::CookiesTooLarge);
        }
        let mut pairs = vec![];
        for (seen, pair) in lines
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b';'))
            .enumerate()
        {
            if seen == MAX_PAIRS {
                return Err(Refusal::CookiesTooLarge);
            }
            let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
            if !name.is_ascii() {
                return Err(Refusal::CookieName);
            }
            let text = std::str::from_utf8(pair).unwrap_or_default();
            if let Ok(cookie) = Cookie::parse(text) {
                pairs.push((cookie.name().to_owned(), cookie.value().to_owned()));
            }
        }
        Ok(Self(pairs))
    }

    /// Did a cookie of this name come, once or more often?
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The value of the cookie with exactly this name, if there is one.
    ///
    /// # Errors
    /// [`Doubled`] when there are two, equal or not.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Doubled> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
            (_, Some(_)) => Err(Doubled),
        }
    }

    /// True when the request carries no cookie at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn cookies(lines: &[&str]) -> Result<Cookies, Refusal> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        Cookies::read(&headers)
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name() {
        let cookies = cookies(&["a=1; __Host-vestibule=tok=en; b=\"2\"", "c="]).unwrap();
        assert_eq!(cookies.get("__Host-vestibule"), Ok(Some("tok=en")));
        assert_eq!(cookies.get("__host-vestibule"), Ok(None));
        assert_eq!(cookies.get("b"), Ok(Some("\"2\"")));
        assert_eq!(cookies.get("c"), Ok(Some("")));
    }

    #[test]
    fn a_second_cookie_of_the_name_is_seen() {
        for lines in [
            &["x=1; x=1"][..],
            &["x=1", "x=2"],
            &["x=1;x=2; y=3"],
            &["x=1; x=\"2\""],
        ] {
            assert_eq!(cookies(lines).unwrap().get("x"), Err(Doubled), "{lines:?}");
        }
    }

    #[test]
    fn pairs_that_are_no_cookies_are_passed_over() {
        let cookies = cookies(&["; =v; flag;  x = 1 ;\u{9}", "app=\u{e9}"]).unwrap();
        assert_eq!(cookies.get("x"), Ok(Some("1")));
        assert_eq!(cookies.get("flag"), Ok(None));
        assert_eq!(cookies.get(""), Ok(None));
    }

    #[test]
    fn a_name_outside_ascii_is_refused() {
        assert_eq!(cookies(&["\u{e9}=1"]).unwrap_err(), Refusal::CookieName);
    }

    #[test]
    fn size_and_number_are_bounded() {
        assert!(cookies(&[&format!("a={}", "x".repeat(MAX_BYTES - 2))]).is_ok());
        assert_eq!(
            cookies(&[&format!("a={}", "x".repeat(MAX_BYTES - 1))]).unwrap_err(),
            Refusal::CookiesTooLarge
        );
        assert!(cookies(&[&"a=1;".repeat(MAX_PAIRS - 1)]).is_ok());
        assert_eq!(
            cookies(&[&"a=1;".repeat(MAX_PAIRS)]).unwrap_err(),
            Refusal::CookiesTooLarge
        );
    }

    #[test]
    fn printed_cookies_show_no_values() {
        assert_eq!(format!("{:?}", cookies(&["a=secret"]).unwrap()), "[\"a\"]");
    }

    proptest! {
        #[test]
        fn reading_never_panics(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut headers = HeaderMap::new();
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                headers.insert(COOKIE, line);
                let _ = Cookies::read(&headers);
            }
        }
    }
}
