//! The pairs of the HTML report: the table of all, and one that opens for each: lines, funding, basis with entries and exits.
//!
//! Tests: `tests/suite/report.rs`, `tests/suite/report_page.rs`.

use super::charts_pair;
use super::figures;
use super::foreign;
use super::lines::{self, PairTotals};
use super::parts::{Kind, Rows, figure, or_none, section};
use super::run::{BasisSeries, Lines, RunResult};
use super::table;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most pairs that open; a universe of hundreds would make the page too large, and trips.csv has all.
const OPEN: usize = 40;

/// The table, and a part for each pair.
pub(super) fn pairs(out: &mut String, result: &RunResult) {
    let names = ["trips", "open", "settlements", "funding", "basis", "delta", "fees", "slippage", "total"];
    let mut heads = vec![("pair", Kind::Text)];
    heads.extend(names.map(|name| (name, Kind::Number)));
    let mut rows = Rows::new(&heads);
    let money = |lines: &Lines| {
        [lines.funding, lines.basis, lines.delta, lines.fees, lines.slippage, lines.total()].map(figures::money)
    };
    let pairs = lines::by_pair(result);
    for pair in &pairs {
        let mut cells = vec![pair.pair.clone()];
        cells.extend([pair.round_trips, pair.open, pair.settlements].map(figures::count));
        cells.extend(money(&pair.lines));
        rows.add("", &cells);
    }
    let mut total = |name: &str, class: &str, counts: [String; 3], lines: &Lines| {
        let mut cells = vec![name.to_string()];
        cells.extend(counts);
        cells.extend(money(lines));
        rows.add(class, &cells);
    };
    let outside = lines::outside(result, &pairs);
    if outside != Lines::default() {
        total(lines::OUTSIDE, "", Default::default(), &outside);
    }
    let summary = &result.summary;
    let settlements = figures::count(result.funding.len() as u64);
    let counts = [figures::count(summary.round_trips), figures::count(summary.open_pairs), settlements];
    total("all", "sum", counts, &summary.pnl);
    let word = "By the books of each pair, the best first. Outside pairs: what belongs to none (balances of other quote coins, \
                fee tokens, interest, transfers). A pair below opens.";
    let content = format!("{}{}", rows.stacked("pairs"), drill_down(result, &pairs));
    section(out, "Pairs", word, &or_none(&pairs, content, &table::no_pair(summary)));
}

/// Traded pairs first, then those of which only the basis was seen.
fn drill_down(result: &RunResult, pairs: &[PairTotals]) -> String {
    let traded: BTreeSet<&str> = pairs.iter().map(|pair| pair.pair.as_str()).collect();
    let seen = result.basis.iter().map(|series| series.pair.as_str()).filter(|name| !traded.contains(name));
    let names: Vec<&str> = pairs.iter().map(|pair| pair.pair.as_str()).chain(seen).collect();
    let mut out = String::new();
    let points = charts_pair::points_each(names.len().min(OPEN));
    let run = (result.summary.from_ms, result.summary.to_ms);
    for (place, name) in names.iter().take(OPEN).enumerate() {
        let totals = pairs.iter().find(|pair| pair.pair == *name);
        // One pair is what the reader came for.
        let open = if names.len() == 1 { " open" } else { "" };
        let _ = writeln!(out, "<details class=\"pair\"{open}><summary>{}</summary>", foreign::html(name));
        if let Some(totals) = totals {
            let _ = writeln!(out, "<p class=\"soft\">{}</p>", foreign::html(&words(result, totals)));
        }
        let none = BasisSeries { pair: (*name).to_owned(), points: Vec::new() };
        let series = result.basis.iter().find(|series| series.pair == *name).unwrap_or(&none);
        let chart = charts_pair::basis(series, (&result.trips, run), points);
        let _ = writeln!(
            out,
            "<h3>Basis with entries and exits</h3>\n<p class=\"soft\">{}</p>",
            foreign::html(&chart.word)
        );
        out.push_str(&figure(&format!("basis-{place}"), "low", chart.json));
        if result.funding.iter().any(|row| row.pair == *name) {
            out.push_str("<h3>Funding, cumulated</h3>\n");
            out.push_str(&figure(&format!("paid-{place}"), "low", charts_pair::paid(result, name, points)));
        }
        out.push_str("</details>\n");
    }
    if names.len() > OPEN {
        let _ = writeln!(out, "<p class=\"soft\">and {} more pairs in trips.csv</p>", names.len() - OPEN);
    }
    out
}

/// The pair in a sentence.
fn words(result: &RunResult, pair: &PairTotals) -> String {
    let received = result.funding.iter().filter(|row| row.pair == pair.pair && row.amount.units() > 0).count();
    let coin = result.summary.currency;
    format!(
        "{} round trips, {} open; {} settlements, {} of them received; funding {}, basis {}, fees {}, slippage {}: {} {coin}. \
         Legs unequal for {} in all.",
        figures::count(pair.round_trips),
        figures::count(pair.open),
        figures::count(pair.settlements),
        figures::count(received as u64),
        figures::money(pair.lines.funding),
        figures::money(pair.lines.basis),
        figures::money(pair.lines.fees),
        figures::money(pair.lines.slippage),
        figures::money(pair.lines.total()),
        figures::seconds(pair.naked_s)
    )
}
