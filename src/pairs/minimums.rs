//! Whether what a pair may hold, and one clip of it, are orders at all: the venue's least value and lot, on both legs.
//!
//! Judged before anything is sent, from settings and rules alone; a price, where one is known, adds the lots. Tests: at the
//! end, `src/checks/checkup.rs`, and `tests/suite/minimums.rs`.

use super::sizing::{Backing, notional_of};
use crate::config::Settings;
use crate::domain::{Amount, Market, Price, Quantity, Rate, Rules};

/// What is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// What one pair may hold, per leg.
    Slot,
    /// One clip.
    Clip,
}

/// A size that no venue takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSmall {
    /// Slot or clip.
    pub what: What,
    /// Its value in the quote coin.
    pub value: Amount,
    /// The leg that asks for more.
    pub market: Market,
    /// Its least order in the quote coin.
    pub least: Amount,
    /// What the value must be.
    pub needed: Amount,
    /// The key that makes it so small.
    pub key: &'static str,
    /// Value of that key that is enough.
    pub expected: Amount,
}

/// The most that one pair may hold per leg with nothing held yet, and the key that bounds it.
#[must_use]
pub fn slot(settings: &Settings, price: Option<Price>) -> (Amount, &'static str) {
    let (size, risk) = (&settings.size, &settings.risk);
    let part = settings.strategy.capital;
    let key = if part.is_all() { "run.capital" } else { "strategy.capital" };
    let capital = part.of((settings.run.capital, settings.run.capital));
    let by_capital = (notional_of(capital.times_rate(share(settings)), size.leverage), key);
    let wanted = match (size.quantity, price) {
        (Some(coins), Some(price)) => (price.times(coins), "size.quantity"),
        // What so many coins are worth is not known.
        (Some(_), None) => (risk.max_pair, "risk.max_pair"),
        (None, _) => by_capital,
    };
    let bounds = [wanted, (risk.max_pair, "risk.max_pair"), (risk.max_total, "risk.max_total")];
    bounds.into_iter().min_by_key(|(value, _)| *value).unwrap_or(wanted)
}

/// The first thing that is too small; `None` when slot and clip are orders on both legs.
///
/// Worked: 20 with 30 % a pair at 1x is a slot of 3 a leg; where the least order is 5 a slot needs 5.25, and that 35.
#[must_use]
pub fn judge(settings: &Settings, legs: (&Rules, &Rules), price: Option<Price>) -> Option<TooSmall> {
    let (spot, perp) = legs;
    let least = |rules: &Rules| {
        let lots = price.map_or(Amount::ZERO, |price| price.times(rules.min_quantity).max(price.times(rules.step)));
        rules.min_notional.max(lots)
    };
    let (market, least) =
        if least(spot) > least(perp) { (Market::Spot, least(spot)) } else { (Market::Perp, least(perp)) };
    // A clip is cut to the coarser step, and must still be large enough then.
    let coarse = spot.step.max(perp.step);
    let cut_off = price.map_or(Amount::ZERO, |price| price.times(coarse));
    let small = |value: Amount| match price {
        None => value < spot.min_notional.max(perp.min_notional),
        Some(price) => {
            let cut = coins_of(value, price).floor_to(coarse);
            let is_small = |rules: &Rules| cut < rules.min_quantity || price.times(cut) < rules.min_notional;
            cut.is_zero() || is_small(spot) || is_small(perp)
        }
    };
    let (slot, slot_key) = slot(settings, price);
    let needed = least + cut_off;
    let (clip, clip_key) = [(settings.execution.clip, "execution.clip"), (settings.risk.max_order, "risk.max_order")]
        .into_iter()
        .min_by_key(|(value, _)| *value)?;
    if small(slot) {
        // An entry keeps a twentieth to spare for price moves.
        let needed = needed + least.share(1, 20);
        let is_capital = ["run.capital", "strategy.capital"].contains(&slot_key);
        let expected = if is_capital { capital_for(settings, needed) } else { needed };
        return Some(TooSmall { what: What::Slot, value: slot, market, least, needed, key: slot_key, expected });
    }
    small(clip.min(slot)).then_some(TooSmall {
        what: What::Clip,
        value: clip.min(slot),
        market,
        least,
        needed,
        key: clip_key,
        expected: needed,
    })
}

/// The smallest of the shares that bound a pair.
fn share(settings: &Settings) -> Rate {
    let size = &settings.size;
    let shares = [size.share, size.per_pair, size.per_coin, size.per_venue, size.per_quote];
    shares.into_iter().min().unwrap_or(size.share)
}

/// Capital whose slot is at least this large, rounded up to a whole.
fn capital_for(settings: &Settings, slot: Amount) -> Amount {
    let capital = Backing::Quote { leverage: settings.size.leverage }.capital(slot);
    let share = i128::from(share(settings).units().max(1));
    // Eight decimals fewer, so that the product fits.
    let units = (capital.units() / 100_000_000).saturating_mul(i128::from(Rate::ONE)) / share;
    let whole = Amount::whole(1).units() / 100_000_000;
    Amount::whole(i64::try_from((units + whole - 1).div_euclid(whole) + 1).unwrap_or(i64::MAX))
}

/// Coins of a value, rounded down.
#[must_use]
pub fn coins_of(value: Amount, price: Price) -> Quantity {
    let units = value.units().max(0).div_euclid(i128::from(price.units()));
    Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(least: i64, step: &str) -> Rules {
        let quantity = |text: &str| Quantity::parse(text).unwrap();
        Rules {
            tick: Price::parse("0.01").unwrap(),
            step: quantity(step),
            min_quantity: quantity(step),
            max_quantity: quantity("1000"),
            min_notional: Amount::whole(least),
        }
    }

    fn settings(capital: i64, clip: i64) -> Settings {
        let mut settings = Settings::default();
        settings.run.capital = Amount::whole(capital);
        settings.execution.clip = Amount::whole(clip);
        settings
    }

    #[test]
    fn u17_the_expected_value_is_enough_and_little_more_than_that() {
        let price = Price::parse("50000").unwrap();
        for price in [None, Some(price)] {
            let legs = (&rules(5, "0.00001"), &rules(100, "0.001"));
            let small = judge(&settings(100, 1_000), legs, price).unwrap();
            assert_eq!((small.what, small.key, small.market), (What::Slot, "run.capital", Market::Perp));
            let with = |capital: Amount| {
                let mut settings = settings(1, 1_000);
                settings.run.capital = capital;
                judge(&settings, legs, price)
            };
            assert_eq!(with(small.expected), None, "{small:?}");
            assert!(with(Amount::from_units(small.expected.units() / 2)).is_some(), "{small:?}");
            let small = judge(&settings(1_000_000, 99), legs, price).unwrap();
            assert_eq!((small.what, small.key), (What::Clip, "execution.clip"));
            let enough = settings(1_000_000, 151);
            assert_eq!((judge(&enough, legs, price), small.expected <= Amount::whole(151)), (None, true));
        }
    }

    #[test]
    fn u17_the_key_that_bounds_a_slot_is_named() {
        let mut bound = settings(1_000_000, 1_000);
        bound.risk.max_pair = Amount::whole(4);
        let small = judge(&bound, (&rules(5, "0.1"), &rules(5, "0.1")), None).unwrap();
        assert_eq!((small.key, small.expected), ("risk.max_pair", Amount::parse("5.25").unwrap()));
    }
}
