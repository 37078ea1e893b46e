//! Capacity: what one side of a trade costs at a size, and the size at which a pair stops paying.
//!
//! From the volume of bars: fees and half spreads of both legs, and an impact that grows with the root of the share of a bar that is
//! taken (`sim.impact` for a whole bar), the law by which a backtest fills. A size is what trades in one bar; a pair that is worked
//! in clips over many bars costs what one of its clips does. Pure. Tests: here and in `tests/suite/ladder.rs`.

use super::basis::expected_net_apr;
use super::cost::Costs;
use super::ladder::{self, Terms};
use super::view::View;
use crate::config::Settings;
use crate::config::settings::StrategyKind;
use crate::domain::Span;

/// How large a pair may be and pay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pays {
    /// Not at the smallest size.
    Never,
    /// Up to this size.
    UpTo(f64),
    /// At the largest size that is known.
    Beyond(f64),
}

/// The largest size that pays, between the smallest and the largest that are known; a larger size never pays more.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "sizes of an estimate")]
pub fn pays_up_to(pays: impl Fn(f64) -> bool, (least, most): (f64, f64)) -> Pays {
    if !pays(least) {
        return Pays::Never;
    }
    if pays(most) {
        return Pays::Beyond(most);
    }
    let (mut low, mut high) = (least, most);
    for _ in 0..60 {
        let middle = libm::sqrt(low * high);
        *(if pays(middle) { &mut low } else { &mut high }) = middle;
    }
    Pays::UpTo(low)
}

/// Over which a round trip is spread: that of the rule which decides.
#[must_use]
pub const fn horizon(settings: &Settings) -> Span {
    match settings.strategy.kind {
        StrategyKind::Ladder => settings.ladder.horizon,
        StrategyKind::Basis | StrategyKind::Spread => settings.entry.horizon,
    }
}

/// What a pair is expected to pay a year on its own capital after a round trip at the costs of the view; `None` before its
/// forecast is known.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats")]
pub fn net_apr(view: &View<'_>) -> Option<f64> {
    if view.settings.strategy.kind != StrategyKind::Ladder {
        return expected_net_apr(view);
    }
    let days = horizon(view.settings).0 as f64 / Span::DAY.0 as f64;
    Some(ladder::apr(view)? - view.costs.round_trip() / view.capital_per_notional() * 365.0 / days)
}

/// What cash pays a year: at this a pair has stopped paying.
#[must_use]
pub fn cash(settings: &Settings) -> f64 {
    match settings.strategy.kind {
        StrategyKind::Ladder => Terms::of(settings).cash,
        StrategyKind::Basis | StrategyKind::Spread => settings.run.cash_apr.to_f64(),
    }
}

/// What trading both legs once costs, by size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Fees and half spreads of both legs, as a fraction.
    pub fixed: f64,
    /// Impact of a whole bar, as a fraction.
    pub impact: f64,
    /// Value that trades in a bar of the long and the short leg.
    pub volumes: [f64; 2],
}

#[expect(clippy::float_arithmetic, reason = "cost estimates are signals")]
impl Capacity {
    /// Of a pair; `None` where the volume of its bars is not known.
    #[must_use]
    pub fn of(view: &View<'_>) -> Option<Self> {
        let value = |leg: &crate::market::instrument::InstrumentMarket| {
            let value = leg.mean_volume().to_f64() * leg.mid?.to_f64();
            (value > 0.0).then_some(value)
        };
        let volumes = [value(&view.market.long)?, value(&view.market.short)?];
        let costs = view.costs;
        let fixed = costs.long_fee + costs.short_fee + costs.long_half_spread + costs.short_half_spread;
        Some(Self { fixed, impact: view.settings.sim.impact.to_f64(), volumes })
    }

    /// What one side (in or out) of this size costs, as a fraction of it.
    ///
    /// Worked: impact 20 bps, a hundredth of a bar of each leg: 2 bps a leg.
    #[must_use]
    pub fn one_side(&self, size: f64) -> f64 {
        let share = |volume: f64| libm::sqrt((size / volume).min(1.0));
        self.fixed + self.impact * self.volumes.into_iter().map(share).sum::<f64>()
    }

    /// The costs of the pair at this size.
    #[must_use]
    pub fn costs(&self, of: &Costs, size: f64) -> Costs {
        Costs { impact: self.one_side(size) - self.fixed, ..*of }
    }

    /// The largest size of which one side costs no more than this; zero where not even the smallest does, `None` where a whole
    /// bar of the thinner leg does.
    #[must_use]
    pub fn largest(&self, side: f64) -> Option<f64> {
        let [long, short] = self.volumes;
        if side < self.fixed {
            return Some(0.0);
        }
        if self.one_side(long.min(short)) <= side {
            return None;
        }
        let roots = 1.0 / libm::sqrt(long) + 1.0 / libm::sqrt(short);
        let root = (side - self.fixed) / self.impact / roots;
        Some(root * root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_size_that_pays_is_found_between_two() {
        let found = pays_up_to(|size| size <= 12_345.0, (10.0, 1e9));
        assert!(matches!(found, Pays::UpTo(size) if (size / 12_345.0 - 1.0).abs() < 1e-9), "{found:?}");
        assert_eq!(pays_up_to(|_| false, (10.0, 1e9)), Pays::Never);
        assert_eq!(pays_up_to(|_| true, (10.0, 1e9)), Pays::Beyond(1e9));
    }

    #[test]
    fn the_cost_rises_with_the_root_of_the_size_and_the_largest_size_costs_exactly_that() {
        let pair = Capacity { fixed: 0.001_7, impact: 0.002, volumes: [4e6, 1e6] };
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
        near(pair.one_side(1e4), 0.001_7 + 0.002 * (0.05 + 0.1));
        let size = pair.largest(0.002).unwrap();
        near(pair.one_side(size), 0.002);
        near(size, 1e4);
        assert_eq!(pair.largest(0.001), Some(0.0));
        assert_eq!(pair.largest(0.1), None, "more than a whole bar");
    }
}
