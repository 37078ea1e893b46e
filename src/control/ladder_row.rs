//! The ladder as people read it: what each pair pays on its own capital, what it must reach to be entered, at what it is left, what a
//! switch to it must gain, and the moves that follow.
//!
//! The figures are those that the decision is made with (`strategy/ladder.rs`); yearly ones are percent. Tests:
//! `tests/suite/ladder.rs`.

use crate::engine::State;
use crate::strategy::ladder::{self, Move, Rung, Standing, Terms};
use serde::{Deserialize, Serialize};

/// One pair on the ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LadderRow {
    /// Its name.
    pub pair: String,
    /// Whether it is held.
    pub held: bool,
    /// What it is expected to pay a year on its own capital; absent before a month of funding is known.
    pub apr_percent: Option<f64>,
    /// Capital over notional, by the account model.
    pub capital: f64,
    /// What one side, in or out, must be worth a year on that capital.
    pub side_percent: f64,
    /// It is entered above this, from cash or from another pair; absent while it is held, or its rival pays nobody knows what.
    pub must_reach_percent: Option<f64>,
    /// It is left below this when it is held.
    pub leave_below_percent: f64,
    /// The pair that it would be entered instead of; absent when a slot stands in cash.
    pub instead_of: Option<String>,
    /// By how much more it must pay than that pair.
    pub must_gain_percent: Option<f64>,
    /// By how much more it pays.
    pub gains_percent: Option<f64>,
    /// Whether all gates of an entry but the forecast are open.
    pub gates_open: bool,
    /// Why its entry could not be begun within the last day.
    pub passed_over: Option<String>,
}

/// One move of the plan, as it would be decided now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMove {
    /// `leave`, `enter` or `switch`.
    pub kind: String,
    /// The pair that is left.
    pub from: Option<String>,
    /// The pair that is entered.
    pub to: Option<String>,
}

/// The rows of all pairs in their order, and the moves that would be decided now.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "percent for a person")]
pub fn of(state: &State) -> (Vec<LadderRow>, Vec<PlannedMove>) {
    let (rungs, terms) = (state.rungs(), Terms::of(&state.settings));
    let name = |place: usize| state.pairs.get(place).map_or_else(String::new, |pair| pair.pair.name.clone());
    let percent = |fraction: f64| fraction * 100.0;
    let row = |(place, rung): (usize, &Rung)| {
        let stands: Standing = ladder::standing(&rungs, place, &terms)?;
        let pair = state.pairs.get(place)?;
        Some(LadderRow {
            pair: name(place),
            held: rung.held,
            apr_percent: rung.apr.map(percent),
            capital: state.view(pair, crate::domain::Quantity::ZERO).capital_per_notional(),
            side_percent: percent(rung.side),
            must_reach_percent: stands.must_reach.map(percent),
            leave_below_percent: percent(terms.leave_below(rung.side)),
            instead_of: stands.instead_of.map(name),
            must_gain_percent: stands.must_gain.map(percent),
            gains_percent: stands.gains.map(percent),
            gates_open: rung.open,
            passed_over: state.ladder.refused(place, state.now).map(str::to_owned),
        })
    };
    let planned = |one: Move| {
        let (kind, from, to) = match one {
            Move::Leave(from) => ("leave", Some(from), None),
            Move::Enter(to) => ("enter", None, Some(to)),
            Move::Switch { from, to } => ("switch", Some(from), Some(to)),
        };
        PlannedMove { kind: kind.to_owned(), from: from.map(name), to: to.map(name) }
    };
    let rows = rungs.iter().enumerate().filter_map(row).collect();
    (rows, state.ladder_moves(&rungs).into_iter().map(planned).collect())
}

impl LadderRow {
    /// For people, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        let pays = self.apr_percent.map_or_else(
            || "what it pays is not known before 95 % of a month of funding is".to_owned(),
            |apr| format!("pays {apr:.2} %apr on capital of {:.2} per notional", self.capital),
        );
        if self.held {
            return format!("{pays}; left below {:.2} %apr", self.leave_below_percent);
        }
        let must = match (&self.instead_of, self.must_reach_percent) {
            (Some(other), Some(reach)) => {
                let gain = self.must_gain_percent.unwrap_or(f64::NAN);
                let gains = self.gains_percent.map_or_else(String::new, |gains| format!(", pays {gains:+.2}"));
                format!(
                    "entered above {reach:.2} %apr, instead of {other}: must pay {gain:.2} %apr more than it{gains}"
                )
            }
            (None, Some(reach)) => format!("entered above {reach:.2} %apr, from cash"),
            (_, None) => "its slot is held by a pair that pays nobody knows what".to_owned(),
        };
        let passed = self.passed_over.as_ref().map_or_else(String::new, |why| format!("; passed over: {why}"));
        format!("{pays}; {must}{passed}")
    }
}
