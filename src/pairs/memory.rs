//! What a pair remembers between decisions; every field is a row in the ledger of record.

use crate::domain::{Amount, Leg, Quantity, WallTime};
use crate::port::order::Reason;
use serde::{Deserialize, Serialize};

/// Where a pair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing held but dust.
    #[default]
    Flat,
    /// Working towards a larger size.
    Entering,
    /// Equal and held.
    Hedged,
    /// Working towards nothing, or towards less.
    Exiting,
    /// Unequal and being mended, or an outcome is not known.
    Repair,
    /// Unequal and cannot be mended now.
    Naked,
}

impl Phase {
    /// The word shown to people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Entering => "entering",
            Self::Hedged => "hedged",
            Self::Exiting => "exiting",
            Self::Repair => "repair",
            Self::Naked => "naked",
        }
    }
}

/// Durable memory of one pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one durable fact with its own column")]
pub struct PairMemory {
    /// Where it stands.
    pub phase: Phase,
    /// Hedged coins wanted.
    pub target: Quantity,
    /// Why the target is what it is.
    pub reason: Option<Reason>,
    /// The target is less than what was held when it was set.
    pub closing: bool,
    /// First leg of the clip in work.
    pub first: Option<Leg>,
    /// First fill of the position held.
    pub entered_at: Option<WallTime>,
    /// When it was flat again.
    pub closed_at: Option<WallTime>,
    /// Since when the legs are unequal by more than a lot.
    pub unequal_since: Option<WallTime>,
    /// The venue made it unequal (ADL, liquidation), not an order of ours.
    pub venue_made: bool,
    /// Attempts at the second leg that brought nothing.
    pub attempts: u32,
    /// The first leg is being taken back.
    pub undo: bool,
    /// Clips in a row that had to be taken back.
    pub undos: u32,
    /// No entries until a person looks: too many clips were taken back.
    pub blocked: bool,
    /// Nothing more is sent for this pair until a person looks.
    pub halted: bool,
    /// Not before this time another attempt.
    pub retry_at: Option<WallTime>,
    /// Not before this time another entry; it never delays a hedge.
    #[serde(default)]
    pub enter_after: Option<WallTime>,
    /// A person wants it opened at this value of each leg, and money for it is on its way between the wallets.
    #[serde(default)]
    pub ordered: Option<Amount>,
    /// Consecutive refusals of a post-only order (fault A17).
    pub post_only_refused: u32,
    /// The next order of the clip takes: a maker order ended without filling it.
    pub take: bool,
    /// Unequal for longer than allowed: the alarm was raised.
    pub alarmed: bool,
    /// Longest time unequal so far, ms.
    pub max_unequal_ms: i64,
    /// Largest value made unequal by our own orders.
    pub max_unequal_value: Amount,
}
