//! Walk-forward: for each fold the set that was best on all folds before it, measured on that fold alone.
//!
//! When no set beat cash on the past, cash is chosen: it is one of the assets. What the change from one set to another costs is not in
//! the folds' figures; it is told beside them as what a full round trip of everything would cost at each change. Tests: at the end.

use super::rows::Row;
use crate::domain::WallTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// One fold that was walked into.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The fold, from 1: fold 0 is past only.
    pub fold: i64,
    /// Start.
    pub from_ms: WallTime,
    /// End.
    pub to_ms: WallTime,
    /// Id of the chosen set; `None` is cash.
    pub set: Option<String>,
    /// Its gain above cash over all folds before.
    pub past_excess: f64,
    /// Its gain above cash in this fold.
    pub excess: f64,
    /// Its net change in this fold.
    pub net: f64,
    /// Its largest fall in this fold.
    pub max_drawdown: f64,
    /// The median set's gain above cash in this fold.
    pub median_excess: f64,
    /// The best set's, known only afterwards.
    pub best_excess: f64,
    /// Likeness of the sets' order on the past and in this fold, Spearman's: 1 the same, 0 none, -1 reversed.
    pub rank_likeness: Option<f64>,
}

/// The whole walk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Walk {
    /// Folds in order.
    pub folds: Vec<Step>,
    /// Gain above cash of the chosen sets, one fold after the other.
    pub excess: f64,
    /// The same of the set that is best in hindsight over the same folds.
    pub best_excess: f64,
    /// Changes of the chosen set from fold to fold, the first entry not counted.
    pub changes: u32,
    /// Gain above cash when every change pays a full round trip in fees: the most that changing can have cost.
    pub excess_after_changes: f64,
}

/// Walks over the folds' rows; `change_cost` is the part of the capital that a full round trip pays in fees.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "figures of a report")]
pub fn walk(rows: &[Row], change_cost: f64) -> Option<Walk> {
    let mut folds: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(fold) = row.fold {
            folds.entry(fold).or_default().push(row);
        }
    }
    let mut past: BTreeMap<&str, f64> = BTreeMap::new();
    let mut after: BTreeMap<&str, f64> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    for (fold, of) in &folds {
        if *fold > 0 {
            steps.push(step(*fold, of, &past)?);
            for row in of {
                *after.entry(&row.set).or_insert(1.0) *= 1.0 + row.excess();
            }
        }
        for row in of {
            *past.entry(&row.set).or_insert(1.0) *= 1.0 + row.excess();
        }
    }
    let changes = steps.windows(2).filter(|two| matches!(two, [a, b] if a.set != b.set)).count();
    let excess = steps.iter().fold(1.0, |all, step| all * (1.0 + step.excess)) - 1.0;
    let changes = u32::try_from(changes).unwrap_or(u32::MAX);
    let best = after.values().copied().fold(f64::MIN, f64::max) - 1.0;
    (!steps.is_empty()).then(|| Walk {
        folds: steps,
        excess,
        best_excess: best,
        changes,
        excess_after_changes: excess - f64::from(changes) * change_cost,
    })
}

#[expect(clippy::float_arithmetic, reason = "figures of a report")]
fn step(fold: i64, of: &[&Row], past: &BTreeMap<&str, f64>) -> Option<Step> {
    let first = of.first()?;
    let before = |row: &&Row| past.get(row.set.as_str()).copied().unwrap_or(1.0) - 1.0;
    // Of two that are equal the lower id, so that the choice is one.
    let order = |a: &&&Row, b: &&&Row| before(a).total_cmp(&before(b)).then_with(|| b.set.cmp(&a.set));
    let chosen = of.iter().max_by(order).filter(|row| before(row) > 0.0);
    let mut all: Vec<f64> = of.iter().map(|row| row.excess()).collect();
    let likeness = spearman(&of.iter().map(before).collect::<Vec<_>>(), &all);
    all.sort_by(f64::total_cmp);
    Some(Step {
        fold,
        from_ms: first.from,
        to_ms: first.to,
        set: chosen.map(|row| row.set.clone()),
        past_excess: chosen.map_or(0.0, before),
        excess: chosen.map_or(0.0, |row| row.excess()),
        net: chosen.map_or(0.0, |row| row.net_return),
        max_drawdown: chosen.map_or(0.0, |row| row.max_drawdown),
        median_excess: quantile(&all, 0.5),
        best_excess: all.last().copied().unwrap_or_default(),
        rank_likeness: likeness,
    })
}

/// A quantile of sorted numbers, between two neighbours in proportion; 0 of none.
#[must_use]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "statistics; the place lies inside the list"
)]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    let below = sorted.get(place as usize).copied().unwrap_or_default();
    let above = sorted.get(place as usize + 1).copied().unwrap_or(below);
    below + (above - below) * (place - place.floor())
}

/// Spearman's rank correlation, equal values sharing their mean rank; `None` when one side does not vary.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "statistics")]
fn spearman(one: &[f64], other: &[f64]) -> Option<f64> {
    let (one, other) = (ranks(one), ranks(other));
    let mean = (one.len() as f64 - 1.0) / 2.0;
    let pairs = || one.iter().zip(&other).map(|(a, b)| (a - mean, b - mean));
    let both: f64 = pairs().map(|(a, b)| a * b).sum();
    let (left, right): (f64, f64) = pairs().fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a * a, sum.1 + b * b));
    (left > 0.0 && right > 0.0).then(|| both / (left * right).sqrt())
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "statistics")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let upto = sorted.partition_point(|other| other <= value);
        (below + upto.saturating_sub(1)) as f64 / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row whose cash earns nothing, so that its excess is its return.
    fn row(set: &str, fold: i64, gain: f64) -> Row {
        Row {
            set: set.to_owned(),
            values: Vec::new(),
            fold: Some(fold),
            from: WallTime(fold),
            to: WallTime(fold + 1),
            net_return: gain,
            with_cash_return: gain,
            cash_return: 0.0,
            net_apr: None,
            excess_apr: None,
            max_drawdown: 0.0,
            round_trips: 0,
            time_in_market: 0.0,
            moments: None,
            final_equity: String::new(),
            digest: String::new(),
        }
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn the_choice_is_made_on_the_past_and_measured_on_the_next_fold() {
        let rows = [
            row("a", 0, 0.10),
            row("b", 0, 0.05),
            row("a", 1, -0.20),
            row("b", 1, 0.02),
            row("a", 2, 0.50),
            row("b", 2, 0.01),
        ];
        let found = walk(&rows, 0.003).unwrap();
        let chosen: Vec<Option<&str>> = found.folds.iter().map(|step| step.set.as_deref()).collect();
        assert_eq!(chosen, [Some("a"), Some("b")], "fold 2 must not know of its own gain");
        near(found.folds[0].excess, -0.20);
        near(found.folds[1].excess, 0.01);
        near(found.folds[1].past_excess, 1.05 * 1.02 - 1.0);
        near(found.excess, 0.80 * 1.01 - 1.0);
        near(found.best_excess, 0.80 * 1.50 - 1.0);
        assert_eq!(found.changes, 1);
        near(found.excess_after_changes, found.excess - 0.003);
        near(found.folds[0].rank_likeness.unwrap(), -1.0);
        near(found.folds[1].median_excess, 0.255);
    }

    #[test]
    fn cash_is_chosen_when_nothing_beat_it_and_of_equals_the_lower_id() {
        let losers = [row("a", 0, -0.1), row("b", 0, 0.0), row("a", 1, 1.0), row("b", 1, 1.0)];
        let found = walk(&losers, 0.0).unwrap();
        assert_eq!((found.folds[0].set.clone(), found.folds[0].excess), (None, 0.0));
        assert_eq!(found.folds[0].rank_likeness, None, "the fold does not tell them apart");
        let equals = [row("b", 0, 0.1), row("a", 0, 0.1), row("b", 1, 0.2), row("a", 1, 0.3)];
        assert_eq!(walk(&equals, 0.0).unwrap().folds[0].set.as_deref(), Some("a"));
        assert_eq!(walk(&[], 0.0), None);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 4.0)] {
            near(quantile(&sorted, share), expected);
        }
        near(quantile(&[], 0.5), 0.0);
    }
}
