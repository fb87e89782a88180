//! Vestibule: a login in front of any web app.
//!
//! The module list below is the architecture: **a module may use only the modules listed
//! below it**, at the root and in every folder. `tests/layering.rs` holds it.
//!
//! | layer | modules | knows |
//! |---|---|---|
//! | command line | [`cli`], [`demo`] | arguments, exit status, words for people |
//! | wiring | [`app`], [`telemetry`], [`config`] | which value goes where |
//! | edge | [`server`], [`web`], [`admin`] | sockets, HTTP, pages, commands |
//! | use-cases | [`gate`], [`enrol`], [`login`], [`backups`], [`accounts`], [`sessions`], [`signing_keys`], [`timekeeping`] | load, ask the core, store, record |
//! | services | [`rate_limit`], [`audit`], [`store`], [`hashing`], [`metrics`] | quotas, events, disk, memory, counters |
//! | core | [`identity`], [`authz`], [`authn`] | who is asking, may they, what the app is told; pure, no I/O |
//! | ground | [`clock`], [`secret`] | the only time, the only randomness |
//!
//! # One request
//!
//! [`server`] accepts and hyper parses; [`web::service`] reads the request once
//! ([`web::request::Inbound`]) and routes it ([`web::route`]). For the app, [`web::proxy`] asks
//! [`gate::Gate::check`], which resumes the session and asks [`authz::decide`]. Allowed: a
//! [`identity::Pass`] goes into [`web::upstream::UpstreamRequest`], the only way to the app.
//! Challenged: to the login page, whose steps are [`login`] and [`enrol`]. Another proxy that asks about a request
//! ([`web::auth_check`]) hears what the same gate says.
//!
//! # The chain of custody
//!
//! Each arrow is one function; each type has private fields, and the compiler holds the order.
//!
//! ```text
//! Password --verify--> PasswordVerified --begin--> FirstFactorSession --finish(SecondFactorVerified)--> Session
//! SessionRecord --resume--> Session --authz::decide--> Permit --identified--> Pass
//! (request, Pass) --UpstreamRequest::new--> UpstreamRequest --send-->
//! ```
//!
//! The [`manual`] has the threats, the decisions, and every number.

pub mod manual;
pub mod cli;
pub mod demo;
pub mod app;
pub mod telemetry;
pub mod config;
pub mod server;
pub mod web;
pub mod admin;
pub mod gate;
pub mod enrol;
pub mod login;
pub mod backups;
pub mod accounts;
pub mod sessions;
pub mod signing_keys;
pub mod timekeeping;
pub mod rate_limit;
pub mod audit;
pub mod store;
pub mod hashing;
pub mod metrics;
pub mod identity;
pub mod authz;
pub mod authn;
pub mod clock;
pub mod secret;
