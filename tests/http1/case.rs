//! One message, what becomes of it, and of the honest requests behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::DEADLINE;
use crate::harness::gate::Gate;
use crate::recorder::{Record, Recorder, find};

/// The honest request that goes behind every message, on the same connection.
const SAME: &str = "GET /honest/same HTTP/1.1";

/// And on another.
const OTHER: &str = "GET /honest/other HTTP/1.1";

/// How a connection goes on after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The honest request behind is served.
    GoesOn,
    /// It is closed in good order, and what stands behind is never read.
    Closes,
    /// The message is answered with this status and reason, and the connection closed.
    Refused(u16, &'static str),
    /// The gate answers by itself with this status, and goes on.
    Answered(u16),
}

/// One line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What is odd about the message.
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    /// Request lines and bodies that reach the app.
    pub(crate) seen: Vec<(String, Vec<u8>)>,
    pub(crate) then: Then,
}

/// A message of which the app must not see anything.
pub(crate) fn refused(
    what: &str,
    bytes: impl AsRef<[u8]>,
    status: u16,
    reason: &'static str,
) -> Case {
    Case {
        what: what.to_owned(),
        bytes: bytes.as_ref().to_vec(),
        seen: vec![],
        then: Then::Refused(status, reason),
    }
}

/// A message that reaches the app as one request.
pub(crate) fn served(what: &str, bytes: impl AsRef<[u8]>, line: &str, body: &str) -> Case {
    Case {
        what: what.to_owned(),
        bytes: bytes.as_ref().to_vec(),
        seen: vec![(line.to_owned(), body.into())],
        then: Then::GoesOn,
    }
}

impl Case {
    /// The same with another end.
    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// A request more that reaches the app.
    pub(crate) fn and(mut self, line: &str, body: &str) -> Self {
        self.seen.push((line.to_owned(), body.into()));
        self
    }
}

/// A gate that lets everybody pass, so that every message would reach the app.
pub(crate) struct Place {
    pub(crate) app: Recorder,
    pub(crate) gate: Gate,
}

impl Place {
    pub(crate) fn open() -> Self {
        Self::with("[access]\ndefault = \"bypass\"\n")
    }

    /// With other rules.
    pub(crate) fn with(config: &str) -> Self {
        let app = Recorder::start();
        let gate = Gate::start(&(app.upstream() + config));
        Self { app, gate }
    }

    /// Sends bytes on a connection of their own, and reads until it ends.
    pub(crate) fn send(&self, bytes: &[u8]) -> Vec<Answer> {
        let answers = converse(self.gate.address(), bytes);
        Answer::all(&answers, bytes.starts_with(b"HEAD "))
    }

    /// Holds the gate to a table.
    pub(crate) fn hold(&self, cases: &[Case]) {
        for case in cases {
            self.hold_one(case);
        }
    }

    fn hold_one(&self, case: &Case) {
        let what = format!("{}: {:?}", case.what, String::from_utf8_lossy(&case.bytes));
        let message = [&case.bytes, honest(SAME).as_bytes()].concat();
        let answers = self.send(&message);
        let other = self.send(honest(OTHER).as_bytes());
        assert_eq!(other.len(), 1, "{what}");
        assert_eq!(other[0].text(), OTHER, "{what}: somebody else's answer");

        let mut seen = case.seen.clone();
        if matches!(case.then, Then::GoesOn | Then::Answered(_)) {
            seen.push((SAME.to_owned(), vec![]));
        }
        self.check_answers(case, &seen, &answers, &what);
        seen.push((OTHER.to_owned(), vec![]));
        assert_eq!(whole(&self.app.take(), &what), seen, "{what}: {answers:?}");
    }

    /// The app's answers, each to its own request, and the gate's own.
    fn check_answers(
        &self,
        case: &Case,
        seen: &[(String, Vec<u8>)],
        answers: &[Answer],
        what: &str,
    ) {
        let answers: Vec<&Answer> = answers
            .iter()
            .filter(|answer| answer.status != 100)
            .collect();
        let expected = seen.iter().map(|(line, _)| (200, line.as_str()));
        let mut expected: Vec<(u16, &str)> = expected.collect();
        match case.then {
            Then::GoesOn | Then::Closes => {}
            Then::Answered(status) => expected.insert(case.seen.len(), (status, "")),
            Then::Refused(status, _) => expected.push((status, "")),
        }
        assert_eq!(answers.len(), expected.len(), "{what}: {answers:?}");
        for (answer, (status, line)) in answers.iter().zip(expected) {
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            if status == 200 && !line.starts_with("HEAD ") {
                assert_eq!(answer.text(), line, "{what}: {answer:?}");
            }
        }
        if let (Then::Refused(_, reason), Some(last)) = (case.then, answers.last()) {
            assert_eq!(last.header("connection"), Some("close"), "{what}: {last:?}");
            assert_eq!(last.header("set-cookie"), None, "{what}");
            assert!(last.body.len() < 1000, "{what}: {last:?}");
            let name = format!("urn:vestibule:problem:{reason}\"");
            assert!(
                last.text().contains(&name) || case.bytes.starts_with(b"HEAD "),
                "{what}: {last:?}"
            );
        }
    }
}

/// The requests that reached the app whole, none of which may have a fault.
pub(crate) fn whole(seen: &[Record], what: &str) -> Vec<(String, Vec<u8>)> {
    for record in seen {
        assert_eq!(record.faults, Vec::<String>::new(), "{what}: {record:?}");
    }
    let whole = seen.iter();
    whole
        .filter_map(|record| Some((record.line.clone(), record.body.clone()?)))
        .collect()
}

fn honest(line: &str) -> String {
    format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n")
}

/// Writes bytes to `address`, and reads until the other side closes.
pub(crate) fn converse(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the gate listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a deadline can be set");
    let mut reading = stream.try_clone().expect("a socket can be cloned");
    let reader = std::thread::spawn(move || {
        let mut answer = vec![];
        if let Err(error) = reading.read_to_end(&mut answer) {
            assert_ne!(
                error.kind(),
                std::io::ErrorKind::WouldBlock,
                "it never ends: {answer:?}"
            );
        }
        answer
    });
    // A refusal may come, and the connection be closed, before all was written.
    let _ = stream.write_all(bytes);
    reader.join().expect("the answer was read")
}

/// One answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// All answers of a connection; `to_head` when the first has no body.
    pub(crate) fn all(mut bytes: &[u8], to_head: bool) -> Vec<Self> {
        let mut answers = vec![];
        while !bytes.is_empty() {
            let bodiless = to_head && answers.is_empty();
            let (answer, rest) = Self::first(bytes, bodiless)
                .unwrap_or_else(|| panic!("no answer in {:?}", String::from_utf8_lossy(bytes)));
            answers.push(answer);
            bytes = rest;
        }
        answers
    }

    fn first(bytes: &[u8], bodiless: bool) -> Option<(Self, &[u8])> {
        let end = find(bytes, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()?
            .strip_prefix("HTTP/1.")?
            .split(' ')
            .nth(1)?
            .parse()
            .ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self {
            status,
            headers,
            body: vec![],
        };
        let rest = &bytes[end + 4..];
        let length = answer
            .header("content-length")
            .map_or(Ok(0), str::parse::<usize>)
            .ok()?;
        let length = if bodiless { 0 } else { length };
        answer.body = rest.get(..length)?.to_vec();
        Some((answer, &rest[length..]))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
