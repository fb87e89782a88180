//! Form tokens: a form that changes something was served by us, to this browser, for this step.
//!
//! A signed double-submit token (OWASP): the cookie holds a random seed, the form its MAC together
//! with the step it was made for. Nothing is stored. `Origin` and `Sec-Fetch-Site` are checked too.

use crate::secret::{Key, TokenDigest, equal, random};
use data_encoding::BASE64URL_NOPAD;
use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a form is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forged {
    /// The browser says that another site sent it.
    CrossSite,
    /// The browser sent no seed: it keeps no cookies, or the form is very old.
    NoCookie,
    /// The token is not the one that was made for this browser and step.
    Token,
}

impl Forged {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CrossSite, Self::NoCookie, Self::Token];

    /// The stable name, for the audit stream and for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CrossSite => "cross_site",
            Self::NoCookie => "no_cookie",
            Self::Token => "token",
        }
    }
}

/// The seed in a browser's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(String);

impl Seed {
    /// A fresh seed.
    #[must_use]
    pub fn generate() -> Self {
        Self(BASE64URL_NOPAD.encode(&random::<32>()))
    }

    /// Takes over a cookie's value, if it has the form of a seed.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).ok()?;
        (value.len() == 43 && bytes.len() == 32).then(|| Self(value.to_owned()))
    }

    /// The cookie's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes and checks form tokens.
#[derive(Clone, Debug)]
pub struct Csrf(Key);

impl Csrf {
    /// Signs with `key`.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self(key)
    }

    /// The token for a form served to the holder of `seed`, at the step that `bound` opens.
    #[must_use]
    pub fn token(&self, seed: &Seed, bound: Option<TokenDigest>) -> String {
        BASE64URL_NOPAD.encode(&self.mac(seed, bound))
    }

    /// Was this form served by us?
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn check(
        &self,
        headers: &HeaderMap,
        origins: &[&str],
        seed: Option<&Seed>,
        bound: Option<TokenDigest>,
        token: &str,
    ) -> Result<(), Forged> {
        check_origin(headers, origins)?;
        let seed = seed.ok_or(Forged::NoCookie)?;
        let given = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .map_err(|_| Forged::Token)?;
        equal(&given, &self.mac(seed, bound))
            .then_some(())
            .ok_or(Forged::Token)
    }

    fn mac(&self, seed: &Seed, bound: Option<TokenDigest>) -> [u8; 32] {
        let bound = bound.as_ref().map_or(&[][..], |digest| &digest.0[..]);
        self.0.mac(&[b"csrf", seed.0.as_bytes(), bound])
    }
}

/// Browsers say where a form comes from; where they do not, the token alone decides.
fn check_origin(headers: &HeaderMap, origins: &[&str]) -> Result<(), Forged> {
    let site = headers.get(SEC_FETCH_SITE).map(http::HeaderValue::as_bytes);
    // "none" is a person who reloads; "same-site" is a sibling host, which is not us.
    let site_is_ours = matches!(site, None | Some(b"same-origin" | b"none"));
    let origin = headers.get(ORIGIN).map(http::HeaderValue::as_bytes);
    let origin_is_ours =
        origin.is_none_or(|origin| origins.iter().any(|ours| ours.as_bytes() == origin));
    if site_is_ours && origin_is_ours {
        return Ok(());
    }
    Err(Forged::CrossSite)
}

/// Where the browser was that sent a form to us from an address that is not ours, where it does not say that this
/// was another site: then this site may have an address that nobody wrote down.
#[must_use]
pub fn shown_origin(headers: &HeaderMap) -> Option<String> {
    let site = headers.get(SEC_FETCH_SITE).map(http::HeaderValue::as_bytes);
    let origin = headers.get(ORIGIN)?.to_str().ok()?;
    let url = Url::parse(origin).ok()?;
    let own =
        matches!(site, None | Some(b"same-origin")) && matches!(url.scheme(), "http" | "https");
    own.then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &[&str] = &["https://app.example.com"];

    fn csrf() -> Csrf {
        Csrf::new(Key::from_bytes([7; 32]))
    }

    fn check(lines: &[(&'static str, &'static str)]) -> Result<(), Forged> {
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let seed = Seed::generate();
        let token = csrf().token(&seed, None);
        csrf().check(&headers, OURS, Some(&seed), None, &token)
    }

    #[test]
    fn a_form_of_ours_is_believed() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("origin", "https://app.example.com")]), Ok(()));
        assert_eq!(check(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(check(&[("sec-fetch-site", "none")]), Ok(()));
    }

    #[test]
    fn a_form_of_another_site_is_not_whatever_its_token() {
        for (name, value) in [
            ("origin", "null"),
            ("origin", "https://evil.example"),
            ("origin", "http://app.example.com"),
            ("origin", "https://app.example.com:8443"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(
                check(&[(name, value)]),
                Err(Forged::CrossSite),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn a_token_is_good_for_its_seed_and_its_step_alone() {
        let (seed, other) = (Seed::generate(), Seed::generate());
        let step = Some(TokenDigest([1; 32]));
        let token = csrf().token(&seed, step);
        let check = |seed: &Seed, bound, token: &str| {
            csrf().check(&HeaderMap::new(), OURS, Some(seed), bound, token)
        };
        assert_eq!(check(&seed, step, &token), Ok(()));
        assert_eq!(check(&other, step, &token), Err(Forged::Token));
        assert_eq!(check(&seed, None, &token), Err(Forged::Token));
        assert_eq!(
            check(&seed, Some(TokenDigest([2; 32])), &token),
            Err(Forged::Token)
        );
        assert_eq!(check(&seed, step, ""), Err(Forged::Token));
        assert_eq!(check(&seed, step, "\u{fc}"), Err(Forged::Token));
    }

    #[test]
    fn a_browser_without_our_cookie_is_told_so() {
        let outcome = csrf().check(&HeaderMap::new(), OURS, None, None, "x");
        assert_eq!(outcome, Err(Forged::NoCookie));
    }

    #[test]
    fn only_a_seed_of_ours_is_a_seed() {
        let seed = Seed::generate();
        assert_eq!(Seed::from_cookie(seed.as_str()), Some(seed));
        for bad in ["", "x", &"=".repeat(43), &"A".repeat(44)] {
            assert_eq!(Seed::from_cookie(bad), None);
        }
    }
}
