//! Profit by its lines, and equity against cash alone.

use super::parts;
use super::view::{Gain, View};
use super::words::{self, NONE};
use crate::domain::WallTime;
use crate::ledger::Lines;
use crate::report::run::EquityRow;
use crate::run::returns::growth;
use maud::{Markup, html};

/// Points of a curve; more would not be seen.
const POINTS: usize = 240;

/// The lines today, over thirty days and since the start. They sum to the change in equity without what somebody moved.
#[must_use]
pub fn card(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return html! {} };
    let gains = [view.today(), view.month(), view.whole()];
    let since = view
        .history
        .as_ref()
        .map_or_else(|| "since the start".to_owned(), |history| format!("since {}", words::day(history.began())));
    let month = gains[1].map_or_else(|| "30 d".to_owned(), |gain| gain.name().replacen("net ", "", 1));
    let lines = |gain: &Option<Gain>| gain.map(|gain| gain.lines);
    let named: Vec<(&str, [Option<crate::domain::Amount>; 3])> = Lines::default()
        .named()
        .iter()
        .enumerate()
        .map(|(place, (name, _))| (*name, gains.each_ref().map(|gain| Some(lines(gain)?.named().get(place)?.1))))
        .collect();
    let apr = now
        .detail
        .as_ref()
        .map_or_else(String::new, |detail| format!(" at {}", words::percent(detail.cash_apr.to_f64(), 0)));
    html! {
        section.card.profit id="profit" {
            (parts::head("Profit", &html! { (now.currency) " · plus is to us" }))
            table {
                thead { tr { th { "line" } th.n { "today" } th.n { (month) } th.n { (since) } } }
                tbody {
                    @for (name, values) in &named {
                        tr {
                            td { (name) }
                            @for value in values {
                                td.n {
                                    @match value {
                                        Some(value) if *name == "unexplained" => { (words::proof(*value)) }
                                        value => { (words::gain_or(*value)) }
                                    }
                                }
                            }
                        }
                    }
                    tr.sum {
                        td { b { "net, transfers left out" } }
                        @for gain in &gains { td.n { b { (words::gain_or(gain.map(|gain| gain.net))) } } }
                    }
                    tr {
                        td { small { "cash alone" (apr) } }
                        @for gain in &gains { td.n { small { (gain.map_or_else(|| NONE.to_owned(), |gain| words::signed(gain.cash, 2))) } } }
                    }
                }
            }
        }
    }
}

/// Thinned rows, the last one always there.
fn thin(rows: &[EquityRow]) -> Vec<&EquityRow> {
    let step = rows.len().div_ceil(POINTS).max(1);
    let mut out: Vec<&EquityRow> = rows.iter().step_by(step).collect();
    if let Some(last) = rows.last()
        && out.last().is_none_or(|known| known.at != last.at)
    {
        out.push(last);
    }
    out
}

/// Where an instant stands between two others.
fn part(at: WallTime, from: WallTime, to: WallTime) -> f64 {
    let whole = words::ms(to.since(from).0);
    if whole > 0.0 { words::ms(at.since(from).0) / whole } else { 1.0 }
}

/// Equity and what cash alone would be.
#[must_use]
pub fn equity(view: &View) -> Markup {
    let (Some(now), Some(history)) = (&view.snapshot, &view.history) else { return html! {} };
    let mut rows = thin(&history.result.equity);
    let apr = now.detail.as_ref().map_or(0.0, |detail| detail.cash_apr.to_f64());
    let latest = EquityRow { at: now.at_ms, equity: now.equity, lines: now.lines };
    if rows.last().is_none_or(|last| last.at <= latest.at) {
        rows.push(&latest);
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return html! {} };
    let (from, to) = (first.at, last.at);
    let base = history.capital.to_f64();
    let cash = |at: WallTime| base * growth(apr, at.since(from));
    // What somebody moved in or out is no gain: it is left out of the curve.
    let own: Vec<(f64, f64)> =
        rows.iter().map(|row| (part(row.at, from, to), (row.equity - row.lines.transfers).to_f64())).collect();
    let bench = [(0.0, cash(from)), (1.0, cash(to))];
    let Some((low, high)) = parts::range(own.iter().chain(&bench).map(|(_, value)| *value)) else { return html! {} };
    let scale = |(x, y): &(f64, f64)| (*x, (y - low) / (high - low));
    let own: Vec<(f64, f64)> = own.iter().map(scale).collect();
    let bench: Vec<(f64, f64)> = bench.iter().map(scale).collect();
    let steps = parts::steps(low, high);
    let decimals = parts::decimals(&steps);
    html! {
        section.card.equity id="equity" {
            (parts::head("Equity", &html! { span.key { (now.currency) } " · " span.key.dashed { "cash alone at " (words::percent(apr, 0)) } }))
            div.chart role="img" aria-label="equity against cash alone" {
                svg.plot viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                    @for step in &steps { line.grid x1="0" x2="1000" y1=(height(*step, low, high)) y2=(height(*step, low, high)) {} }
                    path.bench d=(parts::path(&bench)) {}
                    path.own d=(parts::path(&own)) {}
                }
                @for step in &steps {
                    (parts::label((step - low) / (high - low), &words::axis(*step, decimals)))
                }
            }
            div.axis { span { (words::day(from)) } span { (words::day(middle(from, to))) } span { "now" } }
            p.note { (note(view)) }
        }
    }
}

fn middle(from: WallTime, to: WallTime) -> WallTime {
    WallTime(from.0 + to.since(from).0 / 2)
}

fn height(value: f64, low: f64, high: f64) -> String {
    format!("{:.1}", (1.0 - (value - low) / (high - low)) * 1000.0)
}

/// The whole in one sentence. Under ninety days no yearly figure is given.
fn note(view: &View) -> Markup {
    let (Some(history), Some(whole)) = (&view.history, view.whole()) else { return html! {} };
    let capital = history.capital.to_f64();
    let share = |value: f64| if capital > 0.0 { words::signed(value / capital * 100.0, 2) } else { NONE.to_owned() };
    let fall = history.result.summary.max_drawdown;
    html! {
        (share(whole.net.to_f64())) "\u{a0}% in " (words::held(whole.span)) " on " (words::level(history.capital))
        "; cash alone " (share(whole.cash)) "\u{a0}%. Largest fall " (words::percent(fall, 2)) "."
        @if whole.span.0 < 90 * 86_400_000 { " Under 90 days no yearly figure is given." }
    }
}

/// The lines of one pair or of all as a waterfall that lies flat: name, bar, number.
#[must_use]
pub fn waterfall(lines: &Lines) -> Markup {
    let named = lines.named();
    let (mut sum, mut edges) = (0.0, vec![0.0]);
    for (_, value) in &named {
        sum += value.to_f64();
        edges.push(sum);
    }
    let Some((low, high)) = parts::range(edges.iter().copied()) else { return html! {} };
    let at = |value: f64| (value - low) / (high - low) * 1000.0;
    let bar =
        |from: f64, to: f64| (format!("{:.1}", at(from.min(to))), format!("{:.1}", (at(to) - at(from)).abs().max(1.5)));
    let zero = format!("{:.1}", at(0.0));
    html! {
        table.waterfall {
            tbody {
                @for ((name, value), from) in named.iter().zip(&edges) {
                    @let (x, width) = bar(*from, from + value.to_f64());
                    tr {
                        td { (name) }
                        td.bars {
                            svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
                                line.grid x1=(zero) x2=(zero) y1="0" y2="16" {}
                                @if !value.is_zero() {
                                    rect class={ @if value.units() > 0 { "fill" } @else { "fill against" } } x=(x) y="2" width=(width) height="12" {}
                                }
                            }
                        }
                        td.n { @if *name == "unexplained" { (words::proof(*value)) } @else { (words::gain(*value)) } }
                    }
                }
                @let (x, width) = bar(0.0, sum);
                tr.sum {
                    td { b { "all lines" } }
                    td.bars { svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" { rect.whole x=(x) y="2" width=(width) height="12" {} } }
                    td.n { b { (words::gain(lines.total())) } }
                }
            }
        }
    }
}
