//! What each proxy is answered: the statuses that it understands, and headers that it can hand on.
//!
//! | | allowed | to sign in | denied | unclear | no store |
//! |---|---|---|---|---|---|
//! | `auth-request` | 200 | 401 with `Location` | 403 | 403 | 500 |
//! | `forward-auth`, `ext-authz` | 200 | 303 for navigations, else 401 | 403 | 400 | 503 |
//!
//! nginx makes 500 of whatever is not 2xx, 401 or 403. A whole reply has less than 3 KiB, because nginx
//! reads a head into 4 KiB by default and Traefik may limit bodies.

use crate::authz::Challenge;
use crate::authz::target::Target;
use crate::identity::{Headers, Pass};
use crate::web::access::Answered;
use crate::web::auth_check::passed;
use crate::web::context::Context;
use crate::web::page::plain::{self, Link};
use crate::web::page::{Document, unsent};
use crate::web::request::Inbound;
use crate::web::respond::{self, Asker};
use crate::web::route::Dialect;
use crate::web::tally::Class;
use crate::web::{Body, body, challenge};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// The most bytes of a reply's head.
const LONGEST_HEAD: usize = 3 * 1024;

/// Where nginx sends a browser that navigates; programs have no use for a login page.
const X_VESTIBULE_REDIRECT: HeaderName = HeaderName::from_static("x-vestibule-redirect");

/// What replies are made of.
pub(in crate::web::auth_check) struct Reply<'a> {
    pub(in crate::web::auth_check) context: &'a Context,
    pub(in crate::web::auth_check) dialect: Dialect,
    pub(in crate::web::auth_check) inbound: &'a Inbound,
    pub(in crate::web::auth_check) headers: &'a HeaderMap,
    pub(in crate::web::auth_check) asker: Asker,
}

impl Reply<'_> {
    /// It passes, with every identity header: one that is missing would leave what the client wrote.
    pub(in crate::web::auth_check) fn allowed(&self, pass: &Pass) -> Answered {
        let response = self.identified(pass.headers());
        if length(response.headers()) > LONGEST_HEAD {
            tracing::error!(
                account = ?pass.permit().account(),
                "an identity is too long for an auth check: it has too many groups, or too long ones"
            );
            return self.broken();
        }
        Answered::new(passed(pass.permit().account().is_some()), response)
    }

    /// Our own page: it asks for itself what it needs.
    pub(in crate::web::auth_check) fn portal(&self) -> Answered {
        Answered::new(Class::Bypassed, self.identified(&Headers::default()))
    }

    fn identified(&self, identity: &Headers) -> Response<Body> {
        let mut response = respond::empty(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for name in self.context.gate.names().all() {
            headers.insert(name, HeaderValue::from_static(""));
        }
        for (name, value) in identity.iter() {
            headers.insert(name, value.clone());
        }
        response
    }

    /// More has to be shown.
    pub(in crate::web::auth_check) fn challenged(
        &self,
        challenge: Challenge,
        target: &Target,
    ) -> Answered {
        let came = self.inbound.cookies();
        let page = challenge::address(self.context, challenge, target, came);
        let is_navigation = self.asker == Asker::Navigation;
        let mut response = match (self.dialect, self.asker) {
            (Dialect::ForwardAuth | Dialect::ExtAuthz, Asker::Navigation) => {
                respond::see_other(&page)
            }
            (Dialect::ForwardAuth | Dialect::ExtAuthz, Asker::Form) => {
                let link = Link::Show {
                    url: &page,
                    words: unsent::way(challenge),
                };
                respond::unsent(challenge, self.plain(unsent::reason(challenge), link))
            }
            (Dialect::AuthRequest, _) | (_, Asker::Program) => {
                challenge::unauthorized(self.context, self.headers, self.inbound, challenge, &page)
            }
        };
        if let (Dialect::AuthRequest, Ok(page)) = (self.dialect, HeaderValue::from_str(&page)) {
            // nginx and HAProxy drop what else we say.
            response = response.map(|_| body::empty());
            let headers = response.headers_mut();
            headers.remove(CONTENT_TYPE);
            if is_navigation {
                headers.insert(X_VESTIBULE_REDIRECT, page.clone());
            }
            headers.insert(LOCATION, page);
        }
        challenge::clear_older(self.context, came, target.host(), &mut response);
        Answered::new(Class::Challenged, self.context.own(response))
    }

    /// It may not pass.
    pub(in crate::web::auth_check) fn denied(&self) -> Answered {
        let words = "You are not allowed to open this.";
        self.refused(StatusCode::FORBIDDEN, "denied", words)
    }

    /// Whoever asks is no proxy of ours.
    pub(in crate::web::auth_check) fn stranger(&self) -> Answered {
        let words = "Only a proxy that trusted_proxies names may ask this.";
        self.refused(StatusCode::FORBIDDEN, "not-a-trusted-proxy", words)
    }

    /// It does not say once and clearly what was asked for.
    pub(in crate::web::auth_check) fn unclear(&self) -> Answered {
        let status = match self.dialect {
            Dialect::AuthRequest => StatusCode::FORBIDDEN,
            Dialect::ForwardAuth | Dialect::ExtAuthz => StatusCode::BAD_REQUEST,
        };
        self.refused(status, "auth-check", "This request cannot be understood.")
    }

    /// It could be a copy of one that was sent before (RFC 8470).
    pub(in crate::web::auth_check) fn too_early(&self) -> Answered {
        let status = match self.dialect {
            Dialect::AuthRequest => StatusCode::FORBIDDEN,
            Dialect::ForwardAuth | Dialect::ExtAuthz => StatusCode::TOO_EARLY,
        };
        self.refused(status, "too-early", "This request came too early.")
    }

    /// Nobody can tell who it is.
    pub(in crate::web::auth_check) fn unavailable(&self) -> Answered {
        let status = match self.dialect {
            Dialect::AuthRequest => StatusCode::INTERNAL_SERVER_ERROR,
            Dialect::ForwardAuth | Dialect::ExtAuthz => StatusCode::SERVICE_UNAVAILABLE,
        };
        let answered = self.refused(status, "unavailable", "Please try again in a moment.");
        Answered {
            class: Class::Unavailable,
            ..answered
        }
    }

    fn broken(&self) -> Answered {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.refused(
            status,
            "identity-too-long",
            "Something is set up wrongly here.",
        )
    }

    fn refused(&self, status: StatusCode, name: &str, words: &str) -> Answered {
        let response = match self.asker {
            Asker::Navigation | Asker::Form => self.page(status, words),
            Asker::Program => respond::problem(status, name, words, self.inbound.id()),
        };
        Answered::new(Class::Refused, self.context.own(response))
    }

    /// A page that needs no style sheet: on the app's host there is none of ours.
    fn page(&self, status: StatusCode, words: &str) -> Response<Body> {
        let place = &self.context.place;
        let logout = format!("{}{}/logout", place.origin, place.portal);
        respond::document(status, self.plain(words, Link::SignOut(&logout)))
    }

    fn plain(&self, title: &str, link: Link<'_>) -> Document {
        plain::view(&plain::Model {
            title,
            link,
            request_id: self.inbound.id().as_str(),
        })
    }
}

/// About as long as the head is on the wire; our own few lines are in it.
fn length(headers: &HeaderMap) -> usize {
    const STATUS_DATE_AND_ID: usize = 160;
    let lines = headers.iter();
    let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    STATUS_DATE_AND_ID + lines.sum::<usize>()
}
