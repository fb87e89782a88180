//! Which app answers for a host and a path.

use crate::authz::target::Target;
use crate::metrics::Registry;
use crate::web::upstream::Settings;
use crate::web::upstream::client::Upstream;
use crate::web::upstream::headers::Policy;
use crate::web::upstream::tally::{Families, Tally};
use http::StatusCode;
use std::sync::Arc;

/// The app for each host and path.
#[derive(Clone, Debug)]
pub struct Routes {
    upstreams: Arc<[Upstream]>,
    families: Families,
}

/// Why no app answers for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// Nobody configured this host: answer 421 (RFC 9110 section 15.5.20).
    Misdirected,
    /// The host is known, the path is not: answer 404.
    NotFound,
}

impl NoRoute {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

impl Routes {
    /// One route per app; `policy` holds for all of them.
    #[must_use]
    pub fn new(upstreams: impl IntoIterator<Item = Settings>, policy: &Arc<Policy>) -> Self {
        let families = Families::default();
        let connect = |(settings, place)| {
            Upstream::new(settings, Arc::clone(policy), Tally::new(&families, place))
        };
        let upstreams = upstreams.into_iter().zip(0..).map(connect).collect();
        Self {
            upstreams,
            families,
        }
    }

    /// Is there no app at all, because only other proxies ask?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.upstreams.is_empty()
    }

    /// Shows what the apps answered.
    pub fn register(&self, registry: &mut Registry) {
        self.families.register(registry);
    }

    /// Finds the app for a target: one that names the host before one that takes any, then the longest path.
    ///
    /// # Errors
    /// [`NoRoute`] when no app answers for it.
    pub fn find(&self, target: &Target) -> Result<&Upstream, NoRoute> {
        let for_host = |upstream: &&Upstream| {
            let host = upstream.settings().host.as_deref();
            host.is_none_or(|host| host == target.host())
        };
        let known = self.upstreams.iter().any(|upstream| for_host(&upstream));
        if !known && !self.is_empty() {
            return Err(NoRoute::Misdirected);
        }
        self.upstreams
            .iter()
            .filter(for_host)
            .filter(|upstream| is_below(target.path(), &upstream.settings().path))
            .max_by_key(|upstream| {
                (
                    upstream.settings().host.is_some(),
                    upstream.settings().path.len(),
                )
            })
            .ok_or(NoRoute::NotFound)
    }
}

/// True at `prefix` and below it, segment by segment: `/app` covers `/app/x` but not `/apple`.
fn is_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
