//! Logs: where they go and how they look.

use crate::config::{Log, LogFormat, LogLevel};
use std::io;
use std::panic;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error. Called once; a second call changes nothing.
///
/// A panic becomes one log line without a backtrace: it may come from a damaged database that is
/// being opened, which is explained elsewhere.
///
/// Crates below log at `warn` at most: their details could name what must not be named.
pub fn start(log: &Log) {
    let level = level(log.level);
    let quiet = level.min(LevelFilter::WARN);
    let targets = Targets::new()
        .with_default(quiet)
        .with_target("vestibule", level)
        .with_target("access", LevelFilter::INFO)
        .with_target("audit", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(targets);
    let started = match log.format {
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // Tests in one process start logging more than once.
    drop(started);
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            place,
            "a panic; the request or the start that caused it has failed"
        );
    }));
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
