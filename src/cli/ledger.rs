//! `carry ledger`: the postings, and the balances that follow from them. Tests: `tests/commands/session_commands.rs`.

use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output};
use crate::domain::{Amount, Asset, Catalogue, PairId, VenueId, WallTime};
use crate::ledger::{Account, Posting};
use crate::port::event::Wallet;
use crate::report::figures;
use crate::store::ledger_file;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Postings of the double-entry books, or the balance of every account
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry ledger runs/mine --balances
  carry ledger runs/mine --account wallet:alpha:spot --limit 20
  carry ledger runs/mine --account fees --json

A posting moves an amount above zero from the credit to the debit account, so every asset sums to zero over all accounts;
--balances checks that and ends with exit code 3 when it is not so. Accounts are wallet:VENUE:spot, wallet:VENUE:perp,
transit:VENUE, opening, and traded, realised, fees, funding with :PAIR; the first words alone mean all that begin so.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Only this account, or all that begin with these words
    #[arg(long, value_name = "A")]
    account: Option<String>,
    /// At most so many postings, the latest; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "balances")]
    limit: usize,
    /// Balances per account and asset instead of postings
    #[arg(long)]
    balances: bool,
    /// JSON (schema carry.ledger/1)
    #[arg(long)]
    json: bool,
}

/// One posting with the names of its accounts, as JSON and CSV show it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its number in the file.
    pub number: i64,
    /// When.
    #[serde(rename = "ts_ms")]
    pub at: WallTime,
    /// Number of the event that caused it.
    pub cause: u64,
    /// Receives.
    pub debit: String,
    /// Gives.
    pub credit: String,
    /// How much, above zero.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// Why.
    pub reason: String,
}

#[derive(Debug, Serialize)]
struct Held {
    account: String,
    asset: Asset,
    balance: Amount,
}

#[derive(Debug, Serialize)]
struct Sum {
    asset: Asset,
    sum: Amount,
}

#[derive(Debug, Serialize)]
struct Sheet<'a> {
    schema: &'static str,
    mode: &'a str,
    /// Whether every asset sums to zero over all accounts.
    balanced: bool,
    sums: Vec<Sum>,
    balances: Vec<Held>,
}

#[derive(Debug, Serialize)]
struct Postings<'a> {
    schema: &'static str,
    mode: &'a str,
    /// Postings that match, shown or not.
    total: usize,
    rows: &'a [Row],
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit code 2 for an unknown account, 3 when the books do not balance, 1 for a damaged file.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = Folder::open(&args.place)?;
    let review = folder.review()?;
    let catalogue = &review.state.catalogue;
    let postings = ledger_file::postings(&folder.ledger())?;
    let mut rows: Vec<Row> = postings.iter().map(|(number, posting)| row(*number, posting, catalogue)).collect();
    let names: BTreeSet<String> = rows.iter().flat_map(|row| [row.debit.clone(), row.credit.clone()]).collect();
    if let Some(account) = &args.account
        && !names.iter().any(|name| within(name, account))
    {
        return Err(folder::unknown("--account", account, names.iter().map(String::as_str)));
    }
    let mode = review.identity.mode.as_str();
    if args.balances {
        return balances(args, mode, &rows, output);
    }
    if let Some(account) = &args.account {
        rows.retain(|row| within(&row.debit, account) || within(&row.credit, account));
    }
    let shown = folder::last(&rows, args.limit);
    if args.json {
        let report = Postings { schema: "carry.ledger/1", mode, total: rows.len(), rows: shown };
        return folder::json(output.out, &report);
    }
    let mut table = folder::table(&["number", "time", "debit", "credit", "amount", "asset", "reason"], 4..5);
    for row in shown {
        table.add_row([
            row.number.to_string(),
            figures::stamp(row.at),
            row.debit.clone(),
            row.credit.clone(),
            row.amount.to_string(),
            row.asset.to_string(),
            row.reason.clone(),
        ]);
    }
    folder::print(output.out, &table)?;
    Ok(writeln!(output.out, "\n{mode}: {} of {} postings", shown.len(), rows.len())?)
}

fn balances(args: &Args, mode: &str, rows: &[Row], output: &mut Output<'_>) -> Result<(), Failure> {
    let mut accounts: BTreeMap<(&str, Asset), Amount> = BTreeMap::new();
    for row in rows {
        *accounts.entry((&row.debit, row.asset)).or_default() += row.amount;
        *accounts.entry((&row.credit, row.asset)).or_default() -= row.amount;
    }
    let mut sums: BTreeMap<Asset, Amount> = BTreeMap::new();
    for ((_, asset), amount) in &accounts {
        *sums.entry(*asset).or_default() += *amount;
    }
    let sums: Vec<Sum> = sums.into_iter().map(|(asset, sum)| Sum { asset, sum }).collect();
    let off: Vec<String> =
        sums.iter().filter(|one| !one.sum.is_zero()).map(|one| format!("{} {}", one.sum, one.asset)).collect();
    let chosen = accounts.iter().filter(|((name, _), _)| args.account.as_ref().is_none_or(|asked| within(name, asked)));
    let balances: Vec<Held> = chosen
        .map(|((name, asset), balance)| Held { account: (*name).to_owned(), asset: *asset, balance: *balance })
        .collect();
    if args.json {
        let report = Sheet { schema: "carry.ledger/1", mode, balanced: off.is_empty(), sums, balances };
        folder::json(output.out, &report)?;
    } else {
        let mut table = folder::table(&["account", "balance", "asset"], 1..2);
        for one in &balances {
            table.add_row([one.account.clone(), one.balance.to_string(), one.asset.to_string()]);
        }
        folder::print(output.out, &table)?;
        if off.is_empty() {
            let assets = sums.len();
            writeln!(
                output.out,
                "\n{mode}: {} postings; each of the {assets} assets sums to 0 over all accounts",
                rows.len()
            )?;
        }
    }
    if off.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Difference, format!("the books do not balance: all accounts sum to {}", off.join(", "))))
}

/// A posting with names.
#[must_use]
pub fn row(number: i64, posting: &Posting, catalogue: &Catalogue) -> Row {
    let reason = serde_json::to_value(posting.reason).ok();
    Row {
        number,
        at: posting.at,
        cause: posting.cause.0,
        debit: name(posting.debit, catalogue),
        credit: name(posting.credit, catalogue),
        amount: posting.amount,
        asset: posting.asset,
        reason: reason.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default(),
    }
}

/// The name of an account for people: what it is, then whose.
fn name(account: Account, catalogue: &Catalogue) -> String {
    let venue =
        |id: VenueId| catalogue.venues().get(id.index()).map_or_else(|| format!("#{}", id.0), ToString::to_string);
    let pair = |id: PairId| catalogue.pair(id).map_or_else(|| format!("#{}", id.0), |pair| pair.name.clone());
    match account {
        Account::Wallet { venue: id, wallet: Wallet::Spot } => format!("wallet:{}:spot", venue(id)),
        Account::Wallet { venue: id, wallet: Wallet::Perp } => format!("wallet:{}:perp", venue(id)),
        Account::Transit { venue: id } => format!("transit:{}", venue(id)),
        Account::Opening => "opening".to_owned(),
        Account::Outside => "outside".to_owned(),
        Account::Traded { pair: id } => format!("traded:{}", pair(id)),
        Account::Realised { pair: id } => format!("realised:{}", pair(id)),
        Account::Fees { pair: id } => format!("fees:{}", pair(id)),
        Account::Funding { pair: id } => format!("funding:{}", pair(id)),
    }
}

/// Whether an account is the one asked for, or begins with the words asked for.
fn within(name: &str, asked: &str) -> bool {
    name.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(':') || asked.ends_with(':'))
}
