//! Two cookies of ours of one name: which of them is ours cannot be known, so neither counts, and every sign-in
//! would lead back to the form.

use crate::web::Body;
use crate::web::context::Context;
use crate::web::page::sign_in_loop::{self, Cause};
use crate::web::request::Inbound;
use crate::web::respond;
use http::{Response, StatusCode};
use std::net::IpAddr;

/// Says which cookie came twice, and what helps.
pub(in crate::web::portal) fn explain(
    context: &Context,
    inbound: &Inbound,
    again: &str,
) -> Response<Body> {
    let name = context.jar.doubled(inbound.cookies());
    let cause = cause(name.unwrap_or_default(), inbound.target().host());
    tracing::warn!(?cause, "two cookies of one name came, so neither counts");
    let page = sign_in_loop::view(&sign_in_loop::Model {
        frame: &context.frame(),
        cause,
        again,
        logout: &context.path("/logout"),
    });
    respond::document(StatusCode::LOOP_DETECTED, page)
}

/// Two cookies of this name at this host.
pub(in crate::web::portal) fn cause<'a>(name: &'a str, host: &'a str) -> Cause<'a> {
    let site = site(host);
    Cause::TwoCookies { name, site }
}

/// What browsers list the cookies of a host under: the domain that somebody registered.
fn site(host: &str) -> &str {
    let domain = psl::domain_str(host).filter(|_| host.parse::<IpAddr>().is_err());
    domain.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_listed_under_a_registered_domain() {
        for (host, listed) in [
            ("auth.team.example.com", "example.com"),
            ("example.co.uk", "example.co.uk"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(site(host), listed);
        }
    }
}
