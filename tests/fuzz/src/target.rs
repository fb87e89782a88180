//! Request targets: what is judged is what came, and no other spelling of it meets a weaker rule.

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use vestibule::authz::pattern::{HostPattern, PathPattern};
use vestibule::authz::rule::{Asked, Policy, Rule, Rules};
use vestibule::authz::target::{MAX_LENGTH, Target};
use vestibule::authz::{Decision, decide};
use vestibule::clock::Timestamp;

const PORTAL: &str = "/_vestibule";

/// How a path is written that says nothing but itself; `;` is left to be a parameter.
const PLAIN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rule = |host: &str, paths: &[&str], methods: &[Method], policy| Rule {
        hosts: vec![HostPattern::parse(host)],
        paths: paths.iter().map(|path| PathPattern::parse(path)).collect(),
        methods: methods.to_vec(),
        ..Rule::for_all(policy)
    };
    let rules = vec![
        rule("a", &["/admin/**", "/open/secret"], &[], Policy::Deny),
        rule(
            "a",
            &["/open/**", "/*.css", "/healthz"],
            &[],
            Policy::Bypass,
        ),
        rule("*.b", &["/users/*/avatar"], &[Method::GET], Policy::Bypass),
        rule("*.b", &["/hooks/**"], &[Method::POST], Policy::Bypass),
    ];
    Rules::new(rules, Policy::TwoFactor)
});

/// A line of method and authority, and a line of path and query.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (head, path) = text.split_once('\n').unwrap_or(("GET a", text));
    let (method, authority) = head.split_once(' ').unwrap_or(("GET", head));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let Ok(target) = Target::parse("https", authority, path) else {
        return;
    };
    same_bytes(&target, path);
    decided_once(&method, &target);
    for reading in readings(target.path()) {
        let Ok(other) = Target::parse("https", authority, &reading) else {
            continue;
        };
        let (policy, theirs) = (policy(&method, &target), policy(&method, &other));
        assert!(
            policy >= theirs,
            "{path:?} passes by {policy:?}, as {reading:?} by {theirs:?}"
        );
        let is_ours = reading == PORTAL || reading.starts_with("/_vestibule/");
        assert!(
            !is_ours || target.resembles(PORTAL),
            "{path:?} may be read as {reading:?}"
        );
    }
}

fn asked<'a>(method: &'a Method, target: &'a Target) -> Asked<'a> {
    Asked {
        method,
        target,
        client: [192, 0, 2, 7].into(),
        destination: None,
    }
}

fn policy(method: &Method, target: &Target) -> Policy {
    RULES.requirement(asked(method, target), None).policy
}

/// What goes upstream is what came, and the URL is one spelling of the whole.
fn same_bytes(target: &Target, path: &str) {
    let expected = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    assert_eq!(target.path_and_query(), expected);
    assert!(path.len() <= MAX_LENGTH);
    assert!(target.url().bytes().all(|b| b.is_ascii_graphic()));
    assert_eq!(Target::parse_url(target.url()).as_ref(), Ok(target));
    assert_eq!(target.host(), target.host().to_ascii_lowercase());
    assert_eq!(target.origin(), format!("https://{}", target.authority()));
    // What the client below cannot write is refused when it is to be sent.
    if let Ok(uri) = expected.parse::<http::Uri>() {
        let written = uri.path_and_query().map(|path| path.as_str());
        assert_eq!(written, Some(expected.as_str()));
    }
}

/// Without a session nothing passes but by a rule that says so, and the query has no say.
fn decided_once(method: &Method, target: &Target) {
    let needed = policy(method, target);
    let decision = decide(&RULES, asked(method, target), None, Timestamp(0));
    let passes = matches!(decision, Decision::Allow(_));
    assert_eq!(passes, needed == Policy::Bypass);
    assert!(!(passes && target.is_ambiguous()));
    let bare = Target::parse("https", target.authority(), target.path()).expect("a part of it");
    assert_eq!(policy(method, &bare), needed);
    assert_eq!(bare.resembles(PORTAL), target.resembles(PORTAL));
}

/// The paths that some server behind could take this one for.
fn readings(path: &str) -> BTreeSet<String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let encode = |text: String| utf8_percent_encode(&text, PLAIN).to_string();
    let once = decode(path);
    let twice = decode(&once);
    let before_query = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    let decoded = [before_query(&once), before_query(&twice), once, twice];
    let decoded = decoded.map(|text| [without_blanks(&text), text]);
    let decoded = decoded
        .iter()
        .flatten()
        .flat_map(|text| walks(text))
        .map(encode);
    walks(path).chain(decoded).collect()
}

/// A path with its dots resolved, its slashes merged and its parameters dropped, in any order.
fn walks(path: &str) -> impl Iterator<Item = String> {
    let slashes = path.replace('\\', "/");
    let parameters = without_parameters(&slashes);
    [path.to_owned(), slashes, parameters]
        .into_iter()
        .flat_map(|text| {
            let (dots, slashes) = (resolved(&text), merged(&text));
            [merged(&dots), resolved(&slashes), dots, slashes, text]
        })
}

/// RFC 3986 section 5.2.4, by segments.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = vec![];
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

/// As nginx merges slashes.
fn merged(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let end = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

/// As servlet containers drop `;jsessionid=…`.
fn without_parameters(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join("/")
}

/// As Windows drops blanks and dots at the end of a name, and frameworks trim it.
fn without_blanks(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let name = segment.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
        match (name.trim_start(), segment.matches('.').count()) {
            ("", 2..) => "..",
            (name, _) => name,
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
