//! All that the core asks of the outside.

use super::event::Transfer;
use super::order::Intent;
use crate::domain::{Amount, ClientOrderId, InstrumentId, PairId, VenueId, WallTime};
use serde::{Deserialize, Serialize};

/// What the core wants done. The driver does it in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Put the intent on disk and answer `IntentDurable`.
    Record(Intent),
    /// Send the order; only ever after its intent is durable.
    Place(Intent),
    /// Cancel a resting order.
    Cancel {
        /// Our id of it.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// Ask the venue what became of an order.
    Query {
        /// Our id of it.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// Move money between two wallets of one venue.
    Transfer(Transfer),
    /// Put money of the perp wallet into an isolated position.
    AddMargin {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Quote coin.
        amount: Amount,
    },
    /// Read the venue's lists again now, and say `Reconciled`: what the core believes was contradicted.
    Compare {
        /// Which venue.
        venue: VenueId,
    },
    /// Read an instrument's limits and trading status again now: the venue refused what they allow.
    Reread {
        /// Which instrument.
        instrument: InstrumentId,
    },
    /// Tell a person.
    Alarm(Alarm),
    /// Send a `Timer` at this time.
    WakeAt {
        /// When.
        at: WallTime,
    },
}

/// How much a person should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// Look at it today.
    Warning,
    /// Act now.
    Page,
}

/// One typed alarm; every name is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// An order's outcome is not known.
    OrderUnknown,
    /// The legs of a pair are unequal beyond the time allowed.
    PairUnequal,
    /// The legs are unequal and cannot be mended now.
    PairNaked,
    /// The venue closed our short (ADL).
    Adl,
    /// The venue liquidated our short.
    Liquidated,
    /// More was executed than ordered.
    Overfill,
    /// A fill arrived for an order believed ended.
    LateFill,
    /// A report contradicts the order's state.
    IllegalReport,
    /// Distance to liquidation below the warning level.
    MarginLow,
    /// Distance to liquidation below the floor.
    MarginFloor,
    /// The venue sold coins of the perp wallet for a debt in the quote coin.
    AutoExchanged,
    /// What coins count for as collateral is not known any more, while a pair is held.
    CollateralUnknown,
    /// A reduce-only order was refused: the position is not what we believe.
    ReduceRefused,
    /// Data of a pair went stale while it is held.
    Stale,
    /// A venue cannot be reached.
    VenueDown,
    /// A quote coin left its peg.
    Depeg,
    /// Funding interval changed.
    IntervalChanged,
    /// A transfer was refused.
    TransferFailed,
    /// Many orders without progress.
    Runaway,
    /// The bot is halted.
    Halted,
    /// The day's loss reached its limit.
    LossLimit,
    /// A fill executed outside its limit.
    PriceOutsideLimit,
    /// Trading of a held pair will end.
    TradingEnds,
    /// Somebody else acts on the account.
    Foreign,
    /// Another session of ours trades the account.
    OtherInstance,
    /// The venue asked us to keep still for a while.
    RateLimited,
    /// The venue banned our address for a while.
    AddressBanned,
    /// The venue refuses our key, or has restricted the account.
    VenueRefuses,
    /// The venue's lists and the ledger differ.
    Difference,
    /// The disk of the state folder is nearly full: no entries, and the tape gives way.
    DiskShort,
    /// The coin that a venue takes its fees in lasts for few more.
    FeeCoinLow,
    /// It is used up: fees are dearer now, and a spot buy's is taken from the coins again.
    FeeCoinOut,
    /// A part of the way to a venue does not work: no entries there; what lowers risk goes on.
    PartMissing,
    /// A venue contradicts itself about a price.
    PriceDoubt,
    /// Event times of a venue are far in the past or in the future.
    EventTime,
    /// An input that a gate needs does not exist (`gates.missing`).
    InputMissing,
    /// Ledger and venue are not being compared for want of lists of a quiet moment.
    NotCompared,
    /// Margin could not be added to an isolated position.
    MarginNotAdded,
    /// A person paused entries.
    Paused,
    /// The session is starting or ending: no entries.
    InTransition,
    /// There is less money than `run.capital` says: the smaller counts.
    CapitalAboveBalance,
    /// The universe admits a pair that the session does not have.
    PairAdmitted,
}

impl AlarmKind {
    /// Every kind, in the order above.
    pub const ALL: [Self; 42] = [
        Self::OrderUnknown,
        Self::PairUnequal,
        Self::PairNaked,
        Self::Adl,
        Self::Liquidated,
        Self::Overfill,
        Self::LateFill,
        Self::IllegalReport,
        Self::MarginLow,
        Self::MarginFloor,
        Self::AutoExchanged,
        Self::CollateralUnknown,
        Self::ReduceRefused,
        Self::Stale,
        Self::VenueDown,
        Self::Depeg,
        Self::IntervalChanged,
        Self::TransferFailed,
        Self::Runaway,
        Self::Halted,
        Self::LossLimit,
        Self::PriceOutsideLimit,
        Self::TradingEnds,
        Self::Foreign,
        Self::OtherInstance,
        Self::RateLimited,
        Self::AddressBanned,
        Self::VenueRefuses,
        Self::Difference,
        Self::DiskShort,
        Self::FeeCoinLow,
        Self::FeeCoinOut,
        Self::PartMissing,
        Self::PriceDoubt,
        Self::EventTime,
        Self::InputMissing,
        Self::NotCompared,
        Self::MarginNotAdded,
        Self::Paused,
        Self::InTransition,
        Self::CapitalAboveBalance,
        Self::PairAdmitted,
    ];
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What.
    pub kind: AlarmKind,
    /// How much to care.
    pub severity: Severity,
    /// The pair, when it is about one.
    pub pair: Option<PairId>,
    /// The venue, when it is about one and about no pair. It names whose the alarm is and decides nothing, so it is not part of
    /// a run's digest.
    #[serde(skip)]
    pub venue: Option<VenueId>,
    /// The order, when it is about one.
    pub order: Option<ClientOrderId>,
}
