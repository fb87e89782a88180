//! Two session cookies of one name: which of them is ours cannot be known, so neither counts, and every sign-in
//! would lead back to the form.

use crate::web::Body;
use crate::web::challenge::TWICE;
use crate::web::page::sign_in_loop::{self, Cause};
use crate::web::portal::visit::Visit;
use crate::web::respond;
use crate::web::return_to::ReturnTo;
use http::{Response, StatusCode};
use std::net::IpAddr;

/// Lets the browser forget the one that we may have set before, and looks again; where that does not help, says
/// what does.
pub(in crate::web::portal) fn show(visit: &Visit<'_>, return_to: &ReturnTo) -> Response<Body> {
    let login = visit.context.path("/login");
    let tried = visit.query(TWICE).as_deref() == Some("here");
    let mut response = if tried || !visit.may_have_older() {
        explain(visit, &return_to.after(&login))
    } else {
        let again = format!("{login}?{TWICE}=here");
        respond::see_other(&return_to.after(&again))
    };
    visit.clear_older(&mut response);
    response
}

fn explain(visit: &Visit<'_>, again: &str) -> Response<Body> {
    let (context, host) = (visit.context, visit.inbound.target().host());
    let cause = cause(visit, host);
    tracing::warn!(?cause, "two session cookies came, so neither counts");
    let page = sign_in_loop::view(&sign_in_loop::Model {
        frame: &visit.frame(),
        cause,
        again,
        logout: &context.path("/logout"),
    });
    visit.page(StatusCode::LOOP_DETECTED, page)
}

/// Two cookies at this host.
pub(in crate::web::portal) fn cause<'a>(visit: &Visit<'a>, host: &'a str) -> Cause<'a> {
    Cause::TwoCookies {
        name: visit.context.jar.names()[0],
        site: site(host),
    }
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
