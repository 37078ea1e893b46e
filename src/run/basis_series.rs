//! The basis of a pair over a run, for the chart of a report.

use crate::data::history::PairHistory;
use crate::report::run::BasisSeries;

/// Basis of common bars, thinned to at most two thousand points.
#[expect(clippy::float_arithmetic, reason = "a chart")]
#[must_use]
pub fn basis_series(history: &PairHistory) -> BasisSeries {
    let stride = (history.spot.opened.len() / 2_000).max(1);
    let mut points = Vec::new();
    for (place, opened) in history.spot.opened.iter().enumerate().step_by(stride) {
        let Ok(other) = history.perp.opened.binary_search(opened) else { continue };
        if let (Some(spot), Some(perp)) = (history.spot.close.get(place), history.perp.close.get(other)) {
            points.push((*opened + history.step, (perp.to_f64() / spot.to_f64() - 1.0) * 1e4));
        }
    }
    BasisSeries { pair: history.name.clone(), points }
}
