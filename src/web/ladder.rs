//! Opportunities: every pair and cash by what they are expected to carry, what each must reach, and the first gate that keeps it out.

use super::frame::{address, quoted};
use super::parts;
use super::table::funding;
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::PairRow;
use crate::observe::words::{About, typed};
use crate::port::command::AlarmKind;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The page.
#[must_use]
pub fn page(view: &View) -> Markup {
    let mut rows: Vec<&PairRow> = view.pairs().iter().collect();
    let carry = |row: &PairRow| row.detail.as_ref().and_then(|detail| detail.carry_apr);
    rows.sort_by(|a, b| carry(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&carry(a).unwrap_or(f64::NEG_INFINITY)));
    let cash = view.detail().map_or(0.0, |detail| detail.cash_apr.to_f64());
    let range = parts::range(rows.iter().filter_map(|row| carry(row)).chain([0.0, cash * 1.5]));
    html! {
        section.card id="ladder" {
            (parts::head("Ladder", &html! { "filled held · hollow not held · tick must reach · dashed cash " (words::percent(cash, 2)) }))
            div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table.list {
                thead { tr {
                    th.n { "#" } th { "pair" } th.n { "carry, %" br; "a year, own" } th.n { "must" br; "reach, %" }
                    th { "carry on own capital" } th.n { "funding, last → next" br; "± its error, %" } th.n { "round trip" br; "bps" }
                    th { "state, gate" br; "and what would change it" }
                } }
                tbody { @for (place, row) in rows.iter().enumerate() { (line(view, place + 1, row, (range, cash))) } }
            } }
        }
        (admitted(view))
        (gates(view))
    }
}

/// Pairs that the universe admits and that the session does not have.
fn admitted(view: &View) -> Markup {
    let Some(now) = view.snapshot.as_ref().filter(|now| !now.admitted.is_empty()) else { return html! {} };
    html! {
        section.card id="admitted" {
            (parts::head("Admitted, not in this session", &html! { "by the daily look at the universe" }))
            p { (now.admitted.join(", ")) }
            p.note { "Nothing is entered in them. To type: " (view.naming(&typed(AlarmKind::PairAdmitted, &About::default(), None))) "." }
        }
    }
}

fn line(view: &View, place: usize, row: &PairRow, (range, cash): (Option<(f64, f64)>, f64)) -> Markup {
    let detail = row.detail.as_ref();
    let percent = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| words::plain(value * 100.0, 2));
    let held = row.holds();
    let pill = if held {
        html! { span.pill.ours { "Held" } }
    } else if row.may_enter && row.waits_for.is_none() {
        html! { span.pill { "Open" } }
    } else {
        html! { span.pill.against { "Gate" } }
    };
    let needs = match (held, detail) {
        (true, Some(detail)) => detail
            .leave_apr
            .map_or_else(|| NONE.to_owned(), |leave| format!("leave {}", words::plain(leave * 100.0, 2))),
        (_, detail) => percent(detail.and_then(|detail| detail.enter_apr)),
    };
    let text = super::table::change(row);
    let stale = view.is_stale(row);
    html! {
        tr class=[stale.then_some("stale")] {
            td.n.soft { (place) }
            td.name { a href=(address(view, &format!("/pair?name={}", quoted(&row.pair)))) { b { (super::table::coin(row)) } } " " (pill) small { (row.pair) } (super::table::whose(row)) @if stale { small { (super::table::data(view, row)) } } }
            td.n.aged { b { (percent(detail.and_then(|detail| detail.carry_apr))) } }
            td.n.aged { (needs) }
            td.aged { (bar(row, (range, cash))) }
            td.n.aged { (funding(row)) }
            td.n.aged { (detail.map_or_else(|| NONE.to_owned(), |detail| words::plain(detail.one_way * 2e4, 0))) }
            td.words { b { @if held { "Held" } @else { "Not held" } } small { (text) } }
        }
    }
}

/// All rows on one axis, with cash as a line through them.
fn bar(row: &PairRow, (range, cash): (Option<(f64, f64)>, f64)) -> Markup {
    let (Some((low, high)), Some(detail)) = (range, &row.detail) else { return html! {} };
    let at = |value: f64| (value - low) / (high - low) * 1000.0;
    let show = |value: f64| format!("{value:.1}");
    let must = if row.holds() { detail.leave_apr } else { detail.enter_apr };
    html! {
        svg.ladder viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" {
            line.grid x1=(show(at(0.0))) x2=(show(at(0.0))) y1="0" y2="20" {}
            line.cash x1=(show(at(cash))) x2=(show(at(cash))) y1="0" y2="20" {}
            @if let Some(carry) = detail.carry_apr {
                @let (from, to) = (at(carry.min(0.0)), at(carry.max(0.0)));
                @let class = match (row.holds(), carry < 0.0) { (_, true) => "fill against", (true, _) => "fill", (false, _) => "hollow" };
                rect class=(class) x=(show(from)) y="5" width=(show((to - from).max(1.5))) height="10" {}
            }
            @if let Some(must) = must {
                line class={ @if row.holds() { "must against" } @else { "must" } } x1=(show(at(must))) x2=(show(at(must))) y1="0" y2="20" {}
            }
        }
    }
}

/// Which gate keeps how many pairs out.
fn gates(view: &View) -> Markup {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut free = 0;
    for row in view.pairs().iter().filter(|row| !row.holds()) {
        match row.detail.as_ref().and_then(|detail| detail.gates.iter().find(|gate| !gate.open)) {
            Some(gate) => *counts.entry(gate.name.as_str()).or_default() += 1,
            None => free += 1,
        }
    }
    let mut rows: Vec<(&str, usize)> = counts.into_iter().collect();
    rows.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let most = rows.first().map_or(1, |(_, count)| *count);
    let share = |count: usize| {
        format!(
            "{:.1}",
            1000.0 * words::ms(i64::try_from(count).unwrap_or(0)) / words::ms(i64::try_from(most).unwrap_or(1))
        )
    };
    html! {
        section.card id="why-not" {
            (parts::head("Why not the others", &html! { "the first gate that blocks" }))
            @if rows.is_empty() { p.note { "No gate keeps a pair out." } }
            table { tbody { @for (name, count) in &rows { tr {
                td { (name) }
                td.bars { svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
                    rect.track x="0" y="4" width="1000" height="8" {}
                    rect.fill x="0" y="4" width=(share(*count)) height="8" {}
                } }
                td.n { (count) }
            } } } }
            p.note {
                (view.pairs().len()) " pairs: " (view.held().count()) " held, " (free) " without a gate that is measured. "
                code { "carry why" (view.option()) } " shows each gate in order."
            }
        }
    }
}
