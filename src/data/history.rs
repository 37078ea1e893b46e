//! The history of one pair as a backtest needs it, in columns.

use crate::domain::pair_name::LegName;
use crate::domain::{Interval, Price, Quantity, Rate, Span, Symbol, WallTime};
use std::collections::BTreeMap;

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
    /// Its name: `venue:SYMBOL`, or both legs (`domain/pair_name.rs`).
    pub name: String,
    /// Its legs, the long one first.
    pub legs: [LegName; 2],
    /// Files that price a leg which has none of its own, by `venue-market:SYMBOL`.
    pub prices: BTreeMap<String, String>,
    /// Symbol of the spot leg; another one where the perp's contract is of several coins.
    pub spot_symbol: Symbol,
    /// Coins in one contract of the perp. With more than one everything here is counted in contracts (`bundle.rs`).
    pub coins: u32,
    /// Length of a bar: the step with the longest coverage common to both legs.
    pub step: Span,
    /// Candles of the long leg, which is spot but in a spread.
    pub spot: Candles,
    /// Candles of the short leg.
    pub perp: Candles,
    /// Mark candles of the short leg of the same step, where they exist.
    pub mark: Option<Candles>,
    /// The same of the long leg where it is a perp.
    pub long_mark: Option<Candles>,
    /// Settlements of the short leg, rising in time.
    pub funding: Vec<FundingRow>,
    /// Settlements of the long leg where it is a perp, rising in time.
    pub long_funding: Vec<FundingRow>,
    /// Open interest of the short leg in coins, rising in time.
    pub open_interest: Vec<(WallTime, Quantity)>,
    /// First settlement of the short leg or first common bar that the folder has, whatever times were asked for.
    pub listed: Option<WallTime>,
    /// Tradable stretches, rising in time.
    pub segments: Vec<Segment>,
}
