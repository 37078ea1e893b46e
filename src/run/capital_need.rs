//! Capital over notional by the account model (K), for summaries. The sizes are made with the same number
//! (`pairs/sizing.rs`, `Backing`). Tests: at the end, `tests/backtest/coin.rs` and `tests/suite/sweep.rs`.

use crate::config::settings::Collateral;
use crate::domain::{Amount, Leg, Quantity, Rate, Venue};
use crate::engine::{PairState, State};
use crate::pairs::sizing::{notional_of, over};
use crate::report::run::CapitalNeed;

/// What a pair of full size needs of capital, the least and the most of all pairs.
#[must_use]
pub fn capital_need(state: &State) -> Option<CapitalNeed> {
    let needs = state.pairs.iter().map(|pair| state.view(pair, Quantity::ZERO).capital_per_notional());
    let (least, most) = needs.fold((f64::MAX, 0.0_f64), |(least, most), need| (least.min(need), most.max(need)));
    let settings = &state.settings;
    let model = if settings.venues.is_empty() {
        model(settings.margin.collateral, settings.size.leverage)
    } else {
        let of =
            |venue: &Venue| format!("{venue}: {}", model(settings.collateral_at(*venue), settings.leverage_at(*venue)));
        state.catalogue.venues().iter().map(of).collect::<Vec<_>>().join("; ")
    };
    (most > 0.0).then_some(CapitalNeed { model, least, most })
}

/// Notional that a capital carries when all of it is at work, in the pair that needs least.
#[must_use]
pub fn carries(state: &State, capital: Amount) -> Amount {
    match capital_need(state) {
        Some(need) if state.coins_margin() || !state.settings.venues.is_empty() => {
            over(capital, Rate::from_f64(need.least).unwrap_or_default())
        }
        _ => notional_of(capital, state.settings.size.leverage),
    }
}

/// Fees of a full round trip of all the capital, as a part of it, in the pair where they are the most: each pair by the leverage
/// and the fees of its own venues.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "a figure for a report")]
pub fn round_trip_fees(state: &State) -> f64 {
    let of = |pair: &PairState| {
        let legs = Leg::BOTH.into_iter().filter_map(|leg| state.catalogue.instrument(pair.pair.leg(leg)));
        let sides: f64 = legs.map(|leg| leg.fees.taker.to_f64()).sum();
        2.0 * sides / state.view(pair, Quantity::ZERO).capital_per_notional()
    };
    state.pairs.iter().map(of).fold(0.0, f64::max)
}

fn model(collateral: Collateral, leverage: Rate) -> String {
    match collateral {
        Collateral::Quote => format!("margin in the quote coin at {leverage}x"),
        Collateral::Coin => "coins as collateral".to_owned(),
        Collateral::Unified => "one account, coins as collateral".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::config::settings::VenueTerms;
    use crate::sim::{Generator, START};

    #[test]
    fn capital_carries_and_trades_by_the_leverage_and_the_fees_of_its_own_venue() {
        let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
        let state = |settings: Settings| {
            let mut catalogue = Generator::new(1, START).catalogue().clone();
            catalogue.keep(|pair| pair.name == "alpha:BTCUSDT");
            State::new(settings, catalogue)
        };
        let usual = state(Settings::default());
        assert_eq!(carries(&usual, Amount::whole(300)), Amount::whole(150));
        let mut all = Settings::default();
        all.size.leverage = percent(200);
        let mut own = Settings::default();
        let terms = VenueTerms { leverage: Some(percent(200)), ..VenueTerms::default() };
        own.venues.insert(Venue::of("alpha"), terms);
        for twice in [all, own] {
            let twice = state(twice);
            let off = (Amount::whole(200) - carries(&twice, Amount::whole(300))).abs();
            assert!(off < Amount::parse("0.000001").unwrap(), "{off}");
            let more = round_trip_fees(&twice) / round_trip_fees(&usual);
            assert!((more - 4.0 / 3.0).abs() < 1e-9, "{more}");
        }
        let mut dear = usual.clone();
        let leg = dear.pairs[0].pair.short;
        let fee = dear.catalogue.instrument_mut(leg).unwrap();
        fee.fees.taker = fee.fees.taker + percent(1);
        let more = round_trip_fees(&dear) - round_trip_fees(&usual);
        assert!((more - 0.01).abs() < 1e-9, "twice one percent of half the capital: {more}");
    }
}
