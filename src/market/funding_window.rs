//! Settled funding of one perp over a bounded time: the smoothed rate and the symbol's own persistence.

use crate::domain::{FundingRate, Rate, Span, WallTime};
use std::collections::VecDeque;

/// One settlement as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settled {
    /// The venue's stamp.
    pub stamp: WallTime,
    /// Rate and interval.
    pub funding: FundingRate,
}

/// A mean rate, kept exact: what was paid in all, over how many hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    units: i128,
    hours: i64,
}

impl Mean {
    /// Whether the mean per 8 h is above a rate per 8 h, exactly: the anchor is not above the anchor.
    #[must_use]
    pub fn is_above(self, per_8h: Rate) -> bool {
        self.units * 8 > i128::from(per_8h.units()) * i128::from(self.hours)
    }

    /// Whether it is below, exactly.
    #[must_use]
    pub fn is_below(self, per_8h: Rate) -> bool {
        self.units * 8 < i128::from(per_8h.units()) * i128::from(self.hours)
    }

    /// The mean per 8 h as a fraction.
    #[must_use]
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a signal")]
    pub fn per_8h(self) -> f64 {
        self.units as f64 / self.hours as f64 * 8e-18
    }
}

/// Settlements of the last `memory`, with running sums over the last `smooth`.
///
/// **Invariant**: the sums equal the sums over the youngest settlements that together cover `smooth` (at least one).
#[derive(Debug, Clone)]
pub struct FundingWindow {
    rows: VecDeque<Settled>,
    /// Rows of the smoothing window, counted from the back.
    smooth_rows: usize,
    smooth_units: i128,
    smooth_hours: i64,
    smooth: Span,
    memory: Span,
    persistence: f64,
    mean_8h: f64,
}

impl FundingWindow {
    /// Empty, with its two lengths. A `smooth` of zero means the last settlement alone.
    #[must_use]
    pub const fn new(smooth: Span, memory: Span) -> Self {
        Self {
            rows: VecDeque::new(),
            smooth_rows: 0,
            smooth_units: 0,
            smooth_hours: 0,
            smooth,
            memory,
            persistence: 0.0,
            mean_8h: 0.0,
        }
    }

    /// Adds the youngest settlement; one that is not younger is ignored (a repeat is the same settlement).
    pub fn push(&mut self, row: Settled) {
        if self.rows.back().is_some_and(|last| last.stamp >= row.stamp) {
            return;
        }
        self.rows.push_back(row);
        self.smooth_rows += 1;
        self.smooth_units += i128::from(row.funding.rate.units());
        self.smooth_hours += row.funding.interval.hours();
        let wanted = (self.smooth.0 / Span::HOUR.0).max(1);
        while let Some(oldest) = self.rows.len().checked_sub(self.smooth_rows).and_then(|place| self.rows.get(place)) {
            let hours = oldest.funding.interval.hours();
            if self.smooth_rows <= 1 || self.smooth_hours - hours < wanted {
                break;
            }
            self.smooth_units -= i128::from(oldest.funding.rate.units());
            self.smooth_hours -= hours;
            self.smooth_rows -= 1;
        }
        while self.rows.len() > self.smooth_rows
            && self.rows.front().is_some_and(|oldest| row.stamp.since(oldest.stamp) > self.memory)
        {
            self.rows.pop_front();
        }
        self.measure();
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        *self = Self::new(self.smooth, self.memory);
    }

    /// The youngest settlement.
    #[must_use]
    pub fn last(&self) -> Option<Settled> {
        self.rows.back().copied()
    }

    /// The smoothed rate: what was paid over the smoothing window, and over how many hours.
    #[must_use]
    pub const fn smoothed(&self) -> Option<Mean> {
        if self.smooth_hours > 0 { Some(Mean { units: self.smooth_units, hours: self.smooth_hours }) } else { None }
    }

    /// The same with the running estimate of the next settlement counted as its youngest member.
    #[must_use]
    pub fn smoothed_with(&self, estimate: FundingRate) -> Option<Mean> {
        let paid = self.smoothed()?;
        Some(Mean {
            units: paid.units + i128::from(estimate.rate.units()),
            hours: paid.hours + estimate.interval.hours(),
        })
    }

    /// Whether the smoothing window is covered: never on one print unless that is what was asked for.
    #[must_use]
    pub const fn is_warm(&self) -> bool {
        self.smooth_hours > 0 && self.smooth_hours * Span::HOUR.0 >= self.smooth.0
    }

    /// Lag-one autocorrelation of the remembered rates per settlement, between 0 and 0.99; 0 below eight settlements.
    #[must_use]
    pub const fn persistence(&self) -> f64 {
        self.persistence
    }

    /// Mean of the remembered rates per 8 h, as a fraction.
    #[must_use]
    pub const fn mean_8h(&self) -> f64 {
        self.mean_8h
    }

    /// Settlements remembered, oldest first.
    #[must_use]
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Settled> + ExactSizeIterator {
        self.rows.iter()
    }

    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a signal")]
    fn measure(&mut self) {
        let count = self.rows.len() as f64;
        let value = |row: &Settled| Rate::to_f64(row.funding.per_8h());
        let mean = self.rows.iter().map(value).sum::<f64>() / count;
        self.mean_8h = mean;
        if self.rows.len() < 8 {
            self.persistence = 0.0;
            return;
        }
        let (mut product, mut square, mut before) = (0.0, 0.0, None);
        for row in &self.rows {
            let deviation = value(row) - mean;
            square += deviation * deviation;
            if let Some(previous) = before {
                product += deviation * previous;
            }
            before = Some(deviation);
        }
        self.persistence = if square > 0.0 { (product / square).clamp(0.0, 0.99) } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Interval;

    fn settled(hour: i64, rate: &str, interval: Interval) -> Settled {
        Settled {
            stamp: WallTime(hour * 3_600_000),
            funding: FundingRate { rate: Rate::parse(rate).unwrap(), interval },
        }
    }

    #[test]
    fn the_smoothed_rate_weighs_each_settlement_by_its_hours() {
        let mut window = FundingWindow::new(Span::hours(24), Span(30 * Span::DAY.0));
        for (hour, rate) in [(8, "0.0003"), (16, "0.0001"), (24, "0.0001")] {
            window.push(settled(hour, rate, Interval::H8));
        }
        assert!(window.is_warm());
        assert!((window.smoothed().unwrap().per_8h() - 0.000_5 / 3.0).abs() < 1e-15);
        window.push(settled(25, "0.0001", Interval::H1));
        // 24 hours are covered by 1 + 8 + 8 and 7 of the oldest 8: the oldest stays while it is needed.
        assert!((window.smoothed().unwrap().per_8h() - 0.000_6 / 25.0 * 8.0).abs() < 1e-15);
    }

    #[test]
    fn b03_a_repeated_settlement_counts_once() {
        let mut window = FundingWindow::new(Span::ZERO, Span::DAY);
        window.push(settled(8, "0.0001", Interval::H8));
        window.push(settled(8, "0.0009", Interval::H8));
        assert!((window.smoothed().unwrap().per_8h() - 0.0001).abs() < 1e-15);
        assert_eq!(window.rows().len(), 1);
    }

    #[test]
    fn memory_is_bounded_and_persistence_is_measured() {
        let mut window = FundingWindow::new(Span::ZERO, Span(10 * Span::DAY.0));
        for hour in 0..400 {
            let rate = if (hour / 40) % 2 == 0 { "0.0003" } else { "0.0001" };
            window.push(settled(hour * 8, rate, Interval::H8));
        }
        assert!(window.rows().len() <= 32, "{}", window.rows().len());
        assert!(window.persistence() > 0.5, "{}", window.persistence());
    }
}
