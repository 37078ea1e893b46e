//! How well a venue can be reached, part by part, and what its own list says of a position: facts for the core.
//!
//! Nothing here decides what a missing part forbids; the engine does (`engine/health.rs`). Tests: `tests/tape`.

use crate::domain::{Amount, Price, SignedQuantity, WallTime};
use serde::{Deserialize, Serialize};

/// A part of the way to a venue that can fail by itself. The first two stop every order; the others stop entries alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// No host of the venue answers a request.
    Host,
    /// The venue's clock is not known: nothing can be signed.
    Clock,
    /// The public stream of the spot market.
    SpotMarket,
    /// The public stream of the perp market.
    PerpMarket,
    /// The stream of our spot account.
    SpotAccount,
    /// The stream of our perp account.
    PerpAccount,
    /// The lists of the account: one fails, or none came for too long.
    Lists,
    /// Event times of the venue lie far in the past or in the future: what carries them is refused.
    Times,
}

impl Part {
    /// Whether an order that lowers risk or inequality needs it too.
    #[must_use]
    pub const fn stops_reduces(self) -> bool {
        matches!(self, Self::Host | Self::Clock)
    }

    /// The word in files and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Clock => "clock",
            Self::SpotMarket => "spot_market",
            Self::PerpMarket => "perp_market",
            Self::SpotAccount => "spot_account",
            Self::PerpAccount => "perp_account",
            Self::Lists => "lists",
            Self::Times => "times",
        }
    }
}

/// An input of a gate that a source may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Price of the quote coin against other dollars (`gates.peg`).
    Peg,
    /// Place in the ADL queue (`gates.adl_rank`).
    AdlRank,
    /// Mark price (`gates.mark_divergence`).
    Mark,
    /// Margin brackets.
    Brackets,
}

impl Input {
    /// The word in files and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peg => "peg",
            Self::AdlRank => "adl_rank",
            Self::Mark => "mark",
            Self::Brackets => "brackets",
        }
    }
}

/// A perp position as the venue's own list of the account shows it: the second witness of its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Signed coins, plus is long.
    pub coins: SignedQuantity,
    /// Mark price; absent when the list has none.
    pub mark: Option<Price>,
    /// Price at which the venue would liquidate it; absent when there is none.
    pub liquidation: Option<Price>,
    /// Money that an isolated position holds, of the perp wallet; absent when it is crossed or the list does not say.
    pub isolated: Option<Amount>,
    /// The venue's time of it, where the list has one; never the time of arrival.
    pub at: Option<WallTime>,
}
