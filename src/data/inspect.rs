//! Looks through one file without refusing it, and reports what is wrong and where.
//!
//! This is the patient sister of the loaders: it reads cells as they are and goes on after a bad one. Floats are fine here:
//! nothing of it becomes money. Tests: `tests/suite/data.rs`.

use super::columns::{Cells, Columns};
use super::coverage::{LONGEST_HALT, nominal};
use super::error::{DataError, Place, plausible};
use super::findings::{Fault, Findings};
use super::folder::{Key, Kind};
use super::funding::FundingReader;
use super::history::FundingRow;
use super::months::{Month, Months};
use super::settlements::{judge, scale, spacings, unusual};
use crate::domain::{Interval, Rate, Span, WallTime};
use std::path::Path;

/// A move of more than half from one bar to the next is a jump.
const JUMP: f64 = 0.5;
/// Most a venue pays for one interval but for capped spikes of new coins; beyond, a percentage was taken for a fraction.
const MOST_RATE: Rate = Rate::from_units(30_000_000_000_000_000);

/// What one file holds and what is wrong in it.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// Rows.
    pub rows: usize,
    /// First stamp.
    pub first: Option<WallTime>,
    /// Last stamp.
    pub last: Option<WallTime>,
    /// Bars or settlements missing in the gaps.
    pub missing: u64,
    /// Coverage by month.
    pub months: Vec<Month>,
    /// Times between settlements, with the stamp from which each held.
    pub intervals: Vec<(WallTime, Interval)>,
    /// What is wrong.
    pub findings: Findings,
    /// What is odd but may be right.
    pub notes: Vec<String>,
}

/// Looks through one file.
#[must_use]
pub fn inspect(key: Key, file: &Path) -> FileReport {
    let mut report = FileReport::default();
    let done = match key.kind {
        Kind::Funding => funding(file, &mut report),
        Kind::Spot | Kind::Perp | Kind::Mark => candles(key, file, &mut report),
        Kind::OpenInterest => open_interest(key, file, &mut report),
    };
    if let Err(problem) = done {
        report.findings.add_error(&problem);
    }
    report
}

fn candles(key: Key, file: &Path, report: &mut FileReport) -> Result<(), DataError> {
    let columns = Columns::open(file)?;
    let stamps = stamps(key, &columns, report)?;
    let mut prices = Vec::new();
    for name in ["open", "high", "low", "close"] {
        let cells = columns.doubles(name)?;
        values(name, &cells, &stamps, (f64::MIN_POSITIVE, "a price above zero"), report);
        prices.push(cells.values);
    }
    if columns.has("volume") {
        values("volume", &columns.doubles("volume")?, &stamps, (0.0, "coins, zero or more"), report);
    } else if key.kind != Kind::Mark {
        report.findings.add(Fault::Value, None, None, "has no column `volume`".to_owned());
    }
    if let [open, high, low, close] = prices.as_slice() {
        shapes(&stamps, [open, high, low, close], report);
        jumps(&stamps, close, key.step, report);
    }
    Ok(())
}

fn open_interest(key: Key, file: &Path, report: &mut FileReport) -> Result<(), DataError> {
    let columns = Columns::open(file)?;
    let stamps = stamps(key, &columns, report)?;
    let expected = (0.0, "coins, zero or more");
    values("open_interest", &columns.doubles("open_interest")?, &stamps, expected, report);
    Ok(())
}

fn several(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn row(number: usize) -> Place {
    Place::Row(number + 1)
}

/// Reads the stamps of a file of even steps and checks order, grid and gaps.
fn stamps(key: Key, columns: &Columns, report: &mut FileReport) -> Result<Vec<WallTime>, DataError> {
    let cells = columns.integers("ts_ms")?;
    let step = key.step;
    let mut months = Months::default();
    let mut last: Option<WallTime> = None;
    for (number, stamp) in cells.values.iter().enumerate() {
        let at = WallTime(*stamp);
        if !plausible(*stamp) || cells.nulls.binary_search(&number).is_ok() {
            let text = format!("ts_ms {stamp} is not a plausible time in milliseconds");
            report.findings.add(Fault::Value, Some(row(number)), None, text);
            continue;
        }
        if at.floor(step) != at {
            let text = format!("{at} is not the start of a {step} bar");
            report.findings.add(Fault::Grid, Some(row(number)), Some(at), text);
        }
        if out_of_line(last, at, row(number), &mut report.findings) {
            continue;
        }
        if let Some(last) = last
            && at.since(last) > step
        {
            let bars = at.since(last).0 / step.0.max(1) - 1;
            report.missing += u64::try_from(bars).unwrap_or(0);
            let text = format!("{} missing from {} to before {at}", several(bars, "bar"), last + step);
            report.findings.add(Fault::Gap, Some(row(number)), Some(at), text);
        }
        report.first = report.first.or(Some(at));
        months.add(at, step);
        last = Some(at);
    }
    report.rows = cells.values.len();
    report.last = last;
    report.months = last.map_or_else(Vec::new, |last| months.finish(last + step));
    Ok(cells.values.into_iter().map(WallTime).collect())
}

/// Whether a stamp does not rise over the one before; says so.
fn out_of_line(last: Option<WallTime>, at: WallTime, place: Place, findings: &mut Findings) -> bool {
    let Some(last) = last.filter(|last| at <= *last) else { return false };
    if at == last {
        findings.add(Fault::Duplicate, Some(place), Some(at), format!("{at} stands there twice"));
    } else {
        findings.add(Fault::Order, Some(place), Some(at), format!("{at} comes after {last}"));
    }
    true
}

fn values(name: &str, cells: &Cells<f64>, stamps: &[WallTime], least: (f64, &str), report: &mut FileReport) {
    for (number, value) in cells.values.iter().enumerate() {
        let null = !cells.nulls.is_empty() && cells.nulls.binary_search(&number).is_ok();
        if null || !value.is_finite() || *value < least.0 {
            let shown = if null { "null".to_owned() } else { value.to_string() };
            let text = format!("{name} is {shown}, expected {}", least.1);
            report.findings.add(Fault::Value, Some(row(number)), stamps.get(number).copied(), text);
        }
    }
}

/// High is the highest and low the lowest of a candle.
fn shapes(stamps: &[WallTime], [open, high, low, close]: [&Vec<f64>; 4], report: &mut FileReport) {
    let bars = open.iter().zip(high).zip(low).zip(close).zip(stamps).enumerate();
    for (number, ((((open, high), low), close), stamp)) in bars {
        let text = if high < low {
            format!("high {high} is below low {low}")
        } else if open > high || open < low {
            format!("open {open} is outside of {low} to {high}")
        } else if close > high || close < low {
            format!("close {close} is outside of {low} to {high}")
        } else {
            continue;
        };
        report.findings.add(Fault::Candle, Some(row(number)), Some(*stamp), text);
    }
}

/// Moves of more than half between bars that follow one another; over a hole of more than a day a price may go anywhere.
#[expect(clippy::float_arithmetic, reason = "a check of history is not money")]
fn jumps(stamps: &[WallTime], close: &[f64], step: Span, report: &mut FileReport) {
    let bars = || close.iter().zip(stamps);
    for (number, ((before, earlier), (after, stamp))) in bars().zip(bars().skip(1)).enumerate() {
        let near = stamp.0.saturating_sub(earlier.0) <= LONGEST_HALT.0.saturating_add(step.0);
        if near && *before > 0.0 && *after > 0.0 && (after / before - 1.0).abs() > JUMP {
            let text = format!("close went from {before} to {after} ({:+.1} %)", (after / before - 1.0) * 100.0);
            report.findings.add(Fault::Jump, Some(row(number + 1)), Some(*stamp), text);
        }
    }
}

fn funding(file: &Path, report: &mut FileReport) -> Result<(), DataError> {
    let mut reader = FundingReader::open(file)?;
    let mut rows: Vec<(FundingRow, Place)> = Vec::new();
    while let Some(next) = reader.next_row() {
        match next {
            Ok(row) => {
                report.rows += 1;
                let place = reader.stamp_place();
                if row.rate.units().unsigned_abs() > MOST_RATE.units().unsigned_abs() {
                    let text = format!("rate {} is beyond 3 % for one interval", row.rate);
                    report.findings.add(Fault::Rate, Some(place), Some(row.stamp), text);
                }
                // An equal stamp is the same settlement told again, which is judged with the others.
                let before = rows.last().map(|last| last.0.stamp).filter(|last| *last != row.stamp);
                if !out_of_line(before, row.stamp, place, &mut report.findings) {
                    rows.push((row, place));
                }
            }
            Err(problem @ (DataError::Cell { .. } | DataError::Row { .. })) => {
                report.rows += 1;
                report.findings.add_error(&problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    let judged = judge(&rows);
    for repeat in &judged.repeats {
        report.findings.add(Fault::Duplicate, Some(repeat.again.1), Some(repeat.again.0.stamp), repeat.words());
    }
    if let Some(scale) = scale(&judged.rows) {
        report.findings.add(Fault::Scale, Some(scale.at.1), Some(scale.at.0), scale.words);
    } else {
        let rows: Vec<_> = judged.rows.iter().map(|row| row.0).collect();
        report.notes.extend(unusual(&rows));
    }
    settlements(&judged.rows, report);
    if !ends_with_a_line_end(file) {
        report.notes.push("the last line has no line end: it may be cut".to_owned());
    }
    Ok(())
}

/// Gaps and interval changes of rising settlements.
fn settlements(rows: &[(FundingRow, Place)], report: &mut FileReport) {
    let stamps: Vec<_> = rows.iter().map(|row| row.0.stamp).collect();
    let spacing = spacings(&stamps);
    let mut months = Months::default();
    for (number, (stamp, place)) in rows.iter().map(|(row, place)| (row.stamp, *place)).enumerate() {
        report.first = report.first.or(Some(stamp));
        report.last = Some(stamp);
        let at = number.checked_sub(1);
        let before = at.and_then(|place| spacing.get(place).copied().flatten());
        let length = before.or_else(|| spacing.get(number).copied().flatten()).map_or(Span::ZERO, Interval::span);
        // A settlement pays for the time before it.
        months.add(nominal(stamp) - length, length);
        let Some(earlier) = at.and_then(|place| stamps.get(place)) else { continue };
        if before.is_none() {
            let distance = nominal(stamp).since(nominal(*earlier));
            let usual = usual_before(&spacing, number);
            let missing = usual.map_or(0, |usual| (distance.0 / usual.span().0 - 1).max(0));
            report.missing += u64::try_from(missing).unwrap_or(0);
            let text = if missing > 0 {
                let what = several(missing, "settlement");
                format!("{what} missing between {earlier} and {stamp} ({distance} apart)")
            } else {
                // Stamps five minutes apart mean the same hour.
                let distance = if distance > Span::ZERO { distance } else { stamp.since(*earlier) };
                format!("{earlier} and {stamp} are {distance} apart, which no stamp beside them repeats: no interval")
            };
            report.findings.add(Fault::Gap, Some(place), Some(stamp), text);
        } else if let Some(interval) = before
            && report.intervals.last().is_none_or(|known| known.1 != interval)
        {
            report.intervals.push((*earlier, interval));
        }
    }
    report.months = report.last.map_or_else(Vec::new, |last| months.finish(nominal(last)));
}

/// The last interval met before the spacing that ends at row `number`, else the first one after.
fn usual_before(spacing: &[Option<Interval>], number: usize) -> Option<Interval> {
    let end = number.saturating_sub(1);
    let before = spacing.iter().take(end).rev().flatten().next();
    before.or_else(|| spacing.iter().skip(number).flatten().next()).copied()
}

fn ends_with_a_line_end(file: &Path) -> bool {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let last = || {
        let mut opened = std::fs::File::open(file)?;
        opened.seek(SeekFrom::End(-1))?;
        let mut byte = [0_u8; 1];
        opened.read_exact(&mut byte)?;
        std::io::Result::Ok(byte == [b'\n'])
    };
    last().unwrap_or(true)
}
