//! nginx `auth_request`, and HAProxy: the whole URL in one header, the method in another.

use crate::authz::target::Target;
use crate::web::auth_check::only;
use http::{HeaderMap, Method};

/// `X-Original-URL: $scheme://$host$request_uri` and `X-Original-Method: $request_method`. The proxy takes no host with
/// a slash in it: nginx by itself, HAProxy by our script.
pub(in crate::web::auth_check) fn read(headers: &HeaderMap) -> Option<(Method, Target)> {
    let method = only(headers, "x-original-method")?;
    let (scheme, rest) = only(headers, "x-original-url")?.split_once("://")?;
    // The client writes the host: one that ends in `?` would make a query of the path that follows.
    let (host, path) = rest.split_at(rest.find('/')?);
    Some((
        Method::from_bytes(method.as_bytes()).ok()?,
        Target::parse(scheme, host, path).ok()?,
    ))
}
