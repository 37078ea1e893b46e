//! Accounts and postings.

use crate::domain::{Amount, Asset, PairId, Sequence, VenueId, WallTime};
use crate::port::event::Wallet;
use serde::{Deserialize, Serialize};

/// Where money can be or come from. Wallets and transit are ours; the rest are the other side of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "account", rename_all = "snake_case")]
pub enum Account {
    /// A wallet at a venue.
    Wallet {
        /// Venue.
        venue: VenueId,
        /// Which wallet.
        wallet: Wallet,
    },
    /// Money that left one wallet and has not arrived in the other.
    Transit {
        /// Venue.
        venue: VenueId,
    },
    /// Money that was there before.
    Opening,
    /// Where money comes from and goes to that no order, settlement or transfer of ours moved.
    Outside,
    /// The market as the other side of spot trades of a pair.
    Traded {
        /// Pair.
        pair: PairId,
    },
    /// Profit of perp trades of a pair, realised.
    Realised {
        /// Pair.
        pair: PairId,
    },
    /// Trading fees of a pair.
    Fees {
        /// Pair.
        pair: PairId,
    },
    /// Funding of a pair.
    Funding {
        /// Pair.
        pair: PairId,
    },
}

impl Account {
    /// Whether what is in it is ours.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Wallet { .. } | Self::Transit { .. })
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostingReason {
    /// Money that was there before.
    Opening,
    /// Coins that were there before and a short of before became a pair's, by a person's wish.
    Adopted,
    /// Coins and money of a spot trade.
    SpotTrade,
    /// Profit realised by a perp trade.
    PerpTrade,
    /// Trading fee.
    Fee,
    /// Funding.
    Funding,
    /// Between wallets.
    Transfer,
    /// A deposit, a withdrawal, or a transfer of somebody else.
    External,
    /// A part of a fee given back.
    Rebate,
    /// Interest.
    Interest,
    /// The venue's insurance.
    Insurance,
    /// The venue sold coins of the perp wallet for a debt in the quote coin there.
    AutoExchange,
    /// The venue rounds otherwise.
    Rounding,
}

/// One movement: `amount` of `asset` from `credit` to `debit`.
///
/// **Invariant**: the amount is above zero and both sides are of the same asset, so each asset sums to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Number of the event that caused it.
    pub cause: Sequence,
    /// When.
    pub at: WallTime,
    /// Receives.
    pub debit: Account,
    /// Gives.
    pub credit: Account,
    /// How much, above zero.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// Why.
    pub reason: PostingReason,
}
