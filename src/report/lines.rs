//! The eight profit lines by name, and their sums per pair.
//!
//! Sums only; what a line is worth was decided by the ledger. Tests stand at the end of this file.

use super::run::{Lines, RunResult};
use crate::domain::Amount;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Names of the profit lines, in the order in which every table and file shows them.
pub const NAMES: [&str; 8] = ["funding", "basis", "delta", "fees", "slippage", "interest", "transfers", "unexplained"];

/// The amounts in the order of [`NAMES`]; plus is to us.
#[must_use]
pub const fn amounts(lines: &Lines) -> [Amount; 8] {
    [
        lines.funding,
        lines.basis,
        lines.delta,
        lines.fees,
        lines.slippage,
        lines.interest,
        lines.transfers,
        lines.unexplained,
    ]
}

/// What stands in every table of pairs beside them: what belongs to none.
pub const OUTSIDE: &str = "outside pairs";

/// What one pair did in the whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairTotals {
    /// Pair name.
    pub pair: String,
    /// Closed round trips.
    pub round_trips: u64,
    /// Round trips still open at the end.
    pub open: u64,
    /// Settlements received or paid.
    pub settlements: u64,
    /// Its lines.
    pub lines: Lines,
    /// Seconds during which the legs were unequal.
    pub naked_s: f64,
}

/// What each pair did, the best pair first: its lines by its own books, or by its round trips where there are no books.
#[must_use]
pub fn by_pair(result: &RunResult) -> Vec<PairTotals> {
    let mut sums: BTreeMap<&str, PairTotals> = BTreeMap::new();
    for trip in &result.trips {
        let sum = sums.entry(&trip.pair).or_default();
        if trip.closed.is_some() {
            sum.round_trips += 1;
        } else {
            sum.open += 1;
        }
        sum.settlements += u64::from(trip.settlements);
        sum.naked_s += trip.naked_s;
        sum.lines = join(&sum.lines, &trip.lines, |a, b| a + b);
    }
    for (pair, lines) in &result.books {
        sums.entry(pair).or_default().lines = *lines;
    }
    let mut pairs: Vec<PairTotals> =
        sums.into_iter().map(|(pair, sum)| PairTotals { pair: pair.to_string(), ..sum }).collect();
    pairs.sort_by_key(|pair| Reverse(pair.lines.total()));
    pairs
}

/// What the run's lines hold beyond those of its pairs: other quote coins, fee-token inventory, interest, transfers.
#[must_use]
pub fn outside(result: &RunResult, pairs: &[PairTotals]) -> Lines {
    let inside = pairs.iter().fold(Lines::default(), |sum, pair| join(&sum, &pair.lines, |a, b| a + b));
    join(&result.summary.pnl, &inside, |a, b| a - b)
}

fn join(left: &Lines, right: &Lines, with: impl Fn(Amount, Amount) -> Amount) -> Lines {
    Lines {
        funding: with(left.funding, right.funding),
        basis: with(left.basis, right.basis),
        delta: with(left.delta, right.delta),
        fees: with(left.fees, right.fees),
        slippage: with(left.slippage, right.slippage),
        interest: with(left.interest, right.interest),
        transfers: with(left.transfers, right.transfers),
        unexplained: with(left.unexplained, right.unexplained),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_amounts_are_all_lines_in_order() {
        let lines = Lines {
            funding: Amount::whole(1),
            basis: Amount::whole(2),
            delta: Amount::whole(3),
            fees: Amount::whole(4),
            slippage: Amount::whole(5),
            interest: Amount::whole(6),
            transfers: Amount::whole(7),
            unexplained: Amount::whole(8),
        };
        assert_eq!(amounts(&lines).map(|amount| amount.to_string()), ["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(amounts(&lines).into_iter().sum::<Amount>(), lines.total());
        let json: serde_json::Value = serde_json::to_value(lines).unwrap();
        for (name, amount) in NAMES.iter().zip(amounts(&lines)) {
            assert_eq!(json[name], serde_json::json!(amount.to_string()));
        }
    }
}
