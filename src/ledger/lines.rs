//! The profit lines of design section 5. They sum to the change in equity.

use crate::domain::Amount;
use serde::{Deserialize, Serialize};
use std::ops::{AddAssign, Sub};

/// Profit lines in the quote coin. Plus is to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lines {
    /// Funding received less paid.
    pub funding: Amount,
    /// What the basis (perp minus spot) moved on the hedged coins: `-h x d(P - S)`.
    pub basis: Amount,
    /// What being unequal earned or cost: `(q_s - h) dS + (q_p + h) dP`.
    pub delta: Amount,
    /// Trading fees, minus is paid; a fee in a coin is valued at the mid of that instant.
    pub fees: Amount,
    /// Fills against the mid at that instant: `-(price - mid) x signed quantity`.
    pub slippage: Amount,
    /// Interest.
    pub interest: Amount,
    /// External flows and transfer fees.
    pub transfers: Amount,
    /// The change in equity that no line explains; must be zero.
    pub unexplained: Amount,
}

impl Lines {
    /// Sum of all lines.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.funding
            + self.basis
            + self.delta
            + self.fees
            + self.slippage
            + self.interest
            + self.transfers
            + self.unexplained
    }

    /// Names and amounts in the order in which they are always shown.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, Amount); 8] {
        [
            ("funding", self.funding),
            ("basis", self.basis),
            ("delta", self.delta),
            ("fees", self.fees),
            ("slippage", self.slippage),
            ("interest", self.interest),
            ("transfers", self.transfers),
            ("unexplained", self.unexplained),
        ]
    }
}

impl AddAssign for Lines {
    fn add_assign(&mut self, other: Self) {
        self.funding += other.funding;
        self.basis += other.basis;
        self.delta += other.delta;
        self.fees += other.fees;
        self.slippage += other.slippage;
        self.interest += other.interest;
        self.transfers += other.transfers;
        self.unexplained += other.unexplained;
    }
}

impl Sub for Lines {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            funding: self.funding - other.funding,
            basis: self.basis - other.basis,
            delta: self.delta - other.delta,
            fees: self.fees - other.fees,
            slippage: self.slippage - other.slippage,
            interest: self.interest - other.interest,
            transfers: self.transfers - other.transfers,
            unexplained: self.unexplained - other.unexplained,
        }
    }
}
