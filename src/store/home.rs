//! Where a ledger lives, and who writes it: a lock on the open file itself, and its place on the disk (faults G15, G16, L22).
//!
//! The lock of the folder can be deleted by a tidy person; this one goes with the ledger. A copy is noticed by the place that
//! the ledger remembers. Tests: `tests/suite/store.rs`.

use super::schema::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The lock of one ledger, held while its writer has it open.
#[derive(Debug)]
pub struct Held {
    file: File,
}

impl Held {
    /// Takes it; the file is made when there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process writes this very file.
    pub fn take(ledger: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: ledger.to_owned(), source };
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(ledger).map_err(io)?;
        lock(&file, ledger)?;
        Ok(Self { file })
    }

    /// Refuses when somebody writes the ledger now; takes nothing.
    ///
    /// # Errors
    /// [`StoreError::InUse`].
    pub fn check(ledger: &Path) -> Result<(), StoreError> {
        match File::open(ledger) {
            Ok(file) => lock(&file, ledger),
            // There is none yet, or it cannot be read: whoever opens it says so.
            Err(_) => Ok(()),
        }
    }

    /// The place of the file, as it is remembered: its number on the disk and its path.
    #[must_use]
    pub fn place(&self, ledger: &Path) -> String {
        let path = std::fs::canonicalize(ledger).unwrap_or_else(|_| ledger.to_owned());
        let inode = self.file.metadata().map(|meta| meta.ino()).unwrap_or_default();
        format!("{inode} {}", path.display())
    }
}

fn lock(file: &File, ledger: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let folder = ledger.parent().unwrap_or(ledger).to_owned();
            Err(StoreError::InUse { folder })
        }
        Err(TryLockError::Error(source)) => Err(StoreError::Io { path: ledger.to_owned(), source }),
    }
}

/// The original of a copied ledger, when it is still where the ledger remembers to have lived; a moved one has none.
#[must_use]
pub fn original(remembered: &str, now: &str) -> Option<PathBuf> {
    let (inode, path) = remembered.split_once(' ')?;
    let (here, _) = now.split_once(' ')?;
    if inode == here {
        return None;
    }
    let known = std::fs::metadata(path).ok()?;
    (known.ino().to_string() == inode).then(|| PathBuf::from(path))
}
