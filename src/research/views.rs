//! What a page shows of the rows: the heat map of two keys, what each key did, and how steady sets were from fold to fold.
//!
//! Pure: rows in, figures out. Tests: at the end and `tests/suite/sweep.rs`.

use super::grid::number;
use super::rows::Row;
use super::walk::quantile;
use crate::config::keys::Key;
use crate::report::sweep::{Band, Heat, Steady};

/// Values of one key that get a line of their own on an axis; more are put into bins.
const MOST_VALUES: usize = 12;
/// Bins of a key that was drawn from a range.
const BINS: u32 = 8;
/// Sets whose folds are drawn one by one.
const MOST_SETS: usize = 6;

/// By what a set is judged, in percent: the yearly gain above cash, or that of the whole time where it is too short for a year.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "a chart")]
pub fn judged(row: &Row) -> f64 {
    let yearly = row.net_apr.is_some();
    let figure = if yearly { row.excess_apr.unwrap_or(0.0) } else { row.excess() };
    figure * 100.0
}

/// One key's axis: a name for each place, and the place of each row.
struct Places {
    names: Vec<String>,
    of: Vec<usize>,
}

fn places(key: &Key, at: usize, rows: &[&Row]) -> Places {
    let text = |row: &&Row| row.values.get(at).cloned().unwrap_or_default();
    let mut names: Vec<String> = rows.iter().map(text).collect();
    names.sort_by(|a, b| {
        let numbers = number(key, a).zip(number(key, b));
        numbers.map_or(std::cmp::Ordering::Equal, |(a, b)| a.total_cmp(&b)).then_with(|| a.cmp(b))
    });
    names.dedup();
    if names.len() > MOST_VALUES
        && let Some(binned) = bins(key, &names, rows.iter().map(text))
    {
        return binned;
    }
    let of = rows.iter().map(|row| names.iter().position(|name| *name == text(row)).unwrap_or_default()).collect();
    Places { names, of }
}

/// Equal parts of the way from the least to the greatest value; each is named by the values at its ends.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "a chart; the bin lies within a few"
)]
fn bins(key: &Key, sorted: &[String], texts: impl Iterator<Item = String>) -> Option<Places> {
    let (low, high) = (number(key, sorted.first()?)?, number(key, sorted.last()?)?);
    let wide = (high - low) / f64::from(BINS);
    let bin =
        |text: &String| number(key, text).map_or(0, |value| (((value - low) / wide) as usize).min(BINS as usize - 1));
    let name = |place: usize| {
        let mut inside = sorted.iter().filter(|text| bin(text) == place);
        match (inside.next(), inside.next_back()) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            (Some(only), None) => only.clone(),
            _ => String::new(),
        }
    };
    // A bin without a value has no name and no place.
    let used: Vec<usize> = (0..BINS as usize).filter(|place| sorted.iter().any(|text| bin(text) == *place)).collect();
    let of = texts.map(|text| used.binary_search(&bin(&text)).unwrap_or_default()).collect();
    Some(Places { names: used.into_iter().map(name).collect(), of })
}

/// The heat map over the two keys with the most values; `None` when only one is varied. A cell is the median of its sets.
#[must_use]
pub fn heat(keys: &[&'static Key], rows: &[&Row]) -> Option<Heat> {
    let all: Vec<Places> = keys.iter().enumerate().map(|(at, key)| places(key, at, rows)).collect();
    let mut widest: Vec<usize> =
        (0..keys.len()).filter(|at| all.get(*at).is_some_and(|axis| axis.names.len() > 1)).collect();
    widest.sort_by_key(|at| std::cmp::Reverse(all.get(*at).map_or(0, |axis| axis.names.len())));
    let (x_at, y_at) = (*widest.first()?, *widest.get(1)?);
    let (x, y) = (all.get(x_at)?, all.get(y_at)?);
    let mut cells: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); x.names.len()]; y.names.len()];
    for (row, (column, line)) in rows.iter().zip(x.of.iter().zip(&y.of)) {
        if let Some(cell) = cells.get_mut(*line).and_then(|line| line.get_mut(*column)) {
            cell.push(judged(row));
        }
    }
    let most = cells.iter().flatten().map(Vec::len).max().unwrap_or_default();
    let values = cells.into_iter().map(|line| line.into_iter().map(median).collect()).collect();
    Some(Heat {
        x_key: keys.get(x_at)?.path.to_owned(),
        y_key: keys.get(y_at)?.path.to_owned(),
        x: x.names.clone(),
        y: y.names.clone(),
        values,
        most,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, 0.5))
}

/// For each key with more than one value: the tenth, the median and the ninetieth percent of the sets at each value.
#[must_use]
pub fn by_key(keys: &[&'static Key], rows: &[&Row]) -> Vec<(String, Vec<Band>)> {
    let one = |(at, key): (usize, &&'static Key)| {
        let axis = places(key, at, rows);
        let band = |(place, name): (usize, &String)| {
            let here = rows.iter().zip(&axis.of).filter(|(_, of)| **of == place).map(|(row, _)| judged(row));
            band(name.clone(), here.collect())
        };
        let bands: Vec<Band> = axis.names.iter().enumerate().map(band).collect();
        (bands.len() > 1).then(|| (key.path.to_owned(), bands))
    };
    keys.iter().enumerate().filter_map(one).collect()
}

fn band(name: String, mut values: Vec<f64>) -> Band {
    values.sort_by(f64::total_cmp);
    let at = |share| quantile(&values, share);
    Band { name, low: at(0.1), middle: at(0.5), high: at(0.9), best: at(1.0) }
}

/// Fold by fold: the band of all sets, and the sets that are best in the whole, in the order of `best`.
#[must_use]
pub fn steady(rows: &[Row], best: &[&Row], name: &dyn Fn(&Row) -> String) -> Option<Steady> {
    let last = rows.iter().filter_map(|row| row.fold).max()?;
    let of = |fold: i64| rows.iter().filter(move |row| row.fold == Some(fold));
    let label = |fold: i64| of(fold).next().map_or_else(String::new, |row| crate::report::sweep::day(row.from));
    let bands = (0..=last).map(|fold| band(label(fold), of(fold).map(judged).collect())).collect();
    let line = |row: &&Row| {
        let folds = (0..=last).map(|fold| of(fold).find(|other| other.set == row.set).map(judged)).collect();
        (name(row), folds)
    };
    let yearly = rows.iter().filter(|row| row.fold.is_some()).all(|row| row.net_apr.is_some());
    let unit = if yearly { "% a year" } else { "% of the fold" }.to_owned();
    Some(Steady { unit, bands, sets: best.iter().take(MOST_SETS).map(line).collect() })
}
