//! The access rules and the hosts that they are for, from how they are written.

use crate::authz::rule::Rules;
use crate::config::{Access, Config, Rule};

/// The rules of a configuration.
#[must_use]
pub(crate) fn rules(access: &Access) -> Rules {
    Rules::new(
        access.rules.iter().map(Rule::judged).collect(),
        access.default,
    )
}

/// The hosts that are served: all, if every app names its own; else `None`, and every one is.
#[must_use]
pub(crate) fn hosts(config: &Config) -> Option<Vec<String>> {
    let named: Option<Vec<String>> = config
        .upstreams
        .iter()
        .map(|app| app.host.clone())
        .collect();
    let mut hosts = named.filter(|hosts| !hosts.is_empty())?;
    hosts.push(config.public_url.host().to_owned());
    Some(hosts)
}
