//! One process per state folder (I13).

use super::home::Held;
use super::schema::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held while a process works on a state folder; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
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
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {
                // The file of the lock may have been deleted under a run that goes on.
                Held::check(&folder.join("ledger.sqlite"))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { folder: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
        }
    }
}
