//! Imported rows joined with what the folder has: nothing that stands there is changed, and a contradiction is an error.
//!
//! Tests: `tests/suite/import.rs`.

use super::error::{DataError, Place};
use super::funding::read_funding;
use super::history::FundingRow;
use super::import::{Rows, What};
use super::save::{RawCandles, write_candles, write_funding};
use super::settlements::{judge, scale};
use crate::domain::{Span, Symbol, Venue, WallTime};
use std::path::{Path, PathBuf};

/// A file of the layout that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The venue.
    pub venue: Venue,
    /// The symbol.
    pub symbol: Symbol,
    /// What it holds.
    pub what: What,
    /// Length of a candle; zero for settlements.
    pub step: Span,
}

impl Target {
    /// Its place below the folder of history.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.what.path(&self.venue, self.symbol, self.step)
    }
}

/// A file as it will be.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Which.
    pub target: Target,
    /// Rows that it does not have yet.
    pub added: usize,
    /// Imported rows that it has.
    pub known: usize,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Funding(Vec<FundingRow>),
    Candles(RawCandles),
}

impl Merged {
    /// Rows of the file.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.content {
            Content::Funding(rows) => rows.len(),
            Content::Candles(candles) => candles.len(),
        }
    }

    /// First and last stamp.
    #[must_use]
    pub fn ends(&self) -> Option<(WallTime, WallTime)> {
        match &self.content {
            Content::Funding(rows) => Some((rows.first()?.stamp, rows.last()?.stamp)),
            Content::Candles(candles) => Some((WallTime(*candles.opened.first()?), WallTime(*candles.opened.last()?))),
        }
    }
}

/// Joins imported rows with those of the folder; writes nothing.
///
/// # Errors
/// [`DataError`]: the file cannot be read, or what is imported contradicts it or itself, or its rates look like percent.
pub fn merge(folder: &Path, target: Target, imported: &[Rows]) -> Result<Merged, DataError> {
    let file = folder.join(target.path());
    if target.what == What::Funding { settlements(&file, target, imported) } else { candles(&file, target, imported) }
}

fn settlements(file: &Path, target: Target, imported: &[Rows]) -> Result<Merged, DataError> {
    let have = if file.exists() { read_funding(file)? } else { Vec::new() };
    // The header is the first line of the file.
    let mut rows: Vec<(FundingRow, Place)> = (2..).zip(&have).map(|(line, row)| (*row, Place::Line(line, 1))).collect();
    let mut count = 0;
    for one in imported {
        if let Rows::Funding(more) = one {
            count += more.len();
            rows.extend(more.iter().copied());
        }
    }
    // Stable: of equal stamps the row of the file comes first.
    rows.sort_by_key(|row| row.0.stamp);
    let judged = judge(&rows);
    if let Some(repeat) = judged.repeats.iter().find(|repeat| !repeat.agrees()) {
        return Err(DataError::row(file, repeat.again.1, repeat.words()));
    }
    if let Some(scale) = scale(&judged.rows) {
        return Err(scale.error(file));
    }
    let rows: Vec<FundingRow> = judged.rows.into_iter().map(|row| row.0).collect();
    let added = rows.len().saturating_sub(have.len());
    Ok(Merged { target, added, known: count.saturating_sub(added), content: Content::Funding(rows) })
}

fn candles(file: &Path, target: Target, imported: &[Rows]) -> Result<Merged, DataError> {
    let have = if file.exists() { RawCandles::read(file)? } else { RawCandles::default() };
    let (mut all, mut count) = (have.clone(), 0);
    for one in imported {
        if let Rows::Candles(more, _) = one {
            count += more.len();
            agree(file, &all, more)?;
            all = more.merged(&all);
        }
    }
    let added = all.len().saturating_sub(have.len());
    Ok(Merged { target, added, known: count.saturating_sub(added), content: Content::Candles(all) })
}

/// Candles that both have must be the same.
fn agree(file: &Path, have: &RawCandles, more: &RawCandles) -> Result<(), DataError> {
    for (place, stamp) in more.opened.iter().enumerate() {
        let Ok(other) = have.opened.binary_search(stamp) else { continue };
        let row = |candles: &RawCandles, place: usize| -> Vec<Option<f64>> {
            candles.prices.iter().map(|column| column.get(place).copied()).collect()
        };
        if row(have, other) != row(more, place) {
            let problem = format!("{} has other prices than what is imported", WallTime(*stamp));
            return Err(DataError::row(file, Place::Row(other + 1), problem));
        }
    }
    Ok(())
}

/// Writes a file as it will be.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write(folder: &Path, merged: &Merged) -> Result<(), DataError> {
    let file = folder.join(merged.target.path());
    match &merged.content {
        Content::Funding(rows) => write_funding(&file, rows),
        Content::Candles(candles) => write_candles(&file, candles),
    }
}
