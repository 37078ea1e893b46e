//! `ladder.*`: how one capital is put on several pairs, with cash as one of the assets.
//!
//! The decision stands in `strategy/ladder.rs`; the values and their reasons stand in `table.rs`.

use crate::domain::{Bps, Rate, Span, Venue};
use serde::{Deserialize, Serialize};

/// What the slots are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotsOf {
    /// The capital with what was earned or lost on it so far.
    Equity,
    /// The capital at the start.
    Capital,
}

/// How the ladder decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Equal parts of the capital; each stands in one pair or in cash.
    pub slots: u32,
    /// What they are parts of.
    pub base: SlotsOf,
    /// By how much more than `run.cash_apr` a pair must pay, per year on its own capital.
    pub hurdle: Rate,
    /// Time in which a move must earn what it costs.
    pub horizon: Span,
    /// Least that one side (in or out) counts for, as a part of the notional.
    pub least_side: Bps,
    /// Share of a round trip by which a pair that is held may pay less than cash before it is left.
    pub leave: Rate,
    /// Capital over notional at a venue, where it is not what the account model says.
    pub capital: Vec<(Venue, Rate)>,
}

impl Ladder {
    /// The built-in values, for sessions that were recorded before there was a ladder.
    pub(super) fn built_in() -> Self {
        super::Settings::default().ladder
    }
}
