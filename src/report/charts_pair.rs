//! The charts of one pair and of wallets: basis with entries and exits, funding, distance to liquidation, naked seconds.
//!
//! The scale of the basis is that of nearly all of it: one print must not flatten the rest. What lies outside is counted in
//! words. Floats are fine here: nothing comes back from a chart. Tests stand at the end of this file.

use super::charts::{
    BLUE, Figure, GREY, MOST_POINTS, RED, base_layout, colour, cumulated, money_axis, round, time_layout, value_axis,
};
use super::figures;
use super::foreign;
use super::run::{BasisSeries, MarginRow, RunResult, TripRow};
use crate::domain::WallTime;
use plotly::common::{DashType, Line, Marker, MarkerSymbol, Mode};
use plotly::layout::{Axis, AxisType, HoverMode};
use plotly::{Bar, Scatter, Trace};
use std::collections::BTreeMap;

/// Points that all pairs together may have.
const SHARED: usize = 2_800;
/// Share of the points that may lie outside the scale on each side.
const OUTSIDE: f64 = 0.005;
/// Most points of the margin chart, over all wallets.
const MARGIN_POINTS: usize = 1_200;

/// How many points each of so many pairs gets.
pub(super) fn points_each(pairs: usize) -> usize {
    (SHARED / pairs.max(1)).clamp(60, MOST_POINTS)
}

/// A chart and how to read it.
pub(super) struct Chart {
    pub(super) json: Option<String>,
    pub(super) word: String,
}

/// The basis of one pair with the trips made in it, over the whole run.
pub(super) fn basis(series: &BasisSeries, (trips, run): (&[TripRow], (WallTime, WallTime)), most: usize) -> Chart {
    let own: Vec<&TripRow> = trips.iter().filter(|trip| trip.pair == series.pair).collect();
    let scale = scale(&series.points, &own);
    let points: Vec<(WallTime, f64)> = thin(&series.points, most);
    let (x, y): (Vec<i64>, Vec<Option<f64>>) =
        points.iter().map(|(at, bps)| (at.0, bps.is_finite().then(|| tenth(*bps)))).unzip();
    let curve = Scatter::new(x, y).name("basis").mode(Mode::Lines).line(Line::new().color("#56B4E9").width(1.2));
    let mut data: Vec<Box<dyn Trace>> = vec![curve.hover_template("%{y:.1f} bps")];
    let held = own.iter().filter_map(|trip| Some((trip, trip.closed?, trip.exit_basis_bps?)));
    let (x, y): (Vec<i64>, Vec<Option<f64>>) = held
        .flat_map(|(trip, closed, exit)| {
            let inside = |bps: f64| Some(round(bps.clamp(scale.0, scale.1)));
            [(trip.opened.0, inside(trip.entry_basis_bps)), (closed.0, inside(exit)), (closed.0, None)]
        })
        .unzip();
    if !x.is_empty() {
        let line = Line::new().color(GREY).width(1.2).dash(DashType::Dot);
        data.push(
            Scatter::new(x, y).name("held").mode(Mode::Lines).line(line).hover_info(plotly::common::HoverInfo::Skip),
        );
    }
    let entries = own.iter().map(|trip| (trip.opened, trip.entry_basis_bps, trip.entry_reason.as_str()));
    data.push(marks(("entry", BLUE), MarkerSymbol::TriangleUp, scale, entries));
    let exits = own
        .iter()
        .filter_map(|trip| Some((trip.closed?, trip.exit_basis_bps?, trip.exit_reason.as_deref().unwrap_or_default())));
    data.push(marks(("exit", RED), MarkerSymbol::TriangleDown, scale, exits));
    let axis = value_axis("perp over spot, bps").range(vec![scale.0, scale.1]);
    let mut layout = time_layout("y").hover_mode(HoverMode::Closest).y_axis(axis);
    if series.points.is_empty() {
        // A mark alone would be shown with a scale of milliseconds.
        let time = Axis::new().type_(AxisType::Date).anchor("y").range(vec![run.0.0, run.1.0]);
        layout = layout.x_axis(time);
    }
    Chart { json: Figure::new(data, layout).json(), word: words(&series.points, scale) }
}

/// What the scale leaves out, in words.
fn words(points: &[(WallTime, f64)], scale: (f64, f64)) -> String {
    let finite = || points.iter().map(|(_, bps)| *bps).filter(|bps| bps.is_finite());
    let outside = finite().filter(|bps| *bps < scale.0 || *bps > scale.1).count();
    let how = "Perp minus spot, of the spot price, in bps. A triangle up is an entry, one down an exit.";
    if points.is_empty() {
        return format!("{how} The basis between them was not kept by this kind of run.");
    }
    if outside == 0 {
        return how.to_owned();
    }
    let (low, high) = finite().fold((f64::MAX, f64::MIN), |(low, high), bps| (low.min(bps), high.max(bps)));
    format!(
        "{how} {outside} of {} points lie outside the scale: lowest {}, highest {}.",
        points.len(),
        figures::fixed(low, 1),
        figures::fixed(high, 1)
    )
}

/// The range that holds all but a hundredth of the points, and the usual entries and exits, with some air.
fn scale(points: &[(WallTime, f64)], trips: &[&TripRow]) -> (f64, f64) {
    let marks = || trips.iter().flat_map(|trip| [Some(trip.entry_basis_bps), trip.exit_basis_bps]).flatten();
    let mut values: Vec<f64> = points.iter().map(|(_, bps)| *bps).filter(|bps| bps.is_finite()).collect();
    if values.is_empty() {
        values.extend(marks().filter(|bps| bps.is_finite()));
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::as_conversions,
            reason = "a place in a list"
        )]
        let place = ((values.len().saturating_sub(1)) as f64 * share).round() as usize;
        values.get(place).copied().unwrap_or(0.0)
    };
    let (usual_low, usual_high) = (at(OUTSIDE), at(1.0 - OUTSIDE));
    let (mut low, mut high) = (usual_low, usual_high);
    let width = (high - low).max(1.0);
    // A mark a little outside belongs on the chart, one far outside is drawn at its edge.
    for mark in marks().filter(|mark| *mark > usual_low - width && *mark < usual_high + width) {
        (low, high) = (low.min(mark), high.max(mark));
    }
    let air = if points.is_empty() { (high - low).max(10.0) * 0.2 } else { (high - low).max(1.0) * 0.08 };
    (round(low - air), round(high + air))
}

fn marks<'a>(
    (name, tint): (&str, &'static str),
    symbol: MarkerSymbol,
    scale: (f64, f64),
    points: impl Iterator<Item = (WallTime, f64, &'a str)>,
) -> Box<dyn Trace> {
    let (mut x, mut y, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (at, bps, reason) in points.filter(|(_, bps, _)| bps.is_finite()) {
        x.push(at.0);
        y.push(round(bps.clamp(scale.0, scale.1)));
        texts.push(format!("{} bps: {}", figures::fixed(bps, 2), foreign::html(reason)));
    }
    let marker = Marker::new().color(tint).symbol(symbol).size(11).line(Line::new().color("#FFFFFF").width(1.0));
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::Markers)
        .marker(marker)
        .hover_text_array(texts)
        .hover_template("%{x|%Y-%m-%d %H:%M}<br>%{hovertext}")
}

/// What a pair was paid since the start.
pub(super) fn paid(result: &RunResult, pair: &str, most: usize) -> Option<String> {
    let (x, y) = cumulated(result.funding.iter().filter(|row| row.pair == pair), most / 2);
    let all = y.clone();
    let line = Line::new().color(BLUE).width(1.6);
    let curve = Scatter::new(x, y).name("funding").mode(Mode::Lines).line(line).hover_template("%{y:,.2f}");
    let layout = time_layout("y").show_legend(false).y_axis(money_axis(result.summary.currency.as_str(), &all));
    Figure::new(vec![curve], layout).json()
}

/// Distance to liquidation per wallet, in percent; days without a short are gaps.
pub(super) fn margin(rows: &[MarginRow]) -> Option<String> {
    let mut wallets: BTreeMap<&str, Vec<(WallTime, f64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.distance.is_finite()) {
        wallets.entry(&row.wallet).or_default().push((row.at, row.distance * 100.0));
    }
    let most = MARGIN_POINTS / wallets.len().max(1);
    let mut data: Vec<Box<dyn Trace>> = Vec::new();
    for (place, (wallet, points)) in wallets.iter().enumerate() {
        let (mut x, mut y): (Vec<i64>, Vec<Option<f64>>) = (Vec::new(), Vec::new());
        let mut last: Option<WallTime> = None;
        // Thinned to the lowest: the highest distance of a stretch tells nothing.
        for chunk in points.chunks(points.len().div_ceil(most.max(1)).max(1)) {
            let Some((at, least)) = chunk.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
            let gap = crate::domain::Span::hours(24 * (2 + 2 * i64::try_from(chunk.len()).unwrap_or(1)));
            if let Some(before) = last.filter(|before| at.since(*before) > gap) {
                x.push(before.0);
                y.push(None);
            }
            x.push(at.0);
            y.push(Some(tenth(least)));
            last = Some(at);
        }
        let line = Line::new().color(colour(place)).width(1.6);
        let curve = Scatter::new(x, y).name(foreign::html(wallet)).mode(Mode::Lines).line(line).show_legend(true);
        data.push(curve.hover_template("%{y:.1f} %"));
    }
    let axis = value_axis("rise to liquidation, %").range_mode(plotly::layout::RangeMode::ToZero);
    Figure::new(data, time_layout("y").y_axis(axis)).json()
}

/// Upper ends of the bins in seconds, with their names; the last has no end.
const BINS: [(f64, &str); 11] = [
    (0.1, "to 0.1 s"),
    (0.3, "to 0.3 s"),
    (1.0, "to 1 s"),
    (3.0, "to 3 s"),
    (10.0, "to 10 s"),
    (30.0, "to 30 s"),
    (60.0, "to 1 min"),
    (300.0, "to 5 min"),
    (900.0, "to 15 min"),
    (3_600.0, "to 1 h"),
    (f64::INFINITY, "over 1 h"),
];

/// How long pairs were unequal, in bins that grow: one long time must not hide in the last pixel.
pub(super) fn naked(seconds: &[f64]) -> Option<String> {
    let mut counts = [0_u64; BINS.len()];
    for second in seconds.iter().filter(|second| second.is_finite()) {
        let place = BINS.iter().position(|(end, _)| second <= end).unwrap_or(BINS.len() - 1);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let names = BINS.map(|(_, name)| name).to_vec();
    let bar = Bar::new(names, counts.to_vec()).name("times").marker(Marker::new().color(BLUE));
    let bar = bar.hover_template("%{y:,} times<extra></extra>");
    let layout = base_layout()
        .show_legend(false)
        .x_axis(Axis::new().type_(AxisType::Category).auto_margin(true))
        .y_axis(value_axis("times").range_mode(plotly::layout::RangeMode::ToZero));
    Figure::new(vec![bar], layout).json()
}

/// A decimal: what a chart of basis points can show, at half the bytes.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The first, the last, and of each stretch the lowest and the highest point.
fn thin(points: &[(WallTime, f64)], most: usize) -> Vec<(WallTime, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil((most.max(4) - 2) / 2);
    let mut kept: Vec<(WallTime, f64)> = points.first().copied().into_iter().collect();
    for chunk in points.chunks(stretch) {
        let by_value = |a: &&(WallTime, f64), b: &&(WallTime, f64)| a.1.total_cmp(&b.1);
        kept.extend(chunk.iter().min_by(by_value).copied());
        kept.extend(chunk.iter().max_by(by_value).copied());
    }
    kept.extend(points.last().copied());
    kept.sort_by_key(|(at, _)| *at);
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends_and_every_spike() {
        let mut points: Vec<(WallTime, f64)> = (0..50_000).map(|n| (WallTime(n), 0.0)).collect();
        points[12_345].1 = 9.0;
        points[12_346].1 = -9.0;
        let kept = thin(&points, MOST_POINTS);
        assert!(kept.len() <= MOST_POINTS, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.contains(&points[12_345]) && kept.contains(&points[12_346]));
        assert!(kept.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn u15_one_print_does_not_flatten_the_basis() {
        let mut points: Vec<(WallTime, f64)> =
            (0..2_000_i32).map(|n| (WallTime(n.into()), f64::from(n % 21 - 10))).collect();
        points[777].1 = -4_000.0;
        let (low, high) = scale(&points, &[]);
        assert!((-13.0..=-10.0).contains(&low) && (10.0..=13.0).contains(&high), "{low} {high}");
        let said = words(&points, (low, high));
        assert!(said.contains("1 of 2000 points lie outside the scale: lowest -4000.0"), "{said}");
    }
}
