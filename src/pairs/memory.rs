//! What a pair remembers between decisions; every field is a row in the ledger of record.

use crate::domain::{Amount, Leg, Quantity, SignedQuantity, WallTime};
use crate::port::order::{Reason, RejectCause};
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

/// Why a pair takes no entries until a person looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LatchCause {
    /// The venue said of an order what cannot be true, or executed one that was proven dead (rule R-A).
    Contradiction,
    /// A hand that is not ours traded its coins or its position (faults H09, H10).
    ForeignHand,
    /// Clip after clip was taken back (fault A24).
    TakenBack,
    /// Entry after entry was refused by the venue for the same reason.
    Refused,
}

impl LatchCause {
    /// What happened, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "the venue contradicted what was known of an order",
            Self::ForeignHand => "a foreign hand traded its position",
            Self::TakenBack => "clip after clip was taken back",
            Self::Refused => "the venue refused entry after entry",
        }
    }
}

/// A latched pair enters nothing; what repairs, reduces, tops up and closes goes on. Only a person clears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Latch {
    /// Why.
    pub cause: LatchCause,
    /// Since when.
    pub since: WallTime,
}

/// What is counted while attempts bring nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fruitless {
    /// Orders in a row that brought nothing, for the same reason.
    pub count: u32,
    /// The venue's reason; absent when they ended without a fill.
    pub cause: Option<RejectCause>,
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
    /// No entries until a person looks, and why; repair, reduce, top-up and close go on.
    #[serde(default)]
    pub latched: Option<Latch>,
    /// Unequal by a foreign hand, and the settings leave that to a person: only a close by hand or a cleared latch moves it.
    #[serde(default)]
    pub left_alone: bool,
    /// Signed coins by which strangers' trades made the legs unequal, while a person is to decide about them. What the venue or
    /// an order of ours makes unequal beside them is repaired.
    #[serde(default)]
    pub strangers: SignedQuantity,
    /// A reduce-only order was refused since then: the position is not what we believe. Nothing is traded on that belief
    /// before the venue's lists were compared (fault A16).
    #[serde(default)]
    pub doubted_since: Option<WallTime>,
    /// Since when an attempt to make the legs equal is known to have failed.
    #[serde(default)]
    pub failed_since: Option<WallTime>,
    /// Times in a row that the way of making the legs equal was changed without progress.
    #[serde(default)]
    pub flips: u32,
    /// First orders of clips that brought nothing.
    #[serde(default)]
    pub fruitless: Fruitless,
    /// Orders of each leg (long, short) since the clip in work began.
    #[serde(default)]
    pub clip_orders: [u32; 2],
    /// Not before this time another attempt.
    pub retry_at: Option<WallTime>,
    /// Not before this time another first order of a clip; it never delays a hedge.
    #[serde(default)]
    pub clip_after: Option<WallTime>,
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
