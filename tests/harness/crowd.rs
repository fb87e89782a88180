//! Many at once.

use std::sync::Barrier;
use std::thread;

/// Configuration of a gate that hashes quickly and counts no try as one too many, for tests
/// whose matter is something else. It begins tables: top-level keys go before it.
pub(crate) const LENIENT: &str = "\
[password]
memory = \"7MiB\"
iterations = 1
hashing_queue = 1000
[throttle]
logins_per_minute = 100000
logins_per_hour = 100000
free_attempts = 100
delay = \"1s\"
codes_per_hour = 100
backup_codes_per_hour = 100
";

/// Acts in `number` threads that set off together, and collects what came of it.
pub(crate) fn at_once<T: Send>(number: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(number);
    let (start, act) = (&start, &act);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..number)
            .map(|index| {
                scope.spawn(move || {
                    start.wait();
                    act(index)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread of the crowd panicked"))
            .collect()
    })
}
