//! How far each wallet's positions were from liquidation: the least of each day, for the report.
//!
//! It decides nothing; the autopilot of `engine/margin.rs` does, by the same distance. Tests: `tests/suite/report_page.rs`.

use crate::domain::{Span, WallTime};
use crate::engine::State;
use crate::engine::margin::{distance, margined};
use crate::report::run::MarginRow;
use serde::{Deserialize, Serialize};

/// Time between two looks.
const EVERY: Span = Span::HOUR;
/// What one row tells of.
const ROW: Span = Span::hours(24);

/// The rows of the day that is not over.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Margins {
    today: Vec<MarginRow>,
    next: Option<WallTime>,
}

impl Margins {
    /// Takes a look when one is due; rows of a day that is over go to `rows`.
    pub fn look(&mut self, at: WallTime, state: &State, rows: &mut Vec<MarginRow>) {
        if self.next.is_some_and(|next| at < next) || (state.active == 0 && self.today.is_empty()) {
            return;
        }
        if self.today.first().is_some_and(|row| row.at.floor(ROW) != at.floor(ROW)) {
            self.close(rows);
        }
        self.next = Some(at.floor(EVERY) + EVERY);
        let mut seen = Vec::new();
        for pair in &state.pairs {
            if pair.memory.entered_at.is_none() {
                continue;
            }
            for key in margined(&pair.pair) {
                if seen.contains(&key) {
                    continue;
                }
                seen.push(key);
                let Some(least) = distance(&state.funds(key.0, key.1)) else { continue };
                let venue = state.catalogue.venues().get(key.0.index()).map_or("?", |name| name.as_str());
                self.keep(MarginRow { at, wallet: format!("{venue} {}", key.1), distance: least.to_f64() });
            }
        }
    }

    /// The day is over.
    pub fn close(&mut self, rows: &mut Vec<MarginRow>) {
        rows.append(&mut self.today);
    }

    fn keep(&mut self, row: MarginRow) {
        match self.today.iter_mut().find(|known| known.wallet == row.wallet) {
            Some(known) if known.distance <= row.distance => {}
            Some(known) => *known = row,
            None => self.today.push(row),
        }
    }
}
