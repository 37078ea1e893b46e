//! Maintenance margin by notional bracket, and the rise that a short and the fall that a long survives.
//!
//! Source: Binance USD-M leverage brackets (`notionalFloor`, `maintMarginRatio`, `cum`), digest read 2026-11.

use super::decimal;
use super::money::Amount;
use super::rate::Rate;
use serde::{Deserialize, Serialize};

/// One bracket: from `floor` of notional the ratio `maintenance` applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bracket {
    /// Notional (quote coin) from which this bracket holds.
    pub floor: Amount,
    /// Maintenance margin as a fraction of notional.
    pub maintenance: Rate,
}

/// Maintenance margin of a notional: each bracket's ratio applies to the part of the notional that lies in it (the same
/// result as `notional x ratio - cum`). Rounded half to even to 1e-8 per bracket.
///
/// Worked: 0.4 % to 50,000 and 0.5 % above: 60,000 needs 200 + 50 = 250. No bracket means unknown: `None`.
#[must_use]
pub fn maintenance(brackets: &[Bracket], notional: Amount) -> Option<Amount> {
    let notional = notional.abs();
    brackets.first()?;
    let mut total = Amount::ZERO;
    for (place, bracket) in brackets.iter().enumerate() {
        if bracket.floor >= notional {
            break;
        }
        let ceiling = brackets.get(place + 1).map_or(notional, |next| next.floor.min(notional));
        if ceiling > bracket.floor {
            total += (ceiling - bracket.floor).times_rate(bracket.maintenance);
        }
    }
    Some(total)
}

/// The rise of the mark, as a fraction, at which a short account of `equity` and `notional` is liquidated.
///
/// `x = (E - M) / (N x (1 + m))`, with M the maintenance margin and m = M / N. Worked: E = 100, N = 100, M = 0.4:
/// 99.6 / 100.4 = 0.992. `None` when there is no position.
#[must_use]
pub fn liquidation_distance(equity: Amount, notional: Amount, maintenance: Amount) -> Option<Rate> {
    liquidation_distance_with(equity, Amount::ZERO, notional, maintenance)
}

/// The same where a part of the equity is `collateral` in the coin itself, after its haircut: it rises with the mark.
///
/// `x = (E - M) / (N + M - C)`. Worked: E = 97, of which C = 95, N = 100, M = 0.4: 96.6 / 5.4 = 17.9. Where the collateral
/// outweighs the short no rise liquidates it: the largest rate there is, or the smallest when it is liquidated already.
#[must_use]
pub fn liquidation_distance_with(
    equity: Amount,
    collateral: Amount,
    notional: Amount,
    maintenance: Amount,
) -> Option<Rate> {
    if notional.units() <= 0 {
        return None;
    }
    let denominator = (notional + maintenance - collateral).units();
    if denominator <= 0 {
        let saved = equity > maintenance;
        return Some(Rate::from_units(if saved { i64::MAX } else { i64::MIN }));
    }
    // Both sides lose 10 decimals so that the product with 1e18 fits.
    let numerator = (equity - maintenance).units() / 10_000_000_000;
    let denominator = (denominator / 10_000_000_000).max(1);
    let units = decimal::div_half_even(numerator.saturating_mul(i128::from(Rate::ONE)), denominator);
    Some(Rate::from_units(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX })))
}

/// The fall of the mark, as a fraction, at which longs of this value are liquidated.
///
/// `x = (E - M) / (L + C - M)`: the longs and the collateral lose, and the maintenance margin falls with them. Worked: E = 50,
/// L = 100, M = 0.4: 49.6 / 99.6 = 0.498. `None` when there is no long; the largest rate there is when not even a fall to
/// nothing does it.
#[must_use]
pub fn liquidation_fall(equity: Amount, collateral: Amount, longs: Amount, maintenance: Amount) -> Option<Rate> {
    if longs.units() <= 0 {
        return None;
    }
    let (room, falls) = (equity - maintenance, longs + collateral - maintenance);
    if room >= falls {
        return Some(Rate::from_units(i64::MAX));
    }
    // Both sides lose 10 decimals so that the product with 1e18 fits.
    let denominator = (falls.units() / 10_000_000_000).max(1);
    let numerator = (room.units() / 10_000_000_000).saturating_mul(i128::from(Rate::ONE));
    let units = decimal::div_half_even(numerator, denominator);
    Some(Rate::from_units(i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bracket(floor: i64, maintenance: &str) -> Bracket {
        Bracket { floor: Amount::whole(floor), maintenance: Rate::parse(maintenance).unwrap() }
    }

    #[test]
    fn e08_each_part_of_the_notional_pays_its_own_bracket() {
        let brackets = [bracket(0, "0.004"), bracket(50_000, "0.005")];
        let check = |notional: i64, expected: &str| {
            assert_eq!(maintenance(&brackets, Amount::whole(notional)), Amount::parse(expected).ok());
        };
        check(0, "0");
        check(50_000, "200");
        check(60_000, "250");
        check(-60_000, "250");
        assert_eq!(maintenance(&[], Amount::whole(1)), None);
    }

    #[test]
    fn e15_a_short_on_its_own_coin_survives_any_usual_rally_and_a_cut_of_the_haircut_brings_it_nearer() {
        let check = |quote: i64, collateral: i64, expected: f64| {
            let (equity, coins) = (Amount::whole(quote + collateral), Amount::whole(collateral));
            let found = liquidation_distance_with(equity, coins, Amount::whole(100), Amount::parse("0.4").unwrap());
            assert!((found.unwrap().to_f64() - expected).abs() < 1e-6, "{found:?}");
        };
        // Beyond nine times the mark the distance is only "far".
        check(2, 95, 9.223_372);
        check(2, 80, 4.0);
        check(2, 50, 51.6 / 50.4);
        check(2, 0, 1.6 / 100.4);
        check(2, 101, 9.223_372);
        check(-102, 101, -9.223_372);
    }

    #[test]
    fn a_long_without_leverage_survives_any_fall_and_one_of_three_times_its_margin_a_third() {
        let check = |equity: i64, longs: i64, expected: Option<f64>| {
            let maintenance = Amount::parse("0.4").unwrap();
            let found = liquidation_fall(Amount::whole(equity), Amount::ZERO, Amount::whole(longs), maintenance);
            let near = |(found, expected): (f64, f64)| (found - expected).abs() < 1e-6;
            assert!(
                found.map(Rate::to_f64).zip(expected).map_or(found.is_none() && expected.is_none(), near),
                "{found:?}"
            );
        };
        check(50, 100, Some(49.6 / 99.6));
        check(33, 100, Some(32.6 / 99.6));
        check(100, 100, Some(9.223_372_036));
        check(0, 100, Some(-0.4 / 99.6));
        check(50, 0, None);
    }

    #[test]
    fn a_short_without_leverage_survives_almost_a_doubling() {
        let distance =
            liquidation_distance(Amount::whole(100), Amount::whole(100), Amount::parse("0.4").unwrap()).unwrap();
        assert!((distance.to_f64() - 0.992_031_872).abs() < 1e-8, "{distance}");
        assert_eq!(liquidation_distance(Amount::whole(100), Amount::ZERO, Amount::ZERO), None);
    }
}
