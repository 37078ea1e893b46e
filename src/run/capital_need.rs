//! Capital over notional by the account model (K), for summaries. The sizes are made with the same number
//! (`pairs/sizing.rs`, `Backing`). Tests: `tests/backtest/coin.rs`.

use crate::config::settings::Collateral;
use crate::domain::Quantity;
use crate::engine::State;
use crate::report::run::CapitalNeed;

/// What a pair of full size needs of capital, the least and the most of all pairs.
#[must_use]
pub fn capital_need(state: &State) -> Option<CapitalNeed> {
    let needs = state.pairs.iter().map(|pair| state.view(pair, Quantity::ZERO).capital_per_notional());
    let (least, most) = needs.fold((f64::MAX, 0.0_f64), |(least, most), need| (least.min(need), most.max(need)));
    let model = match state.settings.margin.collateral {
        Collateral::Quote => format!("margin in the quote coin at {}x", state.settings.size.leverage),
        Collateral::Coin => "coins as collateral".to_owned(),
        Collateral::Unified => "one account, coins as collateral".to_owned(),
    };
    (most > 0.0).then_some(CapitalNeed { model, least, most })
}
