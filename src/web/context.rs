//! What every answer is made with: the use-cases, our cookies and keys, the look of the pages.

use crate::accounts::Accounts;
use crate::audit::{Audit, Details, Event, Source};
use crate::authn::session::record::Origin;
use crate::authz::pattern::is_within;
use crate::clock::Clock;
use crate::enrol::Enrol;
use crate::gate::Gate;
use crate::login::{Client, Login};
use crate::metrics::{Registry, number, reading};
use crate::signing_keys::SigningKeys;
use crate::web::Body;
use crate::web::access::AccessLog;
use crate::web::bounces::Bounces;
use crate::web::cookie::{Jar, Transport};
use crate::web::cors::Origins;
use crate::web::csrf::{Csrf, Forged};
use crate::web::outsiders::Outsiders;
use crate::web::page::{Direction, Frame};
use crate::web::request::{self, Connection, Inbound, Peer, Refusal, RequestId};
use crate::web::respond::{self, Asker, Failure, Telling};
use crate::web::return_to::Allowed;
use crate::web::tally::Tally;
use crate::web::tunnels::Tunnels;
use crate::web::upstream::Routes;
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, Response};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The handles of every answer. One for the process, behind an [`Arc`].
#[derive(Debug)]
pub struct Context {
    /// Judges requests.
    pub gate: Arc<Gate>,
    /// Who people are.
    pub accounts: Accounts,
    /// Signs people in.
    pub login: Login,
    /// Binds authenticators.
    pub enrol: Enrol,
    /// The apps behind.
    pub routes: Routes,
    /// What a new password has at least, in characters.
    pub min_password: usize,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How requests are read.
    pub limits: request::Settings,
    /// The public keys are theirs.
    pub keys: SigningKeys,
    /// Our cookies.
    pub jar: Jar,
    /// Which sign-ins go round in circles.
    pub bounces: Bounces,
    /// Who asks as only a proxy may, and was written down for it.
    pub outsiders: Outsiders,
    /// Form tokens.
    pub csrf: Csrf,
    /// Where visitors may be sent.
    pub allowed: Allowed,
    /// Whose scripts may read that somebody has to sign in.
    pub cors: Origins,
    /// How the pages look.
    pub look: Look,
    /// Where things are.
    pub place: Place,
    /// Where events go.
    pub audit: Audit,
    /// What became of the requests.
    pub tally: Tally,
    /// Is there a line for each request?
    pub access: AccessLog,
    /// WebSockets that outlive their requests.
    pub tunnels: Tunnels,
    /// The server stops.
    pub stopping: CancellationToken,
}

/// Where we and our pages are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The public origin, such as `https://app.example.com`.
    pub origin: String,
    /// Its host.
    pub host: String,
    /// All hosts that are served, where they are known; else any.
    pub hosts: Option<Vec<String>>,
    /// The domain whose hosts share the sign-in, if there is one.
    pub domain: Option<String>,
    /// The path of our pages, such as `/_vestibule`.
    pub portal: String,
    /// Do browsers come over TLS?
    pub transport: Transport,
}

impl Place {
    /// Does the cookie of a sign-in at [`Place::host`] reach this host?
    #[must_use]
    pub fn is_signed_in_at(&self, host: &str) -> bool {
        let domain = self.domain.as_ref();
        domain.map_or(host == self.host, |domain| is_within(host, domain))
    }

    /// Does a sign-in at [`Place::host`] not reach this host, which has one of its own then?
    #[must_use]
    pub fn signs_in_apart(&self, host: &str) -> bool {
        let named = self
            .hosts
            .as_ref()
            .is_some_and(|hosts| hosts.iter().any(|known| known == host));
        named && !self.is_signed_in_at(host)
    }

    /// Is this a host that somebody configured?
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        let hosts = self.hosts.as_ref();
        hosts.is_none_or(|hosts| hosts.iter().any(|known| known == host))
    }
}

/// How the pages look.
#[derive(Clone, Debug)]
pub struct Look {
    /// The heading.
    pub title: String,
    /// Where people find help.
    pub support_link: Option<String>,
    /// Where forms may lead, redirects after them included: a source list of the CSP.
    pub form_action: String,
    /// The style sheet, with its file name.
    pub style: Asset,
    /// The script, with its file name.
    pub script: Asset,
    /// The logo, with its file name.
    pub logo: Option<Asset>,
}

/// A file of ours, named after its content, so that it can be kept for ever.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The last segment of its path.
    pub name: String,
    /// The whole path.
    pub path: String,
    /// The media type.
    pub kind: &'static str,
    /// The content.
    pub content: Bytes,
}

impl Look {
    /// The file of this name.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        [Some(&self.style), Some(&self.script), self.logo.as_ref()]
            .into_iter()
            .flatten()
            .find(|asset| asset.name == name)
    }
}

/// Longer names of browsers are cut.
const LONGEST_AGENT: usize = 256;

impl Context {
    /// Shows what is counted at the edge.
    pub fn register(&self, registry: &mut Registry) {
        let forged = Forged::ALL.map(Forged::name);
        self.audit.expect(Event::MaliciousCsrf, &forged);
        let refusals = Refusal::ALL.map(Refusal::name);
        self.audit.expect(Event::InputValidationFail, &refusals);
        self.tally.register(registry);
        self.gate.register(registry);
        self.routes.register(registry);
        let tunnels = self.tunnels.clone();
        reading(registry, "tunnels_open", "Open WebSockets", move || {
            number(tunnels.open())
        });
    }

    /// The frame of all pages.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            title: &self.look.title,
            site: &self.place.host,
            lang: "en",
            dir: Direction::LeftToRight,
            logo: self.look.logo.as_ref().map(|logo| logo.path.as_str()),
            support_link: self.look.support_link.as_deref(),
            stylesheet_url: &self.look.style.path,
            script_url: &self.look.script.path,
        }
    }

    /// Answers a failure, with the headers of every answer of ours.
    #[must_use]
    pub fn fail(&self, asker: Asker, id: &RequestId, failure: &Failure<'_>) -> Response<Body> {
        let telling = Telling {
            asker,
            frame: &self.frame(),
            portal: &self.place.portal,
            id,
        };
        self.own(respond::failure(failure, &telling))
    }

    /// Answers a request that was refused.
    #[must_use]
    pub fn refuse(&self, asker: Asker, id: &RequestId, refusal: Refusal) -> Response<Body> {
        let mut response = if refusal == Refusal::ServerOptions {
            self.own(respond::empty(refusal.status()))
        } else {
            let problem = respond::problem_of(refusal.status());
            let name = refusal.name();
            self.fail(asker, id, &Failure { problem, name })
        };
        // Some statuses share their words; the number stays the refusal's own.
        *response.status_mut() = refusal.status();
        refusal.complete(response.headers_mut());
        response
    }

    /// Writes down that a request was not believed.
    pub fn record(&self, inbound: &Inbound, event: Event, reason: &'static str) {
        let details = Details::none().reason(reason);
        self.audit.record(event, &source(inbound), &details);
    }

    /// An answer of ours, with the headers that each of them has.
    #[must_use]
    pub fn own(&self, mut response: Response<Body>) -> Response<Body> {
        respond::secure(&mut response, self.place.transport);
        response
    }

    /// The address of one of our pages on this host.
    #[must_use]
    pub fn path(&self, page: &str) -> String {
        format!("{}{page}", self.place.portal)
    }

    /// Who asks, for limits, the audit stream and the list of sessions.
    #[must_use]
    pub fn client(&self, inbound: &Inbound, headers: &HeaderMap) -> Client {
        let address = inbound.client();
        let agent = headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        let agent: String = agent
            .unwrap_or_default()
            .chars()
            .take(LONGEST_AGENT)
            .collect();
        Client {
            address,
            source: source(inbound),
            origin: Origin {
                address: address.to_string(),
                agent,
            },
        }
    }
}

/// Who asks, for the audit stream.
#[must_use]
pub fn source(inbound: &Inbound) -> Source {
    Source {
        address: inbound.client().to_string(),
        request_id: inbound.id().as_str().to_owned(),
    }
}

/// Who sent bytes that could not be read, as far as the connection tells.
#[must_use]
pub fn source_of(connection: &Connection, id: &RequestId) -> Source {
    let address = match connection.peer {
        Peer::Ip(address) => address.to_string(),
        Peer::Unix { uid: _ } => "unix".to_owned(),
    };
    Source {
        address,
        request_id: id.as_str().to_owned(),
    }
}
