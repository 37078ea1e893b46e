//! What the engine reports of itself for files, tables and the store: booked facts and finished round trips.

use crate::domain::{Amount, ClientOrderId, Leg, PairId, Price, Quantity, Rate, Side, SignedQuantity, WallTime};
use crate::ledger::Lines;
use crate::port::event::{MarkSource, VenueAct};
use crate::port::order::{Fill, Reason};
use serde::{Deserialize, Serialize};

/// One thing worth a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A fill was booked.
    Fill(FillRecord),
    /// Funding was booked.
    Funding(FundingRecord),
    /// A pair holds something after it was flat.
    Opened {
        /// Pair.
        pair: PairId,
        /// When.
        at: WallTime,
        /// Why.
        reason: Option<Reason>,
        /// Mids of the long and the short leg.
        mids: (Price, Price),
        /// The pair's lines just before.
        lines: Lines,
    },
    /// A pair is flat again.
    Closed {
        /// Pair.
        pair: PairId,
        /// When.
        at: WallTime,
        /// Why.
        reason: Option<Reason>,
        /// Mids of the long and the short leg.
        mids: (Price, Price),
        /// The pair's lines now.
        lines: Lines,
    },
    /// The legs were unequal for this long.
    Unequal {
        /// Pair.
        pair: PairId,
        /// Milliseconds.
        ms: i64,
        /// The venue made it so.
        venue_made: bool,
    },
}

/// A booked fill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FillRecord {
    /// When it was booked.
    pub at: WallTime,
    /// Pair.
    pub pair: PairId,
    /// Leg.
    pub leg: Leg,
    /// Side.
    pub side: Side,
    /// The execution.
    pub fill: Fill,
    /// Mids of the long and the short leg at that instant.
    pub mids: (Price, Price),
    /// Mid of the leg when the order was decided.
    pub arrival_mid: Price,
    /// Our order; `None` when the venue made the fill itself.
    pub intent: Option<ClientOrderId>,
    /// The venue's act, when it made the fill itself.
    pub act: Option<VenueAct>,
    /// Why the pair trades.
    pub reason: Reason,
    /// Largest hedged coins held so far in this round trip.
    pub hedged: Quantity,
}

/// Booked funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRecord {
    /// The venue's stamp.
    pub stamp: WallTime,
    /// Pair.
    pub pair: PairId,
    /// The leg that was paid.
    pub leg: Leg,
    /// Signed coins held.
    pub position: SignedQuantity,
    /// Price used.
    pub mark: Price,
    /// Where it came from.
    pub mark_source: MarkSource,
    /// Rate.
    pub rate: Rate,
    /// Plus is received.
    pub amount: Amount,
}
