//! Writes history in the layout that the readers here read: settlements as CSV, candles and open interest as Parquet.
//!
//! A file is replaced in one step: the new one is written beside it, synced, and renamed over it, so that a stop at any
//! instant leaves the old or the new file (fault G21). Nothing is judged here: `verify` does that. Prices become the double
//! nearest to the decimal that was printed, which the readers turn back into that very decimal.
//! Tests stand at the end and in `tests/commands/download.rs`.

use super::columns::Columns;
use super::error::DataError;
use super::history::FundingRow;
use crate::domain::{Quantity, WallTime};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Candles as they are kept in a file; a premium may be negative, so they are no prices yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawCandles {
    /// Opening times, rising.
    pub opened: Vec<i64>,
    /// Open, high, low, close.
    pub prices: [Vec<f64>; 4],
    /// Coins; absent for mark and premium.
    pub volume: Option<Vec<f64>>,
}

const NAMES: [&str; 4] = ["open", "high", "low", "close"];

impl RawCandles {
    /// Reads a file as it is; nulls are refused.
    ///
    /// # Errors
    /// [`DataError`] with the file and column.
    pub fn read(file: &Path) -> Result<Self, DataError> {
        let columns = Columns::open(file)?;
        let doubles = |name: &str| {
            let cells = columns.doubles(name)?;
            match cells.nulls.first() {
                None => Ok(cells.values),
                Some(row) => Err(DataError::parquet(file, format_args!("column `{name}` is empty in row {}", row + 1))),
            }
        };
        let opened = columns.integers("ts_ms")?.values;
        let [open, high, low, close] = NAMES;
        let prices = [doubles(open)?, doubles(high)?, doubles(low)?, doubles(close)?];
        let volume = if columns.has("volume") { Some(doubles("volume")?) } else { None };
        Ok(Self { opened, prices, volume })
    }

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

    /// Puts the rows of both in order of time; of two with one stamp the one of `newer` stays.
    #[must_use]
    pub fn merged(&self, newer: &Self) -> Self {
        let mut rows = std::collections::BTreeMap::new();
        for source in [self, newer] {
            for (place, stamp) in source.opened.iter().enumerate() {
                rows.insert(*stamp, (source, place));
            }
        }
        let pick = |column: usize| {
            let value = |(source, place): &(&Self, usize)| source.prices.get(column)?.get(*place).copied();
            rows.values().filter_map(value).collect::<Vec<f64>>()
        };
        let with_volume = self.volume.is_some() || newer.volume.is_some();
        let volume = |(source, place): &(&Self, usize)| source.volume.as_ref()?.get(*place).copied();
        Self {
            opened: rows.keys().copied().collect(),
            prices: [pick(0), pick(1), pick(2), pick(3)],
            volume: with_volume.then(|| rows.values().filter_map(volume).collect()),
        }
    }
}

/// Replaces a file of candles.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write_candles(file: &Path, candles: &RawCandles) -> Result<(), DataError> {
    let mut columns = vec![("ts_ms", Column::Integers(&candles.opened))];
    columns.extend(NAMES.into_iter().zip(candles.prices.iter().map(|column| Column::Doubles(column))));
    if let Some(volume) = &candles.volume {
        columns.push(("volume", Column::Doubles(volume)));
    }
    write_parquet(file, &columns)
}

/// Replaces a file of open interest.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write_open_interest(file: &Path, rows: &[(WallTime, Quantity)]) -> Result<(), DataError> {
    let stamps: Vec<i64> = rows.iter().map(|row| row.0.0).collect();
    // Through the text, so that the double is the one nearest to the decimal.
    let coins: Vec<f64> = rows.iter().filter_map(|row| row.1.to_string().parse().ok()).collect();
    write_parquet(file, &[("ts_ms", Column::Integers(&stamps)), ("open_interest", Column::Doubles(&coins))])
}

/// Replaces a file of settlements. A column `premium` is written when any row has one.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write_funding(file: &Path, rows: &[FundingRow]) -> Result<(), DataError> {
    let with_premium = rows.iter().any(|row| row.premium.is_some());
    let mut text =
        String::from(if with_premium { "ts_ms,rate,mark_price,premium\n" } else { "ts_ms,rate,mark_price\n" });
    for row in rows {
        let mark = row.mark.map_or_else(String::new, |mark| mark.to_string());
        // Writing into a String does not fail.
        let _ = write!(text, "{},{},{mark}", row.stamp.0, row.rate);
        if with_premium {
            let _ = write!(text, ",{}", row.premium.map_or_else(String::new, |premium| premium.to_string()));
        }
        text.push('\n');
    }
    replace(file, |out| out.write_all(text.as_bytes()))
}

/// Replaces a text file.
///
/// # Errors
/// [`DataError`] when it cannot be written.
pub fn write_text(file: &Path, text: &str) -> Result<(), DataError> {
    replace(file, |out| out.write_all(text.as_bytes()))
}

#[derive(Clone, Copy)]
enum Column<'a> {
    Integers(&'a [i64]),
    Doubles(&'a [f64]),
}

fn write_parquet(file: &Path, columns: &[(&str, Column<'_>)]) -> Result<(), DataError> {
    let mut schema = String::from("message history {");
    for (name, column) in columns {
        let kind = if matches!(column, Column::Integers(_)) { "INT64" } else { "DOUBLE" };
        let _ = write!(schema, " REQUIRED {kind} {name};");
    }
    schema.push('}');
    replace(file, |out| written(out, &schema, columns).map_err(io::Error::other))
}

/// A Parquet file of this schema, compressed with Zstandard, as every file of ours is.
pub(super) fn writer<'a>(out: &'a mut File, schema: &str) -> Result<SerializedFileWriter<&'a mut File>, ParquetError> {
    let schema = Arc::new(parse_message_type(schema)?);
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(zstd).build());
    SerializedFileWriter::new(out, schema, properties)
}

fn written(out: &mut File, schema: &str, columns: &[(&str, Column<'_>)]) -> Result<(), ParquetError> {
    let mut writer = writer(out, schema)?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let Some(mut place) = group.next_column()? else { break };
        match (place.untyped(), column) {
            (ColumnWriter::Int64ColumnWriter(typed), Column::Integers(values)) => {
                typed.write_batch(values, None, None)?;
            }
            (ColumnWriter::DoubleColumnWriter(typed), Column::Doubles(values)) => {
                typed.write_batch(values, None, None)?;
            }
            _ => return Err(ParquetError::General("the schema and the values differ".to_owned())),
        }
        place.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

/// Writes beside the file, syncs, and renames over it.
pub(super) fn replace(file: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), DataError> {
    let failed = |source| DataError::io(file, source);
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let beside: PathBuf = folder.join(name);
    let attempt = || -> io::Result<()> {
        let mut out = File::create(&beside)?;
        write(&mut out)?;
        out.sync_all()?;
        std::fs::rename(&beside, file)?;
        // The new name is durable once the folder is.
        File::open(folder)?.sync_all()
    };
    attempt().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::candles::read_candles;
    use super::super::funding::read_funding;
    use super::*;
    use crate::domain::{Price, Rate, Span};

    fn some(stamps: &[i64], price: f64) -> RawCandles {
        let column = vec![price; stamps.len()];
        let prices = [column.clone(), column.clone(), column.clone(), column.clone()];
        RawCandles { opened: stamps.to_vec(), prices, volume: Some(column) }
    }

    #[test]
    fn what_is_written_is_read_back_to_the_last_digit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("klines/x-spot/A-1h.parquet");
        let start = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000;
        write_candles(&file, &some(&[start, start + 3_600_000], 43_125.123_456_78)).unwrap();
        let read = read_candles(&file, Span::HOUR).unwrap();
        assert_eq!(read.close, vec![Price::parse("43125.12345678").unwrap(); 2]);
        assert_eq!(RawCandles::read(&file).unwrap(), some(&[start, start + 3_600_000], 43_125.123_456_78));
        let row = FundingRow {
            stamp: WallTime(start),
            rate: Rate::parse("-0.00012345").unwrap(),
            interval: None,
            mark: Some(Price::parse("43125.1").unwrap()),
            premium: None,
        };
        let file = folder.path().join("funding/x/A.csv");
        write_funding(&file, &[row]).unwrap();
        assert_eq!(read_funding(&file).unwrap(), vec![row]);
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            format!("ts_ms,rate,mark_price\n{start},-0.00012345,43125.1\n")
        );
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn g21_rows_are_merged_by_time_and_the_newer_one_stays() {
        let merged = some(&[20, 30], 1.0).merged(&some(&[10, 20], 2.0));
        assert_eq!(merged.opened, [10, 20, 30]);
        assert_eq!(merged.prices[3], [2.0, 2.0, 1.0]);
        assert_eq!(merged.volume, Some(vec![2.0, 2.0, 1.0]));
    }
}
