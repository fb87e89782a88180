//! What the configuration says to whoever has it; a stranger has to guess.

use crate::cli::doctor::place::Place;
use crate::cli::{Common, Failure, load};
use crate::config::{Config, Overrides};
use http::HeaderName;

/// Where our pages are, unless a configuration or a sign-in says otherwise.
pub(in crate::cli::doctor) const PORTAL: &str = "/_vestibule";

/// The headers that name somebody, unless a configuration says otherwise.
const NAMES: [HeaderName; 5] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-groups"),
    HeaderName::from_static("x-vestibule-assertion"),
];

/// What the local configuration knows that a stranger has to guess.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Known {
    /// `portal.path`.
    pub(in crate::cli::doctor) portal: Option<String>,
    /// The sign-in at `public_url`.
    pub(in crate::cli::doctor) login: Option<Place>,
    /// The identity headers.
    pub(in crate::cli::doctor) names: Vec<HeaderName>,
}

impl Known {
    /// The host of `public_url`.
    pub(in crate::cli::doctor) fn host(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.host.as_str())
    }

    /// Reads the configuration that was named on the command line; without one, the defaults.
    pub(in crate::cli::doctor) fn new(common: &Common) -> Result<Self, Failure> {
        if common.config.is_none() {
            return Ok(Self {
                portal: None,
                login: None,
                names: NAMES.to_vec(),
            });
        }
        let config: Config = load(common, Overrides::default())?.config;
        let names = config.identity.headers;
        Ok(Self {
            login: Place::parse(config.public_url.as_str())
                .map(|public| public.at(&format!("{}/login", config.portal.path))),
            portal: Some(config.portal.path),
            names: vec![
                names.user,
                names.name,
                names.email,
                names.groups,
                config.identity.assertion_header,
            ],
        })
    }
}
