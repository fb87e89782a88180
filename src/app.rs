//! Wiring: a configuration becomes a running server, or its use-cases alone.

mod edge;
pub(crate) mod rules;
mod supervisor;
mod upkeep;
mod wiring;

pub(crate) use crate::app::wiring::{audit, ceiling};

use crate::admin::Admin;
use crate::admin::socket::AdminSocket;
use crate::audit::{Audit, Details, Event, Source};
use crate::backups::schedule;
use crate::clock::{Clock, ProcessClock};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::server::{self, Listener, Stop};
use crate::store::data_folder::OpenStore;
use crate::store::opening::OpenError;
use crate::store::{Durability, Store};
use crate::timekeeping::{TimeError, Timekeeping, Trust};
use crate::web::context::Context;
use crate::web::ops::Ops;
use crate::web::service;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long those who asked over the sockets of operators may take to read their answer, once all else has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error("{0}")]
    Store(#[from] OpenError),
    /// The keys that sign cannot be loaded.
    #[error("{0}")]
    Keys(#[from] crate::signing_keys::KeyError),
    /// The clock cannot be relied on.
    #[error("{0}")]
    Time(#[from] TimeError),
    /// A file or an address cannot be used.
    #[error("{what}: {cause}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        cause: io::Error,
    },
    /// A value passed the configuration and is of no use all the same.
    #[error("{0}")]
    Value(String),
}

impl StartError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::Time(error) => error.hint(),
            Self::Keys(_) => "restore the data folder from a backup",
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse => {
                "another program listens there; stop it, or choose another address"
            }
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                "run as a user who may do that, or choose another place"
            }
            Self::Io { .. } => "see what the system says",
            Self::Value(_) => "see `vestibule check`",
        }
    }
}

/// Everything that works on the store, opened.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Arc<dyn Store>,
    database: Arc<OpenStore>,
    clock: Arc<dyn Clock>,
    timekeeping: Arc<Timekeeping>,
    audit: Audit,
    parts: wiring::UseCases,
    admin: Admin,
    metrics: Metrics,
}

impl App {
    /// Opens the store and builds the use-cases.
    ///
    /// # Errors
    /// When the store, a key or a file cannot be used, or the clock cannot be right.
    pub async fn open(config: Config, trust: Trust) -> Result<Self, StartError> {
        wiring::open(config, Arc::new(ProcessClock::start()), trust).await
    }

    /// What an administrator may do.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Where events go.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Binds every listener.
    ///
    /// # Errors
    /// When an address or a file cannot be used.
    pub async fn listen(mut self) -> Result<Running, StartError> {
        let listener = Listener::bind(&wiring::listen(&self.config.listen))
            .await
            .map_err(StartError::io(format!(
                "cannot listen on {}",
                self.config.listen
            )))?;
        let ops = match self.config.ops.listen {
            None => None,
            Some(address) => Some(
                Listener::bind(&server::Listen::Tcp(address))
                    .await
                    .map_err(StartError::io(format!("cannot listen on {address}")))?,
            ),
        };
        self.admin = wiring::admin(
            &self.parts,
            &self.database,
            &self.config,
            &wiring::origin(&self.config, listener.local_addr()),
        );
        let socket =
            AdminSocket::bind(&self.config.data_dir).map_err(StartError::io("the admin socket"))?;
        let stopping = CancellationToken::new();
        let context = edge::context(&self, listener.local_addr(), stopping.clone())?;
        context.register(self.metrics.ours());
        Ok(Running {
            app: self,
            context: Arc::new(context),
            listener,
            ops,
            socket,
            stopping,
        })
    }

    /// Writes down what only memory knows, and ends what would go on reading the store. What is read
    /// on another thread may hold the store a while longer, so it is synced here and not left to its end.
    async fn leave_well(&self, at_once: CancellationToken) {
        let (store, sessions) = (Arc::clone(&self.database), &self.parts.sessions);
        upkeep::keep_last_endings(store, sessions, &self.audit, at_once).await;
        self.database.inner().inner().stop_walks();
        if let Err(error) = self.timekeeping.tick().await {
            tracing::error!(%error, "the time cannot be written down");
        }
        if let Err(error) = self.database.swap(&[], Durability::Synced).await {
            tracing::error!(%error, "what was done in the last moments may be lost");
        }
    }
}

/// A server whose listeners are bound.
#[derive(Debug)]
pub struct Running {
    app: App,
    context: Arc<Context>,
    listener: Listener,
    ops: Option<Listener>,
    socket: AdminSocket,
    stopping: CancellationToken,
}

impl Running {
    /// The use-cases.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where browsers connect, as they would write it.
    #[must_use]
    pub fn address(&self) -> String {
        match self.listener.local_addr() {
            Some(address) => format!("http://{address}"),
            None => self.app.config.listen.to_string(),
        }
    }

    /// Where operators connect.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref()?.local_addr()
    }

    /// Serves until `stop`, then lets what is under way end.
    pub async fn run(self, stop: Stop) {
        let Self {
            mut app,
            context,
            listener,
            ops,
            socket,
            stopping,
        } = self;
        let source = Source::command_line();
        app.audit
            .record(Event::SysStartup, &source, &Details::none());
        let chores = chores(&app);
        let admin = tokio::spawn(socket.serve(app.admin.clone(), stopping.clone()));
        let ops_done = CancellationToken::new();
        let metrics = std::mem::take(&mut app.metrics);
        let answers = Ops::new(
            Arc::clone(&app.store),
            stopping.clone(),
            metrics,
            app.audit.clone(),
        );
        let ops = ops.map(|listener| tokio::spawn(serve_ops(listener, answers, &ops_done)));
        let tunnels = context.tunnels.clone();
        let at_once = stop.at_once.clone();
        let stop = told_to_all(stop, stopping);
        let alive = tokio::spawn(supervisor::serving(Arc::clone(&app.store)));
        let settings = wiring::server(&app.config);
        let answer =
            move |request, connection| service::answer(Arc::clone(&context), request, connection);
        server::serve(listener, settings, answer, stop).await;
        tunnels.end().await;
        for chore in chores {
            chore.abort();
        }
        alive.abort();
        app.leave_well(at_once).await;
        ops_done.cancel();
        for task in [Some(admin), ops].into_iter().flatten() {
            drop(timeout(LAST_ANSWERS, task).await);
        }
        app.audit
            .record(Event::SysShutdown, &source, &Details::none());
    }
}

/// Passes on that it is time to stop: to the service manager, and to all who hold `stopping`.
fn told_to_all(stop: Stop, stopping: CancellationToken) -> Stop {
    let (asked, draining) = (stop.gently, stopping.clone());
    tokio::spawn(async move {
        asked.cancelled().await;
        draining.cancel();
        supervisor::stopping().await;
    });
    Stop {
        gently: stopping,
        at_once: stop.at_once,
    }
}

/// What is done without being asked, until it is aborted.
fn chores(app: &App) -> Vec<JoinHandle<()>> {
    let mut chores = vec![
        tokio::spawn(upkeep::sweep(
            app.parts.login.clone(),
            Arc::clone(&app.database),
            Arc::clone(&app.clock),
        )),
        tokio::spawn(upkeep::mark_time(Arc::clone(&app.timekeeping))),
        tokio::spawn(upkeep::tend(app.parts.keys.clone())),
        tokio::spawn(upkeep::heal(
            Arc::clone(&app.database),
            app.parts.sessions.clone(),
            app.audit.clone(),
        )),
        tokio::spawn(upkeep::verify(Arc::clone(&app.database))),
    ];
    if let Some(schedule) = wiring::schedule(&app.config) {
        let (backups, clock) = (app.parts.backups.clone(), Arc::clone(&app.clock));
        chores.push(tokio::spawn(schedule::run(schedule, backups, clock)));
    }
    chores
}

/// The ops listener answers while the public one drains: it says that we stop.
fn serve_ops(
    listener: Listener,
    ops: Ops,
    done: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let settings = server::Settings {
        max_connections: 64,
        drain_timeout: Duration::from_secs(1),
        ..server::Settings::default()
    };
    let answer = move |request, connection| ops.clone().answer(request, connection);
    let stop = Stop {
        gently: done.clone(),
        at_once: CancellationToken::new(),
    };
    server::serve(listener, settings, answer, stop)
}
