//! Results of pairs whose perp is a contract of several coins, as people read them: coins in coins, prices as quoted.
//!
//! Such a pair is played in contracts (`data/bundle.rs`). Amounts of money are the same in both units. Exact: a number of
//! contracts times its coins, and the spot price that was multiplied divided again. Tests: `tests/suite/cases.rs`.

use crate::data::history::PairHistory;
use crate::domain::text::QUOTES;
use crate::domain::{Amount, LegWord, Price, Quantity, SignedQuantity};
use crate::report::run::RunResult;
use std::collections::BTreeMap;

/// Gives back coins and quoted prices in every row of a result.
pub fn as_quoted(result: &mut RunResult, histories: &[PairHistory]) {
    let bundles: BTreeMap<&str, i64> = histories
        .iter()
        .filter(|history| history.coins > 1)
        .map(|history| (history.name.as_str(), i64::from(history.coins)))
        .collect();
    let coins_of = |pair: &str| bundles.get(pair).copied();
    for fill in &mut result.fills {
        let Some(coins) = coins_of(&fill.pair) else { continue };
        fill.quantity = quantity(fill.quantity, coins);
        if fill.leg == LegWord::Spot {
            for price in [&mut fill.price, &mut fill.mid, &mut fill.arrival_mid] {
                *price = divided(*price, coins);
            }
        }
        if !QUOTES.contains(&fill.fee_asset.as_str()) {
            fill.fee = Amount::from_units(fill.fee.units().saturating_mul(i128::from(coins)));
        }
    }
    for paid in &mut result.funding {
        if let Some(coins) = coins_of(&paid.pair) {
            paid.quantity = SignedQuantity::from_units(paid.quantity.units().saturating_mul(coins));
        }
    }
    for trip in &mut result.trips {
        if let Some(coins) = coins_of(&trip.pair) {
            trip.coins = quantity(trip.coins, coins);
        }
    }
}

fn quantity(contracts: Quantity, coins: i64) -> Quantity {
    Quantity::saturating(contracts.units().saturating_mul(coins))
}

/// A price in contracts as its market quotes it; one below the least unit stays at it.
fn divided(price: Price, coins: i64) -> Price {
    Price::from_units((price.units() / coins).max(1)).unwrap_or(price)
}
