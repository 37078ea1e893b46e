//! Capital over notional by the account model (K), for summaries. The sizes are made with the same number
//! (`pairs/sizing.rs`, `Backing`). Tests: `tests/backtest/coin.rs`.

use crate::config::settings::Collateral;
use crate::domain::{Quantity, Rate, Venue};
use crate::engine::State;
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

fn model(collateral: Collateral, leverage: Rate) -> String {
    match collateral {
        Collateral::Quote => format!("margin in the quote coin at {leverage}x"),
        Collateral::Coin => "coins as collateral".to_owned(),
        Collateral::Unified => "one account, coins as collateral".to_owned(),
    }
}
