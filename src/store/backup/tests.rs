use super::read::{Next, Reader};
use super::write::Writer;
use super::*;
use proptest::prelude::*;
use std::io::{BufRead, BufReader, Read, Write};

fn key() -> Key {
    Key::from_bytes([7; 32])
}

fn new_header() -> Header {
    Header::new(InstanceId::generate(), &key(), Timestamp(1_700_000_000), 42)
}

fn present(tree: Tree, key: &[u8], value: &[u8]) -> Piece {
    Piece::Present {
        tree,
        key: key.to_vec().into(),
        expires: Some(Timestamp(7)),
        value: value.to_vec().into(),
    }
}

fn pieces() -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Tree::ALL
        .into_iter()
        .map(|tree| present(tree, &[tree.tag(); 16], b"a value"))
        .collect();
    pieces.push(Piece::Removed {
        tree: Tree::Accounts,
        key: b"gone".to_vec().into(),
    });
    pieces
}

#[test]
fn the_longest_row_fits_into_a_line_and_a_longer_one_is_refused() {
    let longest = |bytes: usize| {
        let key = [0xff; crate::store::MAX_KEY];
        let mut writer = Writer::begin(Vec::new(), &self::key(), &new_header())?;
        writer.write(present(Tree::Accounts, &key, &vec![0; bytes]))?;
        writer.finish(End::default())
    };
    let file = longest(crate::store::MAX_VALUE).unwrap();
    assert!(lines(&file).iter().all(|line| line.len() <= MAX_LINE));
    verdict(&file).unwrap();
    let refused = longest(2 * crate::store::MAX_VALUE);
    assert!(matches!(refused, Err(BackupError::Unwritable)));
}

fn end() -> End {
    End::of(Tree::ALL.into_iter().map(|tree| (tree, 1)).collect(), 45)
}

fn file() -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), &key(), &new_header()).unwrap();
    for piece in pieces() {
        writer.write(piece).unwrap();
    }
    writer.finish(end()).unwrap()
}

fn verdict(file: &[u8]) -> Result<End, BackupError> {
    Reader::open(file, &key()).and_then(Reader::verify)
}

fn refusal(file: &[u8]) -> String {
    let error = verdict(file).unwrap_err();
    assert!(!error.hint().is_empty());
    error.to_string()
}

fn lines(file: &[u8]) -> Vec<&[u8]> {
    file.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn what_was_written_is_read() {
    let file = file();
    let mut reader = Reader::open(&file[..], &key()).unwrap();
    assert_eq!(reader.header().sequence, 42);
    for piece in pieces() {
        assert!(matches!(reader.read().unwrap(), Next::Piece(read) if read == piece));
    }
    let Next::End(read) = reader.read().unwrap() else {
        panic!("no end");
    };
    assert_eq!((read.rows, read.sequence), (end().rows, 45));
}

#[test]
fn every_line_is_json_and_short_and_shows_nothing() {
    let file = file();
    for line in lines(&file) {
        assert!(line.len() <= MAX_LINE);
        serde_json::from_slice::<serde_json::Value>(line).unwrap();
    }
    let text = String::from_utf8(file).unwrap();
    for plain in [
        "gone",
        "Z29uZQ",
        "a value",
        "YSB2YWx1ZQ",
        "accounts",
        "Accounts",
    ] {
        assert!(!text.contains(plain), "{plain}");
    }
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    let file = file();
    let all = lines(&file).len();
    let mut at = 0;
    for (number, line) in lines(&file).into_iter().enumerate() {
        for cut in [at, at + 1, at + line.len() - 1] {
            let said = refusal(&file[..cut]);
            let expected = if number == 0 {
                "it is no backup of vestibule".to_owned()
            } else {
                format!("it ends after {number} lines, before its last one: a part is missing")
            };
            assert_eq!(said, expected, "cut at byte {cut} of {}", file.len());
        }
        at += line.len();
    }
    assert_eq!(all, pieces().len() + 2);
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let mut writer = Writer::begin(Vec::new(), &key(), &new_header()).unwrap();
    writer.write(present(Tree::Accounts, b"k", b"v")).unwrap();
    let mut file = writer.finish(End::default()).unwrap();
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(verdict(&file).is_err(), "bit {bit} of byte {at}");
            file[at] ^= 1 << bit;
        }
    }
    verdict(&file).unwrap();
}

#[test]
fn lines_out_of_place_are_found() {
    let (file, other) = (file(), file());
    let (own, foreign) = (lines(&file), lines(&other));
    let last = own.len() - 1;
    for (what, forged) in [
        (
            "swapped",
            [&own[..1], &[own[2], own[1]], &own[3..]].concat(),
        ),
        ("left out", [&own[..1], &own[2..]].concat()),
        ("doubled", [&own[..2], &own[1..]].concat()),
        (
            "of another file",
            [&own[..1], &foreign[1..2], &own[2..]].concat(),
        ),
        ("all but the header", [&own[..1], &foreign[1..]].concat()),
        ("the end too early", [&own[..2], &own[last..]].concat()),
        (
            "the end of another file",
            [&own[..last], &foreign[last..]].concat(),
        ),
    ] {
        let said = refusal(&forged.concat());
        assert!(
            said.ends_with("is damaged, not in its place, or of another file"),
            "{what}: {said}"
        );
    }
    for after in [&b"\n"[..], b"x", own[1]] {
        assert_eq!(
            refusal(&[&file, after].concat()),
            "something follows its last line"
        );
    }
}

#[test]
fn a_file_is_not_read_past_what_is_wrong() {
    let file = file();
    let own = lines(&file);
    let long = [b'a'; MAX_LINE];
    for wrong in [&b"\n"[..], b"\"AAAA\"\n", own[1], &long] {
        let forged = [&own[..2], &[wrong], &own[2..]].concat().concat();
        let mut reader = Reader::open(&forged[..], &key()).unwrap();
        reader.read().unwrap();
        for _ in 0..own.len() {
            assert!(reader.read().is_err());
        }
    }
    let after = [&file, own[1]].concat();
    let mut reader = Reader::open(&after[..], &key()).unwrap();
    while let Ok(Next::Piece(_)) = reader.read() {}
    assert!(matches!(reader.read(), Err(BackupError::Cut(_))));
}

#[test]
fn a_header_shows_nothing_but_digits() {
    let text = String::from_utf8(file()).unwrap();
    let id = KeyId::of(&key()).to_string();
    for hostile in ["\\u001b[2J\\u0007", "\\n", "", "a very long word"] {
        assert_eq!(
            refusal(text.replacen(&id, hostile, 1).as_bytes()),
            "it is no backup of vestibule",
            "{hostile}"
        );
    }
}

#[test]
fn more_rows_than_can_be_counted_are_no_panic() {
    let rows = [(Tree::Accounts, u64::MAX), (Tree::Usernames, 1)];
    assert_eq!(End::of(rows.into(), 1).total(), u64::MAX);
}

#[test]
fn another_key_is_named() {
    let other = Key::from_bytes([8; 32]);
    let error = Reader::open(&file()[..], &other).unwrap_err();
    let (needed, found) = (KeyId::of(&key()), KeyId::of(&other));
    assert_eq!(
        error.to_string(),
        format!("it was made under the master key with id {needed}; this one has id {found}")
    );
}

#[test]
fn a_header_that_names_another_key_opens_nothing() {
    let (file, other) = (file(), Key::from_bytes([8; 32]));
    let text = String::from_utf8(file).unwrap();
    let ids = (KeyId::of(&key()).to_string(), KeyId::of(&other).to_string());
    let forged = text.replace(&ids.0, &ids.1);
    let read = Reader::open(forged.as_bytes(), &other).and_then(Reader::verify);
    assert!(matches!(read, Err(BackupError::Damaged(2))), "{read:?}");
}

#[test]
fn another_format_is_named() {
    let later = String::from_utf8(file()).unwrap().replacen(":1,", ":2,", 1);
    let said = refusal(later.as_bytes());
    assert_eq!(
        said,
        "it has format version 2; this program reads version 1"
    );
}

#[test]
fn a_line_without_end_is_not_read_on() {
    let file = file();
    let header = lines(&file)[0];
    let endless = header.chain(io::repeat(b'a').take(1 << 30));
    let mut input = BufReader::new(endless);
    let error = Reader::open(&mut input, &key()).and_then(Reader::verify);
    assert!(matches!(error, Err(BackupError::LongLine(2))), "{error:?}");
    assert!(input.fill_buf().unwrap().len() < MAX_LINE, "read on");
    let none = BufReader::new(io::repeat(b'{').take(1 << 30));
    assert!(matches!(
        Reader::open(none, &key()),
        Err(BackupError::NotABackup)
    ));
}

/// A disk with room for so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_at_whatever_line() {
    let whole = file().len();
    let write = |room: usize| -> Result<(), BackupError> {
        let mut writer = Writer::begin(Full(room), &key(), &new_header())?;
        pieces()
            .into_iter()
            .try_for_each(|piece| writer.write(piece))?;
        writer.finish(end()).map(drop)
    };
    write(whole).unwrap();
    for room in (0..whole).step_by(100) {
        assert!(matches!(write(room), Err(BackupError::Io(_))), "{room}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verdict(&bytes).is_err());
        let file = file();
        let after = [lines(&file)[0], &bytes].concat();
        prop_assert!(verdict(&after).is_err());
    }
}
