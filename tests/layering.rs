//! The module lists are the architecture: a module uses only what is listed below it.
//!
//! Read as text, so paths made by macros and re-exports are not followed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Source text by path below `src`, without its tests.
type Sources = BTreeMap<String, String>;

/// Types that are proofs, where they live, and what would let anyone make or double one.
const PROOFS: [(&str, &str, &[&str]); 4] = [
    (
        "authn",
        "PasswordVerified",
        &["Clone", "Copy", "Default", "Deserialize"],
    ),
    (
        "authn",
        "SecondFactorVerified",
        &["Clone", "Copy", "Default", "Deserialize"],
    ),
    (
        "authn",
        "Session",
        &["Clone", "Copy", "Default", "Deserialize"],
    ),
    ("authz", "Permit", &["Default", "Deserialize"]),
];

/// Files that may put text into a page as it is.
const RAW_HTML: [&str; 0] = [];

/// Files that may write to standard output: the rest logs.
const PRINTING: [&str; 3] = ["main.rs", "cli.rs", "cli/"];

/// Beyond this a file holds more than one thought.
const LONG_FILE: usize = 300;

#[test]
fn modules_use_only_modules_listed_below_them() {
    assert_eq!(upward_uses(&sources()), [""; 0]);
}

#[test]
fn every_file_is_listed_by_its_parent() {
    assert_eq!(unlisted_files(&sources()), [""; 0]);
}

#[test]
fn proofs_cannot_be_copied_or_made_from_nothing() {
    let sources = sources();
    for proof in PROOFS {
        assert_eq!(back_doors(&sources, proof), [""; 0]);
    }
}

#[test]
fn only_reviewed_files_write_raw_html() {
    assert_eq!(files_with(&sources(), &["PreEscaped"], &RAW_HTML), [""; 0]);
}

#[test]
fn only_the_command_line_prints() {
    let sources = sources();
    assert_eq!(
        files_with(&sources, &["println!", "print!("], &PRINTING),
        [""; 0]
    );
}

#[test]
fn long_files_are_named() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > LONG_FILE {
            // Past the capture of the test runner: advice, not a failure.
            let _ = writeln!(
                std::io::stderr(),
                "long: src/{path} has {lines} lines without its tests"
            );
        }
    }
}

/// Lines that reach up, sideways out of order, or hide what they reach for.
fn upward_uses(sources: &Sources) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in sources {
        let own = module_of(path);
        for (at, line) in text.lines().enumerate() {
            let line = code_of(line);
            if line.contains("super::") || line.contains("crate::{") {
                found.push(format!(
                    "{path}:{}: write the whole path: {}",
                    at + 1,
                    line.trim()
                ));
            }
            for used in line.split("crate::").skip(1).map(path_at_start) {
                if path != "main.rs" && !may_use(sources, &own, &used) {
                    found.push(format!(
                        "{path}:{}: {} uses {}",
                        at + 1,
                        own.join("::"),
                        used.join("::")
                    ));
                }
            }
        }
    }
    found
}

/// Where two paths part, the used one has to be listed below the own one. A parent may be
/// used for its vocabulary, and a parent may use its children.
fn may_use(sources: &Sources, own: &[String], used: &[String]) -> bool {
    let shared = own.iter().zip(used).take_while(|(a, b)| a == b).count();
    let (Some(mine), Some(theirs)) = (own.get(shared), used.get(shared)) else {
        return true;
    };
    let list = children(sources, &own[..shared]);
    let position = |name| list.iter().position(|listed| listed == name);
    match (position(mine), position(theirs)) {
        (Some(mine), Some(theirs)) => mine < theirs,
        (_, None) => true, // an item of the shared parent
        (None, Some(_)) => false,
    }
}

fn unlisted_files(sources: &Sources) -> Vec<String> {
    let modules = sources
        .keys()
        .filter(|path| !["lib.rs", "main.rs"].contains(&path.as_str()));
    modules
        .filter(|path| {
            let own = module_of(path);
            own.split_last()
                .is_some_and(|(name, parent)| !children(sources, parent).contains(name))
        })
        .cloned()
        .collect()
}

/// Derives and impls that a proof must not have; also when the proof itself is gone.
fn back_doors(sources: &Sources, (home, name, forbidden): (&str, &str, &[&str])) -> Vec<String> {
    let mut found = vec![];
    let mut definitions = 0;
    let own = |path: &str| path == format!("{home}.rs") || path.starts_with(&format!("{home}/"));
    for (path, text) in sources.iter().filter(|(path, _)| own(path)) {
        let lines: Vec<&str> = text.lines().map(code_of).collect();
        for (at, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .collect();
            let names_it = |keyword: &str| words.windows(2).any(|pair| pair == [keyword, name]);
            if names_it("struct") {
                definitions += 1;
                let attributes = lines[..at].iter().rev().take_while(|line| {
                    !line.trim().is_empty() && !line.ends_with('}') && !line.ends_with(';')
                });
                let derives: String = attributes.copied().collect();
                found.extend(
                    forbidden
                        .iter()
                        .filter(|door| derives.contains(*door))
                        .map(|door| format!("{path}: {name} derives {door}")),
                );
            }
            if words.contains(&"impl") && names_it("for") {
                found.extend(
                    forbidden
                        .iter()
                        .filter(|door| words.contains(door))
                        .map(|door| format!("{path}: {name} implements {door}")),
                );
            }
        }
    }
    if definitions != 1 {
        found.push(format!("{home}: {definitions} definitions of {name}"));
    }
    found
}

/// Files that contain one of the words and are not among the allowed (a folder ends in `/`).
fn files_with(sources: &Sources, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let is_allowed = |path: &str| {
        allowed
            .iter()
            .any(|ok| path == *ok || (ok.ends_with('/') && path.starts_with(ok)))
    };
    let uses = |line: &str| words.iter().any(|word| has_word(line, word));
    sources
        .iter()
        .filter(|(path, text)| !is_allowed(path) && text.lines().map(code_of).any(uses))
        .map(|(path, _)| path.clone())
        .collect()
}

/// Whether `word` stands in `line` and is not the tail of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let mut found = line.match_indices(word);
    found.any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The modules that a parent lists, in order.
fn children(sources: &Sources, parent: &[String]) -> Vec<String> {
    let file = if parent.is_empty() {
        "lib.rs".to_owned()
    } else {
        format!("{}.rs", parent.join("/"))
    };
    let text = sources.get(&file).map_or("", String::as_str);
    text.lines()
        .filter_map(|line| code_of(line).trim().strip_suffix(';')?.split_once("mod "))
        .filter(|(visibility, _)| ["", "pub ", "pub(crate) "].contains(visibility))
        .map(|(_, name)| name.to_owned())
        .collect()
}

fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    path.split('/')
        .filter(|name| *name != "lib")
        .map(str::to_owned)
        .collect()
}

fn path_at_start(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let path = &text[..end.unwrap_or(text.len())];
    path.split("::")
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A line without its comment. A `//` inside a text ends it as well, which hides no path.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Leaves out inline test modules: from `mod tests {` to the brace at the margin.
fn without_tests(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        inside |= line.starts_with("mod tests {");
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= line != "}";
    }
    kept
}

fn is_test(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}

fn sources() -> Sources {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Sources::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            let name = path
                .strip_prefix(&src)
                .expect("it is below src")
                .display()
                .to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !is_test(&name) {
                let text = fs::read_to_string(&path).expect("sources are text");
                sources.insert(name, without_tests(&text));
            }
        }
    }
    sources
}

/// A small tree to show that the checks can fail.
fn tree(files: &[(&str, &str)]) -> Sources {
    let mut sources: Sources = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), without_tests(text)))
        .collect();
    sources
        .entry("lib.rs".to_owned())
        .or_insert("pub mod web;\npub mod authz;\npub mod authn;\n".to_owned());
    sources
}

#[test]
fn an_upward_use_is_found() {
    let found = upward_uses(&tree(&[
        (
            "authn.rs",
            "pub mod session;\npub mod totp;\n\nuse crate::web::page;\n",
        ),
        (
            "authn/session.rs",
            "use crate::authn::totp::Code;\nuse crate::authn::AccountId;\n",
        ),
        (
            "authn/totp.rs",
            "fn f() { crate::authn::session::Session::new() } // crate::web\n",
        ),
        (
            "web.rs",
            "use crate::{authn, authz};\nuse super::x;\nuse crate::authn;\n",
        ),
    ]));
    let expected = [
        "authn.rs:4: authn uses web::page",
        "authn/totp.rs:1: authn::totp uses authn::session::Session::new",
        "web.rs:1: write the whole path: use crate::{authn, authz};",
        "web.rs:2: write the whole path: use super::x;",
    ];
    assert_eq!(found, expected);
}

#[test]
fn tests_may_use_anything() {
    let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\nuse crate::web;\n";
    assert_eq!(
        upward_uses(&tree(&[("authn.rs", text)])),
        ["authn.rs:4: authn uses web"]
    );
}

#[test]
fn a_file_that_nobody_lists_is_found() {
    let tree = tree(&[
        ("authn.rs", "pub mod totp;\n"),
        ("authn/totp.rs", ""),
        ("authn/lost.rs", ""),
    ]);
    assert_eq!(unlisted_files(&tree), ["authn/lost.rs"]);
}

#[test]
fn a_proof_with_a_back_door_is_found() {
    let derived = tree(&[(
        "authz.rs",
        "struct A;\n\n/// Clone.\n#[derive(\n    Clone,\n    Default,\n)]\npub struct Permit(A);\n",
    )]);
    assert_eq!(
        back_doors(&derived, PROOFS[3]),
        ["authz.rs: Permit derives Default"]
    );
    let written = tree(&[
        (
            "authz.rs",
            "pub struct Permit;\n\nimpl<'de> Deserialize<'de> for Permit {}\n",
        ),
        ("authn.rs", "pub struct PermitView;\n"),
    ]);
    assert_eq!(
        back_doors(&written, PROOFS[3]),
        ["authz.rs: Permit implements Deserialize"]
    );
    assert_eq!(
        back_doors(&tree(&[]), PROOFS[3]),
        ["authz: 0 definitions of Permit"]
    );
}

#[test]
fn a_word_outside_its_files_is_found() {
    let tree = tree(&[
        ("cli/user.rs", "println!()"),
        ("cli.rs", "println!()"),
        ("client.rs", "print!(1)"),
        ("web.rs", "eprintln!() // println!"),
    ]);
    assert_eq!(
        files_with(&tree, &["println!", "print!("], &PRINTING),
        ["client.rs"]
    );
}
