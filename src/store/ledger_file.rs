//! The bot's ledger of record.

use super::home::{self, Held};
use super::schema::{self, StoreError};
use crate::domain::{Amount, Asset, Price, Sequence, WallTime};
use crate::ledger::Posting;
use crate::port::order::Intent;
use crate::port::{Event, Stamped};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows of a kind that are kept in full; older equity is kept by the day.
const DETAILED: u32 = 5_000;

/// A fact about the account with the mids at which it was booked.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFact {
    /// The event.
    pub stamped: Stamped,
    /// Mids of spot and perp of its pair at that instant, where it is about one.
    pub mids: Option<(Price, Price)>,
}

/// An intent with the number of the event after which it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIntent {
    /// Number of the event that caused it.
    pub sequence: u64,
    /// The intent.
    pub intent: Intent,
}

/// What goes in with one commit.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Named values to set.
    pub meta: Vec<(&'static str, String)>,
    /// Intents, with their pair's name.
    pub intents: Vec<(StoredIntent, String)>,
    /// Facts.
    pub facts: Vec<StoredFact>,
    /// Memory of pairs: name, phase, JSON.
    pub pairs: Vec<(String, String, String)>,
    /// Postings.
    pub postings: Vec<Posting>,
    /// Rows for reports: kind, time, JSON.
    pub rows: Vec<(&'static str, WallTime, String)>,
}

impl Batch {
    /// What came later goes behind.
    pub fn join(&mut self, later: Self) {
        self.meta.extend(later.meta);
        self.intents.extend(later.intents);
        self.facts.extend(later.facts);
        self.pairs.extend(later.pairs);
        self.postings.extend(later.postings);
        self.rows.extend(later.rows);
    }
}

/// Everything in the file.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Named values.
    pub meta: BTreeMap<String, String>,
    /// Intents in order of making.
    pub intents: Vec<StoredIntent>,
    /// Facts in order.
    pub facts: Vec<StoredFact>,
    /// Memory of pairs by name.
    pub pairs: BTreeMap<String, String>,
    /// Report rows: kind and JSON, in order.
    pub rows: Vec<(String, String)>,
}

/// The file, for its one writer.
#[derive(Debug)]
pub struct LedgerFile {
    connection: Connection,
    /// After the connection: the lock goes last.
    held: Held,
    path: PathBuf,
    mode: String,
}

impl LedgerFile {
    /// Opens or creates it. `mode` goes into every row.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be used.
    pub fn open(path: &Path, mode: &str) -> Result<Self, StoreError> {
        let held = Held::take(path)?;
        let connection = schema::open(path, schema::LEDGER)?;
        let ledger = Self { connection, held, path: path.to_owned(), mode: mode.to_owned() };
        ledger.compact()?;
        if mode == "live" {
            ledger.at_home()?;
        }
        Ok(ledger)
    }

    /// A copy of a live ledger whose original is still there is refused; a moved one, or one of which nothing else is left,
    /// remembers its new place.
    fn at_home(&self) -> Result<(), StoreError> {
        let sqlite = |source| StoreError::Sqlite { file: self.path.clone(), source };
        let now = self.held.place(&self.path);
        let found = self.connection.query_row("SELECT value FROM meta WHERE key = 'home'", [], |row| row.get(0));
        let known: Option<String> = match found {
            Ok(known) => Some(known),
            Err(rusqlite::Error::QueryReturnedNoRows) => None,
            Err(source) => return Err(sqlite(source)),
        };
        if let Some(known) = &known {
            if let Some(original) = home::original(known, &now) {
                return Err(StoreError::Copied { file: self.path.clone(), original });
            }
            if *known != now {
                tracing::warn!("the ledger was moved or restored: what it says is compared with the venue");
            }
        }
        if known.as_ref() == Some(&now) {
            return Ok(());
        }
        let set = "INSERT INTO meta VALUES ('home', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1";
        self.connection.execute(set, params![now]).map(drop).map_err(sqlite)
    }

    /// Drops what only the newest of matters, so that a start stays quick however long the run is (fault L31): reports on the
    /// health of a venue and on comparisons, and all but a row a day of old equity. Postings and all other facts stay for ever.
    fn compact(&self) -> Result<(), StoreError> {
        let kinds = "('reconciled', 'venue_health', 'disk')";
        let facts = format!(
            "DELETE FROM facts WHERE kind IN {kinds} AND sequence NOT IN (SELECT max(sequence) FROM facts \
             WHERE kind IN {kinds} GROUP BY kind, json_extract(body, '$.event.venue'))"
        );
        let rows = format!(
            "DELETE FROM rows WHERE kind = 'equity' AND number < (SELECT number FROM rows WHERE kind = 'equity' \
             ORDER BY number DESC LIMIT 1 OFFSET {DETAILED}) AND number NOT IN \
             (SELECT max(number) FROM rows WHERE kind = 'equity' GROUP BY at_ms / 86400000)"
        );
        let naked = format!(
            "DELETE FROM rows WHERE kind = 'naked' AND number < (SELECT number FROM rows WHERE kind = 'naked' \
             ORDER BY number DESC LIMIT 1 OFFSET {DETAILED})"
        );
        let all = format!("BEGIN; {facts}; {rows}; {naked}; COMMIT;");
        match self
            .connection
            .execute_batch(&all)
            .map_err(|source| StoreError::Sqlite { file: self.path.clone(), source })
        {
            // It is for speed: a full disk does without.
            Err(error) if error.is_full() => {
                self.connection.execute_batch("ROLLBACK").unwrap_or_default();
                Ok(())
            }
            other => other,
        }
    }

    /// From now on the file has no room for a new page, or room again: what a full disk does to it.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, most: Option<u32>) {
        // Fewer than there are is taken as those that are there.
        let most = most.unwrap_or(1_000_000_000);
        let set = self.connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()));
        set.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Puts a batch on disk in one transaction, synced.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch is in the file then.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let path = self.path.clone();
        let mode = self.mode.clone();
        let sqlite = |source| StoreError::Sqlite { file: path.clone(), source };
        let transaction = self.connection.transaction().map_err(sqlite)?;
        write(&transaction, batch, &mode).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`] naming the table and row that cannot be read.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        load(&self.connection, &self.path)
    }

    /// The named values, as of the last commit.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn meta(&self) -> Result<BTreeMap<String, String>, StoreError> {
        named(&self.connection).map_err(|source| StoreError::Sqlite { file: self.path.clone(), source })
    }
}

/// Reads a ledger that another process may be writing.
///
/// # Errors
/// [`StoreError`] naming what cannot be read.
pub fn read(path: &Path) -> Result<Loaded, StoreError> {
    let connection = schema::open_reader(path)?;
    // One transaction: every table is of the same commit, whatever the writer adds meanwhile. It is never written to.
    let snapshot =
        connection.unchecked_transaction().map_err(|source| StoreError::Sqlite { file: path.to_owned(), source })?;
    load(&snapshot, path)
}

/// The named values of a ledger that another process may be writing.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub fn meta(path: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: path.to_owned(), source };
    let connection = schema::open_reader(path)?;
    named(&connection).map_err(sqlite)
}

fn named(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare("SELECT key, value FROM meta")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Makes a restored ledger's session start without new entries, until a person says so (fault G16). A halt stays a halt.
///
/// # Errors
/// [`StoreError`] when it cannot be written, or has no state to hold.
pub fn hold_entries(path: &Path) -> Result<(), StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: path.to_owned(), source };
    let held = meta(path)?.remove("flags").and_then(|text| serde_json::from_str::<Vec<serde_json::Value>>(&text).ok());
    let row =
        |problem: &str| StoreError::Row { file: path.to_owned(), table: "meta", row: 0, problem: problem.to_owned() };
    let mut flags = held.ok_or_else(|| row("has no flags"))?;
    let bot = flags.first_mut().ok_or_else(|| row("its flags are empty"))?;
    if bot.as_str() != Some("halted") {
        *bot = serde_json::Value::from("reduce_only");
    }
    let text = serde_json::to_string(&flags).unwrap_or_default();
    let connection = schema::open(path, schema::LEDGER)?;
    connection.execute("UPDATE meta SET value = ?1 WHERE key = 'flags'", params![text]).map_err(sqlite)?;
    Ok(())
}

/// All postings of a file in order, each with its number, for `carry ledger`.
///
/// # Errors
/// [`StoreError`] when the file cannot be read, naming the row that is damaged.
pub fn postings(path: &Path) -> Result<Vec<(i64, Posting)>, StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: path.to_owned(), source };
    let connection = schema::open_reader(path)?;
    let text = "SELECT number, cause, at_ms, debit, credit, amount, asset, reason FROM postings ORDER BY number";
    let mut statement = connection.prepare(text).map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    let mut postings = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite)? {
        let number: i64 = row.get(0).map_err(sqlite)?;
        let word = |place: usize| row.get::<_, String>(place).map_err(sqlite);
        let bad = |problem: String| StoreError::Row { file: path.to_owned(), table: "postings", row: number, problem };
        let cause = u64::try_from(row.get::<_, i64>(1).map_err(sqlite)?).map_err(|error| bad(error.to_string()))?;
        postings.push((
            number,
            Posting {
                cause: Sequence(cause),
                at: WallTime(row.get(2).map_err(sqlite)?),
                debit: parse(path, "postings", number, &word(3)?)?,
                credit: parse(path, "postings", number, &word(4)?)?,
                amount: Amount::parse(&word(5)?).map_err(|error| bad(error.to_string()))?,
                asset: Asset::new(&word(6)?).map_err(|error| bad(error.to_string()))?,
                reason: parse(path, "postings", number, &word(7)?)?,
            },
        ));
    }
    Ok(postings)
}

fn write(transaction: &Transaction<'_>, batch: &Batch, mode: &str) -> rusqlite::Result<()> {
    let text = |value: &dyn erased::Json| value.text();
    for (key, value) in &batch.meta {
        transaction
            .prepare_cached("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")?
            .execute(params![key, value])?;
    }
    for (stored, pair) in &batch.intents {
        let intent = &stored.intent;
        transaction
            .prepare_cached("INSERT INTO intents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
            .execute(params![
            intent.id.to_string(),
            signed(stored.sequence),
            intent.decided_at.0,
            pair,
            intent.leg.stored(),
            intent.side.as_str(),
            intent.quantity.to_string(),
            intent.limit.to_string(),
            intent.purpose.as_str(),
            intent.reason.as_str(),
            mode,
            text(intent),
        ])?;
    }
    for fact in &batch.facts {
        let (spot, perp) = fact.mids.unzip();
        transaction.prepare_cached("INSERT INTO facts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
            signed(fact.stamped.sequence.0),
            fact.stamped.at.0,
            kind(&fact.stamped.event),
            spot.map(|price| price.to_string()),
            perp.map(|price| price.to_string()),
            mode,
            text(&fact.stamped),
        ])?;
    }
    for (pair, phase, body) in &batch.pairs {
        transaction
            .prepare_cached(
                "INSERT INTO pairs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (pair) DO UPDATE SET phase = ?2, body = ?4",
            )?
            .execute(params![pair, phase, mode, body])?;
    }
    for posting in &batch.postings {
        transaction.prepare_cached("INSERT INTO postings VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                signed(posting.cause.0),
                posting.at.0,
                text(&posting.debit),
                text(&posting.credit),
                posting.amount.to_string(),
                posting.asset.as_str(),
                text(&posting.reason),
                mode,
            ],
        )?;
    }
    for (kind, at, body) in &batch.rows {
        transaction
            .prepare_cached("INSERT INTO rows VALUES (NULL, ?1, ?2, ?3, ?4)")?
            .execute(params![kind, at.0, mode, body])?;
    }
    Ok(())
}

fn load(connection: &Connection, path: &Path) -> Result<Loaded, StoreError> {
    let sqlite = |source| StoreError::Sqlite { file: path.to_owned(), source };
    let mut loaded = Loaded::default();
    let pairs_of = |text: &str| -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = connection.prepare(text).map_err(sqlite)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
        rows.collect::<Result<_, _>>().map_err(sqlite)
    };
    loaded.meta = pairs_of("SELECT key, value FROM meta")?.into_iter().collect();
    loaded.pairs = pairs_of("SELECT pair, body FROM pairs")?.into_iter().collect();
    loaded.rows = pairs_of("SELECT kind, body FROM rows ORDER BY number")?;
    let mut statement =
        connection.prepare("SELECT sequence, body FROM intents ORDER BY sequence, rowid").map_err(sqlite)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).map_err(sqlite)?;
    for row in rows {
        let (sequence, body) = row.map_err(sqlite)?;
        let intent = parse(path, "intents", sequence, &body)?;
        loaded.intents.push(StoredIntent { sequence: u64::try_from(sequence).unwrap_or(0), intent });
    }
    let mut statement =
        connection.prepare("SELECT sequence, spot_mid, perp_mid, body FROM facts ORDER BY sequence").map_err(sqlite)?;
    let rows = statement
        .query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, String>(3)?,
            ))
        })
        .map_err(sqlite)?;
    for row in rows {
        let (sequence, spot, perp, body) = row.map_err(sqlite)?;
        let stamped = parse(path, "facts", sequence, &body)?;
        let price = |text: Option<String>| text.and_then(|text| Price::parse(&text).ok());
        loaded.facts.push(StoredFact { stamped, mids: price(spot).zip(price(perp)) });
    }
    Ok(loaded)
}

fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    table: &'static str,
    row: i64,
    body: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::Row {
        file: path.to_owned(),
        table,
        row,
        problem: error.to_string(),
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The tag of an event as it is serialised.
fn kind(event: &Event) -> String {
    serde_json::to_value(event)
        .ok()
        .and_then(|value| value.get("event").and_then(|tag| tag.as_str().map(str::to_owned)))
        .unwrap_or_default()
}

/// Serialising through one small trait object keeps the statements above readable.
mod erased {
    /// Anything that serialises to JSON.
    pub(super) trait Json {
        /// Its text.
        fn text(&self) -> String;
    }
    impl<T: serde::Serialize> Json for T {
        fn text(&self) -> String {
            serde_json::to_string(self).unwrap_or_default()
        }
    }
}
