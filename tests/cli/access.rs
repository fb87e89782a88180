//! `vestibule access`: the decision and its reasons, and tables of expected ones.

use std::fs::write;

use crate::harness::gate::{Gate, Outcome};
use crate::{done, refused, run, vestibule};

use serde_json::{Value, json};
use tempfile::TempDir;

const RULES: &str = r#"
public_url = "https://app.example.com"
[[upstream]]
url = "http://127.0.0.1:3000"
host = "app.example.com"
[access]
rule = [
    { path = ["/healthz", "/assets/**"], methods = "GET", policy = "bypass" },
    { path = "/office/**", networks = "10.0.0.0/8", policy = "bypass" },
    { path = "/wiki/**", groups = "staff", policy = "one-factor" },
    { path = "/admin/**", groups = "admin", policy = "two-factor", max_age = "15m" },
    { path = "/admin/**", policy = "deny" },
]
"#;

fn folder(cases: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("vestibule.toml"), RULES).unwrap();
    write(folder.path().join("cases.toml"), cases).unwrap();
    folder
}

fn explain(arguments: &[&str]) -> Outcome {
    let folder = folder("");
    let mut command = vestibule(&["access", "explain"]);
    run(command.args(arguments).current_dir(folder.path()))
}

fn test(cases: &str, options: &[&str]) -> Outcome {
    let folder = folder(cases);
    let mut command = vestibule(&["access", "test", "cases.toml"]);
    run(command.args(options).current_dir(folder.path()))
}

/// Decision, and what it rests on.
fn decided(arguments: &[&str]) -> (String, Value) {
    let outcome = explain(&[arguments, &["--json"]].concat());
    let answer: Value = serde_json::from_str(done(&outcome)).unwrap();
    (
        answer["decision"].as_str().unwrap().to_owned(),
        answer["decided_by"].clone(),
    )
}

#[test]
fn explain_says_which_rule_decides_and_why_the_others_do_not() {
    let outcome = explain(&[
        "--url",
        "https://app.example.com/admin/users?x=1",
        "--user",
        "Anna",
        "--group",
        "admin",
        "--age",
        "20m",
    ]);
    let expected = "\
GET https://app.example.com/admin/users?x=1 from 203.0.113.1, Anna (admin) signed in with both factors, the code 20m ago

    RULE            POLICY      THIS REQUEST  CONDITIONS
    access.rule[0]  bypass      another path  path /healthz, /assets/**; methods GET
    access.rule[1]  bypass      another path  path /office/**; networks 10.0.0.0/8
    access.rule[2]  one-factor  another path  path /wiki/**; groups staff
->  access.rule[3]  two-factor  matches       path /admin/**; groups admin; max_age 15m
    access.rule[4]  deny        matches       path /admin/**
    access.default  two-factor

access.rule[3]: two-factor, not older than 15m
step-up: the code is too old: a navigation is asked for a fresh one, everything else hears 401
";
    assert_eq!(done(&outcome), expected);
}

/// Path, further arguments, decision, and what it rests on.
const DECISIONS: &[(&str, &[&str], &str, &str)] = &[
    ("/healthz", &[], "allow", "access.rule[0]"),
    (
        "/healthz",
        &["--method", "POST"],
        "sign-in",
        "access.default",
    ),
    ("/assets/a?/admin/", &[], "allow", "access.rule[0]"),
    (
        "/office/x",
        &["--from", "10.1.2.3"],
        "allow",
        "access.rule[1]",
    ),
    (
        "/office/x",
        &["--from", "::ffff:10.1.2.3"],
        "allow",
        "access.rule[1]",
    ),
    (
        "/office/x",
        &["--from", "[::ffff:10.1.2.3]"],
        "allow",
        "access.rule[1]",
    ),
    (
        "/office/x",
        &["--from", "192.0.2.1"],
        "sign-in",
        "access.default",
    ),
    ("/wiki/x", &[], "sign-in", "access.rule[2]"),
    (
        "/wiki/x",
        &["--user", "bob", "--group", "staff", "--factors", "1"],
        "allow",
        "access.rule[2]",
    ),
    (
        "/wiki/x",
        &["--user", "bob", "--group", "guests", "--factors", "1"],
        "second-factor",
        "access.default",
    ),
    (
        "/admin/x",
        &["--user", "bob", "--group", "staff"],
        "deny",
        "access.rule[4]",
    ),
    (
        "/admin/x",
        &["--user", "bob", "--group", "admin", "--factors", "1"],
        "second-factor",
        "access.rule[3]",
    ),
    (
        "/assets/..%2fadmin",
        &["--user", "bob", "--group", "staff"],
        "deny",
        "together",
    ),
];

#[test]
fn explain_takes_every_part_of_a_request_into_account() {
    for (path, more, decision, by) in DECISIONS {
        let url = format!("https://app.example.com{path}");
        let arguments = [&["--url", url.as_str()], *more].concat();
        assert_eq!(
            decided(&arguments),
            ((*decision).to_owned(), json!(by)),
            "{arguments:?}"
        );
    }
    for (url, decision) in [
        ("https://other.example.com/", "unknown-host"),
        ("https://APP.example.com.:443/healthz", "allow"),
        ("https://app.example.com/_vestibule/login", "ours"),
        ("https://app.example.com/a#/healthz", "bad-request"),
        ("https://app.example.com/a%00", "bad-request"),
        ("https://user@app.example.com/healthz", "bad-request"),
    ] {
        assert_eq!(decided(&["--url", url]).0, decision, "{url}");
    }
}

#[test]
fn explain_says_what_the_gate_answers_before_it_asks_any_rule() {
    let long = format!("/healthz?{}", "a".repeat(20_000));
    let longest = format!("/healthz?{}", "a".repeat(70_000));
    let gate = Gate::start("");
    for (method, path, status) in [
        ("get", "/healthz", 501),
        ("BREW", "/healthz", 501),
        ("TRACE", "/healthz", 405),
        ("CONNECT", "/healthz", 405),
        ("GET", &long, 414),
    ] {
        let reply = gate.browser().send(method, path, &[], b"");
        assert_eq!(reply.status, status, "{method}");
        let url = format!("https://app.example.com{path}");
        let outcome = explain(&["--url", &url, "--method", method]);
        let words = format!("it is answered {status}, and no rule is asked\n");
        let text = done(&outcome);
        assert!(
            text.contains("\nrefused: ") && text.ends_with(&words),
            "{text}"
        );
    }
    let url = format!("https://app.example.com{longest}");
    assert_eq!(
        decided(&["--url", &url]),
        ("refused".to_owned(), Value::Null)
    );
    let case =
        "[[case]]\nurl = \"https://app.example.com/\"\nmethod = \"get\"\nexpect = \"refused\"\n";
    assert_eq!(done(&test(case, &[])), "1 cases, 1 as expected.\n");
}

#[test]
fn explain_says_that_a_rule_counts_for_lax_servers() {
    let url = "https://app.example.com/ADMIN/x";
    let outcome = explain(&["--url", url, "--user", "bea", "--group", "staff"]);
    let text = done(&outcome);
    for part in [
        "-> access.rule[4]",
        "this path to lax servers",
        "Some servers do not mind case",
        "access.rule[4]: deny",
    ] {
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains(part), "{part}: {text}");
    }
    let by = decided(&["--url", url, "--user", "bea", "--group", "staff"]).1;
    assert_eq!(by, json!("access.rule[4]"));
}

#[test]
fn explain_names_every_rule_that_counts_for_lax_servers() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[access]\nrule = [{ path = \"/a*/\", policy = \"two-factor\", max_age = \"5m\" }, \
                  { path = \"/admin/\", policy = \"bypass\" }, { path = \"/admin/**\", policy = \"deny\" }]\n";
    write(folder.path().join("vestibule.toml"), config).unwrap();
    let mut command = vestibule(&[
        "access",
        "explain",
        "--json",
        "--url",
        "http://localhost/ADMIN",
    ]);
    let outcome = run(command.current_dir(folder.path()));
    let answer: Value = serde_json::from_str(done(&outcome)).unwrap();
    let fits: Vec<&Value> = answer["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["fit"])
        .collect();
    assert_eq!(
        (
            &answer["decision"],
            &answer["decided_by"],
            &answer["max_age_seconds"]
        ),
        (
            &json!("deny"),
            &json!("access.rule[0], access.rule[2]"),
            &json!(300)
        )
    );
    assert_eq!(
        fits,
        [
            "this path to lax servers",
            "another path",
            "this path to lax servers"
        ]
    );
}

#[test]
fn a_path_like_ours_is_the_apps_where_another_proxy_asks() {
    let folder = tempfile::tempdir().unwrap();
    let config = "public_url = \"https://auth.example.com\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
                  [access]\nrule = [{ host = \"wiki.example.com\", policy = \"deny\" }]\n";
    write(folder.path().join("vestibule.toml"), config).unwrap();
    for (host, decision) in [
        ("auth.example.com", "ours"),
        ("auth.example.com:8443", "sign-in"),
        ("wiki.example.com", "deny"),
    ] {
        let url = format!("https://{host}/_vestibule/login");
        let mut command = vestibule(&["access", "explain", "--json", "--url", &url]);
        let outcome = run(command.current_dir(folder.path()));
        let answer: Value = serde_json::from_str(done(&outcome)).unwrap();
        assert_eq!(answer["decision"], json!(decision), "{url}");
    }
}

#[test]
fn explain_says_where_no_sign_in_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let auth = "public_url = \"https://auth.example.com\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
                access.rule = [{ path = \"/open/**\", policy = \"bypass\" }]\n";
    let shared = format!("{auth}session.cookie_domain = \"example.com\"\n");
    for (config, url, lost) in [
        (auth, "https://app.example.com/", true),
        (auth, "https://app.example.com/open/x", false),
        (auth, "https://AUTH.example.com/", false),
        (&shared, "https://app.example.com/", false),
        (&shared, "https://app.example.org/", true),
    ] {
        write(folder.path().join("vestibule.toml"), config).unwrap();
        let mut command = vestibule(&["access", "explain", "--url", url]);
        let outcome = run(command.current_dir(folder.path()));
        let says = done(&outcome).contains("set session.cookie_domain to a domain that holds both");
        assert_eq!(says, lost, "{config}{url}: {outcome:?}");
    }
}

#[test]
fn explain_says_that_a_path_alone_does_not_hold_what_is_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[access]\nrule = [{ path = \"/assets/\", policy = \"bypass\" }, { path = \"/\", policy = \"deny\" }, \
                  { path = \"/assets/*\", policy = \"bypass\" }, { path = \"/a*/\", policy = \"bypass\" }, \
                  { path = \"/asset\", policy = \"bypass\" }]\n";
    write(folder.path().join("vestibule.toml"), config).unwrap();
    let url = "http://localhost/assets/css/a.css";
    let mut command = vestibule(&["access", "explain", "--json", "--url", url]);
    let outcome = run(command.current_dir(folder.path()));
    let answer: Value = serde_json::from_str(done(&outcome)).unwrap();
    let rules = answer["rules"].as_array().unwrap().iter();
    let fits: Vec<&str> = rules.map(|rule| rule["fit"].as_str().unwrap()).collect();
    let below = "below the path, which has no /**";
    assert_eq!(fits, [below, below, below, "another path", "another path"]);
}

#[test]
fn explain_knows_the_groups_that_the_store_knows() {
    let gate = Gate::start(
        "[access]\nrule = [{ groups = \"staff\", policy = \"two-factor\" }]\ndefault = \"deny\"\n",
    );
    assert_eq!(
        gate.cli(&["user", "add", "anna", "--group", "staff"]).code,
        Some(0)
    );
    assert_eq!(gate.cli(&["user", "add", "bob"]).code, Some(0));
    let explain = |user| {
        gate.cli(&[
            "access",
            "explain",
            "--url",
            "http://app.localhost/",
            "--user",
            user,
        ])
    };
    assert!(done(&explain("anna")).contains("\nallow: "));
    assert!(done(&explain("bob")).contains("\ndeny: "));
    let text = refused(&explain("carl"), 1).to_owned();
    assert!(text.contains("no user has this name"), "{text}");
}

#[test]
fn without_a_store_explain_asks_for_the_groups() {
    let outcome = explain(&["--url", "https://app.example.com/", "--user", "ghost"]);
    let text = refused(&outcome, 1);
    assert!(
        text.contains("there is no store in ") && text.contains("--group"),
        "{text}"
    );
}

#[test]
fn what_is_said_without_any_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path().join("cases.toml"),
        "[[case]]\nurl = \"http://localhost/\"\nexpect = \"sign-in\"\n",
    )
    .unwrap();
    let commands = [
        &["check"][..],
        &["check", "--json"],
        &["access", "explain", "--url", "http://localhost/"],
        &["access", "test", "cases.toml"],
    ];
    for arguments in commands {
        let outcome = run(vestibule(arguments).current_dir(folder.path()));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let note = "note: no configuration file was found, neither vestibule.toml nor /etc/vestibule/vestibule.toml";
        assert!(
            outcome.stderr.starts_with(note),
            "{arguments:?}: {outcome:?}"
        );
    }
    let app = "upstream = \"http://127.0.0.1:3000\"\n";
    write(folder.path().join("named.toml"), app).unwrap();
    for arguments in commands {
        let named = [arguments, &["--config", "named.toml"]].concat();
        done(&run(vestibule(&named).current_dir(folder.path())));
    }
    write(folder.path().join("vestibule.toml"), app).unwrap();
    for arguments in commands {
        done(&run(vestibule(arguments).current_dir(folder.path())));
    }
}

#[test]
fn explain_refuses_what_is_no_question() {
    for arguments in [
        &["--url", "app.example.com/"][..],
        &["--url", "https://app.example.com/", "--method", "GE T"],
        &[
            "--url",
            "https://app.example.com/",
            "--user",
            "a b",
            "--group",
            "x",
        ],
        &[
            "--url",
            "https://app.example.com/",
            "--user",
            "anna",
            "--group",
            "a b",
        ],
        &["--url", "https://app.example.com/", "--group", "staff"],
        &["--url", "https://app.example.com/", "--from", "[10.1.2.3]"],
        &[
            "--url",
            "https://app.example.com/",
            "--user",
            "anna",
            "--factors",
            "3",
        ],
        &[],
    ] {
        let outcome = explain(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(
            outcome.stderr.contains("error: ") && outcome.stderr.contains("hint: "),
            "{outcome:?}"
        );
    }
}

const CASES: &str = r#"
[[case]]
url = "https://app.example.com/healthz"
expect = "allow"

[[case]]
url = "https://app.example.com/admin/"
user = "anna"
groups = ["admin"]
age = "1h"
expect = "step-up"

[[case]]
url = "https://app.example.com/office/"
from = "10.0.0.1"
method = "POST"
expect = "allow"
"#;

#[test]
fn a_table_that_cannot_be_read_is_told_in_which_case_and_key() {
    for (line, what) in [
        ("expects = \"allow\"", "case[1].expects: unknown field"),
        (
            "expect = \"alow\"",
            "case[1].expect: unknown variant: found `alow`",
        ),
        ("groups = \"staff\"", "case[1].groups: invalid type"),
    ] {
        let case = "[[case]]\nurl = \"https://app.example.com/healthz\"\n";
        let cases = format!("{case}expect = \"allow\"\n{case}{line}\n");
        let outcome = test(&cases, &[]);
        let text = refused(&outcome, 2);
        assert!(
            text.contains(&format!("error: cases.toml: {what}")),
            "{text}"
        );
        assert!(!text.contains("source string"), "{text}");
    }
}

#[test]
fn a_table_of_expected_decisions_is_met_or_not() {
    assert_eq!(done(&test(CASES, &[])), "3 cases, 3 as expected.\n");
    let outcome = test(&CASES.replace("10.0.0.1", "11.0.0.1"), &[]);
    let expected = "\
case[2]: POST https://app.example.com/office/ from 11.0.0.1, nobody signed in
  expected allow, decided sign-in
3 cases, 2 as expected.
";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), expected));
    let outcome = test(CASES, &["--json"]);
    let list: Value = serde_json::from_str(done(&outcome)).unwrap();
    assert_eq!(list[1]["decided"], "step-up");
}

#[test]
fn a_table_that_says_something_unknown_is_refused_whole() {
    for cases in [
        "",
        "case = []",
        "[[case]]\nurl = \"https://app.example.com/\"",
        "[[case]]\nurl = \"https://app.example.com/\"\nexpect = \"open\"",
        "[[case]]\nurl = \"https://app.example.com/\"\nexpect = \"allow\"\nusr = \"anna\"",
        "[[case]]\nurl = \"https://app.example.com/\"\nexpect = \"allow\"\nuser = \"anna\"\nfactors = 0",
        "[[case]]\nurl = \"/\"\nexpect = \"allow\"",
        "[[case]]\nurl = \"https://app.example.com/\"\nexpect = \"allow\"\nage = \"soon\"",
        "[[",
    ] {
        let outcome = test(cases, &[]);
        assert_eq!(outcome.code, Some(2), "{cases}: {outcome:?}");
        assert!(outcome.stderr.contains("hint: "), "{cases}: {outcome:?}");
    }
    let folder = folder("");
    let outcome = run(vestibule(&["access", "test", "none.toml"]).current_dir(folder.path()));
    refused(&outcome, 2);
}
