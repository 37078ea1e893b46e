//! `carry pnl --import`: what an account earned, from the venue's own lists, whoever traded it.
//!
//! A key that may read is enough, and nothing is written. Progress goes to a terminal. Tests: `tests/commands/doctor.rs`.

use super::{Exit, Failure, Output, dates, door, folder};
use crate::domain::{Amount, Asset, Symbol, WallTime};
use crate::fetch::import::{self, Import, Lines};
use crate::keys::sources::CONTAINER;
use crate::report::figures;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Which account, and from when to when.
#[derive(Debug, clap::Args)]
pub struct Wanted {
    /// Of an account instead of a session: its history is read from the venue
    #[arg(long, requires = "key", requires = "from", requires = "to", conflicts_with = "by", conflicts_with = "dir")]
    pub import: bool,
    /// With --import: name of the key; one that may only read is enough
    #[arg(long, value_name = "NAME", requires = "import")]
    key: Option<String>,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, value_name = "FILE", requires = "import")]
    keys: Option<PathBuf>,
    /// First day or instant
    #[arg(long, value_name = "DATE", requires = "import", value_parser = dates::first_instant)]
    from: Option<WallTime>,
    /// Last day or instant, inside
    #[arg(long, value_name = "DATE", requires = "import", value_parser = dates::last_instant)]
    to: Option<WallTime>,
    /// A spot symbol that had no perp income, such as BTCUSDT; may be repeated
    #[arg(long = "symbol", value_name = "SYMBOL", requires = "import")]
    symbols: Vec<String>,
    /// Every host of the venue at one address of this machine: a simulated venue, test keys only
    #[arg(long, value_name = "URL", requires = "import")]
    base_url: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    /// Empty for what belongs to no symbol.
    symbol: &'a str,
    asset: Asset,
    #[serde(flatten)]
    lines: &'a Lines,
    /// All but the transfers.
    total: Amount,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    venue: &'a str,
    from_ms: WallTime,
    to_ms: WallTime,
    incomes: usize,
    spot_fills: usize,
    perp_fills: usize,
    rows: Vec<Row<'a>>,
    remarks: &'a [String],
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for dates or symbols that are wrong, 4 when the venue refuses, 5 when it cannot be reached.
pub fn run(wanted: &Wanted, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let (Some(key), Some(from), Some(to)) = (&wanted.key, wanted.from, wanted.to) else {
        return Err(Failure::new(Exit::Usage, "--import needs --key, --from and --to"));
    };
    if from > to {
        return Err(Failure::new(Exit::Usage, format!("--from {from} is after --to {to}")));
    }
    let mut symbols = Vec::new();
    for name in &wanted.symbols {
        let wrong = |error| Failure::new(Exit::Usage, format!("--symbol {}: {error}", name.escape_debug()));
        symbols.push(Symbol::new(name).map_err(wrong)?);
    }
    let entry = super::keys::places(wanted.keys.clone(), PathBuf::from(CONTAINER))?.find(key)?.entry;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let runtime = super::real::runtime()?;
    let read = runtime.block_on(async {
        let door = door::open(&entry, &door::place(wanted.base_url.as_deref(), "machine")).await?;
        let asked = import::Wanted { from, to, symbols: &symbols };
        let mut told = |step: String| {
            bar.set_message(step);
            bar.tick();
        };
        Ok::<_, Failure>(import::import(&door.inquiry(), &asked, &mut told).await?)
    });
    bar.finish_and_clear();
    runtime.shutdown_background();
    show(&read?, (entry.venue, from, to), json, output)
}

fn show(import: &Import, of: (&str, WallTime, WallTime), json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let (venue, from_ms, to_ms) = of;
    let rows: Vec<Row<'_>> = import
        .lines
        .iter()
        .map(|((symbol, asset), lines)| Row { symbol, asset: *asset, lines, total: lines.total() })
        .collect();
    if json {
        let (spot_fills, perp_fills) = import.fills;
        let report = Report {
            schema: "carry.pnl.import/1",
            venue,
            from_ms,
            to_ms,
            incomes: import.incomes,
            spot_fills,
            perp_fills,
            rows,
            remarks: &import.remarks,
        };
        return folder::json(output.out, &report);
    }
    let out = &mut *output.out;
    writeln!(out, "{venue}   {} to {}", figures::stamp(from_ms), figures::stamp(to_ms))?;
    let heads = ["symbol", "asset", "funding", "fees", "realised", "traded", "other", "total", "transfers"];
    let mut table = folder::table(&heads, 2..heads.len());
    for row in &rows {
        let lines = row.lines;
        let amounts =
            [lines.funding, lines.fees, lines.realised, lines.traded, lines.other, row.total, lines.transfers];
        let symbol = if row.symbol.is_empty() { "(none)" } else { row.symbol };
        let mut cells = vec![symbol.to_owned(), row.asset.to_string()];
        cells.extend(amounts.iter().map(ToString::to_string));
        table.add_row(cells);
    }
    folder::print(out, &table)?;
    let (spot, perp) = import.fills;
    writeln!(out, "{} rows of income, {spot} spot and {perp} perp executions; plus is to you", import.incomes)?;
    for remark in &import.remarks {
        writeln!(out, "note: {remark}")?;
    }
    Ok(())
}
