//! Moments and spans of time as people say them, and words that several pages share.

use crate::clock::Timestamp;
use maud::{Markup, html};
use std::time::Duration;

/// Too many passwords or codes are being checked.
pub(crate) const BUSY: &str = "Many people are signing in just now.";

/// A limit was reached.
pub(crate) const TOO_MANY: &str = "There have been too many attempts.";

/// An invitation to come back.
pub(crate) fn try_again(wait: Duration) -> String {
    format!("Please try again in {}.", span(wait))
}

/// A request to stay away for a while.
pub(crate) fn wait_first(wait: Duration) -> String {
    format!("Please wait {}, then try again.", span(wait))
}

/// "30 seconds", "2 minutes", "about 3 hours"; rounded up, so that nobody comes back too early.
pub(crate) fn span(wait: Duration) -> String {
    let seconds = wait.as_secs().max(1);
    match seconds {
        ..=90 => count(seconds, "second"),
        91..=5_400 => count(seconds.div_ceil(60), "minute"),
        5_401.. => count(seconds.div_ceil(3_600), "hour"),
    }
}

/// "just now", "5 minutes ago"; rounded down.
pub(crate) fn ago(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        ..60 => "just now".to_owned(),
        60..3_600 => count(seconds / 60, "minute") + " ago",
        3_600..86_400 => count(seconds / 3_600, "hour") + " ago",
        86_400.. => count(seconds / 86_400, "day") + " ago",
    }
}

fn count(number: u64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// A day, such as "21 November 2026", in a `time` element.
pub(crate) fn day(moment: Timestamp) -> Markup {
    time(moment, "%-d %B %Y")
}

/// A day and its time of day, in UTC: the server does not know where the reader is.
pub(crate) fn minute(moment: Timestamp) -> Markup {
    time(moment, "%-d %B %Y, %H:%M UTC")
}

fn time(moment: Timestamp, format: &str) -> Markup {
    let text = i64::try_from(moment.0)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(
            || moment.rfc3339(),
            |moment| moment.strftime(format).to_string(),
        );
    html! { time datetime=(moment.rfc3339()) { (text) } }
}
