//! Access rules: what stands in the way of a request, by the first rule whose conditions all hold.
//!
//! An ambiguous target (one that servers read differently) never meets a weaker rule than any
//! other reading of it could: every rule of its host counts as if its path did match. And what a rule
//! shuts stays shut under spellings that a lax server takes for the same path (`/ADMIN`, `/%40admin`,
//! `/admin/`): the rule that matches to the letter decides, and each rule before it that some reading could meet
//! first adds what it asks for. So a rule that opens never hides a later one that shuts from readings that it
//! does not open itself. The same holds for a client of whom no address is known (`::`): no rule for networks opens
//! anything to it, and each that it could meet adds what it asks for.

use crate::authn::account::Account;
use crate::authn::profile::Group;
use crate::authn::username::Username;
use crate::authz::lax;
use crate::authz::pattern::{HostPattern, PathPattern};
use crate::authz::target::Target;
use http::Method;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// What a rule asks of a visitor, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Anyone may pass.
    Bypass,
    /// A session, the password is enough.
    OneFactor,
    /// A session with both factors.
    TwoFactor,
    /// Nobody may pass.
    Deny,
}

impl Policy {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::OneFactor => "one-factor",
            Self::TwoFactor => "two-factor",
            Self::Deny => "deny",
        }
    }
}

/// What has to be shown in order to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Which factors.
    pub policy: Policy,
    /// How old the second one may be; `None` as old as the session.
    pub max_age: Option<Duration>,
}

impl Requirement {
    /// Nothing but what `policy` says.
    #[must_use]
    pub const fn of(policy: Policy) -> Self {
        Self {
            policy,
            max_age: None,
        }
    }

    /// Whoever meets this meets both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let ages = [self.max_age, other.max_age];
        Self {
            policy: self.policy.max(other.policy),
            max_age: ages.into_iter().flatten().min(),
        }
    }
}

/// The request that is judged. The query, the fragment and every header but `Destination` are no part of it
/// (CVE-2025-54576, CVE-2026-41059, CVE-2026-34457).
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// What for.
    pub target: &'a Target,
    /// From which address.
    pub client: IpAddr,
    /// Where the app shall write as well, by moving or copying (RFC 4918, 10.3).
    pub destination: Option<&'a Target>,
}

/// A condition of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// On the host.
    Host,
    /// On the path.
    Path,
    /// On the method.
    Method,
    /// On the address of the client.
    Network,
    /// On the name of the user.
    User,
    /// On the groups of the user.
    Group,
}

/// How one rule and one request go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The first condition that does not hold.
    Not(Condition),
    /// All hold that can be judged; the others ask who it is, and nobody has signed in.
    Unknown,
    /// All hold.
    Matches,
}

/// One rule: every condition that is given has to hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Any of these hosts; empty for all.
    pub hosts: Vec<HostPattern>,
    /// Any of these paths; empty for all.
    pub paths: Vec<PathPattern>,
    /// Any of these methods; empty for all.
    pub methods: Vec<Method>,
    /// Any of these networks; empty for all.
    pub networks: Vec<IpNet>,
    /// Any of these users; empty for all, also for nobody.
    pub users: Vec<Username>,
    /// Members of any of these groups; empty for all, also for nobody.
    pub groups: Vec<Group>,
    /// What the rule asks.
    pub requirement: Requirement,
}

impl Rule {
    /// Without any condition.
    #[must_use]
    pub fn for_all(policy: Policy) -> Self {
        Self {
            hosts: vec![],
            paths: vec![],
            methods: vec![],
            networks: vec![],
            users: vec![],
            groups: vec![],
            requirement: Requirement::of(policy),
        }
    }

    /// Does the rule match? `who` is the account of whoever is signed in, with one factor or both.
    #[must_use]
    pub fn fit(&self, asked: Asked<'_>, who: Option<&Account>) -> Fit {
        self.fit_as(Reading::ToTheLetter, asked, who)
    }

    /// Could a lax server take the path for one that matches, or a client that nobody knows be in its networks?
    #[must_use]
    pub fn lax_fit(&self, asked: Asked<'_>, who: Option<&Account>) -> Fit {
        self.fit_as(Reading::Laxly, asked, who)
    }

    /// Is the rule for networks, and the client none that could be looked for in them (`::`)?
    fn is_in_doubt(&self, asked: Asked<'_>) -> bool {
        !self.networks.is_empty() && asked.client.is_unspecified()
    }

    /// Do lax servers read all of its paths as they stand?
    fn is_plain(&self) -> bool {
        self.paths.iter().all(PathPattern::is_plain)
    }

    /// Would this rule decide before `later` wherever a lax server's reading of the path meets that to the letter? Both
    /// could match, and this one stands before.
    fn hides(&self, later: &Self, target: &Target) -> bool {
        let (path, read) = (target.path(), lax::without_end(target.lax_path()));
        // Whoever minds no case, or no slash at the end, reads this and nothing between.
        let in_one_way = path.eq_ignore_ascii_case(read) || path.strip_suffix('/') == Some(read);
        let is_read = in_one_way && holds(&self.paths, |pattern| pattern.matches(read));
        let could_match = |pattern: &&PathPattern| pattern.matches_laxly(target.lax_path());
        let mut met = later.paths.iter().filter(could_match);
        met.all(|pattern| {
            is_read && pattern.is_plain() || self.paths.iter().any(|path| path.contains(pattern))
        })
    }

    fn fit_as(&self, reading: Reading, asked: Asked<'_>, who: Option<&Account>) -> Fit {
        let Asked { method, target, .. } = asked;
        let is_path = |pattern: &PathPattern| match reading {
            Reading::ToTheLetter => pattern.matches(target.path()),
            Reading::Laxly => pattern.matches_laxly(target.lax_path()),
        };
        if !holds(&self.hosts, |host| host.matches(target.host())) {
            Fit::Not(Condition::Host)
        } else if target.is_ambiguous() {
            // No reading of the path may miss it, and some apps take the method from elsewhere.
            self.fit_people(reading, asked, who)
        } else if !holds(&self.paths, is_path) {
            Fit::Not(Condition::Path)
        } else if !holds(&self.methods, |allowed| allowed == method) {
            Fit::Not(Condition::Method)
        } else {
            self.fit_people(reading, asked, who)
        }
    }

    fn fit_people(&self, reading: Reading, asked: Asked<'_>, who: Option<&Account>) -> Fit {
        let is_there = match reading {
            // `::/0` contains `::`, and opens nothing to it.
            Reading::ToTheLetter if self.is_in_doubt(asked) => false,
            Reading::Laxly if self.is_in_doubt(asked) => true,
            Reading::ToTheLetter | Reading::Laxly => {
                holds(&self.networks, |network| network.contains(&asked.client))
            }
        };
        if !is_there {
            return Fit::Not(Condition::Network);
        }
        let Some(account) = who else {
            let for_all = self.users.is_empty() && self.groups.is_empty();
            return if for_all { Fit::Matches } else { Fit::Unknown };
        };
        let groups = &account.profile.groups;
        if !holds(&self.users, |user| user == account.username()) {
            Fit::Not(Condition::User)
        } else if !holds(&self.groups, |group| groups.contains(group)) {
            Fit::Not(Condition::Group)
        } else {
            Fit::Matches
        }
    }

    /// Who it is decides nothing before somebody has signed in.
    fn requirement(&self, fit: Fit) -> Option<Requirement> {
        match fit {
            Fit::Not(_) => None,
            Fit::Unknown => Some(Requirement::of(Policy::OneFactor)),
            Fit::Matches => Some(self.requirement),
        }
    }
}

/// How a rule is compared with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// As it decides.
    ToTheLetter,
    /// As it could, for all that is known: this only ever shuts.
    Laxly,
}

fn holds<T>(condition: &[T], is_met: impl FnMut(&T) -> bool) -> bool {
    condition.is_empty() || condition.iter().any(is_met)
}

/// The first rule that matches to the letter, and those before it that would decide for a lax server; each with
/// its place and what it asks for.
#[derive(Clone, Debug)]
pub(in crate::authz) struct Found {
    pub(in crate::authz) exact: Option<(usize, Requirement)>,
    pub(in crate::authz) lax: Vec<(usize, Requirement)>,
}

/// All rules, in order; the first that matches decides.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    default: Policy,
}

impl Rules {
    /// Rules in order, and the policy where none matches.
    #[must_use]
    pub fn new(rules: Vec<Rule>, default: Policy) -> Self {
        Self { rules, default }
    }

    /// The policy where no rule matches.
    #[must_use]
    pub fn default_policy(&self) -> Policy {
        self.default
    }

    /// The rules, in order.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// What has to be shown for this request. Who has it write elsewhere may do the same there, and could put there
    /// directly what it writes.
    #[must_use]
    pub fn requirement(&self, asked: Asked<'_>, who: Option<&Account>) -> Requirement {
        let here = self.requirement_here(asked, who);
        let Some(target) = asked.destination else {
            return here;
        };
        let there = [asked.method, &Method::PUT].map(|method| Asked {
            method,
            target,
            ..asked
        });
        there.into_iter().fold(here, |sum, asked| {
            sum.and(self.requirement_here(asked, who))
        })
    }

    fn requirement_here(&self, asked: Asked<'_>, who: Option<&Account>) -> Requirement {
        if asked.target.is_ambiguous() {
            let rules = self.rules.iter();
            let counting = rules.filter_map(|rule| rule.requirement(rule.lax_fit(asked, who)));
            let least = Requirement::of(self.default.max(Policy::TwoFactor));
            return counting.fold(least, Requirement::and);
        }
        let Found { exact, lax } = self.find(asked, who);
        let least = exact.map_or(Requirement::of(self.default), |(_, asks)| asks);
        lax.into_iter().fold(least, |sum, (_, asks)| sum.and(asks))
    }

    /// Which rules decide about a target that is not ambiguous.
    pub(in crate::authz) fn find(&self, asked: Asked<'_>, who: Option<&Account>) -> Found {
        let mut lax: Vec<(usize, Requirement)> = vec![];
        for (at, rule) in self.rules.iter().enumerate() {
            let said = |fit| rule.requirement(fit).map(|asks| (at, asks));
            if let exact @ Some(_) = said(rule.fit(asked, who)) {
                return Found { exact, lax };
            }
            // Where laxness changes neither the path nor the rule, it has just been asked.
            if asked.target.is_plain() && rule.is_plain() && !rule.is_in_doubt(asked) {
                continue;
            }
            let hides = |(at, _): &(usize, _)| {
                let earlier = &self.rules[*at];
                !earlier.is_in_doubt(asked) && earlier.hides(rule, asked.target)
            };
            if let Some(found) = said(rule.lax_fit(asked, who))
                && !lax.iter().any(hides)
            {
                lax.push(found);
            }
        }
        Found { exact: None, lax }
    }

    /// Is there anything that a password alone opens?
    #[must_use]
    pub fn know_one_factor(&self) -> bool {
        let policies = self.rules.iter().map(|rule| rule.requirement.policy);
        know_one_factor(self.default, policies)
    }
}

/// Is there anything that a password alone opens, where rules and the default ask for this?
#[must_use]
pub fn know_one_factor(default: Policy, rules: impl IntoIterator<Item = Policy>) -> bool {
    let mut policies = rules.into_iter().chain([default]);
    policies.any(|policy| policy == Policy::OneFactor)
}

#[cfg(test)]
mod tests;
