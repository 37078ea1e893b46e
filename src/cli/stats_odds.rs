//! `carry stats --odds`: how often funding earned a round trip back within 14, 30 and 60 days, by what was expected of it, for each
//! series and for all of them together. The counting stands in `strategy/odds.rs`. Tests: `tests/suite/odds.rs`.

use super::folder;
use super::{Exit, Failure, Output};
use crate::data::DataError;
use crate::data::folder::Key;
use crate::data::funding::read_funding;
use crate::domain::{Bps, Interval, WallTime};
use crate::report::figures::{self, NONE};
use crate::strategy::odds::{DAYS, ENDS, Paid, Tally};
use comfy_table::{CellAlignment, Table, presets};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// One class of one series, or of all.
#[derive(Debug, Serialize)]
struct Class {
    /// What was expected a year on the notional, percent: from here, and up to there.
    from_percent: Option<f64>,
    to_percent: Option<f64>,
    instants: [u32; 3],
    /// Shares that had earned the cost by each of `days`; null where fewer than 100 instants.
    shares: [Option<f64>; 3],
}

#[derive(Debug, Serialize)]
struct Row {
    venue: String,
    symbol: String,
    classes: Vec<Class>,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    cost_bps: f64,
    days: [i64; 3],
    from: Option<String>,
    to: Option<String>,
    pooled: Vec<Class>,
    rows: Vec<Row>,
}

/// Shows the odds of the chosen series.
pub(super) fn show(
    chosen: &[(Key, &Path)],
    times: (Option<WallTime>, Option<WallTime>),
    (cost, json): (Bps, bool),
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let tallies: Vec<Result<Tally, DataError>> = chosen.par_iter().map(|(_, file)| tally(file, cost, times)).collect();
    let mut pooled = Tally::default();
    let mut rows = Vec::new();
    for ((key, _), tally) in chosen.iter().zip(tallies) {
        let tally = tally.map_err(|problem| Failure::new(Exit::Failure, problem.to_string()))?;
        pooled.add(&tally);
        rows.push(Row { venue: key.venue.to_string(), symbol: key.symbol.to_string(), classes: classes(&tally) });
    }
    let time = |at: Option<WallTime>| at.map(|at| at.to_string());
    let report = Report {
        schema: "carry.stats.odds/1",
        cost_bps: figures::in_bps(cost.to_rate().to_f64()),
        days: DAYS,
        from: time(times.0),
        to: time(times.1),
        pooled: classes(&pooled),
        rows,
    };
    if json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

fn tally(file: &Path, cost: Bps, (from, to): (Option<WallTime>, Option<WallTime>)) -> Result<Tally, DataError> {
    let rows = read_funding(file)?;
    let until = to.unwrap_or(WallTime(i64::MAX));
    let paid: Vec<Paid> = rows
        .iter()
        .filter(|row| row.stamp <= until)
        .map(|row| (row.stamp, row.rate.to_f64(), row.interval.map_or(8, Interval::hours)))
        .collect();
    Ok(Tally::of(&paid, cost.to_rate().to_f64(), from.unwrap_or(WallTime(i64::MIN))))
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn classes(tally: &Tally) -> Vec<Class> {
    (0..=ENDS.len())
        .map(|class| Class {
            from_percent: class.checked_sub(1).and_then(|below| ENDS.get(below)).map(|end| end * 100.0),
            to_percent: ENDS.get(class).map(|end| end * 100.0),
            instants: [0, 1, 2].map(|day| tally.instants(class, day)),
            shares: [0, 1, 2].map(|day| tally.share(class, day)),
        })
        .collect()
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let days = report.days.map(|day| format!("by day {day}"));
    table.set_header(["expected a year".to_owned(), "instants".to_owned()].into_iter().chain(days));
    let share = |share: Option<f64>| share.map_or_else(|| NONE.to_owned(), percent);
    for class in &report.pooled {
        let [one, two, three] = class.shares.map(share);
        let [instants, ..] = class.instants;
        table.add_row([words(class), instants.to_string(), one, two, three]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let count = report.rows.len();
    writeln!(out, "share of instants from which {} bps were earned, {count} series together\n", report.cost_bps)?;
    folder::print(out, &table)?;
    writeln!(out)?;
    writeln!(out, "a class of fewer than 100 instants says nothing; each series by itself: --json, or --symbol")?;
    Ok(())
}

fn words(class: &Class) -> String {
    match (class.from_percent, class.to_percent) {
        (None, Some(to)) => format!("below {to:.0} %"),
        (Some(from), Some(to)) => format!("{from:.0} to {to:.0} %"),
        (Some(from), None) => format!("above {from:.0} %"),
        (None, None) => "all".to_owned(),
    }
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
