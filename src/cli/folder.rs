//! The session folder that a query reads: which one, and how it is opened without disturbing its writer.
//!
//! Files are opened read-only; a session that is being written is read as of its last commit. Nothing is created or
//! repaired here. Tests: `tests/commands/session_commands.rs`.

use super::control;
use super::{Exit, Failure};
use crate::config::sources::Folders;
use crate::control::presence::Presence;
use crate::control::registry;
use crate::control::snapshot::Snapshot;
use crate::domain::{Pair, WallTime};
use crate::net::machine_clock;
use crate::report::fold::fitted;
use crate::run::review::{Identity, Review};
use crate::run::unattended::silent;
use crate::store::{Loaded, ledger_file};
use crate::tape::TapeReader;
use comfy_table::{CellAlignment, Table, presets};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where sessions go when nobody names a folder.
const RUNS: &str = "runs";
/// Name of the ledger of record in a session's folder.
pub const LEDGER: &str = "ledger.sqlite";

/// Arguments that every query has.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// Folder of the session; the newest one under runs/ when absent
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The same, as every other verb takes it
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    state: Option<PathBuf>,
}

impl Where {
    /// A folder that is known.
    #[must_use]
    pub const fn at(dir: PathBuf) -> Self {
        Self { dir: Some(dir), state: None }
    }

    /// What was named, in whichever form.
    #[must_use]
    pub fn named(&self) -> Option<&Path> {
        self.dir.as_deref().or(self.state.as_deref())
    }
}

/// A folder for a session without a name: the start time in UTC, and a number when two start in one second.
pub(super) fn new_run() -> PathBuf {
    let name = machine_clock::now().to_string().replace([':', '-'], "").replace('Z', "");
    let name = name.split('.').next().unwrap_or("run").to_owned();
    let mut folder = Path::new(RUNS).join(&name);
    let mut number = 1;
    while folder.exists() {
        number += 1;
        folder = Path::new(RUNS).join(format!("{name}-{number}"));
    }
    folder
}

/// A session folder and what its ledger holds.
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// The ledger.
    pub loaded: Loaded,
}

impl Folder {
    /// Finds and reads it.
    ///
    /// # Errors
    /// Exit code 2 when it is not a session folder, 1 when its ledger cannot be read.
    pub fn open(place: &Where) -> Result<Self, Failure> {
        let path = match place.named() {
            Some(dir) => dir.to_owned(),
            None => newest()?,
        };
        if !path.is_dir() {
            return Err(Failure::new(
                Exit::Usage,
                format!("{}: no such folder; expected the folder of a session", path.display()),
            ));
        }
        let ledger = path.join(LEDGER);
        if !ledger.is_file() {
            let page = path.join("report.html");
            let what = if path.join("summary.json").is_file() && page.is_file() {
                format!("it is what carry backtest wrote, whose page is {}", page.display())
            } else {
                "expected what carry paper wrote".to_owned()
            };
            let text = format!("{}: is not a session folder: it has no {LEDGER}; {what}", path.display());
            return Err(Failure::new(Exit::Usage, text));
        }
        let loaded = ledger_file::read(&ledger)?;
        if !loaded.meta.contains_key("clock") {
            return Err(Failure::new(
                Exit::Failure,
                format!("{}: the session was killed before it booked anything, or is starting now", path.display()),
            ));
        }
        Ok(Self { path, loaded })
    }

    /// The ledger file.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.path.join(LEDGER)
    }

    /// What kind of session it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::parse(self.loaded.meta.get("identity").map_or("", String::as_str))
    }

    /// The session as its ledger tells it.
    ///
    /// # Errors
    /// Exit code 1 when a value in the ledger is damaged.
    pub fn review(&self) -> Result<Review, Failure> {
        let known = if self.loaded.meta.contains_key("catalogue") { None } else { self.in_tape() };
        Review::of(&self.loaded, known)
            .map_err(|error| Failure::new(Exit::Failure, format!("{}: {error}", self.ledger().display())))
    }

    /// The same, with the books valued at one instant: now while the session runs (it is asked for its prices), else at its
    /// last commit. Gives what the session said of itself, when it runs, or what its files say where its process is silent.
    ///
    /// # Errors
    /// Exit code 1 when a value in the ledger is damaged.
    pub fn review_now(&self) -> Result<(Review, Option<Snapshot>), Failure> {
        let told = if self.loaded.meta.contains_key("finished") { Presence::Gone } else { control::told(&self.path) };
        let mut review = self.review()?;
        let told = match told {
            Presence::Now(now) => Some(*now),
            Presence::Silent(process) => {
                let known = silent(&self.path, &review, process);
                return Ok((review, Some(known)));
            }
            Presence::Gone => None,
        };
        if let Some(now) = &told {
            let marks = now.pairs.iter().filter_map(|row| Some((row.pair.as_str(), row.marks?)));
            let pegs = now.detail.iter().flat_map(|detail| &detail.pegs).map(|(asset, price, _)| (*asset, *price));
            review.value(marks, pegs, now.at_ms);
        }
        Ok((review, told))
    }

    fn in_tape(&self) -> Option<(crate::config::Settings, crate::domain::Catalogue)> {
        let reader = TapeReader::open(&self.path.join("tape")).ok()?;
        let header = reader.header();
        Some((serde_json::from_value(header.settings.clone()).ok()?, header.catalogue.clone()))
    }
}

/// The pair of that name.
///
/// # Errors
/// Exit code 2 with the nearest name when there is none.
pub fn pair<'a>(review: &'a Review, name: &str) -> Result<&'a Pair, Failure> {
    let names = || review.state.catalogue.pairs().iter().map(|pair| pair.name.as_str());
    review.state.catalogue.pair_named(name).ok_or_else(|| unknown("--pair", name, names()))
}

/// A usage error about a name that does not exist, with the nearest one.
pub fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let likeness = |known: &&str| strsim::jaro_winkler(known, name);
    let nearest = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
    Failure::new(Exit::Usage, format!("{what} {}: there is none in this session{hint}", name.escape_debug()))
}

/// The last `limit` of `rows`; all when it is zero.
#[must_use]
pub fn last<T>(rows: &[T], limit: usize) -> &[T] {
    let from = if limit == 0 { 0 } else { rows.len().saturating_sub(limit) };
    rows.get(from..).unwrap_or(rows)
}

/// A time, or a dash.
#[must_use]
pub fn when(at: Option<WallTime>) -> String {
    at.map_or_else(|| crate::report::figures::NONE.to_owned(), crate::report::figures::stamp)
}

/// A table whose columns from `numbers` on are aligned to the right.
#[must_use]
pub fn table(head: &[&str], numbers: std::ops::Range<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().copied());
    for (place, column) in table.column_iter_mut().enumerate() {
        if numbers.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes a value as pretty JSON and ends the line.
///
/// # Errors
/// What the output says.
pub fn json(out: &mut dyn std::io::Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Writes a table as wide as the terminal is.
///
/// # Errors
/// What the output says.
pub fn print(out: &mut dyn std::io::Write, table: &Table) -> Result<(), Failure> {
    for line in fitted(table, columns().unwrap_or(usize::MAX)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Columns of the terminal that reads the output, or as many as `COLUMNS` says; `None` for a pipe or a file, whose readers
/// want one row a line.
#[must_use]
pub fn columns() -> Option<usize> {
    let terminal = Table::new().width().map(usize::from);
    let told = || Folders::discover().columns;
    terminal.or_else(told).filter(|columns| *columns >= 20)
}

/// The folder that was named, or the newest session under runs/; it need not be readable as a session.
///
/// # Errors
/// Exit code 2 when there is no such folder.
pub fn dir(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let dir = match named {
        Some(dir) => dir.to_owned(),
        None => newest()?,
    };
    if dir.is_dir() {
        return Ok(dir);
    }
    let text = format!("{}: no such folder; expected the folder of a session", dir.display());
    Err(Failure::new(Exit::Usage, text))
}

/// The session that is meant when nobody names one: the one that runs, wherever it was started; else the newest under runs/.
fn newest() -> Result<PathBuf, Failure> {
    registry::choose(newest_here(), registry::known()).map_err(|why| Failure::new(Exit::Usage, why.to_string()))
}

/// The session folder under runs/ whose ledger was written last.
fn newest_here() -> Option<PathBuf> {
    let entries = std::fs::read_dir(Path::new(RUNS)).ok()?;
    let sessions = entries.flatten().map(|entry| entry.path()).filter(|path| path.join(LEDGER).is_file());
    sessions.max_by_key(|path| (written(path), path.clone()))
}

/// When the ledger of a folder was last written to.
fn written(folder: &Path) -> SystemTime {
    let names = [LEDGER, "ledger.sqlite-wal"];
    let times = names.iter().filter_map(|name| std::fs::metadata(folder.join(name)).ok()?.modified().ok());
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
