//! What a funding series was like: mean, spread, extremes, share at the anchor and share above zero, per 8 h.
//!
//! Two views. *Rates*: every settlement by itself, multiplied to 8 h. *Blocks*: what was paid within each 8 h that start at
//! 00, 08 or 16 UTC, added up, as the published tables have it. Statistics are floats by design; nothing here is money.
//! Tests: here and in `tests/suite/data.rs`.

use super::coverage::nominal;
use super::history::FundingRow;
use super::settlements::{intervals, spacings};
use crate::domain::{FundingRate, Interval, Rate, Span, WallTime};
use std::collections::BTreeSet;

/// Length of a block.
pub const BLOCK: Span = Span::hours(8);
/// How far from the anchor still prints as 0.01 %: half of the last published digit (0.0001 %).
const AT_ANCHOR: i64 = 500_000_000_000;

/// Rates per 8 h taken from a series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// One value a settlement or block, in order of time.
    pub per_8h: Vec<Rate>,
    /// The intervals met.
    pub intervals: BTreeSet<Interval>,
    /// Sum of what was paid, in units of 1e-18.
    pub paid: i128,
    /// Time it was paid for.
    pub covered: Span,
    /// Settlements of unknown interval, or blocks with a missing settlement, inside the window: left out, never zero.
    pub left_out: usize,
}

impl Sample {
    fn push(&mut self, per_8h: Rate, paid: Rate, covered: Span) {
        self.per_8h.push(per_8h);
        self.paid += i128::from(paid.units());
        self.covered = Span(self.covered.0.saturating_add(covered.0));
    }

    /// What was paid as a fraction per year of 365 days: by time, so that an hourly payment does not count like one of 8 h.
    #[must_use]
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "statistics are floats by design")]
    pub fn per_year(&self) -> Option<f64> {
        let years = self.covered.0 as f64 / (365.0 * Span::DAY.0 as f64);
        (self.covered.0 > 0).then(|| self.paid as f64 / Rate::ONE as f64 / years)
    }
}

/// Numbers of a sample; all rates are plain fractions per 8 h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (n - 1).
    pub std: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Share (0 to 1) within 0.00005 percentage points of the anchor of 0.01 %.
    pub at_anchor: f64,
    /// Share (0 to 1) above zero.
    pub positive: f64,
}

/// Each settlement meant for a time within `[from, to]`, in 8 h terms.
#[must_use]
pub fn rates(rows: &[FundingRow], from: WallTime, to: WallTime) -> Sample {
    let mut sample = Sample::default();
    for (row, interval) in rows.iter().zip(intervals(&stamps_of(rows))) {
        if !(from..=to).contains(&nominal(row.stamp)) {
            continue;
        }
        match interval {
            Some(interval) => {
                sample.push(FundingRate { rate: row.rate, interval }.per_8h(), row.rate, interval.span());
                sample.intervals.insert(interval);
            }
            None => sample.left_out += 1,
        }
    }
    sample
}

/// Whether payments of an interval add up to whole blocks.
const fn divides(interval: Interval) -> bool {
    BLOCK.0 % interval.span().0 == 0
}

/// Each block that starts within `[from, to]`: the sum of the settlements from its start to before its end, which may lie
/// after `to`. Settlements of an interval that does not divide a block are in none and left out.
#[must_use]
pub fn blocks(rows: &[FundingRow], from: WallTime, to: WallTime) -> Sample {
    let mut sample = Sample::default();
    let stamps = stamps_of(rows);
    let known = intervals(&stamps);
    let whole = whole_stretches(&stamps);
    let mut place = 0;
    while let Some(row) = rows.get(place) {
        let start = nominal(row.stamp).floor(BLOCK);
        let inside = |row: &&FundingRow| nominal(row.stamp) < start + BLOCK;
        let count = rows.iter().skip(place).take_while(inside).count();
        if (from..=to).contains(&start) {
            let even = known.iter().skip(place).take(count).all(|interval| interval.is_some_and(divides));
            if even && whole.iter().any(|(after, until)| *after < start && start + BLOCK <= *until) {
                let paid = rows.iter().skip(place).take(count).fold(Rate::ZERO, |sum, row| sum + row.rate);
                sample.push(paid, paid, BLOCK);
                sample.intervals.extend(known.iter().skip(place).take(count).flatten());
            } else {
                sample.left_out += 1;
            }
        }
        place += count.max(1);
    }
    sample
}

fn stamps_of(rows: &[FundingRow]) -> Vec<WallTime> {
    rows.iter().map(|row| row.stamp).collect()
}

/// Times between which no settlement is missing: after the one before the first, until the first missing one.
fn whole_stretches(stamps: &[WallTime]) -> Vec<(WallTime, WallTime)> {
    let spacing = spacings(stamps);
    let mut out: Vec<(WallTime, WallTime)> = Vec::new();
    let mut joined = false;
    for (place, (earlier, later)) in stamps.iter().zip(stamps.iter().skip(1)).enumerate() {
        let interval = spacing.get(place).copied().flatten();
        if let Some(interval) = interval.map(Interval::span) {
            let until = nominal(*later) + interval;
            match out.last_mut().filter(|_| joined) {
                Some(stretch) => stretch.1 = until,
                None => out.push((nominal(*earlier) - interval, until)),
            }
        }
        joined = interval.is_some();
    }
    out
}

/// The numbers of a sample; `None` when it is empty.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "statistics are floats by design")]
pub fn summary(values: &[Rate]) -> Option<Summary> {
    let (min, max) = (values.iter().min()?, values.iter().max()?);
    let count = values.len() as f64;
    let sum: i128 = values.iter().map(|rate| i128::from(rate.units())).sum();
    let mean = sum as f64 / count / Rate::ONE as f64;
    let squares: f64 = values.iter().map(|rate| (rate.to_f64() - mean) * (rate.to_f64() - mean)).sum();
    let anchor = FundingRate::ANCHOR.per_8h().units();
    let share = |pick: &dyn Fn(&&Rate) -> bool| values.iter().filter(pick).count() as f64 / count;
    Some(Summary {
        n: values.len(),
        mean,
        std: if values.len() > 1 { libm::sqrt(squares / (count - 1.0)) } else { 0.0 },
        min: min.to_f64(),
        max: max.to_f64(),
        at_anchor: share(&|rate| rate.units().abs_diff(anchor) <= AT_ANCHOR.unsigned_abs()),
        positive: share(&|rate| **rate > Rate::ZERO),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_735_689_600_000;

    fn hour(hours: i64) -> WallTime {
        WallTime(START + hours * 3_600_000)
    }

    fn row(hours: i64, rate: &str) -> FundingRow {
        FundingRow {
            stamp: hour(hours) + Span(7),
            rate: Rate::parse(rate).unwrap(),
            interval: None,
            mark: None,
            premium: None,
        }
    }

    fn texts(sample: &Sample) -> Vec<String> {
        sample.per_8h.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn b14_rates_are_multiplied_and_the_end_is_inclusive() {
        let rows = [
            row(0, "0.0001"),
            row(8, "0.0001"),
            row(16, "0.0001"),
            row(20, "0.00005"),
            row(24, "0.00005"),
            row(40, "0.0003"),
            row(48, "-0.0002"),
            row(56, "-0.0002"),
        ];
        let sample = rates(&rows, hour(16), hour(48));
        assert_eq!(texts(&sample), ["0.0001", "0.0001", "0.0001", "0.0003", "-0.0002"]);
        assert_eq!((sample.intervals.len(), sample.left_out), (2, 0));
        // A settlement with no interval on either side says nothing.
        let lonely = rates(&[row(0, "0.0001"), row(100, "0.0001")], hour(0), hour(200));
        assert_eq!((lonely.per_8h.len(), lonely.left_out), (0, 2));
    }

    #[test]
    fn b14_a_year_is_counted_by_time_not_by_payments() {
        // 0.01 % over 8 h and twice 0.005 % over 4 h are 0.02 % in 16 h; one at -0.1 % over 8 h makes it -0.08 % in 24 h.
        let rows = [
            row(-8, "0.0001"),
            row(0, "0.0001"),
            row(8, "0.0001"),
            row(12, "0.00005"),
            row(16, "0.00005"),
            row(24, "-0.001"),
            row(32, "0.0001"),
        ];
        let sample = rates(&rows, hour(8), hour(24));
        assert_eq!(sample.covered, Span::DAY);
        assert!((sample.per_year().unwrap() + 0.0008 * 365.0).abs() < 1e-12);
        assert_eq!(Sample::default().per_year(), None);
    }

    #[test]
    fn a_block_adds_what_is_paid_in_it_and_may_read_past_the_end() {
        let rows: Vec<_> = (0..24).map(|hours| row(hours, "0.0000125")).collect();
        let sample = blocks(&rows, hour(0), hour(8));
        assert_eq!(texts(&sample), ["0.0001", "0.0001"]);
        assert_eq!(texts(&blocks(&rows, hour(1), hour(16))), ["0.0001", "0.0001"]);
    }

    #[test]
    fn a_block_with_a_missing_settlement_is_left_out() {
        // Hours 10, 11 and 12 are missing, and the last block stops short.
        let rows: Vec<_> =
            (0..22).filter(|hours| !(10..13).contains(hours)).map(|hours| row(hours, "0.0001")).collect();
        let sample = blocks(&rows, hour(0), hour(24));
        assert_eq!((texts(&sample), sample.left_out), (vec!["0.0008".to_owned()], 2));
        // Stamps at 04, 12 and 20 fill their blocks from the first one on.
        let bitmex = [row(4, "0.0001"), row(12, "0.0002"), row(20, "0.0003")];
        assert_eq!(texts(&blocks(&bitmex, hour(0), hour(24))), ["0.0001", "0.0002", "0.0003"]);
    }

    #[test]
    fn u08_statistics_take_every_proven_interval() {
        let six: Vec<_> = (0..8).map(|number| row(number * 6, "0.0003")).collect();
        let sample = rates(&six, hour(0), hour(100));
        assert_eq!((sample.per_8h.len(), texts(&sample)[0].as_str(), sample.left_out), (8, "0.0004", 0));
        assert_eq!(sample.intervals, BTreeSet::from([Interval::H6]));
        assert!((sample.per_year().unwrap() - 0.0003 * 4.0 * 365.0).abs() < 1e-12);
        // Payments each 6 h do not add up to blocks of 8 h.
        assert_eq!((blocks(&six, hour(0), hour(100)).per_8h.len(), blocks(&six, hour(0), hour(100)).left_out), (0, 6));
    }

    #[test]
    fn shares_and_spread_are_those_of_the_values() {
        let values: Vec<_> =
            ["0.0001", "0.0001005", "0.000101", "-0.0001"].iter().map(|text| Rate::parse(text).unwrap()).collect();
        let numbers = summary(&values).unwrap();
        assert_eq!((numbers.n, numbers.at_anchor, numbers.positive), (4, 0.5, 0.75));
        assert!((numbers.mean - 0.000_050_375).abs() < 1e-15 && (numbers.max - 0.000_101).abs() < 1e-15);
        assert!((numbers.std - 0.000_100_250_831_1).abs() < 1e-12, "{}", numbers.std);
        assert_eq!(summary(&[]), None);
    }
}
