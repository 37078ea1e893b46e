//! Equity rows while a backtest runs: marks move two of the eight lines, the rest changes only with a posting.
//!
//! A year of minutes is a quarter of a million rows; kept like this they cost a third of the memory, and the time that the
//! machine needs to hand that memory out. Tests stand here.

use crate::domain::{Amount, WallTime};
use crate::ledger::Lines;
use crate::report::run::EquityRow;

/// Rows in the order in which they were seen.
#[derive(Debug, Clone, Default)]
pub struct DenseRows {
    rows: Vec<DenseRow>,
    /// The other lines, from this row on.
    rests: Vec<(usize, Lines)>,
}

#[derive(Debug, Clone, Copy)]
struct DenseRow {
    at: WallTime,
    equity: Amount,
    basis: Amount,
    delta: Amount,
}

impl DenseRows {
    /// Whether there is none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds the youngest row.
    pub fn push(&mut self, row: &EquityRow) {
        let Lines { basis, delta, .. } = row.lines;
        let rest = Lines { basis: Amount::ZERO, delta: Amount::ZERO, ..row.lines };
        if self.rests.last().is_none_or(|(_, known)| *known != rest) {
            self.rests.push((self.rows.len(), rest));
        }
        self.rows.push(DenseRow { at: row.at, equity: row.equity, basis, delta });
    }

    /// The rows as a report wants them.
    #[must_use]
    pub fn into_rows(self) -> Vec<EquityRow> {
        let mut rests = self.rests.into_iter().peekable();
        let mut rest = Lines::default();
        let whole = |(place, row): (usize, DenseRow)| {
            if let Some((_, next)) = rests.next_if(|(from, _)| *from == place) {
                rest = next;
            }
            let lines = Lines { basis: row.basis, delta: row.delta, ..rest };
            EquityRow { at: row.at, equity: row.equity, lines }
        };
        self.rows.into_iter().enumerate().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_back_as_they_were(cells in prop::collection::vec((0_i64..3, 0_i64..3, 0_i64..3, 0_i64..2), 0..40)) {
            let amount = Amount::whole;
            let rows: Vec<EquityRow> = (0_i64..)
                .zip(cells)
                .map(|(at, (basis, delta, funding, unexplained))| EquityRow {
                    at: WallTime(at),
                    equity: amount(basis + 7),
                    lines: Lines {
                        basis: amount(basis),
                        delta: amount(delta),
                        funding: amount(funding),
                        unexplained: amount(unexplained),
                        ..Lines::default()
                    },
                })
                .collect();
            let mut dense = DenseRows::default();
            for row in &rows {
                dense.push(row);
            }
            prop_assert_eq!(dense.into_rows(), rows);
        }
    }
}
