//! Settlements from CSV: `ts_ms,rate,mark_price[,premium]`, by the names of the header.
//!
//! Further columns are ignored (the `px` of some recorders is not a mark). Numbers are plain decimals, with an exponent at
//! most; an empty mark or premium means that it was not published. Text is not quoted. Tests: `tests/suite/data.rs`.

use super::error::{Bad, DataError, Place, STAMP, escaped, plausible};
use super::history::FundingRow;
use super::lines::Lines;
use super::settlements::{judge, scale};
use crate::domain::{Price, Rate, WallTime};
use std::path::Path;

const RATE: &str = "a plain fraction such as 0.0001 for 0.01 %";
const MARK: &str = "a price above zero with at most 8 decimals, or nothing";
const BEYOND: &str = "is beyond 100 % (carry data import --rates-in percent converts rates in percent)";
const PREMIUM: &str = "a plain fraction such as 0.0001, or nothing";

/// Reads the settlements of one symbol, each once and with its interval.
///
/// # Errors
/// [`DataError`] with the file, line, character and column: a cell that is no number, stamps that fall, a settlement told with
/// two rates, rates that are written in percent.
pub fn read_funding(file: &Path) -> Result<Vec<FundingRow>, DataError> {
    let mut reader = FundingReader::open(file)?;
    let mut rows: Vec<(FundingRow, Place)> = Vec::new();
    while let Some(next) = reader.next_row() {
        let row = next?;
        if let Some((last, _)) = rows.last()
            && row.stamp < last.stamp
        {
            let problem = format!("ts_ms {} ({}) is before the line above; stamps must rise", row.stamp.0, row.stamp);
            return Err(DataError::row(file, reader.stamp_place(), problem));
        }
        rows.push((row, reader.stamp_place()));
    }
    let judged = judge(&rows);
    if let Some(repeat) = judged.repeats.iter().find(|repeat| !repeat.agrees()) {
        return Err(DataError::row(file, repeat.again.1, repeat.words()));
    }
    match scale(&judged.rows) {
        Some(scale) => Err(scale.error(file)),
        None => Ok(judged.rows.into_iter().map(|row| row.0).collect()),
    }
}

/// Reads line by line, in any order of stamps; a bad line is an error and the next one can still be read.
pub(crate) struct FundingReader<'a> {
    lines: Lines<'a>,
    layout: Layout<'a>,
}

impl<'a> FundingReader<'a> {
    /// Opens a file and reads its header.
    pub(crate) fn open(file: &'a Path) -> Result<Self, DataError> {
        let mut lines = Lines::open(file)?;
        let layout = Layout::of(file, &mut lines)?;
        Ok(Self { lines, layout })
    }

    /// The next line; `None` at the end.
    pub(crate) fn next_row(&mut self) -> Option<Result<FundingRow, DataError>> {
        match self.lines.next() {
            Ok(true) => Some(self.layout.row(&self.lines)),
            Ok(false) => None,
            Err(problem) => Some(Err(problem)),
        }
    }

    /// Where the stamp of the last line stands.
    pub(crate) fn stamp_place(&self) -> Place {
        self.lines.place(self.layout.stamp)
    }
}

/// Which field holds what.
struct Layout<'a> {
    file: &'a Path,
    stamp: usize,
    rate: usize,
    mark: Option<usize>,
    premium: Option<usize>,
}

impl<'a> Layout<'a> {
    fn of(file: &'a Path, lines: &mut Lines<'a>) -> Result<Self, DataError> {
        let names = lines.header("ts_ms,rate,mark_price")?;
        let find = |column: &str| names.iter().position(|name| name == column);
        let need = |column: &str| {
            find(column).ok_or_else(|| DataError::NoColumn {
                file: file.to_path_buf(),
                column: column.to_owned(),
                found: escaped(&names.join(", "), 200),
            })
        };
        Ok(Self {
            file,
            stamp: need("ts_ms")?,
            rate: need("rate")?,
            mark: find("mark_price"),
            premium: find("premium"),
        })
    }

    fn row(&self, lines: &Lines<'_>) -> Result<FundingRow, DataError> {
        let last = self.stamp.max(self.rate).max(self.mark.unwrap_or(0)).max(self.premium.unwrap_or(0));
        lines.at_least(last + 1)?;
        Ok(FundingRow {
            stamp: self.stamp(lines)?,
            rate: self.fraction(lines, self.rate, "rate", RATE)?,
            interval: None,
            mark: self.mark(lines)?,
            premium: self.premium(lines)?,
        })
    }

    const fn bad(&self, place: Place, column: &'static str, expected: &'static str) -> Bad<'_> {
        Bad { file: self.file, place, column, expected }
    }

    fn stamp(&self, lines: &Lines<'_>) -> Result<WallTime, DataError> {
        let text = lines.text(self.stamp)?;
        let bad = self.bad(lines.place(self.stamp), "ts_ms", STAMP);
        let shown = || format!("\"{}\"", escaped(text, 40));
        if text.is_empty() {
            return Err(bad.is("is", "empty"));
        }
        if text.len() > 19 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad.is(shown(), "is not a whole number"));
        }
        match text.parse() {
            Ok(stamp) if plausible(stamp) => Ok(WallTime(stamp)),
            _ => Err(bad.is(shown(), "is not a plausible time")),
        }
    }

    /// A rate or premium of one interval. Beyond 100 % it is a percentage, a price or a time, not a fraction (fault B14).
    fn fraction(
        &self,
        lines: &Lines<'_>,
        field: usize,
        column: &'static str,
        expected: &'static str,
    ) -> Result<Rate, DataError> {
        let text = lines.text(field)?;
        let bad = self.bad(lines.place(field), column, expected);
        let rate = Rate::parse(text).map_err(|problem| bad.text(text, problem))?;
        if rate.units().unsigned_abs() > Rate::ONE.unsigned_abs() {
            return Err(bad.is(format_args!("\"{}\"", escaped(text, 40)), BEYOND));
        }
        Ok(rate)
    }

    fn mark(&self, lines: &Lines<'_>) -> Result<Option<Price>, DataError> {
        let Some(field) = self.mark else { return Ok(None) };
        let text = lines.text(field)?;
        if text.is_empty() {
            return Ok(None);
        }
        let bad = self.bad(lines.place(field), "mark_price", MARK);
        Price::parse(text).map(Some).map_err(|problem| bad.text(text, problem))
    }

    fn premium(&self, lines: &Lines<'_>) -> Result<Option<Rate>, DataError> {
        let Some(field) = self.premium else { return Ok(None) };
        if lines.text(field)?.is_empty() {
            return Ok(None);
        }
        self.fraction(lines, field, "premium", PREMIUM).map(Some)
    }
}
