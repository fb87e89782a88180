//! Auth-check mode: another proxy asks whether a request may pass, and learns who it is from.
//!
//! Only trusted proxies are answered. The request that is judged stands in headers or in the path, as the
//! dialect of the proxy has it; body, query and conditions of the check itself never count. Any answer
//! but 200 keeps the visitor out.

mod auth_request;
mod forward_auth;
mod ext_authz;
mod reply;

use crate::audit::Event;
use crate::authz::rule::Asked;
use crate::authz::target::Target;
use crate::gate::Verdict;
use crate::web::access::Answered;
use crate::web::context::Context;
use crate::web::request::{Inbound, Trust, destination, framing};
use crate::web::respond::Asker;
use crate::web::route::{Dialect, Route};
use crate::web::tally::Class;
use http::request::Parts;
use http::{HeaderMap, Method};
use reply::Reply;

/// The request that a proxy asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// How the visitor asks.
    pub method: Method,
    /// For what the visitor asks.
    pub target: Target,
    /// Where the app shall write as well.
    pub destination: Option<Target>,
}

/// Answers a check.
pub async fn answer(
    context: &Context,
    dialect: Dialect,
    parts: &Parts,
    inbound: &Inbound,
) -> Answered {
    let unclear = Reply {
        context,
        dialect,
        inbound,
        headers: &parts.headers,
        asker: Asker::Program,
    };
    if inbound.trust() == Trust::Stranger {
        return turned_away(context, &unclear);
    }
    let portal = &context.place.portal;
    let Some(original) = read(dialect, portal, parts, inbound.target()) else {
        context.record(inbound, Event::InputValidationFail, "auth_check");
        return unclear.unclear();
    };
    let reply = Reply {
        asker: Asker::from(&original.method, &parts.headers),
        ..unclear
    };
    if inbound.is_early() && !original.method.is_safe() {
        context.record(inbound, Event::InputValidationFail, "too-early");
        return reply.too_early();
    }
    match place(context, &original.target) {
        Place::App => judge(&reply, &original).await,
        Place::Portal => reply.portal(),
        Place::Nowhere => reply.denied(),
    }
}

/// Whoever set up a proxy has to read which address is not trusted; whoever floods us has to fill no disk.
fn turned_away(context: &Context, reply: &Reply<'_>) -> Answered {
    const REASON: &str = "not_a_trusted_proxy";
    let inbound = reply.inbound;
    if context.outsiders.is_news(inbound.client()) {
        context.record(inbound, Event::AuthzFail, REASON);
    } else {
        context.audit.count(Event::AuthzFail, REASON);
    }
    reply.stranger()
}

/// The request that a check is about, `None` where it is not said once and clearly; `check` is what was asked of us.
/// A method that is refused in front of an app is none here: no rule may miss `post` because it names `POST`.
#[must_use]
pub fn read(dialect: Dialect, portal: &str, parts: &Parts, check: &Target) -> Option<Original> {
    let (method, target) = match dialect {
        Dialect::AuthRequest => auth_request::read(&parts.headers),
        Dialect::ForwardAuth => forward_auth::read(&parts.headers),
        Dialect::ExtAuthz => ext_authz::read(portal, &parts.method, check),
    }?;
    framing::check_method(&method).ok()?;
    let destination = destination::read(&parts.headers, &target, portal).ok()?;
    Some(Original {
        method,
        target,
        destination,
    })
}

/// The value of a header that has to stand there once: of two, proxy and app may each believe another.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    line.to_str().ok()
}

/// What answers a request behind the proxy that asks.
enum Place {
    App,
    /// Our own pages, which ask for themselves what they need.
    Portal,
    /// What only looks like one of our pages.
    Nowhere,
}

/// On other hosts than ours a path like ours is the app's. A page of ours is one only where nobody reads its path
/// differently: another server may find the app behind the dots of `/_vestibule/assets/..%2f..%2fadmin`. And proxies
/// send us what lies below `/_vestibule/`, so `/_vestibule` itself may reach the app.
fn place(context: &Context, target: &Target) -> Place {
    let portal = &context.place.portal;
    if !is_ours(context, target) || target.path() == portal {
        return Place::App;
    }
    match Route::of(target, portal) {
        Route::Application => Place::App,
        Route::Portal(_) if !target.is_ambiguous() => Place::Portal,
        Route::Portal(_) | Route::AuthCheck(_) | Route::Unknown => Place::Nowhere,
    }
}

/// Is it our host, and our port? Another port of it may be an app's.
fn is_ours(context: &Context, target: &Target) -> bool {
    let (_, ours) = context.place.origin.split_once("://").unwrap_or_default();
    target.authority() == ours
}

async fn judge(reply: &Reply<'_>, original: &Original) -> Answered {
    let (context, inbound) = (reply.context, reply.inbound);
    let token = context.jar.session(inbound.cookies());
    let asked = Asked {
        method: &original.method,
        target: &original.target,
        client: inbound.client(),
        destination: original.destination.as_ref(),
    };
    match context.gate.check(asked, token.as_ref()).await {
        Ok(Verdict::Pass(pass, visitor)) => {
            let answered = reply.allowed(&pass);
            Answered {
                account: visitor.map(|visitor| visitor.account.id()),
                ..answered
            }
        }
        Ok(Verdict::Challenge(challenge)) => reply.challenged(challenge, &original.target),
        Ok(Verdict::Deny) => {
            context.record(inbound, Event::AuthzFail, "denied");
            reply.denied()
        }
        Err(error) => {
            tracing::error!(%error, "a session could not be asked for");
            reply.unavailable()
        }
    }
}

/// How an allowed check counts: by whether somebody is named.
fn passed(named: bool) -> Class {
    if named { Class::App } else { Class::Bypassed }
}

#[cfg(test)]
mod tests;
