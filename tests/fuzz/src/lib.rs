//! What has to hold for everything that is read from strangers, whatever they send.
//!
//! Each target takes bytes and asserts. libFuzzer feeds it new ones (`tests/run fuzz`), and
//! `tests/fuzz_corpus.rs` feeds it the kept ones of `corpus/` in every run of the tests.
//! Targets use what the gate makes public, and nothing else.

mod auth_check;
mod backup;
mod code;
mod command;
mod configuration;
mod cookies;
mod form;
mod forwarded;
mod password_hash;
mod record;
mod request;
mod return_to;
mod target;
mod username;

use std::cell::OnceCell;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};

/// One thing to feed bytes to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also its folder below `corpus/`.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("auth_check", auth_check::check),
    target("backup", backup::check),
    target("code", code::check),
    target("command", command::check),
    target("configuration", configuration::check),
    target("cookies", cookies::check),
    target("form", form::check),
    target("forwarded", forwarded::check),
    target("password_hash", password_hash::check),
    target("record", record::check),
    target("request", request::check),
    target("return_to", return_to::check),
    target("target", target::check),
    target("username", username::check),
];

const fn target(name: &'static str, check: fn(&[u8])) -> Target {
    Target { name, check }
}

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// Runs `future` on this thread alone, so that the same bytes always take the same way.
fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| {
        let make = || Builder::new_current_thread().enable_all().build();
        let runtime = runtime.get_or_init(|| make().expect("a runtime"));
        runtime.block_on(future)
    })
}

/// The first byte, which chooses among cases, and the rest.
fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first()
        .map_or((b'0', data), |(first, rest)| (*first, rest))
}
