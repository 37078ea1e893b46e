//! What each of several strategies did: its part of the capital, its pairs and the sum of their profit lines.

use crate::domain::StrategyId;
use crate::engine::State;
use crate::report::run::{Lines, StrategyRow};
use std::collections::BTreeMap;

/// Each strategy by its name; nothing in a run of one.
#[must_use]
pub fn strategies(state: &State) -> BTreeMap<String, StrategyRow> {
    let parts = state.settings.strategies.iter().zip(0_u8..);
    let rows = parts.map(|(part, number)| {
        let ours = || state.pairs.iter().filter(move |pair| pair.strategy == StrategyId(number));
        let lines = ours().filter_map(|pair| Some(state.ledger.pair(pair.pair.id)?.attribution.lines));
        let row = StrategyRow {
            capital: part.settings.strategy.capital.of((state.capital(), state.settings.run.capital)),
            pairs: ours().map(|pair| pair.pair.name.clone()).collect(),
            pnl: lines.fold(Lines::default(), |mut all, one| {
                all += one;
                all
            }),
        };
        (part.name.clone(), row)
    });
    rows.collect()
}
