//! The transition table of an order: one match, no wildcard on states.

use crate::port::order::Outcome;
use serde::{Deserialize, Serialize};

/// Where an order stands. What was filled is a quantity beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Written down, not yet on disk: cannot have been sent.
    Recorded,
    /// Sent; nothing heard.
    Submitting,
    /// The venue has it.
    Open,
    /// A cancel was sent; nothing heard of it.
    Cancelling,
    /// The outcome is not known (rule R-A): counts at its worst, blocks its pair, is never replaced.
    Unknown,
    /// Completely executed.
    Filled,
    /// Ended by a cancel.
    Cancelled,
    /// Proof that it did not and will not execute.
    Rejected,
    /// Ended by its time in force.
    Expired,
}

impl OrderState {
    /// All states, for tables.
    pub const ALL: [Self; 9] = [
        Self::Recorded,
        Self::Submitting,
        Self::Open,
        Self::Cancelling,
        Self::Unknown,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
    ];

    /// Whether more may still be executed, as far as we know.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Recorded | Self::Submitting | Self::Open | Self::Cancelling | Self::Unknown => true,
            Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired => false,
        }
    }
}

/// A report that contradicts what is known of the order: an alarm and a latched pair. What it says is taken over all the same
/// ([`OrderState::contradicted`]): the venue's books are the truth, and a contradiction never stops a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report {report} is illegal for an order that is {state:?}")]
pub struct IllegalReport {
    /// What the order was.
    pub state: OrderState,
    /// What was reported.
    pub report: &'static str,
}

/// The word of an outcome in tables and errors.
#[must_use]
pub const fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Filled(_) => "filled",
        Outcome::Cancelled { .. } => "cancelled",
        Outcome::Expired { .. } => "expired",
        Outcome::Done { .. } => "done",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Unknown => "unknown",
        Outcome::NotFound => "not_found",
        Outcome::Absent => "absent",
        Outcome::CancelRejected => "cancel_rejected",
        Outcome::CancelUnknown => "cancel_unknown",
    }
}

impl OrderState {
    /// The next state. A fill never changes the state by itself; the quantity beside it does.
    ///
    /// # Errors
    /// [`IllegalReport`] when the report cannot be true of an order in this state.
    #[expect(clippy::match_same_arms, reason = "the table is read by cause, not by result")]
    pub const fn next(self, outcome: &Outcome) -> Result<Self, IllegalReport> {
        use OrderState::{Cancelled, Cancelling, Expired, Filled, Open, Recorded, Rejected, Submitting, Unknown};
        let illegal = Err(IllegalReport { state: self, report: outcome_name(outcome) });
        match (self, outcome) {
            // Nothing was sent: only proof of absence is possible.
            (Recorded, Outcome::Absent | Outcome::Rejected { .. }) => Ok(Rejected),
            (Recorded, Outcome::Accepted) => Ok(Open),
            (Recorded, Outcome::Filled(_)) => Ok(Open),
            (Recorded, Outcome::NotFound | Outcome::Unknown) => Ok(Unknown),
            // Fills keep the state of a live order and are legal after the end (late fills).
            (Submitting | Unknown, Outcome::Filled(_)) => Ok(Open),
            (Open | Cancelling | Filled | Cancelled | Expired | Rejected, Outcome::Filled(_)) => Ok(self),
            // The venue has it. A repeat, or one that comes after the end, tells nothing new.
            (Submitting | Open | Unknown, Outcome::Accepted) => Ok(Open),
            (Cancelling | Filled | Cancelled | Expired, Outcome::Accepted) => Ok(self),
            (Rejected, Outcome::Accepted) => illegal,
            // Ends.
            (Recorded | Submitting | Open | Cancelling | Unknown | Cancelled, Outcome::Cancelled { .. }) => {
                Ok(Cancelled)
            }
            (Filled | Expired, Outcome::Cancelled { .. }) => Ok(self),
            (Recorded | Submitting | Open | Cancelling | Unknown | Expired, Outcome::Expired { .. }) => Ok(Expired),
            (Filled | Cancelled, Outcome::Expired { .. }) => Ok(self),
            (Recorded | Submitting | Open | Cancelling | Unknown | Filled, Outcome::Done { .. }) => Ok(Filled),
            (Cancelled | Expired, Outcome::Done { .. }) => Ok(Filled),
            (Rejected, Outcome::Cancelled { .. } | Outcome::Expired { .. } | Outcome::Done { .. }) => illegal,
            (Submitting | Unknown | Rejected, Outcome::Rejected { .. }) => Ok(Rejected),
            // An acknowledgement is not acceptance: the venue took it and then refused it (fault A08).
            (Open | Cancelling, Outcome::Rejected { .. }) => Ok(Expired),
            (Cancelled | Expired, Outcome::Rejected { .. }) => Ok(self),
            (Filled, Outcome::Rejected { .. }) => illegal,
            // Absence is proof; it contradicts an order that the venue had.
            (Submitting | Unknown | Rejected, Outcome::Absent) => Ok(Rejected),
            (Open | Cancelling | Filled | Cancelled | Expired, Outcome::Absent) => illegal,
            // No knowledge.
            (Submitting | Open | Cancelling | Unknown, Outcome::Unknown) => Ok(Unknown),
            (Filled | Cancelled | Rejected | Expired, Outcome::Unknown) => Ok(self),
            (Submitting | Unknown, Outcome::NotFound) => Ok(Unknown),
            (Open | Cancelling, Outcome::NotFound) => Ok(Unknown),
            (Filled | Cancelled | Rejected | Expired, Outcome::NotFound) => Ok(self),
            // Cancels: refused means "not open there", which may be a fill on its way: ask.
            (Open | Cancelling | Unknown | Submitting, Outcome::CancelRejected | Outcome::CancelUnknown) => Ok(Unknown),
            (Filled | Cancelled | Rejected | Expired, Outcome::CancelRejected | Outcome::CancelUnknown) => Ok(self),
            (Recorded, Outcome::CancelRejected | Outcome::CancelUnknown) => illegal,
        }
    }

    /// The state after a report that [`OrderState::next`] calls illegal: what the venue says, or doubt, never less than what
    /// was known.
    #[must_use]
    pub const fn contradicted(self, outcome: &Outcome) -> Self {
        match outcome {
            // It lives after all: nothing else leaves for its pair before the venue told how it ended.
            Outcome::Accepted => Self::Unknown,
            Outcome::Cancelled { .. } => Self::Cancelled,
            Outcome::Expired { .. } => Self::Expired,
            Outcome::Done { .. } => Self::Filled,
            // It says that nothing was executed of an order that was, or that was at the venue.
            Outcome::Rejected { .. } | Outcome::Absent if self.is_live() => Self::Unknown,
            Outcome::Rejected { .. }
            | Outcome::Absent
            | Outcome::Filled(_)
            | Outcome::Unknown
            | Outcome::NotFound
            | Outcome::CancelRejected
            | Outcome::CancelUnknown => self,
        }
    }
}
