//! Keys that nobody knows: what was probably meant.

use crate::config::layers::variable_of;
use crate::config::problem::{Origin, Wrong, quoted};
use std::collections::BTreeSet;

/// Keys that other versions or other programs have: what is wrong, and what to do instead.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("tls", "TLS of our own is not in this version", IN_FRONT),
    (
        "portal.host",
        "a host of its own for our pages is not in this version",
        LEAVE,
    ),
    (
        "portal.languages",
        "other languages are not in this version",
        LEAVE,
    ),
    (
        "upstream.ca_file",
        "TLS to the app is not in this version",
        LEAVE,
    ),
    (
        "upstream.http2",
        "HTTP/2 to the app is not in this version",
        LEAVE,
    ),
    (
        "totp.digits",
        "codes have 6 digits, as every authenticator app knows",
        LEAVE,
    ),
    (
        "totp.period",
        "codes last 30 seconds, as every authenticator app knows",
        LEAVE,
    ),
    (
        "totp.algorithm",
        "codes use SHA-1, as every authenticator app knows",
        LEAVE,
    ),
    (
        "storage.master_key",
        "the key itself never stands in a configuration",
        KEY_FILE,
    ),
];

const IN_FRONT: &str = "let a proxy in front end TLS and name it in trusted_proxies";
const LEAVE: &str = "leave the key out";
const KEY_FILE: &str = "write the path of its file: storage.master_key_file";

/// A key without the numbers of its tables.
pub(crate) fn plain_key(key: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in key.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Explains a key that nobody asked for.
pub(crate) fn explain(key: &str, origin: &Origin, known: &BTreeSet<String>) -> Wrong {
    let plain = plain_key(key);
    let mut elsewhere = ELSEWHERE.iter();
    if let Some((_, what, hint)) = elsewhere.find(|(known, _, _)| *known == plain) {
        return Wrong::new(*what, *hint);
    }
    let shown = |key: &str| match origin {
        Origin::Variable(_) => variable_of(key),
        Origin::Default | Origin::File { .. } | Origin::Flag(_) => key.to_owned(),
    };
    let hint = match nearest(&plain, known) {
        Some(near) => format!("did you mean {}?", shown(near)),
        None => "config/vestibule.toml lists every key".to_owned(),
    };
    Wrong::new(format!("there is no key {}", quoted(&plain)), hint)
}

/// The known key most like `key`: by its name in the same section, else by whole or name.
fn nearest<'k>(key: &str, known: &'k BTreeSet<String>) -> Option<&'k str> {
    const ALIKE: f64 = 0.6;
    let (section, name) = split(key);
    let alike = |other: &str| {
        let (other_section, other_name) = split(other);
        let names = strsim::normalized_damerau_levenshtein(name, other_name);
        if section == other_section {
            return names;
        }
        let whole = strsim::normalized_damerau_levenshtein(key, other);
        // The right name in the wrong section counts, but less.
        whole.max(names * 0.9)
    };
    let scored = known.iter().map(|other| (alike(other), other.as_str()));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= ALIKE)
        .map(|(_, key)| key)
}

fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}
