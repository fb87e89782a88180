//! The stranger: asks over the network, within bounds, and believes nothing of what comes back.
//!
//! Every request has a connection of its own. An answer has 10 s, a body 1 MiB, the whole visit two minutes.

use crate::authz::target::Scheme;
use crate::cli::doctor::answer::Answer;
use crate::cli::doctor::detour::Detours;
use crate::cli::doctor::place::Place;
use crate::cli::doctor::tls;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long all of them may take.
const WHOLE: Duration = Duration::from_secs(120);

/// What is read of a body.
pub(in crate::cli::doctor) const LONGEST_BODY: usize = 1024 * 1024;

/// Sent by a browser that follows a link; the first line by a program, too.
const NAVIGATION: [(&str, &str); 5] = [
    (
        "user-agent",
        concat!("vestibule-doctor/", env!("CARGO_PKG_VERSION")),
    ),
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli::doctor) enum Silence {
    /// The name leads nowhere.
    #[error("its name has no address")]
    Unresolved,
    /// Nobody listens.
    #[error("the connection is refused")]
    Refused,
    /// No connection comes about.
    #[error("no connection comes about")]
    Unreachable,
    /// There is a connection and no trust in the certificate, or no TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// There is a connection and no answer that is HTTP.
    #[error("there is a connection, and no answer: {0}")]
    Mute(String),
    /// The visit is over, so it was not asked for.
    #[error("two minutes were over before")]
    OutOfTime,
}

/// Who seems to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Asking {
    /// A browser that follows a link.
    Browser,
    /// A program, with this method.
    Program(Method),
}

/// How the letters of header names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum Letters {
    /// `remote-user`.
    Lower,
    /// `Remote-User`.
    Title,
}

/// What is asked, beside the address.
pub(in crate::cli::doctor) type Lines<'a> = &'a [(HeaderName, HeaderValue)];

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Somebody who has never been here.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Visitor {
    tls: Arc<ClientConfig>,
    detours: Detours,
    end: Instant,
}

impl Visitor {
    /// Has two minutes from now on.
    pub(in crate::cli::doctor) fn new(tls: Arc<ClientConfig>, detours: Detours) -> Self {
        Self {
            tls,
            detours,
            end: Instant::now() + WHOLE,
        }
    }

    /// The same visitor with other TLS.
    pub(in crate::cli::doctor) fn with(&self, tls: Arc<ClientConfig>) -> Self {
        Self {
            tls,
            detours: self.detours.clone(),
            end: self.end,
        }
    }

    /// Are the two minutes over?
    pub(in crate::cli::doctor) fn is_over(&self) -> bool {
        self.end <= Instant::now()
    }

    /// Asks for a place.
    pub(in crate::cli::doctor) async fn ask(&self, place: &Place) -> Result<Answer, Silence> {
        self.ask_with(place, &[], Letters::Lower).await
    }

    /// Asks with more headers.
    pub(in crate::cli::doctor) async fn ask_with(
        &self,
        place: &Place,
        lines: Lines<'_>,
        letters: Letters,
    ) -> Result<Answer, Silence> {
        self.ask_as(&Asking::Browser, place, lines, letters).await
    }

    /// Asks as somebody else.
    pub(in crate::cli::doctor) async fn ask_as(
        &self,
        asking: &Asking,
        place: &Place,
        lines: Lines<'_>,
        letters: Letters,
    ) -> Result<Answer, Silence> {
        let end = self.end.min(Instant::now() + PATIENCE);
        let stream = self.reach(place, end).await?;
        let answer = timeout_at(end, send(stream, asking, place, lines, letters)).await;
        let answer = answer.map_err(|_| Silence::Mute("it takes too long".to_owned()))?;
        let answer = answer.map_err(|error| Silence::Mute(reason(&*error)))?;
        Ok(read(answer, end).await)
    }

    /// Comes as far as a TLS connection, and says whether HTTP/2 would be spoken on it.
    pub(in crate::cli::doctor) async fn knock(&self, place: &Place) -> Result<bool, Silence> {
        let end = self.end.min(Instant::now() + PATIENCE);
        let stream = self.connect(place, end).await?;
        let stream = self.secure(stream, place, end).await?;
        Ok(stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2))
    }

    /// Asks for a target that is none: only the first line of the answer is read, with the status.
    pub(in crate::cli::doctor) async fn ask_raw(
        &self,
        place: &Place,
        target: &str,
    ) -> Result<StatusCode, Silence> {
        let end = self.end.min(Instant::now() + PATIENCE);
        let mut stream = self.reach(place, end).await?;
        let authority = place.authority();
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        // HTTP/1.1 and a status are 12 bytes (RFC 9112, 4).
        let mut line = [0; 12];
        let told = timeout_at(end, async {
            stream.write_all(head.as_bytes()).await?;
            stream.flush().await?;
            stream.read_exact(&mut line).await
        });
        match told.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(Silence::Mute(error.kind().to_string())),
            Err(_) => return Err(Silence::Mute("it takes too long".to_owned())),
        }
        let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..));
        let status = status.and_then(|status| StatusCode::from_bytes(status).ok());
        status.ok_or_else(|| Silence::Mute("it is not HTTP".to_owned()))
    }

    async fn reach(&self, place: &Place, end: Instant) -> Result<Box<dyn Stream>, Silence> {
        let stream = self.connect(place, end).await?;
        Ok(match place.scheme {
            Scheme::Http => stream,
            Scheme::Https => Box::new(self.secure(stream, place, end).await?),
        })
    }

    async fn connect(&self, place: &Place, end: Instant) -> Result<Box<dyn Stream>, Silence> {
        if self.is_over() {
            return Err(Silence::OutOfTime);
        }
        let addresses = match self.detours.address(place) {
            Some(address) => vec![address],
            None => resolve(place, end).await?,
        };
        match timeout_at(end, TcpStream::connect(&addresses[..])).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Silence::Refused),
            Ok(Err(_)) | Err(_) => Err(Silence::Unreachable),
        }
    }

    async fn secure(
        &self,
        stream: Box<dyn Stream>,
        place: &Place,
        end: Instant,
    ) -> Result<TlsStream<Box<dyn Stream>>, Silence> {
        let host = place.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| Silence::Tls(error.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        match timeout_at(end, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Silence::Tls(error.to_string())),
            Err(_) => Err(Silence::Tls("it takes too long".to_owned())),
        }
    }
}

async fn resolve(place: &Place, end: Instant) -> Result<Vec<SocketAddr>, Silence> {
    let host = place.host.trim_matches(['[', ']']);
    let found = timeout_at(end, tokio::net::lookup_host((host, place.port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => vec![],
    };
    if addresses.is_empty() {
        return Err(Silence::Unresolved);
    }
    Ok(addresses)
}

async fn send(
    stream: Box<dyn Stream>,
    asking: &Asking,
    place: &Place,
    lines: Lines<'_>,
    letters: Letters,
) -> Result<http::Response<Incoming>, Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = Builder::new()
        .title_case_headers(letters == Letters::Title)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(connection);
    let (method, mine) = match asking {
        Asking::Browser => (&Method::GET, &NAVIGATION[..]),
        Asking::Program(method) => (method, &NAVIGATION[..1]),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(place.target.parse::<Uri>()?)
        .header(http::header::HOST, place.authority())
        .body(Empty::<Bytes>::new())?;
    let headers = request.headers_mut();
    for (name, value) in mine {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    for (name, value) in lines {
        headers.append(name, value.clone());
    }
    Ok(sender.send_request(request).await?)
}

/// Takes what comes until the body is long enough or the time is over.
async fn read(answer: http::Response<Incoming>, end: Instant) -> Answer {
    let (head, mut incoming) = answer.into_parts();
    let mut body = vec![];
    while body.len() < LONGEST_BODY {
        match timeout_at(end, incoming.frame()).await {
            Ok(Some(Ok(frame))) => body.extend(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    body.truncate(LONGEST_BODY);
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

/// The innermost reason: the outer ones say little.
fn reason(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut inner: &(dyn Error + 'static) = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    match inner.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => inner.to_string(),
    }
}
