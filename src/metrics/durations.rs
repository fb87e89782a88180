//! How long something took, sorted into fixed classes without a lock.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the classes, in seconds: from a cached answer to a request that nearly timed out.
const BOUNDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// A histogram of seconds. Clones share one; to note a duration is two relaxed additions.
#[derive(Clone, Debug, Default)]
pub struct Durations(Arc<Classes>);

#[derive(Debug, Default)]
struct Classes {
    /// One more than there are bounds: the last is open.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Durations {
    /// Notes that something took this long.
    pub fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let class = BOUNDS.partition_point(|bound| *bound < seconds);
        self.0.counts[class].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let counts = self
            .0
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let classes: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let sum = Duration::from_nanos(self.0.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        let count = classes.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &classes, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    #[test]
    fn a_duration_belongs_to_the_first_class_that_holds_it() {
        let durations = Durations::default();
        for took in [0, 500, 501, 2_000_000, 61_000_000] {
            durations.note(Duration::from_micros(took));
        }
        let mut registry = Registry::default();
        registry.register("d_seconds", "D", durations);
        let mut written = String::new();
        text::encode(&mut written, &registry).unwrap();
        for line in [
            "d_seconds_sum 63.001001",
            "d_seconds_count 5",
            "d_seconds_bucket{le=\"0.0005\"} 2",
            "d_seconds_bucket{le=\"0.001\"} 3",
            "d_seconds_bucket{le=\"1.0\"} 3",
            "d_seconds_bucket{le=\"2.5\"} 4",
            "d_seconds_bucket{le=\"60.0\"} 4",
            "d_seconds_bucket{le=\"+Inf\"} 5",
        ] {
            assert!(
                written.lines().any(|found| found == line),
                "{line} in\n{written}"
            );
        }
    }
}
