//! The access log: one line for each request, where it is asked for.
//!
//! A line has no query, and of our own pages only the name: their addresses can hold a token.

use crate::authn::AccountId;
use crate::web::Body;
use crate::web::request::{Inbound, RequestId};
use crate::web::route::{Page, Route};
use crate::web::tally::Class;
use http::{Method, Response};
use std::net::IpAddr;
use std::time::Instant;

/// Is there a line for each request?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// No; the default.
    Off,
    /// To the log, under the target `access`.
    On,
}

/// An answer, and what is to be known of it.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub response: Response<Body>,
    /// What became of the request.
    pub class: Class,
    /// Whose session it carried, where that was looked up.
    pub account: Option<AccountId>,
}

impl Answered {
    /// An answer to nobody in particular.
    #[must_use]
    pub fn new(class: Class, response: Response<Body>) -> Self {
        Self {
            response,
            class,
            account: None,
        }
    }
}

/// What a line says of the request.
#[derive(Debug)]
pub(in crate::web) struct Line<'a> {
    pub(in crate::web) began: Instant,
    /// `None` when not even the first line could be read.
    pub(in crate::web) method: Option<&'a Method>,
    pub(in crate::web) id: &'a RequestId,
    pub(in crate::web) address: Option<IpAddr>,
    /// `None` when the request could not be read.
    pub(in crate::web) target: Option<(&'a Inbound, &'a Route)>,
}

impl AccessLog {
    /// Writes the line, if there is to be one. The time is that until the head of the answer.
    pub(in crate::web) fn write(self, portal: &str, line: &Line<'_>, answered: &Answered) {
        match self {
            Self::Off => return,
            Self::On => {}
        }
        let target = line.target;
        tracing::info!(
            target: "access",
            address = line.address.map(tracing::field::display),
            account = answered.account.map(tracing::field::display),
            method = line.method.map(Method::as_str),
            host = target.map(|(inbound, _)| inbound.target().host()),
            path = target.map(|(inbound, route)| path(portal, inbound, route)),
            status = answered.response.status().as_u16(),
            duration_ms = line.began.elapsed().as_micros() as f64 / 1e3,
            class = answered.class.name(),
            request_id = line.id.as_str(),
        );
    }
}

fn path(portal: &str, inbound: &Inbound, route: &Route) -> String {
    let page = match route {
        Route::Application => return inbound.target().path().to_owned(),
        Route::Portal(page) => page,
        Route::AuthCheck(dialect) => return format!("{portal}{}", dialect.path()),
        Route::Unknown => return format!("{portal}/…"),
    };
    let name = match page {
        Page::Invite(_) => "/invite/…",
        Page::Asset(name) => return format!("{portal}/assets/{name}"),
        fixed => {
            let known = Page::FIXED.iter().find(|(_, page)| page == fixed);
            known.map_or("", |(name, _)| name)
        }
    };
    format!("{portal}{name}")
}
