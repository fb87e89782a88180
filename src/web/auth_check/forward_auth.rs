//! Traefik `forwardAuth` and Caddy `forward_auth`: the parts of the URL in a header each.

use crate::authz::target::Target;
use crate::web::auth_check::only;
use http::{HeaderMap, Method};

/// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
pub(in crate::web::auth_check) fn read(headers: &HeaderMap) -> Option<(Method, Target)> {
    let method = only(headers, "x-forwarded-method")?;
    let host = only(headers, "x-forwarded-host")?;
    let uri = only(headers, "x-forwarded-uri")?;
    // Traefik names the scheme of a WebSocket.
    let scheme = match only(headers, "x-forwarded-proto")? {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return None,
    };
    Some((
        Method::from_bytes(method.as_bytes()).ok()?,
        Target::parse(scheme, host, uri).ok()?,
    ))
}
