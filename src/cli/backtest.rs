//! `carry backtest`: a strategy over recorded history. Tests: `tests/backtest/`.

use super::about::quoted;
use super::history::{Choice, Ready, Window};
use super::{Exit, Failure, Output};
use crate::data::history::PairHistory;
use crate::domain::{Span, WallTime};
use crate::run::backtest::run_seen;
use crate::run::journal::NoJournal;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Runs a strategy over recorded history, pair by pair, with fees, funding, margin and holes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry backtest --data data --strategy strategies/ethena.toml --out out
  carry backtest --data data --strategy strategies/anchor.toml --from 2023-01-01 --capital 50000usdt
  carry backtest --data data --strategy strategies/anchor.toml --set exit.funding=0%/8h --json
  carry backtest --data data --strategy strategies/majors.toml --strategy strategies/alts.toml   two on one capital, each with its pairs")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// First instant (UTC date or time)
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last instant (UTC date or time), inside: the settlement at it is paid; a date means the whole day
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Money at the start, for example 100000usdt
    #[arg(long, value_name = "MONEY")]
    capital: Option<String>,
    /// Folder for summary.json, the CSV files and report.html
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The summary as JSON (schema carry.backtest/2)
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut set = args.choice.set.clone();
    if let Some(capital) = &args.capital {
        set.push(format!("run.capital={capital}"));
    }
    let window = Window::read(args.from.as_deref(), args.to.as_deref(), ("--from", "--to"))?;
    if let Some(out) = &args.out {
        writable(out)?;
    }
    let ready = Ready::load(&args.choice, set, window)?;
    let inputs = ready.inputs();
    let failed = |error: String| Failure::new(Exit::Failure, error);
    let mut days = Days::of(&ready.histories);
    let played = run_seen(&inputs, NoJournal, true, &mut |now| days.reach(now));
    days.finish();
    let mut result = played.map_err(|error| failed(error.to_string()))?;
    result.summary.run = ready.run.clone();
    if let Some(out) = &args.out {
        crate::report::files::write_all(out, &result).map_err(|error| failed(error.to_string()))?;
    }
    if args.json {
        write!(output.out, "{}", crate::report::summary_json(&result.summary))?;
        return Ok(());
    }
    crate::report::table::print_summary(output.out, &result)?;
    next(args, output)
}

/// How far a run is, on a terminal's standard error only: `day 812 of 2,190`.
struct Days {
    bar: ProgressBar,
    first: WallTime,
    shown: i64,
}

impl Days {
    fn of(histories: &[PairHistory]) -> Self {
        let ends = |history: &PairHistory| Some((*history.spot.opened.first()?, *history.spot.opened.last()?));
        let (first, last) = histories
            .iter()
            .filter_map(ends)
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
            .unwrap_or_default();
        let all = last.since(first).0.div_euclid(Span::DAY.0) + 1;
        let bar = ProgressBar::new(u64::try_from(all).unwrap_or(0));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} day {human_pos} of {human_len} {elapsed}") {
            bar.set_style(style);
        }
        Self { bar, first, shown: 0 }
    }

    fn reach(&mut self, now: WallTime) {
        let day = now.since(self.first).0.div_euclid(Span::DAY.0) + 1;
        if day > self.shown {
            self.shown = day;
            self.bar.set_position(u64::try_from(day).unwrap_or(0));
        }
    }

    fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// The commands that are most useful now, as they work: with everything that was chosen for this run.
fn next(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let choice = choice(args);
    let mut rows = Vec::new();
    match &args.out {
        Some(out) => writeln!(output.out, "\ncharts: {} (open it in a browser)", out.join("report.html").display())?,
        None => rows.push((
            format!("carry backtest {}{} --out out", choice, times(args)),
            "the same with files: fills, funding, equity, trips and charts",
        )),
    }
    let at = args.to.as_ref().map_or_else(String::new, |to| format!(" --at {}", quoted(to)));
    rows.push((format!("carry why {choice}{at}"), "what kept each pair out, measured against its threshold"));
    let rows: Vec<(&str, &str)> = rows.iter().map(|(command, why)| (command.as_str(), *why)).collect();
    crate::report::table::print_next(output.out, &rows)?;
    Ok(())
}

/// History, strategy and settings as they were given.
fn choice(args: &Args) -> String {
    let choice = &args.choice;
    let path = |path: &Path| quoted(&path.display().to_string());
    let mut text = format!("--data {}", path(&choice.data));
    for strategy in &choice.strategy {
        let _ = write!(text, " --strategy {}", path(strategy));
    }
    for config in &choice.config {
        let _ = write!(text, " --config {}", path(config));
    }
    for set in &choice.set {
        let _ = write!(text, " --set {}", quoted(set));
    }
    if let Some(capital) = &args.capital {
        let _ = write!(text, " --set {}", quoted(&format!("run.capital={capital}")));
    }
    text
}

fn times(args: &Args) -> String {
    let flag = |name: &str, at: &Option<String>| {
        at.as_ref().map_or_else(String::new, |at| format!(" --{name} {}", quoted(at)))
    };
    flag("from", &args.from) + &flag("to", &args.to)
}

/// A name that is taken by a file is refused before the work, not after it.
fn writable(out: &Path) -> Result<(), Failure> {
    match std::fs::metadata(out) {
        Ok(about) if !about.is_dir() => {
            let text = format!("--out {}: is a file; expected a folder, which may not exist yet", out.display());
            Err(Failure::new(Exit::Usage, text))
        }
        _ => Ok(()),
    }
}
