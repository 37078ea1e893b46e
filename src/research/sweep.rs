//! Plays the sets of a plan on all cores over one shared copy of the history, and keeps each part of the results as soon as it is
//! whole: what was done stays done when the process ends. Tests: `tests/suite/sweep.rs`.

use super::plan::{PLAN, Plan, Set, Shard};
use super::play::play;
use super::rows::{self, Row};
use crate::config::Settings;
use crate::config::keys::Key;
use crate::data::DataError;
use crate::data::history::PairHistory;
use crate::data::save::write_text;
use crate::domain::Catalogue;
use crate::run::backtest::Inputs;
use crate::store::JournalError;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Why a sweep ends without its results.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The folder holds another sweep.
    #[error("{}: holds another sweep, {differs} differ; expected another --out, or the command that began it", .folder.display())]
    Another {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        differs: &'static str,
    },
    /// The plan there is none of ours.
    #[error("{}: {problem}; expected the plan of a sweep", .file.display())]
    Plan {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run does not progress.
    #[error("set {set}: {problem}")]
    Run {
        /// Its id.
        set: String,
        /// Why.
        problem: JournalError,
    },
    /// The threads could not be started.
    #[error("--jobs: {0}")]
    Threads(String),
}

/// A set that is ready to be played.
#[derive(Debug, Clone)]
pub struct Task {
    /// The set.
    pub set: Set,
    /// Its settings.
    pub settings: Settings,
    /// Instruments and pairs, in the order of the histories.
    pub catalogue: Catalogue,
}

/// Puts the plan into the folder, or finds that the same one is there.
///
/// # Errors
/// [`SweepError::Another`] when it is not the same.
pub fn begin(plan: &Plan, folder: &Path) -> Result<(), SweepError> {
    let file = folder.join(PLAN);
    let wrong = |problem: String| SweepError::Plan { file: file.clone(), problem };
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let there: Plan = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            match plan.differs(&there) {
                Some(differs) => Err(SweepError::Another { folder: folder.to_path_buf(), differs }),
                None => Ok(()),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = serde_json::to_string_pretty(plan).map_err(|error| wrong(error.to_string()))?;
            Ok(write_text(&file, &(text + "\n"))?)
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The rows of a part that is there and whole.
fn kept(plan: &Plan, folder: &Path, part: usize) -> Option<Vec<Row>> {
    let rows = rows::read(&Plan::file(folder, part), &plan.axes()).ok()?;
    let sets = *plan.parts().get(part)?;
    let folds = if plan.ends_ms.len() > 2 { plan.ends_ms.len() - 1 } else { 0 };
    let expected = sets.iter().flat_map(|set| std::iter::repeat_n(&set.id, folds + 1));
    rows.iter().map(|row| &row.set).eq(expected).then_some(rows)
}

/// Rows of a part, set by set, while some are still being played.
type Growing = Mutex<Vec<Option<Vec<Row>>>>;

/// Plays the sets of one shard that are not kept yet; `seen` is told after each set.
///
/// # Errors
/// [`SweepError`]: a run that does not progress, or a file that cannot be written. What was whole by then is kept.
pub fn run(
    plan: &Plan,
    folder: &Path,
    (shard, jobs): (Shard, Option<usize>),
    (tasks, histories): (&[Task], &[PairHistory]),
    seen: &(dyn Fn(usize) + Sync),
) -> Result<(), SweepError> {
    let parts = plan.parts();
    let due: Vec<usize> = plan.shard(shard).into_iter().filter(|part| kept(plan, folder, *part).is_none()).collect();
    let sets_of = |part: usize| parts.get(part).copied().unwrap_or_default();
    let all: usize = plan.shard(shard).iter().map(|part| sets_of(*part).len()).sum();
    let mut places: Vec<(usize, usize, &Set)> = Vec::new();
    for part in &due {
        places.extend(sets_of(*part).iter().enumerate().map(|(place, set)| (*part, place, set)));
    }
    seen(all - places.len());
    let growing: Vec<Growing> = parts.iter().map(|sets| Mutex::new(vec![None; sets.len()])).collect();
    let keys = plan.axes();
    let one = |(part, place, set): &(usize, usize, &Set)| {
        let Some(task) = tasks.binary_search_by(|task| task.set.id.cmp(&set.id)).ok().and_then(|at| tasks.get(at))
        else {
            return Ok(());
        };
        let rows = of_task(task, histories, plan)?;
        if let Some(slot) = growing.get(*part) {
            put(slot, *place, rows, &keys, &Plan::file(folder, *part))?;
        }
        seen(1);
        Ok(())
    };
    let threads = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build();
    let threads = threads.map_err(|error| SweepError::Threads(error.to_string()))?;
    // One set at a time for each core: neighbours end together, and a part is soon whole.
    threads.install(|| places.par_iter().with_max_len(1).try_for_each(one))
}

fn of_task(task: &Task, histories: &[PairHistory], plan: &Plan) -> Result<Vec<Row>, SweepError> {
    let inputs =
        Inputs { settings: task.settings.clone(), catalogue: task.catalogue.clone(), histories, remarks: Vec::new() };
    let rows = play(&inputs, &plan.ends_ms).map_err(|problem| SweepError::Run { set: task.set.id.clone(), problem })?;
    let named = |row: Row| Row { set: task.set.id.clone(), values: task.set.values.clone(), ..row };
    Ok(rows.into_iter().map(named).collect())
}

/// Keeps the rows of one set; the last one of a part writes its file.
fn put(slot: &Growing, place: usize, rows: Vec<Row>, keys: &[&'static Key], file: &Path) -> Result<(), DataError> {
    let mut held = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(cell) = held.get_mut(place) {
        *cell = Some(rows);
    }
    if held.iter().any(Option::is_none) {
        return Ok(());
    }
    let whole: Vec<Row> = std::mem::take(&mut *held).into_iter().flatten().flatten().collect();
    rows::write(file, keys, &whole)
}

/// All rows that are kept in the folder, in the order of the sets, and how many parts are missing.
#[must_use]
pub fn gather(plan: &Plan, folder: &Path) -> (Vec<Row>, usize) {
    let parts: Vec<Option<Vec<Row>>> =
        (0..plan.parts().len()).into_par_iter().map(|part| kept(plan, folder, part)).collect();
    let missing = parts.iter().filter(|part| part.is_none()).count();
    (parts.into_iter().flatten().flatten().collect(), missing)
}
