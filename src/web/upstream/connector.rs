//! Opens connections to one app, over TCP or a Unix socket.

use crate::authz::target::Target;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

/// Where an app listens: `http://host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host name or an address, and a port.
    Tcp {
        /// The host in lower case; an IPv6 address in brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket file.
    Unix(PathBuf),
}

/// Why a text is no [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Neither `http://` nor `unix:`.
    #[error("an upstream is `http://host:port` or `unix:/path`")]
    Scheme,
    /// TLS to the app is not spoken.
    #[error("TLS towards the upstream is not supported; use `http://` on a private network")]
    Tls,
    /// No host, or one that cannot be.
    #[error("the upstream's host or port is malformed")]
    Host,
    /// The URL carries a path: requests go upstream with the path that was judged, unchanged.
    #[error("an upstream URL has no path: paths are passed on unchanged")]
    Path,
    /// The socket's path is not absolute.
    #[error("the socket's path must be absolute")]
    Socket,
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(BadAddress::Socket)
            };
        }
        if text.starts_with("https://") {
            return Err(BadAddress::Tls);
        }
        let rest = text.strip_prefix("http://").ok_or(BadAddress::Scheme)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(BadAddress::Path);
        }
        let target = Target::parse("http", authority, "/").map_err(|_| BadAddress::Host)?;
        Ok(Self::Tcp {
            host: target.host().to_owned(),
            port: target.port(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "http://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Connects to one [`Address`], whatever a request's URI says.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) address: Arc<Address>,
    pub(crate) timeout: Duration,
}

impl Connector {
    async fn connect(self) -> io::Result<Link> {
        let opening = async {
            let stream: Box<dyn Stream> = match &*self.address {
                Address::Tcp { host, port } => {
                    let host = host.trim_matches(['[', ']']);
                    let stream = TcpStream::connect((host, *port)).await?;
                    stream.set_nodelay(true)?;
                    Box::new(stream)
                }
                Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            };
            Ok::<_, io::Error>(stream)
        };
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(opened) => Ok(Link {
                io: TokioIo::new(opened?),
                used: Used::default(),
            }),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Link>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// Has a connection carried a response already? Then its loss may be no fault of the next request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Used(Arc<AtomicBool>);

impl Used {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to an app.
pub(crate) struct Link {
    io: TokioIo<Box<dyn Stream>>,
    used: Used,
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.used.clone())
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, printed) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://App.internal/", "http://app.internal:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), printed);
        }
        for (text, error) in [
            ("https://a", BadAddress::Tls),
            ("127.0.0.1:3000", BadAddress::Scheme),
            ("http://", BadAddress::Host),
            ("http://u@a", BadAddress::Host),
            ("http://a:0", BadAddress::Host),
            ("http://a/base", BadAddress::Path),
            ("http://a?x", BadAddress::Path),
            ("unix:app.sock", BadAddress::Socket),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
