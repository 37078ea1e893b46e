//! A perp position: signed coins and what they cost.

use crate::domain::{Amount, Price, SignedQuantity};
use serde::{Deserialize, Serialize};

/// A position in a linear perp. Plus is long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerpPosition {
    /// Signed coins.
    pub coins: SignedQuantity,
    /// Signed value paid for them: coins x entry price; below zero for a short.
    pub cost: Amount,
}

impl PerpPosition {
    /// Books a fill of signed coins and gives the profit it realised.
    ///
    /// A reduction releases the cost in proportion (rounded once to 1e-8). Worked: short 1 at 100, buy 1 at 90: the
    /// released cost is -100, paid 90, realised -(-100 + 90) = 10.
    #[must_use = "the realised profit must be posted"]
    pub fn fill(&mut self, coins: SignedQuantity, price: Price) -> Amount {
        let value = price.times_signed(coins);
        let same_way = self.coins.units().signum() * coins.units().signum() >= 0;
        if same_way {
            self.coins += coins;
            self.cost += value;
            return Amount::ZERO;
        }
        if coins.magnitude() <= self.coins.magnitude() {
            let released = if coins.magnitude() == self.coins.magnitude() {
                self.cost
            } else {
                self.cost.share(coins.magnitude().units(), self.coins.magnitude().units())
            };
            self.cost -= released;
            self.coins += coins;
            return -(released + value);
        }
        // Through flat: close all of it, then open the rest the other way.
        let closing = -self.coins;
        let realised = -(self.cost + price.times_signed(closing));
        let rest = coins - closing;
        self.coins = rest;
        self.cost = price.times_signed(rest);
        realised
    }

    /// Value at a price less what it cost.
    #[must_use]
    pub fn unrealised(&self, price: Price) -> Amount {
        price.times_signed(self.coins) - self.cost
    }

    /// Whether nothing is held.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.coins.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quantity, Side};
    use proptest::prelude::*;

    fn signed(text: &str, side: Side) -> SignedQuantity {
        Quantity::parse(text).unwrap().signed(side)
    }
    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn a_short_earns_when_bought_back_lower() {
        let mut position = PerpPosition::default();
        assert_eq!(position.fill(signed("1", Side::Sell), price("100")), Amount::ZERO);
        assert_eq!(position.fill(signed("0.4", Side::Buy), price("90")), Amount::whole(4));
        assert_eq!(position.unrealised(price("90")), Amount::whole(6));
        assert_eq!(position.fill(signed("1", Side::Buy), price("90")), Amount::whole(6));
        assert_eq!(position.coins, signed("0.4", Side::Buy));
    }

    proptest! {
        #[test]
        fn realised_plus_unrealised_is_the_cash_flow(fills in prop::collection::vec((1_i64..1_000_000, any::<bool>(), 1_i64..1_000_000_000), 1..40), last in 1_i64..1_000_000_000) {
            let mut position = PerpPosition::default();
            let (mut realised, mut flow, mut held) = (Amount::ZERO, Amount::ZERO, SignedQuantity::ZERO);
            for (units, buy, price) in fills {
                let coins = Quantity::from_units(units).unwrap().signed(if buy { Side::Buy } else { Side::Sell });
                let price = Price::from_units(price).unwrap();
                realised += position.fill(coins, price);
                flow -= price.times_signed(coins);
                held += coins;
            }
            let last = Price::from_units(last).unwrap();
            prop_assert_eq!(position.coins, held);
            prop_assert_eq!(realised + position.unrealised(last), flow + last.times_signed(held));
        }
    }
}
