//! Checks a whole folder of history: every file by itself, then the two legs of each pair against one another.
//!
//! Nothing is repaired. Files are looked through in parallel; the report is in order of name. Tests: `tests/suite/data.rs`.

use super::bundle::FURTHEST;
use super::candles::read_candles_of;
use super::collateral_file::read_shares;
use super::error::DataError;
use super::findings::{Fault, Findings};
use super::folder::{Folder, Key, Kind};
use super::history::Candles;
use super::inspect::{FileReport, inspect};
use super::rules_file::read_rules;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Folders of the layout that this check does not look into.
const NOT_CHECKED: [&str; 2] = ["book", "indicative"];

/// A file and what was found in it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it holds; `None` for a file of instrument rules or of collateral shares.
    pub key: Option<Key>,
    /// Where it lies within the folder.
    pub file: String,
    /// What was found.
    pub report: FileReport,
}

/// All that was found in a folder.
#[derive(Debug, Clone, Default)]
pub struct FolderReport {
    /// Files in order of venue, symbol, kind and step, then instrument rules.
    pub files: Vec<Checked>,
    /// What was not looked at, and why.
    pub notes: Vec<String>,
}

impl FolderReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.files.iter().all(|file| file.report.findings.is_empty())
    }
}

/// Looks through every file by itself; `seen` is told of each one.
#[must_use]
pub fn inspect_all(folder: &Folder, seen: &(dyn Fn() + Sync)) -> Vec<Checked> {
    let files: Vec<_> = folder.files().iter().collect();
    let look = |(key, file): &(&Key, &PathBuf)| {
        let report = inspect(**key, file);
        seen();
        Checked { key: Some(**key), file: inside(folder, file), report }
    };
    files.par_iter().map(look).collect()
}

/// Checks the folder: files, legs against one another, instrument rules.
#[must_use]
pub fn verify(folder: &Folder, seen: &(dyn Fn() + Sync)) -> FolderReport {
    let mut report = FolderReport { files: inspect_all(folder, seen), notes: Vec::new() };
    for checked in &mut report.files {
        if let Some(key) = checked.key.filter(|key| key.kind == Kind::Perp) {
            compare_legs(folder, key, &mut checked.report.findings);
        }
    }
    report.files.extend(rules(folder));
    report.notes.extend(
        folder.strangers().iter().map(|file| format!("{} is not in the layout and was not read", inside(folder, file))),
    );
    report.notes.extend(
        NOT_CHECKED
            .iter()
            .filter(|name| folder.root().join(name).is_dir())
            .map(|name| format!("{name}/ was not checked")),
    );
    report
}

fn inside(folder: &Folder, file: &Path) -> String {
    let path = file.strip_prefix(folder.root()).unwrap_or(file);
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Compares closes of a perp with those of its spot; what cannot be read was already reported.
fn compare_legs(folder: &Folder, perp: Key, findings: &mut Findings) {
    let bundle = folder.bundle(perp.venue, perp.symbol);
    let read = |kind| {
        let file = folder.file(bundle.key(perp.venue, perp.symbol, kind, perp.step))?;
        read_candles_of(file, perp.step, bundle.unit(kind)).ok()
    };
    if let (Some(spot), Some(perp)) = (read(Kind::Spot), read(Kind::Perp)) {
        mismatches(&spot, &perp, findings);
    }
}

#[expect(clippy::float_arithmetic, reason = "a check of history is not money")]
fn mismatches(spot: &Candles, perp: &Candles, findings: &mut Findings) {
    for (row, (opened, close)) in perp.opened.iter().zip(&perp.close).enumerate() {
        let Some(other) = spot.at(*opened).and_then(|place| spot.close.get(place)) else { continue };
        let apart = close.to_f64() / other.to_f64() - 1.0;
        if apart.abs() > FURTHEST {
            let text = format!("perp close {close} is {:+.1} % from spot close {other}", apart * 100.0);
            findings.add(Fault::Mismatch, Some(super::error::Place::Row(row + 1)), Some(*opened), text);
        }
    }
}

fn rules(folder: &Folder) -> Vec<Checked> {
    let files = |name: &str| {
        let Ok(entries) = std::fs::read_dir(folder.root().join(name)) else { return Vec::new() };
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        files
    };
    let check = |(file, rows): (PathBuf, Result<usize, DataError>)| {
        let mut report = FileReport::default();
        match rows {
            Ok(rows) => report.rows = rows,
            Err(problem) => report.findings.add_error(&problem),
        }
        Checked { key: None, file: inside(folder, &file), report }
    };
    let rules = files("instruments").into_iter().map(|file| (file.clone(), read_rules(&file).map(|lines| lines.len())));
    let shares = files("collateral").into_iter().map(|file| (file.clone(), read_shares(&file).map(|rows| rows.len())));
    rules.chain(shares).map(check).collect()
}
