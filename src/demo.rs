//! The demo: a sample app without any login, a throw-away data folder, a first user.

use crate::admin::profile::ProfileChange;
use crate::admin::view::InvitationView;
use crate::admin::{Admin, Answer, Command, CommandError};
use crate::config::Config;
use crate::secret::random;
use data_encoding::HEXLOWER;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use maud::{DOCTYPE, html};
use std::convert::Infallible;
use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// A folder that is gone when the demo is.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder that only we can look into.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn create() -> io::Result<Self> {
        let name = format!("vestibule-demo-{}", HEXLOWER.encode(&random::<8>()));
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a folder for temporary files goes away by itself, in time.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The configuration of the demo.
///
/// # Errors
/// Why it could not be used.
pub fn config(
    listen: SocketAddr,
    app: SocketAddr,
    folder: &Path,
) -> Result<Config, crate::config::Problems> {
    let audit = folder.join("audit.jsonl");
    let text = format!(
        "listen = \"{listen}\"\n\
         data_dir = {folder:?}\n\
         [portal]\n\
         title = \"Vestibule demo\"\n\
         [log]\n\
         level = \"warn\"\n\
         audit_file = {audit:?}\n\
         [ops]\n\
         listen = \"off\"\n\
         [[upstream]]\n\
         url = \"http://{app}\"\n"
    );
    Ok(Config::from_toml(&text)?.config)
}

/// Adds the first user.
///
/// # Errors
/// When the store fails.
pub async fn first_user(admin: &Admin) -> Result<InvitationView, CommandError> {
    let added = admin.execute(Command::UserAdd {
        name: "ada".to_owned(),
        profile: ProfileChange {
            email: Some("ada@example.com".to_owned()),
            display_name: Some("Ada Lovelace".to_owned()),
            groups: Some(vec!["admin".to_owned(), "analysts".to_owned()]),
        },
        password: None,
    });
    match added.await? {
        Answer::User {
            invitation: Some(invitation),
            ..
        } => Ok(invitation),
        Answer::Done {}
        | Answer::Backup { .. }
        | Answer::Keys { .. }
        | Answer::Sessions { .. }
        | Answer::Store { .. }
        | Answer::User { .. }
        | Answer::Users { .. } => Err(CommandError::Invalid("no invitation was made".to_owned())),
    }
}

/// Starts the sample app on a free port of the loopback address.
///
/// # Errors
/// When there is none.
pub async fn start_app() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let service =
                service_fn(|request| std::future::ready(Ok::<_, Infallible>(page(&request))));
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

/// The one page of the sample app: what it was told about its visitor.
fn page<B>(request: &Request<B>) -> Response<Full<bytes::Bytes>> {
    let headers = request.headers();
    let who = text(headers, "remote-name");
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Sample app" }
                style { (STYLE) }
            }
            body {
                main {
                    h1 { "Hello, " (if who.is_empty() { "stranger" } else { who }) }
                    p { "This app has no login of its own. It believes these headers, because only the gate can reach it:" }
                    dl {
                        @for name in ["remote-user", "remote-name", "remote-email", "remote-groups", "x-vestibule-assertion"] {
                            dt { (name) }
                            dd { code { (text(headers, name)) } }
                        }
                    }
                    p { a href="/_vestibule/account" { "Your account" } " \u{b7} " a href="/_vestibule/logout" { "Sign out" } }
                }
            }
        }
    };
    let mut response = Response::new(Full::new(document.into_string().into()));
    let own = response.headers_mut();
    own.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    own.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

const STYLE: &str = "body{font:1.05rem/1.6 system-ui,sans-serif;margin:0;padding:2rem 1rem}\
main{max-width:44rem;margin:auto}dt{font-weight:600;margin-top:1rem}dd{margin:0;overflow-wrap:anywhere}";
