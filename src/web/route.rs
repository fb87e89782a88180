//! Which page of ours a request is for, or the app behind.
//!
//! Everything at and below the portal's path is ours, also under spellings that an app could read
//! so: those are refused, never forwarded (P-086).

use crate::authz::target::Target;
use http::Method;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the app behind.
    Application,
    /// To a page of ours.
    Portal(Page),
    /// To the answer for a proxy that asks.
    AuthCheck(Dialect),
    /// Nowhere: below our path, and no page.
    Unknown,
}

/// How a proxy asks whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// nginx `auth_request`, and HAProxy.
    AuthRequest,
    /// Traefik `forwardAuth` and Caddy `forward_auth`.
    ForwardAuth,
    /// Envoy `ext_authz`.
    ExtAuthz,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AuthRequest, Self::ForwardAuth, Self::ExtAuthz];

    /// The path below the portal's; behind the one of Envoy follows that of the request.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AuthRequest => "/authz/auth-request",
            Self::ForwardAuth => "/authz/forward-auth",
            Self::ExtAuthz => "/authz/ext-authz",
        }
    }

    /// Which one is asked at this path, as it came; for requests that cannot be read further.
    #[must_use]
    pub fn at(path: &str, portal: &str) -> Option<Self> {
        below(path, portal).and_then(Self::of)
    }

    fn of(rest: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| {
            let more = rest.strip_prefix(dialect.path());
            more.is_some_and(|more| match dialect {
                Self::AuthRequest | Self::ForwardAuth => more.is_empty(),
                Self::ExtAuthz => more.starts_with('/'),
            })
        })
    }
}

/// A page of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The portal's path itself: leads to the account.
    Home,
    /// User name and password.
    Login,
    /// A code.
    SecondFactor,
    /// An invitation link, with its token.
    Invite(String),
    /// Binding an authenticator.
    Enrol,
    /// The own account.
    Account,
    /// Signing out.
    Logout,
    /// The public keys.
    Jwks,
    /// Who am I, as JSON.
    Whoami,
    /// A style sheet, script or image of ours, by file name.
    Asset(String),
}

impl Page {
    /// Every page that has a fixed path, with that path below the portal's.
    pub const FIXED: [(&'static str, Self); 9] = [
        ("", Self::Home),
        ("/", Self::Home),
        ("/login", Self::Login),
        ("/second-factor", Self::SecondFactor),
        ("/enrol", Self::Enrol),
        ("/account", Self::Account),
        ("/logout", Self::Logout),
        ("/jwks.json", Self::Jwks),
        ("/whoami", Self::Whoami),
    ];

    /// The methods that the page answers.
    #[must_use]
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Self::Enrol | Self::Invite(_) | Self::Login | Self::Logout | Self::SecondFactor => {
                &[Method::GET, Method::HEAD, Method::POST]
            }
            Self::Account | Self::Asset(_) | Self::Home | Self::Jwks | Self::Whoami => {
                &[Method::GET, Method::HEAD]
            }
        }
    }

    /// Is it a page for people, which only a navigation may load?
    #[must_use]
    pub fn is_html(&self) -> bool {
        match self {
            Self::Account
            | Self::Enrol
            | Self::Home
            | Self::Invite(_)
            | Self::Login
            | Self::Logout
            | Self::SecondFactor => true,
            Self::Asset(_) | Self::Jwks | Self::Whoami => false,
        }
    }
}

impl Route {
    /// Decides by the path alone; `portal` begins with a slash and ends without one.
    #[must_use]
    pub fn of(target: &Target, portal: &str) -> Self {
        if let Some(rest) = below(target.path(), portal) {
            let check = Dialect::of(rest).map(Self::AuthCheck);
            return check
                .or_else(|| page(rest).map(Self::Portal))
                .unwrap_or(Self::Unknown);
        }
        if target.resembles(portal) {
            return Self::Unknown;
        }
        Self::Application
    }
}

fn below<'t>(path: &'t str, portal: &str) -> Option<&'t str> {
    path.strip_prefix(portal)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn page(rest: &str) -> Option<Page> {
    if let Some((_, page)) = Page::FIXED.iter().find(|(path, _)| *path == rest) {
        return Some(page.clone());
    }
    if let Some(token) = rest.strip_prefix("/invite/") {
        return one_segment(token).map(Page::Invite);
    }
    let name = rest.strip_prefix("/assets/")?;
    one_segment(name).map(Page::Asset)
}

fn one_segment(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 128 && !text.contains('/')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        let target = Target::parse("https", "app.example.com", path).unwrap();
        Route::of(&target, "/_vestibule")
    }

    #[test]
    fn our_pages_are_found_by_their_exact_path() {
        for (path, page) in Page::FIXED {
            assert_eq!(route(&format!("/_vestibule{path}")), Route::Portal(page));
        }
        let invite = Route::Portal(Page::Invite("abc.def".to_owned()));
        assert_eq!(route("/_vestibule/invite/abc.def?utm=1"), invite);
        let asset = Route::Portal(Page::Asset("style.css".to_owned()));
        assert_eq!(route("/_vestibule/assets/style.css"), asset);
    }

    #[test]
    fn everything_else_below_our_path_is_nothing() {
        for path in [
            "/_vestibule/x",
            "/_vestibule/login/",
            "/_vestibule/account/x.css",
            "/_vestibule/login.css",
            "/_vestibule/invite/",
            "/_vestibule/invite/a/b",
            "/_vestibule/assets/",
            "/_vestibule/healthz",
            "/_vestibule/metrics",
        ] {
            assert_eq!(route(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_our_path_goes_nowhere() {
        for path in [
            "/%5fvestibule/login",
            "//_vestibule/login",
            "/_VESTIBULE/login",
            "/x/../_vestibule/login",
            "/_vestibule;x/login",
            "/_vestibule%2flogin",
            "/x/%2e%2e/_vestibule/login",
            "/_vestibule\\login",
        ] {
            assert_eq!(route(path), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn other_paths_are_the_apps() {
        for path in [
            "/",
            "/_vestibules",
            "/x/_vestibule/login",
            "/login",
            "/?x=/_vestibule/login",
        ] {
            assert_eq!(route(path), Route::Application, "{path}");
        }
    }
}
