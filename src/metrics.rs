//! What operators can count: series under fixed names, with labels from fixed sets.
//!
//! Whoever counts owns its counters and registers them once, at the start; there is no global state. To count
//! is a relaxed atomic addition. A label is a word of the program's or a place in the configuration: nothing
//! that a request says can make a series.

mod durations;
mod process;

pub use crate::metrics::durations::Durations;
pub use prometheus_client::encoding::EncodeLabelSet;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::registry::Registry;

use crate::clock::Timestamp;
use crate::metrics::process::Process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use std::fmt;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The labels of a series: names and words, both of the program's.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// How the series are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0, which Prometheus asks for.
    OpenMetrics,
    /// The older text form of Prometheus, 0.0.4, which everything reads.
    Prometheus,
}

impl Format {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All series of the process.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Those of the process itself; the others register below [`Metrics::ours`].
    #[must_use]
    pub fn new() -> Self {
        let mut root = Registry::default();
        root.register_collector(Box::new(Process::started_now()));
        let mut metrics = Self(root);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        metrics
            .ours()
            .register("build", "The running version", version);
        metrics
    }

    /// Where series named `vestibule_…` are registered.
    pub fn ours(&mut self) -> &mut Registry {
        self.0.sub_registry_with_prefix("vestibule")
    }

    /// All series with their values of this moment.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut written = String::new();
        text::encode(&mut written, &self.0).expect("a text can always be written to");
        match format {
            Format::OpenMetrics => written,
            Format::Prometheus => prometheus_text(&written),
        }
    }
}

/// The older form names a counter's family as its series, and knows neither units nor infos.
fn prometheus_text(openmetrics: &str) -> String {
    let mut older = String::with_capacity(openmetrics.len());
    // The kind of a family stands behind its help, and both carry the name.
    let mut help = "";
    for line in openmetrics.lines() {
        let mut words = line.splitn(4, ' ');
        let kind = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(_), Some(words)) => {
                help = words;
                continue;
            }
            (Some("#"), Some("TYPE"), Some(name), Some("counter")) => (name, "_total", "counter"),
            (Some("#"), Some("TYPE"), Some(name), Some("info")) => (name, "_info", "gauge"),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => (name, "", kind),
            (Some("#"), ..) => continue,
            _ => {
                older.push_str(line);
                older.push('\n');
                continue;
            }
        };
        let (name, suffix, kind) = kind;
        writeln!(
            older,
            "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}"
        )
        .expect("a text can always be written to");
    }
    older
}

/// Registers a value that is read when somebody asks for it; the series is absent while there is none.
pub fn reading(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> Option<f64> + Send + Sync + 'static,
) {
    let read = Box::new(read);
    registry.register_collector(Box::new(Reading { name, help, read }));
}

/// A number of things, for a [`reading`].
#[must_use]
pub fn number(count: usize) -> Option<f64> {
    // A gauge is a float: beyond 2^53 it is a little less exact.
    Some(count as f64)
}

/// A moment that is known now or later; what is known is a gauge of seconds since the Unix epoch.
#[derive(Clone, Debug, Default)]
pub struct Moment(Arc<AtomicU64>);

impl Moment {
    /// It was at `moment`; an earlier one than is known changes nothing.
    pub fn set(&self, moment: Timestamp) {
        self.0.fetch_max(moment.0, Ordering::Relaxed);
    }

    /// Shows it, once it is known.
    pub fn register(&self, registry: &mut Registry, name: &'static str, help: &'static str) {
        let Self(known) = self.clone();
        reading(registry, name, help, move || {
            let moment = known.load(Ordering::Relaxed);
            (moment > 0).then_some(moment as f64)
        });
    }
}

struct Reading {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(value) = (self.read)() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(value);
        let kind = gauge.metric_type();
        gauge.encode(encoder.encode_descriptor(self.name, self.help, None, kind)?)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_names_families_as_their_series() {
        let openmetrics = "# HELP vestibule_x Some thing.\n# TYPE vestibule_x counter\nvestibule_x_total{a=\"b c\"} 1\n\
             # HELP vestibule_build The version.\n# TYPE vestibule_build info\nvestibule_build_info{version=\"1\"} 1\n\
             # HELP y_seconds Time.\n# TYPE y_seconds histogram\n# UNIT y_seconds seconds\ny_seconds_sum 0.5\n# EOF\n";
        let older = "# HELP vestibule_x_total Some thing.\n# TYPE vestibule_x_total counter\nvestibule_x_total{a=\"b c\"} 1\n\
             # HELP vestibule_build_info The version.\n# TYPE vestibule_build_info gauge\nvestibule_build_info{version=\"1\"} 1\n\
             # HELP y_seconds Time.\n# TYPE y_seconds histogram\ny_seconds_sum 0.5\n";
        assert_eq!(prometheus_text(openmetrics), older);
    }

    #[test]
    fn a_moment_is_absent_until_it_is_known() {
        let (mut metrics, moment) = (Metrics::new(), Moment::default());
        moment.register(metrics.ours(), "last_x", "When");
        assert!(!metrics.text(Format::OpenMetrics).contains("last_x"));
        moment.set(Timestamp(7));
        moment.set(Timestamp(6));
        let text = metrics.text(Format::OpenMetrics);
        assert!(text.contains("\nvestibule_last_x 7.0\n"), "{text}");
    }

    #[test]
    fn the_process_tells_what_it_uses() {
        let text = Metrics::new().text(Format::Prometheus);
        let value = |name: &str| -> f64 {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")));
            let value = line
                .and_then(|line| line.split(' ').nth(1))
                .unwrap_or_default();
            value.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_cpu_seconds_total") > 0.0);
        assert!(value("process_start_time_seconds") > 1.7e9);
    }
}
