//! `universe.*`: which pairs `strategy.pairs = "auto"` admits.
//!
//! The rule stands in `strategy/universe.rs`; the values and their reasons stand in `table.rs`.

use crate::domain::{Amount, Span};
use serde::{Deserialize, Serialize};

/// What a pair must be to be traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Universe {
    /// Venues; empty means all.
    pub venues: Vec<String>,
    /// Quote coins; empty means all.
    pub quotes: Vec<String>,
    /// Least value that its perp trades in a day, mean of 30 days, in its quote coin.
    pub min_volume: Amount,
    /// Least value of its open interest, in its quote coin; zero asks nothing.
    pub min_open_interest: Amount,
    /// Least time since it was listed.
    pub min_age: Span,
    /// Most pairs: those that trade most.
    pub most: u32,
    /// Coins and pairs that are never in it.
    pub without: Vec<String>,
}

impl Universe {
    /// The built-in values, for sessions that were recorded before there were any.
    pub(super) fn built_in() -> Self {
        super::Settings::default().universe
    }
}
