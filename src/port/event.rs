//! Everything that can change the core's state, and nothing else can.
//!
//! The doc comment of each variant says who sends it.

pub use super::by_hand::{Adoption, Correction};
use super::health::{Input, Listed, Part};
use super::order::{Fill, OrderReport};
pub use super::prices::{Bar, Quote, Settlement};
pub use super::reload::{Reload, Reset};
use crate::domain::margin::Bracket;
use crate::domain::universe::Verdict;
use crate::domain::{
    Amount, Asset, ClientOrderId, Fees, FundingRate, InstrumentId, Interval, PairId, Price, Quantity, Rate, Rules,
    Sequence, Side, SignedQuantity, VenueId, WallTime,
};
use serde::{Deserialize, Serialize};

/// An event with its number and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Rises by one with each event.
    pub sequence: Sequence,
    /// Step time: never falls; the only time the core knows.
    pub at: WallTime,
    /// What happened.
    pub event: Event,
}

/// The venue's closing of a position by its own hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueAct {
    /// Auto-deleveraging.
    Adl,
    /// Liquidation.
    Liquidation,
    /// Forced settlement of a delisted contract.
    Settlement,
    /// Not the venue's own act: an order on our account that is not ours, of a person or of another program (fault H09).
    Foreign,
}

/// Why trading of a pair will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The recorded history ends or has a hole.
    DataEnd,
    /// The venue delists it.
    Delisting,
}

/// Wallets of one venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wallet {
    /// Coins and quote coin for spot trading.
    Spot,
    /// Collateral of perps.
    Perp,
}

impl Wallet {
    /// The other wallet of the venue.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Spot => Self::Perp,
            Self::Perp => Self::Spot,
        }
    }
}

/// Why a wallet changed without an order, a settlement or a transfer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// Somebody moved money in or out: a deposit, a withdrawal, a transfer that is not ours.
    External,
    /// The venue gave a part of a fee back.
    Rebate,
    /// Interest paid (minus) or received.
    Interest,
    /// The venue's insurance took or gave after a liquidation.
    Insurance,
    /// The venue sold coins of the perp wallet for a debt in the quote coin there (multi-assets mode): the coins go out, the
    /// quote coin comes in.
    AutoExchange,
    /// Funding that is no payment of a pair in its quote coin: paid in another coin, or booked before its rate was known.
    Funding,
    /// The venue rounds otherwise than the ledger; less than one part in a million of a quote coin.
    Rounding,
}

/// Between two wallets of one venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Our id of it.
    pub id: ClientOrderId,
    /// The venue.
    pub venue: VenueId,
    /// From this wallet to the other one.
    pub from: Wallet,
    /// What.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
}

/// Acts of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Operator {
    /// No new entries.
    Pause,
    /// Entries again.
    Resume,
    /// Close both legs of one pair, or of all.
    Flatten {
        /// Which pair; all when absent.
        pair: Option<PairId>,
    },
    /// Send nothing; latched.
    Halt,
    /// Clear a halt; the reason is recorded.
    ClearHalt {
        /// Why it is safe.
        reason: String,
    },
    /// Open a pair at a size, through the gates and limits of any entry.
    Open {
        /// Which pair; it must hold nothing.
        pair: PairId,
        /// Value of each leg in the pair's quote coin.
        notional: Amount,
    },
    /// Take spot coins and a short that were there before into a pair; nothing is traded.
    Adopt(Adoption),
    /// Book what a pair has more or less at the venue than in its books; nothing is traded.
    Book(Correction),
    /// The process is to end: nothing new is entered. The next boot begins without it.
    Stop,
    /// Other settings from here on, as its files have them.
    Reload(Box<Reload>),
}

/// All that can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First event of a run, from the driver: the boot's number on this ledger and its randomness.
    Boot {
        /// Rises with each start on one ledger.
        epoch: u32,
        /// Randomness for ids.
        salt: u32,
    },
    /// Money that was there before, from the driver or the venue's balances at the first start.
    Opening {
        /// Venue.
        venue: VenueId,
        /// Wallet.
        wallet: Wallet,
        /// Asset.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
    /// A pair's recorded history begins (again); its windows start afresh. From bar sources.
    CoverageStarts {
        /// Pair.
        pair: PairId,
    },
    /// A pair is in the universe, or outside: no entry, and what is held goes on by its rules. From the daily look.
    Universe(Verdict),
    /// Trading of the pair will end: no entry in the day before. From coverage or the venue's notice.
    TradingEnds {
        /// Pair.
        pair: PairId,
        /// Last instant at which it can be traded.
        at: WallTime,
        /// Why.
        cause: EndCause,
    },
    /// The decision at this instant is the last that can be executed before the end announced by `TradingEnds`.
    LastChance {
        /// Pair.
        pair: PairId,
    },
    /// A complete candle, from bar sources.
    Bar {
        /// Instrument.
        instrument: InstrumentId,
        /// The candle.
        bar: Bar,
    },
    /// A price at which trading happens now and that stands for the mid (a candle's open), from bar sources.
    Print {
        /// Instrument.
        instrument: InstrumentId,
        /// The price.
        price: Price,
    },
    /// Best bid and ask, from live, simulated or recorded books.
    Quote {
        /// Instrument.
        instrument: InstrumentId,
        /// The quote.
        quote: Quote,
    },
    /// Mark and index price of a perp.
    Mark {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Mark price.
        mark: Price,
        /// Index price.
        index: Price,
    },
    /// The venue's running estimate of the next settlement.
    FundingEstimate {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Rate and interval.
        funding: FundingRate,
        /// When it will be paid.
        next: WallTime,
    },
    /// A settlement was published.
    Settled {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Stamp, rate and interval.
        settlement: Settlement,
    },
    /// Open interest in coins.
    OpenInterest {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Coins.
        coins: Quantity,
    },
    /// Price of a quote coin in US dollars.
    Peg {
        /// The quote coin.
        asset: Asset,
        /// Dollars for one.
        price: Price,
    },
    /// Price of a coin that a venue takes fees in besides the usual ones (BNB), from the venue's own pair of it.
    FeeCoinPriced {
        /// The coin.
        asset: Asset,
        /// What one costs in the reporting coin.
        price: Price,
    },
    /// What a coin counts for as collateral of perps, from the venue (multi-assets mode).
    CollateralRate {
        /// Venue.
        venue: VenueId,
        /// The coin; a quote coin has its row too.
        asset: Asset,
        /// The venue's index of it, in US dollars.
        index: Price,
        /// Share of the index that counts, 0 to 1: one less the haircut.
        share: Rate,
    },
    /// New limits on orders.
    RulesChanged {
        /// Instrument.
        instrument: InstrumentId,
        /// The limits.
        rules: Rules,
    },
    /// New fee rates.
    FeesChanged {
        /// Instrument.
        instrument: InstrumentId,
        /// The rates.
        fees: Fees,
    },
    /// New margin brackets.
    BracketsChanged {
        /// Perp instrument.
        instrument: InstrumentId,
        /// The brackets.
        brackets: Vec<Bracket>,
    },
    /// The venue announced another funding interval from the next settlement on.
    IntervalChanged {
        /// Perp instrument.
        instrument: InstrumentId,
        /// The interval.
        interval: Interval,
    },
    /// How far the venue can be reached, from the driver at each change.
    VenueHealth {
        /// Venue.
        venue: VenueId,
        /// Whether an order that lowers risk can be sent: a host answers and its clock is known.
        reachable: bool,
        /// What does not work now; entries need everything. Older tapes have none: there `reachable` meant everything.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<Part>,
    },
    /// What the source of this venue carries, from the driver at the start: a gate whose input is among it and missing refuses
    /// or warns (`gates.missing`); one whose input is not among it is off.
    Declares {
        /// Venue.
        venue: VenueId,
        /// Inputs of gates.
        inputs: Vec<Input>,
    },
    /// Orders in an instrument are taken now, or not, by the venue's list of instruments.
    Trading {
        /// Instrument.
        instrument: InstrumentId,
        /// Whether they are.
        open: bool,
    },
    /// A perp position of ours as the venue's own list shows it, from each read of that list.
    PositionListed {
        /// Perp instrument.
        instrument: InstrumentId,
        /// What the list says.
        listed: Listed,
    },
    /// What became of margin that was to be added to an isolated position: the venue took it, or provably did not. Money
    /// stays in the perp wallet either way; the next `PositionListed` measures what arrived.
    MarginAdded {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Quote coin.
        amount: Amount,
        /// Whether the venue took it.
        taken: bool,
    },
    /// Place of our short in the venue's ADL queue, 0 (safe) to 4.
    AdlRank {
        /// Perp instrument.
        instrument: InstrumentId,
        /// The rank.
        rank: u8,
    },
    /// A report about an order of ours, from the venue's private stream or a query.
    Order(OrderReport),
    /// A fill on our account that no order of ours made: ADL, liquidation, forced settlement (fault C13), a foreign hand (H09).
    VenueFill {
        /// Instrument; of the venue's own acts always a perp.
        instrument: InstrumentId,
        /// Why.
        act: VenueAct,
        /// Side of the fill.
        side: Side,
        /// The execution.
        fill: Fill,
    },
    /// Funding paid or received on our position, from the venue's income list.
    FundingPaid {
        /// Perp instrument.
        instrument: InstrumentId,
        /// The settlement it belongs to; once per instrument and stamp (fault C10).
        stamp: WallTime,
        /// Signed coins held at that instant.
        position: SignedQuantity,
        /// Price used.
        mark: Price,
        /// Where that price came from.
        mark_source: MarkSource,
        /// Rate used.
        rate: Rate,
        /// Plus is received.
        amount: Amount,
    },
    /// A wallet changed without an order, a settlement or a transfer of ours, from the venue's lists.
    Adjusted {
        /// Venue.
        venue: VenueId,
        /// Wallet.
        wallet: Wallet,
        /// Asset.
        asset: Asset,
        /// Plus came in.
        amount: Amount,
        /// Why.
        cause: Adjustment,
    },
    /// Somebody else acts on the account: an order, a fill or a setting that is not ours (I14). No new entries at this
    /// venue until a person says so.
    Foreign {
        /// Venue.
        venue: VenueId,
        /// The instrument, when it is one of ours.
        instrument: Option<InstrumentId>,
    },
    /// An order in our own form that this ledger never made: another session of ours trades the account, from a copied folder,
    /// a restored backup or another machine (faults G15, G16). No new entries at this venue until a person says so.
    OtherInstance {
        /// Venue.
        venue: VenueId,
        /// The instrument, when it is one of ours.
        instrument: Option<InstrumentId>,
    },
    /// The venue asked us to keep still, or banned our address (fault D07): nothing leaves to it until then, and then one question
    /// first. From the driver, once each time. It changes nothing but what a person is told.
    Limited {
        /// Venue.
        venue: VenueId,
        /// Whether the address is banned, rather than asked to wait.
        banned: bool,
        /// Until when, where the venue named a time.
        until: Option<WallTime>,
    },
    /// The venue refuses our key, or has restricted the account (fault H07). No new entries at it until a person says so.
    Barred {
        /// Venue.
        venue: VenueId,
    },
    /// The venue's lists were compared with the ledger (rule R-D), from the driver.
    Reconciled {
        /// Venue.
        venue: VenueId,
        /// Accounts that differed after the settle window; entries stop until none does.
        differences: u32,
        /// Coins of pairs that the venue's wallets do not cover: sold by a stranger, or by a life of this run that the ledger
        /// does not know. They are not sold again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<(Asset, Amount)>,
    },
    /// Ledger and venue are not being compared: no lists of a quiet moment came since then. From the account's session.
    NotCompared {
        /// Venue.
        venue: VenueId,
        /// Since when.
        since: WallTime,
    },
    /// From then on the request of an order in doubt can no longer be accepted: signed window and venue's margin (rule R-A). A
    /// later one replaces it; without one, only `execution.absent_after` proves. From the account's session.
    Expires {
        /// Which order.
        id: ClientOrderId,
        /// The instant, on the run's clock.
        at: WallTime,
    },
    /// A transfer of ours is on disk and leaves, from the driver.
    TransferSent(Transfer),
    /// A transfer arrived.
    TransferDone(Transfer),
    /// A transfer was refused; the money is where it was.
    TransferFailed(Transfer),
    /// A fact of before this start, applied at its own time: it fills the windows, nothing is decided. From the driver.
    Past {
        /// When it happened.
        at: WallTime,
        /// What happened.
        fact: Box<Event>,
    },
    /// The disk of the state folder is nearly full, or has room again (fault G04): no entries meanwhile. From the journal.
    Disk {
        /// Whether room is short.
        short: bool,
    },
    /// Our intent is on disk, from the driver.
    IntentDurable {
        /// Which intent.
        id: ClientOrderId,
    },
    /// A wake-up that was asked for, or the regular tick of a source.
    Timer,
    /// An act of a person.
    Operator(Operator),
    /// No more facts of this instant: decide. From the driver.
    Turn,
}

/// Where a settlement's price came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkSource {
    /// Published with the settlement.
    Funding,
    /// The mark candle's open.
    Mark,
    /// The previous perp close.
    PerpClose,
}

impl MarkSource {
    /// The word used in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Mark => "mark",
            Self::PerpClose => "perp_close",
        }
    }
}
