//! `carry sweep`: many settings over one history. Tests: `tests/suite/sweep.rs`.

use super::history::{Choice, Ready, Window, not_there};
use super::{Exit, Failure, Output, sweep_report};
use crate::config::{Loaded, Sources, load};
use crate::data::folder::Folder;
use crate::data::history::PairHistory;
use crate::domain::WallTime;
use crate::engine::State;
use crate::net::machine_clock::Stopwatch;
use crate::research::folds;
use crate::research::grid::{self, Axis, GridError};
use crate::research::plan::{self, LeftOut, Plan, Set, Shard};
use crate::research::sweep::{self, SweepError, Task};
use crate::run::capital_need::round_trip_fees;
use crate::run::cursor::minute;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// Tries many settings on recorded history: grids, random draws, walk-forward, on all cores
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry sweep --data data --strategy strategies/anchor.toml --out out/sweep --walk-forward 5 \\
      --grid entry.funding=0.011%/8h,0.013%/8h --grid exit.funding=0%/8h,0.002%/8h
  carry sweep --data data --strategy strategies/ethena.toml --out out/draws --random 200 --seed 7 \\
      --range entry.min_net_apr=4%apr..20%apr --range exit.min_hold=1d..10d
  carry sweep ... --out out/sweep --shard 2/8       one eighth; without --shard it ends the rest

OUT/results/*.parquet has a row a set, and one a set and fold; DuckDB, Polars and pyarrow read it.
OUT/summary.json (carry.sweep/1) and OUT/sweep.html have the best, heat map and stability. What is
there already is not played again.

Walk-forward cuts the time into FOLDS + 1 equal parts. For each but the first it takes the set that
was best on all parts before, and measures it there. A row without a fold is the run that
carry backtest makes with the same --set.")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// First instant (UTC date or time)
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last instant (UTC date or time), inside; a date means the whole day
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Values of one key, of which every combination is tried; may be repeated
    #[arg(long, value_name = "KEY=VALUE,VALUE")]
    grid: Vec<String>,
    /// Ends of one key, between which --random draws; may be repeated
    #[arg(long, value_name = "KEY=LOW..HIGH")]
    range: Vec<String>,
    /// Draws so many sets from --range and --grid instead of trying every combination
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    random: Option<u32>,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 1, requires = "random")]
    seed: u64,
    /// Chooses on the past and measures on the next fold, so many times
    #[arg(long, value_name = "FOLDS", value_parser = clap::value_parser!(u32).range(1..=100))]
    walk_forward: Option<u32>,
    /// Plays one part of the sets, for example 2/8
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Cores to use; all of them when it is not said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Folder of the results
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// JSON (schema carry.sweep/1)
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for wrong keys, ranges, times or a folder that holds another sweep, 1 for files that cannot be used.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    args.choice.one_strategy("carry sweep")?;
    let watch = Stopwatch::start();
    let shard = shard(args)?;
    let axes = axes(args)?;
    let random = args.random.and_then(|count| usize::try_from(count).ok()).map(|count| (count, args.seed));
    let combinations = grid::sets(&axes, random)?;
    let window = Window::read(args.from.as_deref(), args.to.as_deref(), ("--from", "--to"))?;
    let folder = Folder::open(&args.choice.data).map_err(not_there)?;
    let base = loaded(&args.choice, Vec::new())?;
    let ready = Ready::of(&base, &folder, window)?;
    if ready.histories.is_empty() {
        return Err(Failure::new(Exit::Usage, "no pair is left to be played; see size.quantity and strategy.pairs"));
    }
    let (tasks, left_out) = tasks(args, &axes, combinations, (&ready, &folder))?;
    let plan = plan_of(args, (&axes, &base), &ready, (&tasks, left_out))?;
    sweep::begin(&plan, &args.out)?;
    let bar =
        Progress::of(plan.shard(shard).iter().filter_map(|part| plan.parts().get(*part).map(|sets| sets.len())).sum());
    let jobs = args.jobs.map(usize::from);
    let played = sweep::run(&plan, &args.out, (shard, jobs), (&tasks, &ready.histories), &|count| bar.add(count));
    bar.0.finish_and_clear();
    played?;
    let shard = args.shard.as_ref().map(|_| shard);
    let (settings, catalogue) = ready.under(&base, &folder)?;
    let change = round_trip_fees(&State::new(settings, catalogue));
    sweep_report::report(args, &plan, (change, shard, watch.seconds()), output)
}

fn shard(args: &Args) -> Result<Shard, Failure> {
    let Some(text) = &args.shard else { return Ok(Shard::WHOLE) };
    let wrong =
        || Failure::new(Exit::Usage, format!("--shard {text:?}: expected I/N with I from 1 to N, for example 2/8"));
    Shard::read(text).ok_or_else(wrong)
}

fn axes(args: &Args) -> Result<Vec<Axis>, GridError> {
    let lists = args.grid.iter().map(|given| Axis::list(given));
    lists.chain(args.range.iter().map(|given| Axis::range(given))).collect()
}

fn loaded(choice: &Choice, more: Vec<String>) -> Result<Loaded, crate::config::ConfigErrors> {
    let set = [choice.set.clone(), more].concat();
    load(&Sources::of_strategies(&choice.strategy, choice.config.clone(), set))
}

/// The settings of each combination that is one, by id; the others with the reason.
fn tasks(
    args: &Args,
    axes: &[Axis],
    combinations: Vec<Vec<String>>,
    (ready, folder): (&Ready, &Folder),
) -> Result<(Vec<Task>, Vec<LeftOut>), Failure> {
    let (mut tasks, mut left_out) = (Vec::new(), Vec::new());
    for values in combinations {
        let set = axes.iter().zip(&values).map(|(axis, value)| format!("{}={value}", axis.key.path)).collect();
        match loaded(&args.choice, set).map_err(|errors| errors.to_string()) {
            Ok(loaded) => {
                let (settings, catalogue) = ready.under(&loaded, folder)?;
                let id = plan::id_of(&plan::settings_of(&loaded));
                tasks.push(Task { set: Set { id, values }, settings, catalogue });
            }
            Err(why) => left_out.push(LeftOut { values, why }),
        }
    }
    if tasks.is_empty() {
        let why = left_out.first().map_or_else(String::new, |one| format!("{}: {}", one.values.join(", "), one.why));
        return Err(Failure::new(Exit::Usage, format!("no combination is a set of settings; the first, {why}")));
    }
    tasks.sort_by(|a, b| a.set.id.cmp(&b.set.id));
    tasks.dedup_by(|a, b| a.set.id == b.set.id);
    Ok((tasks, left_out))
}

fn plan_of(
    args: &Args,
    (axes, base): (&[Axis], &Loaded),
    ready: &Ready,
    (tasks, left_out): (&[Task], Vec<LeftOut>),
) -> Result<Plan, Failure> {
    let Some((first, last)) = reach(&ready.histories) else {
        return Err(Failure::new(Exit::Usage, "there is no bar within the given times"));
    };
    let mut settings = plan::settings_of(base);
    for axis in axes {
        settings.remove(axis.key.path);
    }
    Ok(Plan {
        schema: "carry.sweep-plan/1".to_owned(),
        version: ready.run.version.clone(),
        commit: ready.run.commit.clone(),
        data_sha256: plan::digest_of(&ready.histories),
        settings,
        keys: axes.iter().map(|axis| axis.key.path.to_owned()).collect(),
        pairs: ready.histories.iter().map(|history| history.name.clone()).collect(),
        ends_ms: folds::ends(first, last, args.walk_forward.map_or(1, |folds| folds + 1)),
        sets: tasks.iter().map(|task| task.set.clone()).collect(),
        left_out,
    })
}

/// The first and the last instant at which anything happens: a close, or a settlement.
fn reach(histories: &[PairHistory]) -> Option<(WallTime, WallTime)> {
    let closes = |history: &PairHistory| {
        let legs = [&history.spot, &history.perp].map(|bars| {
            let step = history.step;
            bars.opened.first().zip(bars.opened.last()).map(|(first, last)| (*first + step, *last + step))
        });
        let paid = history.funding.first().zip(history.funding.last());
        let paid = paid.map(|(first, last)| (minute(first.stamp), minute(last.stamp)));
        legs.into_iter().chain([paid]).flatten().reduce(wider)
    };
    histories.iter().filter_map(closes).reduce(wider)
}

fn wider(one: (WallTime, WallTime), other: (WallTime, WallTime)) -> (WallTime, WallTime) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// How far it is, on a terminal's standard error only: `set 81 of 240`.
struct Progress(ProgressBar);

impl Progress {
    fn of(sets: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(sets).unwrap_or(0));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} set {human_pos} of {human_len} {elapsed}, {eta} left")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn add(&self, sets: usize) {
        self.0.inc(u64::try_from(sets).unwrap_or(0));
    }
}

impl From<GridError> for Failure {
    fn from(error: GridError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        let exit = match error {
            SweepError::Another { .. } | SweepError::Plan { .. } | SweepError::Threads(_) => Exit::Usage,
            SweepError::Data(_) | SweepError::Run { .. } => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}
