//! Whether browsers take the cookie, and give it to nobody else.

use crate::authz::pattern::is_within;
use crate::config::Config;
use crate::config::problem::Wrong;
use crate::config::report::Report;
use url::Host;

pub(crate) fn cookie(config: &Config, report: &mut Report) {
    let host = config.public_url.host();
    if let Some(domain) = &config.session.cookie_domain {
        let address = !matches!(Host::parse(domain), Ok(Host::Domain(_)));
        if address || psl::domain_str(domain).is_none() {
            report.refuse(
                &["session.cookie_domain"],
                Wrong::new(
                    format!("{domain:?} is no domain of one owner: strangers would get the cookie, so browsers refuse it"),
                    "write the domain that you registered: \"example.com\"; or leave it out",
                ),
            );
        } else if !is_within(host, domain) && !report.is_set("public_url") {
            report.refuse(
                &["session.cookie_domain", "public_url"],
                Wrong::new(
                    format!("public_url is missing, so our pages are at {host:?}, which is not within {domain:?}"),
                    format!("write what browsers see: public_url = \"https://auth.{domain}\""),
                ),
            );
        } else if !is_within(host, domain) {
            report.refuse(
                &["session.cookie_domain", "public_url"],
                Wrong::new(
                    format!("the host of public_url, {host:?}, is not within {domain:?}, so browsers refuse the cookie"),
                    "write a domain that ends the host of public_url, or leave it out",
                ),
            );
        }
    }
    cookie_name(config, report);
}

/// The prefixes of RFC 6265bis, 4.1.3, which browsers compare without case.
fn cookie_name(config: &Config, report: &mut Report) {
    let name = config.session.cookie_name.to_ascii_lowercase();
    let prefixed = name.starts_with("__host-") || name.starts_with("__secure-");
    if prefixed && !config.public_url.is_https() {
        report.refuse(
            &["session.cookie_name", "public_url"],
            Wrong::new(
                format!(
                    "browsers refuse {:?} on plain http",
                    config.session.cookie_name
                ),
                "leave it out, then the name follows from public_url; or write https:// there",
            ),
        );
    } else if name.starts_with("__host-") && config.session.cookie_domain.is_some() {
        report.refuse(
            &["session.cookie_name", "session.cookie_domain"],
            Wrong::new(
                format!(
                    "browsers refuse {:?} together with a domain",
                    config.session.cookie_name
                ),
                "start it with \"__Secure-\", or leave session.cookie_domain out",
            ),
        );
    }
}
