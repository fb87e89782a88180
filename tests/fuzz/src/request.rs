//! Whole connections: what is forwarded of them is well-formed requests, each one that was judged.
//!
//! The bytes go through the server as it is, are read, judged and sent as the gate does it, and an
//! app on the other side keeps what arrives. It is read there by rules that repair nothing.

mod wire;

use self::wire::Request as Arrived;
use super::{choice, wait};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use vestibule::authn::AccountId;
use vestibule::authn::account::{Account, Profile};
use vestibule::authn::enrolment::{EnrolmentId, PendingEnrolment};
use vestibule::authn::password::{Params, Password, decoy, hash, verify};
use vestibule::authn::session::{FirstFactorSession, Resumed};
use vestibule::authn::totp::{Skew, TimeStep};
use vestibule::authn::username::Username;
use vestibule::authz::rule::{Policy as Access, Rules};
use vestibule::authz::target::Scheme;
use vestibule::authz::{Decision, Subject, decide};
use vestibule::clock::{Moment, Timestamp};
use vestibule::identity::key::{Algorithm, KeyRecord, SigningKey};
use vestibule::identity::signer::Issuer;
use vestibule::identity::{Names, Pass, Statement};
use vestibule::server::{self, Listener};
use vestibule::web::Body;
use vestibule::web::body::{empty, full};
use vestibule::web::request::{Connection, Inbound, Peer, Refusal, Settings};
use vestibule::web::upstream::{
    Address, Answer, MethodOverride, Policy, Routes, Settings as App, Underscores, UpstreamRequest,
};

/// Fits into the buffer of a socket, so that writing never waits.
const MOST: usize = 48 * 1024;

/// Turns of the scheduler without anything happening, after which nothing will.
const CALM: usize = 24;

const NOW: Timestamp = Timestamp(1_700_000_000);
const NAMES: [&str; 5] = [
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-vestibule-assertion",
];

/// The first byte says who connects, a stranger or a trusted proxy; the rest is what it sends.
pub(crate) fn check(data: &[u8]) {
    let (peer, bytes) = choice(data);
    if bytes.len() > MOST {
        return;
    }
    RIG.with(|rig| {
        let rig = rig.get_or_init(|| {
            let rig = wait(Rig::start());
            rig.carry(false, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            // A rig through which nothing comes would find nothing.
            assert_eq!(lock(&rig.seen.arrived).len(), 1);
            rig
        });
        rig.carry(peer == b'p', bytes);
    });
}

thread_local! {
    static RIG: OnceCell<Rig> = const { OnceCell::new() };
}

/// A gate with an app behind it.
struct Rig {
    front: PathBuf,
    seen: Arc<Seen>,
    _folder: TempDir,
}

/// What went through.
#[derive(Default)]
struct Seen {
    from_proxy: AtomicBool,
    events: AtomicUsize,
    sent: Mutex<Vec<Sent>>,
    arrived: Mutex<Vec<Vec<u8>>>,
}

/// A request that was read and judged, and is on its way.
struct Sent {
    method: String,
    path_and_query: String,
    authority: String,
    route: String,
    identity: HeaderMap,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn begin(&self, from_proxy: bool) {
        self.from_proxy.store(from_proxy, Ordering::Relaxed);
        lock(&self.sent).clear();
        lock(&self.arrived).clear();
    }

    /// Keeps what one connection has brought so far, and tells its place.
    fn arrived(&self, place: Option<usize>, all: &[u8]) -> usize {
        let mut arrived = lock(&self.arrived);
        let place = place.unwrap_or(arrived.len());
        match arrived.get_mut(place) {
            Some(kept) => *kept = all.to_vec(),
            None => arrived.push(all.to_vec()),
        }
        place
    }

    fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    fn connection(&self) -> Connection {
        let address = if self.from_proxy.load(Ordering::Relaxed) {
            [10, 0, 0, 1]
        } else {
            [9, 9, 9, 9]
        };
        Connection {
            peer: Peer::Ip(address.into()),
            scheme: Scheme::Http,
            slot: None,
        }
    }
}

impl Rig {
    async fn start() -> Self {
        // libFuzzer's main lets a closed socket end the process; Rust's does not.
        drop(signal(SignalKind::pipe()).expect("a handler"));
        let folder = tempfile::tempdir().expect("a folder");
        let (front, back) = (folder.path().join("gate"), folder.path().join("app"));
        let seen = Arc::new(Seen::default());
        let app = UnixListener::bind(&back).expect("a socket");
        tokio::spawn(keep_all(app, Arc::clone(&seen)));
        let gate = Arc::new(Gate::before(&back, Arc::clone(&seen)));
        let service = move |request, _| {
            let gate = Arc::clone(&gate);
            async move { gate.answer(request).await }
        };
        let listener = Listener::unix(&front, 0o600).await.expect("a socket");
        let settings = server::Settings::default();
        tokio::spawn(server::serve(
            listener,
            settings,
            service,
            server::Stop::default(),
        ));
        Self {
            front,
            seen,
            _folder: folder,
        }
    }

    fn carry(&self, from_proxy: bool, bytes: &[u8]) {
        self.seen.begin(from_proxy);
        wait(self.say(bytes));
        judge(&self.seen);
    }

    /// Sends `bytes`, waits until nothing comes of them any more, and goes away.
    async fn say(&self, bytes: &[u8]) {
        let mut client = UnixStream::connect(&self.front)
            .await
            .expect("the gate listens");
        // The gate may have hung up already.
        let _ = client.write_all(bytes).await;
        self.calm(Some(&client)).await;
        drop(client);
        self.calm(None).await;
    }

    async fn calm(&self, client: Option<&UnixStream>) {
        let mut last = self.seen.events.load(Ordering::Relaxed);
        let mut calm = 0;
        while calm < CALM {
            tokio::task::yield_now().await;
            let mut answer = [0; 4096];
            let read = client.and_then(|client| client.try_read(&mut answer).ok());
            let events = self.seen.events.load(Ordering::Relaxed);
            let happened = events != last || read.is_some_and(|read| read > 0);
            calm = if happened { 0 } else { calm + 1 };
            last = events;
        }
    }
}

/// The app: keeps what arrives on each connection, and answers the first whole request.
async fn keep_all(listener: UnixListener, seen: Arc<Seen>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(keep(stream, Arc::clone(&seen)));
    }
}

async fn keep(mut stream: UnixStream, seen: Arc<Seen>) {
    let (mut all, mut answered, mut place) = (vec![], false, None);
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        seen.event();
        all.extend_from_slice(&buffer[..read]);
        place = Some(seen.arrived(place, &all));
        if !answered && wire::is_whole(&all) {
            answered = true;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    }
    seen.event();
}

/// The gate, for one visitor who is signed in.
struct Gate {
    settings: Settings,
    rules: Rules,
    routes: Routes,
    session: Resumed,
    account: Account,
    statement: Statement,
    seen: Arc<Seen>,
}

impl Gate {
    fn before(app: &std::path::Path, seen: Arc<Seen>) -> Self {
        let [user, name, email, groups, assertion] = NAMES.map(HeaderName::from_static);
        let names = Names {
            user,
            name,
            email,
            groups,
            assertion,
        };
        let policy = Policy {
            names: names.clone(),
            cookies: vec!["__Host-vestibule".to_owned(), "vestibule".to_owned()],
            underscores: Underscores::Drop,
            method_override: MethodOverride::Keep,
            origins: vec![],
        };
        let account = Account::new(
            Username::parse("alice").expect("a name"),
            Profile::default(),
            NOW,
        );
        let session = sign_in(account.id());
        let key =
            SigningKey::open(&KeyRecord::generate(Algorithm::EdDsa, NOW)).expect("a fresh key");
        let minute = Duration::from_secs(60);
        let issuer = Issuer::new("https://app.example".to_owned(), "app".to_owned(), minute);
        let app = App::new(Address::Unix(app.to_owned()));
        Self {
            settings: Settings {
                trusted_proxies: vec!["10.0.0.0/8".parse().expect("a net")],
                ..Settings::default()
            },
            rules: Rules::new(vec![], Access::TwoFactor),
            routes: Routes::new([app], &Arc::new(policy)),
            statement: Statement::make(
                &names,
                &issuer,
                &key,
                &session,
                &account,
                Moment::quiet(NOW),
            ),
            session,
            account,
            seen,
        }
    }

    async fn answer(&self, request: Result<Request<Incoming>, Refusal>) -> Response<Body> {
        self.seen.event();
        let answer = match request {
            Ok(request) => self.forward(request).await,
            Err(refusal) => Err(refusal),
        };
        self.seen.event();
        answer.unwrap_or_else(|refusal| {
            let mut response = Response::new(full("no\n"));
            *response.status_mut() = refusal.status();
            refusal.complete(response.headers_mut());
            response
        })
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let inbound = Inbound::read(&parts, &self.seen.connection(), &self.settings)?;
        let target = inbound.target();
        let subject = Subject::new(&self.session, &self.account);
        let asked = inbound.asked(&parts.method);
        let Decision::Allow(permit) = decide(&self.rules, asked, subject, NOW) else {
            unreachable!("a session is all that is asked for");
        };
        let pass = Pass::identified(permit, &self.statement);
        let sent = Sent {
            method: parts.method.to_string(),
            path_and_query: target.path_and_query().to_owned(),
            authority: target.authority().to_owned(),
            route: inbound
                .route()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            identity: pass
                .headers()
                .iter()
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect(),
        };
        let Ok(app) = self.routes.find(target) else {
            unreachable!("the one app answers for everything");
        };
        let request = UpstreamRequest::new(parts, body, &inbound, &pass, app)?;
        lock(&self.seen.sent).push(sent);
        Ok(match request.send(None).await {
            Ok(Answer::Response(response) | Answer::Switching(response, _)) => response,
            Err(_) => {
                let mut response = Response::new(empty());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                response
            }
        })
    }
}

/// Both factors, the way everybody shows them.
fn sign_in(account: AccountId) -> Resumed {
    let cheap = Params::new(8, 1, 1).expect("the least there is");
    let password = Password::new("correct horse battery staple".to_owned()).expect("short enough");
    let stored = hash(&password, &cheap);
    let first = verify(Some((account, &stored)), &decoy(&cheap), &password).expect("it is right");
    let mut pending = PendingEnrolment::begin(EnrolmentId::generate(), NOW);
    let code = pending
        .secret(NOW)
        .expect("it is fresh")
        .code_at(TimeStep::at(NOW));
    let (_, second) = pending
        .confirm(account, &code, Moment::quiet(NOW), Skew::Strict)
        .expect("it is right");
    let half = FirstFactorSession::begin(first, Default::default(), NOW);
    Resumed::TwoFactor(half.finish(second, NOW).expect("one account"))
}

/// Each that arrived is the one that was judged, in the same order, and there are no others.
fn judge(seen: &Seen) {
    let (sent, arrived) = (lock(&seen.sent), lock(&seen.arrived));
    assert!(
        arrived.len() <= sent.len(),
        "{} of {} arrived",
        arrived.len(),
        sent.len()
    );
    for (bytes, sent) in arrived.iter().zip(sent.iter()) {
        let request = wire::read(bytes);
        assert_eq!(request.method, sent.method);
        assert_eq!(
            request.target, sent.path_and_query,
            "the judged bytes are the forwarded ones"
        );
        one_value(&request, "host", &sent.authority);
        one_value(&request, "x-forwarded-host", &sent.authority);
        one_value(&request, "x-forwarded-for", &sent.route);
        for (name, value) in &sent.identity {
            one_value(
                &request,
                name.as_str(),
                value.to_str().expect("visible ASCII"),
            );
        }
        for (name, value) in &request.lines {
            nothing_of_the_client_for_ours(name, value);
        }
    }
}

fn one_value(request: &Arrived, name: &str, value: &str) {
    let values: Vec<&[u8]> = request.values(name).collect();
    assert_eq!(values, [value.as_bytes()], "{name}");
}

/// No spelling of a name that is ours to say, no line that ends at us, no cookie of ours.
fn nothing_of_the_client_for_ours(name: &str, value: &[u8]) {
    assert!(!name.contains('_'), "{name}");
    let folded: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let is_identity = NAMES.contains(&folded.as_str()) || folded.starts_with("x-vestibule-");
    assert!(!is_identity || NAMES.contains(&name), "{name}");
    let ends_here = [
        "te",
        "trailer",
        "keep-alive",
        "proxy",
        "expect",
        "http2-settings",
        "x-original-url",
        "x-rewrite-url",
    ];
    assert!(
        !ends_here.contains(&name) && !name.starts_with("proxy-"),
        "{name}"
    );
    match name {
        "connection" => assert!(value == b"upgrade" || value == b"close", "{name}"),
        "upgrade" => assert!(value == b"websocket", "{name}"),
        _ => {}
    }
    if name == "cookie" {
        for pair in value.split(|b| *b == b';') {
            let pair = String::from_utf8_lossy(pair).to_ascii_lowercase();
            let pair =
                pair.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '=');
            assert!(
                !pair.starts_with("vestibule") && !pair.starts_with("__host-vestibule"),
                "{pair}"
            );
        }
    }
}
