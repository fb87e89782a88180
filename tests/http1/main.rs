//! What strangers send, byte for byte: HTTP/1.1 messages that two servers could read in two ways, between a raw client and
//! an app that writes down every byte.
//!
//! The tables say for each message what is answered and what the app saw. Behind every message goes an honest request on the
//! same connection, and another on a new one: nobody may get somebody else's answer.

#![expect(clippy::panic, reason = "a test ends by panicking")]

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod recorder;
mod case;
mod request_line;
mod hosts;
mod lengths;
mod codings;
mod chunks;
mod lines;
mod sequences;
mod headers;
mod early;
mod paths;
mod mutations;
