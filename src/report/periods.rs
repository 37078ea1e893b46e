//! Returns in words and rows, the same for the terminal, the page and a comparison: what a run earned, by year and month.
//!
//! The figures come with the summary; nothing is computed here. Tests: `tests/suite/report.rs`, `tests/returns.rs`.

use super::figures::{self, NONE};
use super::run::{Period, Summary};
use crate::domain::WallTime;

/// Names of the twelve months.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A fraction as percent, or a dash.
#[must_use]
pub fn percent(figure: Option<f64>) -> String {
    figure.map_or_else(|| NONE.to_owned(), figures::percent)
}

/// The return figures by name, each with a word on how to read it: yearly ones from 90 days on, else those of the period.
#[must_use]
pub fn rows(summary: &Summary) -> Vec<(&'static str, String, String)> {
    let span = figures::length(summary.to_ms.since(summary.from_ms));
    let rate = figures::short_percent(summary.cash_apr);
    let idle = format!("idle money earning {} {}", figures::money(summary.idle_cash_interest), summary.currency);
    let Some(net) = summary.net_apr.or(summary.net_simple) else {
        return vec![
            ("net return", figures::percent(summary.net_return), format!("in {span}; a yearly figure needs 90 days")),
            ("with cash", figures::percent(summary.net_return_with_cash), format!("in {span}; {idle}")),
            ("cash", figures::percent(summary.cash_return), format!("in {span}, the benchmark: {rate} a year")),
        ];
    };
    let simple = percent(summary.net_simple);
    let net_word = format!("a year, compounded; {} in {span}, {simple} simple", figures::percent(summary.net_return));
    let excess_word = match summary.excess_apr {
        Some(_) => "a year over the benchmark".to_owned(),
        None => "nothing was traded".to_owned(),
    };
    vec![
        ("net APR", figures::percent(net), net_word),
        ("with cash", percent(summary.net_apr_with_cash), format!("a year, compounded; {idle}")),
        ("cash", percent(summary.benchmark_apr), "a year, the benchmark".to_owned()),
        ("excess", percent(summary.excess_apr), excess_word),
    ]
}

/// One sentence: did the run beat idle cash? Plain words, because most people compare the wrong two numbers.
#[must_use]
pub fn verdict(summary: &Summary) -> String {
    if !summary.traded() {
        return "Nothing was traded, so nothing is said about cash.".to_owned();
    }
    let rate = figures::short_percent(summary.cash_apr);
    let span = figures::length(summary.to_ms.since(summary.from_ms));
    let yearly = summary.excess_apr;
    #[expect(clippy::float_arithmetic, reason = "a difference of two figures, in words")]
    let of_period = summary.net_return_with_cash - summary.cash_return;
    let (excess, unit, short) = match yearly {
        Some(excess) => (excess, "a year".to_owned(), ""),
        None => (of_period, format!("in {span}"), " The run is shorter than 90 days: it is no forecast of a year."),
    };
    let open = match summary.open_pairs {
        0 => String::new(),
        1 => " One pair is still open and is valued at its last prices.".to_owned(),
        many => format!(" {} pairs are still open and are valued at their last prices.", figures::count(many)),
    };
    let text = if excess < -0.000_05 {
        format!("Cash at {rate} a year would have earned {} more {unit}.", figures::percent(-excess))
    } else if excess > 0.000_05 {
        format!("This beat cash at {rate} a year by {} {unit}.", figures::percent(excess))
    } else {
        format!("Cash at {rate} a year would have earned the same.")
    };
    format!("{text}{open}{short}")
}

/// The year of a period, and its month from 0, by UTC.
#[must_use]
pub fn year_month(at: WallTime) -> (String, usize) {
    let stamp = figures::stamp(at);
    let mut parts = stamp.split('-');
    let year = parts.next().unwrap_or(NONE).to_owned();
    let month = parts.next().and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    (year, month.clamp(1, 12) - 1)
}

/// One line of the table by year: name, net, with cash, cash alone, largest fall.
#[must_use]
pub fn year_cells(period: &Period) -> [String; 5] {
    let (year, _) = year_month(period.from_ms);
    [
        year,
        figures::percent(period.net),
        figures::percent(period.with_cash),
        figures::percent(period.benchmark),
        figures::percent(period.fall),
    ]
}

/// Years with their twelve months; a month that the run does not touch is absent.
#[must_use]
pub fn grid(months: &[Period]) -> Vec<(String, [Option<Period>; 12])> {
    let mut years: Vec<(String, [Option<Period>; 12])> = Vec::new();
    for period in months {
        let (year, month) = year_month(period.from_ms);
        if years.last().is_none_or(|(name, _)| *name != year) {
            years.push((year, [None; 12]));
        }
        if let Some(cell) = years.last_mut().and_then(|(_, cells)| cells.get_mut(month)) {
            *cell = Some(*period);
        }
    }
    years
}

/// What ran, in lines: strategy, program, and what differs from the preset, at most `most` of it.
#[must_use]
pub fn what_ran(summary: &Summary, most: usize) -> Vec<String> {
    let run = &summary.run;
    if run.strategy.is_empty() && run.strategy_sha256.is_empty() {
        return Vec::new();
    }
    let hash: String = run.strategy_sha256.chars().take(12).collect();
    let name = if run.strategy.is_empty() { "unnamed" } else { &run.strategy };
    let file = run.file.as_ref().map_or_else(String::new, |file| format!(" ({file})"));
    let differ = match run.changed.len() {
        _ if run.preset.is_empty() => String::new(),
        0 => format!(", as {}", preset_words(&run.preset)),
        1 => format!(", one setting differs from {}", preset_words(&run.preset)),
        many => format!(", {many} settings differ from {}", preset_words(&run.preset)),
    };
    let mut lines = vec![format!("strategy {name}{file} {hash}{differ}")];
    for changed in run.changed.iter().take(most) {
        lines.push(format!("  {} = {} instead of {} ({})", changed.key, changed.value, changed.preset, changed.source));
    }
    if let Some(more) = run.changed.len().checked_sub(most).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more in summary.json"));
    }
    lines.push(program(summary));
    lines
}

fn preset_words(preset: &str) -> String {
    if preset == "built-in" { "the built-in settings".to_owned() } else { format!("the preset {preset}") }
}

/// Version and commit of the program.
#[must_use]
pub fn program(summary: &Summary) -> String {
    let run = &summary.run;
    if run.version.is_empty() {
        return "carry, version not recorded".to_owned();
    }
    match &run.commit {
        Some(commit) => format!("carry {} commit {commit}", run.version),
        None => format!("carry {}, commit not recorded", run.version),
    }
}

/// The first line of a report: mode, market, and the seed where one was drawn.
#[must_use]
pub fn title(summary: &Summary) -> String {
    let seed = summary.seed.map_or_else(String::new, |seed| format!("   seed {seed}"));
    format!("carry {}   market {}{seed}", summary.mode, summary.market)
}
