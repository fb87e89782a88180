//! The manual keeps its word: every test that it names exists, and every page names what it should.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The root of the project.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the manual, by name.
fn pages() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("src/manual")).expect("there is a manual");
    let page = |path: &Path| {
        let name = path.file_name().expect("a file has a name");
        let text = fs::read_to_string(path).expect("the manual is text");
        (name.to_string_lossy().into_owned(), text)
    };
    folder
        .map(|entry| page(&entry.expect("the entry is readable").path()))
        .collect()
}

/// What stands in backticks and names a test: a source file and a function, as in `tests/a.rs::b`.
fn named_tests(text: &str) -> BTreeSet<(&str, &str)> {
    let pieces = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    pieces
        .filter_map(|piece| {
            piece
                .split_once(".rs::")
                .map(|(stem, name)| (&piece[..stem.len() + 3], name))
        })
        .collect()
}

/// Whether `text` has a test function of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signature = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let rest = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    let attributes = |at: usize| {
        let before = lines[..at].iter().rev();
        let mut before = before.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        before.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    };
    (0..lines.len()).any(|at| signature(lines[at]) && attributes(at))
}

#[test]
fn every_test_that_the_manual_names_exists() {
    let mut missing = vec![];
    let mut number = 0;
    for (page, text) in pages() {
        for (file, name) in named_tests(&text) {
            number += 1;
            let source = fs::read_to_string(root().join(file)).unwrap_or_default();
            if !has_test(&source, name) {
                missing.push(format!("{page}: {file}::{name}"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(number > 80, "{number} tests are named");
}

#[test]
fn every_row_of_the_register_shows_or_says_why_not() {
    let pages = pages();
    let (_, register) = pages
        .iter()
        .find(|(name, _)| name == "abuse.rs")
        .expect("there is a register");
    let rows = register
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter(|row| row.starts_with('X') || row.starts_with('–'));
    let mut seen = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        match cells[..] {
            [ids, _, _, shown] => {
                assert!(
                    shown.contains(".rs::") || shown.starts_with("none"),
                    "{row}"
                );
                seen.extend(ids.split(", ").map(str::to_owned));
            }
            [ids, _] => seen.extend(ids.split(", ").map(str::to_owned)),
            _ => unreachable!("a row of the register has two or four cells: {row}"),
        }
    }
    assert!(seen.len() > 100, "{} cases", seen.len());
}

#[test]
fn a_test_is_found_by_its_attribute_and_its_whole_name() {
    let text = "#[test]\nfn one() {}\n    #[tokio::test]\n    async fn two() {}\nfn three() {}\n";
    let found = ["one", "two", "three", "on", "four"].map(|name| has_test(text, name));
    assert_eq!(found, [true, true, false, false, false]);
    let page = "//! | a | `tests/a.rs::b`, [`c`](d) and `src/e/f.rs::g` | `h::i` |\n";
    let expected = BTreeSet::from([("tests/a.rs", "b"), ("src/e/f.rs", "g")]);
    assert_eq!(named_tests(page), expected);
}
