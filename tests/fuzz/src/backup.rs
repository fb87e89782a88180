//! Backup files: what was written is read, what was changed is refused, and no line is believed that is
//! not genuine and in its place.

mod edit;
mod forge;
mod look;

use super::choice;
use edit::Others;
use forge::{Forge, nonce_of};
use look::{Seen, look};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use vestibule::clock::Timestamp;
use vestibule::secret::Key;
use vestibule::store::backup::write::Writer;
use vestibule::store::backup::{BackupError, End, FORMAT, Header, MAX_LINE, Piece};
use vestibule::store::opening::KeyId;
use vestibule::store::{MAX_KEY, MAX_VALUE, Tree};

static KEY: LazyLock<Key> = LazyLock::new(|| Key::from_bytes([7; 32]));

/// The first byte says what the rest is: a whole file, its first line, what its lines hold once they
/// are opened, or edits and the rows of the file that they are made to.
pub(crate) fn check(data: &[u8]) {
    let (kind, rest) = choice(data);
    match kind {
        b'h' => first_line(rest),
        b'p' => lines_of(rest),
        b'e' => edited(rest),
        _ => raw(rest),
    }
}

/// A file of anything is refused, or byte for byte what the writer makes of the rows in it.
fn raw(file: &[u8]) {
    let seen = accepted(file);
    if let Ok(end) = &seen.outcome {
        assert!(remade(file, &seen.pieces, end) == file, "a second spelling");
    }
}

/// Whatever is accepted whole says the same when it is written and read again.
fn accepted(file: &[u8]) -> Seen {
    let seen = look(file, &KEY);
    if let (Some(header), Ok(end)) = (&seen.header, &seen.outcome) {
        let again = look(&written(header, &seen.pieces, end), &KEY);
        assert_eq!(again.header.as_ref(), Some(header));
        assert!(again.pieces == seen.pieces);
        let again = again.outcome.expect("what we write can be read");
        assert_eq!(
            (again.rows, again.sequence),
            (end.rows.clone(), end.sequence)
        );
    }
    seen
}

fn written(header: &Header, pieces: &[Piece], end: &End) -> Vec<u8> {
    let mut writer = Writer::begin(vec![], &KEY, header).expect("memory");
    for piece in pieces {
        writer.write(again(piece)).expect("it was on a line before");
    }
    let said = End::of(end.rows.clone(), end.sequence);
    let file = writer.finish(said).expect("memory");
    assert!(
        remade(&file, pieces, end) == file,
        "the format is what it says"
    );
    file
}

/// Pieces are not cloned by those who hold them.
fn again(piece: &Piece) -> Piece {
    serde_json::from_value(json!(piece)).expect("it is JSON")
}

/// A first line of anything, before lines that are sealed for it.
fn first_line(rest: &[u8]) {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut forge = Forge::begin(&KEY, line);
    forge.seal(br#"{"piece":{"removed":{"tree":1,"key":"a2V5"}}}"#);
    forge.seal(&forge.end(&End::default()));
    let seen = accepted(&forge.into_lines().concat());
    let Some(header) = seen.header else { return };
    assert_eq!(
        (header.vestibule_backup, &header.master_key),
        (FORMAT, &KeyId::of(&KEY))
    );
    assert!(seen.outcome.is_ok() && seen.pieces.len() == 1);
    let said: Option<Value> = serde_json::from_slice(line).ok();
    assert_eq!(said, Some(json!(header)), "nothing is passed over");
    let id = header.instance.to_string();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id:?}"
    );
    let _ = (header.made.rfc3339(), header.made.compact());
}

/// Lines that are sealed whatever they hold: `#` is the number of lines before, and `@` what they
/// chain to.
fn lines_of(rest: &[u8]) {
    let mut forge = Forge::begin(&KEY, &header("00"));
    for line in rest.split(|byte| *byte == b'\n') {
        let (lines, digest) = forge.sum();
        let filled = line.iter().flat_map(|byte| match byte {
            b'#' => lines.to_string().into_bytes(),
            b'@' => digest.clone().into_bytes(),
            byte => vec![*byte],
        });
        let filled: Vec<u8> = filled.collect();
        if filled.len() < MAX_LINE / 2 {
            forge.seal(&filled);
        }
    }
    let lines = forge.into_lines();
    let seen = accepted(&lines.concat());
    let told = seen.pieces.len() as u64;
    match seen.outcome {
        Ok(_) => assert_eq!(told, lines.len() as u64 - 2, "every line was told"),
        Err(BackupError::Damaged(line)) => {
            assert_eq!(line, told + 2, "the first wrong one is named")
        }
        Err(BackupError::Cut(line)) => assert_eq!(line, lines.len() as u64),
        Err(error) => {
            let is_trailing = matches!(error, BackupError::Trailing);
            assert!(is_trailing && told < lines.len() as u64 - 2, "{error}");
        }
    }
}

/// A file as the writer makes it is accepted; with any edit it is not, and until then only what was
/// written is told.
fn edited(rest: &[u8]) {
    let (edits, script) = edit::edits(rest);
    let (pieces, end) = rows(script);
    let file = made("00", &pieces, &end);
    let other_end = End::of(end.rows.clone(), end.sequence + 1);
    let others = Others {
        stranger: made("01", &pieces, &other_end),
        twin: made("00", pieces.get(1..).unwrap_or_default(), &other_end),
    };
    let seen = accepted(&file.concat());
    assert!(seen.outcome.is_ok() && seen.pieces == pieces);
    let forged = edits.iter().fold(file.clone(), |lines, edit| {
        edit::apply(*edit, lines, &others)
    });
    let forged = forged.concat();
    let genuine = [&file, &others.stranger, &others.twin];
    let seen = look(&forged, &KEY);
    assert_eq!(
        seen.outcome.is_ok(),
        genuine.iter().any(|lines| lines.concat() == forged),
        "{edits:?}"
    );
    if !edits.iter().any(edit::takes_from_twin) {
        let told = seen.pieces.len();
        assert!(
            told <= pieces.len() && seen.pieces == pieces[..told],
            "{edits:?}"
        );
    }
}

/// The lines of a file.
fn made(salt: &str, pieces: &[Piece], end: &End) -> Vec<Vec<u8>> {
    let mut forge = Forge::begin(&KEY, &header(salt));
    for piece in pieces {
        forge.seal(&Forge::piece(piece));
    }
    forge.seal(&forge.end(end));
    forge.into_lines()
}

/// A file with the first line and the nonces of `file`.
fn remade(file: &[u8], pieces: &[Piece], end: &End) -> Vec<u8> {
    let mut lines = file.split(|byte| *byte == b'\n');
    let mut forge = Forge::begin(&KEY, lines.next().unwrap_or_default());
    for (piece, line) in pieces.iter().zip(&mut lines) {
        forge.seal_under(nonce_of(line), &Forge::piece(piece));
    }
    let last = lines.next().unwrap_or_default();
    forge.seal_under(nonce_of(last), &forge.end(end));
    forge.into_lines().concat()
}

fn header(salt: &str) -> Vec<u8> {
    let key = KeyId::of(&KEY);
    let (instance, salt) = ("0".repeat(32), salt.repeat(32));
    format!(r#"{{"vestibule_backup":{FORMAT},"instance":"{instance}","master_key":"{key}","made":1700000000,"sequence":42,"salt":"{salt}"}}"#)
        .into_bytes()
}

/// A piece for each line of `script`, at most eight.
fn rows(script: &[u8]) -> (Vec<Piece>, End) {
    let pieces = script.split(|byte| *byte == b'\n').take(8).map(row);
    let pieces: Vec<Piece> = pieces.collect();
    let numbers = script.iter().copied().map(u64::from);
    let rows: BTreeMap<Tree, u64> = Tree::ALL.into_iter().zip(numbers).collect();
    (pieces, End::of(rows, script.len() as u64))
}

/// The first byte chooses the tree; a small letter is no row any more, `Z` one as long as a row can be.
fn row(line: &[u8]) -> Piece {
    let (what, rest) = choice(line);
    let (key, value) = rest.split_at((rest.len() / 2).min(MAX_KEY));
    let tree = Tree::ALL[usize::from(what) % Tree::ALL.len()];
    let key = key.to_vec().into();
    if what.is_ascii_lowercase() {
        return Piece::Removed { tree, key };
    }
    let mut value = value.to_vec();
    if what == b'Z' {
        value.resize(MAX_VALUE, what);
    }
    Piece::Present {
        tree,
        key,
        expires: value.first().map(|first| Timestamp(u64::from(*first))),
        value: value.into(),
    }
}
