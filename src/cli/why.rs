//! `carry why`: for each pair the first gate that blocks, measured against its threshold; or why it is held.

use super::backtest::universe;
use super::{Exit, Failure, Output, dates};
use crate::config::{Sources, load};
use crate::data::folder::Folder;
use crate::domain::{Quantity, WallTime};
use crate::engine::PairState;
use crate::report::figures::fixed;
use crate::run::backtest::{Bars, Inputs};
use crate::run::journal::NoJournal;
use crate::strategy::{Gate, explain};
use comfy_table::Table;
use serde::Serialize;
use std::path::PathBuf;

/// Says why the strategy does or does not hold each pair at one instant of recorded history
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry why --data data --strategy strategies/ethena.toml
  carry why binance:BTCUSDT --data data --strategy strategies/anchor.toml --at 2024-03-01
  carry why --data data --strategy strategies/anchor.toml --json")]
pub struct Args {
    /// One pair, with all its gates in order
    #[arg(value_name = "PAIR")]
    pair: Option<String>,
    /// Folder of history
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Strategy file
    #[arg(long, value_name = "FILE")]
    strategy: PathBuf,
    /// The instant (UTC date or time); the end of the history when absent
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Overrides one key; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    mode: &'static str,
    at: WallTime,
    pairs: Vec<Answer>,
}

/// Why one pair is as it is.
#[derive(Serialize)]
struct Answer {
    pair: String,
    phase: &'static str,
    held: Quantity,
    entered_at: Option<WallTime>,
    reason: Option<&'static str>,
    /// The first gate that blocks; `None` when all are open or the pair is held.
    blocked_by: Option<Gate>,
    gates: Vec<Gate>,
    refused: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let usage = |message| Failure::new(Exit::Usage, message);
    let loaded = load(&Sources::discover(Some(args.strategy.clone()), Vec::new(), args.set.clone()))?;
    let folder = Folder::open(&args.data)?;
    let at = args.at.as_deref().map(dates::first_instant).transpose().map_err(usage)?;
    let (catalogue, remarks, histories) = universe(&folder, &loaded, None, at)?;
    if let Some(name) = &args.pair
        && catalogue.pair_named(name).is_none()
    {
        let known: Vec<_> = catalogue.pairs().iter().map(|pair| pair.name.as_str()).collect();
        let near = known.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(usage(format!("{}: no such pair here{hint}", name.escape_debug())));
    }
    let inputs = Inputs { settings: loaded.settings, catalogue, histories: &histories, remarks };
    let mut bars = Bars::new(&inputs, NoJournal, false)?;
    while bars.step()? {}
    let state = &bars.driver().state;
    let pairs = state
        .pairs
        .iter()
        .filter(|pair| args.pair.as_ref().is_none_or(|name| *name == pair.pair.name))
        .map(|pair| {
            let (spot, perp) = state.held(pair);
            let held = Quantity::saturating(spot.units().min(-perp.units()));
            answer(pair, held, explain(&state.view(pair, Quantity::ZERO)))
        })
        .collect();
    let report = Report { schema: "carry.why/1", mode: "backtest", at: state.now, pairs };
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        writeln!(output.out)?;
        return Ok(());
    }
    print(&report, args.pair.is_some(), output)
}

fn answer(pair: &PairState, held: Quantity, gates: Vec<Gate>) -> Answer {
    let blocked_by = if held.is_zero() { gates.iter().find(|gate| !gate.open).cloned() } else { None };
    Answer {
        pair: pair.pair.name.clone(),
        phase: pair.memory.phase.as_str(),
        held,
        entered_at: pair.memory.entered_at,
        reason: pair.memory.reason.map(|reason| reason.as_str()),
        blocked_by,
        gates,
        refused: pair.refusal.map(|refusal| refusal.to_string()),
    }
}

fn print(report: &Report, whole: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    writeln!(output.out, "carry why   at {}", report.at)?;
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["pair", "phase", "because"]);
    for answer in &report.pairs {
        table.add_row([answer.pair.clone(), answer.phase.to_owned(), because(answer)]);
    }
    writeln!(output.out, "{table}")?;
    if whole {
        for answer in &report.pairs {
            let mut gates = Table::new();
            gates.load_style(comfy_table::presets::NOTHING);
            gates.set_header(["gate", "", "measured", "", "threshold", "unit"]);
            for gate in &answer.gates {
                let mark = if gate.open { "open" } else { "BLOCKS" };
                let (measured, threshold) = (number(gate.measured), number(gate.threshold));
                gates.add_row([gate.name, mark, &measured, gate.relation, &threshold, gate.unit]);
            }
            writeln!(output.out, "\n{gates}")?;
        }
    }
    Ok(())
}

/// One sentence for a person.
fn because(answer: &Answer) -> String {
    if let Some(at) = answer.entered_at.filter(|_| !answer.held.is_zero()) {
        return format!("held since {at} ({} coins): {}", answer.held, answer.reason.unwrap_or("-"));
    }
    match (&answer.blocked_by, &answer.refused) {
        (Some(gate), _) => {
            let relation = gate.relation;
            let (measured, threshold) = (number(gate.measured), number(gate.threshold));
            format!("{} blocks: measured {measured}, must be {relation} {threshold} {}", gate.name, gate.unit)
        }
        (None, Some(refusal)) => format!("all gates are open; the risk gate refused: {refusal}"),
        (None, None) => "all gates are open; no order could be sized (size.* and the money that is free)".to_owned(),
    }
}

fn number(value: f64) -> String {
    if value.is_nan() { "unknown".to_owned() } else { fixed(value, 4) }
}
