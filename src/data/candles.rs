//! Candles and open interest from Parquet, as exact decimals.
//!
//! The loader refuses only what cannot be used (a price that is not a positive decimal of at most 8 places, stamps that do
//! not rise or do not lie on the step's grid); odd but usable candles are reported by `verify`. Tests:
//! `tests/suite/data.rs`.

use super::columns::{Cells, Columns};
use super::error::{Bad, DataError, Place, STAMP, plausible};
use super::history::Candles;
use crate::domain::decimal::parse_scaled;
use crate::domain::{NumberError, Price, Quantity, Span, WallTime};
use std::cmp::Ordering;
use std::path::Path;

/// What is expected of a price.
const PRICE: &str = "a price above zero with at most 8 decimals";
/// What is expected of a volume or an open interest.
const COINS: &str = "a number of coins, zero or more";

impl Candles {
    /// Number of candles.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.opened.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.opened.is_empty()
    }

    /// Place of the candle that opened exactly then.
    #[must_use]
    pub fn at(&self, opened: WallTime) -> Option<usize> {
        self.opened.binary_search(&opened).ok()
    }

    /// The candles that opened at or after `from` and before `until`.
    #[must_use]
    pub fn window(&self, from: WallTime, until: WallTime) -> Self {
        let start = self.opened.partition_point(|opened| *opened < from);
        let end = self.opened.partition_point(|opened| *opened < until).max(start);
        let cut = |column: &[Price]| column.get(start..end).unwrap_or(&[]).to_vec();
        Self {
            opened: self.opened.get(start..end).unwrap_or(&[]).to_vec(),
            open: cut(&self.open),
            high: cut(&self.high),
            low: cut(&self.low),
            close: cut(&self.close),
            volume: self.volume.get(start..end).unwrap_or(&[]).to_vec(),
        }
    }
}

/// Reads candles of one step. A mark file has no `volume` column: its volumes are zero.
///
/// # Errors
/// [`DataError`] with the file, row and column.
pub fn read_candles(file: &Path, step: Span) -> Result<Candles, DataError> {
    read_candles_of(file, step, 1)
}

/// Reads candles with prices and volumes of so many coins at a time, exactly: a tenth of it leaves room for a decimal more.
///
/// # Errors
/// [`DataError`] with the file, row and column.
pub(crate) fn read_candles_of(file: &Path, step: Span, coins: u32) -> Result<Candles, DataError> {
    let columns = Columns::open(file)?;
    let opened = read_stamps(file, &columns, Some(step))?;
    let volume = if columns.has("volume") {
        coins_of(file, "volume", &columns.doubles("volume")?, coins)?
    } else {
        vec![Quantity::ZERO; columns.rows()]
    };
    Ok(Candles {
        opened,
        open: prices(file, "open", &columns, coins)?,
        high: prices(file, "high", &columns, coins)?,
        low: prices(file, "low", &columns, coins)?,
        close: prices(file, "close", &columns, coins)?,
        volume,
    })
}

/// Reads only the open times of candles.
///
/// # Errors
/// [`DataError`] with the file, row and column.
pub fn read_open_times(file: &Path, step: Span) -> Result<Vec<WallTime>, DataError> {
    read_stamps(file, &Columns::open(file)?, Some(step))
}

/// Reads `ts_ms,open_interest` (coins).
///
/// # Errors
/// [`DataError`] with the file, row and column.
pub fn read_open_interest(file: &Path) -> Result<Vec<(WallTime, Quantity)>, DataError> {
    let columns = Columns::open(file)?;
    let stamps = read_stamps(file, &columns, None)?;
    let coins = coins_of(file, "open_interest", &columns.doubles("open_interest")?, 1)?;
    Ok(stamps.into_iter().zip(coins).collect())
}

fn read_stamps(file: &Path, columns: &Columns, step: Option<Span>) -> Result<Vec<WallTime>, DataError> {
    let cells = columns.integers("ts_ms")?;
    refuse_null(file, "ts_ms", STAMP, &cells)?;
    let mut last = i64::MIN;
    for (row, stamp) in cells.values.iter().enumerate() {
        let on_grid = step.is_none_or(|step| stamp.rem_euclid(step.0.max(1)) == 0);
        if *stamp > last && on_grid && plausible(*stamp) {
            last = *stamp;
            continue;
        }
        let place = Place::Row(row + 1);
        if !plausible(*stamp) {
            return Err(Bad { file, place, column: "ts_ms", expected: STAMP }.is(stamp, "is not a plausible time"));
        }
        let time = WallTime(*stamp);
        let problem = match stamp.cmp(&last) {
            Ordering::Equal => format!("ts_ms {stamp} ({time}) stands there twice; stamps must rise"),
            Ordering::Less => {
                format!("ts_ms {stamp} ({time}) is before the row above ({}); stamps must rise", WallTime(last))
            }
            Ordering::Greater => {
                format!("ts_ms {stamp} ({time}) is not the start of a {} bar", step.unwrap_or(Span::ZERO))
            }
        };
        return Err(DataError::row(file, place, problem));
    }
    Ok(cells.values.into_iter().map(WallTime).collect())
}

fn refuse_null<T>(file: &Path, column: &str, expected: &'static str, cells: &Cells<T>) -> Result<(), DataError> {
    match cells.nulls.first() {
        None => Ok(()),
        Some(row) => Err(Bad { file, place: Place::Row(row + 1), column, expected }.is("is", "null")),
    }
}

/// The price of so many coins: the decimal that was written, multiplied without a rounding.
fn price_of(value: f64, coins: u32) -> Result<Price, NumberError> {
    if coins == 1 {
        return Price::from_double(value);
    }
    if !value.is_finite() || value <= 0.0 {
        return Err(NumberError::NotPositive);
    }
    let (mut zeros, mut rest) = (0, coins.max(1));
    while rest % 10 == 0 {
        (zeros, rest) = (zeros + 1, rest / 10);
    }
    let units = parse_scaled(&value.to_string(), 8 + zeros)?.checked_mul(i128::from(rest));
    let units = units.and_then(|units| i64::try_from(units).ok()).ok_or(NumberError::OutOfRange)?;
    Price::from_units(units)
}

fn prices(file: &Path, column: &str, columns: &Columns, coins: u32) -> Result<Vec<Price>, DataError> {
    let cells = columns.doubles(column)?;
    refuse_null(file, column, PRICE, &cells)?;
    let exact = |(row, value): (usize, &f64)| {
        price_of(*value, coins).map_err(|problem| {
            Bad { file, place: Place::Row(row + 1), column, expected: PRICE }.is(shown(*value), problem)
        })
    };
    cells.values.iter().enumerate().map(exact).collect()
}

/// A double as a person reads it: 1e300 is not written out.
fn shown(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1e16 { format!("{value:e}") } else { value.to_string() }
}

#[expect(clippy::float_arithmetic, reason = "a volume is a signal; an hour of a meme coin has more coins than fit")]
fn coins_of(file: &Path, column: &str, cells: &Cells<f64>, at_a_time: u32) -> Result<Vec<Quantity>, DataError> {
    refuse_null(file, column, COINS, cells)?;
    let rounded = |(row, value): (usize, &f64)| {
        let bad = Bad { file, place: Place::Row(row + 1), column, expected: COINS };
        if !value.is_finite() {
            return Err(bad.is(value, "is not a number"));
        }
        if *value < 0.0 {
            return Err(bad.is(value, "is below zero"));
        }
        Ok(rounded_coins(if at_a_time == 1 { *value } else { *value / f64::from(at_a_time) }))
    };
    cells.values.iter().enumerate().map(rounded).collect()
}

/// A volume is a signal, not money: recorders sum it in floats and write more than 8 decimals, so it is rounded to the
/// nearest 1e-8 coin (halves away from zero). Above 92 billion coins it stays at the most a [`Quantity`] holds.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "the edge where a signal's double becomes units; the cast saturates"
)]
fn rounded_coins(value: f64) -> Quantity {
    Quantity::saturating(libm::round(value * 1e8) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_is_rounded_to_a_unit_and_never_overflows() {
        assert_eq!(rounded_coins(1.234_567_891).units(), 123_456_789);
        assert_eq!(rounded_coins(0.0).units(), 0);
        assert_eq!(rounded_coins(1e30).units(), i64::MAX);
    }

    #[test]
    fn u09_prices_of_several_coins_are_exact() {
        let check = |value: f64, coins, expected: &str| {
            assert_eq!(price_of(value, coins).unwrap(), Price::parse(expected).unwrap(), "{value} x {coins}");
        };
        check(0.000_008_004, 1_000, "0.008004");
        check(0.000_008, 1_000, "0.008");
        check(0.1, 1_000_000, "100000");
        check(0.3, 250, "75");
        assert!(price_of(0.000_000_000_001, 1_000).is_err(), "twelve decimals are more than there is room for");
        assert!(price_of(f64::NAN, 1_000).is_err() && price_of(-1.0, 1_000).is_err());
    }

    #[test]
    fn a_window_takes_the_start_and_leaves_the_end() {
        let price = Price::from_units(1).unwrap();
        let opened: Vec<_> = (0..5).map(WallTime).collect();
        let candles = Candles {
            open: vec![price; 5],
            high: vec![price; 5],
            low: vec![price; 5],
            close: vec![price; 5],
            volume: vec![Quantity::ZERO; 5],
            opened,
        };
        let cut = candles.window(WallTime(1), WallTime(3));
        assert_eq!((cut.opened.as_slice(), cut.len()), (&[WallTime(1), WallTime(2)][..], 2));
        assert_eq!(candles.window(WallTime(9), WallTime(1)).len(), 0);
        assert_eq!((candles.at(WallTime(4)), candles.at(WallTime(7))), (Some(4), None));
    }
}
