//! The simulated venue's own durable books, apart from the bot's.

use super::schema::{self, StoreError};
use crate::domain::WallTime;
use crate::port::Event;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// What the venue puts on disk when its books change.
#[derive(Debug, Clone, Default)]
pub struct VenueBatch {
    /// The venue, whole, as JSON.
    pub venue: String,
    /// The market's generator, as JSON; `None` when the market is read from files.
    pub market: Option<String>,
    /// The venue's clock.
    pub clock: WallTime,
    /// Trades since the last commit, as JSON.
    pub trades: Vec<(WallTime, String)>,
    /// Public facts to be remembered for the venue's history query.
    pub history: Vec<(WallTime, Event)>,
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueState {
    /// The venue as JSON.
    pub venue: String,
    /// The market's generator as JSON.
    pub market: Option<String>,
    /// The venue's clock.
    pub clock: WallTime,
}

/// The file.
#[derive(Debug)]
pub struct VenueFile {
    connection: Connection,
    path: PathBuf,
}

impl VenueFile {
    /// Opens or creates it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be used.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: schema::open(path, schema::VENUE)?, path: path.to_owned() })
    }

    /// Puts the venue's state on disk, synced.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch is in the file then.
    pub fn commit(&mut self, batch: &VenueBatch) -> Result<(), StoreError> {
        match self.put(batch) {
            Err(error) if error.is_full() && self.path.parent().is_some_and(super::reserve::release) => self.put(batch),
            other => other,
        }
    }

    fn put(&mut self, batch: &VenueBatch) -> Result<(), StoreError> {
        let path = self.path.clone();
        let sqlite = |source| StoreError::Sqlite { file: path.clone(), source };
        let transaction = self.connection.transaction().map_err(sqlite)?;
        {
            let mut set = transaction
                .prepare_cached("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
                .map_err(sqlite)?;
            set.execute(params!["venue", batch.venue]).map_err(sqlite)?;
            set.execute(params!["clock", batch.clock.0.to_string()]).map_err(sqlite)?;
            if let Some(market) = &batch.market {
                set.execute(params!["market", market]).map_err(sqlite)?;
            }
            let mut trade = transaction.prepare_cached("INSERT INTO trades VALUES (NULL, ?1, ?2)").map_err(sqlite)?;
            for (at, body) in &batch.trades {
                trade.execute(params![at.0, body]).map_err(sqlite)?;
            }
            let mut fact = transaction.prepare_cached("INSERT INTO history VALUES (NULL, ?1, ?2)").map_err(sqlite)?;
            for (at, event) in &batch.history {
                let body = serde_json::to_string(event).unwrap_or_default();
                fact.execute(params![at.0, body]).map_err(sqlite)?;
            }
        }
        transaction.commit().map_err(sqlite)
    }

    /// The venue's state; `None` before the first commit.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read.
    pub fn load(&self) -> Result<Option<VenueState>, StoreError> {
        let get = |key: &str| -> Result<Option<String>, StoreError> {
            let sqlite = |source| StoreError::Sqlite { file: self.path.clone(), source };
            let mut statement = self.connection.prepare("SELECT value FROM meta WHERE key = ?1").map_err(sqlite)?;
            let mut rows = statement.query(params![key]).map_err(sqlite)?;
            match rows.next().map_err(sqlite)? {
                Some(row) => row.get(0).map(Some).map_err(sqlite),
                None => Ok(None),
            }
        };
        let (Some(venue), Some(clock)) = (get("venue")?, get("clock")?) else { return Ok(None) };
        let clock = clock.parse().map(WallTime).map_err(|_| StoreError::Row {
            file: self.path.clone(),
            table: "meta",
            row: 0,
            problem: "the clock is not a number".to_owned(),
        })?;
        Ok(Some(VenueState { venue, market: get("market")?, clock }))
    }

    /// The venue's history query: public facts from `since` on, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when a row cannot be read.
    pub fn history(&self, since: WallTime) -> Result<Vec<(WallTime, Event)>, StoreError> {
        let sqlite = |source| StoreError::Sqlite { file: self.path.clone(), source };
        let text = "SELECT number, at_ms, body FROM history WHERE at_ms >= ?1 ORDER BY number";
        let mut statement = self.connection.prepare(text).map_err(sqlite)?;
        let rows = statement
            .query_map(params![since.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })
            .map_err(sqlite)?;
        let mut events = Vec::new();
        for row in rows {
            let (number, at, body) = row.map_err(sqlite)?;
            let event = serde_json::from_str(&body).map_err(|error| StoreError::Row {
                file: self.path.clone(),
                table: "history",
                row: number,
                problem: error.to_string(),
            })?;
            events.push((WallTime(at), event));
        }
        Ok(events)
    }
}
