//! The HTTP edge.

pub mod service;
pub mod ops;
pub mod proxy;
pub mod auth_check;
mod portal;
pub mod challenge;
pub mod context;
pub mod access;
pub mod bounces;
pub mod outsiders;
pub mod tally;
pub mod respond;
pub mod cors;
pub mod page;
pub mod csrf;
pub mod cookie;
pub mod return_to;
pub mod route;
pub mod tunnels;
pub mod upstream;
pub mod request;
pub mod body;
mod activity;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

/// An error that ends a body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Every response body of ours, and every request body on its way to the app.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
