//! In-line mode: judged by the gate, then forwarded, sent to the login page, or refused.

use crate::audit::Event;
use crate::gate::{Verdict, Visitor};
use crate::identity::Pass;
use crate::rate_limit::share::Share;
use crate::web::Body;
use crate::web::access::Answered;
use crate::web::body::Cut;
use crate::web::context::Context;
use crate::web::page::error::Problem;
use crate::web::request::{Inbound, Refusal};
use crate::web::respond::{self, Asker, Failure};
use crate::web::tally::Class;
use crate::web::tunnels::Holder;
use crate::web::upstream::upgrade::{self, Tunnel};
use crate::web::upstream::{Answer, UpstreamError, UpstreamRequest};
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::Arc;
use std::time::Duration;

/// How often an open tunnel asks whether its session still lives: an ended one closes within this.
const TUNNEL_CHECK: Duration = Duration::from_secs(2);

/// When to come back after the store could not be asked.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// When to come back after every WebSocket that one may have was open.
const TUNNEL_WAIT: Duration = Duration::from_secs(5);

/// What has to be encoded in the value of a query field.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?');

/// Answers a request for the app.
pub async fn answer(
    context: &Arc<Context>,
    parts: Parts,
    body: Incoming,
    inbound: &Inbound,
) -> Answered {
    let token = context.jar.session(inbound.cookies());
    let verdict = context
        .gate
        .check(&parts.method, inbound.target(), token.as_ref())
        .await;
    let asker = Asker::of(&parts);
    let no =
        |class, problem, name| Answered::new(class, fail(context, asker, inbound, problem, name));
    match verdict {
        Ok(Verdict::Pass(pass, visitor)) => {
            let account = visitor.as_ref().map(|visitor| visitor.account.id());
            Answered {
                class: account.map_or(Class::Bypassed, |_| Class::App),
                response: forward(context, parts, body, inbound, &pass, visitor).await,
                account,
            }
        }
        Ok(Verdict::Challenge(_)) => {
            Answered::new(Class::Challenged, challenge(context, &parts, inbound))
        }
        Ok(Verdict::Deny) => {
            context.record(inbound, Event::AuthzFail, "denied");
            no(Class::Refused, Problem::NotAllowed, "denied")
        }
        Err(error) => {
            tracing::error!(%error, "a session could not be asked for");
            no(
                Class::Unavailable,
                Problem::Unavailable(STORE_WAIT),
                "unavailable",
            )
        }
    }
}

fn fail(
    context: &Context,
    asker: Asker,
    inbound: &Inbound,
    problem: Problem,
    name: &str,
) -> Response<Body> {
    context.fail(asker, inbound.id(), &Failure { problem, name })
}

/// Navigations go to the login page, everything else hears 401 and where that page is (P-160, P-161).
fn challenge(context: &Context, parts: &Parts, inbound: &Inbound) -> Response<Body> {
    let login = login_url(context, inbound);
    match Asker::of(parts) {
        Asker::Navigation => context.own(respond::see_other(&login)),
        Asker::Program => context.own(respond::unauthorized(&login, inbound.id())),
    }
}

/// The login page, with the way back. On another host than ours it is named in full.
fn login_url(context: &Context, inbound: &Inbound) -> String {
    let target = inbound.target();
    let here = target.host() == context.place.host;
    let (front, back) = if here {
        (String::new(), target.path_and_query().to_owned())
    } else {
        (context.place.origin.clone(), target.url().to_owned())
    };
    let login = format!("{front}{}/login", context.place.portal);
    let back = context.allowed.parse(&back);
    if back.is_home() {
        return login;
    }
    format!(
        "{login}?rd={}",
        utf8_percent_encode(back.as_str(), QUERY_VALUE)
    )
}

async fn forward(
    context: &Arc<Context>,
    parts: Parts,
    body: Incoming,
    inbound: &Inbound,
    pass: &Pass,
    visitor: Option<Visitor>,
) -> Response<Body> {
    let asker = Asker::of(&parts);
    let upstream = match context.routes.find(inbound.target()) {
        Ok(upstream) => upstream,
        Err(none) => {
            return fail(
                context,
                asker,
                inbound,
                respond::problem_of(none.status()),
                "no-route",
            );
        }
    };
    let share = match share(context, &parts, inbound, visitor.as_ref()) {
        Ok(share) => share,
        Err(problem) => return fail(context, asker, inbound, problem, "too-many-tunnels"),
    };
    let request = match UpstreamRequest::new(parts, body, inbound, pass, upstream) {
        Ok(request) => request,
        Err(refusal) => {
            context.record(inbound, Event::InputValidationFail, refusal.name());
            return context.refuse(asker, inbound.id(), refusal);
        }
    };
    if request.spoofed() > 0 {
        context.record(inbound, Event::IdentityHeaderSpoofed, "identity-header");
    }
    match request.send().await {
        Ok(Answer::Response(response)) => response,
        Ok(Answer::Switching(response, tunnel)) => {
            carry(context, tunnel, visitor, share);
            response
        }
        Err(UpstreamError::Body(Cut::Malformed)) => {
            context.record(inbound, Event::InputValidationFail, Refusal::Chunk.name());
            context.refuse(asker, inbound.id(), Refusal::Chunk)
        }
        Err(error) => fail(
            context,
            asker,
            inbound,
            respond::problem_of(error.status()),
            error.name(),
        ),
    }
}

/// Takes the share that a WebSocket needs; other requests need none.
fn share(
    context: &Context,
    parts: &Parts,
    inbound: &Inbound,
    visitor: Option<&Visitor>,
) -> Result<Option<Share<Holder>>, Problem> {
    if !upgrade::is_websocket(parts) {
        return Ok(None);
    }
    let holder = match visitor {
        Some(visitor) => Holder::Account(visitor.account.id()),
        None => Holder::Address(inbound.client().into()),
    };
    match context.tunnels.take(holder) {
        Some(share) => Ok(Some(share)),
        None => Err(Problem::TooMany(TUNNEL_WAIT)),
    }
}

/// A tunnel ends with its session, or with the server.
fn carry(
    context: &Arc<Context>,
    tunnel: Tunnel,
    visitor: Option<Visitor>,
    share: Option<Share<Holder>>,
) {
    let (context, tunnels) = (Arc::clone(context), context.tunnels.clone());
    tunnels.spawn(async move {
        let _share = share;
        let stopping = context.stopping.clone();
        let ended = async {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = session_end(&context, visitor) => {}
            }
        };
        let end = tunnel.run(ended).await;
        tracing::debug!(?end, "a tunnel ended");
    });
}

async fn session_end(context: &Context, visitor: Option<Visitor>) {
    let Some(visitor) = visitor else {
        return std::future::pending().await;
    };
    let key = visitor.key();
    while context.gate.is_alive(&key).await {
        tokio::time::sleep(TUNNEL_CHECK).await;
    }
}
