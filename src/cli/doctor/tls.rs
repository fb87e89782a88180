//! TLS as a browser on this machine would do it, with the system's authorities or those of a file.

use crate::cli::Failure;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A certificate that ends sooner is worth a word: renewals that work come earlier.
pub(in crate::cli::doctor) const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The name of HTTP/2 in a handshake (RFC 9113, 3.2).
pub(in crate::cli::doctor) const HTTP_2: &[u8] = b"h2";

/// When the certificate is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum When {
    /// As it is.
    Now,
    /// As it will be after [`SOON`].
    Soon,
}

impl TimeProvider for When {
    fn current_time(&self) -> Option<UnixTime> {
        let now = Duration::from_secs(UnixTime::now().as_secs());
        Some(UnixTime::since_unix_epoch(match self {
            Self::Now => now,
            Self::Soon => now + SOON,
        }))
    }
}

/// The authorities that are believed.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Those of `file`, else those of the system; some have to be there.
    pub(in crate::cli::doctor) fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let certificates = match file {
            Some(file) => read(file)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(Failure::usage(match file {
                Some(file) => format!(
                    "error: {} holds no certificate\nhint: --ca-file takes the certificates of authorities, in PEM",
                    file.display()
                ),
                None => "error: this system knows no certificate authority\nhint: install ca-certificates, or name a file with --ca-file".to_owned(),
            }));
        }
        Ok(Self(Arc::new(store)))
    }

    /// Nobody, for those who speak plain http.
    pub(in crate::cli::doctor) fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// How to speak TLS, judging certificates as of `when`. Who only looks offers HTTP/2, too; requests are HTTP/1.1.
    pub(in crate::cli::doctor) fn client(&self, when: When) -> Result<Arc<ClientConfig>, Failure> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(when))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::running(error, "this build of vestibule cannot speak TLS"))?
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth();
        if when == When::Soon {
            config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        }
        Ok(Arc::new(config))
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let bad = |error: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "error: cannot read {}: {error}\nhint: --ca-file takes the certificates of authorities, in PEM",
            file.display()
        ))
    };
    let text = std::fs::read(file).map_err(|error| bad(&error))?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(&error))
}
