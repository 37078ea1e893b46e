//! Tables, their version, and how a file is opened.

use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Version of both files; a file of another version is refused (fault G17).
pub const VERSION: i64 = 1;

/// What can be wrong with a store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("{}: {source}", file.display())]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// Written by another version.
    #[error("{}: has schema version {found}, this program writes {VERSION}", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
    },
    /// A row cannot be read back: the file is damaged (fault G05).
    #[error("{}: table {table} row {row}: {problem}; the file is kept as it is", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Table.
        table: &'static str,
        /// Row number.
        row: i64,
        /// What is wrong.
        problem: String,
    },
    /// The integrity check failed (fault G05).
    #[error("{}: failed SQLite's integrity check: {problem}; the file is kept as it is", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What SQLite found.
        problem: String,
    },
    /// Another process holds the folder.
    #[error("{}: is in use by another process", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// It could not be caught at rest.
    #[error("{}: commits faster than it can be copied; stop the session, or try again", folder.display())]
    Restless {
        /// The folder.
        folder: PathBuf,
    },
    /// A copy of a ledger that is still where it was copied from (fault G16).
    #[error("{}: is a copy of {}, which is still there: two runs with one ledger would trade everything twice; go on with the original, or move it away first", file.display(), original.display())]
    Copied {
        /// The copy.
        file: PathBuf,
        /// What it was copied from.
        original: PathBuf,
    },
    /// Another process trades on the account.
    #[error(
        "another carry of this machine trades on this account of {venue}, from another folder; stop it first: two cannot keep books of one account"
    )]
    AccountInUse {
        /// Address of the venue.
        venue: String,
    },
    /// The folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the disk has no room: nothing of the write is in the file, and it may be tried again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        const SHM_SIZE: i32 = 4874;
        match self {
            Self::Sqlite { source: rusqlite::Error::SqliteFailure(error, _), .. } => {
                error.code == rusqlite::ErrorCode::DiskFull || error.extended_code == SHM_SIZE
            }
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

/// Tables of the ledger of record.
pub const LEDGER: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE intents (
  id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, at_ms INTEGER NOT NULL, pair TEXT NOT NULL, leg TEXT NOT NULL,
  side TEXT NOT NULL, quantity TEXT NOT NULL, limit_price TEXT NOT NULL, purpose TEXT NOT NULL, reason TEXT NOT NULL,
  mode TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE facts (
  sequence INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, spot_mid TEXT, perp_mid TEXT,
  mode TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE postings (
  number INTEGER PRIMARY KEY, cause INTEGER NOT NULL, at_ms INTEGER NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL,
  amount TEXT NOT NULL, asset TEXT NOT NULL, reason TEXT NOT NULL, mode TEXT NOT NULL) STRICT;
CREATE TABLE pairs (pair TEXT PRIMARY KEY, phase TEXT NOT NULL, mode TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE rows (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, at_ms INTEGER NOT NULL, mode TEXT NOT NULL,
  body TEXT NOT NULL) STRICT;
CREATE INDEX rows_by_kind ON rows (kind, number);
";

/// Tables of the simulated venue.
pub const VENUE: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE trades (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE history (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
";

/// Opens a file for its one writer, creating its tables when it is new.
///
/// # Errors
/// [`StoreError`]: SQLite refused, the version differs, or the file is damaged.
pub fn open(file: &Path, tables: &str) -> Result<Connection, StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: file.to_owned(), source };
    let connection = Connection::open(file).map_err(sqlite)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(sqlite)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    if found == 0 {
        connection
            .execute_batch(&format!("BEGIN; {tables} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(sqlite)?;
    } else if found != VERSION {
        return Err(StoreError::Version { file: file.to_owned(), found });
    }
    check(&connection, file)?;
    Ok(connection)
}

/// Opens a file to read it while its writer may be at work.
///
/// # Errors
/// [`StoreError`]: SQLite refused, or the version differs.
pub fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: file.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(sqlite)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    if found == VERSION { Ok(connection) } else { Err(StoreError::Version { file: file.to_owned(), found }) }
}

pub(super) fn check(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: file.to_owned(), source };
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt { file: file.to_owned(), problem: found }) }
}
