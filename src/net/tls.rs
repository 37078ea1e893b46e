//! Which certificates are believed: the built-in web roots, and on loopback a test's own (faults D05, X25).
//!
//! The system's store and the environment are not asked, and there is no switch that skips a check.

use super::{hosts::Site, quiet};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use thiserror::Error;

/// A certificate that a test believes, for loopback alone.
#[derive(Debug, Clone)]
pub struct TestRoot(CertificateDer<'static>);

impl TestRoot {
    /// From one certificate in PEM.
    ///
    /// # Errors
    /// [`TlsError::BadRoot`] when it is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        CertificateDer::from_pem_slice(pem).map(Self).map_err(|error| TlsError::BadRoot(quiet(&error.to_string())))
    }
}

/// Why the settings for TLS cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// A test's certificate for a host that is not this machine.
    #[error("{0}: a certificate of one's own is believed on loopback only")]
    RootForStranger(String),
    /// It is no certificate.
    #[error("the certificate cannot be read: {0}")]
    BadRoot(String),
    /// The provider does not have the versions of TLS.
    #[error("TLS cannot be set up: {0}")]
    Provider(String),
}

/// Settings for one site: TLS 1.2 and 1.3 on ring, HTTP/1.1 alone.
pub(crate) fn client_config(site: &Site, test_root: Option<&TestRoot>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    match test_root {
        Some(_) if !site.is_loopback() => return Err(TlsError::RootForStranger(site.to_string())),
        Some(TestRoot(root)) => {
            roots.add(root.clone()).map_err(|error| TlsError::BadRoot(quiet(&error.to_string())))?;
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Provider(quiet(&error.to_string())))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
