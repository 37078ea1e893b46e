//! `carry pnl`: where profit came from, in the eight lines that sum to the change in equity.
//!
//! A pair is told by its own books at one instant; what is of no pair stands in a row of its own. Tests: `tests/commands/session_commands.rs`.

use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output};
use crate::domain::{Amount, Asset, Span, WallTime};
use crate::ledger::Lines;
use crate::report::{figures, lines};
use crate::run::collect::books;
use crate::run::review::Review;
use serde::Serialize;

/// Profit and loss in named lines that sum to the change in equity
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry pnl runs/mine
  carry pnl runs/mine --by pair
  carry pnl runs/mine --by day --json
  carry pnl --import --key main --from 2026-01-01 --to 2026-01-31     of any account, from the venue's own lists

Plus is to you. The sum of the lines is compared with the change in equity to the last unit, and `unexplained` must be 0;
otherwise the command ends with exit code 3.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Split the lines
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,
    #[command(flatten)]
    import: super::import::Wanted,
    /// JSON (schema carry.pnl/1)
    #[arg(long)]
    json: bool,
}

/// How the lines are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A row for each pair that traded
    Pair,
    /// A row for each UTC day
    Day,
}

#[derive(Debug, Serialize)]
struct Row {
    /// Pair, or day.
    key: String,
    lines: Lines,
    total: Amount,
}

impl Row {
    fn new(key: impl Into<String>, lines: Lines) -> Self {
        Self { key: key.into(), lines, total: lines.total() }
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    mode: &'a str,
    market: &'a str,
    /// Whether the session is over.
    finished: bool,
    currency: Asset,
    from_ms: WallTime,
    /// When the books were valued.
    to_ms: WallTime,
    capital: Amount,
    equity: Amount,
    change: Amount,
    pnl: Lines,
    sum: Amount,
    /// Profit: the sum without money that somebody moved in or out.
    net: Amount,
    /// Change in equity less the sum of the lines; must be zero.
    difference: Amount,
    by: Option<By>,
    rows: Vec<Row>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: exit code 3 when the lines do not explain the change in equity.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    if args.import.import {
        return super::import::run(&args.import, args.json, output);
    }
    let (review, _) = Folder::open(&args.place)?.review_now()?;
    let report = report(args, &review);
    if args.json {
        folder::json(output.out, &report)?;
    } else {
        text(&report, output)?;
    }
    if report.difference.is_zero() && report.pnl.unexplained.is_zero() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Difference,
        format!(
            "the lines do not explain the change in equity: unexplained {}, difference {}",
            report.pnl.unexplained, report.difference
        ),
    ))
}

fn report<'a>(args: &Args, review: &'a Review) -> Report<'a> {
    let valued = review.valued();
    let capital = review.capital();
    let change = valued.equity - capital;
    let rows = match args.by {
        None => Vec::new(),
        Some(By::Pair) => by_pair(review, valued.lines),
        Some(By::Day) => by_day(review),
    };
    Report {
        schema: "carry.pnl/1",
        mode: &review.identity.mode,
        market: &review.identity.market,
        finished: review.finished(),
        currency: review.state.settings.run.currency,
        from_ms: review.began,
        to_ms: valued.at,
        capital,
        equity: valued.equity,
        change,
        pnl: valued.lines,
        sum: valued.lines.total(),
        net: valued.lines.total() - valued.lines.transfers,
        difference: change - valued.lines.total(),
        by: args.by,
        rows,
    }
}

fn by_pair(review: &Review, total: Lines) -> Vec<Row> {
    let mut rows: Vec<Row> = books(&review.state).into_iter().map(|(pair, lines)| Row::new(pair, lines)).collect();
    let known = rows.iter().fold(Lines::default(), |mut sum, row| {
        sum += row.lines;
        sum
    });
    let rest = total - known;
    if rest != Lines::default() {
        rows.push(Row::new(lines::OUTSIDE, rest));
    }
    rows
}

fn by_day(review: &Review) -> Vec<Row> {
    let day = Span::hours(24);
    let mut rows: Vec<Row> = Vec::new();
    let mut before = Lines::default();
    let rows_of = review.equity_rows();
    let mut equity = rows_of.iter().peekable();
    while let Some(row) = equity.next() {
        // A row at midnight closes the day that ends there.
        let day_of = |at: WallTime| WallTime(at.0 - 1).floor(day);
        let opening = rows.is_empty() && row.lines == Lines::default() && row.at == row.at.floor(day);
        if opening || equity.peek().is_some_and(|next| day_of(next.at) == day_of(row.at)) {
            continue;
        }
        let stamp = day_of(row.at).to_string();
        let key = stamp.split('T').next().unwrap_or(&stamp).to_owned();
        rows.push(Row::new(key, row.lines - before));
        before = row.lines;
    }
    rows
}

fn text(report: &Report<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
    let out = &mut *output.out;
    let end = if report.finished { "" } else { "   not over" };
    writeln!(out, "carry {}   market {}{end}", report.mode, report.market)?;
    writeln!(out, "{} to {}, in {}\n", figures::stamp(report.from_ms), figures::stamp(report.to_ms), report.currency)?;
    if let Some(by) = report.by {
        let key = if by == By::Pair { "pair" } else { "day" };
        let mut head = vec![key];
        head.extend(lines::NAMES);
        head.push("total");
        let mut table = folder::table(&head, 1..head.len());
        let all = Row::new("all", report.pnl);
        for row in report.rows.iter().chain([&all]) {
            let mut cells = vec![row.key.clone()];
            cells.extend(lines::NAMES.into_iter().zip(lines::amounts(&row.lines)).map(shown));
            cells.push(figures::money(row.total));
            table.add_row(cells);
        }
        folder::print(out, &table)?;
        writeln!(out)?;
    } else {
        let mut table = folder::table(&["profit line", report.currency.as_str()], 1..2);
        for (name, amount) in lines::NAMES.into_iter().zip(lines::amounts(&report.pnl)) {
            table.add_row([name.to_owned(), shown((name, amount))]);
        }
        folder::print(out, &table)?;
    }
    let (capital, equity) = (figures::money(report.capital), figures::money(report.equity));
    let change = figures::money(report.change);
    writeln!(
        out,
        "sum of lines {}   change in equity {change} (from {capital} to {equity})",
        figures::money(report.sum)
    )?;
    let exact = if report.difference.is_zero() { "equal to the last unit" } else { "NOT EQUAL" };
    Ok(writeln!(out, "{exact}; unexplained {}", report.pnl.unexplained)?)
}

/// A line for a person: two decimals, but what nobody can explain to the last unit.
fn shown((name, amount): (&str, Amount)) -> String {
    if name == "unexplained" { amount.to_string() } else { figures::money(amount) }
}
