//! Contract kinds and their arithmetic: what a position is worth in coins and what a price move pays.
//!
//! Only linear contracts of multiplier 1 are traded (fault E21 refuses the rest at start); the maths of all kinds is here
//! because history, statistics and the pair's hedge ratio need it.

use super::decimal;
use super::money::Amount;
use super::price::Price;
use super::quantity::SignedQuantity;
use serde::{Deserialize, Serialize};

/// What one contract pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Contract {
    /// Pays in the quote coin; one contract is `coins` coins (1000 for a `1000PEPE`).
    Linear {
        /// Coins in one contract.
        coins: u32,
    },
    /// Sized in the quote coin and paid in the coin: one contract is `quote` quote coins.
    Inverse {
        /// Quote coins in one contract.
        quote: u32,
    },
    /// Pays a fixed number of settlement-coin units per quote-coin move: value = price x multiplier x contracts.
    Quanto {
        /// Settlement units (1e-8 of the settlement coin) per one quote coin of price.
        multiplier: u32,
    },
}

impl Contract {
    /// Profit of `contracts` (plus is long) when the price goes from `from` to `to`, in the settlement asset.
    ///
    /// Linear: q x coins x (to - from) in the quote coin. Inverse: q x quote x (1/from - 1/to) in the coin, rounded half to
    /// even at 1e-16. Quanto: q x multiplier x (to - from) in the settlement coin.
    /// Worked (inverse): long 100 contracts of 1 USD from 100 to 125 earns 100/100 - 100/125 = 0.2 coins.
    #[must_use]
    pub fn profit(self, contracts: SignedQuantity, from: Price, to: Price) -> Amount {
        let quantity = i128::from(contracts.units());
        let (from, to) = (i128::from(from.units()), i128::from(to.units()));
        match self {
            Self::Linear { coins } => Amount::from_units(quantity * i128::from(coins) * (to - from)),
            Self::Inverse { quote } => {
                // quantity (1e-8) x quote x 1e8 / price (1e-8): scaled to 1e-16 by 1e16 / 1e8 x 1e8.
                let numerator = quantity * i128::from(quote) * 10_000_000_000_000_000;
                Amount::from_units(decimal::div_half_even(numerator, from) - decimal::div_half_even(numerator, to))
            }
            Self::Quanto { multiplier } => {
                let units = quantity * i128::from(multiplier) * (to - from);
                Amount::from_units(decimal::div_half_even(units, 100_000_000))
            }
        }
    }

    /// Coins that `contracts` move like at `price`: the size a spot leg must have to be neutral. Half to even at 1e-8.
    ///
    /// Quanto has no fixed coin equivalent: its delta depends on the settlement coin, so it has none here.
    #[must_use]
    pub fn coins(self, contracts: SignedQuantity, price: Price) -> Option<SignedQuantity> {
        let quantity = i128::from(contracts.units());
        let units = match self {
            Self::Linear { coins } => quantity.checked_mul(i128::from(coins))?,
            Self::Inverse { quote } => {
                let numerator = quantity.checked_mul(i128::from(quote))?.checked_mul(100_000_000)?;
                decimal::div_half_even(numerator, i128::from(price.units()))
            }
            Self::Quanto { .. } => return None,
        };
        i64::try_from(units).ok().map(SignedQuantity::from_units)
    }

    /// Whether the engine trades this kind.
    #[must_use]
    pub const fn tradable(self) -> bool {
        matches!(self, Self::Linear { coins: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }
    const fn contracts(whole: i64) -> SignedQuantity {
        SignedQuantity::from_units(whole * 100_000_000)
    }

    #[test]
    fn e21_each_kind_pays_by_its_own_formula() {
        let linear = Contract::Linear { coins: 1000 };
        assert_eq!(linear.profit(contracts(-2), price("0.01"), price("0.011")).to_string(), "-2");
        let inverse = Contract::Inverse { quote: 1 };
        assert_eq!(inverse.profit(contracts(100), price("100"), price("125")).to_string(), "0.2");
        // XRPUSD-like quanto: 0.0002 XBT per dollar = 20,000 units.
        let quanto = Contract::Quanto { multiplier: 20_000 };
        assert_eq!(quanto.profit(contracts(10), price("0.5"), price("0.6")).to_string(), "0.0002");
    }

    #[test]
    fn e05_e21_coins_moved_follow_multiplier_and_price() {
        assert_eq!(Contract::Linear { coins: 1000 }.coins(contracts(3), price("0.01")), Some(contracts(3000)));
        assert_eq!(Contract::Inverse { quote: 100 }.coins(contracts(5), price("50000")).unwrap().to_string(), "0.01");
        assert_eq!(Contract::Quanto { multiplier: 1 }.coins(contracts(5), price("1")), None);
        assert!(Contract::Linear { coins: 1 }.tradable());
        assert!(!Contract::Linear { coins: 1000 }.tradable());
    }
}
