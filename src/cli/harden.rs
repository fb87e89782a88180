//! What the process denies itself before it reads the first secret.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core files, and other processes of our user to read our memory or to trace us (prctl(2), core(5)).
///
/// Where the system refuses, the unit and the container say the same from outside.
pub(in crate::cli) fn harden() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let outcomes = [
        set_dumpable_behavior(DumpableBehavior::NotDumpable),
        setrlimit(Resource::Core, none),
    ];
    for error in outcomes.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "core files stay as the system has them");
    }
}
