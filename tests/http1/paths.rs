//! Paths: judged and forwarded as the same bytes, and never let in where another reading would be kept out.

use proptest::prelude::*;

use crate::case::{Answer, Place, converse};

const OPEN: &str = "[access]\n[[access.rule]]\npath = \"/open/**\"\npolicy = \"bypass\"\n[[access.rule]]\npath = \"/*.css\"\npolicy = \"bypass\"\n";

/// What a stranger hears who asks for a target.
const TARGETS: &[(&str, u16)] = &[
    ("/open/y", 200),
    ("/open/", 200),
    ("/open/y?/x", 200),
    ("/open/y?a=/../x", 200),
    ("/open/a%20b%C3%A9", 200),
    ("/open/a,b:c@d!$&'()*+=~", 200),
    ("/a.css", 200),
    ("/open", 200),
    ("/", 401),
    ("/open/../x", 401),
    ("/open/..", 401),
    ("/open/./y", 401),
    ("/open/%2e%2e/x", 401),
    ("/open/%2E./x", 401),
    ("/open/.%2e/x", 401),
    ("/x/../open/y", 401),
    ("/x%2f..%2fopen/y", 401),
    ("/open%2fy", 401),
    ("/open/%2F../x", 401),
    ("/%6fpen/y", 401),
    ("/open/%79", 401),
    ("/OPEN/y", 401),
    ("/Open/y", 401),
    ("//open/y", 401),
    ("/open//y", 401),
    ("/open/..;/x", 401),
    ("/open/..;a=b/x", 401),
    ("/open/;/x", 401),
    ("/open;a/y", 401),
    ("/open/y;a", 401),
    ("/open\\..\\x", 401),
    ("/open/\\x", 401),
    ("/x/..%5copen/y", 401),
    ("/open/..%5cx", 401),
    ("/open%00/y", 400),
    ("/open/%252e%252e/x", 401),
    ("/open/%25%32%65/x", 401),
    ("/open/%c0%ae%c0%ae/x", 401),
    ("/open/%e0%80%ae/x", 401),
    ("/open/%ef%bc%8e%ef%bc%8e/x", 401),
    ("/open/..%ef%bc%8fx", 401),
    ("/open/%ff", 401),
    ("/open/%0d%0aX:y", 401),
    ("/open/y%0a", 401),
    ("/open/y%7f", 401),
    ("/x#/open/", 400),
    ("/open/#/../x", 400),
    ("/x?/open/", 401),
    ("/x?a=/open/", 401),
    ("/x/open/a.css", 401),
    ("/account/a.css", 401),
    ("/account/%0A.css", 401),
    ("/account/..%2fa.css", 401),
    ("/account%3Fa.css", 401),
    ("/account%23a.css", 401),
    ("/account%253f.css", 401),
    ("/open/a%3f", 401),
    ("/_vestibule%3Flogin", 404),
    ("/a.css/x", 401),
    ("/a.css;x", 401),
    ("/opener/y", 401),
    ("/_vestibule/../x", 404),
    ("/%5fvestibule/login", 404),
    ("//_vestibule/login", 404),
    ("/_VESTIBULE/login", 404),
    ("/open/../_vestibule/login", 404),
    ("/open/%2e%2e/_vestibule/login", 404),
    ("/_vestibule;a/login", 404),
    ("/_vestibule%2flogin", 404),
    ("?a", 400),
    ("*", 400),
    ("/open/\u{e9}", 400),
    ("/open/%", 400),
    ("/open/%zz", 400),
    ("/open/a\"b", 400),
    ("/open/<a>", 400),
    ("/open/{a}", 400),
];

fn get(target: &str, lines: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n")
}

#[test]
fn a_path_that_is_let_in_goes_on_byte_for_byte() {
    let place = Place::with(OPEN);
    for (target, status) in TARGETS {
        let answers = place.send(get(target, "").as_bytes());
        assert_eq!(answers[0].status, *status, "{target}: {answers:?}");
        let seen = place.app.take();
        let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
        let line = format!("GET {target} HTTP/1.1");
        let expected = if *status == 200 {
            vec![line.as_str()]
        } else {
            vec![]
        };
        assert_eq!(lines, expected, "{target}");
    }
}

#[test]
fn no_header_opens_a_path() {
    let place = Place::with(OPEN);
    for lines in [
        "User-Agent: GoogleHC/1.0\r\n",
        "User-Agent: kube-probe/1.30\r\n",
        "User-Agent: ELB-HealthChecker/2.0\r\n",
        "X-Original-URL: /open/y\r\n",
        "X-Rewrite-URL: /open/y\r\n",
        "X-Forwarded-Uri: /open/y\r\n",
        "X-Forwarded-Prefix: /open\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-HTTP-Method-Override: OPTIONS\r\n",
        "Referer: http://a/open/y\r\n",
        "Content-Location: /open/y\r\n",
        "Purpose: prefetch\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
    ] {
        let answers = place.send(get("/x", lines).as_bytes());
        assert_eq!(answers[0].status, 401, "{lines}");
        assert_eq!(place.app.take(), [], "{lines}");
    }
}

/// Every path that some server could make of a target: decoded not at all, once or twice, with `\` as `/`, parameters
/// or a query that was decoded cut off, empty segments dropped, dots resolved, in lower case.
fn readings(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let once = decoded(path);
    let twice = decoded(&once);
    let query = |path: &str| path.split(['?', '#']).next().unwrap_or_default().to_owned();
    let decodings = [path.to_owned(), query(&once), query(&twice), once, twice];
    let mut all = vec![];
    for path in decodings {
        for path in [path.clone(), path.replace('\\', "/")] {
            for cut in [false, true] {
                for merged in [false, true] {
                    all.push(resolved(&path, cut, merged));
                    all.push(resolved(&path.to_lowercase(), cut, merged));
                }
            }
        }
    }
    all
}

fn decoded(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let code = rest
            .get(at + 1..at + 3)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(code) => {
                // An overlong form of `.` or `/` begins with one of these; what follows decides.
                text.push(char::from(code));
                rest = &rest[at + 3..];
            }
            None => {
                text.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    (text + rest)
        .replace("\u{c0}\u{ae}", ".")
        .replace("\u{c0}\u{af}", "/")
}

fn resolved(path: &str, cut: bool, merged: bool) -> String {
    let mut kept: Vec<&str> = vec![];
    for segment in path.split('/').skip(1) {
        let name = if cut {
            segment.split(';').next().unwrap_or_default()
        } else {
            segment
        };
        match name {
            "." => {}
            ".." => {
                kept.pop();
            }
            "" if merged => {}
            _ => kept.push(name),
        }
    }
    format!("/{}", kept.join("/"))
}

/// A path made of pieces that servers read in different ways.
fn odd_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "open",
        "open",
        "open",
        "x",
        "y",
        "admin",
        "OPEN",
        "%6fpen",
        "op%65n",
        ".",
        "..",
        "%2e",
        "%2e%2e",
        "%252e%252e",
        "..;",
        "..;a=b",
        ";",
        ";a",
        "a;b",
        "\\",
        "..\\",
        "%5c",
        "..%5c",
        "%2f",
        "..%2f",
        "%252f",
        "%c0%ae%c0%ae",
        "%c0%af",
        "a.css",
        "x%3F.css",
        "x%23.css",
        "%253F.css",
        "%20",
        "%09",
        "%C3%A9",
        "~",
        "",
        "",
    ]);
    let separator = prop::sample::select(vec!["/", "/", "/", "/", "//", "\\", "%2f", "%5c", ""]);
    let query = prop::sample::select(vec!["", "", "?", "?/open/y", "?a=/../x"]);
    (prop::collection::vec((separator, piece), 1..7), query).prop_map(|(pieces, query)| {
        let path: String = pieces
            .iter()
            .map(|(separator, piece)| format!("{separator}{piece}"))
            .collect();
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{slash}{path}{query}")
    })
}

#[test]
fn no_path_is_let_in_that_any_server_reads_as_another() {
    let place = Place::with(OPEN);
    let address = place.gate.address();
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 400;
    }
    // Half of them begin where everybody may go.
    let target = prop_oneof![
        odd_path(),
        odd_path().prop_map(|path| format!("/open{path}"))
    ];
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&target, |target| {
            let answers = Answer::all(&converse(address, get(&target, "").as_bytes()), false);
            let seen = place.app.take();
            prop_assert!(
                [200, 400, 401, 404].contains(&answers[0].status),
                "{target}: {answers:?}"
            );
            prop_assert_eq!(
                seen.len(),
                usize::from(answers[0].status == 200),
                "{}",
                target
            );
            for record in seen {
                prop_assert_eq!(&record.line, &format!("GET {target} HTTP/1.1"));
                for reading in readings(&target) {
                    let open = reading.starts_with("/open/")
                        || reading == "/open"
                        || !reading[1..].contains('/') && reading.ends_with(".css");
                    prop_assert!(open, "{target} may be read as {reading}");
                }
            }
            Ok(())
        })
        .expect("every path that was let in has one reading");
}
