//! `carry data import`: files of history as people have them, into the layout.
//!
//! A preview by default: what was recognised, rows, first and last, units, what is refused and why. `--yes` writes, and then all
//! files or none: a doubt about one of them writes nothing. Tests: `tests/suite/import.rs`.

use super::about::quoted;
use super::download::symbol as checked_symbol;
use super::{Exit, Failure, Output};
use crate::data::coverage::STEPS;
use crate::data::import::{Hints, Read, Refused, Rows, Sheet, What, read, sheets};
use crate::data::merge::{Merged, Target, merge, write};
use crate::data::settlements::contradiction;
use crate::domain::{Span, Venue, WallTime};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  carry data import BTCUSDT-fundingRate-2024-01.zip --data data --venue binance
  carry data import data/futures/um/monthly/klines/BTCUSDT/1h/*.zip --data data --venue binance --yes
  carry data import funding.json --data data --venue okx --symbol BTCUSDT --rates-in percent
  carry data import mine.csv --data data --venue gate --symbol BTCUSDT --what spot \\
    --columns time=Date,open=Open,high=High,low=Low,close=Last,volume=Amount
Read: Binance Vision CSV and zip, REST answers of exchanges and ccxt dumps (JSON), any CSV with named columns. Without --yes
nothing is written. A file in which one row is refused is not written at all, unless --leave-out says so.";

/// Refused rows that the table shows; JSON has all.
const SHOWN: usize = 10;

/// Arguments of `carry data import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// CSV, JSON or zip files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder of history; made when it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Name of the venue, for the path
    #[arg(long, value_name = "NAME")]
    venue: String,
    /// The symbol, when the file does not say it or says several
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// funding, spot, perp, mark or premium, when the file does not say it
    #[arg(long, value_name = "WORD")]
    what: Option<String>,
    /// Length of a candle, when neither name nor stamps say it
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// How rates are written: fraction (0.0001) or percent (0.01 for 0.01 %)
    #[arg(long, value_name = "UNIT", value_parser = ["fraction", "percent"], default_value = "fraction")]
    rates_in: String,
    /// Our columns by the file's names, or by numbers from 1: time=Date,rate=Funding
    #[arg(long, value_name = "MAP", value_delimiter = ',')]
    columns: Vec<String>,
    /// Write although rows are refused: the others
    #[arg(long)]
    leave_out: bool,
    /// Write; without it this is a preview
    #[arg(long)]
    yes: bool,
    /// JSON (schema carry.data.import/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    written: bool,
    /// Why nothing was or would be written; empty when all is well.
    doubts: Vec<String>,
    sources: Vec<SourceJson>,
    files: Vec<FileJson>,
}

/// One file or entry of an archive.
#[derive(Debug, Serialize)]
struct SourceJson {
    source: String,
    recognised: Option<String>,
    symbol: Option<String>,
    /// Unit of its times.
    times_in: Option<&'static str>,
    rates_in: Option<String>,
    rows: usize,
    first: Option<String>,
    last: Option<String>,
    other_symbols: usize,
    refused: Vec<RefusedJson>,
}

#[derive(Debug, Serialize)]
struct RefusedJson {
    /// Line of a text, row of a list, both from 1.
    line: u64,
    why: String,
}

/// One file of the layout.
#[derive(Debug, Serialize)]
struct FileJson {
    file: String,
    added: usize,
    /// Rows that were there already.
    known: usize,
    rows: usize,
    first: Option<String>,
    last: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit 2 for arguments, 1 when a file cannot be read or written, 3 when a doubt keeps it from being written.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let hints = hints(args)?;
    let venue = Venue::new(&args.venue)
        .ok()
        .filter(|venue| venue.as_str().chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-')))
        .ok_or_else(|| Failure::new(Exit::Usage, format!("--venue {}: expected a name", args.venue.escape_debug())))?;
    let mut report = Report {
        schema: "carry.data.import/1",
        written: false,
        doubts: Vec::new(),
        sources: Vec::new(),
        files: Vec::new(),
    };
    let mut targets: BTreeMap<Target, Vec<Rows>> = BTreeMap::new();
    for file in &args.files {
        for sheet in sheets(file).map_err(Failure::from)? {
            take(args, &hints, &sheet, (venue, &mut targets, &mut report))?;
        }
    }
    let mut merged = Vec::new();
    for (target, rows) in targets {
        match merge(&args.data, target, &rows) {
            Ok(one) => merged.push(one),
            Err(problem) => report.doubts.push(problem.to_string()),
        }
    }
    report.files = merged.iter().map(FileJson::of).collect();
    if args.yes && report.doubts.is_empty() {
        for one in &merged {
            write(&args.data, one).map_err(Failure::from)?;
        }
        report.written = true;
    }
    show(args, &report, output)?;
    match report.doubts.len() {
        0 => Ok(()),
        count => {
            let word = if count == 1 { "1 doubt".to_owned() } else { format!("{count} doubts") };
            Err(Failure::new(Exit::Difference, format!("nothing was written: {word}; see above")))
        }
    }
}

fn hints(args: &Args) -> Result<Hints, Failure> {
    let bad = |text: String| Failure::new(Exit::Usage, text);
    let what = args.what.as_ref().map(|word| {
        let expected = "expected funding, spot, perp, mark or premium";
        What::imported(word).ok_or_else(|| bad(format!("--what {}: {expected}", word.escape_debug())))
    });
    let step = args.step.as_ref().map(|word| {
        let known = STEPS.into_iter().find(|step| step.to_string() == *word);
        known.ok_or_else(|| bad(format!("--step {}: expected a step such as 1h or 1d", word.escape_debug())))
    });
    let mut columns = BTreeMap::new();
    for one in &args.columns {
        let (ours, theirs) = one
            .split_once('=')
            .ok_or_else(|| bad(format!("--columns {}: expected OURS=THEIRS, such as time=Date", one.escape_debug())))?;
        columns.insert(ours.trim().to_owned(), theirs.trim().to_owned());
    }
    let symbol = args.symbol.clone();
    Ok(Hints { what: what.transpose()?, symbol, step: step.transpose()?, columns })
}

/// Reads one sheet; its rows go to their target, what is wrong to the report.
fn take(
    args: &Args,
    hints: &Hints,
    sheet: &Sheet,
    (venue, targets, report): (Venue, &mut BTreeMap<Target, Vec<Rows>>, &mut Report),
) -> Result<(), Failure> {
    let percent = args.rates_in == "percent";
    let read = match read(sheet, hints, percent) {
        Ok(read) => read,
        Err(doubt) => {
            report.doubts.push(format!("{} {doubt}", sheet.name));
            report.sources.push(SourceJson::unknown(sheet));
            return Ok(());
        }
    };
    let symbol = checked_symbol(&read.symbol)?;
    if !read.refused.is_empty() && !args.leave_out {
        let count = read.refused.len();
        let rows = if count == 1 { "1 row is".to_owned() } else { format!("{count} rows are") };
        report.doubts.push(format!("{}: {rows} refused; --leave-out writes the others", sheet.name));
    }
    report.sources.push(SourceJson::of(sheet, &read, &args.rates_in));
    if let Rows::Funding(rows) = &read.rows
        && let Some((place, words)) = contradiction(rows)
    {
        report.doubts.push(format!("{}:{place}: {words}", sheet.name));
        return Ok(());
    }
    let step = if let Rows::Candles(_, step) = &read.rows { *step } else { Span::ZERO };
    targets.entry(Target { venue, symbol, what: read.meaning.what, step }).or_default().push(read.rows);
    Ok(())
}

impl SourceJson {
    fn unknown(sheet: &Sheet) -> Self {
        Self {
            source: sheet.name.clone(),
            recognised: None,
            symbol: None,
            times_in: None,
            rates_in: None,
            rows: sheet.rows.len(),
            first: None,
            last: None,
            other_symbols: 0,
            refused: Vec::new(),
        }
    }

    fn of(sheet: &Sheet, read: &Read, rates_in: &str) -> Self {
        let time = |at: Option<WallTime>| at.map(|at| at.to_string());
        let refused = |one: &Refused| RefusedJson { line: one.place.line(), why: one.why.clone() };
        let rates = matches!(read.rows, Rows::Funding(_)).then(|| rates_in.to_owned());
        Self {
            recognised: Some(read.meaning.recognised.clone()),
            symbol: Some(read.symbol.clone()),
            times_in: Some(read.unit),
            rates_in: rates,
            first: time(read.ends.map(|ends| ends.0)),
            last: time(read.ends.map(|ends| ends.1)),
            other_symbols: read.others,
            refused: read.refused.iter().map(refused).collect(),
            ..Self::unknown(sheet)
        }
    }
}

impl FileJson {
    fn of(merged: &Merged) -> Self {
        let time = |at: Option<WallTime>| at.map(|at| at.to_string());
        Self {
            file: merged.target.path().iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"),
            added: merged.added,
            known: merged.known,
            rows: merged.rows(),
            first: time(merged.ends().map(|ends| ends.0)),
            last: time(merged.ends().map(|ends| ends.1)),
        }
    }
}

fn show(args: &Args, report: &Report, output: &mut Output<'_>) -> Result<(), Failure> {
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, report).map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    let out = &mut *output.out;
    for source in &report.sources {
        let ends = match (&source.first, &source.last) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        let words = match (&source.recognised, &source.symbol, source.times_in) {
            (Some(what), Some(symbol), Some(unit)) => {
                let rates = source.rates_in.as_ref().map_or_else(String::new, |unit| format!(", rates in {unit}"));
                format!("{what}, {symbol}, times in {unit}{rates}{ends}")
            }
            _ => "not recognised".to_owned(),
        };
        writeln!(out, "read {}: {} rows, {words}", source.source, source.rows)?;
        if source.other_symbols > 0 {
            writeln!(out, "  {} rows of other symbols were passed over", source.other_symbols)?;
        }
        for one in source.refused.iter().take(SHOWN) {
            writeln!(out, "  refused, line {}: {}", one.line, one.why)?;
        }
        if source.refused.len() > SHOWN {
            writeln!(out, "  {} more are refused, see --json", source.refused.len() - SHOWN)?;
        }
    }
    let verb = if report.written { "wrote" } else { "would write" };
    for file in &report.files {
        let ends = file
            .first
            .as_deref()
            .zip(file.last.as_deref())
            .map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
        let (added, known, rows) = (file.added, file.known, file.rows);
        writeln!(out, "{verb} {}: {added} new rows, {known} known, {rows} in all{ends}", file.file)?;
    }
    for doubt in &report.doubts {
        writeln!(out, "doubt: {doubt}")?;
    }
    if report.written {
        writeln!(out, "next: carry data verify --data {}", quoted(&args.data.display().to_string()))?;
    } else if report.doubts.is_empty() {
        writeln!(out, "next: the same with --yes writes it")?;
    }
    Ok(())
}
