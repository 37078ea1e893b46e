//! The venue's books on disk, so that a restarted venue goes on where it was. One SQLite file, one writer.
//!
//! Rows are written before an answer leaves. It is the venue's own file and shares nothing with the bot's ledger.

use super::LoopbackError;
use super::books::{Books, Row};
use crate::domain::WallTime;
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Name of the file in the state folder.
const FILE: &str = "venue.sqlite";

/// The open file.
#[derive(Debug)]
pub(crate) struct Saved(Connection);

impl Saved {
    pub(crate) fn open(folder: &Path) -> Result<Self, LoopbackError> {
        std::fs::create_dir_all(folder).map_err(|error| LoopbackError::State(error.to_string()))?;
        let connection = Connection::open(folder.join(FILE))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS row (kind INTEGER NOT NULL, id INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, id));",
        )?;
        Ok(Self(connection))
    }

    /// Start, time and books, or nothing in a new folder.
    pub(crate) fn load(&mut self) -> Result<Option<(WallTime, WallTime, Books)>, LoopbackError> {
        let head: Vec<(WallTime, WallTime, Books)> = self.rows(0)?;
        let Some((start, now, mut books)) = head.into_iter().next() else { return Ok(None) };
        for order in self.rows(number(Row::Order))? {
            books.insert(order);
        }
        for execution in self.rows(number(Row::Execution))? {
            books.execution(execution);
        }
        for income in self.rows::<super::books::Income>(number(Row::Income))? {
            books.incomes.insert(income.tran, income);
        }
        for transfer in self.rows(number(Row::Transfer))? {
            books.transfer(transfer);
        }
        books.unsaved.clear();
        Ok(Some((start, now, books)))
    }

    /// Writes rows that changed, and the head.
    pub(crate) fn save(&mut self, start: WallTime, now: WallTime, books: &mut Books) -> Result<(), LoopbackError> {
        let transaction = self.0.transaction()?;
        {
            let mut put =
                transaction.prepare_cached("INSERT OR REPLACE INTO row (kind, id, json) VALUES (?1, ?2, ?3)")?;
            put.execute(params![0, 0, text(&(start, now, &*books))?])?;
            for (row, id) in std::mem::take(&mut books.unsaved) {
                let json = match row {
                    Row::Order => books.orders.get(&id).map(text),
                    Row::Execution => books.executions.get(&id).map(text),
                    Row::Income => books.incomes.get(&id).map(text),
                    Row::Transfer => books.transfers.get(&id).map(text),
                };
                if let Some(json) = json.transpose()? {
                    put.execute(params![number(row), i64::try_from(id).unwrap_or(i64::MAX), json])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn rows<T: DeserializeOwned>(&self, kind: i64) -> Result<Vec<T>, LoopbackError> {
        let mut statement = self.0.prepare("SELECT json FROM row WHERE kind = ?1 ORDER BY id")?;
        let texts = statement.query_map(params![kind], |row| row.get::<_, String>(0))?;
        texts
            .map(|text| serde_json::from_str(&text?).map_err(|error| LoopbackError::State(error.to_string())))
            .collect()
    }
}

const fn number(row: Row) -> i64 {
    match row {
        Row::Order => 1,
        Row::Execution => 2,
        Row::Income => 3,
        Row::Transfer => 4,
    }
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, LoopbackError> {
    serde_json::to_string(value).map_err(|error| LoopbackError::State(error.to_string()))
}
