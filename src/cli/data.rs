//! `carry data`: what a folder of history holds and what is wrong in it.

use super::folder;
use super::{Exit, Failure, Output};
use crate::data::Folder;
use crate::data::error::Place;
use crate::data::findings::{Fault, Finding};
use crate::data::verify::{Checked, FolderReport, inspect_all, verify};
use crate::domain::{Symbol, Venue, WallTime};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  carry data list --data data
  carry data verify --data data
  carry data verify --data data --json > report.json";

/// Findings of one kind and file that the table shows; JSON has all.
const SHOWN: usize = 5;

/// Arguments of `carry data`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What each file holds: venue, symbol, step, first and last stamp, rows, gaps
    #[command(after_help = EXAMPLES)]
    List(At),
    /// Gaps, duplicates, jumps, odd candles, interval changes, legs that do not match; exit 3 when something is wrong
    #[command(after_help = EXAMPLES)]
    Verify(At),
    /// A venue's public history into a folder: settlements, candles, open interest
    Download(super::download::Args),
    /// Files of history as you have them (Binance Vision, REST and ccxt JSON, any CSV) into a folder; a preview without --yes
    Import(super::data_import::Args),
    /// A small generated history, to try everything on
    Sample(super::sample::Args),
    /// Public streams as they come, to be replayed: raw frames with the time of receipt
    Record(super::record::Args),
}

#[derive(Debug, clap::Args)]
struct At {
    /// Folder of history
    #[arg(value_name = "DIR", required_unless_present = "data")]
    dir: Option<PathBuf>,
    /// The same, as every other verb takes it
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    data: Option<PathBuf>,
    /// JSON (schema carry.data.list/1 or carry.data.verify/1)
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 when the folder is none, exit 3 when something in it is wrong.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(at) => list(at, output),
        Verb::Verify(at) => check(at, output),
        Verb::Download(args) => super::download::run(args, output),
        Verb::Import(args) => super::data_import::run(args, output),
        Verb::Sample(args) => super::sample::run(args, output),
        Verb::Record(args) => super::record::run(args, output),
    }
}

fn open(at: &At) -> Result<(Folder, ProgressBar), Failure> {
    let folder = Folder::open(at.dir.as_deref().or(at.data.as_deref()).unwrap_or(std::path::Path::new(".")))
        .map_err(|problem| Failure::new(Exit::Usage, problem.to_string()))?;
    // Drawn on stderr, and only when that is a terminal.
    let bar = ProgressBar::new(u64::try_from(folder.files().len()).unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files {elapsed}") {
        bar.set_style(style);
    }
    Ok((folder, bar))
}

fn list(at: &At, output: &mut Output) -> Result<(), Failure> {
    let (folder, bar) = open(at)?;
    let files = inspect_all(&folder, &|| bar.inc(1));
    bar.finish_and_clear();
    if at.json {
        let files: Vec<_> = files.iter().map(FileJson::of).collect();
        json(output, &ListJson { schema: "carry.data.list/1", files, pairs: pairs(&folder) })?;
    } else {
        folder::print(output.out, &list_table(&files))?;
        for pair in pairs(&folder).iter().filter(|pair| pair.coins > 1) {
            writeln!(output.out, "{}: a contract is {} coins; spot leg {}", pair.pair, pair.coins, pair.spot)?;
        }
    }
    let unreadable = files.iter().filter(|file| file.report.findings.count(Fault::Unreadable) > 0).count();
    match unreadable {
        0 => Ok(()),
        _ => Err(Failure::new(
            Exit::Difference,
            format!("{unreadable} files cannot be read: carry data verify says why"),
        )),
    }
}

fn check(at: &At, output: &mut Output) -> Result<(), Failure> {
    let (folder, bar) = open(at)?;
    let report = verify(&folder, &|| bar.inc(1));
    bar.finish_and_clear();
    if at.json {
        json(output, &VerifyJson::of(&report))?;
    } else {
        write_report(&report, output)?;
    }
    if report.is_clean() {
        return Ok(());
    }
    let wrong = report.files.iter().filter(|file| !file.report.findings.is_empty()).count();
    let findings: usize = report.files.iter().flat_map(|file| file.report.findings.counts().values()).sum();
    Err(Failure::new(Exit::Difference, format!("{findings} findings in {wrong} of {} files", report.files.len())))
}

fn json(output: &mut Output, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *output.out, value).map_err(std::io::Error::from)?;
    writeln!(output.out)?;
    Ok(())
}

fn time(at: Option<WallTime>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

/// The step of bars, or the times between settlements that were met.
fn step(file: &Checked) -> String {
    match file.key {
        Some(key) if key.step.0 > 0 => key.step.to_string(),
        _ => {
            let mut met: Vec<_> = file.report.intervals.iter().map(|change| change.1).collect();
            met.sort();
            met.dedup();
            met.iter().map(ToString::to_string).collect::<Vec<_>>().join("/")
        }
    }
}

fn list_table(files: &[Checked]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(["file", "kind", "venue", "symbol", "step", "first", "last", "rows", "gaps"]);
    for column in table.column_iter_mut().skip(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for file in files {
        let unreadable = file.report.findings.count(Fault::Unreadable) > 0;
        let gaps = file.report.findings.count(Fault::Gap);
        let name = |pick: fn(&crate::data::folder::Key) -> String| file.key.as_ref().map_or_else(String::new, pick);
        table.add_row([
            file.file.clone(),
            name(|key| key.kind.word().to_owned()),
            name(|key| key.venue.to_string()),
            name(|key| key.symbol.to_string()),
            step(file),
            time(file.report.first),
            time(file.report.last),
            file.report.rows.to_string(),
            if unreadable { "unreadable".to_owned() } else { gaps.to_string() },
        ]);
    }
    table
}

fn write_report(report: &FolderReport, output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "file",
        "first",
        "last",
        "rows",
        "missing",
        "months not whole",
        "findings",
    ]);
    for file in &report.files {
        let counts = file.report.findings.counts();
        let found: Vec<_> = counts.iter().map(|(fault, count)| format!("{count} {}", fault.word())).collect();
        table.add_row([
            file.file.clone(),
            time(file.report.first),
            time(file.report.last),
            file.report.rows.to_string(),
            file.report.missing.to_string(),
            thin_months(file),
            if found.is_empty() { "none".to_owned() } else { found.join(", ") },
        ]);
    }
    folder::print(output.out, &table)?;
    for file in &report.files {
        write_findings(file, output)?;
    }
    for file in &report.files {
        for (at, interval) in file.report.intervals.iter().skip(1) {
            writeln!(output.out, "note {}: paid every {interval} from {at} on", file.file)?;
        }
        for note in &file.report.notes {
            writeln!(output.out, "note {}: {note}", file.file)?;
        }
    }
    for note in &report.notes {
        writeln!(output.out, "note {note}")?;
    }
    Ok(())
}

fn write_findings(file: &Checked, output: &mut Output) -> Result<(), Failure> {
    let mut shown: BTreeMap<Fault, usize> = BTreeMap::new();
    for finding in file.report.findings.kept() {
        let count = shown.entry(finding.fault).or_default();
        *count += 1;
        if *count <= SHOWN {
            let place = finding.place.map_or_else(String::new, |place| format!(":{place}"));
            writeln!(output.out, "{}{place} {}: {}", file.file, finding.fault.word(), finding.text)?;
        }
    }
    for (fault, count) in file.report.findings.counts() {
        if *count > SHOWN {
            writeln!(output.out, "{} {}: {} more, see --json", file.file, fault.word(), count - SHOWN)?;
        }
    }
    Ok(())
}

/// Months with less than all of their time covered, the first three and how many more.
fn thin_months(file: &Checked) -> String {
    let thin: Vec<_> = file.report.months.iter().filter(|month| month.covered < month.whole).collect();
    let mut words: Vec<_> = thin
        .iter()
        .take(3)
        .map(|month| format!("{} {:.1} %", month.name, share(month.covered.0, month.whole.0) * 100.0))
        .collect();
    if thin.len() > 3 {
        words.push(format!("{} more", thin.len() - 3));
    }
    words.join(", ")
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "shares for a person to read")]
fn share(part: i64, whole: i64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 1.0 }
}

#[derive(Serialize)]
struct ListJson {
    schema: &'static str,
    files: Vec<FileJson>,
    /// Pairs that can be priced.
    pairs: Vec<PairJson>,
}

#[derive(Serialize)]
struct PairJson {
    pair: String,
    /// Symbol of its spot candles.
    spot: String,
    /// Coins in one contract of the perp.
    coins: u32,
}

fn pairs(folder: &Folder) -> Vec<PairJson> {
    let one = |name: String| {
        let (venue, symbol) = name.split_once(':')?;
        let bundle = folder.bundle(Venue::new(venue).ok()?, Symbol::new(symbol).ok()?);
        Some(PairJson { spot: bundle.spot.to_string(), coins: bundle.coins, pair: name })
    };
    folder.pairs().into_iter().filter_map(one).collect()
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    kind: &'static str,
    venue: Option<String>,
    symbol: Option<String>,
    step: String,
    first: Option<String>,
    last: Option<String>,
    rows: usize,
    gaps: usize,
    /// Bars or settlements missing in the gaps.
    missing: u64,
    readable: bool,
}

impl FileJson {
    fn of(file: &Checked) -> Self {
        let report = &file.report;
        Self {
            file: file.file.clone(),
            kind: file.key.map_or("instruments", |key| key.kind.word()),
            venue: file.key.map(|key| key.venue.to_string()),
            symbol: file.key.map(|key| key.symbol.to_string()),
            step: step(file),
            first: report.first.map(|at| at.to_string()),
            last: report.last.map(|at| at.to_string()),
            rows: report.rows,
            gaps: report.findings.count(Fault::Gap),
            missing: report.missing,
            readable: report.findings.count(Fault::Unreadable) == 0,
        }
    }
}

#[derive(Serialize)]
struct VerifyJson {
    schema: &'static str,
    ok: bool,
    files: Vec<CheckedJson>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct CheckedJson {
    #[serde(flatten)]
    file: FileJson,
    months: Vec<MonthJson>,
    intervals: Vec<IntervalJson>,
    counts: BTreeMap<&'static str, usize>,
    findings: Vec<FindingJson>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct MonthJson {
    month: String,
    rows: usize,
    covered: f64,
}

#[derive(Serialize)]
struct IntervalJson {
    from: String,
    interval: String,
}

#[derive(Serialize)]
struct FindingJson {
    kind: &'static str,
    row: Option<usize>,
    line: Option<u64>,
    character: Option<usize>,
    ts_ms: Option<i64>,
    time: Option<String>,
    text: String,
}

impl FindingJson {
    fn of(finding: &Finding) -> Self {
        let (row, line, character) = match finding.place {
            Some(Place::Row(row)) => (Some(row), None, None),
            Some(Place::Line(line, character)) => (None, Some(line), Some(character)),
            None => (None, None, None),
        };
        Self {
            kind: finding.fault.word(),
            row,
            line,
            character,
            ts_ms: finding.stamp.map(|at| at.0),
            time: finding.stamp.map(|at| at.to_string()),
            text: finding.text.clone(),
        }
    }
}

impl VerifyJson {
    fn of(report: &FolderReport) -> Self {
        let file = |checked: &Checked| {
            let report = &checked.report;
            let months = report.months.iter().map(|month| MonthJson {
                month: month.name.clone(),
                rows: month.rows,
                covered: share(month.covered.0, month.whole.0).min(1.0),
            });
            let intervals = report
                .intervals
                .iter()
                .map(|(from, interval)| IntervalJson { from: from.to_string(), interval: interval.to_string() });
            CheckedJson {
                file: FileJson::of(checked),
                months: months.collect(),
                intervals: intervals.collect(),
                counts: report.findings.counts().iter().map(|(fault, count)| (fault.word(), *count)).collect(),
                findings: report.findings.kept().iter().map(FindingJson::of).collect(),
                notes: report.notes.clone(),
            }
        };
        Self {
            schema: "carry.data.verify/1",
            ok: report.is_clean(),
            files: report.files.iter().map(file).collect(),
            notes: report.notes.clone(),
        }
    }
}
