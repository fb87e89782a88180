//! The table: who asks for what, and what comes of it, the same everywhere unless a row says why not.

use crate::layout::Layout;
use crate::proxy::Proxy::{self, Caddy, Envoy, Haproxy, InLine, Nginx, Traefik};
use crate::scene::Asked;
use crate::scene::Outcome::{
    self, As, AsNobody, Forbidden, Login, Page, Refused, Rewritten, Unauthorized,
};
use crate::scene::Visitor::{self, Alice, Bob, Half, Nobody, OneFactor, Stale, Twice};

type Lines = &'static [(&'static str, &'static str)];

/// A row.
pub(crate) struct Case {
    pub(crate) asked: Asked,
    expected: Outcome,
    except: Vec<(Proxy, Outcome)>,
}

impl Case {
    fn new(asked: Asked, expected: Outcome) -> Self {
        Self {
            asked,
            expected,
            except: vec![],
        }
    }

    /// Elsewhere it ends so, for this reason.
    fn but(mut self, proxies: &[Proxy], outcome: Outcome, _reason: &str) -> Self {
        self.except
            .extend(proxies.iter().map(|proxy| (*proxy, outcome)));
        self
    }

    pub(crate) fn expected(&self, proxy: Proxy) -> Outcome {
        let except = self.except.iter().find(|(known, _)| *known == proxy);
        except.map_or(self.expected, |(_, outcome)| *outcome)
    }
}

/// All rows.
pub(crate) fn table(layout: Layout) -> Vec<Case> {
    let pages = match layout {
        Layout::Apart => pages_apart(),
        Layout::Together => pages_together(),
    };
    let parts = [
        places(),
        ways(),
        methods(),
        forged(),
        of_other_gateways(),
        renamed(),
        misled(),
        nominated(),
        upgrades(),
        unclear(),
        refused(),
        absolute(),
        carried(),
        moved(),
        moved_nowhere(),
        pages,
    ];
    parts.into_iter().flatten().collect()
}

fn get(visitor: Visitor, target: &'static str, expected: Outcome) -> Case {
    Case::new(Asked::get(visitor, target), expected)
}

fn with(visitor: Visitor, target: &'static str, lines: Lines, expected: Outcome) -> Case {
    let asked = Asked {
        lines,
        ..Asked::get(visitor, target)
    };
    Case::new(asked, expected)
}

/// Every visitor at every kind of place.
fn places() -> Vec<Case> {
    let none = [
        AsNobody,
        Unauthorized,
        Unauthorized,
        Unauthorized,
        Forbidden,
    ];
    let (alice, bob) = (As("alice"), As("bob"));
    [
        (Nobody, none),
        (Stale, none),
        (Half, none),
        (Twice, none),
        (
            OneFactor,
            [AsNobody, alice, Unauthorized, Unauthorized, Forbidden],
        ),
        (Alice, [alice, alice, alice, alice, Forbidden]),
        (Bob, [bob, bob, bob, Forbidden, Forbidden]),
    ]
    .into_iter()
    .flat_map(|(visitor, outcomes)| {
        let targets = [
            "/open/x?a=1",
            "/feed/x",
            "/page?a=/open/x",
            "/staff/x",
            "/internal/x",
        ];
        targets
            .into_iter()
            .zip(outcomes)
            .map(move |(target, outcome)| get(visitor, target, outcome))
    })
    .collect()
}

const NAVIGATION: Lines = &[
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept", "text/html,*/*;q=0.8"),
];

/// A browser that navigates, an old one, a script, and curl.
fn ways() -> Vec<Case> {
    let fetch: Lines = &[("Sec-Fetch-Mode", "cors"), ("Accept", "text/html")];
    let old: Lines = &[("Accept", "text/html,application/xhtml+xml")];
    let curl: Lines = &[("User-Agent", "curl/8"), ("Accept", "*/*")];
    vec![
        with(Nobody, "/page?a=1&b=%20", NAVIGATION, Login),
        with(Nobody, "/staff/x", NAVIGATION, Login),
        with(Half, "/page", NAVIGATION, Login),
        with(Bob, "/staff/x", NAVIGATION, Forbidden),
        with(Alice, "/page", NAVIGATION, As("alice")),
        with(Nobody, "/page", old, Login),
        with(Nobody, "/page", fetch, Unauthorized),
        with(Nobody, "/page", curl, Unauthorized),
    ]
}

fn methods() -> Vec<Case> {
    let by = |method, visitor, target, body, expected| {
        let asked = Asked {
            method,
            body,
            ..Asked::get(visitor, target)
        };
        Case::new(asked, expected)
    };
    vec![
        by("HEAD", Alice, "/page", 0, As("alice")),
        by("HEAD", Nobody, "/page", 0, Unauthorized),
        by("HEAD", Nobody, "/open/x", 0, AsNobody),
        by("POST", Alice, "/page", 300_000, As("alice")),
        by("POST", Nobody, "/page", 10, Unauthorized),
        by("POST", Nobody, "/open/x", 10, Unauthorized),
        by("PUT", Alice, "/staff/x", 10, As("alice")),
        by("DELETE", Bob, "/page", 0, As("bob")),
        by("DELETE", Nobody, "/open/x", 0, Unauthorized),
        by("OPTIONS", Nobody, "/page", 0, Unauthorized),
        by("PROPFIND", Alice, "/page", 0, As("alice")),
    ]
}

/// Identity that the client writes itself, in every spelling.
fn forged() -> Vec<Case> {
    let all: [Lines; 12] = [
        &[
            ("Remote.User", "mallory"),
            ("Remote!User", "mallory"),
            ("X+Vestibule+Assertion", "mallory"),
            ("X~Real*IP", "mallory"),
            ("X-Forwarded|Host", "mallory"),
            ("x.vestibule-assertion", "mallory"),
        ],
        &[
            ("X.Forwarded.Host", "mallory"),
            ("X.Original-URL", "mallory"),
        ],
        &[("Remote-User", "mallory")],
        &[("REMOTE-USER", "mallory")],
        &[("remote_user", "mallory")],
        &[("Remote_User", "mallory")],
        &[("REMOTE_USER", "mallory")],
        &[("X-Vestibule-Assertion", "mallory")],
        &[
            ("X_Vestibule-Assertion", "mallory"),
            ("x-vestibule_assertion", "mallory"),
        ],
        &[
            ("Remote-User", "mallory"),
            ("Remote-User", "mallory"),
            ("remote-user", ""),
        ],
        &[
            ("Remote-Groups", "mallory"),
            ("Remote-Email", "mallory"),
            ("Remote-Name", "mallory"),
        ],
        &[
            ("X-VESTIBULE-ASSERTION", "mallory"),
            ("remote_groups", "mallory"),
        ],
    ];
    let rows = all.into_iter().flat_map(|lines| {
        [
            with(Nobody, "/open/x", lines, AsNobody),
            with(Nobody, "/page", lines, Unauthorized),
            with(Alice, "/page", lines, As("alice")),
        ]
    });
    rows.collect()
}

/// What other gateways call people and addresses by; the app may have stood behind one of them.
fn of_other_gateways() -> Vec<Case> {
    let all: [Lines; 4] = [
        &[
            ("X-Original-Uri", "mallory"),
            ("X-Forwarded-Port", "mallory"),
            ("X-Forwarded-Ssl", "mallory"),
            ("X-SSL-Client-S-DN", "mallory"),
            ("Client-IP", "mallory"),
            ("X-Sendfile-Type", "mallory"),
            ("X-Accel-Mapping", "mallory"),
            ("Trailer", "mallory"),
        ],
        // The app asks nginx for another path in place of its answer, which nobody was asked about.
        &[("X-Case-Accel", "/internal/x")],
        &[
            ("X-Forwarded-User", "mallory"),
            ("X-Auth-Request-Email", "mallory"),
            ("X-Remote-User", "mallory"),
            ("X-WEBAUTH-USER", "mallory"),
            ("X-Authentik-Username", "mallory"),
            ("Cf-Access-Jwt-Assertion", "mallory"),
            ("X-Goog-Iap-Jwt-Assertion", "mallory"),
            ("X-Ms-Client-Principal", "mallory"),
            ("X-Amzn-Oidc-Data", "mallory"),
            ("X-Pomerium-Jwt-Assertion", "mallory"),
        ],
        &[
            ("X-Real-IP", "mallory"),
            ("True-Client-IP", "mallory"),
            ("CF-Connecting-IP", "mallory"),
            ("X-Client-IP", "mallory"),
            ("Forwarded", "for=mallory"),
        ],
    ];
    open_and_named(all)
}

/// What has some app serve another path or host than the one that was judged.
fn renamed() -> Vec<Case> {
    let all: [Lines; 3] = [
        // Apps cut these off the path, and serve what is left of it: nobody was asked about that.
        &[
            ("X-Script-Name", "/open/mallory"),
            ("X-Forwarded-Prefix", "/open/mallory"),
            ("X-Ingress-Path", "/open/mallory"),
            ("X-Forwarded-PathBase", "/open/mallory"),
            ("X-ProxyContextPath", "/open/mallory"),
            ("X-VHM-Root", "/mallory"),
        ],
        &[
            ("SCRIPT_NAME", "/open/mallory"),
            ("PATH_INFO", "/mallory"),
            ("Script-Name", "/open/mallory"),
            ("X_Script_Name", "/open/mallory"),
        ],
        // To an app of Next.js or Astro these say that it spoke to itself (CVE-2025-29927).
        &[
            ("X-Middleware-Subrequest", "mallory"),
            ("X-Middleware-Rewrite", "/mallory"),
            ("X-Invoke-Path", "/mallory"),
            ("X-Matched-Path", "/mallory"),
            ("X-Astro-Path", "/mallory"),
            ("X-Request-Uri", "/mallory"),
            ("Disguised-Host", "mallory"),
        ],
    ];
    open_and_named(all)
}

/// The same on an open path and for somebody who is signed in.
fn open_and_named<const N: usize>(all: [Lines; N]) -> Vec<Case> {
    let rows = all.into_iter().flat_map(|lines| {
        [
            with(Nobody, "/open/x", lines, AsNobody),
            with(Alice, "/page", lines, As("alice")),
        ]
    });
    rows.collect()
}

/// Lines that would have another request judged than the one that passes.
fn misled() -> Vec<Case> {
    let all: [Lines; 7] = [
        &[
            ("X-Original-URL", "http://app.example.com/open/x"),
            ("X-Original-Method", "GET"),
        ],
        &[("X_Original_URL", "http://app.example.com/open/x")],
        &[
            ("X-Forwarded-Uri", "/open/x"),
            ("X-Forwarded-Method", "GET"),
        ],
        &[
            ("X-Forwarded-Host", "auth.example.com"),
            ("X-Forwarded-Prefix", "/open"),
        ],
        &[("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1")],
        &[
            ("X-Rewrite-URL", "/open/x"),
            ("X-HTTP-Method-Override", "GET"),
        ],
        &[(
            "Forwarded",
            "for=127.0.0.1;host=auth.example.com;proto=https",
        )],
    ];
    let rows = all.into_iter().flat_map(|lines| {
        [
            with(Nobody, "/page", lines, Unauthorized),
            with(Bob, "/staff/x", lines, Forbidden),
        ]
    });
    rows.collect()
}

/// Headers that the client wants removed on the way (RFC 9110, 7.6.1).
fn nominated() -> Vec<Case> {
    vec![
        with(
            Alice,
            "/page",
            &[("Connection", "close, Remote-User")],
            As("alice"),
        ),
        with(
            Alice,
            "/page",
            &[("Connection", "close, X-Vestibule-Assertion, Remote-Groups")],
            As("alice"),
        ),
        with(
            Nobody,
            "/page",
            &[(
                "Connection",
                "close, Cookie, X-Original-URL, X-Forwarded-Uri",
            )],
            Unauthorized,
        )
        .but(
            &[InLine],
            Refused,
            "a client that wants its sign-in removed is told so",
        ),
        with(
            Bob,
            "/staff/x",
            &[("Connection", "close, X-Forwarded-Host, X-Forwarded-Method")],
            Forbidden,
        )
        .but(&[Envoy], Refused, "Envoy takes no such nomination"),
    ]
}

/// A tunnel for another protocol than WebSocket: nobody would be asked about what goes through it. The app sees
/// no wish for one; see [`crate::scene::Answer::complaints`].
fn upgrades() -> Vec<Case> {
    let all: [Lines; 4] = [
        &[
            ("Connection", "close, Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ],
        &[("Connection", "close, Upgrade"), ("Upgrade", "H2C")],
        &[("Connection", "close, Upgrade"), ("Upgrade", "SPDY/3.1")],
        &[
            ("Connection", "close, Upgrade"),
            ("Upgrade", "h2c, websocket"),
        ],
    ];
    let rows = all.into_iter().flat_map(|lines| {
        [
            with(Nobody, "/open/x", lines, AsNobody),
            with(Nobody, "/page", lines, Unauthorized),
            with(Alice, "/page", lines, As("alice")),
        ]
    });
    let rows = rows.map(|row| row.but(&[Traefik], Refused, "Traefik has no route for it"));
    let rows = rows.map(|row| match row.asked.lines[1].1 {
        "SPDY/3.1" => row.but(
            &[Envoy],
            Forbidden,
            "Envoy refuses what is no protocol of its own",
        ),
        "h2c, websocket" => row.but(&[Envoy], Forbidden, "Envoy refuses a list").but(
            &[Haproxy],
            Refused,
            "HAProxy misses the key of a handshake",
        ),
        _ => row,
    });
    rows.collect()
}

/// Traefik resolves dots, merges slashes and decodes letters first; gate and app get the same plain path.
const CLEANED: &str = "Traefik passes the path on cleaned, and asks about that";

/// Paths that servers read in different ways: one of the rules that they could meet is `deny`.
fn unclear() -> Vec<Case> {
    let kept_by_all = [
        "/open/..%2fpage",
        "/open%2fx",
        "/open/..;/page",
        "/open;a=1/x",
        "/open/..%5cpage",
        "/open/x%3fy",
        "/open/%252e%252e/page",
        "/open/..%20/page",
        "/open/.../page",
    ];
    let cleaned_by_traefik = [
        ("/open/../page", "/page"),
        ("/open/./x", "/open/x"),
        ("/open/%2e%2e/page", "/page"),
        ("//open/x", "/open/x"),
        ("/open//x", "/open/x"),
        ("/%6fpen/x", "/open/x"),
    ];
    let both = |path| [Nobody, Alice].map(|visitor| get(visitor, path, Forbidden));
    let mut cases: Vec<Case> = kept_by_all.into_iter().flat_map(both).collect();
    cases.extend(both("/open/\u{5c}x"));
    for (path, clean) in cleaned_by_traefik {
        let nobody = if clean == "/page" {
            Unauthorized
        } else {
            Rewritten(None, clean)
        };
        let alice = Rewritten(Some("alice"), clean);
        let [of_nobody, of_alice] = both(path);
        cases.push(of_nobody.but(&[Traefik], nobody, CLEANED));
        cases.push(of_alice.but(&[Traefik], alice, CLEANED));
    }
    cases
}

/// What is no request at all.
fn refused() -> Vec<Case> {
    let asked = "the proxy asks about it, and this is how it is told";
    vec![
        get(Alice, "/open/x%00", Refused).but(&[Haproxy], Forbidden, asked),
        get(Alice, "/open/x#y", Refused).but(&[Nginx, Caddy], Forbidden, asked),
        get(Alice, "/open/%zz", Refused).but(&[Haproxy], Forbidden, asked),
    ]
}

/// Targets with a host of their own, which counts in place of `Host` (RFC 9112, 3.2.2).
fn absolute() -> Vec<Case> {
    let by_path = |target| {
        let as_judged = Rewritten(None, "/open/page");
        let proxies = &[Caddy, Haproxy, Traefik];
        get(Nobody, target, Refused).but(proxies, as_judged, "they find a path in it")
    };
    vec![
        get(Nobody, "http://app.example.com/page", Unauthorized),
        get(Bob, "http://app.example.com/staff/x", Forbidden),
        get(
            Nobody,
            "http://app.example.com/open/x",
            Rewritten(None, "/open/x"),
        ),
        get(
            Alice,
            "http://app.example.com/page?a=/",
            Rewritten(Some("alice"), "/page?a=/"),
        ),
        // Where proxies see an open path, some apps see the host `open`: only the path goes on.
        by_path("http:///open/page"),
        by_path("http://@/open/page"),
        by_path("x:///open/page"),
    ]
}

/// On another host than the app.
fn pages_apart() -> Vec<Case> {
    vec![
        get(Nobody, "/_vestibule/../page", Forbidden)
            .but(
                &[InLine],
                Refused,
                "our pages are there on every host, and so is what looks like them",
            )
            .but(&[Traefik], Unauthorized, CLEANED),
        get(Nobody, "http://auth.example.com/page", Unauthorized).but(
            &[Haproxy],
            Refused,
            "HAProxy takes no request with two hosts",
        ),
        get(
            Alice,
            "http://auth.example.com/_vestibule/authz/auth-request",
            Refused,
        )
        .but(&[InLine], Forbidden, "no stranger's question is answered"),
    ]
}

/// On the host of the app, below a path: whatever looks like one of them is never the app's.
fn pages_together() -> Vec<Case> {
    let as_alice = Rewritten(Some("alice"), "/page");
    let by = |visitor, app, page_of_app| {
        // At the proxies, in line, and with Traefik.
        let rows = [
            ("/_vestibule", [app, Page, app]),
            ("/_vestibule?x=/_vestibule/", [app, Page, app]),
            ("/_vestibulex", [app; 3]),
            ("/_vestibule/", [Page; 3]),
            ("/_vestibule/account", [Page; 3]),
            ("/_vestibule/../page", [Refused, Refused, page_of_app]),
            ("/_vestibule/%2e%2e/page", [Refused, Refused, page_of_app]),
            ("/_vestibule/..%2fpage", [Refused; 3]),
            ("/_vestibule/..;/page", [Refused; 3]),
            ("/_vestibule%2faccount", [Forbidden, Refused, Forbidden]),
            ("/_vestibule%2f..%2fpage", [Forbidden, Refused, Forbidden]),
            ("/_vestibule;x/account", [Forbidden, Refused, Forbidden]),
            ("/_VESTIBULE/account", [Forbidden, Refused, Forbidden]),
            ("//_vestibule/account", [Forbidden, Refused, Page]),
            ("/%5fvestibule/account", [Forbidden, Refused, Page]),
            ("/open/../_vestibule/account", [Forbidden, Refused, Page]),
        ];
        rows.map(|(path, [everywhere, in_line, traefik])| {
            get(visitor, path, everywhere)
                .but(&[InLine], in_line, "asked itself, it knows its pages")
                .but(&[Traefik], traefik, CLEANED)
        })
    };
    let nobody = by(Nobody, Unauthorized, Unauthorized);
    nobody
        .into_iter()
        .chain(by(Alice, As("alice"), as_alice))
        .collect()
}

/// Lines that stand twice, and conditions that are for the app and not for the check.
fn carried() -> Vec<Case> {
    let conditions: Lines = &[
        ("Range", "bytes=0-1"),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ];
    vec![
        with(Alice, "/page", &[("Cookie", "vestibule=x")], Unauthorized).but(
            &[Envoy],
            As("alice"),
            "Envoy asks with the first line alone; browsers send one, and HTTP/2 crumbs are joined before",
        ),
        with(Alice, "/page", &[("Cookie", "lang=en")], As("alice")),
        with(Alice, "/page", conditions, As("alice")),
        with(Nobody, "/page", conditions, Unauthorized),
    ]
}

fn moving(
    method: &'static str,
    visitor: Visitor,
    target: &'static str,
    lines: Lines,
    expected: Outcome,
) -> Case {
    let asked = Asked {
        method,
        lines,
        ..Asked::get(visitor, target)
    };
    Case::new(asked, expected)
}

/// Where an app shall write as well as at the path (RFC 4918, 10.3): what is not open there is answered as if that were asked for.
fn moved() -> Vec<Case> {
    let to_page: Lines = &[("Destination", "/page")];
    let to_feed: Lines = &[("Destination", "/feed/y")];
    let to_open: Lines = &[("Destination", "/open/y")];
    let to_staff: Lines = &[("Destination", "http://app.example.com/staff/x")];
    let ambiguous: Lines = &[("Destination", "/a/%2e%2e/staff/x")];
    let nominated: Lines = &[
        ("Destination", "/staff/x"),
        ("Connection", "close, Destination"),
    ];
    vec![
        moving("MOVE", Alice, "/page", to_page, As("alice")),
        moving("MOVE", Alice, "/page", to_staff, As("alice")),
        moving("MOVE", Bob, "/page", to_page, As("bob")),
        moving("MOVE", Bob, "/page", to_staff, Forbidden),
        moving("PUT", Bob, "/staff/x", &[], Forbidden),
        moving("COPY", Bob, "/page", ambiguous, Forbidden),
        moving("COPY", Nobody, "/page", to_page, Unauthorized),
        with(Nobody, "/open/x", to_open, Unauthorized),
        with(OneFactor, "/feed/x", to_page, Unauthorized),
        with(OneFactor, "/feed/x", to_feed, As("alice")),
        moving("MOVE", Bob, "/page", nominated, Forbidden).but(
            &[Envoy, Traefik],
            As("bob"),
            "they remove it, from the check and for the app",
        ),
    ]
}

/// What is no place to write to.
fn moved_nowhere() -> Vec<Case> {
    let all: [Lines; 5] = [
        &[("Destination", "/page"), ("Destination", "/staff/x")],
        &[("Destination", "/page,/staff/x")],
        &[("Destination", "http://other.example.com/page")],
        &[("Destination", "/page?/../staff/x")],
        &[("Destination", "/_vestibule/account")],
    ];
    let asked = "the proxy asks about it, and this is how it is told";
    let rows = all.into_iter().map(|lines| {
        moving("COPY", Bob, "/page", lines, Refused).but(&[Nginx, Haproxy], Forbidden, asked)
    });
    rows.collect()
}
