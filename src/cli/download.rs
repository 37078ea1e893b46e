//! `carry data download`: a venue's public history into a folder, continued where it stopped.

use super::folder;
use super::{Exit, Failure, Output, dates};
use crate::data::Folder;
use crate::data::coverage::STEPS;
use crate::data::findings::Fault;
use crate::data::verify::{Checked, verify};
use crate::domain::{Symbol, WallTime};
use crate::fetch::download::{Done, DownloadError, Job, What, download, step_word};
use crate::fetch::public::{AskError, PublicVenue};
use crate::net::machine_clock;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  carry data download --data data --venue binance --symbol BTCUSDT --symbol ETHUSDT --from 2025-01-01
  carry data download --data data --venue binance --symbol BTCUSDT --what funding,oi --json
A second run goes on where the first one stopped and asks again for what is missing inside. Exit 5 when the venue cannot be reached; what came is kept.";

/// The steps, for an error.
const STEP_WORDS: &str = "1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h or 1d";

/// Arguments of `carry data download`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of history; made when it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// binance or aster
    #[arg(long, value_name = "NAME")]
    venue: String,
    /// The venue's symbol; repeat it for more
    #[arg(long, value_name = "SYMBOL", required = true, value_delimiter = ',')]
    symbol: Vec<String>,
    /// First instant wanted; default: as far back as the venue goes, or where the file ends
    #[arg(long, value_name = "TIME", value_parser = dates::first_instant)]
    from: Option<WallTime>,
    /// Last instant wanted, a date means the whole day; default: now
    #[arg(long, value_name = "TIME", value_parser = dates::last_instant)]
    to: Option<WallTime>,
    /// funding, candles (spot and perp), mark, premium, oi
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "funding,candles,mark")]
    what: Vec<String>,
    /// Length of a candle: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h or 1d
    #[arg(long, value_name = "STEP", default_value = "1h")]
    step: String,
    /// Another address for all hosts of the venue; this machine only, for tests
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// JSON (schema carry.data.download/1)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    venue: String,
    complete: bool,
    files: Vec<FileJson>,
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    added: usize,
    /// Rows of the venue that cannot be kept: off the grid, or without a price.
    left_out: usize,
    rows: usize,
    first: Option<String>,
    last: Option<String>,
    /// Bars or settlements missing in the gaps.
    missing: u64,
    gaps: usize,
    findings: BTreeMap<&'static str, usize>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 for arguments, exit 5 when the venue cannot be reached; files keep what came.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let jobs = jobs(args)?;
    let mut venue = public(&args.venue, args.base_url.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut done = Vec::new();
    let mut failed = None;
    for job in &jobs {
        let bar = bar(job);
        let before = job.from.unwrap_or(WallTime(0));
        let seen = |at: WallTime| bar.set_position(u64::try_from(at.since(before).0 / 1000).unwrap_or(0));
        let result = runtime.block_on(download(&mut venue, job, &args.data, &seen));
        bar.finish_and_clear();
        match result {
            Ok(what) => done.push((job, what)),
            Err(error) => {
                done.push((job, Done::default()));
                failed = Some(error);
                break;
            }
        }
    }
    show(args, &done, failed.is_none(), output)?;
    match failed {
        None => Ok(()),
        Some(DownloadError::Ask(error)) => Err(failure(&error)),
        Some(error) => Err(Failure::new(Exit::Failure, error.to_string())),
    }
}

/// A venue as the public sees it, at its own address or at one of this machine.
///
/// # Errors
/// [`Failure`]: exit 2 for a venue or an address that there is not.
pub(super) fn public(name: &str, base_url: Option<&str>) -> Result<PublicVenue, Failure> {
    let root = super::real::test_root(base_url)?;
    PublicVenue::new(name, base_url, root, machine_clock::clock()).map_err(|error| failure(&error))
}

/// The exit code of a question without an answer.
pub(super) fn failure(error: &AskError) -> Failure {
    let exit = match error {
        AskError::NoVenue(_) | AskError::Host(_) | AskError::NotThere(_) => Exit::Usage,
        AskError::Unreachable { .. } | AskError::KeepStill { .. } => Exit::Unreachable,
        AskError::Setup(_) | AskError::Refused { .. } | AskError::Bad { .. } => Exit::Failure,
    };
    Failure::new(exit, error.to_string())
}

/// A symbol that can stand in a path (fault X12).
pub(super) fn symbol(text: &str) -> Result<Symbol, Failure> {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    Symbol::new(text).ok().filter(|_| text.chars().all(plain)).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("--symbol {}: expected a symbol such as BTCUSDT", text.escape_debug()))
    })
}

fn jobs(args: &Args) -> Result<Vec<Job>, Failure> {
    let bad = |text: String| Failure::new(Exit::Usage, text);
    let step = STEPS.into_iter().find(|span| step_word(*span) == Some(args.step.as_str()));
    let step = step.ok_or_else(|| bad(format!("--step {}: expected {STEP_WORDS}", args.step.escape_debug())))?;
    let mut wanted = Vec::new();
    for word in &args.what {
        match word.as_str() {
            "funding" => wanted.push(What::Funding),
            "candles" => wanted.extend([What::Spot, What::Perp]),
            "mark" => wanted.push(What::Mark),
            "premium" => wanted.push(What::Premium),
            "oi" => wanted.push(What::OpenInterest),
            other => {
                let text = other.escape_debug();
                return Err(bad(format!("--what {text}: expected funding, candles, mark, premium or oi")));
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let now = machine_clock::now();
    let to = args.to.map_or(now, |to| to.min(now));
    if args.from.is_some_and(|from| from > to) {
        return Err(bad("--from is after --to or after now".to_owned()));
    }
    let mut jobs = Vec::new();
    for text in &args.symbol {
        let symbol = symbol(text)?;
        jobs.extend(wanted.iter().map(|what| {
            let (venue, from) = (args.venue.clone(), args.from);
            Job { venue, symbol, what: *what, step, from, to }
        }));
    }
    Ok(jobs)
}

/// Drawn on stderr, and only when that is a terminal.
fn bar(job: &Job) -> ProgressBar {
    let whole = job.to.since(job.from.unwrap_or(WallTime(0))).0 / 1000;
    let bar = ProgressBar::new(u64::try_from(whole).unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} % {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(job.path().display().to_string());
    bar
}

fn show(args: &Args, done: &[(&Job, Done)], complete: bool, output: &mut Output) -> Result<(), Failure> {
    let checked = match Folder::open(&args.data) {
        Ok(folder) => verify(&folder, &|| {}).files,
        // Nothing came at all.
        Err(_) => Vec::new(),
    };
    let files: Vec<FileJson> = done.iter().map(|(job, done)| file(job, *done, &checked)).collect();
    if args.json {
        let report = Report { schema: "carry.data.download/1", venue: args.venue.clone(), complete, files };
        serde_json::to_writer_pretty(&mut *output.out, &report).map_err(std::io::Error::from)?;
        writeln!(output.out)?;
        return Ok(());
    }
    let mut table = Table::new();
    let header = ["file", "first", "last", "rows", "added", "left out", "missing", "findings"];
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    for file in &files {
        let found: Vec<_> = file.findings.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
        table.add_row([
            file.file.clone(),
            file.first.clone().unwrap_or_else(|| "-".to_owned()),
            file.last.clone().unwrap_or_else(|| "-".to_owned()),
            file.rows.to_string(),
            file.added.to_string(),
            file.left_out.to_string(),
            file.missing.to_string(),
            if found.is_empty() { "none".to_owned() } else { found.join(", ") },
        ]);
    }
    folder::print(output.out, &table)?;
    Ok(())
}

fn file(job: &Job, done: Done, checked: &[Checked]) -> FileJson {
    let name = job.path().iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    let report = checked.iter().find(|checked| checked.file == name).map(|checked| &checked.report);
    let counts = report.map(|report| report.findings.counts().iter().map(|(fault, count)| (fault.word(), *count)));
    FileJson {
        added: done.added,
        left_out: done.left_out,
        rows: done.rows.max(report.map_or(0, |report| report.rows)),
        first: done.ends.map(|ends| ends.0).or_else(|| report?.first).map(|at| at.to_string()),
        last: done.ends.map(|ends| ends.1).or_else(|| report?.last).map(|at| at.to_string()),
        missing: report.map_or(0, |report| report.missing),
        gaps: report.map_or(0, |report| report.findings.count(Fault::Gap)),
        findings: counts.map(Iterator::collect).unwrap_or_default(),
        file: name,
    }
}
