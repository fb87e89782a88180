//! What values must have to do with each other, and with the files of this machine.
//!
//! Every check names the keys it involves; the first is the one to blame.

mod access;
mod listeners;
mod upstreams;
mod cookie;
pub(crate) mod files;

use crate::config::Config;
use crate::config::problem::Wrong;
use crate::config::report::Report;
use crate::config::setting::{Setting, folded};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Checks everything; what is wrong goes to the report.
pub(crate) fn all(config: &Config, report: &mut Report) {
    listeners::public_url(config, report);
    listeners::trusted_proxies(config, report);
    files::logo(config, report);
    upstreams::upstreams(config, report);
    upstreams::proxy(config, report);
    access::access(config, report);
    cookie::cookie(config, report);
    session(config, report);
    password(config, report);
    totp(config, report);
    throttle(config, report);
    identity(config, report);
    listeners::ops(config, report);
    files::data(config, report);
    files::backups(config, report);
}

fn session(config: &Config, report: &mut Report) {
    let (idle, lifetime) = (config.session.idle, config.session.lifetime);
    if idle > lifetime {
        report.refuse(
            &["session.idle", "session.lifetime"],
            Wrong::new(
                format!(
                    "{} is longer than session.lifetime, {}",
                    idle.show(),
                    lifetime.show()
                ),
                "lower it, or raise session.lifetime",
            ),
        );
    }
    let advised = [
        ("session.idle", idle, Duration::from_secs(60 * 60)),
        (
            "session.lifetime",
            lifetime,
            Duration::from_secs(24 * 60 * 60),
        ),
    ];
    for (key, value, most) in advised {
        if value > most {
            report.warn(
                &[key],
                Wrong::new(
                    format!(
                        "{} is longer than NIST SP 800-63B-4, 2.2.3 advises",
                        value.show()
                    ),
                    format!("write at most {:?}", most.show()),
                ),
            );
        }
    }
}

/// The equivalents of the OWASP Password Storage Cheat Sheet: MiB and passes.
const OWASP: [(u64, u32); 5] = [(46, 1), (19, 2), (12, 3), (9, 4), (7, 5)];

fn password(config: &Config, report: &mut Report) {
    let password = &config.password;
    let strong =
        |(mib, passes): (u64, u32)| password.memory >= mib << 20 && password.iterations >= passes;
    if !password.memory.is_multiple_of(1024) {
        let hint = "write it in KiB or MiB: \"19MiB\"";
        let wrong = Wrong::new("it is not a whole number of KiB", hint);
        report.refuse(&["password.memory"], wrong);
    }
    if !OWASP.into_iter().any(strong) {
        report.warn(
            &["password.memory", "password.iterations"],
            Wrong::new(
                "with password.iterations it is weaker than OWASP advises",
                "write memory = \"19MiB\" and iterations = 2 or more",
            ),
        );
    }
    if config.access.knows_one_factor() && password.min_length < 15 {
        report.warn(
            &["password.min_length"],
            Wrong::new(
                "it is shorter than NIST SP 800-63B-4, 3.1.1.2 asks of passwords that open something alone",
                "write 15 or more, or ask for two factors in [access]",
            ),
        );
    }
    let threads = u64::try_from(password.hashing_threads).unwrap_or(u64::MAX);
    if password.memory.saturating_mul(threads) > 2 << 30 {
        report.warn(
            &["password.hashing_threads", "password.memory"],
            Wrong::new(
                "together with password.memory it takes more than 2 GiB while people sign in",
                "lower one of them",
            ),
        );
    }
}

fn totp(config: &Config, report: &mut Report) {
    if config.totp.issuer.contains(':') {
        let hint = "write it without \":\", where apps split the label";
        report.refuse(&["totp.issuer"], Wrong::new("it contains \":\"", hint));
    }
}

fn throttle(config: &Config, report: &mut Report) {
    let throttle = &config.throttle;
    if throttle.free_attempts > throttle.max_failures {
        let hint = "lower it, or raise throttle.max_failures";
        let wrong = Wrong::new("it is more than throttle.max_failures", hint);
        report.refuse(&["throttle.free_attempts", "throttle.max_failures"], wrong);
    }
}

/// How often keys may be replaced: longer than all the waiting around one replacement takes.
const ROTATION: RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(3_650 * 24 * 60 * 60);

fn identity(config: &Config, report: &mut Report) {
    let rotate = config.identity.rotate_keys;
    if let Some(age) = rotate.filter(|age| !ROTATION.contains(age)) {
        report.refuse(
            &["identity.rotate_keys"],
            Wrong::new(
                format!("{} is out of bounds", age.show()),
                "write 1h to 3650d, or \"off\"",
            ),
        );
    }
    let names = &config.identity.headers;
    let all = [
        ("identity.headers.user", &names.user),
        ("identity.headers.name", &names.name),
        ("identity.headers.email", &names.email),
        ("identity.headers.groups", &names.groups),
        (
            "identity.assertion_header",
            &config.identity.assertion_header,
        ),
    ];
    for (at, (key, name)) in all.iter().enumerate() {
        let twin = all[..at]
            .iter()
            .find(|(_, other)| folded(other) == folded(name));
        if let Some((other, _)) = twin {
            report.refuse(
                &[key, other],
                Wrong::new(
                    format!("{name} is the header of {other} too"),
                    "give each its own header",
                ),
            );
        }
    }
}
