//! What a market says in one event: a candle, a best quote, a settlement.

use crate::domain::{FundingRate, Price, Quantity, WallTime};
use serde::{Deserialize, Serialize};

/// One candle of one instrument, complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// When it opened.
    pub opened: WallTime,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Coins traded.
    pub volume: Quantity,
}

/// The best bid and ask of one instrument and what stands behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Coins bid within the depth bound of the source (or at the best price when it knows no more).
    pub bid_depth: Quantity,
    /// Coins offered within the depth bound.
    pub ask_depth: Quantity,
    /// The venue's time of it, by our clock as far as the distance of the two is known.
    pub venue_time: WallTime,
}

/// A settlement that the venue paid to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The venue's stamp.
    pub stamp: WallTime,
    /// The rate and the interval that ended.
    pub funding: FundingRate,
}
