//! Deliberate bugs, chosen at run time, that the simulator must catch. Without the feature `planted` there are none.
//!
//! A test that cannot fail proves nothing: `tests/planted.rs` plants each of these and expects a check to complain.

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
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 15] = [
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
