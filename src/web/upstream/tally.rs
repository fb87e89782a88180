//! What the apps answered, and how soon.

use crate::metrics::{Counter, Durations, EncodeLabelSet, Family, Registry};
use crate::web::upstream::{Answer, UpstreamError};
use http::StatusCode;
use std::time::Duration;

/// An app by its place in the configuration, from 0 on.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct App {
    upstream: u64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    upstream: u64,
    result: &'static str,
}

/// The series of all apps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    results: Family<Outcome, Counter>,
    latency: Family<App, Durations>,
}

impl Families {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upstream_results",
            "Requests that were sent to an app, by its place in the configuration and what came back",
            self.results.clone(),
        );
        registry.register(
            "upstream_response_seconds",
            "From sending a request to the head of the app's answer",
            self.latency.clone(),
        );
    }
}

/// The counters of one app; those of answers are at hand without a look-up.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    families: Families,
    upstream: u64,
    latency: Durations,
    /// 101, then 2xx to 5xx.
    answers: [Counter; 5],
}

impl Tally {
    pub(crate) fn new(families: &Families, upstream: u64) -> Self {
        let of = |result| {
            let labels = Outcome { upstream, result };
            families.results.get_or_create_owned(&labels)
        };
        for failure in UpstreamError::NAMES {
            drop(of(failure));
        }
        Self {
            upstream,
            latency: families.latency.get_or_create_owned(&App { upstream }),
            answers: ["switched", "2xx", "3xx", "4xx", "5xx"].map(of),
            families: families.clone(),
        }
    }

    pub(crate) fn count(&self, outcome: &Result<Answer, UpstreamError>, took: Duration) {
        match outcome {
            Ok(answer) => {
                self.latency.note(took);
                self.answers[class(answer.status())].inc();
            }
            Err(error) => {
                let labels = Outcome {
                    upstream: self.upstream,
                    result: error.name(),
                };
                self.families.results.get_or_create(&labels).inc();
            }
        }
    }
}

/// The place among [`Tally::answers`].
fn class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, 5) - 1
}
