//! What names of headers claim, in whatever spelling a server behind could take for them.
//!
//! Each function is asked with a name whose signs are all `-` ([`fold_all`]).

use crate::identity::Names;
use http::header::HeaderName;
use std::borrow::Cow;

/// True for every name under which some app or proxy expects an identity: ours, the configured ones, and
/// those of other gateways, which an app may still trust (CVE-2025-64484 is the lesson).
pub(in crate::web::upstream) fn is_identity(folded: &str, names: &Names) -> bool {
    const PREFIXES: [&str; 11] = [
        "x-vestibule-",
        "x-remote-",
        "x-auth-request-",
        "x-webauth-",
        "x-authentik-",
        "x-pomerium-",
        "x-goog-authenticated-user-",
        "cf-access-",
        "x-ms-client-principal",
        "x-amzn-oidc-",
        "x-ssl-client-",
    ];
    const NAMES: [&str; 16] = [
        "remote-user",
        "remote-name",
        "remote-email",
        "remote-group",
        "remote-groups",
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-group",
        "x-forwarded-groups",
        "x-forwarded-preferred-username",
        "x-forwarded-access-token",
        "x-authenticated-user",
        "x-user",
        "x-user-id",
        "x-email",
        "x-goog-iap-jwt-assertion",
    ];
    // Folding changes no length.
    let is = |name: &HeaderName| {
        name.as_str().len() == folded.len() && fold_all(&fold(name.as_str())) == folded
    };
    names.all().into_iter().any(is)
        || folded.starts_with("ssl-client-")
        || (folded.starts_with(['x', 'c', 'r'])
            && (NAMES.contains(&folded)
                || PREFIXES.iter().any(|prefix| folded.starts_with(prefix))))
}

/// True for what we set ourselves or must not pass: framing, the way of the request, and what renames it.
pub(in crate::web::upstream) fn is_ours_to_set(folded: &str) -> bool {
    matches!(
        folded,
        "host"
            | "content-length"
            | "early-data"
            | "expect"
            | "max-forwards"
            | "x-request-id"
            // Proxies that set one of these pass on the others as the client wrote them.
            | "x-real-ip"
            | "client-ip"
            | "proxy-client-ip"
            | "wl-proxy-client-ip"
            | "x-originating-ip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "true-client-ip"
            | "fastly-client-ip"
            | "x-azure-clientip"
            | "x-envoy-external-address"
            | "cf-connecting-ip"
            | "cf-connecting-ipv6"
            | "forwarded"
            | "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-protocol"
            | "x-forwarded-scheme"
            | "x-forwarded-ssl"
            | "x-forwarded-host"
            | "x-forwarded-port"
            // Let an app have another server send a file (CVE-2025-61780).
            | "x-sendfile-type"
            | "x-scheme"
            | "x-url-scheme"
            | "front-end-https"
    ) || folded.starts_with("x-accel-")
        || renames(folded)
}

/// True for names that make some app serve another path, method or host than those that were judged (CVE-2018-14773).
///
/// From trusted proxies too: most of them hand on what a stranger wrote.
fn renames(folded: &str) -> bool {
    const PREFIXES: [&str; 4] = [
        // IIS, Zend, Symfony; ingress-nginx; Envoy.
        "x-original-",
        "x-envoy-original-",
        // Next.js, from itself to itself: the page, its query, the status.
        "x-invoke-",
        // The same: that middleware has run (CVE-2025-29927), where it leads, with which headers and cookies.
        "x-middleware-",
    ];
    const NAMES: [&str; 36] = [
        "x-rewrite-url",
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-forwarded-method",
        "x-host",
        "x-http-host-override",
        // What WSGI (PEP 3333) and CGI (RFC 3875, 4.1) call the parts of a request; gunicorn takes the first two as
        // they stand (forwarder_headers), others read them from behind a gateway.
        "script-name",
        "path-info",
        "path-translated",
        "script-filename",
        "request-uri",
        "request-method",
        "query-string",
        // What the app cuts off the path, or puts before it: the ReverseProxied snippet of Flask (Calibre-Web, klaus),
        // Radicale, add-ons of Home Assistant, Spring, Werkzeug, ASP.NET, NiFi, Plack, Mojolicious, Dancer.
        "x-script-name",
        "x-ingress-path",
        "x-forwarded-prefix",
        "x-forwarded-pathbase",
        "x-forwarded-context",
        "x-proxycontextpath",
        "x-forwarded-script-name",
        "x-traversal-path",
        "x-request-base",
        "request-base",
        // Where a tree of resources begins, and its host: Pyramid, repoze.vhm.
        "x-vhm-root",
        "x-vhm-host",
        // The whole path in place of the one of the request line: routers of PHP and Express, Azure.
        "x-request-uri",
        "x-waws-unencoded-url",
        // Next.js and Astro, as Vercel speaks to them.
        "x-matched-path",
        "x-now-route-matches",
        "x-astro-path",
        "x-astro-locals",
        // The host: Paste, Azure, NiFi.
        "x-forwarded-server",
        "disguised-host",
        "x-proxyhost",
        "x-proxyport",
        "x-proxyscheme",
    ];
    let is_prefixed = || PREFIXES.iter().any(|prefix| folded.starts_with(prefix));
    // Next.js in a browser says that it only loads ahead: it renames nothing.
    NAMES.contains(&folded) || is_prefixed() && folded != "x-middleware-prefetch"
}

/// True for what only a trusted proxy may tell the app about the client.
pub(in crate::web::upstream) fn is_forwarding(folded: &str) -> bool {
    folded.starts_with("x-forwarded-") || folded.starts_with("client-cert")
}

pub(in crate::web::upstream) fn is_method_override(folded: &str) -> bool {
    matches!(
        folded,
        "http-method-override"
            | "method-override"
            | "x-http-method"
            | "x-http-method-override"
            | "x-http-verb"
            | "x-method"
            | "x-method-override"
    )
}

/// The one spelling under which gateways between HTTP and programs (WSGI, CGI, PHP, Rack) know a name.
pub(in crate::web::upstream) fn fold(name: &str) -> Cow<'_, str> {
    if name.contains('_') {
        Cow::Owned(name.replace('_', "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// The coarsest spelling: PHP takes `.` for `_`, lighttpd and some CGI gateways every sign (CVE-2026-88011).
pub(in crate::web::upstream) fn fold_all(name: &str) -> Cow<'_, str> {
    let is_sign = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    if name.contains(is_sign) {
        Cow::Owned(name.replace(is_sign, "-"))
    } else {
        Cow::Borrowed(name)
    }
}
