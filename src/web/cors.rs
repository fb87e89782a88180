//! Which scripts of other origins may read that somebody has to sign in (Fetch standard, 3.2).
//!
//! Only our own answers are concerned; what the app answers is the app's own business, and preflights are
//! judged by the rules like every other request.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// The origins whose scripts may read our 401.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Exactly these, such as `https://spa.example.com`.
    #[must_use]
    pub fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// Lets the origin that asked read the answer, if it is one of them.
    pub fn allow(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        answer.append(VARY, HeaderValue::from_static("Origin"));
        let mut lines = asked.get_all(ORIGIN).iter();
        let (Some(origin), None) = (lines.next(), lines.next()) else {
            return;
        };
        if !self
            .0
            .iter()
            .any(|known| known.as_bytes() == origin.as_bytes())
        {
            return;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        let shown = HeaderValue::from_static("WWW-Authenticate, X-Request-Id");
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
}
