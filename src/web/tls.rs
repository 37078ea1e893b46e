//! Encryption of the page: a certificate and its key from one PEM file of mode 0600, which the person brings.

use super::server::WebError;
use crate::keys::file::{Guard, read_secret};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What encrypts with the certificate of a file.
///
/// # Errors
/// [`WebError::Tls`] when the file is not there, lets others read it, or holds no certificate with its key.
pub fn acceptor(path: &Path) -> Result<TlsAcceptor, WebError> {
    let failed = |why: String| WebError::Tls { path: path.to_owned(), why };
    let bytes = read_secret(path, Guard::Private).map_err(|error| failed(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| failed("is not there".to_owned()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|_| failed("holds a certificate that cannot be read".to_owned()))?;
    if chain.is_empty() {
        return Err(failed("holds no certificate; expected the chain and its key in one PEM file".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| failed("holds no private key".to_owned()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
