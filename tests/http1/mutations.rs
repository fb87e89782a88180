//! Random damage to messages: whatever comes, the app sees well-formed requests or none, and everybody the answer to
//! their own.

use proptest::prelude::*;

use crate::case::{Answer, Place, converse, whole};

/// Messages to damage.
const SEEDS: &[&str] = &[
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET /b HTTP/",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nT: u\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nX: y",
    "GET http://a/a HTTP/1.1\r\nHost: a\r\nConnection: close, X-Y\r\nX-Y: z\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
];

/// What is put in somewhere.
const PIECES: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\0",
    " ",
    "\t",
    "\x0b",
    "\u{a0}",
    ":",
    ",",
    ";",
    "#",
    "%",
    "0",
    "1",
    "\r\n ",
    "\r\n\t",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Host: b\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "0\r\n\r\n",
    "GET /c HTTP/1.1\r\nHost: c\r\n\r\n",
    " HTTP/1.1\r\n",
    "2;a\nok\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Flip(prop::sample::Index, u8),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Insert(at, piece) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, piece.bytes());
            }
            Self::Remove(at, length) => {
                let at = at.index(bytes.len() + 1);
                bytes.drain(at..bytes.len().min(at + length));
            }
            Self::Repeat(at, length) => {
                let at = at.index(bytes.len() + 1);
                let again = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Flip(at, bits) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Flip(..) => {}
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        2 => (at(), 1_usize..6).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (at(), 1_usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => (at(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop::collection::vec(prop::sample::select(SEEDS), 1..3);
    (seeds, prop::collection::vec(damage(), 1..5)).prop_map(|(seeds, damages)| {
        let mut bytes = seeds.concat().into_bytes();
        for damage in damages {
            damage.apply(&mut bytes);
        }
        bytes
    })
}

#[test]
fn whatever_comes_the_app_sees_well_formed_requests_or_none() {
    // Bodies that announce more than comes are waited for no longer than this.
    let place = Place::with(
        "[access]\ndefault = \"bypass\"\n[proxy]\nheader_timeout = \"1s\"\nbody_idle_timeout = \"1s\"\n",
    );
    let address = place.gate.address();
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 300;
    }
    let end = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".repeat(3);
    let other = "GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&message(), |message| {
            let what = String::from_utf8_lossy(&message).into_owned();
            let bytes = [&message, end.as_bytes()].concat();
            let answers = converse(address, &bytes);
            let theirs = Answer::all(&converse(address, other.as_bytes()), false);
            prop_assert_eq!(theirs[0].text(), "GET /other HTTP/1.1", "{:?}", what);

            let mut seen = whole(&place.app.take(), &what);
            prop_assert_eq!(
                seen.pop().map(|(line, _)| line),
                Some("GET /other HTTP/1.1".to_owned())
            );
            // Each of the app's answers stands on the connection of its request, in order.
            let text = String::from_utf8_lossy(&answers).into_owned();
            let mut rest = text.as_str();
            for (line, _) in seen.iter().filter(|(line, _)| !line.starts_with("HEAD ")) {
                let at = rest.find(line.as_str());
                prop_assert!(at.is_some(), "{what:?}: {line} was not answered: {text}");
                rest = &rest[at.unwrap_or_default() + line.len()..];
            }
            Ok(())
        })
        .expect("every message was refused or seen as one");
}
