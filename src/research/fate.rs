//! What became of a book in a shock: each pair, each wallet, and what was done. Tests: at the end of `stress.rs`.

use serde::Serialize;

/// Lines of profit, above zero is gained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lines {
    /// Settlements.
    pub funding: f64,
    /// Perp against spot while hedged.
    pub basis: f64,
    /// What being unequal earned or cost.
    pub delta: f64,
    /// Fees of repairs and exits.
    pub fees: f64,
    /// Spread and depth.
    pub slippage: f64,
    /// What the venue took for liquidating.
    pub liquidation: f64,
    /// What the quote coin lost.
    pub peg: f64,
}

impl Lines {
    /// Their sum.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "an estimate")]
    pub fn total(&self) -> f64 {
        self.funding + self.basis + self.delta + self.fees + self.slippage + self.liquidation + self.peg
    }
}

/// What became of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// The pair.
    pub pair: String,
    /// Profit lines.
    pub lines: Lines,
    /// The hour at which the venue liquidated its short.
    pub liquidated: Option<f64>,
    /// Coins of the short that the venue deleveraged.
    pub deleveraged: f64,
    /// Hours in which it was unequal.
    pub naked_hours: f64,
    /// Coins held at the end.
    pub long: f64,
    /// Coins short at the end.
    pub short: f64,
}

/// What became of one wallet.
#[derive(Debug, Clone, PartialEq)]
pub struct Strain {
    /// Venue and quote coin.
    pub name: String,
    /// Least distance to liquidation on the way, a fraction of the price; below zero it is liquidated. `None` without a short.
    pub least: Option<f64>,
    /// Margin at the end.
    pub margin: f64,
    /// Money beside it at the end.
    pub free: f64,
    /// What stands at the venue at its most, coins and money: lost when the venue fails.
    pub at_venue: f64,
}

/// What a shock does to a book.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// By pair.
    pub pairs: Vec<Fate>,
    /// By wallet.
    pub wallets: Vec<Strain>,
    /// What would be done, in order of time: the hour and a sentence.
    pub acts: Vec<(f64, String)>,
}

impl Outcome {
    /// The change of equity.
    #[must_use]
    pub fn change(&self) -> f64 {
        self.pairs.iter().map(|pair| pair.lines.total()).sum()
    }
}
