//! `carry stats`: how funding was, per venue and symbol.

use super::folder;
use super::{Exit, Failure, Output, dates};
use crate::config::kind::Kind as Unit;
use crate::config::units::Value;
use crate::data::folder::{Key, Kind};
use crate::data::funding::read_funding;
use crate::data::settlements::{no_interval, unusual};
use crate::data::stats::{Sample, Summary, blocks, rates, summary};
use crate::data::{DataError, Folder};
use crate::domain::{Bps, WallTime};
use comfy_table::{CellAlignment, Table, presets};
use rayon::prelude::*;
use serde::Serialize;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  carry stats --data data
  carry stats --data data --venue binance --symbol BTCUSDT --from 2025-05-31T08:00Z --to 2025-08-31T08:00Z
  carry stats --data data --venue hyperliquid --block 8h --json
  carry stats --forecast --data data --venue binance
  carry stats --odds --data data --venue binance --from 2024-01-01 --cost 34bps

Rates are per 8 hours: 0.0100 % per 8 h is the anchor, 10.95 % a year. With --block 8h the payments within each
8 hours from 00, 08 and 16 UTC are added up; without it each payment counts by itself, multiplied to 8 hours. The yearly
figure is what was paid over the time it was paid for, so it differs from the mean where the interval changed.

--forecast plays each series through the forecast that trading uses and shows how wrong it was on average (mean absolute
error), beside \"the next one is as the last\" and \"the next one is the anchor\". Every forecast is made before what it is
judged by. Where hourly candles of perp and spot lie beside the series, also how wrong it was some hours before.

--odds takes each 8 hours at which a month of funding is known, sorts them by what is expected of the coming month (the
ladder's forecast, a year on the notional), and shows in which share the funding paid from there to day 14, 30 and 60
was at least --cost. The instants lie close together: a share is a frequency, not a certainty.";

/// Arguments of `carry stats`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of history
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only this venue
    #[arg(long)]
    venue: Option<String>,
    /// Only this symbol, as the venue names it
    #[arg(long)]
    symbol: Option<String>,
    /// From this time on: UTC such as 2025-05-31T08:00Z, or a date
    #[arg(long, value_name = "TIME", value_parser = dates::first_instant)]
    from: Option<WallTime>,
    /// To this time, inclusive; a date means the whole day
    #[arg(long, value_name = "TIME", value_parser = dates::last_instant)]
    to: Option<WallTime>,
    /// Add the payments up within blocks of this length
    #[arg(long, value_name = "LENGTH", value_parser = ["8h"])]
    block: Option<String>,
    /// How well the next settlement is forecast, against the last print and the anchor
    #[arg(long, conflicts_with = "block")]
    forecast: bool,
    /// How often funding earned a round trip back, by what was expected of it
    #[arg(long, conflicts_with_all = ["block", "forecast"])]
    odds: bool,
    /// What a round trip costs, for --odds
    #[arg(long, value_name = "BPS", default_value = "34bps", requires = "odds", value_parser = bps)]
    cost: Bps,
    /// JSON (schema carry.stats/1, with --forecast carry.stats.forecast/1, with --odds carry.stats.odds/1)
    #[arg(long)]
    json: bool,
}

/// One line of the result.
#[derive(Debug, Serialize)]
struct Row {
    venue: String,
    symbol: String,
    /// Time between settlements; several when it changed.
    interval: String,
    /// Length of the blocks, or null when each settlement counts by itself.
    block: Option<String>,
    n: usize,
    /// Fractions per 8 h.
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    /// What was paid as a fraction per year of 365 days, weighted by time.
    mean_annualised: f64,
    /// Shares from 0 to 1.
    at_anchor: f64,
    positive: f64,
    /// Settlements of unknown interval or blocks with a missing settlement.
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    from: Option<String>,
    to: Option<String>,
    rows: Vec<Row>,
}

fn bps(text: &str) -> Result<Bps, String> {
    match Unit::Bps.parse(text) {
        Ok(Value::Bps(bps)) if bps > Bps::ZERO => Ok(bps),
        _ => Err(format!("expected {}, above zero", Unit::Bps.expected())),
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder or a file cannot be used or nothing lies within the times.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let folder = Folder::open(&args.data).map_err(|problem| Failure::new(Exit::Usage, problem.to_string()))?;
    let chosen = choose(args, &folder)?;
    if args.odds {
        return super::stats_odds::show(&chosen, (args.from, args.to), (args.cost, args.json), output);
    }
    if args.forecast {
        let (from, to) = (args.from.unwrap_or(WallTime(i64::MIN)), args.to.unwrap_or(WallTime(i64::MAX)));
        return super::stats_forecast::show(&folder, &chosen, (from, to), args.json, output);
    }
    let read: Vec<Result<Found, DataError>> = chosen.par_iter().map(|(key, file)| row(args, *key, file)).collect();
    let (mut rows, mut notes, mut unproven) = (Vec::new(), Vec::new(), 0);
    for one in read {
        let found = one.map_err(|problem| Failure::new(Exit::Failure, problem.to_string()))?;
        unproven += if found.row.is_none() { found.left_out } else { 0 };
        rows.extend(found.row);
        notes.extend(found.note);
    }
    if rows.is_empty() {
        let text = match unproven {
            0 => "no settlement lies within the given times".to_owned(),
            count if args.block.is_some() => {
                format!("each of {count} blocks within the given times misses a settlement")
            }
            count => no_interval(count),
        };
        return Err(Failure::new(Exit::Failure, text));
    }
    if args.json {
        let time = |at: Option<WallTime>| at.map(|at| at.to_string());
        let report = Report { schema: "carry.stats/1", from: time(args.from), to: time(args.to), rows };
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        writeln!(output.out)?;
        return Ok(());
    }
    folder::print(output.out, &table(&rows))?;
    let left_out: usize = rows.iter().map(|row| row.left_out).sum();
    if left_out > 0 {
        let what =
            if args.block.is_some() { "blocks with a missing settlement" } else { "settlements of unknown interval" };
        writeln!(output.out, "{left_out} {what} were left out")?;
    }
    for note in notes {
        writeln!(output.out, "{note}")?;
    }
    Ok(())
}

/// What a file has.
struct Found {
    row: Option<Row>,
    /// What could not be counted.
    left_out: usize,
    /// What a person should know of its scale.
    note: Option<String>,
}

/// The funding files that are asked for; a name that is not there is an error with the nearest one.
fn choose<'a>(args: &Args, folder: &'a Folder) -> Result<Vec<(Key, &'a Path)>, Failure> {
    let all: Vec<_> = folder
        .files()
        .iter()
        .filter(|(key, _)| key.kind == Kind::Funding)
        .map(|(key, file)| (*key, file.as_path()))
        .collect();
    let venues: Vec<_> = all.iter().map(|(key, _)| key.venue.to_string()).collect();
    let of_venue: Vec<_> = match &args.venue {
        Some(name) => {
            known("venue", name, &venues)?;
            all.into_iter().filter(|(key, _)| key.venue.as_str() == name).collect()
        }
        None => all,
    };
    let symbols: Vec<_> = of_venue.iter().map(|(key, _)| key.symbol.to_string()).collect();
    match &args.symbol {
        Some(name) => {
            known("symbol", name, &symbols)?;
            Ok(of_venue.into_iter().filter(|(key, _)| key.symbol.as_str() == name).collect())
        }
        None => Ok(of_venue),
    }
}

fn known(what: &str, name: &str, names: &[String]) -> Result<(), Failure> {
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let likeness = |known: &&String| strsim::jaro_winkler(known, name);
    let nearest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    Err(Failure::new(Exit::Usage, format!("--{what} {name:?}: there is no funding of it in the folder{hint}")))
}

fn row(args: &Args, key: Key, file: &Path) -> Result<Found, DataError> {
    let rows = read_funding(file)?;
    let (from, to) = (args.from.unwrap_or(WallTime(i64::MIN)), args.to.unwrap_or(WallTime(i64::MAX)));
    let sample = if args.block.is_some() { blocks(&rows, from, to) } else { rates(&rows, from, to) };
    let inside: Vec<_> = rows.into_iter().filter(|row| (from..=to).contains(&row.stamp)).collect();
    Ok(Found {
        row: summary(&sample.per_8h).map(|numbers| assembled(args, key, &sample, numbers)),
        left_out: sample.left_out,
        note: unusual(&inside).map(|text| format!("{}:{}: {text}", key.venue, key.symbol)),
    })
}

fn assembled(args: &Args, key: Key, sample: &Sample, numbers: Summary) -> Row {
    Row {
        venue: key.venue.to_string(),
        symbol: key.symbol.to_string(),
        interval: sample.intervals.iter().map(ToString::to_string).collect::<Vec<_>>().join("/"),
        block: args.block.clone(),
        n: numbers.n,
        mean: numbers.mean,
        std: numbers.std,
        min: numbers.min,
        max: numbers.max,
        mean_annualised: sample.per_year().unwrap_or(0.0),
        at_anchor: numbers.at_anchor,
        positive: numbers.positive,
        left_out: sample.left_out,
    }
}

#[expect(clippy::float_arithmetic, reason = "statistics are floats by design")]
fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "venue",
        "symbol",
        "paid every",
        "n",
        "mean %/8h",
        "mean %apr",
        "std",
        "min",
        "max",
        "at anchor %",
        "positive %",
    ]);
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in rows {
        let percent = |fraction: f64| format!("{:.4}", fraction * 100.0);
        let share = |fraction: f64| format!("{:.1}", fraction * 100.0);
        table.add_row([
            row.venue.clone(),
            row.symbol.clone(),
            row.interval.clone(),
            row.n.to_string(),
            percent(row.mean),
            format!("{:.2}", row.mean_annualised * 100.0),
            percent(row.std),
            percent(row.min),
            percent(row.max),
            share(row.at_anchor),
            share(row.positive),
        ]);
    }
    table
}
