//! `vestibule healthcheck`: is the local server ready?

use crate::cli::{Failure, runtime};
use crate::config::Config;
use crate::web::ops::READY;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpStream;

/// More than any answer of ours.
const LONGEST: usize = 1_024;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz` on the ops listener.
pub(in crate::cli) fn ask(config: &Config) -> Result<ExitCode, Failure> {
    let Some(address) = config.ops.listen else {
        return Err(Failure::usage(
            "error: there is nothing to ask: ops.listen is \"off\"\nhint: give ops.listen an address, such as 127.0.0.1:9090",
        ));
    };
    let asked = runtime()?
        .block_on(async { tokio::time::timeout(PATIENCE, ready(reachable(address))).await });
    match asked {
        Ok(Ok(true)) => Ok(ExitCode::SUCCESS),
        Ok(Ok(false)) => Err(Failure::running(
            "the server is not ready",
            "its log says why",
        )),
        Ok(Err(error)) => Err(Failure::running(
            format!("cannot ask {}: {error}", reachable(address)),
            "is the server running, with the same configuration?",
        )),
        Err(_) => Err(Failure::running(
            "the server did not answer in 5 s",
            "its log may say why",
        )),
    }
}

/// Whoever listens everywhere is reached at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ready(address: SocketAddr) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/readyz")
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let is_ok = answer.status() == StatusCode::OK;
    let body = Limited::new(answer.into_body(), LONGEST).collect().await?;
    // Some other program may answer 200 to anything.
    Ok(is_ok && body.to_bytes() == READY)
}
