//! The system's own store of secrets. On Linux this is the kernel's keyring, which forgets at a restart of the machine.
//!
//! Tests: `tests/commands/keys.rs` with a store in memory; the system's own is not touched by tests.

use super::secret::Secret;
use thiserror::Error;

/// Under which service the entries stand.
const SERVICE: &str = "carry";

/// Why the store did not do what was asked. The store's own words may hold a secret and are left out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RingError {
    /// No such entry.
    #[error("the system's key store has no secret of that name; add the key again")]
    Missing,
    /// Nothing to be had from it.
    #[error("the system's key store cannot be used here; use --store file")]
    Unusable,
}

/// A store of secrets by name: the system's, or one in memory for tests.
pub trait Ring {
    /// The secret of a name.
    ///
    /// # Errors
    /// [`RingError`] when there is none or the store cannot be used.
    fn get(&self, name: &str) -> Result<Secret, RingError>;

    /// Keeps a secret.
    ///
    /// # Errors
    /// [`RingError`] when it is not kept.
    fn put(&self, name: &str, secret: &Secret) -> Result<(), RingError>;

    /// Forgets a secret; one that is not there is forgotten already.
    ///
    /// # Errors
    /// [`RingError`] when the store cannot be used.
    fn remove(&self, name: &str) -> Result<(), RingError>;
}

/// The system's store.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRing;

impl SystemRing {
    fn entry(name: &str) -> Result<keyring::Entry, RingError> {
        keyring::Entry::new(SERVICE, name).map_err(|_| RingError::Unusable)
    }
}

impl Ring for SystemRing {
    fn get(&self, name: &str) -> Result<Secret, RingError> {
        match Self::entry(name)?.get_password() {
            Ok(text) => Ok(Secret::new(text)),
            Err(keyring::Error::NoEntry) => Err(RingError::Missing),
            Err(_) => Err(RingError::Unusable),
        }
    }

    fn put(&self, name: &str, secret: &Secret) -> Result<(), RingError> {
        Self::entry(name)?.set_password(secret.expose()).map_err(|_| RingError::Unusable)
    }

    fn remove(&self, name: &str) -> Result<(), RingError> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(_) => Err(RingError::Unusable),
        }
    }
}
