//! Break-even odds: how often funding earned a round trip back within some days, by what was expected of it (recipe M).
//!
//! An instant is a grid point of 8 h at which a month of funding is known; it has broken even by day D when the funding paid from there
//! to D is at least the cost. Each instant belongs to the class of the yearly rate that was expected then.
//! A class of fewer than [`LEAST`] instants says nothing. Instants follow each other closely, so they are far from independent:
//! the share is a frequency, not a probability with an error. Pure. Tests: here.

use super::month::Month;
use crate::domain::{Span, WallTime};

/// Upper ends of the classes, a year; the last class has none.
pub const ENDS: [f64; 5] = [0.03, 0.06, 0.09, 0.12, 0.20];
/// Days by which it is looked whether the cost was earned.
pub const DAYS: [i64; 3] = [14, 30, 60];
/// Instants that a class needs.
pub const LEAST: u32 = 100;
/// Grid points of 8 h in a day, and payments of 8 h in a year.
const PER_DAY: usize = 3;
const PER_YEAR: f64 = 1095.0;
/// A mean needs this share of its grid points.
const COVERED: f64 = 0.95;

/// One settlement: its stamp, its rate as a fraction, and the hours it was paid for.
pub type Paid = (WallTime, f64, i64);

/// Instants and those that broke even, by class and by day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [[(u32, u32); 3]; 6],
}

/// The class of a yearly rate.
#[must_use]
pub fn class_of(apr: f64) -> usize {
    ENDS.iter().filter(|end| apr >= **end).count()
}

#[expect(clippy::float_arithmetic, reason = "frequencies of signals")]
impl Tally {
    /// What became of each instant from `from` on by each of [`DAYS`].
    #[must_use]
    pub fn of(rows: &[Paid], cost: f64, from: WallTime) -> Self {
        Self::by(rows, cost, from, DAYS)
    }

    /// The same by other days. An instant whose days are not over at the end of the rows is none.
    #[must_use]
    pub fn by(rows: &[Paid], cost: f64, from: WallTime, days: [i64; 3]) -> Self {
        let mut tally = Self::default();
        let Some((start, grid)) = grid(rows) else { return tally };
        for (place, apr) in expected(&grid) {
            if start + Span(Span::hours(8).0.saturating_mul(i64::try_from(place).unwrap_or(i64::MAX))) < from {
                continue;
            }
            let class = class_of(apr);
            for (day, days) in days.iter().enumerate() {
                let last = place + usize::try_from(*days).unwrap_or(0) * PER_DAY;
                let Some(after) = grid.get(place + 1..=last) else { continue };
                // A hole is no payment of zero: an instant before one is left out.
                let Some(paid) = after.iter().copied().collect::<Option<Vec<f64>>>() else { continue };
                let broke_even = paid.iter().sum::<f64>() >= cost;
                if let Some((instants, hits)) = tally.counts.get_mut(class).and_then(|row| row.get_mut(day)) {
                    *instants += 1;
                    *hits += u32::from(broke_even);
                }
            }
        }
        tally
    }

    /// Adds those of another series.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *own = (own.0 + more.0, own.1 + more.1);
        }
    }

    /// Instants of a class at a day.
    #[must_use]
    pub fn instants(&self, class: usize, day: usize) -> u32 {
        self.counts.get(class).and_then(|row| row.get(day)).map_or(0, |count| count.0)
    }

    /// Share of a class that broke even by a day; `None` for a class that says nothing.
    #[must_use]
    pub fn share(&self, class: usize, day: usize) -> Option<f64> {
        let (instants, hits) = *self.counts.get(class)?.get(day)?;
        (instants >= LEAST).then(|| f64::from(hits) / f64::from(instants))
    }
}

/// Funding on a grid of 8 h from the first settlement on; `None` where less than 7 of the 8 hours are known.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn grid(rows: &[Paid]) -> Option<(WallTime, Vec<Option<f64>>)> {
    let step = Span::hours(8);
    let start = rows.first()?.0.floor(step);
    let last = rows.last()?.0;
    let count = usize::try_from(last.since(start).0.div_euclid(step.0) + 2).ok()?;
    let mut sums = vec![(0.0, 0_i64); count];
    for (stamp, rate, hours) in rows {
        // Stamps are some minutes late at most: what ended at 08:00 belongs to the grid point of 08:00.
        let minutes = (stamp.since(start).0 - Span::MINUTE.0 * 10).max(0);
        let place = usize::try_from(minutes.div_euclid(step.0) + 1).ok()?;
        if let Some(slot) = sums.get_mut(place) {
            *slot = (slot.0 + rate, slot.1 + (*hours).max(1));
        }
    }
    Some((start, sums.into_iter().map(|(sum, hours)| (hours >= 7).then_some(sum)).collect()))
}

/// Grid points at which a month is known, with the yearly rate expected there.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn expected(grid: &[Option<f64>]) -> Vec<(usize, f64)> {
    let mean = |place: usize, days: usize| -> Option<f64> {
        let window = grid.get((place + 1).checked_sub(days * PER_DAY)?..=place)?;
        let (known, sum) = window.iter().flatten().fold((0_u32, 0.0), |(count, sum), rate| (count + 1, sum + rate));
        let wanted = u32::try_from(days * PER_DAY).ok()?;
        (f64::from(known) >= COVERED * f64::from(wanted)).then(|| sum / f64::from(known.max(1)))
    };
    let at = |place: usize| {
        let month = Month { week: mean(place, 7)?, month: mean(place, 30)? };
        Some((place, PER_YEAR * month.per_8h()))
    };
    (0..grid.len()).filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: i64, rate: impl Fn(i64) -> f64) -> Vec<Paid> {
        (0..count).map(|place| (WallTime(place * 28_800_000 + 3), rate(place), 8)).collect()
    }

    #[test]
    fn steady_funding_breaks_even_on_its_day_and_not_before() {
        // 0.01 % each 8 h: 34 bps are earned in 34 payments, eleven days and a third.
        let cost = 0.0034;
        let tally = Tally::of(&rows(2_000, |_| 0.000_1), cost, WallTime(0));
        let class = class_of(1095.0 * 0.8 * 0.000_1);
        assert_eq!(class, 2);
        assert!(tally.instants(class, 0) > 1_700);
        assert_eq!((tally.share(class, 0), tally.share(class, 2)), (Some(1.0), Some(1.0)));
        assert_eq!(tally.share(0, 0), None, "a class without instants says nothing");
        // Half of that takes 68 payments: not by day 14, but by day 30.
        let slow = Tally::of(&rows(2_000, |_| 0.000_05), cost, WallTime(0));
        let class = class_of(1095.0 * (0.6 * 0.000_05 + 0.2 * 0.000_1));
        assert_eq!((slow.share(class, 0), slow.share(class, 1)), (Some(0.0), Some(1.0)));
        // The 68th payment is the second of day 23.
        let other = Tally::by(&rows(2_000, |_| 0.000_05), cost, WallTime(0), [22, 23, 24]);
        assert_eq!([0, 1, 2].map(|day| other.share(class, day)), [Some(0.0), Some(1.0), Some(1.0)]);
    }

    #[test]
    fn an_instant_counts_when_its_days_are_over_and_a_hole_is_no_zero() {
        let all = rows(400, |_| 0.000_1);
        let tally = Tally::of(&all, 0.0034, WallTime(0));
        let class = class_of(1095.0 * 0.8 * 0.000_1);
        assert!(tally.instants(class, 0) > tally.instants(class, 1), "the end of the rows cuts the longer look first");
        let later = Tally::of(&all, 0.0034, WallTime(200 * 28_800_000));
        assert!(later.instants(class, 0) < tally.instants(class, 0));
        let holed: Vec<Paid> = all.iter().enumerate().filter(|(place, _)| *place != 250).map(|(_, row)| *row).collect();
        assert!(Tally::of(&holed, 0.0034, WallTime(0)).instants(class, 0) < tally.instants(class, 0));
        let mut both = tally;
        both.add(&later);
        assert_eq!(both.instants(class, 0), tally.instants(class, 0) + later.instants(class, 0));
    }
}
