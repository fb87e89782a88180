//! nginx `auth_request`, and HAProxy: the whole URL in one header, the method in another.

use crate::authz::target::Target;
use crate::web::auth_check::{Original, only};
use http::{HeaderMap, Method};

/// `X-Original-URL: $scheme://$http_host$request_uri` and `X-Original-Method: $request_method`.
pub(in crate::web::auth_check) fn read(headers: &HeaderMap) -> Option<Original> {
    let url = only(headers, "x-original-url")?;
    let method = only(headers, "x-original-method")?;
    Some(Original {
        method: Method::from_bytes(method.as_bytes()).ok()?,
        target: Target::parse_url(url).ok()?,
    })
}
