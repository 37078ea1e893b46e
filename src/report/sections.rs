//! The sections of the HTML report: header, tiles, calendar, tables, and the places where the charts go.
//!
//! What stands in them comes from `periods.rs`, `table.rs` and `lines.rs`; how it looks from `parts.rs` and `page.css`. Tests:
//! `tests/suite/report.rs`, `tests/suite/report_page.rs`.

use super::charts;
use super::charts_pair;
use super::earned_back::{self, Earned};
use super::figures::{self, NONE};
use super::foreign;
use super::lines;
use super::pairs_page;
use super::parts::{Kind, Rows, figure, or_none, section, sign, tile};
use super::periods;
use super::run::{FundingRow, RunResult, Summary, TripRow};
use super::table;
use crate::domain::WallTime;
use std::fmt::Write as _;

/// Most settings of one's own in the head of the page; all stand at its end.
const SETTINGS: usize = 8;
/// Most round trips in the page's table, the newest; the CSV file has all.
const TRIPS: usize = 150;
/// Most remarks in the page.
const REMARKS: usize = 100;

/// The title of the page, escaped.
pub(super) fn title(result: &RunResult) -> String {
    let summary = &result.summary;
    let day = |at: WallTime| figures::stamp(at).chars().take(10).collect::<String>();
    format!("carry {} {} to {}", foreign::html(&summary.mode), day(summary.from_ms), day(summary.to_ms))
}

/// All sections.
pub(super) fn body(result: &RunResult) -> String {
    let summary = &result.summary;
    let mut out = String::from("<main>\n");
    header(&mut out, result);
    out.push_str("<div class=\"two\">\n");
    profit(&mut out, summary);
    years(&mut out, summary);
    out.push_str("</div>\n");
    let equity = figure("equity", "high", charts::equity(result));
    let word = "Cash: the same capital at the benchmark. With cash: equity and what idle money earned elsewhere, month by month.";
    section(&mut out, "Equity and drawdown", word, &or_none(&result.equity, equity, "Equity never changed."));
    months(&mut out, summary);
    let attribution = figure("attribution", "", charts::attribution(result));
    let word = "Since the start. The lines add up to the grey sum at every instant.";
    section(&mut out, "Attribution over time", word, &or_none(&result.equity, attribution, "Nothing to attribute."));
    funding(&mut out, result);
    strategies(&mut out, summary);
    pairs_page::pairs(&mut out, result);
    earned(&mut out, result);
    trips(&mut out, &result.trips, &result.funding);
    margin(&mut out, result);
    naked(&mut out, result);
    details(&mut out, summary);
    settings(&mut out, summary);
    remarks(&mut out, summary);
    out.push_str(
        "<noscript><p class=\"bad\">The charts need JavaScript; the tables are complete.</p></noscript>\n</main>\n",
    );
    out
}

fn header(out: &mut String, result: &RunResult) {
    let summary = &result.summary;
    let _ = writeln!(out, "<h1>carry {}</h1>", foreign::html(&summary.mode));
    let span = summary.to_ms.since(summary.from_ms);
    let seed = summary.seed.map_or_else(String::new, |seed| format!(" &middot; seed {seed}"));
    let _ = writeln!(
        out,
        "<p class=\"soft\">market {}{seed} &middot; {} to {} ({})</p>",
        foreign::html(&summary.market),
        figures::stamp(summary.from_ms),
        figures::stamp(summary.to_ms),
        figures::length(span)
    );
    for line in periods::what_ran(summary, SETTINGS) {
        let _ = writeln!(out, "<p class=\"soft ran\">{}</p>", foreign::html(&line));
    }
    let _ = writeln!(out, "<p class=\"verdict\">{}</p>", foreign::html(&periods::verdict(summary)));
    out.push_str("<div class=\"tiles\">\n");
    let change = table::change(summary);
    let coin = summary.currency;
    let capital = format!(
        "{coin}, {} in {}, on {}",
        figures::percent(summary.net_return),
        figures::length(span),
        figures::money(summary.capital)
    );
    tile(out, "change in equity", &figures::money(change), &capital, sign(change.to_f64()));
    for (name, value, word) in periods::rows(summary) {
        let tone = if name == "excess" { sign(summary.excess_apr.unwrap_or(0.0)) } else { "" };
        tile(out, name, &value, &word, tone);
    }
    tile(out, "max drawdown", &figures::percent(summary.max_drawdown), "of the peak before it", "");
    tile(out, "time in market", &figures::percent(summary.time_in_market), "weighted by notional", "");
    if let Some(need) = &summary.capital_need {
        tile(out, "capital need", &table::needed(need), &table::need_words(need), "");
    }
    let open = format!("closed, {} open", figures::count(summary.open_pairs));
    tile(out, "round trips", &figures::count(summary.round_trips), &open, "");
    let alarms = figures::count(summary.alarms.values().sum());
    tile(out, "alarms", &alarms, &table::alarm_words(summary), "");
    let naked = format!("most {} {coin}", figures::money(summary.max_naked_notional));
    tile(out, "longest naked", &figures::seconds(summary.max_naked_s), &naked, "");
    out.push_str("</div>\n");
}

fn profit(out: &mut String, summary: &Summary) {
    let mut rows = Rows::new(&[("profit line", Kind::Text), (summary.currency.as_str(), Kind::Number)]);
    for (name, amount) in lines::NAMES.into_iter().zip(lines::amounts(&summary.pnl)) {
        rows.add("", &[name.to_string(), table::line_amount(name, amount)]);
    }
    let (sum, change) = (summary.pnl.total(), table::change(summary));
    rows.add("sum", &["sum".to_string(), figures::money(sum)]);
    let word = if sum == change { "= change in equity".to_string() } else { format!("DIFFERS by {}", change - sum) };
    rows.add("sum", &[word, figures::money(change)]);
    section(out, "Profit", "The lines add up to the change in equity; plus is to us.", &rows.html(""));
}

fn years(out: &mut String, summary: &Summary) {
    let heads = ["net", "with cash", "cash", "largest fall"].map(|name| (name, Kind::Number));
    let mut rows = Rows::new(&[vec![("year", Kind::Text)], heads.to_vec()].concat());
    for period in &summary.years {
        rows.add("", &periods::year_cells(period));
    }
    let word =
        "Each year's change of the curve, of its value when the year began. The first and the last may be parts.";
    section(out, "Years", word, &or_none(&summary.years, rows.html(""), "The years of this run are not known."));
}

fn months(out: &mut String, summary: &Summary) {
    let mut content = String::new();
    for (year, cells) in periods::grid(&summary.months) {
        let _ = writeln!(content, "<div class=\"year\"><b>{}</b>", foreign::html(&year));
        for (name, cell) in periods::MONTHS.into_iter().zip(cells) {
            let Some(period) = cell else {
                let _ = writeln!(content, "<div class=\"month none\"><span>{name}</span><b>{NONE}</b></div>");
                continue;
            };
            let words = format!(
                "net {}, with cash {}, cash {}, largest fall {}",
                figures::percent(period.net),
                figures::percent(period.with_cash),
                figures::percent(period.benchmark),
                figures::percent(period.fall)
            );
            let net = figures::percent(period.net);
            // What rounds to nothing is neither good nor bad.
            let tone = if net == "0.00 %" { "" } else { sign(period.net) };
            let _ = writeln!(
                content,
                "<div class=\"month\" title=\"{words}\"><span>{name}</span><b class=\"{tone}\">{net}</b><i>{}</i></div>",
                figures::percent(period.with_cash)
            );
        }
        content.push_str("</div>\n");
    }
    let word = "Net return of each month; below it, in grey, with what idle money earned. summary.json has cash and falls too.";
    section(out, "Months", word, &or_none(&summary.months, content, "The months of this run are not known."));
}

fn funding(out: &mut String, result: &RunResult) {
    let chart = charts::funding(result);
    let word = match chart.per {
        None => "One bar a settlement; above zero is received. The line is the sum since the start.".to_string(),
        Some(span) => format!(
            "Summed per {}: {} settlements are too many to draw; funding.csv has each. The line is the sum since the start.",
            match span.millis() / 86_400_000 {
                1 => "day".to_string(),
                days => format!("{days} days"),
            },
            figures::count(result.funding.len() as u64)
        ),
    };
    let figure = figure("funding", "", chart.json);
    section(out, "Funding received per settlement", &word, &or_none(&result.funding, figure, "Nothing was settled."));
}

/// How many trips had earned their costs back by when.
fn earned(out: &mut String, result: &RunResult) {
    let odds = earned_back::odds(&result.trips, &result.funding, result.summary.to_ms);
    let mut rows = Rows::new(&[
        ("by day", Kind::Number),
        ("trips", Kind::Number),
        ("earned back", Kind::Number),
        ("share", Kind::Number),
    ]);
    for (days, (trips, had)) in earned_back::DAYS.into_iter().zip(odds) {
        #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a share, for people")]
        let share = if trips == 0 { NONE.to_string() } else { figures::percent(had as f64 / trips as f64) };
        rows.add("", &[days.to_string(), trips.to_string(), had.to_string(), share]);
    }
    let word =
        "Trips whose own funding had covered all their fees and slippage by that day. What was, not what will be.";
    section(
        out,
        "Break-even and its odds",
        word,
        &or_none(&result.trips, rows.html("narrow"), "There was no round trip."),
    );
}

fn trips(out: &mut String, trips: &[TripRow], funding: &[FundingRow]) {
    let numbers = ["notional", "bps in", "bps out", "funding", "basis", "costs", "total", "break-even"];
    let mut heads = vec![("pair", Kind::Words), ("from, to", Kind::Words)];
    heads.extend(numbers.map(|name| (name, Kind::Number)));
    heads.push(("why in, why out", Kind::Words));
    let mut rows = Rows::new(&heads);
    let first = trips.len().saturating_sub(TRIPS);
    for trip in trips.iter().skip(first).rev() {
        let lines = &trip.lines;
        let closed = trip.closed.map_or_else(|| "open".to_string(), figures::minute);
        let mut cells = vec![trip.pair.clone(), format!("{} {closed}", figures::minute(trip.opened))];
        cells.push(figures::money(trip.notional));
        cells.extend([figures::maybe(Some(trip.entry_basis_bps), 1), figures::maybe(trip.exit_basis_bps, 1)]);
        cells.extend([lines.funding, lines.basis, lines.fees + lines.slippage, lines.total()].map(figures::money));
        cells.push(match earned_back::of(trip, funding) {
            Earned::After(span) => format!("{} d", figures::fixed(figures::days(span), 1)),
            Earned::Never => "never".to_string(),
            Earned::NotYet => "not yet".to_string(),
        });
        cells.push(format!("{}; {}", trip.entry_reason, trip.exit_reason.as_deref().unwrap_or(NONE)));
        rows.add("", &cells);
    }
    let all = figures::count(trips.len() as u64);
    let how = "The basis at entry and exit in bps; costs are fees and slippage; break-even is when the funding had covered them. trips.csv has coins, delta and naked time too.";
    let word = if first == 0 {
        format!("Newest first. {how}")
    } else {
        format!("The newest {TRIPS} of {all}, newest first. {how}")
    };
    let content = format!(
        "<div class=\"tall\" tabindex=\"0\" role=\"region\" aria-label=\"round trips\">{}</div>",
        rows.stacked("trips")
    );
    section(out, "Round trips", &word, &or_none(trips, content, "There was no round trip."));
}

fn margin(out: &mut String, result: &RunResult) {
    let word = "By how much the mark must rise until the venue liquidates a wallet's shorts: the least of each day on which some were held.";
    let chart = figure("margin", "low", charts_pair::margin(&result.margin));
    let none = "No short was held, or this run did not measure it.";
    section(out, "Distance to liquidation", word, &or_none(&result.margin, chart, none));
}

fn naked(out: &mut String, result: &RunResult) {
    let word = format!(
        "How long a pair's legs were unequal by more than a lot, {} times; the longest {}.",
        figures::count(result.naked_s.len() as u64),
        figures::seconds(result.summary.max_naked_s)
    );
    let chart = figure("naked", "low", charts_pair::naked(&result.naked_s));
    let content = or_none(&result.naked_s, chart, "The legs were never unequal.");
    section(out, "Naked seconds", &word, &content);
}

fn details(out: &mut String, summary: &Summary) {
    let mut rows = Rows::new(&[("figure", Kind::Text), ("value", Kind::Number), ("", Kind::Words)]);
    for (name, value, word) in table::figure_rows(summary) {
        rows.add("", &[name.to_string(), value, word]);
    }
    let mut content = rows.html("figures");
    if !summary.steps.is_empty() {
        let steps: Vec<String> = summary.steps.iter().map(|(pair, step)| format!("{pair} {step}")).collect();
        let _ = writeln!(content, "<p class=\"soft\">bars: {}</p>", foreign::html(&steps.join(", ")));
    }
    let _ = writeln!(content, "<p class=\"soft\">digest <code>{}</code></p>", foreign::html(&summary.digest));
    section(out, "Figures", "", &content);
}

/// What each of several strategies did, and whose each pair is.
fn strategies(out: &mut String, summary: &Summary) {
    if summary.strategies.is_empty() {
        return;
    }
    let heads = [("strategy", Kind::Words), ("pairs", Kind::Words), ("capital", Kind::Number), ("total", Kind::Number)];
    let mut rows = Rows::new(&heads);
    for (name, row) in &summary.strategies {
        let (capital, total) = (figures::money(row.capital), figures::money(row.pnl.total()));
        rows.add("", &[name.clone(), row.pairs.join(", "), capital, total]);
    }
    let word = "Each with its part of the capital; a pair belongs to one.";
    section(out, "Strategies", word, &rows.html("words"));
}

/// What ran, to the last key.
fn settings(out: &mut String, summary: &Summary) {
    let run = &summary.run;
    let mut content = String::new();
    if !run.changed.is_empty() {
        let heads = ["key", "value", "preset", "set by"].map(|name| (name, Kind::Words));
        let mut rows = Rows::new(&heads);
        for changed in &run.changed {
            rows.add("", &[&changed.key, &changed.value, &changed.preset, &changed.source].map(Clone::clone));
        }
        content.push_str(&rows.stacked("changed"));
    }
    if !run.settings.is_empty() {
        let mut rows = Rows::new(&[("key", Kind::Words), ("value", Kind::Words)]);
        for (key, value) in &run.settings {
            rows.add("", &[key.clone(), value.clone()]);
        }
        let _ = writeln!(
            content,
            "<details><summary>All {} settings</summary>\n{}</details>",
            run.settings.len(),
            rows.html("words")
        );
    }
    let hash = if run.strategy_sha256.is_empty() { NONE } else { &run.strategy_sha256 };
    let _ = writeln!(content, "<p class=\"soft\">strategy hash <code>{}</code></p>", foreign::html(hash));
    let word = match (run.preset.as_str(), run.changed.is_empty()) {
        ("", _) => "Not recorded: the run is of before reports told them.".to_string(),
        (_, true) => "Nothing differs from the preset.".to_string(),
        (preset, false) => format!("What differs from {preset}, and where it was set."),
    };
    section(out, "Settings", &word, &content);
}

fn remarks(out: &mut String, summary: &Summary) {
    let mut content = String::from("<ul>\n");
    for remark in summary.remarks.iter().take(REMARKS) {
        let _ =
            writeln!(content, "<li><b>{}</b>: {}</li>", foreign::html(&remark.subject), foreign::html(&remark.text));
    }
    match summary.remarks.len().saturating_sub(REMARKS) {
        0 => {}
        more => {
            let _ = writeln!(content, "<li>and {more} more in summary.json</li>");
        }
    }
    content.push_str("</ul>\n");
    let word = "What the run replaced by a proxy or a default, or left out because the history has a hole.";
    section(out, "Remarks", word, &or_none(&summary.remarks, content, "None: every input was there."));
}
