//! What the pairs of a run ask of each venue: whole pairs, and single legs of pairs that stand at two venues.
//!
//! Names alone; no venue is asked. Tests: at the end.

use crate::domain::pair_name::{LegName, legs_of_name};
use crate::domain::{Market, Symbol};
use std::collections::BTreeMap;

/// What is traded at one venue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Symbols of pairs whose both legs stand here, as `BTCUSDT`.
    pub pairs: Vec<String>,
    /// Spot legs whose short stands elsewhere.
    pub spots: Vec<Symbol>,
    /// Perps whose long leg stands elsewhere.
    pub perps: Vec<Symbol>,
}

impl Asked {
    /// Whole pairs alone.
    #[must_use]
    pub fn of_pairs(pairs: Vec<String>) -> Self {
        Self { pairs, ..Self::default() }
    }

    fn add(&mut self, leg: LegName) {
        let legs = match leg.market {
            Market::Spot => &mut self.spots,
            Market::Perp => &mut self.perps,
        };
        if !legs.contains(&leg.symbol) {
            legs.push(leg.symbol);
        }
    }

    /// The single legs, spot first.
    pub fn lone(&self) -> impl Iterator<Item = (Market, &[Symbol])> {
        let both = [(Market::Spot, self.spots.as_slice()), (Market::Perp, self.perps.as_slice())];
        both.into_iter().filter(|(_, symbols)| !symbols.is_empty())
    }
}

/// The legs of a name over two venues, the long one first; `None` for a pair of one venue and for what is no name.
#[must_use]
pub fn across(name: &str) -> Option<[LegName; 2]> {
    // A slash without a venue behind it is the way others write a symbol: `binance:BTC/USDT`.
    name.split_once('/').filter(|(_, short)| short.contains(':')).and_then(|_| legs_of_name(name))
}

/// What each venue is asked for, by its name: `binance:BTCUSDT` is spot and perp of one, `binance:BTCUSDT/aster:BTCUSDT` spot at
/// the first and the short at the second.
///
/// # Errors
/// A sentence that names the pair, when there is none or one cannot be traded on a real market.
pub fn by_venue(pairs: &[String]) -> Result<BTreeMap<String, Asked>, String> {
    if pairs.is_empty() {
        let text = "strategy.pairs names no pair; name what shall be traded, for example --set \
                    strategy.pairs=[\"binance:BTCUSDT\"]";
        return Err(text.to_owned());
    }
    let mut venues: BTreeMap<String, Asked> = BTreeMap::new();
    for pair in pairs {
        let shown = pair.escape_debug();
        if let Some(legs) = across(pair) {
            if legs.iter().all(|leg| leg.market == Market::Perp) {
                return Err(format!(
                    "strategy.pairs: {shown}: a real market is traded in pairs of spot and perp; two perps are played by carry \
                     backtest and by carry paper on the generated market"
                ));
            }
            for leg in legs {
                venues.entry(leg.venue.to_string()).or_default().add(leg);
            }
            continue;
        }
        let Some((venue, symbol)) = pair.split_once(':').filter(|_| !pair.contains('/')) else {
            return Err(format!(
                "strategy.pairs: {shown}: expected VENUE:SYMBOL, for example binance:BTCUSDT, or both legs, for example \
                 binance:BTCUSDT/aster:BTCUSDT"
            ));
        };
        venues.entry(venue.to_owned()).or_default().pairs.push(symbol.to_owned());
    }
    Ok(venues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_venue_is_asked_for_its_own_legs_once() {
        let names = ["binance:BTCUSDT", "binance:ETHUSDT/aster:ETHUSDT", "aster:BNBUSDT/binance:BNBUSDT"];
        let found = by_venue(&names.map(str::to_owned)).unwrap();
        let (eth, bnb) = (Symbol::of("ETHUSDT"), Symbol::of("BNBUSDT"));
        let asked = |pairs: &[&str], spot, perp| Asked {
            pairs: pairs.iter().map(|one| (*one).to_owned()).collect(),
            spots: vec![spot],
            perps: vec![perp],
        };
        let expected = [("aster", asked(&[], bnb, eth)), ("binance", asked(&["BTCUSDT"], eth, bnb))];
        assert_eq!(found, expected.map(|(name, asked)| (name.to_owned(), asked)).into());
        let lone: Vec<Market> =
            Asked { perps: vec![eth], ..Asked::default() }.lone().map(|(market, _)| market).collect();
        assert_eq!(lone, [Market::Perp]);
        let twice = by_venue(&["a:X/b:X", "a:X/c:X"].map(str::to_owned)).unwrap();
        assert_eq!(twice["a"].spots.len(), 1);
    }

    #[test]
    fn what_cannot_be_traded_is_named() {
        for (pairs, words) in [
            (&[][..], "names no pair"),
            (&["BTCUSDT"], "BTCUSDT: expected VENUE:SYMBOL"),
            (&["a:X/b"], "a:X/b: expected VENUE:SYMBOL"),
            (&["a-perp:X/b-perp:X"], "a-perp:X/b-perp:X: a real market is traded in pairs of spot and perp"),
        ] {
            let pairs: Vec<String> = pairs.iter().map(|one| (*one).to_owned()).collect();
            let error = by_venue(&pairs).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
