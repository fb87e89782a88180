//! A proxy in front of a gate, as careless as a test wants it, with TLS or without.

use std::convert::Infallible;
use std::io::{Error, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use http::header::{HOST, HeaderMap};
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// What the proxy does with each request and answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// Where a request goes; it may be changed on the way.
    pub(crate) forward: fn(&mut Parts, Behind) -> SocketAddr,
    /// What becomes of the answer's headers.
    pub(crate) back: fn(&mut HeaderMap),
}

/// What stands behind the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind {
    pub(crate) gate: SocketAddr,
    pub(crate) app: SocketAddr,
}

/// Answers every connection so, with the beginning of its request, until the test process ends.
pub(crate) fn raw(
    answer: impl Fn(&mut std::net::TcpStream, &str) -> std::io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.expect("a connection"), Arc::clone(&answer));
            thread::spawn(move || {
                let mut request = [0; 4096];
                // Whoever leaves early has heard enough.
                let _ = stream.read(&mut request).and_then(|length| {
                    let request = String::from_utf8_lossy(&request[..length]);
                    answer(&mut stream, &request)
                });
            });
        }
    });
    address
}

/// Answers everything with this head.
pub(crate) fn saying(head: &str) -> SocketAddr {
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    raw(move |stream, _| stream.write_all(answer.as_bytes()))
}

/// Does a proxy with our certificate answer for the app of the recipes?
pub(crate) fn answers_over_tls(address: SocketAddr) -> bool {
    let question = b"GET /ready HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n";
    let ask = || {
        let stream = std::net::TcpStream::connect(address)?;
        let name = ServerName::try_from("app.example.com").expect("a name");
        let connection = ClientConnection::new(Arc::new(client()), name).map_err(Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(question)?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok::<_, Error>(head)
    };
    ask().is_ok_and(|head| head.starts_with(b"HTTP/1.1 ") && !head.ends_with(b"404"))
}

fn client() -> ClientConfig {
    let ca = CertificateDer::from_pem_file(tls_file("ca.pem")).expect("a certificate");
    let mut authorities = RootCertStore::empty();
    authorities.add(ca).expect("it is an authority");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.3")
        .with_root_certificates(authorities)
        .with_no_client_auth()
}

/// A running proxy; ends when dropped.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    _runtime: Runtime,
}

/// A file of `tests/doctor/tls`: certificates for app.localhost until 2126, by an authority of their own.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/doctor/tls")
        .join(name)
}

impl Front {
    /// With TLS when there is a certificate.
    pub(crate) fn start(certificate: Option<&str>, behind: Behind, conduct: Conduct) -> Self {
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
        runtime.spawn(accept(listener, certificate.map(acceptor), behind, conduct));
        Self {
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_file(tls_file(certificate)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(tls_file("key.pem")).expect("a key");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("key and certificate are a pair");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, behind: Behind, conduct: Conduct) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| async move {
                Ok::<_, Infallible>(pass(request, behind, conduct).await)
            });
            let server = hyper::server::conn::http1::Builder::new();
            // The other side may leave at any moment, also during a handshake.
            match tls {
                Some(tls) => {
                    let stream = tls.accept(stream).await?;
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
                None => {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                }
            }
            Ok::<_, Error>(())
        });
    }
}

async fn pass(request: Request<Incoming>, behind: Behind, conduct: Conduct) -> Response<Incoming> {
    let (mut parts, body) = request.into_parts();
    let to = (conduct.forward)(&mut parts, behind);
    let stream = TcpStream::connect(to).await.expect("it listens");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a new connection is ready");
    tokio::spawn(connection);
    assert!(parts.headers.contains_key(HOST), "browsers name the host");
    let request = Request::from_parts(parts, body);
    let mut response = sender.send_request(request).await.expect("an answer");
    (conduct.back)(response.headers_mut());
    response
}
