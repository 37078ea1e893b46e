//! An order as it crosses the port: what we intend, and what a venue reports of it.

use crate::domain::fees::Role;
use crate::domain::{Amount, Asset, ClientOrderId, FillId, InstrumentId, Leg, PairId, Price, Quantity, Side, WallTime};
use serde::{Deserialize, Serialize};

/// How long an order may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Take what is there inside the limit, cancel the rest.
    ImmediateOrCancel,
    /// Rest only; refused when it would take.
    PostOnly,
}

/// Why an order exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// First leg of a clip that enters.
    Enter,
    /// First leg of a clip that exits.
    Exit,
    /// Hedges fills of the other leg.
    Hedge,
    /// Takes back what the other leg could not complete.
    Undo,
    /// Makes a pair equal after something the bot did not do (ADL, liquidation, overfill).
    Repair,
}

impl Purpose {
    /// Whether it lowers risk: all but the first leg of an entry, and the venue's limits keep a share for it (L28).
    #[must_use]
    pub const fn lowers_risk(self) -> bool {
        match self {
            Self::Enter => false,
            Self::Exit | Self::Hedge | Self::Undo | Self::Repair => true,
        }
    }

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Exit => "exit",
            Self::Hedge => "hedge",
            Self::Undo => "undo",
            Self::Repair => "repair",
        }
    }
}

/// One decision to buy or sell, written down before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Our id of it.
    pub id: ClientOrderId,
    /// The pair it is for.
    pub pair: PairId,
    /// The leg it trades.
    pub leg: Leg,
    /// The instrument of that leg.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// How many coins.
    pub quantity: Quantity,
    /// The worst price accepted.
    pub limit: Price,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// It may only reduce a position (perp).
    pub reduce_only: bool,
    /// Why it exists.
    pub purpose: Purpose,
    /// Mid of the leg when it was decided.
    pub arrival_mid: Price,
    /// When it was decided.
    pub decided_at: WallTime,
    /// The strategy's or the planner's reason, as a stable word.
    pub reason: Reason,
}

/// Stable words for why a pair trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Funding above the entry threshold.
    FundingAbove,
    /// Expected net carry above the entry threshold.
    CarryAbove,
    /// Funding fell below the exit threshold.
    FundingBelow,
    /// The closing basis is at or below the exit threshold.
    BasisCompressed,
    /// Both exit conditions hold.
    SpreadCompressed,
    /// Leaving is worth more than holding.
    LeaveBeatsHold,
    /// The history of the pair ends here.
    DataEnd,
    /// The venue stops trading it.
    Delisting,
    /// The margin autopilot shrinks the pair.
    Margin,
    /// The operator asked for it.
    Operator,
    /// The two legs are unequal.
    Unequal,
    /// The venue closed the short by itself, or sold coins that margined it.
    VenueClosed,
    /// A quote coin left its peg.
    Depeg,
    /// The venue sold coins that margined the short, for a debt in the quote coin.
    AutoExchange,
}

impl Reason {
    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FundingAbove => "funding_above",
            Self::CarryAbove => "carry_above",
            Self::FundingBelow => "funding_below",
            Self::BasisCompressed => "basis_compressed",
            Self::SpreadCompressed => "spread_compressed",
            Self::LeaveBeatsHold => "leave_beats_hold",
            Self::DataEnd => "data_end",
            Self::Delisting => "delisting",
            Self::Margin => "margin",
            Self::Operator => "operator",
            Self::Unequal => "unequal",
            Self::VenueClosed => "venue_closed",
            Self::Depeg => "depeg",
            Self::AutoExchange => "auto_exchange",
        }
    }
}

/// One execution as the venue reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's id of the execution; the same id twice is the same fill (fault C02).
    pub id: FillId,
    /// Coins.
    pub quantity: Quantity,
    /// Price.
    pub price: Price,
    /// Fee, plus is paid.
    pub fee: Amount,
    /// Asset of the fee.
    pub fee_asset: Asset,
    /// Rested or took.
    pub role: Role,
    /// When it happened at the venue.
    pub at: WallTime,
}

/// What a venue proved or said about an order of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Our id of the order.
    pub id: ClientOrderId,
    /// What happened.
    pub outcome: Outcome,
}

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The venue has it.
    Accepted,
    /// An execution.
    Filled(Fill),
    /// Ended by a cancel; `filled` is the total executed.
    Cancelled {
        /// Total executed.
        filled: Quantity,
    },
    /// Ended by its time in force; `filled` is the total executed.
    Expired {
        /// Total executed.
        filled: Quantity,
    },
    /// Completely executed.
    Done {
        /// Total executed.
        filled: Quantity,
    },
    /// Proof that the venue did not and will not act on it (an allow-listed answer).
    Rejected {
        /// Which proof.
        cause: RejectCause,
    },
    /// No proof of anything: time-out, 5xx, reset, an answer never seen before (rule R-A).
    Unknown,
    /// A query says the venue has no such order. Not proof by itself.
    NotFound,
    /// Proof that the request can never execute: its validity window ended and two later queries found nothing, or the
    /// venue's own receipt book shows that it never arrived.
    Absent,
    /// A cancel was refused because the order is not open.
    CancelRejected,
    /// The outcome of a cancel is not known.
    CancelUnknown,
}

impl RejectCause {
    /// Whether the same order may be taken a moment later, at another price or at another pace. What will not pass is not
    /// tried again: the other way of making the legs equal is taken at once.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::PriceBand | Self::WouldTake | Self::RateLimit => true,
            Self::Balance | Self::Filter | Self::ReduceOnly | Self::Halted | Self::Duplicate | Self::Limit => false,
        }
    }
}

/// Why a venue refused an order, as far as a caller would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCause {
    /// Not enough balance or margin.
    Balance,
    /// Breaks a filter (tick, step, minimum).
    Filter,
    /// Outside the venue's price band.
    PriceBand,
    /// A post-only order would have taken.
    WouldTake,
    /// Reduce-only, but there is nothing (that much) to reduce.
    ReduceOnly,
    /// The instrument does not trade now.
    Halted,
    /// Too many requests or orders.
    RateLimit,
    /// The id was used before.
    Duplicate,
    /// Position, leverage or order-count limit.
    Limit,
}
