//! Where the profit of one pair came from, from marks and fills alone, independent of the balances.

use super::lines::Lines;
use crate::domain::{Amount, Leg, Market, Price, SignedQuantity};
use serde::{Deserialize, Serialize};

/// Running attribution of one pair.
///
/// **Invariant**: lines change only through the formulas of design section 5; nothing is computed as a rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Lines so far.
    pub lines: Lines,
    /// Spot coins held.
    pub spot: SignedQuantity,
    /// Signed perp coins held.
    pub perp: SignedQuantity,
    marks: Option<(Price, Price)>,
}

impl Attribution {
    /// Hedged coins: `max(0, min(q_s, -q_p))`.
    #[must_use]
    pub const fn hedged(&self) -> SignedQuantity {
        let (spot, short) = (self.spot.units(), -self.perp.units());
        let smaller = if spot < short { spot } else { short };
        SignedQuantity::from_units(if smaller > 0 { smaller } else { 0 })
    }

    /// Spot coins plus signed perp coins.
    #[must_use]
    pub fn delta_coins(&self) -> SignedQuantity {
        self.spot + self.perp
    }

    /// Prices at which the position was valued last.
    #[must_use]
    pub const fn marks(&self) -> Option<(Price, Price)> {
        self.marks
    }

    /// The mids moved to (S, P): books basis and delta of what is held.
    pub fn mark_to(&mut self, spot: Price, perp: Price) {
        if let Some((spot_before, perp_before)) = self.marks
            && (self.spot.units() != 0 || self.perp.units() != 0)
        {
            let spot_move = i128::from(spot.units()) - i128::from(spot_before.units());
            let perp_move = i128::from(perp.units()) - i128::from(perp_before.units());
            let hedged = i128::from(self.hedged().units());
            let naked_spot = i128::from(self.spot.units()) - hedged;
            let naked_perp = i128::from(self.perp.units()) + hedged;
            self.lines.basis += Amount::from_units(-hedged * (perp_move - spot_move));
            if naked_spot != 0 || naked_perp != 0 {
                self.lines.delta += Amount::from_units(naked_spot * spot_move + naked_perp * perp_move);
            }
        }
        self.marks = Some((spot, perp));
    }

    /// A fill of signed coins at a price, against the mid of its leg; the pair must have been marked to that mid.
    pub fn fill(&mut self, leg: Leg, coins: SignedQuantity, price: Price, mid: Price) {
        let worse = i128::from(price.units()) - i128::from(mid.units());
        self.lines.slippage += Amount::from_units(-worse * i128::from(coins.units()));
        match leg {
            Market::Spot => self.spot += coins,
            Market::Perp => self.perp += coins,
        }
    }

    /// Coins that were there before, at the mids that the pair was marked to: no line changes.
    pub fn adopt(&mut self, spot: SignedQuantity, perp: SignedQuantity) {
        self.spot += spot;
        self.perp += perp;
    }

    /// Signed coins that the venue took out by a sale of its own, whose price is told apart: at the mid until then.
    pub fn exchange_coins(&mut self, coins: SignedQuantity, mid: Price) {
        self.spot += coins;
        self.lines.slippage += mid.times_signed(coins);
    }

    /// A fee in the quote coin; plus is paid.
    pub fn fee(&mut self, amount: Amount) {
        self.lines.fees -= amount;
    }

    /// A fee taken in coins of the spot leg, valued at its mid; plus is paid.
    pub fn coin_fee(&mut self, coins: SignedQuantity, mid: Price) {
        if !crate::planted::is(crate::planted::Bug::IgnoreCoinFee) {
            self.spot -= coins;
        }
        self.lines.fees -= mid.times_signed(coins);
    }

    /// Funding; plus is received.
    pub fn funding(&mut self, amount: Amount) {
        self.lines.funding += amount;
    }
}
