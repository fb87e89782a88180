//! The access rules and the hosts that they are for, from how they are written.

use crate::authz::pattern::{HostPattern, PathPattern};
use crate::authz::rule::{Requirement, Rule, Rules};
use crate::config::{self, Access, Config};

/// The rules of a configuration.
#[must_use]
pub(crate) fn rules(access: &Access) -> Rules {
    Rules::new(access.rules.iter().map(rule).collect(), access.default)
}

fn rule(rule: &config::Rule) -> Rule {
    let paths = rule.paths.iter().map(config::PathPattern::as_str);
    Rule {
        hosts: rule
            .hosts
            .iter()
            .map(|host| HostPattern::parse(host))
            .collect(),
        paths: paths.map(PathPattern::parse).collect(),
        methods: rule.methods.clone(),
        networks: rule.networks.clone(),
        users: rule.users.clone(),
        groups: rule.groups.clone(),
        requirement: Requirement {
            policy: rule.policy,
            max_age: rule.max_age,
        },
    }
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
