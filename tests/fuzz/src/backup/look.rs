//! Reads a backup as a restore does, and asserts of every step what has to hold for any file.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use vestibule::secret::Key;
use vestibule::store::backup::read::{Next, Reader, header};
use vestibule::store::backup::{BackupError, End, Header, MAX_LINE, Piece};

/// The longest first line that is read.
const MAX_HEADER: usize = 1024;

/// What a file turned out to be.
pub(crate) struct Seen {
    /// What its first line says, when it is one.
    pub(crate) header: Option<Header>,
    /// The pieces that were told, in their order.
    pub(crate) pieces: Vec<Piece>,
    /// What became of it.
    pub(crate) outcome: Result<End, BackupError>,
}

/// Reads all of `file`.
pub(crate) fn look(file: &[u8], key: &Key) -> Seen {
    let taken = &Cell::new(0);
    let mut pieces = vec![];
    let mut reader = match Reader::open(Metered { file, taken }, key) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(taken.get() <= MAX_HEADER, "read on");
            let outcome = Err(judged(error));
            return Seen {
                header: None,
                pieces,
                outcome,
            };
        }
    };
    let begin = end_of_line(file, 0);
    assert!(begin <= MAX_HEADER && taken.get() == begin);
    let first = reader.header().clone();
    let alone = header(&mut &*file).ok();
    assert_eq!(alone.as_ref(), Some(&first), "both read it alike");
    let outcome = loop {
        match step(&mut reader, file, taken) {
            Ok(Next::Piece(piece)) => pieces.push(piece),
            Ok(Next::End(end)) => break Ok(end),
            Err(error) => break Err(judged(error)),
        }
    };
    assert!(reader.read().is_err(), "it is over");
    Seen {
        header: Some(first),
        pieces,
        outcome,
    }
}

/// Reads the next line, and no more than that of the file.
fn step<R: BufRead>(
    reader: &mut Reader<R>,
    file: &[u8],
    taken: &Cell<usize>,
) -> Result<Next, BackupError> {
    let begin = taken.get();
    let next = reader.read();
    match &next {
        Ok(Next::Piece(piece)) => {
            assert_eq!(taken.get(), end_of_line(file, begin), "one line at a time");
            quiet(piece);
        }
        Ok(Next::End(end)) => {
            assert_eq!(taken.get(), file.len(), "nothing follows");
            assert!(end.rows.values().all(|rows| *rows <= end.total()));
        }
        Err(_) => assert!(taken.get() <= begin + MAX_LINE, "read on"),
    }
    next
}

/// What is said of a file that anybody may have made shows on one line of a terminal, and has a way out.
fn judged(error: BackupError) -> BackupError {
    let said = error.to_string();
    let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    assert!(said.len() < 256 && said.bytes().all(plain), "{said:?}");
    assert!(!error.hint().is_empty());
    error
}

/// What is logged of a piece says nothing that it holds.
fn quiet(piece: &Piece) {
    assert!(format!("{piece:?}").len() < 40);
}

fn end_of_line(file: &[u8], begin: usize) -> usize {
    let length = file[begin..].iter().position(|byte| *byte == b'\n');
    begin + length.expect("a whole line") + 1
}

/// A file that counts what was taken of it.
struct Metered<'a> {
    file: &'a [u8],
    taken: &'a Cell<usize>,
}

impl Read for Metered<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Metered<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let rest = &self.file[self.taken.get()..];
        Ok(&rest[..rest.len().min(1021)])
    }

    fn consume(&mut self, bytes: usize) {
        self.taken.set(self.taken.get() + bytes);
    }
}
