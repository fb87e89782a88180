//! What the black-box tests share: the gate as a process, a browser without script, an
//! authenticator and an app behind. Nothing here knows the inside of the crate.
#![expect(clippy::panic, reason = "a test ends by panicking")]

pub(crate) mod app;
pub(crate) mod assertion;
pub(crate) mod authenticator;
pub(crate) mod browser;
pub(crate) mod crowd;
pub(crate) mod fake_time;
pub(crate) mod gate;
pub(crate) mod http2;
pub(crate) mod lost_store;
pub(crate) mod person;
pub(crate) mod program;
pub(crate) mod websocket;

use std::io::Write;
use std::time::Duration;

/// How long a test waits for anything; reaching it is a failure, so it is generous.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The host that the gate of a test is configured for. Browsers take names below `localhost`
/// for secure contexts, so scripts may do here what they may do over https.
pub(crate) const HOST: &str = "app.localhost";

/// Whether third-party programs may be used; says so when not.
pub(crate) fn third_party() -> bool {
    let wanted = std::env::var_os("VESTIBULE_TEST_THIRD_PARTY").is_some_and(|value| value == "1");
    if !wanted {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the capture of the test runner, which shows nothing of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "left out: {test} needs third-party programs (tests/run)"
        );
    }
    wanted
}
