//! The charts of the HTML report as plotly figures in JSON. Floats are fine here: nothing comes back from a chart.
//!
//! The figures are serialised without plotly's own page: that page carries the script once per chart, a second library
//! and two addresses. Curves are thinned to [`MOST_POINTS`]. Tests stand at the end of this file and in `tests/report.rs`.

use super::foreign;
use super::lines;
use super::run::{BasisSeries, EquityRow, FundingRow, RunResult, TripRow};
use crate::domain::{Amount, Span, WallTime};

use plotly::common::{Anchor, DashType, Line, LineShape, Marker, MarkerSymbol, Mode, Orientation, Title};
use plotly::configuration::{DisplayModeBar, DoubleClick, ModeBarButtonName};
use plotly::layout::{Axis, AxisType, BarMode, HoverMode, Legend, Margin};
use plotly::{Bar, Configuration, Layout, Scatter, Trace};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most points of one curve.
pub(super) const MOST_POINTS: usize = 2_000;
/// Most bars along the funding chart before settlements are summed per day, week or month.
const MOST_BARS: usize = 600;
/// Pairs with a colour of their own in the funding chart; the others are summed.
const OWN_COLOUR: usize = 6;

/// Colours that colour-blind people tell apart (Okabe and Ito, the blue a little lighter), all seen on white and on black.
const COLOURS: [&str; 7] = [BLUE, "#E69F00", "#009E73", "#CC79A7", RED, "#56B4E9", "#B8A000"];
/// Dashes that help where colours do not.
const DASHES: [DashType; 4] = [DashType::Solid, DashType::Dash, DashType::Dot, DashType::DashDot];
const GREY: &str = "#8A8A8A";
const BLUE: &str = "#1A85D0";
const RED: &str = "#D55E00";

/// One figure: what `Plotly.newPlot` takes.
#[derive(Serialize)]
struct Figure {
    data: Vec<Box<dyn Trace>>,
    layout: Layout,
    config: Configuration,
}

impl Figure {
    fn new(data: Vec<Box<dyn Trace>>, layout: Layout) -> Self {
        let config = Configuration::new()
            .responsive(true)
            .display_logo(false)
            .display_mode_bar(DisplayModeBar::Hover)
            .mode_bar_buttons_to_remove(vec![ModeBarButtonName::Select2d, ModeBarButtonName::Lasso2d])
            .double_click(DoubleClick::ResetAutoSize);
        Self { data, layout, config }
    }

    /// `None` when plotly's own types do not serialise, which would be a fault of ours: the page then says so.
    fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok().map(|json| foreign::script_json(&json))
    }
}

/// Equity above, drawdown in percent of the peak below, on one time axis.
pub(super) fn equity(result: &RunResult) -> Option<String> {
    let rows = &result.equity;
    let falls = drawdowns(rows, result.summary.capital);
    let kept = kept_rows(rows, &falls);
    let x = stamps(rows, &kept);
    let equity = kept.iter().filter_map(|place| rows.get(*place)).map(|row| round(row.equity.to_f64())).collect();
    let fall = kept.iter().filter_map(|place| falls.get(*place)).map(|fall| round(fall * 100.0)).collect();
    let upper = Scatter::new(x.clone(), equity)
        .name("equity")
        .mode(Mode::Lines)
        .line(stepped(BLUE).width(1.5))
        .hover_template("%{y:,.2f}");
    let lower = Scatter::new(x, fall)
        .name("drawdown")
        .mode(Mode::Lines)
        .line(stepped(RED).width(1.0))
        .fill(plotly::common::Fill::ToZeroY)
        .y_axis("y2")
        .hover_template("%{y:.3f} %");
    let coin = result.summary.currency.as_str();
    let layout = time_layout("y2")
        .show_legend(false)
        .y_axis(money_axis(coin).domain(&[0.36, 1.0]))
        .y_axis2(value_axis("fall, %").domain(&[0.0, 0.28]).anchor("x"));
    Figure::new(vec![upper, lower], layout).json()
}

/// The profit lines since the start, those that ever moved, and their sum.
pub(super) fn attribution(result: &RunResult) -> Option<String> {
    let rows = &result.equity;
    let kept = kept_rows(rows, &drawdowns(rows, result.summary.capital));
    let x = stamps(rows, &kept);
    let shown: Vec<&EquityRow> = kept.iter().filter_map(|place| rows.get(*place)).collect();
    let mut data: Vec<Box<dyn Trace>> = Vec::new();
    for (place, name) in lines::NAMES.into_iter().enumerate() {
        let amount_of = |row: &&EquityRow| lines::amounts(&row.lines).get(place).copied().unwrap_or_default();
        if shown.iter().all(|row| amount_of(row).is_zero()) {
            continue;
        }
        let y: Vec<f64> = shown.iter().map(|row| round(amount_of(row).to_f64())).collect();
        let line = stepped(colour(place)).width(1.8).dash(DASHES.get(place % 4).cloned().unwrap_or(DashType::Solid));
        data.push(Scatter::new(x.clone(), y).name(name).mode(Mode::Lines).line(line).hover_template("%{y:,.2f}"));
    }
    let y = shown.iter().map(|row| round(row.lines.total().to_f64())).collect();
    let sum = Scatter::new(x, y).name("sum").mode(Mode::Lines).line(stepped(GREY).width(2.2));
    data.push(sum.hover_template("%{y:,.2f}"));
    let layout = time_layout("y").y_axis(money_axis(result.summary.currency.as_str()));
    Figure::new(data, layout).json()
}

/// The funding chart and what one of its bars is.
pub(super) struct FundingChart {
    /// The figure.
    pub(super) json: Option<String>,
    /// What a bar sums: nothing for one settlement, or so many days.
    pub(super) per: Option<Span>,
}

/// Funding received per settlement, one colour a pair; summed per day or longer where the bars would be thinner than a pixel.
pub(super) fn funding(result: &RunResult) -> FundingChart {
    let per = bar_span(&result.funding);
    // Venues stamp some milliseconds late, so bars of one settlement are gathered by the minute.
    let floor = per.unwrap_or(Span::MINUTE);
    let mut sizes: BTreeMap<&str, Amount> = BTreeMap::new();
    for row in &result.funding {
        *sizes.entry(&row.pair).or_default() += row.amount.abs();
    }
    let mut ranked: Vec<(&str, Amount)> = sizes.into_iter().collect();
    ranked.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let own: Vec<&str> = ranked.iter().take(OWN_COLOUR).map(|(pair, _)| *pair).collect();
    let mut bars: Vec<BTreeMap<WallTime, Amount>> = vec![BTreeMap::new(); own.len() + 1];
    for row in &result.funding {
        let place = own.iter().position(|pair| *pair == row.pair).unwrap_or(own.len());
        if let Some(bar) = bars.get_mut(place) {
            *bar.entry(row.at.floor(floor)).or_default() += row.amount;
        }
    }
    let names = own.iter().map(|pair| foreign::html(pair)).chain(["other pairs".to_string()]);
    let mut data: Vec<Box<dyn Trace>> = Vec::new();
    for (place, (bar, name)) in bars.into_iter().zip(names).enumerate() {
        if bar.is_empty() {
            continue;
        }
        let tint = if place < OWN_COLOUR { colour(place) } else { GREY };
        let (x, y): (Vec<i64>, Vec<f64>) = bar.into_iter().map(|(at, sum)| (at.0, round(sum.to_f64()))).unzip();
        let marker = Marker::new().color(tint).line(Line::new().width(0.0));
        data.push(Bar::new(x, y).name(name).marker(marker).show_legend(true).hover_template("%{y:,.4f}"));
    }
    let layout = time_layout("y").bar_mode(BarMode::Relative).y_axis(money_axis(result.summary.currency.as_str()));
    FundingChart { json: Figure::new(data, layout).json(), per }
}

/// The basis of one pair with the trips made in it.
pub(super) fn basis(series: &BasisSeries, trips: &[TripRow]) -> Option<String> {
    let points: Vec<(WallTime, f64)> = thin(&series.points);
    let (x, y): (Vec<i64>, Vec<Option<f64>>) =
        points.iter().map(|(at, bps)| (at.0, bps.is_finite().then(|| round(*bps)))).unzip();
    let curve = Scatter::new(x, y).name("basis").mode(Mode::Lines).line(Line::new().color("#56B4E9").width(1.2));
    let mut data: Vec<Box<dyn Trace>> = vec![curve.hover_template("%{y:.2f} bps")];
    let own: Vec<&TripRow> = trips.iter().filter(|trip| trip.pair == series.pair).collect();
    let held = own.iter().filter_map(|trip| Some((trip, trip.closed?, trip.exit_basis_bps?)));
    let (x, y): (Vec<i64>, Vec<Option<f64>>) = held
        .flat_map(|(trip, closed, exit)| {
            [(trip.opened.0, Some(round(trip.entry_basis_bps))), (closed.0, Some(round(exit))), (closed.0, None)]
        })
        .unzip();
    if !x.is_empty() {
        let line = Line::new().color(GREY).width(1.2).dash(DashType::Dot);
        data.push(
            Scatter::new(x, y).name("held").mode(Mode::Lines).line(line).hover_info(plotly::common::HoverInfo::Skip),
        );
    }
    let entries = own.iter().map(|trip| (trip.opened, trip.entry_basis_bps, trip.entry_reason.as_str()));
    data.push(marks("entry", BLUE, MarkerSymbol::TriangleUp, entries));
    let exits = own
        .iter()
        .filter_map(|trip| Some((trip.closed?, trip.exit_basis_bps?, trip.exit_reason.as_deref().unwrap_or_default())));
    data.push(marks("exit", RED, MarkerSymbol::TriangleDown, exits));
    let layout = time_layout("y").hover_mode(HoverMode::Closest).y_axis(value_axis("perp over spot, bps"));
    Figure::new(data, layout).json()
}

fn marks<'a>(
    name: &str,
    tint: &'static str,
    symbol: MarkerSymbol,
    points: impl Iterator<Item = (WallTime, f64, &'a str)>,
) -> Box<dyn Trace> {
    let (mut x, mut y, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for (at, bps, reason) in points.filter(|(_, bps, _)| bps.is_finite()) {
        x.push(at.0);
        y.push(round(bps));
        reasons.push(foreign::html(reason));
    }
    let marker = Marker::new().color(tint).symbol(symbol).size(11).line(Line::new().color("#FFFFFF").width(1.0));
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::Markers)
        .marker(marker)
        .hover_text_array(reasons)
        .hover_template("%{y:.2f} bps at %{x|%Y-%m-%d %H:%M}<br>%{hovertext}")
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

fn base_layout() -> Layout {
    let legend = Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.02).y_anchor(Anchor::Bottom);
    Layout::new().auto_size(true).margin(Margin::new().left(58).right(14).top(28).bottom(36)).legend(legend)
}

fn time_layout(lowest: &str) -> Layout {
    base_layout().hover_mode(HoverMode::XUnified).x_axis(Axis::new().type_(AxisType::Date).anchor(lowest))
}

fn value_axis(title: &str) -> Axis {
    Axis::new().title(Title::with_text(title)).auto_margin(true)
}

fn money_axis(coin: &str) -> Axis {
    value_axis(&foreign::html(coin)).separate_thousands(true)
}

fn stepped(tint: &'static str) -> Line {
    // Between two rows nothing changed: a slope there would be invented.
    Line::new().color(tint).shape(LineShape::Hv)
}

fn colour(place: usize) -> &'static str {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(GREY)
}

/// Four decimals: what a chart can show, at half the bytes.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn stamps(rows: &[EquityRow], kept: &[usize]) -> Vec<i64> {
    kept.iter().filter_map(|place| rows.get(*place)).map(|row| row.at.0).collect()
}

/// How far equity stands below its highest so far, as a fraction of that, zero or less.
fn drawdowns(rows: &[EquityRow], capital: Amount) -> Vec<f64> {
    let mut peak = capital;
    rows.iter()
        .map(|row| {
            peak = peak.max(row.equity);
            if peak > Amount::ZERO { (row.equity - peak).to_f64() / peak.to_f64() } else { 0.0 }
        })
        .collect()
}

/// Places of the rows to draw: of each stretch the lowest and highest equity and the deepest fall, so that no peak and no
/// drawdown is thinned away.
fn kept_rows(rows: &[EquityRow], falls: &[f64]) -> Vec<usize> {
    if rows.len() <= MOST_POINTS {
        return (0..rows.len()).collect();
    }
    let stretch = rows.len().div_ceil((MOST_POINTS - 2) / 3);
    let mut kept = vec![0];
    for (number, chunk) in rows.chunks(stretch).enumerate() {
        let start = number * stretch;
        let lowest = chunk.iter().enumerate().min_by_key(|(_, row)| row.equity);
        let highest = chunk.iter().enumerate().max_by_key(|(_, row)| row.equity);
        let falls = falls.get(start..start + chunk.len()).unwrap_or(&[]);
        let deepest = falls.iter().enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
        kept.extend(
            [lowest.map(|(place, _)| place), highest.map(|(place, _)| place)]
                .into_iter()
                .flatten()
                .map(|place| start + place),
        );
        kept.extend(deepest.map(|(place, _)| start + place));
    }
    kept.push(rows.len() - 1);
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// The first, the last, and of each stretch the lowest and the highest point.
fn thin(points: &[(WallTime, f64)]) -> Vec<(WallTime, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil((MOST_POINTS - 2) / 2);
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

/// The least length of time per bar at which the bars are few enough to see; `None` is one bar a settlement.
fn bar_span(rows: &[FundingRow]) -> Option<Span> {
    let bars = |span: Span| {
        let mut starts: Vec<WallTime> = rows.iter().map(|row| row.at.floor(span)).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.len()
    };
    if bars(Span::MINUTE) <= MOST_BARS {
        return None;
    }
    [1, 7]
        .map(|days| Span::hours(24 * days))
        .into_iter()
        .find(|span| bars(*span) <= MOST_BARS)
        .or(Some(Span::hours(24 * 30)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Rate, SignedQuantity};
    use crate::report::run::Lines;

    fn settlements(count: i64, apart: Span) -> Vec<FundingRow> {
        let row = |n: i64| FundingRow {
            at: WallTime(n * apart.millis()),
            pair: "binance:BTCUSDT".to_string(),
            venue: "binance".to_string(),
            symbol: "BTCUSDT".to_string(),
            quantity: SignedQuantity::from_units(-1),
            mark_price: Price::parse("1").unwrap(),
            mark_source: "funding".to_owned(),
            rate: Rate::ZERO,
            amount: Amount::whole(1),
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn settlements_are_summed_only_when_their_bars_could_not_be_seen() {
        let check = |count, apart, expected| assert_eq!(bar_span(&settlements(count, apart)), expected);
        check(0, Span::HOUR, None);
        check(600, Span::hours(8), None);
        check(601, Span::hours(8), Some(Span::DAY));
        check(24 * 400, Span::HOUR, Some(Span::DAY));
        check(3 * 2_000, Span::hours(8), Some(Span::hours(7 * 24)));
        check(5_000, Span::DAY, Some(Span::hours(30 * 24)));
    }

    #[test]
    fn thinning_keeps_both_ends_and_every_spike() {
        let mut points: Vec<(WallTime, f64)> = (0..50_000).map(|n| (WallTime(n), 0.0)).collect();
        points[12_345].1 = 9.0;
        points[12_346].1 = -9.0;
        let kept = thin(&points);
        assert!(kept.len() <= MOST_POINTS, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.contains(&points[12_345]) && kept.contains(&points[12_346]));
        assert!(kept.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_drawdown_is_measured_from_the_highest_equity_so_far() {
        let row = |equity| EquityRow { at: WallTime(0), equity: Amount::whole(equity), lines: Lines::default() };
        let falls = drawdowns(&[row(90), row(200), row(150), row(300)], Amount::whole(100));
        assert_eq!(falls, [-0.1, 0.0, -0.25, 0.0]);
        assert_eq!(drawdowns(&[row(0)], Amount::ZERO), [0.0]);
    }
}
