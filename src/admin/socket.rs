//! The admin socket: commands as JSON over HTTP over a Unix socket.
//!
//! Mode 0600, and the peer's user id is asked for as well: only root and our own user get in.

use crate::admin::{Admin, Answer, Command};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The one path of the socket's API.
const COMMANDS: &str = "/v1/commands";

/// The longest command and the longest answer, in bytes.
const LONGEST_COMMAND: usize = 64 * 1024;
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// How long a command may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the socket of a data folder lies.
#[must_use]
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// What a refused command answers with.
#[derive(Debug, Deserialize, Serialize)]
struct Refused {
    error: String,
    hint: String,
}

/// The socket, bound.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds the socket; whoever holds the store's lock may replace one that was left behind.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = path_in(data_dir);
        // Bound beside its place, made private, and only then moved there: nobody can connect before.
        let draft = data_dir.join("admin.sock.new");
        for stale in [&draft, &path] {
            match std::fs::remove_file(stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        let listener = UnixListener::bind(&draft)?;
        std::fs::set_permissions(&draft, Permissions::from_mode(0o600))?;
        std::fs::rename(&draft, &path)?;
        Ok(Self { listener, path })
    }

    /// Answers commands until `shutdown`, then removes the socket and waits for the answers under way.
    pub async fn serve(self, admin: Admin, shutdown: CancellationToken) {
        let conversations = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) if is_ours(&stream) => {
                    conversations.spawn(converse(stream, admin.clone()));
                }
                Ok(_) => tracing::warn!("another user tried the admin socket"),
                Err(error) => {
                    tracing::warn!(%error, "the admin socket could not accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the admin socket was gone already");
        }
        conversations.close();
        conversations.wait().await;
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own)
}

async fn converse(stream: UnixStream, admin: Admin) {
    let service = service_fn(move |request| {
        let admin = admin.clone();
        async move { Ok::<_, Infallible>(answer(request, &admin).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "an admin connection broke");
    }
}

async fn answer(request: Request<Incoming>, admin: &Admin) -> Response<Full<Bytes>> {
    if request.method() != Method::POST || request.uri().path() != COMMANDS {
        return json(StatusCode::NOT_FOUND, &refused("no such path"));
    }
    let body = Limited::new(request.into_body(), LONGEST_COMMAND).collect();
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
        return json(
            StatusCode::BAD_REQUEST,
            &refused("the command did not arrive"),
        );
    };
    let bytes = zeroize::Zeroizing::new(body.to_bytes().to_vec());
    let command: Command = match serde_json::from_slice(&bytes) {
        Ok(command) => command,
        // The text of the error could quote a password.
        Err(_) => {
            return json(
                StatusCode::BAD_REQUEST,
                &refused("not a command of this version"),
            );
        }
    };
    match admin.execute(command).await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(error) => {
            let refused = Refused {
                error: error.to_string(),
                hint: error.hint().to_owned(),
            };
            json(StatusCode::CONFLICT, &refused)
        }
    }
}

/// A refusal of the socket itself: the two sides do not speak the same version.
fn refused(error: &str) -> Refused {
    Refused {
        error: error.to_owned(),
        hint: "use the `vestibule` of the running server".to_owned(),
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let text = serde_json::to_vec(value).expect("answers have string keys");
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

/// Why the running server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No server is there.
    #[error("no server runs on this data folder")]
    NoServer,
    /// The socket is another user's.
    #[error("the server runs as another user")]
    Forbidden,
    /// The server refused the command.
    #[error("{error}")]
    Refused {
        /// Why.
        error: String,
        /// What to do about it.
        hint: String,
    },
    /// The conversation broke.
    #[error("the running server did not answer: {0}")]
    Broken(String),
}

/// Sends a command to the server that serves `data_dir`.
///
/// # Errors
/// When there is none, or it refuses.
pub async fn call(data_dir: &Path, command: &Command) -> Result<Answer, CallError> {
    let stream = UnixStream::connect(path_in(data_dir))
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CallError::NoServer,
            io::ErrorKind::PermissionDenied => CallError::Forbidden,
            _ => broken(error),
        })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    tokio::spawn(connection);
    let body = serde_json::to_vec(command).map_err(broken)?;
    let request = Request::post(COMMANDS)
        .header(http::header::HOST, "localhost")
        .body(Full::<Bytes>::new(body.into()))
        .map_err(broken)?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect();
    let bytes = body.await.map_err(broken)?.to_bytes();
    if status == StatusCode::OK {
        return serde_json::from_slice(&bytes).map_err(broken);
    }
    let refused: Refused = serde_json::from_slice(&bytes).map_err(broken)?;
    Err(CallError::Refused {
        error: refused.error,
        hint: refused.hint,
    })
}

fn broken(error: impl std::fmt::Display) -> CallError {
    CallError::Broken(error.to_string())
}
