//! What a run says on the terminal when it ends.
//!
//! Money has two decimals here and is exact in `summary.json`. No colours and no cursor movement: the text is the same in a
//! file, except for the rules between tables. Tests: `tests/suite/report.rs`.

use super::figures::{self, NONE};
use super::fold::fitted;
use super::foreign;
use super::lines::{self, PairTotals};
use super::periods;
use super::periods::verdict;
use super::run::{CapitalNeed, Lines, Period, RunResult, Summary};
use crate::domain::Amount;
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::io::{self, IsTerminal, Write};

/// Most remarks printed; all of them are in the summary.
const REMARKS: usize = 20;
/// Most settings of one's own printed.
const SETTINGS: usize = 8;

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
    let pairs = lines::by_pair(result);
    if pairs.is_empty() {
        writeln!(out, "{}\n", no_pair(summary))?;
    } else {
        print_table(out, &pair_table(&pairs, result, look), look)?;
    }
    if !summary.strategies.is_empty() {
        print_table(out, &strategy_table(summary, look), look)?;
    }
    print_table(out, &profit_table(summary, look), look)?;
    print_table(out, &figure_table(summary, look), look)?;
    calendar(out, summary, look)?;
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

/// Change in equity over the run.
#[must_use]
pub fn change(summary: &Summary) -> Amount {
    summary.final_equity - summary.capital
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
    writeln!(out, "{}", foreign::plain(&periods::title(summary)))?;
    for line in periods::what_ran(summary, SETTINGS) {
        writeln!(out, "{}", foreign::plain(&line))?;
    }
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
    let outside = lines::outside(result, pairs);
    if outside != Lines::default() {
        add(lines::OUTSIDE, String::new(), String::new(), &outside);
    }
    let summary = &result.summary;
    add("all", figures::count(summary.round_trips), figures::count(summary.open_pairs), &summary.pnl);
    table
}

/// What each of several strategies did.
fn strategy_table(summary: &Summary, look: Look) -> Table {
    let mut table = new_table(look);
    let heads = ["strategy", "pairs", "capital", "funding", "basis", "delta", "fees", "slippage", "total"];
    table.set_header(heads.map(heading));
    for (name, row) in &summary.strategies {
        let lines = &row.pnl;
        let cells = [lines.funding, lines.basis, lines.delta, lines.fees, lines.slippage, lines.total()];
        let mut cells: Vec<Cell> = cells.map(figures::money).into_iter().map(number).collect();
        cells.insert(0, number(figures::money(row.capital)));
        cells.insert(0, number(figures::count(row.pairs.len() as u64)));
        cells.insert(0, Cell::new(foreign::plain(name)));
        table.add_row(cells);
    }
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
    let naked = format!("most naked value by our own orders {}", money(summary.max_naked_notional));
    let open = format!("closed, {} open", figures::count(summary.open_pairs));
    let events = format!("in {}", figures::seconds(summary.run_s));
    let text = String::from;
    let mut rows = vec![("equity", money(summary.final_equity), capital)];
    rows.extend(periods::rows(summary));
    rows.extend([
        ("max drawdown", figures::percent(summary.max_drawdown), text("of the peak before it")),
        ("time in market", figures::percent(summary.time_in_market), text("weighted by notional")),
    ]);
    rows.extend(summary.capital_need.as_ref().map(|need| ("capital need", needed(need), need_words(need))));
    rows.extend([
        ("round trips", figures::count(summary.round_trips), open),
        ("longest naked", figures::seconds(summary.max_naked_s), naked),
        score,
        ("orders", figures::count(summary.orders), text("sent")),
        ("alarms", figures::count(summary.alarms.values().sum()), alarm_words(summary)),
        ("events", figures::count(summary.events), events),
    ]);
    rows
}

/// Capital over notional: one number, or the range over the pairs.
#[must_use]
pub fn needed(need: &CapitalNeed) -> String {
    let (least, most) = (format!("{:.2}", need.least), format!("{:.2}", need.most));
    if least == most { least } else { format!("{least} to {most}") }
}

/// What the number says.
#[must_use]
pub fn need_words(need: &CapitalNeed) -> String {
    format!("per notional of a full pair: {}", need.model)
}

fn figure_table(summary: &Summary, look: Look) -> Table {
    let mut table = new_table(look);
    for (name, value, word) in figure_rows(summary) {
        table.add_row([Cell::new(name), number(value), Cell::new(word)]);
    }
    table
}

/// What stands where the table of pairs would: there is no round trip to show.
#[must_use]
pub fn no_pair(summary: &Summary) -> String {
    match summary.open_pairs {
        0 if summary.traded() => "No round trip is recorded.".to_owned(),
        0 => "No pair was traded.".to_owned(),
        1 => "One pair is open.".to_owned(),
        many => format!("{} pairs are open.", figures::count(many)),
    }
}

/// By year, and month by month where that says more.
fn calendar(out: &mut dyn Write, summary: &Summary, look: Look) -> io::Result<()> {
    if summary.years.is_empty() {
        return Ok(());
    }
    let mut years = new_table(look);
    years.set_header(["year", "net", "with cash", "cash", "largest fall"].map(heading));
    for period in &summary.years {
        years.add_row(periods::year_cells(period).map(number));
    }
    print_table(out, &years, look)?;
    if summary.months.len() < 2 {
        return Ok(());
    }
    let mut months = new_table(look);
    months.set_header([vec!["net %"], periods::MONTHS.to_vec()].concat().into_iter().map(heading));
    for (year, cells) in periods::grid(&summary.months) {
        let net =
            |cell: Option<Period>| cell.map_or_else(String::new, |period| figures::fixed(in_percent(period.net), 2));
        months.add_row([vec![year], cells.map(net).to_vec()].concat().into_iter().map(number));
    }
    // Thirteen columns in eighty characters.
    months.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    print_table(out, &months, look)
}

#[expect(clippy::float_arithmetic, reason = "shown to people")]
fn in_percent(fraction: f64) -> f64 {
    fraction * 100.0
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

/// A table in the width of the terminal; a file has one row a line.
fn print_table(out: &mut dyn Write, table: &Table, look: Look) -> io::Result<()> {
    let width = match look {
        Look::Terminal => Table::new().width().map_or(usize::MAX, usize::from),
        Look::Plain => usize::MAX,
    };
    for line in fitted(table, width) {
        writeln!(out, "{line}")?;
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
