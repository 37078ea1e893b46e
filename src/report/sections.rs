//! The sections of the HTML report: header, tiles, tables, and the places where the charts go.
//!
//! Every text that others wrote goes through `foreign::html`. Tests: `tests/report.rs`.

use super::charts;
use super::figures::{self, NONE};
use super::foreign;
use super::lines;
use super::run::{Lines, RunResult, Summary, TripRow};
use super::table;
use crate::domain::{Amount, WallTime};
use std::fmt::Write as _;

/// Most round trips in the page's table, the newest; the CSV file has all.
const TRIPS: usize = 500;
/// Most remarks in the page.
const REMARKS: usize = 200;

/// The title of the page, escaped.
pub(super) fn title(result: &RunResult) -> String {
    let summary = &result.summary;
    let day = |at: WallTime| figures::stamp(at).chars().take(10).collect::<String>();
    format!("carry {} {} to {}", foreign::html(&summary.mode), day(summary.from_ms), day(summary.to_ms))
}

/// All sections.
pub(super) fn body(result: &RunResult) -> String {
    let mut out = String::from("<main>\n");
    header(&mut out, result);
    profit(&mut out, &result.summary);
    let equity = figure("equity", "high", charts::equity(result));
    section(&mut out, "Equity and drawdown", "", &or_none(&result.equity, equity, "Equity never changed."));
    let attribution = figure("attribution", "", charts::attribution(result));
    let word = "Since the start. The lines add up to the grey sum at every instant.";
    section(&mut out, "Attribution over time", word, &or_none(&result.equity, attribution, "Nothing to attribute."));
    funding(&mut out, result);
    basis(&mut out, result);
    pairs(&mut out, result);
    trips(&mut out, &result.trips);
    naked(&mut out, result);
    details(&mut out, &result.summary);
    remarks(&mut out, &result.summary);
    out.push_str(
        "<noscript><p class=\"bad\">The charts need JavaScript; the tables are complete.</p></noscript>\n</main>\n",
    );
    out
}

fn header(out: &mut String, result: &RunResult) {
    let summary = &result.summary;
    let _ = writeln!(out, "<h1>carry {}</h1>", foreign::html(&summary.mode));
    let span = summary.to_ms.since(summary.from_ms);
    let _ = writeln!(
        out,
        "<p class=\"soft\">market {} &middot; seed {} &middot; {} to {} ({})</p>",
        foreign::html(&summary.market),
        summary.seed,
        figures::stamp(summary.from_ms),
        figures::stamp(summary.to_ms),
        figures::length(span)
    );
    let _ = writeln!(out, "<p class=\"verdict\">{}</p>", foreign::html(&table::verdict(summary)));
    out.push_str("<div class=\"tiles\">\n");
    let change = table::change(summary);
    let coin = summary.currency;
    let period = table::period_return(summary);
    let capital = format!(
        "{coin}, {} in {}, on {}",
        figures::percent(period),
        figures::length(span),
        figures::money(summary.capital)
    );
    tile(out, "change in equity", &figures::money(change), &capital, tone(change));
    tile(out, "net APR", &figures::percent(summary.net_apr), "a year, simple, on capital", sign(summary.net_apr));
    let cash = format!("a year, idle money earning {}", figures::short_percent(summary.cash_apr));
    tile(out, "with cash", &figures::percent(summary.net_apr_with_cash), &cash, sign(summary.net_apr_with_cash));
    tile(
        out,
        "over cash",
        &figures::percent(summary.excess_apr),
        "a year over the benchmark",
        sign(summary.excess_apr),
    );
    tile(out, "max drawdown", &figures::percent(summary.max_drawdown), "of the peak before it", "");
    tile(out, "time in market", &figures::percent(summary.time_in_market), "weighted by notional", "");
    let open = format!("closed, {} open", figures::count(summary.open_pairs));
    tile(out, "round trips", &figures::count(summary.round_trips), &open, "");
    let naked = format!("most {} {coin}", figures::money(summary.max_naked_notional));
    tile(out, "longest naked", &figures::seconds(summary.max_naked_s), &naked, "");
    out.push_str("</div>\n");
}

fn tile(out: &mut String, name: &str, value: &str, word: &str, tone: &str) {
    let (value, word) = (foreign::html(value), foreign::html(word));
    let _ = writeln!(
        out,
        "<div class=\"tile\"><span>{name}</span><b class=\"{tone}\">{value}</b><span>{word}</span></div>"
    );
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
    section(out, "Profit", "The lines add up to the change in equity; plus is to us.", &rows.html("narrow"));
}

fn funding(out: &mut String, result: &RunResult) {
    let chart = charts::funding(result);
    let word = match chart.per {
        None => "One bar a settlement; above zero is received.".to_string(),
        Some(span) => format!(
            "Summed per {}: {} settlements are too many to draw; funding.csv has each. Above zero is received.",
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

fn basis(out: &mut String, result: &RunResult) {
    let mut content = String::new();
    if result.basis.len() > 1 {
        content.push_str("<select data-chart=\"chart-basis\" aria-label=\"pair\">\n");
        for (place, series) in result.basis.iter().enumerate() {
            let _ =
                writeln!(content, "<option value=\"figure-basis-{place}\">{}</option>", foreign::html(&series.pair));
        }
        content.push_str("</select>\n");
    } else if let Some(series) = result.basis.first() {
        let _ = writeln!(content, "<p class=\"soft\">{}</p>", foreign::html(&series.pair));
    }
    content.push_str("<div class=\"chart\" id=\"chart-basis\" data-figure=\"figure-basis-0\"></div>\n");
    for (place, series) in result.basis.iter().enumerate() {
        data_block(&mut content, &format!("basis-{place}"), charts::basis(series, &result.trips));
    }
    let word = "Perp minus spot, of the spot price. A triangle up is an entry, one down an exit.";
    section(out, "Basis with entries and exits", word, &or_none(&result.basis, content, "No basis was seen."));
}

fn pairs(out: &mut String, result: &RunResult) {
    let names =
        ["trips", "open", "settlements", "funding", "basis", "delta", "fees", "slippage", "total", "naked time"];
    let mut heads = vec![("pair", Kind::Text)];
    heads.extend(names.map(|name| (name, Kind::Number)));
    let mut rows = Rows::new(&heads);
    let money = |lines: &Lines| {
        [lines.funding, lines.basis, lines.delta, lines.fees, lines.slippage, lines.total()].map(figures::money)
    };
    let pairs = lines::by_pair(&result.trips);
    for pair in &pairs {
        let counts = [pair.round_trips, pair.open, pair.settlements].map(figures::count);
        let mut cells = vec![pair.pair.clone()];
        cells.extend(counts);
        cells.extend(money(&pair.lines));
        cells.push(figures::seconds(pair.naked_s));
        rows.add("", &cells);
    }
    let mut total = |name: &str, class: &str, counts: [String; 3], lines: &Lines| {
        let mut cells = vec![name.to_string()];
        cells.extend(counts);
        cells.extend(money(lines));
        cells.push(String::new());
        rows.add(class, &cells);
    };
    let outside = lines::outside_trips(result);
    if outside != Lines::default() {
        total("outside trips", "", Default::default(), &outside);
    }
    let summary = &result.summary;
    let settlements = figures::count(result.funding.len() as u64);
    let counts = [figures::count(summary.round_trips), figures::count(summary.open_pairs), settlements];
    total("all", "sum", counts, &summary.pnl);
    let word = "Sums of the round trips. Outside trips: what belongs to no pair (fee tokens, interest, transfers).";
    section(out, "Pairs", word, &or_none(&pairs, rows.html(""), "No pair was traded."));
}

fn trips(out: &mut String, trips: &[TripRow]) {
    let numbers = [
        "coins",
        "notional",
        "basis in",
        "basis out",
        "funding",
        "basis",
        "delta",
        "fees",
        "slippage",
        "total",
        "naked time",
    ];
    let mut heads = vec![("pair", Kind::Text), ("opened", Kind::Text), ("closed", Kind::Text)];
    heads.extend(numbers.map(|name| (name, Kind::Number)));
    heads.push(("why in, why out", Kind::Words));
    let mut rows = Rows::new(&heads);
    let first = trips.len().saturating_sub(TRIPS);
    for trip in trips.iter().skip(first).rev() {
        let lines = &trip.lines;
        let mut cells = vec![trip.pair.clone(), figures::minute(trip.opened)];
        cells.push(trip.closed.map_or_else(|| "open".to_string(), figures::minute));
        cells.extend([trip.coins.to_string(), figures::money(trip.notional)]);
        cells.extend([figures::maybe(Some(trip.entry_basis_bps), 1), figures::maybe(trip.exit_basis_bps, 1)]);
        cells.extend(
            [lines.funding, lines.basis, lines.delta, lines.fees, lines.slippage, lines.total()].map(figures::money),
        );
        cells.push(figures::seconds(trip.naked_s));
        cells.push(format!("{}; {}", trip.entry_reason, trip.exit_reason.as_deref().unwrap_or(NONE)));
        rows.add("", &cells);
    }
    let all = figures::count(trips.len() as u64);
    let word = if first == 0 {
        "Newest first; basis in bps.".to_string()
    } else {
        format!("The newest {TRIPS} of {all}, newest first; trips.csv has all. Basis in bps.")
    };
    let content = format!("<div class=\"tall\">{}</div>", rows.html(""));
    section(out, "Round trips", &word, &or_none(trips, content, "There was no round trip."));
}

fn naked(out: &mut String, result: &RunResult) {
    let word = format!(
        "How long a pair's legs were unequal by more than a lot, {} times; the longest {}.",
        figures::count(result.naked_s.len() as u64),
        figures::seconds(result.summary.max_naked_s)
    );
    let chart = figure("naked", "low", charts::naked(&result.naked_s));
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

/// A section with a heading, a word on how to read it, and its content.
fn section(out: &mut String, heading: &str, word: &str, content: &str) {
    let _ = writeln!(out, "<section>\n<h2>{heading}</h2>");
    if !word.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", foreign::html(word));
    }
    let _ = writeln!(out, "{content}</section>");
}

/// The place of a chart and its data.
fn figure(name: &str, class: &str, json: Option<String>) -> String {
    let mut out = format!("<div class=\"chart {class}\" id=\"chart-{name}\" data-figure=\"figure-{name}\"></div>\n");
    data_block(&mut out, name, json);
    out
}

/// Inert JSON: a script element that no browser runs.
fn data_block(out: &mut String, name: &str, json: Option<String>) {
    match json {
        Some(json) => {
            let _ = writeln!(out, "<script type=\"application/json\" id=\"figure-{name}\">{json}</script>");
        }
        None => out.push_str("<p class=\"bad\">This chart could not be written.</p>\n"),
    }
}

fn or_none<T>(rows: &[T], content: String, none: &str) -> String {
    if rows.is_empty() { format!("<p class=\"soft\">{none}</p>\n") } else { content }
}

fn tone(amount: Amount) -> &'static str {
    sign(amount.to_f64())
}

fn sign(value: f64) -> &'static str {
    if value > 0.0 {
        "good"
    } else if value < 0.0 {
        "bad"
    } else {
        ""
    }
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    /// One short text.
    Text,
    /// A number, to the right.
    Number,
    /// Text that may wrap.
    Words,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Number => " class=\"number\"",
            Self::Words => " class=\"words\"",
        }
    }
}

/// A table being written; cells are escaped here.
struct Rows {
    kinds: Vec<Kind>,
    html: String,
}

impl Rows {
    fn new(heads: &[(&str, Kind)]) -> Self {
        let mut html = String::from("<thead><tr>");
        for (name, kind) in heads {
            let _ = write!(html, "<th scope=\"col\"{}>{}</th>", kind.class(), foreign::html(name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        Self { kinds: heads.iter().map(|(_, kind)| *kind).collect(), html }
    }

    fn add(&mut self, class: &str, cells: &[String]) {
        let _ = write!(self.html, "<tr class=\"{class}\">");
        for (cell, kind) in cells.iter().zip(&self.kinds) {
            let _ = write!(self.html, "<td{}>{}</td>", kind.class(), foreign::html(cell));
        }
        self.html.push_str("</tr>\n");
    }

    fn html(self, class: &str) -> String {
        format!("<div class=\"wide\"><table class=\"{class}\">{}</tbody></table></div>\n", self.html)
    }
}
