//! Copies of the files of a session while it may be writing them: SQLite's own online backup, of one instant.
//!
//! Ledger and venue are two files, and the venue commits first. A copy is taken only when no commit of either came between
//! the two looks: it is then what a kill at that instant would have left, and recovery knows that. Tests:
//! `tests/commands/backup.rs`.

use super::schema::{self, StoreError};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;

/// Looks at a session that commits all the time before it is given up.
const LOOKS: u32 = 200;

/// A file as it stands at one instant; its writer goes on meanwhile.
struct Held<'a> {
    connection: Connection,
    file: &'a Path,
    watch: Connection,
    version: i64,
}

impl<'a> Held<'a> {
    fn of(file: &'a Path) -> Result<Self, StoreError> {
        let sqlite = |source| StoreError::Sqlite { file: file.to_owned(), source };
        let watch = schema::open_reader(file)?;
        let version = data_version(&watch).map_err(sqlite)?;
        let connection = schema::open_reader(file)?;
        // The first read of a transaction is where it stands still.
        connection.execute_batch("BEGIN; SELECT count(*) FROM meta;").map_err(sqlite)?;
        Ok(Self { connection, file, watch, version })
    }

    /// Whether nothing was committed since it was first looked at.
    fn is_still(&self) -> Result<bool, StoreError> {
        let version = data_version(&self.watch);
        version.map(|now| now == self.version).map_err(|source| self.failed(source))
    }

    fn write(&self, to: &Path) -> Result<(), StoreError> {
        let sqlite = |source| StoreError::Sqlite { file: to.to_owned(), source };
        let mut copy = Connection::open(to).map_err(sqlite)?;
        {
            let backup = Backup::new(&self.connection, &mut copy).map_err(sqlite)?;
            if backup.step(-1).map_err(sqlite)? != StepResult::Done {
                let problem = "SQLite did not copy it whole".to_owned();
                return Err(StoreError::Corrupt { file: self.file.to_owned(), problem });
            }
        }
        // One file, without a log beside it.
        copy.pragma_update(None, "journal_mode", "DELETE").map_err(sqlite)?;
        schema::check(&copy, to)
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { file: self.file.to_owned(), source }
    }
}

/// It changes when another connection commits.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// Copies the files, each from its place to its place, as they stand at one instant, and checks each copy.
///
/// # Errors
/// [`StoreError`]: a file cannot be read or written, a copy is damaged, or the session commits without a pause.
pub fn at_one_instant(files: &[(&Path, &Path)]) -> Result<(), StoreError> {
    for _ in 0..LOOKS {
        let mut held = Vec::new();
        for (from, to) in files {
            held.push((Held::of(from)?, *to));
        }
        let mut still = true;
        for (one, _) in &held {
            still &= one.is_still()?;
        }
        if !still {
            continue;
        }
        for (one, to) in &held {
            one.write(to)?;
        }
        return Ok(());
    }
    let folder = files.first().and_then(|(from, _)| from.parent()).unwrap_or_else(|| Path::new("."));
    Err(StoreError::Restless { folder: folder.to_owned() })
}

/// Whether a file is whole, by SQLite's own check and ours.
///
/// # Errors
/// [`StoreError`] says what is wrong.
pub fn check(file: &Path) -> Result<(), StoreError> {
    schema::check(&schema::open_reader(file)?, file)
}
