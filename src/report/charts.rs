//! The charts of the HTML report as plotly figures in JSON. Floats are fine here: nothing comes back from a chart.
//!
//! The figures are serialised without plotly's own page: that page carries the script once per chart, a second library
//! and two addresses. Curves are thinned to [`MOST_POINTS`]. Tests stand at the end of this file and in
//! `tests/suite/report.rs`.

use super::foreign;
use super::lines;
use super::run::{EquityRow, FundingRow, RunResult, Summary};
use crate::domain::{Amount, Span, WallTime};

use plotly::common::{Anchor, AxisSide, DashType, Line, LineShape, Marker, Mode, Orientation, Title};
use plotly::configuration::{DisplayModeBar, DoubleClick, ModeBarButtonName};
use plotly::layout::{Axis, AxisType, BarMode, HoverMode, Legend, Margin};
use plotly::{Bar, Configuration, Layout, Scatter, Trace};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most points of one curve: the chart library takes most of the five megabytes that a page may have.
pub(super) const MOST_POINTS: usize = 1_200;
/// Most rows of the attribution, which has up to nine curves.
const MOST_ROWS: usize = 250;
/// Points of the line of cash, which bends very little.
const CASH_POINTS: i64 = 60;
/// Most bars along the funding chart before settlements are summed per day, week or month.
const MOST_BARS: usize = 300;
/// Pairs with a colour of their own in the funding chart; the others are summed.
const OWN_COLOUR: usize = 6;

/// Colours that colour-blind people tell apart (Okabe and Ito, the blue a little lighter), all seen on white and on black.
const COLOURS: [&str; 7] = [BLUE, "#E69F00", "#009E73", "#CC79A7", RED, "#56B4E9", "#B8A000"];
/// Dashes that help where colours do not.
const DASHES: [DashType; 4] = [DashType::Solid, DashType::Dash, DashType::Dot, DashType::DashDot];
pub(super) const GREY: &str = "#8A8A8A";
pub(super) const GREEN: &str = "#009E73";
pub(super) const BLUE: &str = "#1A85D0";
pub(super) const RED: &str = "#D55E00";

/// One figure: what `Plotly.newPlot` takes.
#[derive(Serialize)]
pub(super) struct Figure {
    data: Vec<Box<dyn Trace>>,
    layout: Layout,
    config: Configuration,
}

impl Figure {
    pub(super) fn new(data: Vec<Box<dyn Trace>>, layout: Layout) -> Self {
        let config = Configuration::new()
            .responsive(true)
            .display_logo(false)
            .display_mode_bar(DisplayModeBar::Hover)
            .mode_bar_buttons_to_remove(vec![ModeBarButtonName::Select2d, ModeBarButtonName::Lasso2d])
            .double_click(DoubleClick::ResetAutoSize);
        Self { data, layout, config }
    }

    /// `None` when plotly's own types do not serialise, which would be a fault of ours: the page then says so.
    pub(super) fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok().map(|json| foreign::script_json(&json))
    }
}

/// Equity with the lines of cash above, drawdown in percent of the peak below, on one time axis.
pub(super) fn equity(result: &RunResult) -> Option<String> {
    let rows = &result.equity;
    let summary = &result.summary;
    let falls = drawdowns(rows, summary.capital);
    let kept = kept_rows(rows, &falls, MOST_POINTS);
    let x = stamps(rows, &kept);
    let equity: Vec<f64> =
        kept.iter().filter_map(|place| rows.get(*place)).map(|row| round(row.equity.to_f64())).collect();
    let fall = kept.iter().filter_map(|place| falls.get(*place)).map(|fall| round(fall * 100.0)).collect();
    let (cash_x, cash_y) = cash(summary);
    let (sum_x, sum_y) = with_cash(summary);
    let all: Vec<f64> = equity.iter().chain(&cash_y).chain(&sum_y).copied().collect();
    let hover = "%{y:,.2f}";
    let upper = Scatter::new(x.clone(), equity)
        .name("equity")
        .mode(Mode::Lines)
        .line(stepped(BLUE).width(1.5))
        .hover_template(hover);
    let idle = Scatter::new(cash_x, cash_y)
        .name("cash")
        .mode(Mode::Lines)
        .line(Line::new().color(GREY).width(1.5).dash(DashType::Dash))
        .hover_template(hover);
    let sum = Scatter::new(sum_x, sum_y)
        .name("with cash")
        .mode(Mode::LinesMarkers)
        .marker(Marker::new().color(GREEN).size(4))
        .line(Line::new().color(GREEN).width(1.2).dash(DashType::Dot))
        .hover_template(hover);
    let lower = Scatter::new(x, fall)
        .name("drawdown")
        .mode(Mode::Lines)
        .line(stepped(RED).width(1.0))
        .fill(plotly::common::Fill::ToZeroY)
        .y_axis("y2")
        .hover_template("%{y:.3f} %");
    let layout = time_layout("y2")
        .y_axis(money_axis(summary.currency.as_str(), &all).domain(&[0.36, 1.0]))
        .y_axis2(value_axis("fall, %").domain(&[0.0, 0.28]).anchor("x"));
    let mut data: Vec<Box<dyn Trace>> = vec![upper, idle];
    if !summary.months.is_empty() {
        data.push(sum);
    }
    data.push(lower);
    Figure::new(data, layout).json()
}

/// The capital at the benchmark.
#[expect(clippy::cast_precision_loss, reason = "a chart")]
fn cash(summary: &Summary) -> (Vec<i64>, Vec<f64>) {
    let span = summary.to_ms.since(summary.from_ms);
    let at = |part: i64| {
        let since = span.0 / CASH_POINTS * part;
        let years = since as f64 / (365.0 * 8.64e7);
        let value = summary.capital.to_f64() * libm::pow(1.0 + summary.cash_apr, years);
        (summary.from_ms.0 + since, round(value))
    };
    (0..=CASH_POINTS).map(at).unzip()
}

/// Equity and what idle money earned, at the ends of the months.
fn with_cash(summary: &Summary) -> (Vec<i64>, Vec<f64>) {
    let mut value = summary.capital.to_f64();
    let mut points = vec![(summary.from_ms.0, round(value))];
    for (place, month) in summary.months.iter().enumerate() {
        value *= 1.0 + month.with_cash;
        let end = summary.months.get(place + 1).map_or(summary.to_ms, |next| next.from_ms);
        points.push((end.0, round(value)));
    }
    points.into_iter().unzip()
}

/// The profit lines since the start, those that ever moved, and their sum.
pub(super) fn attribution(result: &RunResult) -> Option<String> {
    let rows = &result.equity;
    let kept = kept_rows(rows, &drawdowns(rows, result.summary.capital), MOST_ROWS);
    let x = stamps(rows, &kept);
    let shown: Vec<&EquityRow> = kept.iter().filter_map(|place| rows.get(*place)).collect();
    let mut data: Vec<Box<dyn Trace>> = Vec::new();
    let mut all = Vec::new();
    for (place, name) in lines::NAMES.into_iter().enumerate() {
        let amount_of = |row: &&EquityRow| lines::amounts(&row.lines).get(place).copied().unwrap_or_default();
        if shown.iter().all(|row| amount_of(row).is_zero()) {
            continue;
        }
        let y: Vec<f64> = shown.iter().map(|row| round(amount_of(row).to_f64())).collect();
        all.extend_from_slice(&y);
        let line = stepped(colour(place)).width(1.8).dash(DASHES.get(place % 4).cloned().unwrap_or(DashType::Solid));
        data.push(Scatter::new(x.clone(), y).name(name).mode(Mode::Lines).line(line).hover_template("%{y:,.2f}"));
    }
    let y = shown.iter().map(|row| round(row.lines.total().to_f64())).collect();
    let sum = Scatter::new(x, y).name("sum").mode(Mode::Lines).line(stepped(GREY).width(2.2));
    data.push(sum.hover_template("%{y:,.2f}"));
    let layout = time_layout("y").y_axis(money_axis(result.summary.currency.as_str(), &all));
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
    let stacks = reach(&bars);
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
    let (x, y) = cumulated(result.funding.iter(), MOST_BARS);
    let sums = y.clone();
    let line = Line::new().color(GREY).width(1.6);
    let line = Scatter::new(x, y).name("sum").mode(Mode::Lines).line(line).y_axis("y2").hover_template("%{y:,.2f}");
    data.push(line);
    let coin = result.summary.currency.as_str();
    let line = sums.iter().fold((0.0_f64, 0.0_f64), |(low, high), sum| (low.min(*sum), high.max(*sum)));
    let (left, right) = one_zero(stacks, line);
    let layout = time_layout("y")
        .bar_mode(BarMode::Relative)
        .y_axis(value_axis(&foreign::html(coin)).separate_thousands(true).tick_format(",.2~f").range(left))
        .y_axis2(money_axis("sum", &sums).overlaying("y").side(AxisSide::Right).show_grid(false).range(right));
    FundingChart { json: Figure::new(data, layout).json(), per }
}

/// How far bars that are stacked reach below and above zero.
fn reach(bars: &[BTreeMap<WallTime, Amount>]) -> (f64, f64) {
    let mut stacks: BTreeMap<WallTime, (f64, f64)> = BTreeMap::new();
    for (at, sum) in bars.iter().flatten() {
        let (low, high) = stacks.entry(*at).or_default();
        let value = sum.to_f64();
        if value < 0.0 { *low += value } else { *high += value }
    }
    stacks.into_values().fold((0.0, 0.0), |(low, high), one| (one.0.min(low), one.1.max(high)))
}

/// Ranges of two axes whose zeros lie at one height: a line that starts at nothing must not seem to start below it.
fn one_zero(left: (f64, f64), right: (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    let below = |(low, high): (f64, f64)| if high > low { -low / (high - low) } else { 0.0 };
    let share = below(left).max(below(right)).min(0.9);
    let range = |(low, high): (f64, f64)| {
        let up = if share > 0.0 { high.max(-low * (1.0 - share) / share) } else { high };
        let down = (-low).max(high * share / (1.0 - share));
        vec![round(-down * 1.05), round(if up + down > 0.0 { up * 1.05 } else { 1.0 })]
    };
    (range(left), range(right))
}

pub(super) fn base_layout() -> Layout {
    let legend = Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.02).y_anchor(Anchor::Bottom);
    Layout::new().auto_size(true).margin(Margin::new().left(64).right(18).top(28).bottom(36)).legend(legend)
}

pub(super) fn time_layout(lowest: &str) -> Layout {
    base_layout().hover_mode(HoverMode::XUnified).x_axis(Axis::new().type_(AxisType::Date).anchor(lowest))
}

pub(super) fn value_axis(title: &str) -> Axis {
    Axis::new().title(Title::with_text(title)).auto_margin(true)
}

/// Money in full numbers, with as many decimals as neighbouring ticks need to differ: never `24.9995k`.
pub(super) fn money_axis(coin: &str, values: &[f64]) -> Axis {
    let (low, high) =
        values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let format = match high - low {
        range if range >= 20.0 => ",.0f",
        range if range >= 2.0 => ",.1f",
        _ => ",.2f",
    };
    value_axis(&foreign::html(coin)).separate_thousands(true).tick_format(format)
}

pub(super) fn stepped(tint: &'static str) -> Line {
    // Between two rows nothing changed: a slope there would be invented.
    Line::new().color(tint).shape(LineShape::Hv)
}

pub(super) fn colour(place: usize) -> &'static str {
    COLOURS.get(place % COLOURS.len()).copied().unwrap_or(GREY)
}

/// Four decimals: what a chart can show, at half the bytes.
pub(super) fn round(value: f64) -> f64 {
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
fn kept_rows(rows: &[EquityRow], falls: &[f64], most: usize) -> Vec<usize> {
    if rows.len() <= most {
        return (0..rows.len()).collect();
    }
    let stretch = rows.len().div_ceil((most - 2) / 3);
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

/// The running sum of settlements, at most so many points.
pub(super) fn cumulated<'a>(rows: impl Iterator<Item = &'a FundingRow>, most: usize) -> (Vec<i64>, Vec<f64>) {
    let mut sum = Amount::ZERO;
    let mut points: Vec<(i64, f64)> = Vec::new();
    for row in rows {
        sum += row.amount;
        points.push((row.at.0, round(sum.to_f64())));
    }
    let stride = points.len().div_ceil(most.max(1)).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate().filter(|(place, _)| place % stride == 0 || *place == last);
    kept.map(|(_, point)| point).unzip()
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
    fn u15_two_axes_have_their_zeros_at_one_height() {
        for (left, right) in [
            ((-13.0, 44.0), (0.0, 430.0)),
            ((0.0, 44.0), (0.0, 430.0)),
            ((-5.0, 0.0), (-80.0, 0.0)),
            ((0.0, 9.0), (-80.0, 2.0)),
        ] {
            let (one, other) = one_zero(left, right);
            let zero = |range: &[f64]| -range[0] / (range[1] - range[0]);
            assert!((zero(&one) - zero(&other)).abs() < 1e-3, "{one:?} {other:?}");
            for (range, values) in [(&one, left), (&other, right)] {
                assert!(range[0] <= values.0 && values.1 <= range[1], "{range:?} {values:?}");
            }
        }
    }

    #[test]
    fn settlements_are_summed_only_when_their_bars_could_not_be_seen() {
        let check = |count, apart, expected| assert_eq!(bar_span(&settlements(count, apart)), expected);
        check(0, Span::HOUR, None);
        check(300, Span::hours(8), None);
        check(301, Span::hours(8), Some(Span::DAY));
        check(24 * 300, Span::HOUR, Some(Span::DAY));
        check(3 * 2_000, Span::hours(8), Some(Span::hours(7 * 24)));
        check(5_000, Span::DAY, Some(Span::hours(30 * 24)));
    }

    #[test]
    fn a_drawdown_is_measured_from_the_highest_equity_so_far() {
        let row = |equity| EquityRow { at: WallTime(0), equity: Amount::whole(equity), lines: Lines::default() };
        let falls = drawdowns(&[row(90), row(200), row(150), row(300)], Amount::whole(100));
        assert_eq!(falls, [-0.1, 0.0, -0.25, 0.0]);
        assert_eq!(drawdowns(&[row(0)], Amount::ZERO), [0.0]);
    }
}
