//! Where the profit of one pair came from, from marks and fills alone, independent of the balances.

use super::lines::Lines;
use crate::domain::{Amount, Leg, Price, SignedQuantity};
use serde::{Deserialize, Serialize};

/// Running attribution of one pair.
///
/// **Invariant**: lines change only through the formulas of design section 5; nothing is computed as a rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Lines so far.
    pub lines: Lines,
    /// Signed coins of the long leg.
    #[serde(rename = "spot", alias = "long")]
    pub long: SignedQuantity,
    /// Signed coins of the short leg: below zero while it is short.
    #[serde(rename = "perp", alias = "short")]
    pub short: SignedQuantity,
    marks: Option<(Price, Price)>,
}

impl Attribution {
    /// Hedged coins: `max(0, min(long, -short))`.
    #[must_use]
    pub const fn hedged(&self) -> SignedQuantity {
        let (long, short) = (self.long.units(), -self.short.units());
        let smaller = if long < short { long } else { short };
        SignedQuantity::from_units(if smaller > 0 { smaller } else { 0 })
    }

    /// Signed coins of both legs together.
    #[must_use]
    pub fn delta_coins(&self) -> SignedQuantity {
        self.long + self.short
    }

    /// Prices at which the position was valued last.
    #[must_use]
    pub const fn marks(&self) -> Option<(Price, Price)> {
        self.marks
    }

    /// The mids moved to (S, P): books basis and delta of what is held.
    pub fn mark_to(&mut self, long: Price, short: Price) {
        if let Some((long_before, short_before)) = self.marks
            && (self.long.units() != 0 || self.short.units() != 0)
        {
            let long_move = i128::from(long.units()) - i128::from(long_before.units());
            let short_move = i128::from(short.units()) - i128::from(short_before.units());
            let hedged = i128::from(self.hedged().units());
            let naked_long = i128::from(self.long.units()) - hedged;
            let naked_short = i128::from(self.short.units()) + hedged;
            self.lines.basis += Amount::from_units(-hedged * (short_move - long_move));
            if naked_long != 0 || naked_short != 0 {
                self.lines.delta += Amount::from_units(naked_long * long_move + naked_short * short_move);
            }
        }
        self.marks = Some((long, short));
    }

    /// A fill of signed coins at a price, against the mid of its leg; the pair must have been marked to that mid.
    pub fn fill(&mut self, leg: Leg, coins: SignedQuantity, price: Price, mid: Price) {
        let worse = i128::from(price.units()) - i128::from(mid.units());
        self.lines.slippage += Amount::from_units(-worse * i128::from(coins.units()));
        match leg {
            Leg::Long => self.long += coins,
            Leg::Short => self.short += coins,
        }
    }

    /// Coins that were there before, at the mids that the pair was marked to: no line changes.
    pub fn adopt(&mut self, long: SignedQuantity, short: SignedQuantity) {
        self.long += long;
        self.short += short;
    }

    /// Signed coins that the venue took out by a sale of its own, whose price is told apart: at the mid until then.
    pub fn exchange_coins(&mut self, coins: SignedQuantity, mid: Price) {
        self.long += coins;
        self.lines.slippage += mid.times_signed(coins);
    }

    /// A fee in the quote coin; plus is paid.
    pub fn fee(&mut self, amount: Amount) {
        self.lines.fees -= amount;
    }

    /// A fee taken in coins of the long leg, valued at its mid; plus is paid.
    pub fn coin_fee(&mut self, coins: SignedQuantity, mid: Price) {
        if !crate::planted::is(crate::planted::Bug::IgnoreCoinFee) {
            self.long -= coins;
        }
        self.lines.fees -= mid.times_signed(coins);
    }

    /// Funding; plus is received.
    pub fn funding(&mut self, amount: Amount) {
        self.lines.funding += amount;
    }
}
