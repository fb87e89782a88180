//! Which configuration value goes where among the use-cases.

use crate::accounts::{self, Accounts};
use crate::admin::Admin;
use crate::app::{App, StartError};
use crate::audit::Audit;
use crate::authn::lockout::Ceiling;
use crate::authn::password::Params;
use crate::authn::password::policy::Policy as PasswordPolicy;
use crate::authn::session::record::Lifetimes;
use crate::authn::totp::Skew;
use crate::backups::schedule::Schedule;
use crate::backups::{self, Backups};
use crate::clock::{Clock, ProcessClock};
use crate::config::{self, Config};
use crate::enrol::{self, Enrol};
use crate::gate::Generations;
use crate::hashing::{self, Pool};
use crate::identity::key::Algorithm;
use crate::identity::ring;
use crate::login::device::DeviceKey;
use crate::login::limits::{Limits, NETWORK};
use crate::login::{self, EnrolmentMode, Login};
use crate::metrics::{Metrics, number, reading};
use crate::rate_limit::{Limit, Rate};
use crate::secret::Key;
use crate::server::{self, descriptors};
use crate::sessions::Sessions;
use crate::signing_keys::{self, KeyError, SigningKeys};
use crate::store::Store;
use crate::store::data_folder::{DataFolder, OpenStore};
use crate::store::measured::Measured;
use crate::store::observed::Observed;
use crate::store::table::Table;
use crate::timekeeping::{Timekeeping, Trust};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// The use-cases, and what the edge needs beside them.
#[derive(Debug)]
pub(in crate::app) struct UseCases {
    pub(in crate::app) accounts: Accounts,
    pub(in crate::app) login: Login,
    pub(in crate::app) enrol: Enrol,
    pub(in crate::app) sessions: Sessions,
    pub(in crate::app) backups: Backups,
    pub(in crate::app) generations: Arc<Generations>,
    pub(in crate::app) hashing: Pool,
    pub(in crate::app) master_key: Key,
    pub(in crate::app) keys: SigningKeys,
}

/// Opens the store and builds what works on it.
pub(in crate::app) async fn open(
    config: Config,
    process: Arc<ProcessClock>,
    trust: Trust,
) -> Result<App, StartError> {
    let clock: Arc<dyn Clock> = Arc::clone(&process) as _;
    let audit = audit(&config, &clock)?;
    let opened = DataFolder::open(
        &config.data_dir,
        &config.storage.master_key_file,
        Arc::clone(&clock),
    )
    .await?;
    let database: Arc<OpenStore> = Arc::new(Observed::new(opened.store));
    let generations = Arc::new(Generations::default());
    database.watch(Arc::clone(&generations) as _);
    let mut metrics = Metrics::new();
    let store: Arc<dyn Store> = Arc::new(Measured::new(Arc::clone(&database) as _, metrics.ours()));
    let backups = Backups::new(backups::Parts {
        store: Arc::clone(&database) as _,
        instance: opened.instance,
        master_key: opened.master_key.clone(),
        audit: audit.clone(),
        clock: Arc::clone(&clock),
    });
    // First of all that reads a time from the store.
    let timekeeping = Timekeeping::resume(Arc::clone(&store), process, audit.clone(), trust);
    let timekeeping = Arc::new(timekeeping.await?);
    let keys = keys(&config.identity, &store, &audit, &clock).await?;
    let parts = use_cases(
        &config,
        &store,
        backups,
        opened.master_key,
        keys,
        generations,
        &audit,
        &clock,
    )?;
    let admin = admin(&parts, &database, &config, &origin(&config, None));
    let now = Arc::clone(&clock);
    reading(
        metrics.ours(),
        "time_seconds",
        "The time that codes and sessions are judged by, since the Unix epoch",
        move || number(usize::try_from(now.now().0).ok()?),
    );
    audit.register(metrics.ours());
    parts.login.register(metrics.ours());
    parts.hashing.register(metrics.ours());
    parts.keys.register(metrics.ours());
    parts.backups.register(metrics.ours());
    Ok(App {
        config,
        store,
        database,
        clock,
        timekeeping,
        audit,
        parts,
        admin,
        metrics,
    })
}

async fn keys(
    identity: &config::Identity,
    store: &Arc<dyn Store>,
    audit: &Audit,
    clock: &Arc<dyn Clock>,
) -> Result<SigningKeys, KeyError> {
    let algorithm = match identity.algorithm {
        config::Algorithm::Es256 => Algorithm::Es256,
        config::Algorithm::EdDsa => Algorithm::EdDsa,
    };
    let parts = signing_keys::Parts {
        store: Arc::clone(store),
        policy: ring::Policy {
            algorithm,
            rotate: identity.rotate_keys,
        },
        audit: audit.clone(),
        clock: Arc::clone(clock),
    };
    SigningKeys::open(parts).await
}

pub(crate) fn audit(config: &Config, clock: &Arc<dyn Clock>) -> Result<Audit, StartError> {
    match &config.log.audit_file {
        None => Ok(Audit::to_log(Arc::clone(clock))),
        Some(path) => Audit::to_file(Arc::clone(clock), path)
            .map_err(StartError::io(path.display().to_string())),
    }
}

#[expect(clippy::too_many_arguments, reason = "wiring names every part once")]
fn use_cases(
    config: &Config,
    store: &Arc<dyn Store>,
    backups: Backups,
    master_key: Key,
    keys: SigningKeys,
    generations: Arc<Generations>,
    audit: &Audit,
    clock: &Arc<dyn Clock>,
) -> Result<UseCases, StartError> {
    let lifetimes = Lifetimes {
        absolute: config.session.lifetime,
        idle: config.session.idle,
    };
    let sessions = Sessions::new(
        Table::new(Arc::clone(store)),
        Arc::clone(clock),
        lifetimes,
        config.session.max_per_user,
    );
    let hashing = hashing(&config.password)?;
    let accounts = Accounts::new(accounts::Parts {
        store: Arc::clone(store),
        sessions: sessions.clone(),
        hashing: hashing.clone(),
        policy: PasswordPolicy {
            min_length: config.password.min_length,
            max_length: config.password.max_length,
        },
        context: password_context(config),
        invitation_lifetime: config.invitation.lifetime,
        audit: audit.clone(),
        clock: Arc::clone(clock),
    });
    let login = login(
        config,
        store,
        &accounts,
        &sessions,
        &hashing,
        &master_key,
        audit,
        clock,
    );
    let enrol = Enrol::new(enrol::Parts {
        accounts: accounts.clone(),
        transactions: Table::new(Arc::clone(store)),
        login: login.clone(),
        hashing: hashing.clone(),
        skew: skew(config),
        issuer: config.totp.issuer.clone(),
        audit: audit.clone(),
        clock: Arc::clone(clock),
    });
    Ok(UseCases {
        accounts,
        login,
        enrol,
        sessions,
        backups,
        generations,
        hashing,
        master_key,
        keys,
    })
}

#[expect(clippy::too_many_arguments, reason = "wiring names every part once")]
fn login(
    config: &Config,
    store: &Arc<dyn Store>,
    accounts: &Accounts,
    sessions: &Sessions,
    hashing: &Pool,
    master_key: &Key,
    audit: &Audit,
    clock: &Arc<dyn Clock>,
) -> Login {
    Login::new(login::Parts {
        accounts: accounts.clone(),
        transactions: Table::new(Arc::clone(store)),
        sessions: sessions.clone(),
        hashing: hashing.clone(),
        limits: limits(&config.throttle),
        ceiling: ceiling(config),
        devices: DeviceKey::new(master_key.derive("device"), config.session.device_lifetime),
        skew: skew(config),
        enrolment: match config.totp.enrolment {
            config::EnrolmentMode::Invite => EnrolmentMode::Invite,
            config::EnrolmentMode::FirstSignIn => EnrolmentMode::FirstSignIn,
        },
        refused_after: hashing.leveling_time(),
        audit: audit.clone(),
        clock: Arc::clone(clock),
    })
}

fn hashing(password: &config::Password) -> Result<Pool, StartError> {
    let memory = u32::try_from(password.memory / 1024).unwrap_or(u32::MAX);
    let params = Params::new(memory, password.iterations, password.parallelism)
        .map_err(|error| StartError::Value(error.to_string()))?;
    let limits = hashing::Limits {
        threads: password.hashing_threads,
        queue: password.hashing_queue,
        ..hashing::Limits::default()
    };
    Ok(Pool::new(limits, params))
}

fn skew(config: &Config) -> Skew {
    if config.totp.skew == 0 {
        Skew::Strict
    } else {
        Skew::OneStep
    }
}

pub(crate) fn ceiling(config: &Config) -> Ceiling {
    Ceiling {
        passwords: config.throttle.max_failures,
        codes: config.throttle.max_code_failures,
    }
}

fn password_context(config: &Config) -> Vec<String> {
    let mut words = vec![
        "vestibule".to_owned(),
        config.portal.title.clone(),
        config.totp.issuer.clone(),
    ];
    words.extend(config.public_url.host().split('.').map(str::to_owned));
    words
}

fn limits(throttle: &config::Throttle) -> Limits {
    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);
    // Far more than anyone who has a code to type needs.
    const STEP_UPS: u32 = 30;
    let slots = u32::try_from(throttle.max_keys)
        .ok()
        .and_then(NonZeroU32::new);
    let slots = slots.unwrap_or(NonZeroU32::MAX);
    let limit = |burst: u32, period: Duration| {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Limit::new(Rate { burst, period }, slots)
    };
    // As many at once as in the whole time, and each of them back after its share of it.
    let within = |times: u32, time: Duration| limit(times, time / times.max(1));
    Limits {
        address_minute: within(throttle.logins_per_minute, MINUTE),
        address_hour: within(throttle.logins_per_hour, HOUR),
        network_minute: within(throttle.logins_per_minute.saturating_mul(NETWORK), MINUTE),
        network_hour: within(throttle.logins_per_hour.saturating_mul(NETWORK), HOUR),
        account: limit(throttle.free_attempts, throttle.delay),
        known: limit(throttle.free_attempts, throttle.delay),
        codes: within(throttle.codes_per_hour, HOUR),
        backup_codes: within(throttle.backup_codes_per_hour, HOUR),
        step_ups: within(STEP_UPS, MINUTE),
    }
}

/// The origin that browsers see; with port 0 the real one is known only once we listen.
pub(in crate::app) fn origin(config: &Config, bound: Option<SocketAddr>) -> String {
    let mut url = config.public_url.url().clone();
    match bound {
        Some(bound) if url.port() == Some(0) && url.set_port(Some(bound.port())).is_ok() => {
            url.origin().ascii_serialization()
        }
        Some(_) | None => config.public_url.as_str().to_owned(),
    }
}

pub(in crate::app) fn admin(
    parts: &UseCases,
    database: &Arc<OpenStore>,
    config: &Config,
    origin: &str,
) -> Admin {
    let invite_url = format!("{origin}{}/invite/", config.portal.path);
    Admin::new(
        parts.accounts.clone(),
        parts.keys.clone(),
        invite_url,
        ceiling(config),
    )
    .on_disk(Arc::clone(database), parts.backups.clone())
}

/// When backups are made; `None` when they are made by hand alone.
pub(in crate::app) fn schedule(config: &Config) -> Option<Schedule> {
    let backup = &config.backup;
    Some(Schedule {
        folder: backup.folder.clone()?,
        every: backup.every,
        keep: backup.keep,
    })
}

pub(in crate::app) fn listen(listen: &config::Listen) -> server::Listen {
    match listen {
        config::Listen::Tcp(address) => server::Listen::Tcp(*address),
        config::Listen::Unix(path) => server::Listen::Unix(path.clone()),
    }
}

pub(in crate::app) fn server(config: &Config) -> server::Settings {
    let proxy = &config.proxy;
    let room = descriptors::room(config.upstreams.len());
    if room < proxy.max_connections {
        tracing::warn!(
            "the limit of open files leaves room for {room} connections, not for the {} of proxy.max_connections",
            proxy.max_connections
        );
    }
    server::Settings {
        max_connections: proxy.max_connections.min(room),
        max_connections_per_address: proxy.max_connections_per_address,
        shared_addresses: config.trusted_proxies.clone(),
        head_timeout: proxy.header_timeout,
        idle_timeout: proxy.idle_timeout,
        drain_timeout: proxy.drain_timeout,
        max_headers: proxy.max_headers,
        ..server::Settings::default()
    }
}
