//! A raw client, the server with a service that forwards everything, and a raw app.

use crate::authz::Permit;
use crate::identity::{Names, Pass};
use crate::server::{Listen, Listener, Settings, Stop, serve};
use crate::web::request::{self, Connection, Inbound, Refusal};
use crate::web::upstream::upgrade::End;
use crate::web::upstream::{
    self, Answer, MethodOverride, Policy, Routes, Underscores, UpstreamRequest,
};
use crate::web::{Body, body};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes; a test that waits for it fails.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens in time")
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One end of a connection, spoken by hand.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            read: vec![],
        }
    }

    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        within(self.stream.write_all(text.as_ref())).await.unwrap();
    }

    /// Sends, and tells whether the other side was still there.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends to a side that may break off in the middle of it.
    pub(crate) async fn send_what_is_taken(&mut self, text: &str) {
        within(self.try_send(text.as_bytes())).await;
    }

    async fn fill(&mut self) -> usize {
        within(self.stream.read_buf(&mut self.read))
            .await
            .unwrap_or(0)
    }

    /// Everything up to and with `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self
                .read
                .windows(end.len())
                .position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let rest = self.read.split_off(at + end.len());
                return String::from_utf8_lossy(&std::mem::replace(&mut self.read, rest))
                    .into_owned();
            }
            if self.fill().await == 0 {
                panic!(
                    "{end:?} never came: {:?}",
                    String::from_utf8_lossy(&self.read)
                );
            }
        }
    }

    /// A head: its first line, and its other lines sorted and without their line ends.
    pub(crate) async fn head(&mut self) -> Head {
        let text = self.until("\r\n\r\n").await;
        let mut lines = text.trim_end().split("\r\n").map(str::to_owned);
        let first = lines.next().unwrap();
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        Head { first, lines }
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> String {
        while self.read.len() < length {
            if self.fill().await == 0 {
                panic!("only {:?} came", String::from_utf8_lossy(&self.read));
            }
        }
        let rest = self.read.split_off(length);
        String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap()
    }

    /// Everything until the other side closes or breaks off.
    pub(crate) async fn rest(&mut self) -> String {
        while self.fill().await > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    /// Asserts that nothing at all was said before the end.
    pub(crate) async fn closes_silently(&mut self) {
        assert_eq!(self.rest().await, "");
    }

    pub(crate) async fn finish_writing(&mut self) {
        within(self.stream.shutdown()).await.unwrap();
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) lines: Vec<String>,
}

impl Head {
    /// All values of a name, in the order of their text.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let of_name =
            |line: &'_ String| line.split(": ").next().unwrap().eq_ignore_ascii_case(name);
        let lines = self.lines.iter().filter(|line| of_name(line));
        lines
            .map(|line| line.split_once(": ").map_or("", |(_, value)| value))
            .collect()
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name}: {all:?}");
        all.first().copied()
    }

    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// What a test may turn.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) server: Settings,
    pub(crate) request: request::Settings,
    pub(crate) upstream: upstream::Settings,
    pub(crate) underscores: Underscores,
}

/// The server, the app's listener, and what the tests can do to both.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    app: Option<TcpListener>,
    pub(crate) shutdown: CancellationToken,
    /// Ends the session, and with it all tunnels.
    pub(crate) session: CancellationToken,
    pub(crate) tunnel_ends: mpsc::UnboundedReceiver<End>,
    pub(crate) serving: JoinHandle<()>,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let app = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", app.local_addr().unwrap());
        Self::start(Some(app), &address, adjust).await
    }

    /// In front of an app that listens elsewhere, or nowhere.
    pub(crate) async fn before(address: &str, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::start(None, address, adjust).await
    }

    async fn start(
        app: Option<TcpListener>,
        address: &str,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            server: Settings::default(),
            request: request::Settings::default(),
            upstream: upstream::Settings::new(address.parse().unwrap()),
            underscores: Underscores::Drop,
        };
        adjust(&mut config);
        let listener = Listener::bind(&Listen::Tcp("127.0.0.1:0".parse().unwrap()))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, tunnel_ends) = mpsc::unbounded_channel();
        let session = CancellationToken::new();
        let forwarder = Arc::new(Forwarder::new(&config, session.clone(), ended));
        let service = move |request, connection| {
            let forwarder = Arc::clone(&forwarder);
            async move { forwarder.answer(request, connection).await }
        };
        let shutdown = CancellationToken::new();
        let stop = Stop {
            gently: shutdown.clone(),
            ..Stop::default()
        };
        let serving = tokio::spawn(serve(listener, config.server, service, stop));
        Self {
            address,
            app,
            shutdown,
            session,
            tunnel_ends,
            serving,
        }
    }

    pub(crate) async fn client(&self) -> Wire {
        Wire::new(within(TcpStream::connect(self.address)).await.unwrap())
    }

    /// A client that has just sent `text`.
    pub(crate) async fn client_sending(&self, text: impl AsRef<[u8]>) -> Wire {
        let mut client = self.client().await;
        client.send(text).await;
        client
    }

    /// The next connection to the app.
    pub(crate) async fn app(&self) -> Wire {
        let (stream, _) = within(self.app.as_ref().unwrap().accept()).await.unwrap();
        Wire::new(stream)
    }

    /// Asserts that nobody has connected to the app.
    pub(crate) async fn app_saw_nothing(&self) {
        let accepted = self.app.as_ref().unwrap().accept();
        let seen = tokio::select! {
            biased;
            accepted = accepted => Some(accepted),
            () = tokio::task::yield_now() => None,
        };
        assert!(seen.is_none(), "the app was reached");
    }
}

struct Forwarder {
    request: request::Settings,
    routes: Routes,
    pass: Pass,
    session: CancellationToken,
    ended: mpsc::UnboundedSender<End>,
}

impl Forwarder {
    fn new(config: &Config, session: CancellationToken, ended: mpsc::UnboundedSender<End>) -> Self {
        let names = Names {
            user: HeaderName::from_static("remote-user"),
            name: HeaderName::from_static("remote-name"),
            email: HeaderName::from_static("remote-email"),
            groups: HeaderName::from_static("remote-groups"),
            assertion: HeaderName::from_static("x-vestibule-assertion"),
        };
        let lines = vec![
            (names.user.clone(), HeaderValue::from_static("alice")),
            (names.assertion.clone(), HeaderValue::from_static("signed")),
        ];
        let policy = Policy {
            names,
            cookies: vec!["__Host-vestibule".to_owned()],
            underscores: config.underscores,
            method_override: MethodOverride::Keep,
            origins: vec!["https://app.example.com".to_owned()],
        };
        Self {
            request: config.request.clone(),
            routes: Routes::new([config.upstream.clone()], &Arc::new(policy)),
            pass: Pass::for_test(Permit::for_test(None), lines),
            session,
            ended,
        }
    }

    async fn answer(
        &self,
        request: Result<Request<Incoming>, Refusal>,
        connection: Connection,
    ) -> Response<Body> {
        let (parts, body) = match request {
            Ok(request) => request.into_parts(),
            Err(refusal) => return refused(refusal),
        };
        if parts.uri.path() == "/panic" {
            panic!("as asked");
        }
        let inbound = match Inbound::read(&parts, &connection, &self.request) {
            Ok(inbound) => inbound,
            Err(refusal) => return refused(refusal),
        };
        let upstream = match self.routes.find(inbound.target()) {
            Ok(upstream) => upstream,
            Err(none) => return said(none.status(), "no-route"),
        };
        let request = UpstreamRequest::new(parts, body, &inbound, &self.pass, upstream);
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return refused(refusal),
        };
        match request.send(None).await {
            Ok(Answer::Response(response)) => response,
            Ok(Answer::Switching(response, tunnel)) => {
                let (session, ended) = (self.session.clone(), self.ended.clone());
                tokio::spawn(async move {
                    let end = tunnel.run(session.cancelled_owned()).await;
                    ended.send(end).ok();
                });
                response
            }
            Err(error) => said(error.status(), error.name()),
        }
    }
}

fn refused(refusal: Refusal) -> Response<Body> {
    let mut response = said(refusal.status(), refusal.name());
    refusal.complete(response.headers_mut());
    response
}

fn said(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("reason", HeaderValue::from_static(reason));
    response
}
