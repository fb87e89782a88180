//! The limit of open files, which bounds connections whatever the configuration says.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections: the store, the logs, the admin socket, and the listener for operators.
const OWN: u64 = 128;

/// Unused connections that are kept to each app.
const KEPT_FOR_APP: u64 = 64;

/// Raises the soft limit of this process to its hard limit. Service managers keep the soft one at 1024 for the
/// sake of programs that use `select`, and expect all others to raise it.
pub fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// How many clients the limit of this process has room for.
#[must_use]
pub fn room(apps: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |files| clients(files, apps))
}

/// Each client may need a second connection, to an app.
fn clients(files: u64, apps: usize) -> usize {
    let apps = u64::try_from(apps).unwrap_or(u64::MAX);
    let kept = KEPT_FOR_APP.saturating_mul(apps);
    let pairs = files.saturating_sub(OWN.saturating_add(kept)) / 2;
    usize::try_from(pairs).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_is_left_by_halves_and_never_nothing() {
        for (files, apps, room) in [
            (1024, 1, 416),
            (1024, 0, 448),
            (524_288, 3, 261_984),
            (194, 1, 1),
            (64, 1, 1),
            (0, usize::MAX, 1),
        ] {
            assert_eq!(clients(files, apps), room, "{files} {apps}");
        }
    }
}
