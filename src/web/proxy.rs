//! In-line mode: judged by the gate, then forwarded, sent to the login page, or refused.

use crate::audit::Event;
use crate::authz::Challenge;
use crate::authz::rule::Asked;
use crate::gate::{Verdict, Visitor};
use crate::identity::Pass;
use crate::rate_limit::share::Share;
use crate::web::Body;
use crate::web::access::Answered;
use crate::web::body::{self, Cut};
use crate::web::challenge;
use crate::web::context::Context;
use crate::web::page::error::Problem;
use crate::web::page::unsent;
use crate::web::request::{Inbound, Peer, Refusal, destination, forwarded};
use crate::web::respond::{self, Asker, Failure, STORE_WAIT};
use crate::web::tally::Class;
use crate::web::upstream::upgrade::{self, Tunnel};
use crate::web::upstream::{self, Answer, Holder, UpstreamError, UpstreamRequest};
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;

/// How often an open tunnel or stream asks whether its session still lives: an ended one closes within this.
const LOOK: Duration = Duration::from_secs(2);

/// When to come back after every WebSocket that one may have was open.
const TUNNEL_WAIT: Duration = Duration::from_secs(5);

/// Answers a request for the app.
pub async fn answer(
    context: &Arc<Context>,
    parts: Parts,
    body: Incoming,
    inbound: &Inbound,
) -> Answered {
    let exchange = Exchange {
        context,
        inbound,
        asker: Asker::of(&parts),
    };
    let portal = &context.place.portal;
    let destination = match destination::read(&parts.headers, inbound.target(), portal) {
        Ok(destination) => destination,
        Err(refusal) => return exchange.refuse(refusal),
    };
    let asked = Asked {
        destination: destination.as_ref(),
        ..inbound.asked(&parts.method)
    };
    let token = context.jar.session(inbound.cookies());
    match context.gate.check(asked, token.as_ref()).await {
        Ok(Verdict::Pass(pass, visitor)) => {
            let account = visitor.as_ref().map(|visitor| visitor.account.id());
            let answered = exchange.forward(parts, body, &pass, visitor).await;
            Answered {
                account,
                ..answered
            }
        }
        Ok(Verdict::Challenge(challenge)) => exchange.challenge(challenge, &parts.headers),
        Ok(Verdict::Deny) => {
            context.record(inbound, Event::AuthzFail, "denied");
            exchange.fail(Class::Refused, Problem::NotAllowed, "denied")
        }
        Err(error) => {
            tracing::error!(%error, "a session could not be asked for");
            let problem = Problem::Unavailable(STORE_WAIT);
            exchange.fail(Class::Unavailable, problem, "unavailable")
        }
    }
}

/// One request for the app, until it is answered.
struct Exchange<'a> {
    context: &'a Arc<Context>,
    inbound: &'a Inbound,
    asker: Asker,
}

impl Exchange<'_> {
    fn fail(&self, class: Class, problem: Problem, name: &str) -> Answered {
        let failure = Failure { problem, name };
        let answer = self.context.fail(self.asker, self.inbound.id(), &failure);
        Answered::new(class, answer)
    }

    fn refuse(&self, refusal: Refusal) -> Answered {
        let (context, inbound) = (self.context, self.inbound);
        context.record(inbound, Event::InputValidationFail, refusal.name());
        let answer = context.refuse(self.asker, inbound.id(), refusal);
        Answered::new(Class::Refused, answer)
    }

    /// Navigations go to the page that asks for what is missing, everything else hears 401 and where that
    /// page is: a person who sent a form in words.
    fn challenge(&self, challenge: Challenge, asked: &HeaderMap) -> Answered {
        let (target, came) = (self.inbound.target(), self.inbound.cookies());
        let page = challenge::page(self.context, challenge, target, came);
        let mut answer = match self.asker {
            Asker::Navigation => respond::see_other(&page),
            Asker::Form => {
                let page = unsent::view(&unsent::Model {
                    frame: &self.context.frame(),
                    challenge,
                    page: &page,
                    request_id: self.inbound.id().as_str(),
                });
                respond::unsent(challenge, page)
            }
            Asker::Program => {
                challenge::unauthorized(self.context, asked, self.inbound, challenge, &page)
            }
        };
        challenge::clear_older(self.context, came, target.host(), &mut answer);
        Answered::new(Class::Challenged, self.context.own(answer))
    }

    async fn forward(
        &self,
        parts: Parts,
        body: Incoming,
        pass: &Pass,
        visitor: Option<Visitor>,
    ) -> Answered {
        let class = match &visitor {
            Some(_) => Class::App,
            None => Class::Bypassed,
        };
        let upstream = match self.context.routes.find(self.inbound.target()) {
            Ok(upstream) => upstream,
            Err(_) if self.context.routes.is_empty() && self.inbound.target().path() == "/" => {
                // Only other proxies ask us: the front page of our host is the visitor's own.
                let account = respond::see_other(&self.context.path("/account"));
                return Answered::new(Class::Portal, self.context.own(account));
            }
            Err(none) => {
                let problem = respond::problem_of(none.status());
                return self.fail(Class::Refused, problem, "no-route");
            }
        };
        let holder = self.holder(visitor.as_ref());
        let share = match self.share(&parts, holder) {
            Ok(share) => share,
            Err(problem) => return self.fail(Class::Refused, problem, "too-many-tunnels"),
        };
        let method = parts.method.clone();
        let request = match UpstreamRequest::new(parts, body, self.inbound, pass, upstream) {
            Ok(request) => request,
            Err(refusal) => return self.refuse(refusal),
        };
        if request.spoofed() > 0 {
            let event = Event::IdentityHeaderSpoofed;
            self.context.record(self.inbound, event, "identity-header");
        }
        match request.send(holder).await {
            Ok(Answer::Response(response)) => {
                Answered::new(class, self.personal(response, method, visitor))
            }
            Ok(Answer::Switching(response, tunnel)) => {
                carry(self.context, tunnel, self.inbound.clone(), visitor, share);
                Answered::new(class, response)
            }
            Err(error) => self.unanswered(error),
        }
    }

    /// What is for a visitor, or for some networks, stays out of shared caches. What is for a visitor ends with the
    /// session or the right to have it where it has no end of its own.
    fn personal(
        &self,
        mut response: Response<Body>,
        method: Method,
        visitor: Option<Visitor>,
    ) -> Response<Body> {
        let Some(visitor) = visitor else {
            let asked = self.inbound.asked(&method);
            if self.context.gate.looks_at_networks(asked) {
                upstream::keep_private(response.headers_mut());
            }
            return response;
        };
        upstream::keep_private(response.headers_mut());
        if !body::is_open_ended(response.body()) {
            return response;
        }
        let (context, inbound) = (Arc::clone(self.context), self.inbound.clone());
        let opened = Arc::new((context, inbound, method, visitor.key()));
        let look = move || -> body::Look {
            let opened = Arc::clone(&opened);
            Box::pin(async move {
                let (context, inbound, method, key) = &*opened;
                context.gate.still_passes(inbound.asked(method), key).await
            })
        };
        response.map(|body| body::revocable(body, LOOK, look))
    }

    /// What the app did not answer, we do; it counts as ours.
    fn unanswered(&self, error: UpstreamError) -> Answered {
        if error == UpstreamError::Body(Cut::Malformed) {
            return self.refuse(Refusal::Chunk);
        }
        let class = if error.status().is_server_error() {
            Class::Unanswered
        } else {
            Class::Refused
        };
        self.fail(class, respond::problem_of(error.status()), error.name())
    }

    /// Of whose share a request is; of nobody's where a proxy names no client, because it speaks for many.
    fn holder(&self, visitor: Option<&Visitor>) -> Option<Holder> {
        if let Some(visitor) = visitor {
            return Some(Holder::Account(visitor.account.id()));
        }
        let client = self.inbound.client();
        let proxies = &self.context.limits.trusted_proxies;
        let is_proxy = client.is_unspecified() || forwarded::trusts(proxies, Peer::Ip(client));
        (!is_proxy).then(|| Holder::Address(client.into()))
    }

    /// Takes the share that a WebSocket needs; other requests need none.
    fn share(
        &self,
        parts: &Parts,
        holder: Option<Holder>,
    ) -> Result<Option<Share<Holder>>, Problem> {
        match holder {
            Some(holder) if upgrade::is_websocket(parts) => {
                let share = self.context.tunnels.take(holder);
                share.map(Some).ok_or(Problem::TooManyAtOnce(TUNNEL_WAIT))
            }
            Some(_) | None => Ok(None),
        }
    }
}

/// A tunnel ends with its session, with the right to have it, or with the server.
fn carry(
    context: &Arc<Context>,
    tunnel: Tunnel,
    inbound: Inbound,
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
                () = shut_out(&context, &inbound, visitor) => {}
            }
        };
        let end = tunnel.run(ended).await;
        tracing::debug!(?end, "a tunnel ended");
    });
}

async fn shut_out(context: &Context, inbound: &Inbound, visitor: Option<Visitor>) {
    let Some(visitor) = visitor else {
        return std::future::pending().await;
    };
    let key = visitor.key();
    // Handshakes are GET (RFC 6455, 4.1).
    let asked = inbound.asked(&Method::GET);
    while context.gate.still_passes(asked, &key).await {
        tokio::time::sleep(LOOK).await;
    }
}
