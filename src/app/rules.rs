//! The access rules, from how they are written.

use crate::authz::pattern::{HostPattern, PathPattern};
use crate::authz::rule::{Requirement, Rule, Rules};
use crate::config::{self, Access};

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
