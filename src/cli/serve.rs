//! `vestibule serve` and `vestibule demo`: run until told to stop.

use crate::admin::view::InvitationView;
use crate::app::{App, Running};
use crate::audit::Audit;
use crate::cli::admin::start_failure;
use crate::cli::{Failure, print, runtime, watch};
use crate::config::{Config, Loaded};
use crate::demo;
use crate::server::{Settings, Stop, descriptors};
use crate::telemetry;
use crate::timekeeping::Trust;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

pub(in crate::cli) fn serve(loaded: Loaded, trust: Trust) -> Result<ExitCode, Failure> {
    if !loaded.warnings.0.is_empty() {
        print::error(&loaded.warnings);
    }
    telemetry::start(&loaded.config.log);
    descriptors::raise();
    let drain_timeout = loaded.config.proxy.drain_timeout;
    until_stopped(drain_timeout, |stop| async move {
        let running = start(loaded.config, trust).await?;
        reopen_on_hangup(running.app().audit().clone())?;
        announce(&running);
        let first = running.app().admin().first_administrator().await;
        match first {
            Ok(Some(invitation)) => print_first(&invitation),
            Ok(None) => {}
            Err(error) => return Err(Failure::running(error, "the log may say more")),
        }
        running.run(stop).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// A throw-away folder, a sample app, the gate in front of it, and a first user.
pub(in crate::cli) fn demo(listen: SocketAddr) -> Result<ExitCode, Failure> {
    let folder = demo::Folder::create().map_err(|error| {
        Failure::running(error, "the folder for temporary files has to be writable")
    })?;
    let place = folder.path().to_owned();
    until_stopped(Settings::default().drain_timeout, |stop| async move {
        let sample = demo::start_app()
            .await
            .map_err(|error| Failure::running(error, "a port on the loopback address is needed"))?;
        let config = demo::config(listen, sample, &place).map_err(Failure::usage)?;
        telemetry::start(&config.log);
        let running = start(config, Trust::Mark).await?;
        announce(&running);
        let invitation = demo::first_user(running.app().admin())
            .await
            .map_err(|error| Failure::running(error, "the log may say more"))?;
        print::line("\nA sample app stands behind the gate. Open this link as its first user:\n");
        print::line(format!("  {}\n", invitation.link));
        print::line("Everything is thrown away when you press Ctrl-C.");
        running.run(stop).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// What the end may take beside the drain time: the last writes, the last answers of operators.
const LAST_WORK: Duration = Duration::from_secs(6);

/// How long work on other threads may take to hear that nobody waits for it any more.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Runs `work` until it ends, and it has to end in time once it is told to stop: a disk may be stuck for
/// good. Everything that was acknowledged is on disk by then.
fn until_stopped<F>(
    drain_timeout: Duration,
    work: impl FnOnce(Stop) -> F,
) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>> + Send + 'static,
{
    let runtime = runtime()?;
    // A reactor of its own: a thread that waits for a stuck disk may hold up that of the others.
    let watch = watch()?;
    let ended = watch.block_on(async {
        let stop = stop_on_signal()?;
        let work = runtime.spawn(work(stop.clone()));
        tokio::select! {
            ended = work => ended.unwrap_or_else(|error| {
                Err(Failure::running(error, "the log may say more"))
            }),
            () = overdue(&stop, drain_timeout) => Err(Failure::running(
                "it did not end in time, and was ended",
                "the disk may be stuck; whatever was acknowledged is kept",
            )),
        }
    });
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}

/// Returns when everything should have ended.
async fn overdue(stop: &Stop, drain_timeout: Duration) {
    stop.gently.cancelled().await;
    tokio::select! {
        () = sleep(drain_timeout) => {}
        () = stop.at_once.cancelled() => {}
    }
    sleep(LAST_WORK).await;
}

async fn start(config: Config, trust: Trust) -> Result<Running, Failure> {
    let app = App::open(config, trust)
        .await
        .map_err(|error| start_failure(&error))?;
    app.listen().await.map_err(|error| start_failure(&error))
}

fn announce(running: &Running) {
    print::line(format!("listening on {}", running.address()));
    if let Some(ops) = running.ops_address() {
        print::line(format!("ops on http://{ops}"));
    }
}

fn print_first(invitation: &InvitationView) {
    print::line("\nThere is no user yet. This link makes you the first administrator:\n");
    print::line(format!("  {}\n", invitation.link));
    print::line(format!("It works once, until {}.", invitation.expires));
}

/// Receives the signals that end us, from before anything is printed: who reads a line may send one. The second
/// signal is that of somebody who does not want to wait for what is under way.
fn stop_on_signal() -> Result<Stop, Failure> {
    let stop = Stop::default();
    let asked = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    tokio::spawn(async move {
        for token in [asked.gently, asked.at_once] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(stop)
}

/// Opens the audit file anew at SIGHUP, so that logrotate can move it away.
fn reopen_on_hangup(audit: Audit) -> Result<(), Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match audit.reopen() {
                Ok(()) => tracing::info!("the audit file was opened again"),
                Err(error) => tracing::error!(%error, "the audit file cannot be opened again"),
            }
        }
    });
    Ok(())
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::running(error, "signals cannot be received here")
}
