//! Answers of ours: redirects, pages, problem documents, each with its security headers.
//!
//! Whoever asks by navigating reads a page; everyone else reads a problem document (RFC 9457).

use crate::authz::Challenge;
use crate::web::page::error::Problem;
use crate::web::page::{self, Document, Frame};
use crate::web::request::RequestId;
use crate::web::{Body, body};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
    VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Serialize;
use std::time::Duration;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// For answers that are no page: nothing may be loaded, nothing may frame them.
const NO_CONTENT_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What an answer depends on that says nothing else.
const VARIES: &str = "Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept";

/// Who asks?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A person's browser, going to a page.
    Navigation,
    /// A person's browser, sending a form: a redirect would lose it.
    Form,
    /// A script, a program, a WebSocket handshake.
    Program,
}

impl Asker {
    /// A navigation is a GET or HEAD that says so, or that at least wants HTML (P-160); a form is a POST that says so.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        Self::from(&parts.method, &parts.headers)
    }

    /// The same of a request whose method stands elsewhere.
    #[must_use]
    pub fn from(method: &Method, headers: &HeaderMap) -> Self {
        let mode = headers.get(SEC_FETCH_MODE).map(HeaderValue::as_bytes);
        let says_so = mode == Some(b"navigate");
        let navigates = says_so || mode.is_none() && accepts_html(headers);
        match *method {
            Method::GET | Method::HEAD if navigates => Self::Navigation,
            Method::POST if says_so => Self::Form,
            _ => Self::Program,
        }
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter();
    let mut ranges = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    ranges.any(|range| range.trim_ascii().starts_with(b"text/html"))
}

/// May this request load a page for people? A script of the app or a frame may not.
#[must_use]
pub fn is_document_request(headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, expected: &[u8]| {
        let value = headers.get(name).map(HeaderValue::as_bytes);
        value.is_none_or(|value| value == expected)
    };
    is(SEC_FETCH_MODE, b"navigate") && is(SEC_FETCH_DEST, b"document")
}

/// A redirect to be followed by GET (RFC 9110, 15.4.4).
///
/// # Panics
/// Never: locations are made of checked parts.
#[must_use]
pub fn see_other(location: &str) -> Response<Body> {
    let mut response = empty(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response
}

/// An answer without content.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response
}

/// A page.
#[must_use]
pub fn document(status: StatusCode, document: Document) -> Response<Body> {
    let mut response = Response::new(body::full(document.html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(document.policy),
    );
    response
}

/// A JSON document.
#[must_use]
pub fn json(status: StatusCode, kind: &'static str, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("our documents have string keys");
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What went wrong, for either kind of asker.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// What a person reads, and the status.
    pub problem: Problem,
    /// A stable short name, the last part of the problem document's `type`.
    pub name: &'a str,
}

/// What every failure is told with.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// Who asked.
    pub asker: Asker,
    /// The frame of the page.
    pub frame: &'a Frame<'a>,
    /// The path of our pages.
    pub portal: &'a str,
    /// What to look for in the log.
    pub id: &'a RequestId,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_url: Option<&'a str>,
}

/// Answers a failure to whoever asked.
#[must_use]
pub fn failure(failure: &Failure<'_>, telling: &Telling<'_>) -> Response<Body> {
    let problem = failure.problem;
    let mut response = match telling.asker {
        Asker::Navigation | Asker::Form => {
            let (login, logout) = (
                format!("{}/login", telling.portal),
                format!("{}/logout", telling.portal),
            );
            let page = page::error::view(&page::error::Model {
                frame: telling.frame,
                problem,
                home: "/",
                login: &login,
                logout: &logout,
                request_id: telling.id.as_str(),
            });
            document(problem.status(), page)
        }
        Asker::Program => problem_document(
            problem.status(),
            failure.name,
            problem.title(),
            None,
            telling.id,
        ),
    };
    if let Problem::TooMany(wait)
    | Problem::TooManyAtOnce(wait)
    | Problem::Unavailable(wait)
    | Problem::AppBusy(wait) = problem
    {
        retry_after(&mut response, wait);
    }
    response
}

/// Says when to come back (RFC 9110, 10.2.3).
pub fn retry_after(response: &mut Response<Body>, wait: Duration) {
    let seconds = HeaderValue::from(wait.as_secs().max(1));
    response.headers_mut().insert(RETRY_AFTER, seconds);
}

/// Tells a program what has to be shown first, and where.
#[must_use]
pub fn unauthorized(challenge: Challenge, page: &str, id: &RequestId) -> Response<Body> {
    let (name, title) = match challenge {
        Challenge::SignIn => ("sign-in-required", "Somebody has to sign in first"),
        Challenge::SecondFactor => ("second-factor-required", "A one-time code is needed first"),
        Challenge::FreshSecondFactor => {
            ("step-up-required", "A fresh one-time code is needed first")
        }
    };
    let status = StatusCode::UNAUTHORIZED;
    challenging(
        problem_document(status, name, title, Some(page), id),
        challenge,
    )
}

/// Tells a person who sent a form what has to be shown first, and that it was not passed on.
#[must_use]
pub fn unsent(challenge: Challenge, page: Document) -> Response<Body> {
    challenging(document(StatusCode::UNAUTHORIZED, page), challenge)
}

fn challenging(mut response: Response<Body>, challenge: Challenge) -> Response<Body> {
    let error = match challenge {
        Challenge::SignIn => "",
        Challenge::SecondFactor => ", error=\"second_factor_required\"",
        Challenge::FreshSecondFactor => ", error=\"step_up_required\"",
    };
    // RFC 9110, 11.6.1 wants a challenge; a scheme that no browser knows makes none pop up.
    let challenge = format!("Vestibule realm=\"vestibule\"{error}");
    let challenge = HeaderValue::from_str(&challenge).expect("constants of visible ASCII");
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, challenge);
    // Here already: which origins may read it comes beside it, not in its place.
    headers.insert(VARY, HeaderValue::from_static(VARIES));
    response
}

/// A failure for a program.
#[must_use]
pub fn problem(status: StatusCode, name: &str, title: &str, id: &RequestId) -> Response<Body> {
    problem_document(status, name, title, None, id)
}

fn problem_document(
    status: StatusCode,
    name: &str,
    title: &str,
    login_url: Option<&str>,
    id: &RequestId,
) -> Response<Body> {
    let document = ProblemDocument {
        r#type: format!("urn:vestibule:problem:{name}"),
        title,
        status: status.as_u16(),
        request_id: id.as_str(),
        login_url,
    };
    json(status, "application/problem+json", &document)
}

/// When to come back after the store could not be asked.
pub const STORE_WAIT: Duration = Duration::from_secs(5);

/// When to come back to an app that had all the requests that it may have, of everybody or of one.
const APP_WAIT: Duration = Duration::from_secs(5);

/// What a person reads about a request that was refused with `status`.
#[must_use]
pub fn problem_of(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::NotFound,
        StatusCode::FORBIDDEN => Problem::NotAllowed,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Problem::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Problem::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::UnsupportedMediaType,
        StatusCode::MISDIRECTED_REQUEST => Problem::WrongHost,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::HeadTooLarge,
        StatusCode::TOO_MANY_REQUESTS => Problem::TooManyAtOnce(APP_WAIT),
        StatusCode::TOO_EARLY => Problem::TooEarly,
        StatusCode::BAD_GATEWAY => Problem::AppUnreachable,
        StatusCode::SERVICE_UNAVAILABLE => Problem::AppBusy(APP_WAIT),
        StatusCode::GATEWAY_TIMEOUT => Problem::AppTimeout,
        StatusCode::INTERNAL_SERVER_ERROR => Problem::Internal,
        _ => Problem::BadRequest,
    }
}

/// Is the public address https, so that browsers may be told to stay there?
pub use crate::web::cookie::Transport;

/// Adds to an answer of ours what each of them has to say.
pub fn secure(response: &mut Response<Body>, transport: Transport) {
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    default(CACHE_CONTROL, "no-store");
    default(CONTENT_SECURITY_POLICY, NO_CONTENT_POLICY);
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(X_FRAME_OPTIONS, "DENY");
    // With `no-referrer` browsers send `Origin: null` with our own forms; so it is `same-origin`.
    default(REFERRER_POLICY, "same-origin");
    default(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    default(VARY, VARIES);
    match transport {
        Transport::Tls => default(STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        Transport::Plain => {}
    }
}

/// Adds a cookie; several stay several lines.
pub fn set_cookie(response: &mut Response<Body>, cookie: HeaderValue) {
    response.headers_mut().append(SET_COOKIE, cookie);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn asker(method: &str, lines: &[(&str, &str)]) -> Asker {
        let mut request = Request::builder().method(method);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        Asker::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_navigation_says_so_or_wants_html() {
        assert_eq!(
            asker("GET", &[("sec-fetch-mode", "navigate")]),
            Asker::Navigation
        );
        assert_eq!(
            asker("HEAD", &[("accept", "text/html,*/*;q=0.8")]),
            Asker::Navigation
        );
    }

    #[test]
    fn a_form_is_a_post_that_navigates() {
        let navigates = [("sec-fetch-mode", "navigate"), ("accept", "text/html")];
        assert_eq!(asker("POST", &navigates), Asker::Form);
    }

    #[test]
    fn everything_else_is_a_program() {
        assert_eq!(asker("GET", &[]), Asker::Program);
        assert_eq!(asker("GET", &[("accept", "*/*")]), Asker::Program);
        assert_eq!(asker("POST", &[("accept", "text/html")]), Asker::Program);
        assert_eq!(
            asker("PUT", &[("sec-fetch-mode", "navigate")]),
            Asker::Program
        );
        let script = [("sec-fetch-mode", "cors"), ("accept", "text/html")];
        assert_eq!(asker("GET", &script), Asker::Program);
    }

    #[test]
    fn scripts_and_frames_load_no_page() {
        let allowed = |name: &'static str, value: &'static str| {
            let lines = [(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )];
            is_document_request(&lines.into_iter().collect())
        };
        assert!(is_document_request(&HeaderMap::new()));
        assert!(allowed("sec-fetch-dest", "document"));
        assert!(!allowed("sec-fetch-mode", "cors"));
        assert!(!allowed("sec-fetch-mode", "no-cors"));
        assert!(!allowed("sec-fetch-dest", "iframe"));
        assert!(!allowed("sec-fetch-dest", "empty"));
    }
}
