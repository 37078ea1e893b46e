//! Trading fees: rates by role, and the amount of one fill in the right asset.

use super::money::{Amount, Money};
use super::price::Price;
use super::quantity::{Quantity, Side};
use super::rate::Rate;
use super::text::Asset;
use serde::{Deserialize, Serialize};

/// Whether an order rested or took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Rested in the book.
    Maker,
    /// Took from the book.
    Taker,
}

/// Fee rates of one instrument as fractions of the value; below zero is a rebate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// For resting orders.
    pub maker: Rate,
    /// For taking orders.
    pub taker: Rate,
}

impl Fees {
    /// The rate of a role.
    #[must_use]
    pub const fn of(&self, role: Role) -> Rate {
        match role {
            Role::Maker => self.maker,
            Role::Taker => self.taker,
        }
    }
}

/// Where the fee of a spot buy is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuyFeeIn {
    /// From the coins received: after buying 1 you own 0.999 (fault E11).
    Coin,
    /// From the quote coin.
    Quote,
}

/// The fee of one fill; plus means paid. Rounded once, half to even, to 1e-8 of its asset.
///
/// Worked: buying 1 BTC at 60,000 at 0.1 % costs 0.001 BTC when the venue takes coins, else 60 USDT.
#[must_use]
pub fn fee(fill: (Price, Quantity), rate: Rate, coin: Option<Asset>, quote: Asset) -> Money {
    let (price, quantity) = fill;
    match coin {
        Some(asset) => Money { amount: Amount::of_coins(quantity.signed(Side::Buy)).times_rate(rate), asset },
        None => Money { amount: price.times(quantity).times_rate(rate), asset: quote },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e11_a_buy_fee_is_taken_in_the_coin_or_the_quote() {
        let fill = (Price::parse("60000").unwrap(), Quantity::parse("1").unwrap());
        let (btc, usdt) = (Asset::new("BTC").unwrap(), Asset::new("USDT").unwrap());
        let rate = Rate::parse("0.001").unwrap();
        assert_eq!(fee(fill, rate, Some(btc), usdt).to_string(), "0.001 BTC");
        assert_eq!(fee(fill, rate, None, usdt).to_string(), "60 USDT");
        assert_eq!(fee(fill, -rate, None, usdt).to_string(), "-60 USDT");
    }
}
