//! The instruments of a pair whose legs stand at two venues: each is asked of its own venue, and then they are joined.
//!
//! Nothing is traded here. Tests: at the end, and `tests/live/two_venues.rs`.

use super::asked::across;
use super::inquiry::{Inquiry, Known, StartError};
use crate::config::Settings;
use crate::config::settings::Collateral;
use crate::data::instruments;
use crate::domain::pair_name::LegName;
use crate::domain::{Catalogue, Instrument, Market, Symbol};

impl Inquiry<'_> {
    /// The instruments of these symbols of a market, with our fees and, of a perp, its margin brackets.
    ///
    /// # Errors
    /// [`StartError`] names the leg that is not there or of which something is missing.
    pub async fn lone_legs(
        &self,
        (market, symbols): (Market, &[Symbol]),
        known: &mut Known,
    ) -> Result<Vec<Instrument>, StartError> {
        let rows = self.listings(market, symbols).await?;
        let mut legs = Vec::new();
        for symbol in symbols {
            let name = format!("{}-{market}:{symbol}", self.name);
            let problem = |problem: &str| StartError::Pair { pair: name.clone(), problem: problem.to_owned() };
            let perpetual = |one: &&crate::venues::answer::Listing| market == Market::Spot || one.perpetual;
            let row = rows.iter().find(|row| row.symbol == *symbol).filter(perpetual);
            let Some(listed) = row.filter(|row| row.trading) else {
                let kept = self.kept_leg((market, *symbol), row, known);
                legs.push(kept.ok_or_else(|| problem("the venue lists no such symbol that we can trade"))?);
                continue;
            };
            if self.wire.bundles().iter().any(|bundle| bundle.coin == listed.base) {
                return Err(problem(
                    "another pair counts this coin in contracts of several; an account holds one of the two",
                ));
            }
            let built_in = instruments::built_in(self.name, *symbol).ok_or_else(|| problem("no known quote coin"))?;
            let mut leg = if market == Market::Spot { built_in.spot } else { built_in.perp };
            (leg.coin, leg.quote, leg.rules) = (listed.base, listed.quote, listed.rules);
            self.terms(&mut leg, &name, known).await?;
            if market == Market::Perp {
                self.brackets(&mut leg, &name, known).await?;
            }
            legs.push(leg);
        }
        Ok(legs)
    }
}

/// Adds the pairs over two venues to the catalogue, of legs that were asked for.
///
/// # Errors
/// [`StartError::Pair`] of a pair whose legs do not belong together, or that the settings cannot margin.
pub fn join(settings: &Settings, legs: &[Instrument], catalogue: &mut Catalogue) -> Result<(), StartError> {
    for name in &settings.strategy.pairs {
        let Some(both) = across(name) else { continue };
        let problem = |problem: String| StartError::Pair { pair: name.clone(), problem };
        if both.iter().any(|leg| settings.collateral_at(leg.venue) == Collateral::Coin) {
            let text =
                "its coins are at another venue than its short and cannot margin it; set margin.collateral = \"quote\"";
            return Err(problem(text.to_owned()));
        }
        let find = |leg: LegName| {
            let same = |one: &&Instrument| (one.venue, one.market, one.symbol) == (leg.venue, leg.market, leg.symbol);
            legs.iter().find(same).cloned().ok_or_else(|| problem(format!("{leg} was not found")))
        };
        let [long, short] = both;
        let (long, short) = (find(long)?, find(short)?);
        if long.coin != short.coin {
            return Err(problem(format!("its legs are of different coins, {} and {}", long.coin, short.coin)));
        }
        if long.quote != short.quote {
            let text = format!(
                "its legs are priced in {} and in {}: a real market is traded in pairs of one quote coin",
                long.quote, short.quote
            );
            return Err(problem(text));
        }
        catalogue.add_pair(long, short);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Leg, Venue, VenueId};

    fn leg(venue: &str, market: Market, symbol: &'static str) -> Instrument {
        let legs = instruments::built_in(venue, Symbol::of(symbol)).unwrap();
        if market == Market::Spot { legs.spot } else { legs.perp }
    }

    #[test]
    fn legs_are_joined_by_the_names_of_the_pairs_and_venues_keep_their_numbers() {
        let mut settings = Settings::default();
        settings.strategy.pairs = vec!["aster:BTCUSDT/binance:BTCUSDT".to_owned()];
        let legs = [leg("aster", Market::Spot, "BTCUSDT"), leg("binance", Market::Perp, "BTCUSDT")];
        let mut catalogue = Catalogue::of_venues(["aster", "binance"].map(|name| Venue::new(name).unwrap()));
        join(&settings, &legs, &mut catalogue).unwrap();
        let pair = &catalogue.pairs()[0];
        assert_eq!(pair.name, settings.strategy.pairs[0]);
        assert_eq!((pair.venue(Leg::Long), pair.venue(Leg::Short)), (VenueId(0), VenueId(1)));
    }

    #[test]
    fn legs_that_do_not_belong_together_are_refused_by_name() {
        let check = |short: Instrument, collateral, words: &str| {
            let mut settings = Settings::default();
            settings.strategy.pairs = vec![format!("binance:BTCUSDT/aster:{}", short.symbol)];
            settings.margin.collateral = collateral;
            let legs = [leg("binance", Market::Spot, "BTCUSDT"), short];
            let error = join(&settings, &legs, &mut Catalogue::default()).unwrap_err().to_string();
            assert!(error.starts_with("binance:BTCUSDT/aster:") && error.contains(words), "{error}");
        };
        let aster = |symbol| leg("aster", Market::Perp, symbol);
        check(aster("ETHUSDT"), Collateral::Quote, "different coins, BTC and ETH");
        check(aster("BTCUSDC"), Collateral::Quote, "priced in USDT and in USDC");
        check(aster("BTCUSDT"), Collateral::Coin, "cannot margin it");
        check(leg("aster", Market::Spot, "BTCUSDT"), Collateral::Quote, "aster-perp:BTCUSDT was not found");
    }
}
