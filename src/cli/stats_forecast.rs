//! `carry stats --forecast`: how wrong the forecast of the next settlement was on each series, against two that anyone can make.
//!
//! Each series is played once through the forecaster that the engine runs (`strategy/next_settlement.rs`); what it said is
//! judged by what came after. The first settlements only teach it and are not judged. Tests: `tests/suite/forecast.rs`.

use super::folder;
use super::{Exit, Failure, Output};
use crate::data::candles::read_candles;
use crate::data::folder::{Key, Kind};
use crate::data::funding::read_funding;
use crate::data::settlements::proven_before;
use crate::data::{DataError, Folder};
use crate::domain::{FundingRate, Interval, Span, WallTime};
use crate::strategy::after_print::GUESSES;
use crate::strategy::guesses::{Pace, Scores};
use crate::strategy::inside::premium;
use crate::strategy::next_settlement::{Judged, NextSettlement, Skill};
use comfy_table::{CellAlignment, Table, presets};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Settlements of a series, and complete intervals of its hours, that only teach the forecast.
const TEACHES: usize = 90;
/// A series with fewer settlements says nothing.
const LEAST: usize = 250;

/// Times between which forecasts are judged, both ends inclusive.
type Times = (WallTime, WallTime);

/// One series, or all of a venue.
#[derive(Debug, Serialize)]
struct Row {
    venue: String,
    /// Absent where several series are taken together.
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    /// Settlements judged.
    n: u64,
    /// Mean absolute errors, fractions per 8 h.
    mae_last: f64,
    mae_anchor: f64,
    mae_forecast: f64,
    /// The most hours before the settlement first; empty without hourly candles of both legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<Vec<Late>>,
}

/// What was expected some hours before the settlement, on settlements of which every hour is known.
#[derive(Debug, Serialize)]
struct Late {
    hours_before: u8,
    n: u64,
    /// Fractions per 8 h.
    mae_last: f64,
    mae_anchor: f64,
    mae_forecast: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    from: Option<String>,
    to: Option<String>,
    rows: Vec<Row>,
    /// All settlements of a venue together.
    venues: Vec<Row>,
    /// Series with too few settlements to say anything.
    left_out: usize,
}

/// What was counted of one series.
#[derive(Debug, Default)]
struct Counted {
    skill: Skill,
    late: BTreeMap<u8, Skill>,
    /// Errors of the guesses right after a print, of the intervals of which every hour is known: all hours before are then
    /// judged on the same settlements, each with a table of its own.
    start: Scores<GUESSES>,
    /// Intervals of which every hour was known.
    whole: usize,
}

/// Judges the chosen series and shows the result.
///
/// # Errors
/// [`Failure`] when a file cannot be used or no series is long enough.
pub(super) fn show(
    folder: &Folder,
    chosen: &[(Key, &Path)],
    times: Times,
    json: bool,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let read: Vec<Result<Option<Counted>, DataError>> =
        chosen.par_iter().map(|(key, file)| counted(folder, *key, file, times)).collect();
    let (mut rows, mut pooled, mut left_out) = (Vec::new(), BTreeMap::<String, Skill>::new(), 0);
    for ((key, _), one) in chosen.iter().zip(read) {
        let counted = one.map_err(|problem| Failure::new(Exit::Failure, problem.to_string()))?;
        let venue = key.venue.to_string();
        let Some(mut row) = counted.as_ref().and_then(|counted| row(&venue, &counted.skill)) else {
            left_out += 1;
            continue;
        };
        row.symbol = Some(key.symbol.to_string());
        row.late = counted.as_ref().map(late);
        rows.push(row);
        pooled.entry(venue).or_default().join(&counted.unwrap_or_default().skill);
    }
    if rows.is_empty() {
        let text = format!("no series has {LEAST} settlements or more, the fewest that say how good a forecast is");
        return Err(Failure::new(Exit::Failure, text));
    }
    let venues = pooled.iter().filter_map(|(venue, skill)| row(venue, skill)).collect();
    let (from, to) = times;
    let from = (from.0 != i64::MIN).then(|| from.to_string());
    let to = (to.0 != i64::MAX).then(|| to.to_string());
    let report = Report { schema: "carry.stats.forecast/1", from, to, rows, venues, left_out };
    if json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, output)
}

fn row(venue: &str, skill: &Skill) -> Option<Row> {
    skill.errors().map(|errors| Row {
        venue: venue.to_owned(),
        symbol: None,
        n: skill.count,
        mae_last: errors.last_print,
        mae_anchor: errors.anchor,
        mae_forecast: errors.forecast,
        late: None,
    })
}

fn late(counted: &Counted) -> Vec<Late> {
    let one = |(hours, skill): (&u8, &Skill)| {
        skill.errors().map(|errors| Late {
            hours_before: *hours,
            n: skill.count,
            mae_last: errors.last_print,
            mae_anchor: errors.anchor,
            mae_forecast: errors.forecast,
        })
    };
    counted.late.iter().rev().filter_map(one).collect()
}

/// Plays one series; `None` when it is too short.
fn counted(folder: &Folder, key: Key, file: &Path, times: Times) -> Result<Option<Counted>, DataError> {
    let rows = read_funding(file)?;
    if rows.len() < LEAST {
        return Ok(None);
    }
    let stamps: Vec<WallTime> = rows.iter().map(|row| row.stamp).collect();
    let mut hours = hours(folder, key)?.into_iter().peekable();
    let (mut next, mut counted) = (NextSettlement::default(), Counted::default());
    for (place, (row, interval)) in rows.iter().zip(proven_before(&stamps)).enumerate() {
        next.on_hours(row.stamp, &mut hours);
        let (hours, made) = (next.interval().map_or(0, Interval::hours), *next.guesses());
        let funding = interval.map(|interval| FundingRate { rate: row.rate, interval });
        let Some(judged) = next.on_settled(row.stamp, funding) else { continue };
        let wanted = (times.0..=times.1).contains(&row.stamp);
        if wanted && judged.sound && place > TEACHES {
            counted.skill.add(judged.came, judged.last, judged.expected);
        }
        if !judged.late.is_empty() {
            counted.add_late(&judged, (hours, &made), wanted);
        }
    }
    Ok(Some(counted))
}

impl Counted {
    /// One settlement of which every hour is known, with the length of its interval and the guesses made at its start.
    fn add_late(&mut self, judged: &Judged, start: (i64, &[f64; GUESSES]), wanted: bool) {
        let (hours, made) = start;
        let first = self.start.believed(made, Pace::SLOW);
        self.start.score(made, judged.came, Pace::SLOW);
        self.whole += 1;
        if !wanted || self.whole <= TEACHES {
            return;
        }
        let said = judged.late.iter().map(|said| (said.hours_to_go, said.deviation));
        for (hours, deviation) in u8::try_from(hours).map(|hours| (hours, first)).into_iter().chain(said) {
            self.late.entry(hours).or_default().add(judged.came, judged.last, deviation);
        }
    }
}

/// The premium at the end of every hour of which both legs have a candle; nothing without files of both.
fn hours(folder: &Folder, key: Key) -> Result<Vec<(WallTime, f64)>, DataError> {
    let file = |kind| {
        let wanted = Key { kind, step: Span::HOUR, ..key };
        folder.files().get(&wanted)
    };
    let (Some(spot), Some(perp)) = (file(Kind::Spot), file(Kind::Perp)) else { return Ok(Vec::new()) };
    let (spot, perp) = (read_candles(spot, Span::HOUR)?, read_candles(perp, Span::HOUR)?);
    let both = spot.opened.iter().zip(&spot.close).filter_map(|(opened, spot)| {
        let perp = perp.close.get(perp.at(*opened)?)?;
        Some((*opened + Span::HOUR, premium(*spot, *perp)?))
    });
    Ok(both.collect())
}

#[expect(clippy::float_arithmetic, reason = "percent for a person")]
fn percent(fraction: f64) -> String {
    format!("{:.5}", fraction * 100.0)
}

#[expect(clippy::float_arithmetic, reason = "a ratio for a person")]
fn cells(row: &Row) -> [String; 8] {
    let other = row.mae_last.min(row.mae_anchor);
    let ratio = if other > 0.0 { format!("{:.3}", row.mae_forecast / other) } else { "-".to_owned() };
    [
        row.venue.clone(),
        row.symbol.clone().unwrap_or_else(|| "all".to_owned()),
        row.n.to_string(),
        percent(row.mae_last),
        percent(row.mae_anchor),
        percent(row.mae_forecast),
        ratio,
        if row.mae_forecast < other { "yes" } else { "no" }.to_owned(),
    ]
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    writeln!(output.out, "Mean absolute error of the next settlement, % per 8 h, right after the last one")?;
    let head = ["venue", "symbol", "n", "last print", "anchor", "forecast", "of the better", "best"];
    let mut table = empty(&head);
    for row in report.rows.iter().chain(&report.venues) {
        table.add_row(cells(row));
    }
    folder::print(output.out, &table)?;
    let mut late = empty(&["venue", "symbol", "hours before", "n", "last print", "anchor", "forecast"]);
    for row in &report.rows {
        for hour in row.late.iter().flatten() {
            late.add_row([
                row.venue.clone(),
                row.symbol.clone().unwrap_or_default(),
                hour.hours_before.to_string(),
                hour.n.to_string(),
                percent(hour.mae_last),
                percent(hour.mae_anchor),
                percent(hour.mae_forecast),
            ]);
        }
    }
    if !late.is_empty() {
        writeln!(
            output.out,
            "Some hours before, from the premium of perp over spot, where hourly candles of both are there"
        )?;
        writeln!(output.out, "{late}")?;
    }
    let best = report.rows.iter().filter(|row| row.mae_forecast < row.mae_last.min(row.mae_anchor)).count();
    writeln!(output.out, "the forecast was the best of the three on {best} of {} series", report.rows.len())?;
    if report.left_out > 0 {
        writeln!(output.out, "{} series with fewer than {LEAST} settlements were left out", report.left_out)?;
    }
    Ok(())
}

fn empty(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(head.iter().copied());
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
