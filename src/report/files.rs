//! The folder that a run leaves behind: `summary.json`, four CSV files and `report.html`.
//!
//! **Invariant**: a reader never sees half a file, and `summary.json` is there only when the other files are of the same
//! run. All files are written beside their places first and renamed at the end, the summary last. Power loss is not
//! guarded against: a report can be made again. Tests: `tests/suite/report.rs`.

use super::run::{RunResult, Summary};
use super::{html, sheets};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The files in the order in which they get their names; the summary is last because it says that all are there.
const NAMES: [&str; 6] = ["fills.csv", "funding.csv", "equity.csv", "trips.csv", "report.html", SUMMARY];
const SUMMARY: &str = "summary.json";

/// Why a report was not written.
#[derive(Debug, Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct ReportError {
    /// What was being done: `create`, `write`, `replace`.
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes all files of a run into `dir`, which is made when absent; gives their paths.
///
/// Files of an earlier run with the same names are replaced, other files are left alone.
///
/// # Errors
/// [`ReportError`] names the file and what the system said; what was there before is then left as it was, except that
/// `summary.json` may be missing.
pub fn write_all(dir: &Path, result: &RunResult) -> Result<Vec<PathBuf>, ReportError> {
    // The process id keeps two runs that were given the same folder from writing into one another's files.
    let draft = dir.join(format!(".carry-report-{}", std::process::id()));
    attempt("create", &draft, fs::create_dir_all(&draft))?;
    let written = write_drafts(&draft, result).and_then(|()| publish(&draft, dir));
    let removed = fs::remove_dir_all(&draft);
    let paths = written?;
    attempt("remove", &draft, removed)?;
    Ok(paths)
}

/// The summary as pretty JSON; money is text, times are milliseconds.
#[must_use]
pub fn summary_json(summary: &Summary) -> String {
    match serde_json::to_string_pretty(summary) {
        Ok(mut text) => {
            text.push('\n');
            text
        }
        // A map with text keys and plain values always has a JSON form; were it not so, the reader must see it.
        Err(error) => serde_json::json!({ "schema": summary.schema, "error": error.to_string() }).to_string(),
    }
}

fn write_drafts(draft: &Path, result: &RunResult) -> Result<(), ReportError> {
    for name in NAMES {
        let path = draft.join(name);
        let file = attempt("create", &path, File::create(&path))?;
        attempt("write", &path, write_one(name, file, result))?;
    }
    Ok(())
}

fn write_one(name: &str, mut file: File, result: &RunResult) -> io::Result<()> {
    match name {
        "fills.csv" => sheets::fills(file, &result.fills),
        "funding.csv" => sheets::funding(file, &result.funding),
        "equity.csv" => sheets::equity(file, &result.equity),
        "trips.csv" => sheets::trips(file, &result.trips),
        "report.html" => file.write_all(html::render(result).as_bytes()),
        _ => file.write_all(summary_json(&result.summary).as_bytes()),
    }
}

fn publish(draft: &Path, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    // Without the old summary nobody takes the mixture that exists between two renames for a finished report.
    let summary = dir.join(SUMMARY);
    match fs::remove_file(&summary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ReportError { doing: "replace", path: summary, source: error });
        }
        _ => {}
    }
    let mut paths = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let path = dir.join(name);
        attempt("replace", &path, fs::rename(draft.join(name), &path))?;
        paths.push(path);
    }
    Ok(paths)
}

fn attempt<T>(doing: &'static str, path: &Path, result: io::Result<T>) -> Result<T, ReportError> {
    result.map_err(|source| ReportError { doing, path: path.to_path_buf(), source })
}
