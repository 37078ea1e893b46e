//! What the strategy sees of one pair.

use super::cost::Costs;
use crate::config::Settings;
use crate::domain::{Price, Quantity, WallTime};
use crate::market::PairMarket;
use crate::port::health::Input;

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
    /// Inputs of gates that the source should give and does not.
    pub lacks: Lacks,
    /// Whether the venues can be reached.
    pub reachable: bool,
    /// Capital over notional, where it is not that of margin in the quote coin.
    pub capital: Option<f64>,
    /// Whether both legs are perps.
    pub spread: bool,
}

/// Inputs of gates that the source declared and does not give now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one input")]
pub struct Lacks {
    /// Price of the quote coin.
    pub peg: bool,
    /// Place in the ADL queue.
    pub adl_rank: bool,
    /// Mark price.
    pub mark: bool,
    /// Margin brackets.
    pub brackets: bool,
}

impl Lacks {
    /// Those that are missing.
    pub fn inputs(self) -> impl Iterator<Item = Input> {
        let all = [
            (self.peg, Input::Peg),
            (self.adl_rank, Input::AdlRank),
            (self.mark, Input::Mark),
            (self.brackets, Input::Brackets),
        ];
        all.into_iter().filter(|(missing, _)| *missing).map(|(_, input)| input)
    }
}

impl View<'_> {
    /// Capital over notional of a position: by the account model, `1 + 1 / leverage` with margin in the quote coin, and
    /// `2 / leverage` where both legs are perps.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "signals are floats")]
    pub fn capital_per_notional(&self) -> f64 {
        let margin = 1.0 / self.settings.size.leverage.to_f64().max(0.01);
        let usual = if self.spread { margin + margin } else { 1.0 + margin };
        self.capital.unwrap_or(usual)
    }
}
