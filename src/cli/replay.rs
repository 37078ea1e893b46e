//! `carry replay RUN`: the same decisions again, from the tape.

use super::{Exit, Failure, Output};
use crate::config::Settings;
use crate::engine::{self, State};
use crate::port::Event;
use crate::run::driver::Decisions;
use crate::tape::TapeReader;
use serde::Serialize;
use std::path::PathBuf;

/// Replays a paper run from its tape and compares every decision by digest
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry replay runs/20260101T000000
  carry replay runs/20260101T000000 --json")]
pub struct Args {
    /// Folder of the session
    #[arg(value_name = "RUN")]
    run: PathBuf,
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
    replayed: String,
    same: bool,
    notes: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`]: exit 3 when the decisions differ.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let failed = |error: crate::tape::TapeError| Failure::new(Exit::Failure, error.to_string());
    let folder = if args.run.join("tape").is_dir() { args.run.join("tape") } else { args.run.clone() };
    let mut reader = TapeReader::open(&folder).map_err(failed)?;
    let header = reader.header().clone();
    let settings: Settings = serde_json::from_value(header.settings.clone())
        .map_err(|error| Failure::new(Exit::Failure, format!("the tape's settings: {error}")))?;
    let mut state = State::new(settings, header.catalogue.clone());
    let mut decisions = Decisions::default();
    let (mut commands, mut events, mut count) = (Vec::new(), 0_u64, 0_u64);
    for stamped in reader.by_ref() {
        let stamped = stamped.map_err(failed)?;
        if matches!(stamped.event, Event::Boot { .. }) {
            decisions = Decisions::default();
        }
        engine::step(&mut state, &stamped, &mut commands);
        events += 1;
        for command in commands.drain(..) {
            count += u64::from(decisions.take(&command));
        }
        state.records.clear();
        let _ = state.ledger.drain();
    }
    let recorded = reader.trailer().map(|digest| digest.as_str().to_owned());
    let replayed = decisions.digest(&state);
    let report = Report {
        schema: "carry.replay/1",
        mode: header.mode,
        market: header.market,
        seed: header.seed,
        events,
        commands: count,
        same: recorded.as_deref() == Some(replayed.as_str()),
        recorded,
        replayed,
        notes: reader.notes().iter().map(|note| format!("{note:?}")).collect(),
    };
    show(&report, args.json, output)?;
    match (&report.recorded, report.same) {
        (_, true) => Ok(()),
        (Some(_), false) => Err(Failure::new(Exit::Difference, "the replay decided differently from the run")),
        (None, false) => Err(Failure::new(
            Exit::Failure,
            "the tape has no digest: the run has not ended; finish it with carry paper --state and replay it then",
        )),
    }
}

fn show(report: &Report, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    if json {
        serde_json::to_writer_pretty(&mut *output.out, report).map_err(std::io::Error::from)?;
        writeln!(output.out)?;
        return Ok(());
    }
    writeln!(output.out, "carry replay   mode {}   market {}   seed {}", report.mode, report.market, report.seed)?;
    writeln!(output.out, "{} events, {} commands", report.events, report.commands)?;
    writeln!(output.out, "recorded  {}", report.recorded.as_deref().unwrap_or("none"))?;
    writeln!(output.out, "replayed  {}", report.replayed)?;
    for note in &report.notes {
        writeln!(output.out, "note: {note}")?;
    }
    if report.same {
        writeln!(output.out, "same decisions, same books")?;
    }
    Ok(())
}
