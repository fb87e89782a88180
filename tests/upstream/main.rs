//! What an app may answer, how long anybody may take, and how many may come: the real binary between
//! raw sockets, where every byte is the test's own.
#![expect(clippy::panic, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod wire;
mod framing;
mod unread;
mod headers;
mod tunnels;
mod timeouts;
mod failures;
mod limits;
mod draining;
mod floods;

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use harness::gate::Gate;
use harness::{DEADLINE, HOST};
use wire::Wire;

/// An answer that ends, keeps its connection, and says that all is well.
const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

/// An app whose every byte a test writes.
#[derive(Debug)]
pub(crate) struct ScriptedApp {
    address: SocketAddr,
    accepted: Receiver<Wire>,
}

impl ScriptedApp {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (sender, accepted) = channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // The test may be over.
                if sender.send(Wire::new(stream)).is_err() {
                    return;
                }
            }
        });
        Self { address, accepted }
    }

    /// The next connection to the app.
    pub(crate) fn connection(&self) -> Wire {
        self.within(DEADLINE).expect("the gate connects to the app")
    }

    /// The next connection, if one comes in time.
    pub(crate) fn within(&self, time: Duration) -> Option<Wire> {
        match self.accepted.recv_timeout(time) {
            Ok(wire) => Some(wire),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the app's port is closed"),
        }
    }

    /// Asserts that nobody has connected whom the test did not ask for.
    pub(crate) fn saw_no_more(&self) {
        assert!(self.accepted.try_recv().is_err(), "the app was reached");
    }

    /// Answers everything from now on, each connection in a thread, with what `answer` makes of a head.
    pub(crate) fn answer_all(
        self,
        answer: impl Fn(&str) -> String + Clone + Send + 'static,
    ) -> SocketAddr {
        let address = self.address;
        thread::spawn(move || {
            while let Ok(mut wire) = self.accepted.recv() {
                let answer = answer.clone();
                thread::spawn(move || {
                    while let Some(head) = wire.try_head() {
                        if wire.try_send(answer(&head.text())).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }
}

/// A gate without rules in front of a scripted app: everybody may pass, so that the rest is in view.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) gate: Gate,
    pub(crate) app: ScriptedApp,
}

impl Door {
    pub(crate) fn open() -> Self {
        Self::with("", "")
    }

    /// With these lines in `[[upstream]]` and `[proxy]`.
    pub(crate) fn with(upstream: &str, proxy: &str) -> Self {
        Self::configured("", upstream, proxy)
    }

    /// With these lines at the top, in `[[upstream]]` and in `[proxy]`.
    pub(crate) fn configured(top: &str, upstream: &str, proxy: &str) -> Self {
        let app = ScriptedApp::start();
        let gate = Gate::start(&configuration(app.address, top, upstream, proxy));
        Self { gate, app }
    }

    pub(crate) fn client(&self) -> Wire {
        Wire::connect(self.gate.address())
    }

    /// A client that has just sent `text`.
    pub(crate) fn client_sending(&self, text: impl AsRef<[u8]>) -> Wire {
        let mut client = self.client();
        client.send(text);
        client
    }

    /// Where the next request comes: on `kept`, unless the gate has not put that one back yet, which it may do a moment after
    /// its answer. Closed it is not.
    pub(crate) fn next_after(&self, mut kept: Wire) -> Wire {
        let end = Instant::now() + DEADLINE;
        let moment = Duration::from_millis(20);
        while kept.is_silent_for(moment) {
            if let Some(other) = self.app.within(moment) {
                assert!(kept.is_silent_for(moment), "it was closed");
                return other;
            }
            assert!(Instant::now() < end, "no request comes");
        }
        kept
    }

    /// Sends a request of a new client and brings it to the app, on a new connection.
    pub(crate) fn exchange(&self, request: &str) -> (Wire, Wire) {
        let client = self.client_sending(request);
        let mut app = self.app.connection();
        app.head();
        (client, app)
    }
}

/// A configuration that lets everybody pass.
pub(crate) fn configuration(app: SocketAddr, top: &str, upstream: &str, proxy: &str) -> String {
    format!(
        "{top}\n[[upstream]]\nurl = \"http://{app}\"\n{upstream}\n[proxy]\n{proxy}\n[access]\ndefault = \"bypass\"\n"
    )
}

/// A GET of `path` that keeps its connection.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}
