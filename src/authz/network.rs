//! Whether it counts from where somebody asks who has not signed in.

use crate::authz::rule::{Asked, Condition, Fit, Rules};

impl Rules {
    /// Could another decision be made for a client elsewhere who asks for the same and has not signed in? Yes may be
    /// wrong, no is certain: then what is open is open to everybody.
    #[must_use]
    pub fn look_at_networks(&self, asked: Asked<'_>) -> bool {
        for rule in self.all() {
            let exact = rule.fit(asked, None);
            if !rule.networks.is_empty()
                && [exact, rule.lax_fit(asked, None)]
                    .into_iter()
                    .any(is_for_it)
            {
                return true;
            }
            if exact == Fit::Matches {
                return false;
            }
        }
        false
    }
}

/// Is the rule for what is asked for, whoever asks?
fn is_for_it(fit: Fit) -> bool {
    match fit {
        Fit::Not(Condition::Host | Condition::Path | Condition::Method) => false,
        Fit::Not(Condition::Network | Condition::User | Condition::Group) => true,
        Fit::Unknown | Fit::Matches => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authz::pattern::PathPattern;
    use crate::authz::rule::{Policy, Rule};
    use crate::authz::target::Target;
    use http::Method;

    fn rule(path: &str, policy: Policy, network: Option<&str>) -> Rule {
        Rule {
            paths: vec![PathPattern::parse(path)],
            networks: network
                .map(|net| net.parse().unwrap())
                .into_iter()
                .collect(),
            ..Rule::for_all(policy)
        }
    }

    #[test]
    fn a_rule_for_networks_counts_where_it_is_reached_and_from_everywhere() {
        let rules = Rules::new(
            vec![
                rule("/files/**", Policy::Bypass, None),
                rule("/shut/**", Policy::Deny, Some("192.0.2.0/24")),
                rule("/shut/**", Policy::Bypass, None),
                rule("/inside/**", Policy::Bypass, Some("10.0.0.0/8")),
                rule("/files/**", Policy::Bypass, Some("10.0.0.0/8")),
            ],
            Policy::TwoFactor,
        );
        for (path, looked) in [
            ("/files/a", false),
            ("/other", false),
            ("/inside/a", true),
            ("/shut/a", true),
            // A lax server finds the rule for networks first.
            ("/SHUT/a", true),
            ("/FILES/a", true),
        ] {
            let target = Target::parse("https", "app.example.com", path).unwrap();
            for client in ["10.1.2.3", "192.0.2.1", "2001:db8::1"] {
                let asked = Asked {
                    method: &Method::GET,
                    target: &target,
                    client: client.parse().unwrap(),
                    destination: None,
                };
                assert_eq!(
                    rules.look_at_networks(asked),
                    looked,
                    "{path} from {client}"
                );
            }
        }
    }
}
