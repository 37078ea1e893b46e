//! `carry fills`: what was executed. Tests: `tests/commands/session_commands.rs`.

use super::folder::{self, Folder, Where};
use super::{Failure, Output};
use crate::report::figures;
use crate::report::run::FillRow;
use serde::Serialize;

/// Executions of a session, the latest last
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry fills runs/mine
  carry fills runs/mine --pair alpha:BTCUSDT --limit 0
  carry fills --json

A fee above zero is paid, in the asset shown. All columns: carry export DIR --what fills")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Only this pair, for example alpha:BTCUSDT
    #[arg(long, value_name = "P")]
    pair: Option<String>,
    /// At most so many, the latest; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// JSON (schema carry.fills/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    mode: &'a str,
    /// Fills that match, shown or not.
    total: usize,
    rows: &'a [FillRow],
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the folder is not a session, the pair is unknown, or the ledger cannot be read.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let review = Folder::open(&args.place)?.review()?;
    let mut fills = review.collector.fills.clone();
    if let Some(name) = &args.pair {
        folder::pair(&review, name)?;
        fills.retain(|fill| fill.pair == *name);
    }
    let rows = folder::last(&fills, args.limit);
    let mode = review.identity.mode.as_str();
    if args.json {
        let report = Report { schema: "carry.fills/1", mode, total: fills.len(), rows };
        return folder::json(output.out, &report);
    }
    let head = ["time", "pair", "leg", "side", "coins", "price", "fee", "", "intent", "reason"];
    let mut table = folder::table(&head, 4..7);
    for row in rows {
        table.add_row([
            figures::stamp(row.at),
            row.pair.clone(),
            row.leg.to_string(),
            row.side.as_str().to_owned(),
            row.quantity.to_string(),
            row.price.to_string(),
            row.fee.to_string(),
            row.fee_asset.to_string(),
            row.intent.clone(),
            row.reason.clone(),
        ]);
    }
    folder::print(output.out, &table)?;
    Ok(writeln!(output.out, "\n{mode}: {} of {} fills", rows.len(), fills.len())?)
}
