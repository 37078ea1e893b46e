//! Coins as collateral: what they count for, what may leave the wallet that they margin, and what a venue sells for a debt.
//!
//! One definition for the simulated venue and the loopback one. Shares, the threshold of a debt and the price of a sale are those
//! of Binance's multi-assets mode (its help pages on the mode and on collateral ratios, read 2026-11; DOGE and AVAX do not stand
//! there, their share is assumed); a folder of history may say others in `collateral/VENUE.csv`. What is not listed counts for
//! nothing.

use super::decimal;
use super::money::Amount;
use super::price::Price;
use super::rate::Rate;
use super::text::Asset;

/// A debt in the quote coin from which coins are sold for it. Binance waits until 5,000; the earlier sale is the stricter test.
pub const DEBT: Amount = Amount::whole(100);

/// Leverage that a venue is set to where coins are collateral: what it keeps back of them until the short is bought back.
/// Our own limit is `size.leverage` for the part of a short that its coins do not cover yet.
pub const COIN_LEVERAGE: u8 = 5;

/// Share of the index at which coins are sold for a debt.
pub const SALE: Rate = Rate::from_units(Rate::ONE / 1_000 * 975);

/// Shares by coin, in percent.
const SHARES: [(&str, i64); 12] = [
    ("USDT", 100),
    ("USDC", 100),
    ("USD", 100),
    ("BTC", 95),
    ("ETH", 95),
    ("BNB", 95),
    ("SOL", 90),
    ("XRP", 90),
    ("ADA", 90),
    ("DOT", 90),
    ("DOGE", 80),
    ("AVAX", 80),
];

const fn percent(count: i64) -> Rate {
    Rate::from_units(count * (Rate::ONE / 100))
}

/// Share of its index that a coin counts for where nobody says another one; nothing for a coin that is not listed.
#[must_use]
pub fn built_in_share(coin: Asset) -> Rate {
    let known = SHARES.iter().find(|(name, _)| *name == coin.as_str());
    known.map_or(Rate::ZERO, |(_, share)| percent(*share))
}

/// Value of an amount of an asset at a price, rounded once to 1e-8.
#[must_use]
pub fn worth(amount: Amount, price: Price) -> Amount {
    Amount::from_units(amount.units() / 100_000_000 * i128::from(price.units())).to_ledger_unit()
}

/// What coins count for: their value less the haircut.
///
/// Worked: 2 coins at 10,000 that count for 95 % are 19,000.
#[must_use]
pub fn counts(coins: Amount, index: Price, share: Rate) -> Amount {
    worth(coins, index).times_rate(share)
}

/// Figures of a crossed account that decide what may leave its wallet, in the quote coin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The wallet, with what coins count for.
    pub wallet: Amount,
    /// Profit of the open positions that is not realised.
    pub unrealised: Amount,
    /// Initial margin of positions and open orders.
    pub initial: Amount,
}

impl Standing {
    /// Value that may leave: a loss that is not realised stays covered, a profit that is not realised does not leave.
    #[must_use]
    pub fn spare(&self) -> Amount {
        (self.wallet + self.unrealised.min(Amount::ZERO) - self.initial).max(Amount::ZERO)
    }

    /// Quote coin that may leave out of `held`.
    #[must_use]
    pub fn quote_out(&self, held: Amount) -> Amount {
        held.min(self.spare()).max(Amount::ZERO).floor_to_ledger_unit()
    }

    /// Coins that may leave out of `held`, which count for `counts`: all, or as many as what they count for is spare.
    #[must_use]
    pub fn coins_out(&self, held: Amount, counts: Amount) -> Amount {
        let spare = self.spare();
        if counts.is_zero() || counts <= spare {
            return held;
        }
        let units = held.units() / 100_000_000 * (spare.units() / 100_000_000) / (counts.units() / 100_000_000).max(1);
        Amount::from_units(units * 100_000_000).max(Amount::ZERO).floor_to_ledger_unit()
    }
}

/// Coins that a venue sells out of `held` for a debt in the quote coin, and what it pays for them: the index less its haircut.
/// `None` without a debt, or with nothing to sell. The first sale waits for a debt of [`DEBT`].
#[must_use]
pub fn sale(debt: Amount, held: Amount, index: Price) -> Option<(Amount, Amount)> {
    if debt.units() <= 0 || held.units() <= 0 {
        return None;
    }
    let units = i128::from(index.units()) * i128::from(SALE.units());
    let price = i64::try_from(decimal::div_half_even(units, i128::from(Rate::ONE))).ok()?;
    let price = Price::from_units(price.max(1)).ok()?;
    let coins = Amount::from_units((debt.units() / i128::from(price.units()) + 1) * 100_000_000).min(held);
    Some((coins, worth(coins, price)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn e15_a_coin_counts_for_its_share_and_an_unknown_one_for_nothing() {
        let check = |coin: &str, share: &str| {
            assert_eq!(built_in_share(Asset::new(coin).unwrap()), Rate::parse(share).unwrap());
        };
        check("BTC", "0.95");
        check("SOL", "0.9");
        check("USDT", "1");
        check("PEPE", "0");
        let price = Price::parse("10000").unwrap();
        assert_eq!(counts(amount("2"), price, Rate::parse("0.95").unwrap()), amount("19000"));
    }

    #[test]
    fn what_margins_a_position_does_not_leave() {
        let standing = |unrealised: &str| Standing {
            wallet: amount("1000"),
            unrealised: amount(unrealised),
            initial: amount("200"),
        };
        assert_eq!(standing("50").quote_out(amount("2000")), amount("800"), "a profit stays");
        assert_eq!(standing("-300").quote_out(amount("2000")), amount("500"));
        assert_eq!(standing("-900").quote_out(amount("2000")), Amount::ZERO);
        assert_eq!(standing("0").quote_out(amount("30")), amount("30"));
        assert_eq!(standing("0").coins_out(amount("2"), amount("700")), amount("2"));
        assert_eq!(standing("0").coins_out(amount("2"), amount("1600")), amount("1"));
        assert_eq!(standing("-900").coins_out(amount("2"), amount("1600")), Amount::ZERO);
    }

    #[test]
    fn a_debt_is_paid_with_coins_below_their_index_and_never_with_more_than_there_are() {
        let price = Price::parse("10000").unwrap();
        let (coins, paid) = sale(amount("975"), amount("2"), price).unwrap();
        assert_eq!((coins, paid), (amount("0.10000001"), amount("975.0000975")));
        assert_eq!(sale(amount("97500"), amount("2"), price), Some((amount("2"), amount("19500"))));
        assert_eq!(sale(Amount::ZERO, amount("2"), price), None);
        assert_eq!(sale(amount("975"), Amount::ZERO, price), None);
    }
}
