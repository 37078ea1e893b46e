//! The history of one pair as a backtest needs it, in columns.

use crate::domain::{Interval, Price, Quantity, Rate, Span, Symbol, WallTime};

/// Candles of one instrument in columns of equal length, rising in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candles {
    /// Open times.
    pub opened: Vec<WallTime>,
    /// First prices.
    pub open: Vec<Price>,
    /// Highest prices.
    pub high: Vec<Price>,
    /// Lowest prices.
    pub low: Vec<Price>,
    /// Last prices.
    pub close: Vec<Price>,
    /// Coins traded.
    pub volume: Vec<Quantity>,
}

/// One settlement as the venue published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingRow {
    /// The venue's stamp, as recorded.
    pub stamp: WallTime,
    /// Rate of the interval that ended there.
    pub rate: Rate,
    /// The interval that ended there, where the stamps prove one (`settlements.rs`).
    pub interval: Option<Interval>,
    /// Price it was paid on, where published.
    pub mark: Option<Price>,
    /// Premium, where published.
    pub premium: Option<Rate>,
}

/// A stretch in which a pair can be traded: no hole of more than 24 h in the common bars and no missing settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Open time of its first common bar.
    pub first: WallTime,
    /// Open time of its last common bar.
    pub last: WallTime,
}

/// Everything known of one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairHistory {
    /// `venue:SYMBOL`, the symbol of the perp.
    pub name: String,
    /// Symbol of the spot leg; another one where the perp's contract is of several coins.
    pub spot_symbol: Symbol,
    /// Coins in one contract of the perp. With more than one everything here is counted in contracts (`bundle.rs`).
    pub coins: u32,
    /// Length of a bar: the step with the longest coverage common to both legs.
    pub step: Span,
    /// Spot candles.
    pub spot: Candles,
    /// Perp candles.
    pub perp: Candles,
    /// Mark candles of the same step, where they exist.
    pub mark: Option<Candles>,
    /// Settlements, rising in time.
    pub funding: Vec<FundingRow>,
    /// Open interest in coins, rising in time.
    pub open_interest: Vec<(WallTime, Quantity)>,
    /// Tradable stretches, rising in time.
    pub segments: Vec<Segment>,
}
