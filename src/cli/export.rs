//! `carry export`: one table of a session as CSV with stable columns. Tests: `tests/commands/session_commands.rs`.

use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output, ledger, lots};
use crate::report::{foreign, sheets};
use crate::run::lots::Declared;
use crate::run::review::Review;
use crate::store::ledger_file;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One table of a session as CSV, exact and complete
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry export runs/mine --what fills > fills.csv
  carry export runs/mine --what postings --out postings.csv
  carry export --what equity --json
  carry export runs/mine --lots --out lots.csv

Times are milliseconds since 1970 UTC, money is exact. fills, funding, trips and equity have the columns of the files
that a run leaves; postings has number,ts_ms,cause,debit,credit,amount,asset,reason,mode.

--lots is for a tax return: what was sold is matched with what was bought first. A row is a closed lot, an open one, a
settlement of funding, something else that came or went (fees in a third coin, interest, deposits), or a total. opened and
closed are when it was acquired and disposed of, of a short when it was sold and bought back, of a settlement the venue's
stamp and when it was booked. gain is proceeds less cost, before fees. The totals must be what the ledger's wallets changed
by; otherwise the command ends with exit code 3.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// The table
    #[arg(long, value_enum, required_unless_present = "lots")]
    what: Option<What>,
    /// Lots first in first out, settlements and the rest, with totals that tie to the ledger
    #[arg(long, conflicts_with = "what")]
    lots: bool,
    /// File to write; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The rows as JSON (schema carry.export/1, with --lots carry.export.lots/1)
    #[arg(long)]
    json: bool,
}

/// A table that can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Executions
    Fills,
    /// Settlements on positions
    Funding,
    /// Postings of the double-entry books
    Postings,
    /// Round trips
    Trips,
    /// Equity and profit lines over time
    Equity,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    mode: &'a str,
    what: What,
    rows: serde_json::Value,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder is not a session or the file cannot be written; no half-written file is left.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = Folder::open(&args.place)?;
    let review = folder.review()?;
    let Some(what) = args.what else { return lots_of(args, (&folder, &review), output) };
    let postings: Vec<ledger::Row> = if what == What::Postings {
        let postings = ledger_file::postings(&folder.ledger())?;
        postings.iter().map(|(number, one)| ledger::row(*number, one, &review.state.catalogue)).collect()
    } else {
        Vec::new()
    };
    let mut bytes = Vec::new();
    if args.json {
        let rows = rows(what, &review, &postings).map_err(io::Error::from)?;
        let report = Report { schema: "carry.export/1", mode: &review.identity.mode, what, rows };
        folder::json(&mut bytes, &report)?;
    } else {
        match what {
            What::Fills => sheets::fills(&mut bytes, &review.collector.fills)?,
            What::Funding => sheets::funding(&mut bytes, &review.collector.funding)?,
            What::Trips => sheets::trips(&mut bytes, &review.collector.trips)?,
            What::Equity => sheets::equity(&mut bytes, &review.collector.equity)?,
            What::Postings => csv_of(&mut bytes, &postings, &review.identity.mode)?,
        }
    }
    put(args, &bytes, &review.identity.mode, output)
}

fn lots_of(args: &Args, of: (&Folder, &Review), output: &mut Output<'_>) -> Result<(), Failure> {
    let (folder, review) = of;
    let known = (review.state.settings.clone(), review.state.catalogue.clone());
    let declared = Declared::of(known, &folder.loaded);
    let (mut bytes, mode) = (Vec::new(), &review.identity.mode);
    lots::write(&mut bytes, mode, &declared, args.json)?;
    put(args, &bytes, mode, output)?;
    if args.out.is_some() {
        for one in &declared.totals {
            for (name, amount) in lots::total_lines(one) {
                writeln!(output.out, "{amount:>24} {} {name}", one.currency)?;
            }
        }
    }
    lots::judge(&declared)
}

/// Into the file that was named, else to the output.
fn put(args: &Args, bytes: &[u8], mode: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    match &args.out {
        None => Ok(output.out.write_all(bytes)?),
        Some(file) => {
            whole(file, bytes)
                .map_err(|error| Failure::new(Exit::Failure, format!("cannot write {}: {error}", file.display())))?;
            Ok(writeln!(output.out, "{mode}: {} bytes in {}", bytes.len(), file.display())?)
        }
    }
}

fn rows(what: What, review: &Review, postings: &[ledger::Row]) -> serde_json::Result<serde_json::Value> {
    let collector = &review.collector;
    match what {
        What::Fills => serde_json::to_value(&collector.fills),
        What::Funding => serde_json::to_value(&collector.funding),
        What::Trips => serde_json::to_value(&collector.trips),
        What::Equity => serde_json::to_value(&collector.equity),
        What::Postings => serde_json::to_value(postings),
    }
}

fn csv_of(out: &mut dyn Write, rows: &[ledger::Row], mode: &str) -> io::Result<()> {
    let mut sheet = csv::Writer::from_writer(out);
    sheet.write_record(["number", "ts_ms", "cause", "debit", "credit", "amount", "asset", "reason", "mode"])?;
    for row in rows {
        sheet.write_record([
            row.number.to_string().as_str(),
            row.at.0.to_string().as_str(),
            row.cause.to_string().as_str(),
            foreign::cell(&row.debit).as_ref(),
            foreign::cell(&row.credit).as_ref(),
            row.amount.to_string().as_str(),
            foreign::cell(row.asset.as_str()).as_ref(),
            row.reason.as_str(),
            mode,
        ])?;
    }
    sheet.flush()
}

/// Writes a file beside its place and renames it: a reader never sees half of it.
fn whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".draft-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}
