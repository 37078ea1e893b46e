//! Two or more runs side by side: their figures, years and settings, as rows for the terminal and as one page.
//!
//! It reads what the runs left and computes nothing about money. Tests: `tests/suite/compare.rs`.

use super::charts::{Figure, colour, round, time_layout, value_axis};
use super::figures::{self, NONE};
use super::foreign;
use super::html;
use super::parts::{Kind, Rows, figure, section};
use super::periods;
use super::run::Summary;
use crate::domain::{Amount, WallTime};
use plotly::common::{Line, Mode};
use plotly::{Scatter, Trace};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Points of one curve.
const POINTS: usize = 1_200;

/// One run as its folder holds it.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it is called here: its folder.
    pub name: String,
    /// Its summary.
    pub summary: Summary,
    /// Its equity.
    pub equity: Vec<(WallTime, Amount)>,
}

/// A figure's name, and its value for each run.
pub type Row = (String, Vec<String>);

/// The figures of all runs.
#[must_use]
pub fn figures_of(runs: &[Run]) -> Vec<Row> {
    let percent = |pick: fn(&Summary) -> Option<f64>| -> Vec<String> {
        runs.iter().map(|run| periods::percent(pick(&run.summary))).collect()
    };
    let text = |pick: fn(&Summary) -> String| -> Vec<String> { runs.iter().map(|run| pick(&run.summary)).collect() };
    let rows = [
        ("strategy", text(|run| if run.run.strategy.is_empty() { NONE.to_owned() } else { run.run.strategy.clone() })),
        ("program", text(periods::program)),
        ("from", text(|run| figures::minute(run.from_ms))),
        ("to", text(|run| figures::minute(run.to_ms))),
        ("capital", text(|run| format!("{} {}", figures::money(run.capital), run.currency))),
        ("equity", text(|run| figures::money(run.final_equity))),
        ("net return", percent(|run| Some(run.net_return))),
        ("net APR", percent(|run| run.net_apr)),
        ("with cash", percent(|run| run.net_apr_with_cash)),
        ("cash", percent(|run| run.benchmark_apr)),
        ("excess", percent(|run| run.excess_apr)),
        ("max drawdown", percent(|run| Some(run.max_drawdown))),
        ("time in market", percent(|run| Some(run.time_in_market))),
        ("capital need", text(|run| run.capital_need.as_ref().map_or_else(|| NONE.to_owned(), super::table::needed))),
        ("round trips", text(|run| figures::count(run.round_trips))),
        ("open pairs", text(|run| figures::count(run.open_pairs))),
        ("funding", text(|run| figures::money(run.pnl.funding))),
        ("basis", text(|run| figures::money(run.pnl.basis))),
        ("fees", text(|run| figures::money(run.pnl.fees))),
        ("slippage", text(|run| figures::money(run.pnl.slippage))),
        ("longest naked", text(|run| figures::seconds(run.max_naked_s))),
        ("orders", text(|run| figures::count(run.orders))),
        ("alarms", text(|run| figures::count(run.alarms.values().sum()))),
    ];
    rows.into_iter().map(|(name, cells)| (name.to_owned(), cells)).collect()
}

/// Net return of each calendar year that any of them touches.
#[must_use]
pub fn years(runs: &[Run]) -> Vec<Row> {
    let of = |run: &Run| -> BTreeMap<String, f64> {
        run.summary.years.iter().map(|period| (periods::year_month(period.from_ms).0, period.net)).collect()
    };
    let all: Vec<BTreeMap<String, f64>> = runs.iter().map(of).collect();
    let names: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let row = |name: &&String| {
        let cells = all.iter().map(|years| periods::percent(years.get(*name).copied())).collect();
        ((*name).clone(), cells)
    };
    names.iter().map(row).collect()
}

/// The settings in which they differ.
#[must_use]
pub fn differences(runs: &[Run]) -> Vec<Row> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.summary.run.settings.keys()).collect();
    let row = |key: &String| {
        let value = |run: &Run| run.summary.run.settings.get(key).cloned().unwrap_or_else(|| NONE.to_owned());
        (key.clone(), runs.iter().map(value).collect::<Vec<_>>())
    };
    let differ = |row: &Row| row.1.iter().any(|cell| row.1.first() != Some(cell));
    keys.into_iter().map(row).filter(differ).collect()
}

/// What must be known before their figures are compared: other times, another coin, another capital.
#[must_use]
pub fn cautions(runs: &[Run]) -> Vec<String> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let mut words = Vec::new();
    let mut differs = |what: &str, differ: fn(&Summary, &Summary) -> bool| {
        if others.iter().any(|run| differ(&first.summary, &run.summary)) {
            words.push(what.to_owned());
        }
    };
    differs(
        "They do not cover the same time: yearly figures of different years say little about the strategies.",
        |a, b| (a.from_ms, a.to_ms) != (b.from_ms, b.to_ms),
    );
    differs("They are in different coins.", |a, b| a.currency != b.currency);
    differs("They began with different capital: clips, minimums and depth weigh differently.", |a, b| {
        a.capital != b.capital
    });
    differs("Their benchmarks are different.", |a, b| a.cash_apr.to_bits() != b.cash_apr.to_bits());
    words
}

/// The whole page.
#[must_use]
pub fn render(runs: &[Run]) -> String {
    let mut out = String::from("<main>\n<h1>carry compare</h1>\n");
    for run in runs {
        let _ = writeln!(
            out,
            "<p class=\"verdict\">{}: {}</p>",
            foreign::html(&run.name),
            foreign::html(&periods::verdict(&run.summary))
        );
    }
    for caution in cautions(runs) {
        let _ = writeln!(out, "<p class=\"bad\">{}</p>", foreign::html(&caution));
    }
    let word = "Change of equity since the start of each run, in percent of its capital.";
    section(&mut out, "Equity", word, &figure("equity", "high", chart(runs)));
    section(&mut out, "Figures", "", &table("figures-of", "figure", runs, &figures_of(runs)));
    section(
        &mut out,
        "Years, net",
        "The first and the last may be parts.",
        &table("years-of", "year", runs, &years(runs)),
    );
    let differ = differences(runs);
    let content = if differ.is_empty() {
        "<p class=\"soft\">None that the runs recorded.</p>\n".to_owned()
    } else {
        table("settings-of", "key", runs, &differ)
    };
    section(&mut out, "Settings that differ", "", &content);
    out.push_str(
        "<noscript><p class=\"bad\">The chart needs JavaScript; the tables are complete.</p></noscript>\n</main>\n",
    );
    html::page("carry compare", &out)
}

fn table(id: &str, first: &str, runs: &[Run], rows: &[Row]) -> String {
    let mut heads = vec![(first, Kind::Text)];
    heads.extend(runs.iter().map(|run| (run.name.as_str(), Kind::Number)));
    let mut table = Rows::new(&heads);
    for (name, cells) in rows {
        table.add("", &[vec![name.clone()], cells.clone()].concat());
    }
    table.stacked(id)
}

fn chart(runs: &[Run]) -> Option<String> {
    let mut data: Vec<Box<dyn Trace>> = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let capital = run.summary.capital.to_f64();
        let stride = run.equity.len().div_ceil(POINTS).max(1);
        let last = run.equity.len().saturating_sub(1);
        let kept = run.equity.iter().enumerate().filter(|(place, _)| place % stride == 0 || *place == last);
        let change = |equity: Amount| {
            #[expect(clippy::float_arithmetic, reason = "a chart")]
            let percent = (equity - run.summary.capital).to_f64() / capital * 100.0;
            percent.is_finite().then(|| round(percent))
        };
        let (x, y): (Vec<i64>, Vec<Option<f64>>) = kept.map(|(_, (at, equity))| (at.0, change(*equity))).unzip();
        let line = Line::new().color(colour(place)).width(1.6);
        let curve = Scatter::new(x, y).name(foreign::html(&run.name)).mode(Mode::Lines).line(line).show_legend(true);
        data.push(curve.hover_template("%{y:.2f} %"));
    }
    Figure::new(data, time_layout("y").y_axis(value_axis("net, %"))).json()
}
