//! Whether the sizes of a configuration are orders at the venues of its pairs, for `carry check` and a start of `carry paper`.
//!
//! Rules and prices come from history where a folder is named, else the rules of the generated market, else the usual least
//! order. Tests: `tests/suite/minimums.rs`.

use super::Failure;
use super::history::{Ready, Window};
use crate::config::{ConfigErrors, Loaded, Problem, Settings, Source};
use crate::data::folder::Folder;
use crate::data::instruments;
use crate::domain::pair_name::{LegName, legs_of_name};
use crate::domain::{Amount, Asset, Leg, Market, Price, Rules};
use crate::pairs::minimums::{self, TooSmall, What};
use crate::report::figures;
use crate::sim::Generator;
use crate::sim::START;
use std::path::Path;

/// A pair's rules, and its price where one is known.
struct Known {
    name: String,
    quote: Asset,
    legs: (Rules, Rules),
    price: Option<Price>,
}

/// All layers as they are now, with sizes that are orders: for a session that reads its files again.
pub(super) fn again(what: &super::real::What) -> Result<Loaded, ConfigErrors> {
    let loaded = what.load()?;
    match judge(&loaded, None) {
        Ok(small) if !small.is_empty() => Err(small),
        // Without history nothing can fail that the files do not show.
        Ok(_) | Err(_) => Ok(loaded),
    }
}

/// What is too small, as errors of the configuration; none when everything is an order.
///
/// # Errors
/// [`Failure`] when the history cannot be used.
pub(super) fn judge(loaded: &Loaded, data: Option<&Path>) -> Result<ConfigErrors, Failure> {
    let stray = super::venue_names::stray(loaded, None);
    if data.is_none() && !stray.is_empty() {
        return Ok(stray);
    }
    let known = match data {
        Some(root) => of_history(loaded, root)?,
        None => usual(&loaded.settings.strategy.pairs),
    };
    let mut errors = ConfigErrors::default();
    for one in known {
        if let Some(small) = minimums::judge(&own(loaded, &one), (&one.legs.0, &one.legs.1), one.price) {
            let own = format!("pairs.\"{}\".{}", one.name, small.key);
            let find = |path: &str| loaded.values.iter().find(|value| value.path == path);
            let row = find(&own).or_else(|| find(&loaded.settings.path_of(&one.name, small.key)));
            let (source, text) = row.map_or((Source::Default, ""), |row| (row.source.clone(), row.text.as_str()));
            errors.add(source, Problem::Conflict(words(&one, &small, text)));
        }
    }
    Ok(errors)
}

/// The settings of a pair, as the venue of its short leg has them.
fn own(loaded: &Loaded, one: &Known) -> Settings {
    let venue = legs_of_name(&one.name).map(|[_, short]| short.venue);
    let own = loaded.settings.of_pair(&one.name);
    venue.map_or_else(|| own.clone(), |venue| own.at_venue(venue.as_str()))
}

fn words(of: &Known, small: &TooSmall, text: &str) -> String {
    let TooSmall { what, value, market, least, key, expected, .. } = small;
    let what = match what {
        What::Slot => "may hold",
        What::Clip => "is traded in clips of",
    };
    let money = figures::money;
    // Never rounded down to what is refused again.
    let expected = up(*expected);
    format!(
        "{key} = {text} is too small: {} {what} {} {quote} a leg, and the least {market} order is {} {quote}; expected at \
         least {expected}{}",
        of.name,
        money(*value),
        money(*least),
        if *key == "size.quantity" {
            format!(" {} worth of coins", of.quote)
        } else {
            of.quote.as_str().to_lowercase()
        },
        quote = of.quote,
    )
}

/// Rounded up to a hundredth.
fn up(amount: Amount) -> Amount {
    let hundredth = Amount::whole(1).units() / 100;
    Amount::from_units((amount.units() + hundredth - 1).div_euclid(hundredth) * hundredth)
}

fn of_history(loaded: &Loaded, root: &Path) -> Result<Vec<Known>, Failure> {
    let folder = Folder::open(root).map_err(super::history::not_there)?;
    let ready = Ready::of(loaded, &folder, Window::default())?;
    let known = ready.catalogue.pairs().iter().zip(&ready.histories).filter_map(|(pair, history)| {
        let (spot, perp) = ready.catalogue.instrument(pair.long).zip(ready.catalogue.instrument(pair.short))?;
        let price = history.spot.close.last().copied();
        Some(Known { name: pair.name.clone(), quote: pair.quote(Leg::Short), legs: (spot.rules, perp.rules), price })
    });
    Ok(known.collect())
}

/// The pairs that are named, by the rules of the generated market or the usual ones; any one when none is named.
fn usual(named: &[String]) -> Vec<Known> {
    let generator = Generator::new(1, START);
    let known = |name: &str| {
        let catalogue = generator.catalogue();
        let generated = catalogue.pair_named(name).and_then(|pair| {
            Some((catalogue.instrument(pair.long)?.clone(), catalogue.instrument(pair.short)?.clone()))
        });
        let (spot, perp) = generated.or_else(|| {
            let leg = |of: LegName| {
                let legs = instruments::built_in(of.venue.as_str(), of.symbol)?;
                Some(if of.market == Market::Spot { legs.spot } else { legs.perp })
            };
            let [long, short] = legs_of_name(name)?;
            Some((leg(long)?, leg(short)?))
        })?;
        Some(Known { name: name.to_owned(), quote: perp.quote, legs: (spot.rules, perp.rules), price: None })
    };
    if named.is_empty() {
        return known("binance:BTCUSDT").map(|one| Known { name: "a pair".to_owned(), ..one }).into_iter().collect();
    }
    named.iter().filter_map(|name| known(name)).collect()
}
