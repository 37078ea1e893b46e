//! One order of ours: its intent, where it stands, what was executed.

use super::state::OrderState;
use crate::domain::{FillId, Quantity, Span, WallTime};
use crate::port::order::Intent;
use serde::{Deserialize, Serialize};

/// An order and all we know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was intended.
    pub intent: Intent,
    /// Where it stands.
    pub state: OrderState,
    /// Whether the intent is on disk.
    pub durable: bool,
    /// Coins executed so far, from distinct fills.
    pub filled: Quantity,
    /// Ids of those fills (fault C02).
    pub fills: Vec<FillId>,
    /// Total executed that the venue stated at the end; fills may still be on their way.
    pub stated: Option<Quantity>,
    /// When its outcome became unknown.
    pub unknown_since: Option<WallTime>,
    /// When it was asked for last.
    pub probed_at: Option<WallTime>,
    /// Not-found answers in a row, a second or more apart, after its validity ended.
    pub not_found: u32,
    /// When the last of them came.
    #[serde(default)]
    pub not_found_at: Option<WallTime>,
    /// When a cancel was sent.
    pub cancel_sent: Option<WallTime>,
    /// From when on the venue can no longer accept the request that carried it, where that is known (rule R-A).
    #[serde(default)]
    pub expires: Option<WallTime>,
}

impl Order {
    /// A new one, not yet on disk.
    #[must_use]
    pub const fn new(intent: Intent) -> Self {
        Self {
            intent,
            state: OrderState::Recorded,
            durable: false,
            filled: Quantity::ZERO,
            fills: Vec::new(),
            stated: None,
            unknown_since: None,
            probed_at: None,
            not_found: 0,
            not_found_at: None,
            cancel_sent: None,
            expires: None,
        }
    }

    /// From when on an answer that it is not there may count as proof: the end of the validity that was signed, with the
    /// venue's margin; where that is not known, `absent_after` since it was decided (rule R-A).
    #[must_use]
    pub fn proven_from(&self, absent_after: Span) -> WallTime {
        let signed = self.expires.filter(|_| !crate::planted::is(crate::planted::Bug::AbsentAfterConstant));
        signed.unwrap_or(self.intent.decided_at + absent_after)
    }

    /// The venue says that it is not there. Before the proof may begin that says nothing, and two answers less than a
    /// second apart are one.
    pub fn was_not_found(&mut self, now: WallTime, absent_after: Span) {
        if now < self.proven_from(absent_after) {
            (self.not_found, self.not_found_at) = (0, None);
        } else if self.not_found_at.is_none_or(|last| now.since(last) >= Span::seconds(1)) {
            self.not_found += 1;
            self.not_found_at = Some(now);
        }
    }

    /// Coins that may still be executed, at worst (I3).
    #[must_use]
    pub fn at_risk(&self) -> Quantity {
        if self.state.is_live() { self.intent.quantity.minus(self.filled) } else { self.missing() }
    }

    /// Coins that the venue says were executed and whose fills have not arrived.
    #[must_use]
    pub fn missing(&self) -> Quantity {
        self.stated.map_or(Quantity::ZERO, |stated| stated.minus(self.filled))
    }

    /// Whether its outcome is settled: ended and every stated fill booked.
    ///
    /// Fills that reach the quantity are not the end: the venue may have executed more (fault A14), and only its own total
    /// tells. Until it does the order is asked for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let unconfirmed = self.state == OrderState::Filled && self.stated.is_none();
        !self.state.is_live() && self.missing().is_zero() && !unconfirmed
    }
}
