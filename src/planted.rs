//! Deliberate bugs, chosen at run time, that the simulators must catch. Without the feature `planted` there are none.
//!
//! A test that cannot fail proves nothing: `tests/planted.rs` plants those of the core, `tests/live_sim/bugs.rs` those of
//! the live path, and each expects a check to complain. A letter and a number name the finding of which a bug takes the mend
//! back.

/// One deliberate bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// An order is sent again while its outcome is unknown.
    RetryUnknown,
    /// A fill of an order believed ended is dropped.
    DropLateFill,
    /// The coins that a spot buy pays as its fee count as held.
    IgnoreCoinFee,
    /// The same fill is booked as often as it is reported.
    BookDuplicate,
    /// One "not found" is taken for proof, at once.
    NotFoundIsDead,
    /// What was ordered is hedged, not what was filled.
    HedgeOrdered,
    /// An order leaves before its intent is on disk.
    ReleaseEarly,
    /// Orders in flight do not count against the caps.
    ForgetInFlight,
    /// Perp reduces do not carry reduce-only.
    SkipReduceOnly,
    /// A settlement is booked as often as it is reported.
    FundingTwice,
    /// A cancel without an answer is taken for a cancelled order.
    CancelUnknownIsDone,
    /// Only the first fill of an order is booked.
    OnlyFirstFill,
    /// The margin autopilot never acts.
    NoMarginCare,
    /// A time-out is taken for a refusal.
    UnknownIsRejected,
    /// Nobody asks about an order that says nothing.
    NeverAsk,
    /// An answer sets an expectation of its stream that nothing clears; the stream is torn down for it (L01).
    StreamMustFollow,
    /// A lost stream or a list that fails stops what lowers risk too (L02).
    AllOrNothing,
    /// A public stream that falls silent is never asked about (L03).
    FrozenUnseen,
    /// After a restart executions are asked only of what is traded again (L05).
    AskOnlyShown,
    /// A pair whose venue contradicted itself is left alone, unequal or not (L07).
    ContradictionStops,
    /// The run keeps the machine's wall clock, not the venue's time (L08).
    MachineClock,
    /// The rate of a payment is asked for once; a payment without it is never booked (L09).
    RatesOnce,
    /// After a restart a transfer in doubt counts as sent just now (L10).
    DoubtFromNow,
    /// One refusal of a subscription that passes counts as a verdict of the venue (L11).
    BarredAtOnce,
    /// What a fee left over is traded away to the lot (L12).
    TrimExact,
    /// A refused reduce is answered by trading on what was believed (L13).
    TradeOnBelief,
    /// A refused hedge is tried again each half minute and undone after three of them (L14).
    HedgeRetriesSlowly,
    /// An order that never arrived is waited for by a constant, not by its signed validity (L15).
    AbsentAfterConstant,
    /// An attempt that brings nothing is repeated as if it were the first (L16).
    RetryAtOnce,
    /// A price is believed whatever the other witnesses say (L21).
    OneWitness,
    /// An execution that the stream tells before the answer came is dropped.
    PushBeforeAnswer,
    /// A row of income is booked as often as it is listed.
    IncomeTwice,
    /// A transfer without an answer counts as failed.
    TransferRetried,
    /// The last list of positions is trusted over executions since then.
    ListOverFills,
    /// A pair that the venue itself made unequal is left alone.
    AdlNotRepaired,
    /// A fee in a third coin is not booked.
    OtherFeesForgotten,
    /// An order leaves whose intent is not in the ledger.
    IntentUnwritten,
    /// After a restart the ids of orders begin again.
    IdsReused,
    /// Neither our own budget nor the venue's wish to keep still holds a request.
    BudgetIgnored,
    /// A listen key is never kept alive.
    KeyNotKept,
    /// A line that broke is not opened again.
    LineStaysDown,
    /// After a stream was opened again the lists are not asked.
    ReopenedNoLists,
    /// After a gap no second snapshot of a book is asked for.
    GapIgnored,
    /// The venue's clock is measured once.
    ClockOnce,
    /// Nobody is told of legs that stay unequal.
    NoNakedAlarm,
}

impl Bug {
    /// Those of the core, for the simulator of the core.
    pub const CORE: [Self; 15] = [
        Self::RetryUnknown,
        Self::DropLateFill,
        Self::IgnoreCoinFee,
        Self::BookDuplicate,
        Self::NotFoundIsDead,
        Self::HedgeOrdered,
        Self::ReleaseEarly,
        Self::ForgetInFlight,
        Self::SkipReduceOnly,
        Self::FundingTwice,
        Self::CancelUnknownIsDone,
        Self::OnlyFirstFill,
        Self::NoMarginCare,
        Self::UnknownIsRejected,
        Self::NeverAsk,
    ];

    /// Those of the live path, for the simulator of live runs.
    pub const LIVE: [Self; 34] = [
        Self::IgnoreCoinFee,
        Self::BookDuplicate,
        Self::HedgeOrdered,
        Self::NoMarginCare,
        Self::StreamMustFollow,
        Self::AllOrNothing,
        Self::FrozenUnseen,
        Self::AskOnlyShown,
        Self::ContradictionStops,
        Self::MachineClock,
        Self::RatesOnce,
        Self::DoubtFromNow,
        Self::BarredAtOnce,
        Self::TrimExact,
        Self::TradeOnBelief,
        Self::HedgeRetriesSlowly,
        Self::AbsentAfterConstant,
        Self::RetryAtOnce,
        Self::OneWitness,
        Self::PushBeforeAnswer,
        Self::IncomeTwice,
        Self::TransferRetried,
        Self::ListOverFills,
        Self::AdlNotRepaired,
        Self::OtherFeesForgotten,
        Self::IntentUnwritten,
        Self::IdsReused,
        Self::BudgetIgnored,
        Self::KeyNotKept,
        Self::LineStaysDown,
        Self::ReopenedNoLists,
        Self::GapIgnored,
        Self::ClockOnce,
        Self::NoNakedAlarm,
    ];
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in everything that this thread runs from now on, or takes it out.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.with(|planted| planted.set(bug));
}

/// Whether this bug is planted.
#[cfg(feature = "planted")]
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.with(std::cell::Cell::get) == Some(bug)
}

/// Whether this bug is planted: never, the feature is off.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is(_: Bug) -> bool {
    false
}
