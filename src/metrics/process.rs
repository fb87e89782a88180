//! What the process uses, under the names that every Prometheus client gives it.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the process's own state when it is asked.
#[derive(Debug)]
pub(crate) struct Process {
    started: Duration,
}

impl Process {
    /// The process counts as started at this moment.
    pub(crate) fn started_now() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: started.unwrap_or_default(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = [
            (
                "process_start_time_seconds",
                "When the process started, since the Unix epoch",
                Some(self.started.as_secs_f64()),
            ),
            (
                "process_resident_memory_bytes",
                "Memory that the process holds",
                resident_memory(),
            ),
            ("process_open_fds", "Open file descriptors", open_files()),
            (
                "process_max_fds",
                "File descriptors that may be open at once",
                most_files(),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                let kind = gauge.metric_type();
                gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
            }
        }
        let counter = ConstCounter::new(cpu_time().as_secs_f64());
        let (name, help) = ("process_cpu_seconds", "User and system time spent");
        let kind = counter.metric_type();
        counter.encode(encoder.encode_descriptor(name, help, None, kind)?)
    }
}

fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.try_into().unwrap_or_default()
}

/// proc(5): `VmRSS` is in KiB.
fn resident_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(f64::from(kib) * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself was open while it was read.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

fn most_files() -> Option<f64> {
    let most = getrlimit(Resource::Nofile).current?;
    u32::try_from(most).ok().map(f64::from)
}
