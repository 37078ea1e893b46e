//! `sim.*`: the simulated venue and what it is fed with.
//!
//! The values and their reasons stand in `table.rs`.

use crate::domain::fees::BuyFeeIn;
use crate::domain::{Bps, Rate, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When an order on bars fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillAt {
    /// At the open of the next bar.
    NextOpen,
    /// At the close that decided it; for cross-checks only.
    Close,
}

/// What happens to a pair where its history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataEnd {
    /// It is closed at the last bar before.
    Flatten,
    /// It is held; for cross-checks only.
    Hold,
}

/// Which candles price the legs of a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandleSource {
    /// Their own candles.
    #[default]
    Own,
    /// A spot leg that stays the same and the perp at its basis to it; for cross-checks only.
    Flat,
}

/// Where the simulated money lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wallets {
    /// Equal parts at each venue and in each quote coin; none moves between venues.
    #[default]
    Equal,
    /// One pair of wallets for all venues, with twice the capital; for cross-checks only.
    Pooled,
}

/// The simulated venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sim {
    /// When an order on bars fills.
    pub fill: FillAt,
    /// What happens where the history ends.
    pub data_end: DataEnd,
    /// Half of the spread on bars.
    pub half_spread: Bps,
    /// Further cost of taking one whole bar's volume; grows with the square root of the share taken.
    pub impact: Bps,
    /// Time from a request to the venue, and again back.
    pub latency: Span,
    /// Where a spot buy's fee is taken.
    pub buy_fee_in: BuyFeeIn,
    /// Spot maker fee.
    pub spot_maker: Bps,
    /// Spot taker fee.
    pub spot_taker: Bps,
    /// Perp maker fee.
    pub perp_maker: Bps,
    /// Perp taker fee.
    pub perp_taker: Bps,
    /// How long a transfer between wallets takes.
    pub transfer_delay: Span,
    /// Share of a venue's money that starts in the spot wallet.
    pub spot_share: Rate,
    /// Which candles price the legs.
    #[serde(default)]
    pub candles: CandleSource,
    /// `market=market`: which market's candles price one that has none.
    #[serde(default)]
    pub prices: Vec<String>,
    /// Where the money lies.
    #[serde(default)]
    pub wallets: Wallets,
    /// Seed of the generated market and of its faults.
    pub seed: u64,
}

impl Sim {
    /// Which market prices one that has no candles of its own.
    #[must_use]
    pub fn priced_by(&self) -> BTreeMap<String, String> {
        let split = |text: &String| text.split_once('=').map(|(market, by)| (market.to_owned(), by.to_owned()));
        self.prices.iter().filter_map(split).collect()
    }
}
