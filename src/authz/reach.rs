//! What rules name, compared with each other: for rules that are never asked, and those that share something.

use crate::authz::pattern::{HostPattern, PathPattern};
use crate::authz::rule::Rule;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

impl Rule {
    /// Does this rule match whenever `other` does? Yes is certain, no is not.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let all = [PathPattern::parse("/**")];
        let everywhere: [IpNet; 2] = [Ipv4Net::default().into(), Ipv6Net::default().into()];
        part(&self.methods, &other.methods, PartialEq::eq)
            && part(&self.groups, &other.groups, PartialEq::eq)
            && part(&self.users, &other.users, PartialEq::eq)
            && part(&self.hosts, &other.hosts, HostPattern::contains)
            && part(&self.paths, or(&other.paths, &all), PathPattern::contains)
            && part(
                &self.networks,
                or(&other.networks, &everywhere),
                |net, other| net.contains(other),
            )
    }

    /// Could one request be named by both, whoever sends it? No is certain, yes is not.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        meet(&self.hosts, &other.hosts, HostPattern::may_meet)
            && meet(&self.paths, &other.paths, PathPattern::may_meet)
            && meet(&self.methods, &other.methods, PartialEq::eq)
    }
}

/// Is each of `others` in one of these? Without any, there is no condition.
fn part<T>(these: &[T], others: &[T], contains: impl Fn(&T, &T) -> bool) -> bool {
    let is_in = |other| these.iter().any(|one| contains(one, other));
    these.is_empty() || !others.is_empty() && others.iter().all(is_in)
}

fn or<'a, T>(given: &'a [T], otherwise: &'a [T]) -> &'a [T] {
    if given.is_empty() { otherwise } else { given }
}

fn meet<T>(these: &[T], others: &[T], may_meet: impl Fn(&T, &T) -> bool) -> bool {
    let meets_one = |one| others.iter().any(|other| may_meet(one, other));
    these.is_empty() || others.is_empty() || these.iter().any(meets_one)
}
