//! `carry why`: what kept each pair out, or keeps it in, measured against its threshold.
//!
//! It plays the history to a time through the engine that trades, then asks the strategy's own gates: nothing is computed
//! here that the decision does not use. Tests: `tests/backtest/why.rs`.

use super::gates::{measured, render};
use super::history::{Choice, Ready, Window};
use super::{Exit, Failure, Output};
use crate::config::settings::StrategyKind;
use crate::control::forecast_row::NextRow;
use crate::control::ladder_row::{self, LadderRow};
use crate::domain::{Quantity, WallTime};
use crate::engine::{PairState, State};
use crate::pairs::Phase;
use crate::run::backtest::Bars;
use crate::run::journal::NoJournal;
use crate::strategy::{self, Gate};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Says why a pair is not held (the first gate that blocks), or why it is held
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry why                                         of the session that runs, now
  carry why binance:BTCUSDT --state state/main      of the one in that folder
  carry why --data data --strategy strategies/anchor.toml
  carry why binance:BTCUSDT --data data --strategy strategies/anchor.toml --at 2024-03-01
  carry why --data data --strategy strategies/ethena.toml --at 2023-10-01T12:00Z --json")]
pub struct Args {
    /// One pair, with all its gates in order; all pairs with their first gate when left out
    pair: Option<String>,
    /// Play this folder of history (see `carry data list`); without it a session is asked
    #[arg(long, value_name = "DIR", requires = "strategy")]
    data: Option<PathBuf>,
    /// Strategy file; repeated where several strategies play on one capital
    #[arg(long, value_name = "FILE", requires = "data")]
    strategy: Vec<PathBuf>,
    /// Overrides one key, for example `exit.min_hold=3d`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "data")]
    set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Vec<PathBuf>,
    /// Play the history to this time (UTC date or time); its end when left out
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Ask the session that runs in this folder; without it and without a history the one that runs
    #[arg(long, value_name = "DIR", conflicts_with_all = ["at", "data"])]
    state: Option<PathBuf>,
    /// Print JSON (schema carry.why/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    at: String,
    /// Whether any pair could have been entered at any time up to then.
    feasible: bool,
    pairs: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    pair: String,
    /// Whose it is, where there are several strategies; null where there is one.
    strategy: Option<String>,
    phase: &'static str,
    /// Last bar of both legs that was played.
    last_bar: Option<String>,
    /// The first gate that blocks an entry.
    blocked_by: Option<Gate>,
    /// Every gate of an entry, in order, or every condition of the exit.
    gates: Vec<Gate>,
    /// What stands in the way behind the gates: the risk gate, the end of the history.
    obstacle: Option<String>,
    entered_at: Option<String>,
    reason: Option<&'static str>,
    /// What is expected of the next settlement, and how good that was so far.
    next: Option<NextRow>,
    /// Where it stands on the ladder, where one decides.
    ladder: Option<LadderRow>,
    /// Bars at which the pair was flat, and at how many of them every gate was open.
    flat_bars: u64,
    open_bars: u64,
    /// How often each gate was the first to block.
    blocked: BTreeMap<&'static str, u64>,
}

/// How often a flat pair was asked, and what it was told.
#[derive(Debug, Clone, Default)]
struct Tally {
    flat: u64,
    open: u64,
    /// It was not flat when it was asked last.
    held: bool,
    blocked: BTreeMap<&'static str, u64>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let Some(data) = args.data.clone() else {
        if let Some(at) = &args.at {
            let text =
                format!("--at {at}: a session tells what holds now; expected --data DIR and --strategy FILE with it");
            return Err(Failure::new(Exit::Usage, text));
        }
        let dir = super::folder::dir(args.state.as_deref())?;
        return super::guided::why(&dir, args.pair.as_deref(), args.json, output);
    };
    let window = Window::read(None, args.at.as_deref(), ("", "--at"))?;
    let (strategy, set, config) = (args.strategy.clone(), args.set.clone(), args.config.clone());
    let ready = Ready::load(&Choice { data, strategy, set: Vec::new(), config }, set, window)?;
    let chosen = args.pair.as_deref().map(|name| place_of(name, &ready)).transpose()?;
    let report = play(&ready, chosen)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    print(&report, chosen.is_some(), output)
}

fn place_of(name: &str, ready: &Ready) -> Result<usize, Failure> {
    let names = || ready.histories.iter().map(|history| history.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let nearest = names().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        Failure::new(Exit::Usage, format!("{name:?} is not among the pairs that this strategy may trade here{hint}"))
    })
}

fn play(ready: &Ready, chosen: Option<usize>) -> Result<Report, Failure> {
    let failed = |error: crate::store::JournalError| Failure::new(Exit::Failure, error.to_string());
    let inputs = ready.inputs();
    let mut bars = Bars::new(&inputs, NoJournal, false).map_err(failed)?;
    let mut tallies = vec![Tally::default(); ready.histories.len()];
    while bars.step().map_err(failed)? {
        let now = bars.now();
        let state = &bars.driver().state;
        for (pair, tally) in state.pairs.iter().zip(&mut tallies) {
            // A pair is asked when both its legs have closed a bar, as the engine asks it.
            if pair.market.long.updated == now && pair.market.short.updated == now {
                count(state, pair, tally);
            }
        }
    }
    let at = bars.now();
    let state = &bars.driver().state;
    let feasible =
        tallies.iter().any(|tally| tally.open > 0) || state.pairs.iter().any(|pair| pair.memory.phase != Phase::Flat);
    let ladder = match state.settings.strategy.kind {
        StrategyKind::Ladder => ladder_row::of(state).0,
        StrategyKind::Basis | StrategyKind::Spread => Vec::new(),
    };
    let all = state.pairs.iter().zip(tallies).enumerate();
    let pairs = all
        .filter(|(place, _)| chosen.is_none_or(|wanted| wanted == *place))
        .map(|(place, (pair, tally))| Row { ladder: ladder.get(place).cloned(), ..row(state, pair, tally) });
    Ok(Report { schema: "carry.why/1", at: at.to_string(), feasible, pairs: pairs.collect() })
}

fn count(state: &State, pair: &PairState, tally: &mut Tally) {
    match pair.memory.phase {
        Phase::Flat => {
            tally.held = false;
            tally.flat += 1;
            match strategy::first_closed(&state.view(pair, Quantity::ZERO)) {
                Some(gate) => *tally.blocked.entry(gate.name).or_default() += 1,
                None => tally.open += 1,
            }
        }
        Phase::Entering if pair.memory.entered_at.is_none() => {
            (tally.flat, tally.open, tally.held) = (tally.flat + 1, tally.open + 1, true);
        }
        Phase::Entering | Phase::Hedged | Phase::Exiting | Phase::Repair | Phase::Naked => {
            // It was flat at the last bar and is held at this one: nothing kept it out in between.
            if !std::mem::replace(&mut tally.held, true) {
                (tally.flat, tally.open) = (tally.flat + 1, tally.open + 1);
            }
        }
    }
}

fn row(state: &State, pair: &PairState, tally: Tally) -> Row {
    let (spot, perp) = state.held(pair);
    let held = Quantity::saturating(spot.units().min(-perp.units()));
    let flat = pair.memory.phase == Phase::Flat;
    let view = state.view(pair, held);
    let gates = if flat { strategy::explain(&view) } else { strategy::explain_exit(&view) };
    let time = |at: Option<WallTime>| at.map(|at| at.to_string());
    Row {
        pair: pair.pair.name.clone(),
        strategy: state.strategy_name(pair).map(str::to_owned),
        phase: pair.memory.phase.as_str(),
        last_bar: time(pair.market.long.bar_opened.min(pair.market.short.bar_opened)),
        blocked_by: gates.iter().find(|gate| flat && !gate.open).cloned(),
        gates,
        obstacle: obstacle(state, pair, flat),
        entered_at: time(pair.memory.entered_at),
        reason: pair.memory.reason.filter(|_| !flat).map(crate::port::order::Reason::as_str),
        next: NextRow::of(&pair.next),
        ladder: None,
        flat_bars: tally.flat,
        open_bars: tally.open,
        blocked: tally.blocked,
    }
}

/// What is asked before or after the strategy's gates.
fn obstacle(state: &State, pair: &PairState, flat: bool) -> Option<String> {
    if pair.last_chance {
        return Some("its history ends here: it is closed, and not entered in the day before".to_owned());
    }
    if let Some(latch) = pair.memory.latched.filter(|_| flat) {
        return Some(format!("the pair is latched: {}", latch.cause.as_str()));
    }
    if flat && state.bot != crate::risk::gate::BotState::Ready {
        return Some("entries are stopped: the day's loss reached risk.daily_loss".to_owned());
    }
    pair.refusal.as_ref().map(|refusal| format!("the risk gate refused the last order: {refusal}"))
}

fn print(report: &Report, detailed: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    writeln!(out, "carry why   market history   at {}\n", report.at)?;
    let width = report.pairs.iter().map(|row| row.pair.len()).max().unwrap_or(0);
    for row in &report.pairs {
        let whose = row.strategy.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        writeln!(out, "{:width$}  {whose}{}", row.pair, headline(row))?;
        if detailed {
            let words = if row.entered_at.is_some() { ("says leave", "says stay") } else { ("open", "blocks") };
            render(&row.gates, words, out)?;
            if let Some(ladder) = &row.ladder {
                writeln!(out, "  on the ladder      {}", ladder.words())?;
            }
            for line in row.next.iter().flat_map(NextRow::lines) {
                writeln!(out, "  {line}")?;
            }
            history(row, out)?;
        }
    }
    if !report.feasible {
        writeln!(out, "\nNothing could be entered at any time of this history: at every bar a gate was closed.")?;
    }
    Ok(())
}

fn headline(row: &Row) -> String {
    let obstacle = row.obstacle.as_ref().map_or_else(String::new, |text| format!("; {text}"));
    match (&row.entered_at, &row.blocked_by, row.phase) {
        (Some(at), _, phase) => {
            let stay: Vec<String> = row
                .gates
                .iter()
                .filter(|gate| !gate.open)
                .map(|gate| format!("{} {}", gate.name, measured(gate)))
                .collect();
            let stays = if stay.is_empty() { String::new() } else { format!("; to leave: {}", stay.join("; ")) };
            format!("{phase} since {at} (last decision: {}){stays}{obstacle}", row.reason.unwrap_or("-"))
        }
        (None, Some(gate), "flat") => format!("not held: {} {}{obstacle}", gate.name, measured(gate)),
        (None, None, "flat") if row.gates.is_empty() => format!("not held: nothing was played{obstacle}"),
        (None, None, "flat") if row.ladder.is_some() => {
            let words = row.ladder.as_ref().map(LadderRow::words).unwrap_or_default();
            format!("not held: every gate is open; {words}{obstacle}")
        }
        (None, None, "flat") => {
            let why =
                row.obstacle.as_deref().unwrap_or("no money is free for it, or its size rounds to less than an order");
            format!("not held: every gate is open; {why}")
        }
        (None, _, phase) => {
            format!("{phase} ({}): ordered, fills at the next open{obstacle}", row.reason.unwrap_or("-"))
        }
    }
}

/// What was first in the way over the whole history, most often first.
fn history(row: &Row, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    writeln!(out, "  flat at {} bars; every gate was open at {} of them", row.flat_bars, row.open_bars)?;
    let mut blocked: Vec<_> = row.blocked.iter().collect();
    blocked.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (name, count) in blocked {
        writeln!(out, "    {name} was the first to block at {count}")?;
    }
    Ok(())
}
