//! `carry universe`: which pairs `strategy.pairs = "auto"` would admit at a time of history, each with the reason why it is in or
//! out. Nothing later than the time is looked at. Tests: `tests/universe.rs`.

use super::history::{Choice, Window, not_there};
use super::{Exit, Failure, Output};
use crate::config::{Sources, load};
use crate::data::folder::Folder;
use crate::data::history::PairHistory;
use crate::data::{DataError, flat, instruments};
use crate::domain::universe::Outside;
use crate::domain::{Catalogue, WallTime};
use crate::report::figures::NONE;
use crate::run::universe::candidate;
use crate::strategy::universe::{Candidate, look};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Which pairs strategy.pairs = "auto" admits at a time of history, each with its reason; sends nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry universe --data data --strategy strategies/ladder.toml
  carry universe --data data --strategy strategies/ladder.toml --at 2021-06-01
  carry universe --data data --strategy strategies/ladder.toml --set universe.most=3 --json")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Look at this time (UTC date or time); the end of the history when left out
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Print JSON (schema carry.universe/1)
    #[arg(long)]
    json: bool,
}

/// One pair.
#[derive(Debug, Serialize)]
struct Row {
    pair: String,
    inside: bool,
    /// The first thing that keeps it out.
    outside: Option<Outside>,
    reason: String,
    age_days: Option<i64>,
    /// Value that its perp traded in a day, mean of 30 days, in its quote coin.
    volume_a_day: Option<f64>,
    open_interest: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    at: String,
    /// Pairs that have prices by then, those in the universe first.
    pairs: Vec<Row>,
    /// Series of funding that no pair can be made of, or not yet.
    not_priced: Vec<String>,
    /// What the folder cannot know.
    not_known: [&'static str; 3],
}

/// What history cannot know.
const NOT_KNOWN: [&str; 3] = [
    "pairs that were delisted before this folder was made are not in it: what it has survived",
    "age counts from the first settlement or bar of the folder, which may be later than the listing",
    "volume is that of the venue's own bars; what a venue made up cannot be told from what was traded",
];

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let window = Window::read(None, args.at.as_deref(), ("", "--at"))?;
    let choice = &args.choice;
    let loaded = load(&Sources::discover(
        Some(choice.one_strategy("carry universe")?.clone()),
        choice.config.clone(),
        choice.set.clone(),
    ))?;
    let folder = Folder::open(&choice.data).map_err(not_there)?.priced_by(loaded.settings.sim.priced_by());
    let (histories, not_priced) = known_by(&folder, window.to)?;
    let mut catalogue = Catalogue::default();
    for history in &histories {
        let legs = instruments::legs(&folder, history)?;
        catalogue.add_pair(legs.spot, legs.perp);
    }
    let last = |history: &PairHistory| history.perp.opened.last().map(|opened| *opened + history.step);
    let at = window.to.or_else(|| histories.iter().filter_map(last).max()).unwrap_or(WallTime(0));
    let pairs = catalogue.pairs().iter().zip(&histories);
    let candidates: Vec<Candidate> =
        pairs.filter_map(|(pair, history)| candidate(&catalogue, pair.id, history, at)).collect();
    let verdicts = look(&candidates, &loaded.settings.universe);
    let mut rows: Vec<Row> = candidates.iter().zip(verdicts).map(|(one, outside)| row(one, outside)).collect();
    rows.sort_by(|one, other| {
        let by_volume = other.volume_a_day.unwrap_or(0.0).total_cmp(&one.volume_a_day.unwrap_or(0.0));
        other.inside.cmp(&one.inside).then(by_volume).then_with(|| one.pair.cmp(&other.pair))
    });
    let report =
        Report { schema: "carry.universe/1", at: at.to_string(), pairs: rows, not_priced, not_known: NOT_KNOWN };
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        writeln!(output.out, "{}", text.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?)?;
        return Ok(());
    }
    print(&report, output)
}

/// The pairs that have bars by a time, and the series of funding that have none.
fn known_by(folder: &Folder, to: Option<WallTime>) -> Result<(Vec<PairHistory>, Vec<String>), Failure> {
    use rayon::prelude::*;
    let names = folder.pairs();
    let loaded: Vec<_> = names.par_iter().map(|name| folder.load_pair(name, None, to)).collect();
    let (mut histories, mut not_priced) = (Vec::new(), Vec::new());
    for (name, one) in names.iter().zip(loaded) {
        match one {
            Ok(history) => histories.push(history),
            Err(DataError::EmptyWindow { .. }) => not_priced.push(name.clone()),
            Err(other) => return Err(other.into()),
        }
    }
    not_priced.extend(flat::names(folder).into_iter().filter(|name| !names.contains(name)));
    not_priced.sort();
    Ok((histories, not_priced))
}

fn row(one: &Candidate, outside: Option<Outside>) -> Row {
    Row {
        pair: one.name.clone(),
        inside: outside.is_none(),
        outside,
        reason: outside.map_or("all of [universe] holds", Outside::words).to_owned(),
        age_days: one.age.map(|age| age.0.div_euclid(crate::domain::Span::DAY.0)),
        volume_a_day: one.volume,
        open_interest: one.open_interest,
    }
}

fn print(report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    writeln!(output.out, "universe at {}: {} of {} pairs\n", report.at, inside(report), report.pairs.len())?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["pair", "", "days", "volume a day", "open interest", "reason"]);
    let millions = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), millions);
    for row in &report.pairs {
        table.add_row([
            row.pair.clone(),
            if row.inside { "in" } else { "out" }.to_owned(),
            row.age_days.map_or_else(|| NONE.to_owned(), |days| days.to_string()),
            millions(row.volume_a_day),
            millions(row.open_interest),
            row.reason.clone(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(output.out, "{table}\n")?;
    if !report.not_priced.is_empty() {
        let count = report.not_priced.len();
        writeln!(
            output.out,
            "{count} series of funding have no prices of both legs by then: {}",
            report.not_priced.join(", ")
        )?;
    }
    for line in report.not_known {
        writeln!(output.out, "not known: {line}")?;
    }
    Ok(())
}

fn inside(report: &Report) -> usize {
    report.pairs.iter().filter(|row| row.inside).count()
}

#[expect(clippy::float_arithmetic, reason = "millions for a person")]
fn millions(value: f64) -> String {
    format!("{:.1}m", value / 1e6)
}
