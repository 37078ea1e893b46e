//! One pair: lines as a waterfall, prices of both legs, gates in order, time line of what was decided, filled and settled.

use super::answers::{delta, earned_back, estimate, not_compared};
use super::basis;
use super::events;
use super::frame::{address, quoted};
use super::history::History;
use super::parts;
use super::profit::waterfall;
use super::table::{self, distance};
use super::view::View;
use super::words::{self, NONE};
use crate::control::detail::{LegDetail, PairDetail};
use crate::control::snapshot::{PairRow, Snapshot};
use crate::domain::WallTime;
use crate::report::run::{FundingRow, TripRow};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn page(view: &View, name: &str) -> Markup {
    let row = view.pairs().iter().find(|row| row.pair == name);
    let (Some(now), Some(row), Some(detail)) = (&view.snapshot, row, row.and_then(|row| row.detail.as_ref())) else {
        return html! { section.card id="pair" { (parts::head("Pair", &html! {})) p { "There is no pair of that name in this session." } } };
    };
    let trip = view.trip(name).filter(|_| row.holds());
    html! {
        (top(view, now, row, detail))
        div.two { (lines(now, row, detail, trip.as_ref())) (paid(view, row, (detail, trip.as_ref()))) }
        div.two { (gates(row, detail)) (timeline(view, row)) }
        div.three { (book(row, &detail.legs.0, row.ages_ms.0)) (book(row, &detail.legs.1, row.ages_ms.1)) (reconciled(view, now, row)) }
    }
}

fn top(view: &View, now: &Snapshot, row: &PairRow, detail: &PairDetail) -> Markup {
    let quote = row.quote.map_or_else(String::new, |quote| quote.to_string());
    let figure = |name: &str, value: Markup, unit: Markup| html! { div.figure { span { (name) } b { (value) } small { (unit) } } };
    let stale = if row.holds() && view.is_stale(row) { "stale" } else { "" };
    let held =
        row.entered_ms.map_or_else(|| "not held".to_owned(), |at| format!("held {}", words::held(now.at_ms.since(at))));
    let bps = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| words::signed(value * 1e4, 1));
    let to = |verb: &str| address(view, &format!("/plan?verb={verb}&pair={}", quoted(&row.pair)));
    html! {
        section.card.pairtop id="pair" class=(stale) {
            div.who {
                h1 { (table::coin(row)) " " (parts::pill(&row.phase)) " " small { (held) } }
                p.soft { (row.pair) @if let Some(strategy) = &row.strategy { " · strategy " b { (strategy) } } br; "long " (detail.legs.0.venue) " " (detail.legs.0.market) ", short " (detail.legs.1.venue) " " (detail.legs.1.market) }
            }
            div.figures {
                (figure("size", html! { (detail.legs.0.value.filter(|_| row.holds()).map_or_else(|| NONE.to_owned(), words::level)) }, html! { (quote) ", " (row.spot_coins) " " (table::coin(row)) }))
                (figure("delta", words::gain_or(delta(row)), html! { (quote) }))
                (figure("basis now", html! { (bps(row.basis.map(crate::domain::Rate::to_f64))) }, html! { "bps, exit " (bps(detail.closing_basis)) }))
                (figure("next settlement", row.next_settlement_ms.map_or_else(|| html! { (NONE) }, |at| words::until(at, now.at_ms)), if row.holds() { estimate(row) } else { html! { "nothing held" } }))
                (figure("carry", html! { (detail.carry_apr.map_or_else(|| NONE.to_owned(), |carry| words::percent(carry, 2))) }, html! { "a year on own capital" }))
                (figure("to liquidation", html! { (distance(now, row).map_or_else(|| NONE.to_owned(), |distance| words::percent(distance.to_f64(), 1))) }, html! { "of its wallet" }))
            }
            @if view.runs {
                nav.acts aria-label="acts on this pair" {
                    @if row.holds() { a.button href=(to("close")) data-key="c" { "close " kbd { "c" } } }
                    @else { a.button href=(to("open")) data-key="o" { "open " kbd { "o" } } }
                    a.button href="#gates" data-key="w" { "why " kbd { "w" } }
                }
            }
        }
    }
}

fn lines(now: &Snapshot, row: &PairRow, detail: &PairDetail, trip: Option<&TripRow>) -> Markup {
    let (lines, since) = match trip {
        Some(trip) => (trip.lines, format!("since entry, {}", words::moment(trip.opened))),
        None => (detail.lines, "since the session began".to_owned()),
    };
    let out = detail.legs.1.value.filter(|_| row.holds()).map(|value| value.abs().to_f64() * detail.one_way);
    html! {
        section.card id="lines" {
            (parts::head("Profit", &html! { (now.currency) " · " (since) ", valued at " (words::clock(now.at_ms)) " UTC" }))
            (waterfall(&lines))
            p.note {
                @if let Some(out) = out { "Closing now would cost about " (words::plain(out, 2)) " est: fees, spread and depth of both legs. " }
                @if let Some(trip) = trip { (trip.settlements) " settlements; unequal for " (words::plain(trip.naked_s, 1)) "\u{a0}s in all. " }
            }
        }
    }
}

/// Prints of this pair, the newest last.
fn prints<'a>(history: &'a History, pair: &str) -> Vec<&'a FundingRow> {
    let mut rows: Vec<&FundingRow> = history.result.funding.iter().filter(|row| row.pair == pair).collect();
    let from = rows.len().saturating_sub(90);
    rows.drain(..from);
    rows
}

fn paid(view: &View, row: &PairRow, (detail, trip): (&PairDetail, Option<&TripRow>)) -> Markup {
    let rows = view.history.as_ref().map(|history| prints(history, &row.pair)).unwrap_or_default();
    let interval = row
        .expected
        .or_else(|| Some(row.detail.as_ref()?.last?.0))
        .map_or(crate::domain::Interval::H8, |funding| funding.interval);
    let anchor =
        crate::domain::FundingRate::from_per_8h(crate::domain::FundingRate::ANCHOR.per_8h(), interval).rate.to_f64()
            * 100.0;
    let values: Vec<f64> = rows.iter().map(|row| row.rate.to_f64() * 100.0).collect();
    let range = parts::range(values.iter().copied().chain([0.0, anchor]));
    html! {
        section.card id="paid" {
            (parts::head("Basis and funding", &html! { "the last " (rows.len()) " settlements held, % each · dashed: the anchor" }))
            (basis::chart(detail, trip))
            @match range.filter(|_| !rows.is_empty()) {
                None => { p.note { "None was booked for this pair yet." } }
                Some((low, high)) => {
                    (columns(&values, (low, high), anchor))
                    div.axis { span { (rows.first().map_or_else(String::new, |row| words::day(row.at))) } span { (rows.last().map_or_else(String::new, |row| words::moment(row.at))) } }
                }
            }
            table { tbody {
                tr { td { "last → next" } td.n { (table::funding(row)) } }
            } }
        }
    }
}

fn columns(values: &[f64], (low, high): (f64, f64), anchor: f64) -> Markup {
    let y = |value: f64| 1000.0 - (value - low) / (high - low) * 1000.0;
    let show = |value: f64| format!("{value:.1}");
    let width = 1000.0 / words::ms(i64::try_from(values.len().max(1)).unwrap_or(1));
    let steps = parts::steps(low, high);
    let decimals = parts::decimals(&steps);
    html! {
        div.chart role="img" aria-label="funding paid" {
            svg.plot viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                @for step in &steps { line.grid x1="0" x2="1000" y1=(show(y(*step))) y2=(show(y(*step))) {} }
                @for (place, value) in values.iter().enumerate() {
                    @let x = width * words::ms(i64::try_from(place).unwrap_or(0));
                    rect class={ @if *value < 0.0 { "fill against" } @else { "sky" } } x=(show(x)) width=(show((width * 0.85).max(0.5)))
                        y=(show(y(value.max(0.0)))) height=(show((y(value.min(0.0)) - y(value.max(0.0))).max(1.0))) {}
                }
                line.bench x1="0" x2="1000" y1=(show(y(anchor))) y2=(show(y(anchor))) {}
            }
            @for step in &steps { (parts::label((step - low) / (high - low), &words::axis(*step, decimals))) }
        }
    }
}

fn gates(row: &PairRow, detail: &PairDetail) -> Markup {
    let what = if row.entered_ms.is_some() {
        "all that speaks for leaving, in order"
    } else {
        "all that must hold before an entry, in order"
    };
    html! {
        section.card id="gates" {
            (parts::head("Why", &html! { (what) }))
            @if detail.gates.is_empty() { p.note { "Nothing is measured: there is no price." } }
            table { tbody { @for gate in &detail.gates {
                @let mark = if gate.open { parts::Mark::Yes } else { parts::Mark::Stale };
                tr { td.keep { span class=(mark.class()) { (parts::mark(mark)) } " " (gate.name) } td.words { (gate.text) } td { @if gate.open { "yes" } @else { "no" } } }
            } } }
            @if let Some(refused) = &row.refused { p.note { "The last order wanted was refused: " (refused) } }
            @if let Some(latch) = &row.latched { p.note { b.against { "Latched" } " since " (words::moment(latch.since)) ": " (latch.cause.as_str()) } }
        }
    }
}

fn timeline(view: &View, row: &PairRow) -> Markup {
    let rows = events::rows(view, Some(&row.pair), 12);
    html! {
        section.card id="timeline" {
            (parts::head("Time line", &html! { "newest first, UTC" }))
            @if rows.is_empty() { p.note { "Nothing happened to this pair yet." } }
            table { tbody { @for event in &rows { tr { td.time { (words::moment(event.at)) } td.words { (event.text) } } } } }
        }
    }
}

fn book(row: &PairRow, leg: &LegDetail, age_ms: Option<i64>) -> Markup {
    let price = |price: Option<crate::domain::Price>| price.map_or_else(|| NONE.to_owned(), |price| price.to_string());
    let age = age_ms.map_or_else(|| "no price".to_owned(), |age| format!("{} old", words::age(age)));
    let sells = leg.value.is_some_and(|value| value.units() > 0);
    let held = leg.value.is_some_and(|value| !value.is_zero());
    let coins = if leg.market == "spot" { row.spot_coins } else { row.perp_coins };
    let way_out = if sells { leg.depth.1 } else { leg.depth.0 };
    let share = (held && !way_out.is_zero()).then(|| coins.magnitude().to_f64() / way_out.to_f64());
    let spread = leg.bid.zip(leg.ask).map(|(bid, ask)| {
        let (bid, ask) = (bid.to_f64(), ask.to_f64());
        (f64::midpoint(bid, ask), (ask - bid) / (bid + ask) * 2e4)
    });
    html! {
        section.card id={ "book-" (leg.market) "-" (leg.venue) } {
            (parts::head(&format!("{} {}", leg.venue, leg.market), &html! { (age) }))
            table { tbody {
                tr { td { "ask" } td.n { (price(leg.ask)) } td.n.soft { "depth " (leg.depth.0) " " (table::coin(row)) } }
                @if let Some((mid, bps)) = spread {
                    tr { td.soft { "mid" } td.n { (words::plain(mid, 4)) } td.n.soft { "spread " (words::plain(bps, 2)) " bps" } }
                }
                tr { td { "bid" } td.n { (price(leg.bid)) } td.n.soft { "depth " (leg.depth.1) " " (table::coin(row)) } }
                @if let Some(share) = share {
                    tr { td { "way out" } td { (parts::bar(Some(share), 1.0, share > 1.0, "share of the depth that our way out takes")) }
                        td.n.soft { (words::percent(share, 1)) " of the depth" } }
                }
                tr.sum { td { "held" } td.n { (leg.value.map_or_else(|| NONE.to_owned(), words::level)) } td.soft.n { "at mid" } }
            } }
            p.note { @if held { "Our way out " @if sells { "sells here at the bid." } @else { "buys here at the ask." } } @else { "Nothing is held here." } " Depth is what stands inside the slippage bound." }
        }
    }
}

fn reconciled(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let orders = now.orders.iter().filter(|order| order.pair == row.pair).count();
    let settled = view.funding_since(Some(&row.pair), row.entered_ms.unwrap_or(WallTime(i64::MIN)));
    let compared = now
        .reconciled_ms
        .map_or_else(|| not_compared(now).to_owned(), |at| format!("{} ago", words::age(now.at_ms.since(at).0)));
    html! {
        section.card id="reconciled" {
            (parts::head("Books", &html! { "compared: " (compared) }))
            table { tbody {
                tr { td { "spot coins" } td.n { (words::minus(&row.spot_coins.to_string())) } }
                tr { td { "perp coins" } td.n { (words::minus(&row.perp_coins.to_string())) } }
                tr { td { "target" } td.n { (row.target) } }
                tr { td { "settlements booked" } td.n { (settled.map_or_else(|| NONE.to_owned(), |(_, count)| count.to_string())) } }
                tr { td { "funding booked" } td.n { (words::gain_or(settled.map(|(sum, _)| sum))) } }
                tr { td { "earned against all costs" } td.n { (earned_back(view, row).filter(|_| row.holds()).map_or_else(|| NONE.to_owned(), |times| format!("{}\u{a0}×", words::plain(times, 2)))) } }
                tr.sum { td { b { "orders unsettled" } } td.n { b { (orders) } } }
            } }
            p.note { "Line by line: " code { "carry pnl --pair " (row.pair) (view.option()) } }
        }
    }
}
