//! Contracts of several coins (`1000PEPEUSDT`, `kSHIB`, `1MBABYDOGEUSDT`): which spot symbol they belong to, and how a pair of
//! such a contract and its coin is brought to one unit.
//!
//! The multiplier comes from `instruments/VENUE.csv`, else from a known prefix; either way the prices of the legs must confirm
//! it within 20 % (fault E05). A pair of such a contract is played in contracts: spot prices are multiplied, exactly, and spot
//! coins divided, so that no price needs more than 8 decimals; results are given in coins again (`quoted.rs` of `run`).
//! Volume and open interest of a perp are in contracts, as venues publish them. Tests stand at the end and in
//! `tests/suite/cases.rs`.

use super::error::DataError;
use super::folder::{Folder, Key, Kind};
use super::history::Candles;
use crate::domain::text::QUOTES;
use crate::domain::{Market, Price, Span, Symbol, Venue};

/// How far the closes of the two legs may lie apart before they are not the same thing (fault E05).
pub(crate) const FURTHEST: f64 = 0.2;
/// Common bars, from the first one on, whose prices confirm a multiplier; later ones would be a look ahead.
const CONFIRMED_BY: usize = 25;
/// What symbols begin with, and how many coins it means; the longest first.
const PREFIXES: [(&str, u32); 6] =
    [("1000000", 1_000_000), ("100000", 100_000), ("10000", 10_000), ("1000", 1_000), ("1M", 1_000_000), ("k", 1_000)];

/// The spot leg of a perp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// Symbol of the spot candles.
    pub spot: Symbol,
    /// Coins in one contract of the perp.
    pub coins: u32,
}

impl Bundle {
    /// Coins at a time in which the candles of a kind are read.
    pub(crate) const fn unit(self, kind: Kind) -> u32 {
        match kind {
            Kind::Spot => self.coins,
            Kind::Funding | Kind::Perp | Kind::Mark | Kind::OpenInterest => 1,
        }
    }

    /// The file of one kind of the pair of a perp.
    pub(crate) const fn key(self, venue: Venue, perp: Symbol, kind: Kind, step: Span) -> Key {
        let symbol = match kind {
            Kind::Spot => self.spot,
            Kind::Funding | Kind::Perp | Kind::Mark | Kind::OpenInterest => perp,
        };
        Key { venue, symbol, kind, step }
    }
}

/// How many coins a symbol says a contract has, and the symbol without that: `1000PEPEUSDT` is 1000 of `PEPEUSDT`. A name
/// that is nothing but the prefix and a quote coin has none.
#[must_use]
pub fn prefix(symbol: Symbol) -> Option<(u32, Symbol)> {
    PREFIXES.iter().find_map(|(word, coins)| {
        let rest = symbol.as_str().strip_prefix(word)?;
        let named = rest.chars().next().is_some_and(char::is_uppercase) && !QUOTES.contains(&rest);
        Some((*coins, Symbol::new(rest).ok().filter(|_| named)?))
    })
}

impl Folder {
    /// The spot leg that belongs to a perp, and how many coins a contract of it is: by the rules of the folder, else by the
    /// candles that are there and the prefix of its name.
    #[must_use]
    pub fn bundle(&self, venue: Venue, symbol: Symbol) -> Bundle {
        let rules = self.rules(venue);
        let line = rules.iter().find(|line| (line.symbol, line.market) == (symbol, Market::Perp));
        let stated = line.and_then(|line| line.written.multiplier);
        let named = prefix(symbol);
        let has = |spot: Symbol| self.has_candles(venue, spot, Kind::Spot);
        if has(symbol) {
            // A venue may trade the same bundle on spot: its name is no proof then.
            return Bundle { spot: symbol, coins: stated.unwrap_or(1) };
        }
        let coin = line.and_then(|line| line.written.coin);
        let same_coin = rules
            .iter()
            .find(|other| other.market == Market::Spot && coin.is_some() && other.written.coin == coin)
            .map(|other| other.symbol)
            .filter(|spot| has(*spot));
        match (same_coin, named) {
            (Some(spot), _) => Bundle { spot, coins: stated.or(named.map(|one| one.0)).unwrap_or(1) },
            (None, Some((coins, spot))) if has(spot) => Bundle { spot, coins: stated.unwrap_or(coins) },
            (None, _) => Bundle { spot: symbol, coins: stated.unwrap_or(1) },
        }
    }

    fn has_candles(&self, venue: Venue, symbol: Symbol, kind: Kind) -> bool {
        let from = Key { venue, symbol, kind, step: Span::ZERO };
        let to = Key { step: Span(i64::MAX), ..from };
        self.files().range(from..=to).next().is_some()
    }
}

/// Refuses legs that are not the same coin in the same unit; `spot` is counted in contracts already.
#[expect(clippy::float_arithmetic, reason = "a check of history is not money")]
pub(crate) fn confirm(name: &str, bundle: Bundle, spot: &Candles, perp: &Candles) -> Result<(), DataError> {
    let both = |(opened, close): (&_, &Price)| {
        let other = spot.close.get(spot.at(*opened)?)?;
        Some(close.to_f64() / other.to_f64())
    };
    let mut ratios: Vec<f64> = perp.opened.iter().zip(&perp.close).filter_map(both).take(CONFIRMED_BY).collect();
    ratios.sort_by(f64::total_cmp);
    let Some(ratio) = ratios.get(ratios.len() / 2).filter(|ratio| (**ratio - 1.0).abs() > FURTHEST) else {
        return Ok(());
    };
    let (coins, spot) = (bundle.coins, bundle.spot);
    let times = ratio * f64::from(coins);
    let missing = format!(
        "its perp costs {times:.6} times its spot {spot}, expected {coins} within 20 %; multiplier in instruments/VENUE.csv \
         says how many coins a contract is"
    );
    Err(DataError::NoPair { name: name.to_owned(), missing, nearest: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u09_known_prefixes_name_the_coin_and_the_multiplier() {
        let check = |symbol: &'static str, coins: u32, rest: &'static str| {
            assert_eq!(prefix(Symbol::of(symbol)), Some((coins, Symbol::of(rest))), "{symbol}");
        };
        check("1000PEPEUSDT", 1_000, "PEPEUSDT");
        check("10000LADYSUSDT", 10_000, "LADYSUSDT");
        check("1000000MOGUSDT", 1_000_000, "MOGUSDT");
        check("1MBABYDOGEUSDT", 1_000_000, "BABYDOGEUSDT");
        check("kPEPE", 1_000, "PEPE");
        for plain in ["BTCUSDT", "1INCHUSDT", "1000USDT", "kUSDT", "keepUSDT", "KAVAUSDT", "100USDT"] {
            assert_eq!(prefix(Symbol::of(plain)), None, "{plain}");
        }
    }
}
