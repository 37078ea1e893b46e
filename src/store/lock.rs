//! One process per state folder, and one per account of a venue (I13).
//!
//! Two things hold a folder: a lock on its file, and a name that the system keeps for the folder itself, so that a lock file
//! that somebody deletes lets nobody in (finding L22). An account is held by the same kind of name, whichever folder or copy
//! of a folder works on it. The system lets go of both when the process ends, however it ends. On another machine nothing of
//! this is seen: there the venue's own orders tell (fault G15). Tests: `tests/suite/store.rs`.

use super::home::Held;
use super::schema::StoreError;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held while a process works on a state folder.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
    _name: Name,
}

impl StateLock {
    /// Takes the lock of a folder, which is made when it does not exist.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; [`StoreError::Io`] when the folder cannot be used.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        super::reserve::make_room(folder);
        let in_use = || StoreError::InUse { folder: folder.to_owned() };
        let name = Name::take(&format!("state {}", identity(folder).map_err(io)?)).map_err(io)?.ok_or_else(in_use)?;
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                // The file of the lock may have been deleted under a run that goes on.
                Held::check(&folder.join("ledger.sqlite"))?;
                Ok(Self { _file: file, _name: name })
            }
            Err(TryLockError::WouldBlock) => Err(in_use()),
            Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
        }
    }
}

/// Held while a process trades on an account of a venue.
#[derive(Debug)]
pub struct AccountLock {
    _name: Name,
}

impl AccountLock {
    /// Takes an account: `venue` is the address of its host, `account` the public part of its key or its wallet.
    ///
    /// # Errors
    /// [`StoreError::AccountInUse`] when another process of this machine trades on it.
    pub fn take(venue: &str, account: &str) -> Result<Self, StoreError> {
        let in_use = || StoreError::AccountInUse { venue: venue.to_owned() };
        match Name::take(&format!("account {venue} {account}")) {
            Ok(name) => name.map(|name| Self { _name: name }).ok_or_else(in_use),
            Err(source) => Err(StoreError::Io { path: venue.into(), source }),
        }
    }
}

/// What a folder is to the system, whatever path leads to it.
fn identity(folder: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(folder)?;
    Ok(format!("{}:{}", found.dev(), found.ino()))
}

/// A name that one process of the machine has; on systems without such names everybody has it.
#[derive(Debug)]
struct Name {
    #[cfg(target_os = "linux")]
    _socket: std::os::unix::net::UnixListener,
}

impl Name {
    /// `None` when another process has it. What the name is made of cannot be read from it.
    fn take(of: &str) -> std::io::Result<Option<Self>> {
        let mut digest = String::with_capacity(32);
        for byte in Sha256::digest(of).iter().take(16) {
            let _ = write!(digest, "{byte:02x}");
        }
        Self::bind(&format!("carry-{digest}"))
    }

    #[cfg(target_os = "linux")]
    fn bind(name: &str) -> std::io::Result<Option<Self>> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixListener};
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(socket) => Ok(Some(Self { _socket: socket })),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn bind(_name: &str) -> std::io::Result<Option<Self>> {
        Ok(Some(Self {}))
    }
}
