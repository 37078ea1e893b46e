//! The rows of a sweep: one a set for the whole time and one for each fold, as they stand in the Parquet files.
//!
//! A row without a fold is the whole run, and its figures are those that `carry backtest` prints for the same settings; `digest` is the
//! same too. Yearly figures are missing under 90 days. Tests: `tests/suite/sweep.rs`.

use super::deflate::Moments;
use super::grid::number;
use crate::config::keys::Key;
use crate::data::DataError;
use crate::data::rows_file::{self, Column, Rows};
use crate::domain::WallTime;
use std::path::Path;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Id of the set.
    pub set: String,
    /// Values of the keys that are varied, in their order.
    pub values: Vec<String>,
    /// The fold, from 0; `None` for the whole time.
    pub fold: Option<i64>,
    /// Start.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Change of equity, a fraction of that at the start.
    pub net_return: f64,
    /// The same with what idle money earned.
    pub with_cash_return: f64,
    /// Cash alone.
    pub cash_return: f64,
    /// Net a year, compounded.
    pub net_apr: Option<f64>,
    /// With cash less cash alone, a year; missing for a run that did not trade.
    pub excess_apr: Option<f64>,
    /// Largest fall of equity from a peak.
    pub max_drawdown: f64,
    /// Round trips that ended in it.
    pub round_trips: i64,
    /// Share of the time in the market, weighted by notional.
    pub time_in_market: f64,
    /// Of the whole run: its months' gains above cash.
    pub moments: Option<Moments>,
    /// Equity at the end, exact.
    pub final_equity: String,
    /// Digest of the run's decisions; empty for a fold.
    pub digest: String,
}

impl Row {
    /// Gain above cash as a fraction, by which sets are ranked: what the money became over what cash became.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "figures of a report")]
    pub fn excess(&self) -> f64 {
        (1.0 + self.with_cash_return) / (1.0 + self.cash_return) - 1.0
    }
}

type Numbers = (&'static str, fn(&Row) -> Option<f64>);

const DOUBLES: [Numbers; 10] = [
    ("net_return", |row| Some(row.net_return)),
    ("with_cash_return", |row| Some(row.with_cash_return)),
    ("cash_return", |row| Some(row.cash_return)),
    ("net_apr", |row| row.net_apr),
    ("excess_apr", |row| row.excess_apr),
    ("max_drawdown", |row| Some(row.max_drawdown)),
    ("time_in_market", |row| Some(row.time_in_market)),
    ("sharpe_month", |row| row.moments.map(|moments| moments.sharpe)),
    ("skew_month", |row| row.moments.map(|moments| moments.skew)),
    ("kurtosis_month", |row| row.moments.map(|moments| moments.kurtosis)),
];

/// Writes the rows of one part; `keys` are those that are varied.
///
/// # Errors
/// [`DataError`] when the file cannot be written.
pub fn write(file: &Path, keys: &[&'static Key], rows: &[Row]) -> Result<(), DataError> {
    let texts = |pick: &dyn Fn(&Row) -> String| Column::Texts(rows.iter().map(pick).collect());
    let integers = |pick: &dyn Fn(&Row) -> Option<i64>| Column::Integers(rows.iter().map(pick).collect());
    let mut columns = vec![
        ("set".to_owned(), texts(&|row| row.set.clone())),
        ("fold".to_owned(), integers(&|row| row.fold)),
        ("from_ms".to_owned(), integers(&|row| Some(row.from.0))),
        ("to_ms".to_owned(), integers(&|row| Some(row.to.0))),
    ];
    for (place, key) in keys.iter().enumerate() {
        let value = |row: &Row| row.values.get(place).cloned().unwrap_or_default();
        columns.push((key.path.to_owned(), texts(&value)));
        let numbers = rows.iter().map(|row| number(key, &value(row))).collect();
        columns.push((format!("{}_value", key.path), Column::Doubles(numbers)));
    }
    for (name, pick) in DOUBLES {
        columns.push((name.to_owned(), Column::Doubles(rows.iter().map(pick).collect())));
    }
    columns.push(("months".to_owned(), integers(&|row| row.moments.map(|moments| i64::from(moments.months)))));
    columns.push(("round_trips".to_owned(), integers(&|row| Some(row.round_trips))));
    columns.push(("final_equity".to_owned(), texts(&|row| row.final_equity.clone())));
    columns.push(("digest".to_owned(), texts(&|row| row.digest.clone())));
    rows_file::write(file, &columns)
}

/// Reads the rows of one part.
///
/// # Errors
/// [`DataError`] when the file is not there or is no such file.
pub fn read(file: &Path, keys: &[&'static Key]) -> Result<Vec<Row>, DataError> {
    let rows = Rows::open(file)?;
    let values: Vec<Vec<String>> = keys.iter().map(|key| rows.texts(key.path)).collect::<Result<_, _>>()?;
    let doubles: Vec<Vec<Option<f64>>> =
        DOUBLES.iter().map(|(name, _)| rows.doubles(name)).collect::<Result<_, _>>()?;
    let (sets, equity, digests) = (rows.texts("set")?, rows.texts("final_equity")?, rows.texts("digest")?);
    let integers = ["fold", "from_ms", "to_ms", "months", "round_trips"];
    let integers: Vec<Vec<Option<i64>>> = integers.iter().map(|name| rows.integers(name)).collect::<Result<_, _>>()?;
    let row = |(place, set): (usize, String)| {
        let maybe = |column: usize| doubles.get(column).and_then(|cells| cells.get(place)).copied().flatten();
        let double = |column: usize| maybe(column).unwrap_or(f64::NAN);
        let whole = |column: usize| integers.get(column).and_then(|cells| cells.get(place)).copied().flatten();
        let text = |cells: &[String]| cells.get(place).cloned().unwrap_or_default();
        let months = whole(3).and_then(|months| u32::try_from(months).ok());
        let moments = months.map(|months| Moments { months, sharpe: double(7), skew: double(8), kurtosis: double(9) });
        Row {
            set,
            values: values.iter().map(|cells| text(cells)).collect(),
            fold: whole(0),
            from: WallTime(whole(1).unwrap_or_default()),
            to: WallTime(whole(2).unwrap_or_default()),
            net_return: double(0),
            with_cash_return: double(1),
            cash_return: double(2),
            net_apr: maybe(3),
            excess_apr: maybe(4),
            max_drawdown: double(5),
            round_trips: whole(4).unwrap_or_default(),
            time_in_market: double(6),
            moments,
            final_equity: text(&equity),
            digest: text(&digests),
        }
    };
    Ok(sets.into_iter().enumerate().map(row).collect())
}
