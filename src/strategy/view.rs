//! What the strategy sees of one pair.

use super::cost::Costs;
use crate::config::Settings;
use crate::domain::{Price, Quantity, WallTime};
use crate::market::PairMarket;

/// One pair at one instant.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Now.
    pub now: WallTime,
    /// Every setting.
    pub settings: &'a Settings,
    /// Prices, funding, open interest.
    pub market: &'a PairMarket,
    /// What trading costs, as fractions of the value.
    pub costs: Costs,
    /// Hedged coins held.
    pub held: Quantity,
    /// When the position held was opened.
    pub entered_at: Option<WallTime>,
    /// When the pair was flat again.
    pub closed_at: Option<WallTime>,
    /// Mean funding of the coin across venues per 8 h, when the settings ask for it and several venues are known.
    pub peers_8h: Option<f64>,
    /// Dollars for one quote coin, when the source says.
    pub peg: Option<Price>,
    /// Whether the venue can be reached.
    pub reachable: bool,
}

impl View<'_> {
    /// Capital over notional of a position: `1 + 1 / leverage`.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "signals are floats")]
    pub fn capital_per_notional(&self) -> f64 {
        1.0 + 1.0 / self.settings.size.leverage.to_f64().max(0.01)
    }
}
