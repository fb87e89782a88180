//! Envoy `ext_authz` over HTTP: the check has the method, host and path of the request, with our path before it.

use crate::authz::target::Target;
use crate::web::route::Dialect;
use http::Method;

/// The request that the check repeats; `check` is what was asked of us.
pub(in crate::web::auth_check) fn read(
    portal: &str,
    method: &Method,
    check: &Target,
) -> Option<(Method, Target)> {
    let path = check.path_and_query().strip_prefix(portal)?;
    let path = path.strip_prefix(Dialect::ExtAuthz.path())?;
    let target = Target::parse(check.scheme().as_str(), check.authority(), path);
    Some((method.clone(), target.ok()?))
}
