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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::profile::Group;
    use crate::authn::username::Username;
    use crate::authz::rule::Policy;
    use http::Method;

    type Put = fn(&mut Rule, usize);

    /// Each condition, and how the first or the second of two values is put on a rule.
    const CONDITIONS: [(&str, Put); 6] = [
        ("hosts", |rule, at| {
            rule.hosts = vec![HostPattern::parse(["a.example", "b.example"][at])];
        }),
        ("paths", |rule, at| {
            rule.paths = vec![PathPattern::parse(["/a/**", "/b/**"][at])];
        }),
        ("methods", |rule, at| {
            rule.methods = vec![[Method::GET, Method::POST][at].clone()];
        }),
        ("networks", |rule, at| {
            rule.networks = vec![["10.0.0.0/8", "192.0.2.0/24"][at].parse().unwrap()];
        }),
        ("users", |rule, at| {
            rule.users = vec![Username::parse(["anna", "bea"][at]).unwrap()];
        }),
        ("groups", |rule, at| {
            rule.groups = vec![Group::parse(["staff", "guests"][at]).unwrap()];
        }),
    ];

    #[test]
    fn every_condition_counts_when_rules_are_compared() {
        let any = Rule::for_all(Policy::TwoFactor);
        for (name, put) in CONDITIONS {
            let [one, other] = [0, 1].map(|at| {
                let mut rule = any.clone();
                put(&mut rule, at);
                rule
            });
            let pairs = [(&one, &one), (&any, &one), (&one, &any), (&one, &other)];
            let covers = pairs.map(|(this, that)| this.covers(that));
            assert_eq!(covers, [true, true, false, false], "{name}");
            let meets = pairs.map(|(this, that)| this.may_meet(that));
            // From where a request comes and who sends it is not what it names.
            let is_named = ["hosts", "paths", "methods"].contains(&name);
            assert_eq!(meets, [true, true, true, !is_named], "{name}");
        }
    }

    #[test]
    fn conditions_that_everything_meets_cover_their_absence() {
        let any = Rule::for_all(Policy::TwoFactor);
        for (path, networks, expected) in [
            ("/**", &["0.0.0.0/0", "::/0"][..], true),
            ("/*", &["0.0.0.0/0", "::/0"], false),
            ("/**", &["0.0.0.0/0"], false),
        ] {
            let rule = Rule {
                paths: vec![PathPattern::parse(path)],
                networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
                ..any.clone()
            };
            assert_eq!(rule.covers(&any), expected, "{path} {networks:?}");
        }
    }
}
