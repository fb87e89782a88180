//! Which configuration value goes where at the edge: rules, routes, cookies, pages.

use crate::app::rules::{hosts, rules};
use crate::app::{App, StartError, wiring};
use crate::config::{self, Config};
use crate::gate::{self, Gate};
use crate::identity::Names;
use crate::identity::signer::Issuer;
use crate::web::access::AccessLog;
use crate::web::bounces::Bounces;
use crate::web::context::{Asset, Context, Look, Place};
use crate::web::cookie::{Jar, Transport};
use crate::web::cors::Origins;
use crate::web::csrf::Csrf;
use crate::web::outsiders::Outsiders;
use crate::web::page::asset;
use crate::web::return_to::{Allowed, Shared};
use crate::web::tally::Tally;
use crate::web::tunnels::Tunnels;
use crate::web::{body, request, upstream};
use bytes::Bytes;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the edge answers with.
pub(in crate::app) fn context(
    app: &App,
    bound: Option<SocketAddr>,
    stopping: CancellationToken,
) -> Result<Context, StartError> {
    let (config, parts) = (&app.config, &app.parts);
    let place = place(config, wiring::origin(config, bound));
    let jar = Jar::new(
        &config.session.cookie_name,
        config.session.cookie_domain.clone(),
        place.transport,
    );
    let policy = Arc::new(header_policy(config, &jar, &place));
    Ok(Context {
        gate: Arc::new(gate(app, &place)),
        accounts: parts.accounts.clone(),
        login: parts.login.clone(),
        enrol: parts.enrol.clone(),
        min_password: config.password.min_length,
        clock: Arc::clone(&app.clock),
        routes: routes(config, &policy),
        limits: request::Settings {
            trusted_proxies: config.trusted_proxies.clone(),
            max_head: config.proxy.max_header_bytes,
            max_headers: config.proxy.max_headers,
            max_target: config.proxy.max_target,
        },
        keys: parts.keys.clone(),
        bounces: Bounces::default(),
        outsiders: Outsiders::default(),
        csrf: Csrf::new(parts.master_key.derive("csrf")),
        allowed: Allowed::new(
            origins(config, &place),
            shared(config),
            place.portal.clone(),
        ),
        cors: Origins::new(config.access.cors_origins.clone()),
        look: look(config, &place)?,
        jar,
        place,
        audit: app.audit.clone(),
        tally: Tally::default(),
        access: match config.log.access {
            config::AccessLog::Off => AccessLog::Off,
            config::AccessLog::On => AccessLog::On,
        },
        tunnels: Tunnels::new(config.proxy.max_tunnels_per_user),
        stopping,
    })
}

fn place(config: &Config, origin: String) -> Place {
    Place {
        origin,
        host: config.public_url.host().to_owned(),
        hosts: hosts(config),
        domain: config.session.cookie_domain.clone(),
        portal: config.portal.path.clone(),
        transport: if config.public_url.is_https() {
            Transport::Tls
        } else {
            Transport::Plain
        },
    }
}

fn gate(app: &App, place: &Place) -> Gate {
    let (config, parts) = (&app.config, &app.parts);
    let identity = &config.identity;
    // An audience that was not said is the public address, whose port may only be known now.
    let audience = if identity.audience == config.public_url.as_str() {
        place.origin.clone()
    } else {
        identity.audience.clone()
    };
    Gate::new(gate::Parts {
        accounts: parts.accounts.clone(),
        sessions: parts.sessions.clone(),
        generations: Arc::clone(&parts.generations),
        rules: rules(&config.access),
        issuer: Issuer::new(place.origin.clone(), audience, identity.lifetime),
        keys: parts.keys.clone(),
        names: names(identity),
        clock: Arc::clone(&app.clock),
    })
}

fn names(identity: &config::Identity) -> Names {
    Names {
        user: identity.headers.user.clone(),
        name: identity.headers.name.clone(),
        email: identity.headers.email.clone(),
        groups: identity.headers.groups.clone(),
        assertion: identity.assertion_header.clone(),
    }
}

/// Our own origin, and those of the apps' hosts, which share our scheme and port. Behind another proxy the
/// rules alone name apps.
fn origins(config: &Config, place: &Place) -> Vec<String> {
    let mut origins = vec![place.origin.clone()];
    let apps = config
        .upstreams
        .iter()
        .filter_map(|app| app.host.as_deref());
    let rules = config.access.rules.iter().flat_map(|rule| &rule.hosts);
    let named = rules
        .map(String::as_str)
        .filter(|host| !host.starts_with("*."));
    for host in apps.chain(named) {
        let mut url = config.public_url.url().clone();
        let origin = url
            .set_host(Some(host))
            .map(|()| url.origin().ascii_serialization());
        if let Some(origin) = origin.ok().filter(|origin| !origins.contains(origin)) {
            origins.push(origin);
        }
    }
    origins
}

/// The hosts that share the sign-in, if there are any.
fn shared(config: &Config) -> Option<Shared> {
    let url = config.public_url.url();
    Some(Shared {
        scheme: url.scheme().to_owned(),
        domain: config.session.cookie_domain.clone()?,
        port: url.port(),
    })
}

fn header_policy(config: &Config, jar: &Jar, place: &Place) -> upstream::Policy {
    let by_method = config
        .access
        .rules
        .iter()
        .any(|rule| !rule.methods.is_empty());
    upstream::Policy {
        names: names(&config.identity),
        cookies: jar.names().map(str::to_owned).to_vec(),
        underscores: match config.proxy.underscore_headers {
            config::UnderscoreHeaders::Drop => upstream::Underscores::Drop,
            config::UnderscoreHeaders::Keep => upstream::Underscores::Keep,
        },
        method_override: if by_method {
            upstream::MethodOverride::Drop
        } else {
            upstream::MethodOverride::Keep
        },
        origins: origins(config, place),
    }
}

fn routes(config: &Config, policy: &Arc<upstream::Policy>) -> upstream::Routes {
    let settings = config.upstreams.iter().map(|app| upstream::Settings {
        host: app.host.clone(),
        path: app.path.clone(),
        connect_timeout: app.connect_timeout,
        response_timeout: app.response_timeout,
        idle_timeout: app.idle_timeout,
        max_connections: app.max_connections,
        max_connections_per_user: app.max_connections_per_user,
        tunnel_idle_timeout: config.proxy.tunnel_idle_timeout,
        request_body: body::Limits {
            bytes: app.max_body,
            idle: config.proxy.body_idle_timeout,
            ..body::Limits::default()
        },
        host_header: if app.preserve_host {
            upstream::HostHeader::Preserve
        } else {
            upstream::HostHeader::Upstream
        },
        ..upstream::Settings::new(address(&app.url))
    });
    upstream::Routes::new(settings, policy)
}

fn address(url: &config::UpstreamUrl) -> upstream::Address {
    match url {
        config::UpstreamUrl::Http { host, port } => upstream::Address::Tcp {
            host: host.to_string(),
            port: *port,
        },
        config::UpstreamUrl::Unix(path) => upstream::Address::Unix(path.clone()),
    }
}

fn look(config: &Config, place: &Place) -> Result<Look, StartError> {
    let base = format!("{}/assets/", config.portal.path);
    let file = |name: String, kind, content: Bytes| Asset {
        path: format!("{base}{name}"),
        name,
        kind,
        content,
    };
    let style = asset::style(asset::Accent(config.portal.accent.0));
    let script = asset::script();
    let portal = &config.portal;
    Ok(Look {
        title: portal.title.clone(),
        form_action: form_action(config, place),
        support_link: portal.support_link.as_ref().map(ToString::to_string),
        style: file(style.name, style.media_type, style.text.into()),
        script: file(script.name, script.media_type, script.text.into()),
        logo: match &portal.logo_file {
            None => None,
            Some(path) => {
                let (kind, content) = logo(path)?;
                let digest = data_encoding::HEXLOWER.encode(&crate::secret::sha256(&content)[..8]);
                Some(file(format!("logo-{digest}"), kind, content.into()))
            }
        },
    })
}

fn form_action(config: &Config, place: &Place) -> String {
    let origins = origins(config, place);
    // Ours is not "self" on the pages of another host.
    let ours_alone = origins.len() == 1;
    let others = origins.into_iter().skip(usize::from(ours_alone));
    let shared = shared(config)
        .into_iter()
        .flat_map(|shared| shared.sources());
    others
        .chain(shared)
        .fold("form-action 'self'".to_owned(), |list, source| {
            format!("{list} {source}")
        })
}

/// The longest logo, in bytes.
const LONGEST_LOGO: u64 = 1024 * 1024;

fn logo(path: &Path) -> Result<(&'static str, Vec<u8>), StartError> {
    let shown = || path.display().to_string();
    let size = std::fs::metadata(path)
        .map_err(StartError::io(shown()))?
        .len();
    if size > LONGEST_LOGO {
        return Err(StartError::Value(format!(
            "{} is longer than 1 MiB",
            shown()
        )));
    }
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let kind = match ending.to_ascii_lowercase().as_str() {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        _ => {
            return Err(StartError::Value(format!(
                "{} is no SVG, PNG, JPEG or WebP image",
                shown()
            )));
        }
    };
    Ok((kind, std::fs::read(path).map_err(StartError::io(shown()))?))
}
