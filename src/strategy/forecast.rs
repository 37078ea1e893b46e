//! What funding is expected to pay: today's rate, reverting to its long-run level at the symbol's own persistence.
//!
//! A high rate is a spike that capital compresses within hours to days, never a perpetuity. The level it reverts to is the
//! anchor (0.01 % per 8 h), or the symbol's own mean where that is lower: an optimist's level would buy every lull.

use crate::domain::FundingRate;
use crate::market::PairMarket;

/// An expectation of funding per 8 h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Rate now, per 8 h.
    pub now: f64,
    /// Rate it reverts to, per 8 h.
    pub level: f64,
    /// Share of the distance to the level that is left after 8 h (0 to 0.99).
    pub keep: f64,
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl Forecast {
    /// From what the market paid and is about to pay; `None` before the smoothing window is full.
    #[must_use]
    pub fn of(market: &PairMarket) -> Option<Self> {
        if !market.short.funding.is_warm() {
            return None;
        }
        let next = market.expected_next()?;
        let smoothed = market.short.funding.smoothed_with(next)?.per_8h();
        let persistence = market.short.funding.persistence();
        let blocks = 8.0 / f64::from(u8::from(next.interval));
        Some(Self {
            now: smoothed,
            level: market.short.funding.mean_8h().min(FundingRate::ANCHOR.per_8h().to_f64()),
            keep: libm::pow(persistence, blocks),
        })
    }

    /// Expected sum of the next `blocks` blocks of 8 h: `n x level + (now - level) x (k + k^2 + ... + k^n)`.
    ///
    /// Worked: now 0.05 %, level 0.01 %, k 0.5, two blocks: 0.02 % + 0.04 % x 0.75 = 0.05 %.
    #[must_use]
    pub fn sum(&self, blocks: f64) -> f64 {
        let series =
            if self.keep > 0.0 { self.keep * (1.0 - libm::pow(self.keep, blocks)) / (1.0 - self.keep) } else { 0.0 };
        blocks * self.level + (self.now - self.level) * series
    }

    /// Days until the expected sum has paid `cost`; `None` when it does not within `most` days.
    #[must_use]
    pub fn breakeven_days(&self, cost: f64, most: f64) -> Option<f64> {
        if cost <= 0.0 {
            return Some(0.0);
        }
        if self.sum(most * 3.0) < cost {
            return None;
        }
        let (mut low, mut high) = (0.0, most * 3.0);
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if self.sum(middle) < cost { low = middle } else { high = middle }
        }
        Some(high / 3.0)
    }

    /// The next settlement of an interval, as a rate of that interval.
    #[must_use]
    pub fn next(&self, hours: f64) -> f64 {
        let keep = libm::pow(self.keep, hours / 8.0);
        (self.level + (self.now - self.level) * keep) * hours / 8.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_funding_reverts_to_its_level() {
        let forecast = Forecast { now: 0.0005, level: 0.0001, keep: 0.5 };
        assert!((forecast.sum(2.0) - 0.0005).abs() < 1e-15);
        assert!((forecast.sum(300.0) / 300.0 - 0.0001).abs() < 0.000_002);
        assert!((forecast.next(8.0) - 0.0003).abs() < 1e-15);
    }

    #[test]
    fn f14_breakeven_counts_all_costs_and_may_not_exist() {
        let anchor = Forecast { now: 0.0001, level: 0.0001, keep: 0.5 };
        let days = anchor.breakeven_days(0.003, 60.0).unwrap();
        assert!((days - 10.0).abs() < 1e-6, "0.30 % at the anchor takes ten days, not {days}");
        assert_eq!(Forecast { level: 0.0, now: 0.0002, keep: 0.5 }.breakeven_days(0.003, 365.0), None);
    }
}
