//! What a person consents to have booked of a pair: coins and a position of before, or what the venue has more or less.
//!
//! Nothing is traded by it. Tests: `tests/suite/by_hand.rs`, `tests/commands/control_live.rs`.

use crate::domain::{PairId, Price, Quantity, SignedQuantity};
use serde::{Deserialize, Serialize};

/// What a pair takes over of what was there before, as the venue's lists and the market showed it to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The pair; it must hold nothing.
    pub pair: PairId,
    /// Spot coins, which the ledger has as opening money.
    pub coins: Quantity,
    /// Coins short at the venue, which the ledger does not know.
    pub short: Quantity,
    /// The venue's mean entry price of the short: what it will compute realised profit from.
    pub entry: Price,
    /// Mids of the long and the short leg.
    pub mids: (Price, Price),
}

/// What a pair has more or less at the venue than in its books, as a person saw and consented to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The pair.
    pub pair: PairId,
    /// Coins of the long leg, plus came in.
    #[serde(rename = "spot", alias = "long")]
    pub long: SignedQuantity,
    /// Coins of the short leg, minus is a larger short.
    #[serde(rename = "perp", alias = "short")]
    pub short: SignedQuantity,
    /// Price of the short leg's coins; those of the long leg are booked at the mid.
    pub price: Price,
    /// Mids of the long and the short leg.
    pub mids: (Price, Price),
}
