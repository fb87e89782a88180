//! What the black-box tests share: the gate as a process, a browser without script, an
//! authenticator and an app behind. Nothing here knows the inside of the crate.
#![expect(clippy::panic, reason = "a test ends by panicking")]

pub(crate) mod app;
pub(crate) mod assertion;
pub(crate) mod authenticator;
pub(crate) mod browser;
pub(crate) mod crowd;
pub(crate) mod gate;
pub(crate) mod person;
pub(crate) mod program;
pub(crate) mod websocket;

use std::time::Duration;

/// How long a test waits for anything; reaching it is a failure, so it is generous.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The host that the gate of a test is configured for. Browsers take names below `localhost`
/// for secure contexts, so scripts may do here what they may do over https.
pub(crate) const HOST: &str = "app.localhost";
