//! An app behind the gate that answers with what it received, and echoes WebSocket messages.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A running app; ends when dropped.
#[derive(Debug)]
pub(crate) struct App {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: Runtime,
}

/// The method of a request that the app could not read, and refused by itself.
pub(crate) const UNREADABLE: &str = "unreadable";

/// One request as the app received it; also the JSON that the app answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case; equal names stand together.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body_length: usize,
}

impl Seen {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }
}

impl App {
    /// Starts on a port that the system chooses.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        runtime.spawn(accept(listener, Arc::clone(&seen)));
        Self {
            address,
            seen,
            _runtime: runtime,
        }
    }

    /// The lines of configuration that put this app behind a gate.
    pub(crate) fn upstream(&self) -> String {
        format!("[[upstream]]\nurl = \"http://{}\"\n", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .expect("no thread panics with the list")
            .clone()
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (seen, unread) = (Arc::clone(&seen), Arc::clone(&seen));
        let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // The other side may leave at any moment.
            let ended = connection.await;
            if ended.is_err_and(|error| error.is_parse()) {
                let record = Seen {
                    method: UNREADABLE.to_owned(),
                    target: String::new(),
                    headers: vec![],
                    body_length: 0,
                };
                keep(&unread, record);
            }
        });
    }
}

async fn answer(
    mut request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers = request.headers().iter();
    let mut record = Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body_length: 0,
    };
    if request.headers().contains_key(SEC_WEBSOCKET_KEY) {
        keep(&seen, record);
        return Ok(websocket(request));
    }
    if request.headers().get(UPGRADE).is_some_and(|to| to == "h2c") {
        keep(&seen, record);
        return Ok(switching("h2c").body(Full::default()).expect("it is valid"));
    }
    // A body that breaks off is a fact for the test, not an error of the app.
    record.body_length = match request.body_mut().collect().await {
        Ok(body) => body.to_bytes().len(),
        Err(_) => usize::MAX,
    };
    let json = serde_json::to_vec_pretty(&record).expect("strings and numbers are JSON");
    keep(&seen, record);
    let hsts = request.headers().get("x-wanted-hsts").cloned();
    let mut response = Response::new(Full::new(Bytes::from(json)));
    if let Some(path) = request.headers().get("x-case-accel") {
        let accel = http::HeaderName::from_static("x-accel-redirect");
        response.headers_mut().insert(accel, path.clone());
    }
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    if let Some(hsts) = hsts {
        let name = http::header::STRICT_TRANSPORT_SECURITY;
        response.headers_mut().insert(name, hsts);
    }
    Ok(response)
}

fn keep(seen: &Mutex<Vec<Seen>>, record: Seen) {
    seen.lock()
        .expect("no thread panics with the list")
        .push(record);
}

/// Accepts the handshake (RFC 6455, section 4.2.2) and echoes frames in the background.
fn websocket(mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let _ = echo_frames(TokioIo::new(upgraded)).await;
        }
    });
    let key = &request.headers()[SEC_WEBSOCKET_KEY];
    let accept = accept_key(key.as_bytes());
    switching("websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(Full::default())
        .expect("the parts are valid")
}

fn switching(protocol: &str) -> http::response::Builder {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, protocol)
}

/// The answer to a handshake key (RFC 6455, section 1.3).
pub(crate) fn accept_key(key: &[u8]) -> String {
    let text = [key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    BASE64.encode(digest.as_ref())
}

/// Echoes short frames (RFC 6455, section 5.2) until a close frame, which it echoes as well.
async fn echo_frames<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    mut stream: S,
) -> std::io::Result<()> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let length = usize::from(head[1] & 0x7f);
        if head[1] & 0x80 == 0 || length > 125 {
            return Ok(()); // unmasked or long: not what a test sends
        }
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        payload
            .iter_mut()
            .zip(mask.iter().cycle())
            .for_each(|(byte, key)| *byte ^= key);
        stream.write_all(&[head[0], head[1] & 0x7f]).await?;
        stream.write_all(&payload).await?;
        stream.flush().await?;
        if head[0] & 0x0f == 8 {
            return Ok(());
        }
    }
}
