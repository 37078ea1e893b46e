//! What a run says on the terminal when it ends.
//!
//! Money has two decimals here and is exact in `summary.json`. No colours and no cursor movement: the text is the same in a
//! file, except for the rules between tables. Tests: `tests/report.rs`.

use super::figures::{self, NONE};
use super::foreign;
use super::lines::{self, PairTotals};
use super::run::{Lines, RunResult, Summary};
use crate::domain::Amount;
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::io::{self, IsTerminal, Write};

/// Most remarks printed; all of them are in the summary.
const REMARKS: usize = 20;
/// A yearly figure of a shorter run says little.
const SHORT_RUN_DAYS: f64 = 30.0;

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// With rules above and below.
    Terminal,
    /// Text and spaces only, for files and pipes.
    Plain,
}

impl Look {
    /// What standard output is.
    #[must_use]
    pub fn of_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Terminal } else { Self::Plain }
    }
}

/// Prints the end of a run in the look that fits standard output.
///
/// # Errors
/// What `out` says.
pub fn print_summary(out: &mut dyn Write, result: &RunResult) -> io::Result<()> {
    render_summary(out, result, Look::of_stdout())
}

/// Prints the end of a run.
///
/// # Errors
/// What `out` says.
pub fn render_summary(out: &mut dyn Write, result: &RunResult, look: Look) -> io::Result<()> {
    let summary = &result.summary;
    head(out, summary)?;
    let pairs = lines::by_pair(&result.trips);
    if pairs.is_empty() {
        writeln!(out, "No pair was traded.\n")?;
    } else {
        print_table(out, &pair_table(&pairs, result, look))?;
    }
    print_table(out, &profit_table(summary, look))?;
    print_table(out, &figure_table(summary, look))?;
    writeln!(out, "{}", verdict(summary))?;
    remarks(out, summary)
}

/// Names the next useful commands, each with the reason to run it.
///
/// # Errors
/// What `out` says.
pub fn print_next(out: &mut dyn Write, commands: &[(&str, &str)]) -> io::Result<()> {
    let Some(width) = commands.iter().map(|(command, _)| command.chars().count()).max() else {
        return Ok(());
    };
    writeln!(out, "\nNext:")?;
    for (command, why) in commands {
        writeln!(out, "  {command:width$}  {why}")?;
    }
    Ok(())
}

/// One sentence: did the run beat idle cash? Plain words, because most people compare the wrong two numbers.
#[must_use]
pub fn verdict(summary: &Summary) -> String {
    let cash = figures::short_percent(summary.cash_apr);
    let excess = summary.excess_apr;
    let mut text = if !excess.is_finite() {
        "There is too little of a run to compare with cash.".to_string()
    } else if excess < -0.000_05 {
        format!("Cash at {cash} a year would have earned more.")
    } else if excess > 0.000_05 {
        format!("This beat cash at {cash} a year by {} a year.", figures::percent(excess))
    } else {
        format!("Cash at {cash} a year would have earned the same.")
    };
    if figures::days(summary.to_ms.since(summary.from_ms)) < SHORT_RUN_DAYS {
        text.push_str(" The run is shorter than 30 days: do not read its yearly figures as a forecast.");
    }
    text
}

/// Change in equity over the run.
#[must_use]
pub fn change(summary: &Summary) -> Amount {
    summary.final_equity - summary.capital
}

/// Return over the run, not annualised, as a fraction of the capital; not a number without capital.
#[must_use]
pub fn period_return(summary: &Summary) -> f64 {
    if summary.capital.is_zero() { f64::NAN } else { change(summary).to_f64() / summary.capital.to_f64() }
}

/// The mean absolute error of a forecast with its interval and annualised, as every rate is shown.
#[must_use]
pub fn error_rate(per_8h: f64) -> String {
    if !per_8h.is_finite() {
        return NONE.to_string();
    }
    format!("{} %/8h ({})", figures::fixed(per_8h * 100.0, 4), figures::percent(per_8h * 3.0 * 365.0))
}

/// A profit line for a person: two decimals, but what nobody can explain is shown to the last unit.
#[must_use]
pub fn line_amount(name: &str, amount: Amount) -> String {
    if name == "unexplained" { amount.to_string() } else { figures::money(amount) }
}

/// The kinds of alarms and how often each rang.
#[must_use]
pub fn alarm_words(summary: &Summary) -> String {
    if summary.alarms.is_empty() {
        return "none".to_string();
    }
    let words: Vec<String> = summary
        .alarms
        .iter()
        .map(|(kind, count)| format!("{} x {}", figures::count(*count), foreign::plain(kind)))
        .collect();
    words.join(", ")
}

fn head(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let words = [&summary.mode, &summary.market].map(|word| foreign::plain(word));
    writeln!(out, "carry {}   market {}   seed {}", words[0], words[1], summary.seed)?;
    let span = summary.to_ms.since(summary.from_ms);
    let (from, to) = (figures::stamp(summary.from_ms), figures::stamp(summary.to_ms));
    writeln!(out, "{from} to {to} ({})", figures::length(span))?;
    let steps: Vec<String> =
        summary.steps.iter().map(|(pair, step)| format!("{} {}", foreign::plain(pair), foreign::plain(step))).collect();
    if !steps.is_empty() {
        writeln!(out, "bars: {}", steps.join(", "))?;
    }
    writeln!(out)
}

fn pair_table(pairs: &[PairTotals], result: &RunResult, look: Look) -> Table {
    let mut table = new_table(look);
    let heads = ["pair", "trips", "open", "funding", "basis", "delta", "fees", "slippage", "total"];
    table.set_header(heads.map(heading));
    let money_cells = |lines: &Lines| {
        [lines.funding, lines.basis, lines.delta, lines.fees, lines.slippage, lines.total()].map(figures::money)
    };
    let mut add = |name: &str, trips: String, open: String, lines: &Lines| {
        let mut cells = vec![Cell::new(name), number(trips), number(open)];
        cells.extend(money_cells(lines).into_iter().map(number));
        table.add_row(cells);
    };
    for pair in pairs {
        add(&foreign::plain(&pair.pair), figures::count(pair.round_trips), figures::count(pair.open), &pair.lines);
    }
    let outside = lines::outside_trips(result);
    if outside != Lines::default() {
        add("outside trips", String::new(), String::new(), &outside);
    }
    let summary = &result.summary;
    add("all", figures::count(summary.round_trips), figures::count(summary.open_pairs), &summary.pnl);
    table
}

fn profit_table(summary: &Summary, look: Look) -> Table {
    let mut table = new_table(look);
    table.set_header(["profit line".to_string(), summary.currency.to_string()].map(heading_of));
    for (name, amount) in lines::NAMES.into_iter().zip(lines::amounts(&summary.pnl)) {
        table.add_row([Cell::new(name), number(line_amount(name, amount))]);
    }
    let (sum, change) = (summary.pnl.total(), change(summary));
    table.add_row([Cell::new("sum"), number(figures::money(sum))]);
    let word = if sum == change { "= change in equity".to_string() } else { format!("DIFFERS by {}", change - sum) };
    table.add_row([Cell::new(word), number(figures::money(change))]);
    table
}

/// The remaining figures, each with a word on how to read it.
#[must_use]
pub fn figure_rows(summary: &Summary) -> Vec<(&'static str, String, String)> {
    let coin = &summary.currency;
    let span = figures::length(summary.to_ms.since(summary.from_ms));
    let forecast = &summary.forecast;
    let score = if forecast.n == 0 {
        ("forecast error", NONE.to_string(), "no settlement was forecast".to_string())
    } else {
        let others = format!(
            "last print {}, anchor {}, over {} settlements",
            error_rate(forecast.last_print),
            error_rate(forecast.anchor),
            figures::count(forecast.n)
        );
        ("forecast error", error_rate(forecast.forecast), others)
    };
    let money = |amount| format!("{} {coin}", figures::money(amount));
    let capital = format!("from {}", money(summary.capital));
    let period = format!("a year, simple; {} in {span}", figures::percent(period_return(summary)));
    let idle = format!("a year; idle money earning {}", money(summary.idle_cash_interest));
    let naked = format!("most naked value by our own orders {}", money(summary.max_naked_notional));
    let open = format!("closed, {} open", figures::count(summary.open_pairs));
    let events = format!("in {}", figures::seconds(summary.run_s));
    let text = String::from;
    vec![
        ("equity", money(summary.final_equity), capital),
        ("net APR", figures::percent(summary.net_apr), period),
        ("with cash", figures::percent(summary.net_apr_with_cash), idle),
        ("cash", figures::short_percent(summary.cash_apr), text("a year, the benchmark")),
        ("excess", figures::percent(summary.excess_apr), text("a year over the benchmark")),
        ("max drawdown", figures::percent(summary.max_drawdown), text("of the peak before it")),
        ("time in market", figures::percent(summary.time_in_market), text("weighted by notional")),
        ("round trips", figures::count(summary.round_trips), open),
        ("longest naked", figures::seconds(summary.max_naked_s), naked),
        score,
        ("orders", figures::count(summary.orders), text("sent")),
        ("alarms", figures::count(summary.alarms.values().sum()), alarm_words(summary)),
        ("events", figures::count(summary.events), events),
    ]
}

fn figure_table(summary: &Summary, look: Look) -> Table {
    let mut table = new_table(look);
    for (name, value, word) in figure_rows(summary) {
        table.add_row([Cell::new(name), number(value), Cell::new(word)]);
    }
    table
}

fn remarks(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    if summary.remarks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nRemarks:")?;
    for remark in summary.remarks.iter().take(REMARKS) {
        writeln!(out, "  {}: {}", foreign::plain(&remark.subject), foreign::plain(&remark.text))?;
    }
    match summary.remarks.len().saturating_sub(REMARKS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more in summary.json"),
    }
}

fn new_table(look: Look) -> Table {
    let mut table = Table::new();
    table.load_style(match look {
        Look::Terminal => presets::UTF8_HORIZONTAL_ONLY.row_separator(comfy_table::LineStyle::none()),
        Look::Plain => presets::NOTHING,
    });
    table.force_no_tty();
    table
}

/// A table without the spaces that a preset leaves at the end of lines.
fn print_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

fn heading(name: &str) -> Cell {
    heading_of(name.to_string())
}

fn heading_of(name: String) -> Cell {
    let words = matches!(name.as_str(), "pair" | "profit line");
    let cell = Cell::new(name);
    if words { cell } else { cell.set_alignment(CellAlignment::Right) }
}

fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
