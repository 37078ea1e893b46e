//! The profit lines of a state, and what is unexplained: computed last, and zero.

use super::state::State;
use crate::domain::Amount;
use crate::ledger::Lines;

/// The profit lines with the move of other quote coins against the reporting coin in `delta`, and what is unexplained last.
#[must_use]
pub fn lines_of(state: &State, equity: Amount) -> Lines {
    let mut lines = state.ledger.lines();
    let mut opening = state.ledger.tokens_opening();
    for quote in &state.quotes {
        if *quote != state.settings.run.currency {
            let closing = state.ledger.equity(*quote);
            lines.delta += state.in_reporting(closing, *quote) - closing;
        }
        opening += state.ledger.opening(*quote);
    }
    lines.unexplained = Amount::ZERO;
    lines.unexplained = equity - opening - lines.total();
    lines
}

/// Money that was not earned: what somebody brought or took, and coins for fees as they began to count.
#[must_use]
pub fn brought(state: &State) -> Amount {
    state.ledger.flows() + state.ledger.tokens_opening()
}
