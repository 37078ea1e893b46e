//! `carry replay RUN`: the same decisions again, from the tape.

use super::{Exit, Failure, Output};
use crate::port::reload::Reset;
use crate::report::figures;
use crate::run::replay::{Record, Stretch, replay};
use crate::store::ledger_file;
use crate::tape;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Replays a run from its tape, start by start, and compares every decision and the books; tells other settings that it took
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry replay runs/20260101T000000
  carry replay runs/20260101T000000 --json")]
pub struct Args {
    /// Folder of the session
    #[arg(value_name = "RUN", required_unless_present = "state")]
    run: Option<PathBuf>,
    /// The same, as every other verb takes it
    #[arg(long, value_name = "DIR", conflicts_with = "run")]
    state: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    mode: String,
    market: String,
    seed: u64,
    events: u64,
    commands: u64,
    recorded: Option<String>,
    replayed: Option<String>,
    same: bool,
    notes: Vec<String>,
    /// One for each start that is on the tape, oldest first.
    starts: Vec<Stretch>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`]: exit 3 when the decisions differ.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Failure, error.to_string());
    let run = args.run.as_deref().or(args.state.as_deref()).unwrap_or(Path::new("."));
    let (folder, state) = match run.join("tape") {
        tape if tape.is_dir() => (tape, Some(run)),
        _ => (run.to_owned(), run.parent()),
    };
    let segments = tape::segments(&folder).map_err(|error| failed(&error))?;
    let record = record(state)?;
    let (mut starts, mut notes) = (Vec::new(), Vec::new());
    for segment in &segments {
        if let Some(why) = &segment.incomplete {
            notes.push(format!("a start of which the tape is not whole is left out: {why}"));
            continue;
        }
        match replay(segment, record.as_ref()) {
            Ok(stretch) => starts.push(stretch),
            Err(crate::run::replay::ReplayError::Tape(error @ tape::TapeError::Missing { .. })) => {
                notes.push(format!("a start of which the tape is not whole is left out: {error}"));
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    notes.extend(starts.iter().flat_map(|start| start.notes.clone()));
    let Some(header) = segments.last().map(|segment| segment.header.clone()) else { return Ok(()) };
    let last = starts.last();
    let compared = |start: &Stretch| start.recorded.is_some() || start.ledger;
    let report = Report {
        schema: "carry.replay/1",
        mode: header.mode,
        market: header.market,
        seed: header.seed,
        events: starts.iter().map(|start| start.events).sum(),
        commands: starts.iter().map(|start| start.commands).sum(),
        recorded: last.and_then(|start| start.recorded.clone()),
        replayed: last.map(|start| start.replayed.clone()),
        same: !starts.is_empty() && starts.iter().all(|start| compared(start) && start.differs.is_empty()),
        notes,
        starts,
    };
    show(&report, args.json, output)?;
    if report.same {
        return Ok(());
    }
    if report.starts.iter().any(|start| !start.differs.is_empty()) {
        return Err(Failure::new(Exit::Difference, "the replay decided differently from the run"));
    }
    let text = "there is nothing to compare the replay with: keep ledger.sqlite beside the tape";
    Err(Failure::new(Exit::Failure, text))
}

/// The ledger beside the tape, where there is one.
fn record(state: Option<&Path>) -> Result<Option<Record>, Failure> {
    let Some(path) = state.map(|state| state.join("ledger.sqlite")).filter(|path| path.is_file()) else {
        return Ok(None);
    };
    Ok(Some(Record { loaded: ledger_file::read(&path)?, postings: ledger_file::postings(&path)? }))
}

fn show(report: &Report, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    if json {
        serde_json::to_writer_pretty(&mut *output.out, report).map_err(std::io::Error::from)?;
        writeln!(output.out)?;
        return Ok(());
    }
    writeln!(output.out, "carry replay   mode {}   market {}   seed {}", report.mode, report.market, report.seed)?;
    writeln!(output.out, "{} events, {} commands, {} starts", report.events, report.commands, report.starts.len())?;
    for start in &report.starts {
        let boot = start.boot.map_or_else(|| "?".to_owned(), |boot| boot.to_string());
        let recorded =
            start.recorded.as_deref().unwrap_or("none: it was killed or still runs; compared with the ledger");
        writeln!(output.out, "start {boot}   {} events", start.events)?;
        for taken in &start.taken {
            for Reset { key, old, new } in &taken.resets {
                writeln!(output.out, "  took      {}   {key}: {old} -> {new}", figures::stamp(taken.at_ms))?;
            }
        }
        writeln!(output.out, "  recorded  {recorded}")?;
        writeln!(output.out, "  replayed  {}", start.replayed)?;
        for line in &start.differs {
            writeln!(output.out, "  differs: {line}")?;
        }
    }
    for note in &report.notes {
        writeln!(output.out, "note: {note}")?;
    }
    if report.same {
        writeln!(output.out, "same decisions, same books")?;
    }
    Ok(())
}
