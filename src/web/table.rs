//! The pairs of a session: a table where it is wide enough, cards where it is not. A pair in trouble comes first.

use super::answers::{coin_deltas, delta, earned_back, estimate};
use super::frame::{address, quoted};
use super::parts;
use super::view::View;
use super::words::{self, NONE};
use crate::control::detail::PairDetail;
use crate::control::snapshot::{PairRow, Snapshot};
use crate::domain::{Amount, Rate};
use maud::{Markup, html};

/// Pairs that are shown here; the others stand under opportunities.
const MOST: usize = 12;

/// The card.
#[must_use]
pub fn card(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return html! {} };
    let rows = ordered(view);
    let left = view.pairs().len() - rows.len();
    let note = html! {
        "values at " (words::clock(now.at_ms)) " · est = not yet settled · tick in the bars: all costs, or the floor"
    };
    html! {
        section.card.pairs id="pairs" {
            (parts::head("Pairs", &note))
            table.wide {
                thead { (heads()) }
                tbody {
                    @for row in &rows { (line(view, now, row)) }
                    (cash(now)) (sum(view, now))
                }
            }
            div.narrow {
                @for row in &rows { (small(view, now, row)) }
            }
            @if left > 0 { p.more { a href=(address(view, "/opportunities")) { (left) " more pairs, none of them held" } } }
        }
    }
}

/// Those in trouble, then those that are held by size, then the first of the others.
fn ordered(view: &View) -> Vec<&PairRow> {
    let mut rows: Vec<&PairRow> = view.pairs().iter().collect();
    let value = |row: &PairRow| size(row).map_or(0, Amount::units);
    let rank = |row: &PairRow| match row.phase.as_str() {
        "naked" => 0,
        "repair" => 1,
        "entering" | "exiting" => 2,
        _ if row.holds() => 3,
        _ => 4,
    };
    rows.sort_by_key(|row| (rank(row), -value(row)));
    let open = rows.iter().filter(|row| rank(row) < 4).count();
    rows.truncate(open.max(MOST));
    rows
}

/// The coin of a pair, or its name where an older program did not tell.
#[must_use]
pub fn coin(row: &PairRow) -> String {
    row.coin.map_or_else(|| row.pair.clone(), |coin| coin.to_string())
}

/// Value of the long leg.
fn size(row: &PairRow) -> Option<Amount> {
    row.detail.as_ref()?.legs.0.value
}

fn heads() -> Markup {
    html! {
        tr {
            th { "pair" }
            th.n { "size" br; "quote coin" }
            th.n { "delta" br; "quote coin" }
            th.n { "basis" br; "bps" }
            th.n { "funding, last → next" br; "± its error, %" }
            th.n { "next" br; "settlement" }
            th.n { "carry, %" br; "a year" }
            th.n { "net since" br; "entry" }
            th { "break-even" }
            th { "to liquidation" }
            th { "next action" br; "and what would change it" }
        }
    }
}

fn line(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let stale = row.holds() && view.is_stale(row);
    let trouble = matches!(row.phase.as_str(), "naked" | "repair");
    let class = match (trouble, stale) {
        (true, true) => "trouble stale",
        (true, false) => "trouble",
        (false, true) => "stale",
        (false, false) => "",
    };
    html! {
        tr class=(class) {
            td.name { (name(view, now, row)) }
            td.n.aged { (sizes(row)) }
            td.n.aged { (deltas(row, trouble)) }
            td.n.aged { (basis(view, row)) }
            td.n.aged { (funding(row)) }
            td.n { (settlement(now, row)) }
            td.n.aged { (carry(row)) }
            td.n { (net(view, now, row)) }
            td.aged { (breakeven(view, row)) }
            td.aged { (liquidation(now, row)) }
            td.words { (action(row)) }
        }
    }
}

fn second(text: &str) -> Markup {
    html! { small { (text) } }
}

fn name(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let coin = coin(row);
    let to = address(view, &format!("/pair?name={}", quoted(&row.pair)));
    html! {
        a href=(to) { b { (coin) } } " " (parts::pill(&row.phase))
        @if row.latched.is_some() { " " span.pill.against { "Latched" } }
        small { (row.pair) }
        (whose(row))
        small { (age(view, now, row)) }
    }
}

/// The strategy that a pair belongs to, where there are several.
#[must_use]
pub fn whose(row: &PairRow) -> Markup {
    html! { @if let Some(strategy) = &row.strategy { small.whose { "strategy " (strategy) } } }
}

/// How long it is held and how old its prices are.
fn age(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let held = row.entered_ms.map(|at| format!("held {} · ", words::held(now.at_ms.since(at))));
    html! {
        (held.unwrap_or_default())
        (data(view, row))
    }
}

/// How old the prices of a pair are; in orange words where they are stale.
#[must_use]
pub fn data(view: &View, row: &PairRow) -> Markup {
    html! { @match row.age_ms {
        None => { span.against { "data: none" } }
        Some(age) if view.is_stale(row) => { b.against { "data\u{a0}" (words::age(age)) } }
        Some(age) => { "data\u{a0}" (words::age(age)) }
    } }
}

fn sizes(row: &PairRow) -> Markup {
    let Some(detail) = row.detail.as_ref().filter(|_| row.holds()) else { return html! { span.zero { (NONE) } } };
    let value = |value: Option<Amount>| value.map_or_else(|| NONE.to_owned(), |value| words::level(value.abs()));
    html! {
        (value(detail.legs.0.value))
        small { (words::minus(&row.spot_coins.to_string())) " " (coin(row)) }
        small { "short " (value(detail.legs.1.value)) }
    }
}

fn deltas(row: &PairRow, trouble: bool) -> Markup {
    if !row.holds() {
        return html! { span.zero { (NONE) } };
    }
    let coins = (row.spot_coins + row.perp_coins).to_string();
    let value = delta(row).map_or_else(|| html! { "unknown" }, words::gain);
    html! {
        @if trouble { b.against { (value) } } @else { (value) }
        small { (words::minus(&coins)) }
    }
}

fn basis(view: &View, row: &PairRow) -> Markup {
    let bps =
        |fraction: Option<f64>| fraction.map_or_else(|| NONE.to_owned(), |fraction| words::signed(fraction * 1e4, 1));
    let detail = row.detail.as_ref();
    let entry = view.trip(&row.pair).map(|trip| trip.entry_basis_bps).filter(|_| row.holds());
    html! {
        (bps(row.basis.map(Rate::to_f64)))
        @if let Some(entry) = entry { small { "in " (words::signed(entry, 1)) } }
        @if row.holds() { small { "exit " (bps(detail.and_then(|detail| detail.closing_basis))) } }
    }
}

/// The last print, what is expected next, the year of both, and how good the forecast was against two plain guesses.
#[must_use]
pub fn funding(row: &PairRow) -> Markup {
    let Some(detail) = &row.detail else { return html! { (NONE) } };
    let last = detail.last.map(|(funding, _)| funding);
    let plain = |funding: Option<crate::domain::FundingRate>| {
        funding.map_or_else(|| NONE.to_owned(), |funding| words::plain(funding.rate.to_f64() * 100.0, 4))
    };
    let unit = row.expected.or(last).map_or_else(String::new, |funding| format!("\u{a0}%/{}", funding.interval));
    let year = |funding: Option<crate::domain::FundingRate>| funding.map_or_else(|| NONE.to_owned(), words::a_year);
    html! {
        (plain(last)) " → " b { (plain(row.expected)) } (unit)
        small { (year(last)) " → " (year(row.expected)) "\u{a0}% a year" }
        (skill(detail))
    }
}

fn skill(detail: &PairDetail) -> Markup {
    let percent = |fraction: f64| words::plain(fraction * 100.0, 4);
    match detail.next.and_then(|next| next.skill) {
        Some(skill) => html! {
            small { "± " (percent(skill.forecast)) " (" (percent(skill.last_print)) ", " (percent(skill.anchor)) ")\u{a0}/8h" }
        },
        None => second("error not known yet"),
    }
}

fn settlement(now: &Snapshot, row: &PairRow) -> Markup {
    let Some(at) = row.next_settlement_ms else { return html! { (NONE) } };
    html! {
        b { (words::until(at, now.at_ms)) }
        small { "at " (words::minute(at)) " UTC" }
        @if row.holds() { small { (estimate(row)) } }
    }
}

fn carry(row: &PairRow) -> Markup {
    let Some(detail) = &row.detail else { return html! { (NONE) } };
    let percent = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| words::plain(value * 100.0, 2));
    html! {
        (percent(detail.carry_apr))
        @if detail.enter_apr.is_some() { small { "enter " (percent(detail.enter_apr)) } }
        @if detail.leave_apr.is_some() && row.holds() { small { "leave " (percent(detail.leave_apr)) } }
    }
}

fn net(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let Some(trip) = view.trip(&row.pair).filter(|_| row.holds()) else {
        return html! { (words::gain(row.net)) small { "since the start" } };
    };
    let today = view.funding_since(Some(&row.pair), super::history::midnight(now.at_ms)).map(|(sum, _)| sum);
    html! {
        b { (words::gain(super::history::net(&trip.lines))) }
        small { "funding " (words::change(trip.lines.funding)) }
        small { "today " (today.map_or_else(|| NONE.to_owned(), words::change)) }
    }
}

fn breakeven(view: &View, row: &PairRow) -> Markup {
    let Some(times) = earned_back(view, row).filter(|_| row.holds()) else { return html! {} };
    html! {
        (parts::bar(Some(times / 2.0), 0.5, false, "earned against all costs"))
        b { (words::plain(times, 2)) "\u{a0}×" } "\u{a0}costs"
        small { @if times >= 1.0 { "reached" } @else { "not reached yet" } }
    }
}

/// The distance of the wallet that margins the short of a pair.
#[must_use]
pub fn distance(now: &Snapshot, row: &PairRow) -> Option<Rate> {
    let (detail, quote) = (row.detail.as_ref()?, row.quote?);
    let short = &detail.legs.1.venue;
    now.distances.iter().find(|(venue, coin, _)| venue == short && *coin == quote).and_then(|(.., distance)| *distance)
}

fn liquidation(now: &Snapshot, row: &PairRow) -> Markup {
    if !row.holds() || row.perp_coins.is_zero() {
        return html! {};
    }
    let floor = now.detail.as_ref().map_or(0.0, |detail| detail.floor.to_f64());
    let Some(distance) = distance(now, row).map(Rate::to_f64) else { return html! { "unknown" } };
    let near = distance < floor;
    html! {
        (parts::bar(Some(distance), floor, near, "left to liquidation"))
        @if near { b.against { (words::percent(distance, 1)) } } @else { b { (words::percent(distance, 1)) } }
        small { "of the wallet · floor " (words::percent(floor, 0)) }
    }
}

/// What it does now, and what would change it.
#[must_use]
pub fn action(row: &PairRow) -> Markup {
    let verb = match row.phase.as_str() {
        "flat" => "Out",
        "hedged" => "Hold",
        "entering" => "Enters",
        "exiting" => "Leaves",
        "repair" => "Mends",
        _ => "Waits",
    };
    html! { b { (verb) } small { (change(row)) } }
}

/// What would change what it does: the first gate with its measure, what was refused last, or what the next decision does.
#[must_use]
pub fn change(row: &PairRow) -> String {
    let measured = row.detail.as_ref().is_some_and(|detail| !detail.gates.is_empty());
    let next = match row.phase.as_str() {
        _ if !measured => "no gate is measured now: a price is missing",
        "flat" if row.may_enter => "every gate is open: it is entered at the next decision",
        "flat" => "every gate is open, but entries are stopped",
        "hedged" => "every condition of leaving holds: it is left at the next decision",
        _ => "both legs are worked until they are equal",
    };
    row.waits_for.clone().or_else(|| row.refused.clone()).unwrap_or_else(|| next.to_owned())
}

fn cash(now: &Snapshot) -> Markup {
    let Some(detail) = &now.detail else { return html! {} };
    let free: Amount = detail.wallets.iter().map(|wallet| wallet.free + wallet.spot).sum();
    let year = words::plain(detail.cash_apr.to_f64() * 100.0, 2);
    html! {
        tr {
            td.name { b { "Cash" } " " span.pill { "Reserve" } small { "free of margin, all wallets" } }
            td.n { (words::level(free)) }
            td {} td {}
            td.n { (year) "\u{a0}% a year" small { "run.cash_apr" } }
            td {}
            td.n { (year) small { "the benchmark" } }
            td.n { span.zero { "not booked" } }
            td {} td {}
            td.words { b { "Stays" } small { "what no pair pays for" } }
        }
    }
}

fn sum(view: &View, now: &Snapshot) -> Markup {
    let count = view.held().count();
    let stale = view.held().any(|row| view.is_stale(row));
    let total = view.held().try_fold(Amount::ZERO, |sum, row| Some(sum + size(row)?));
    // Coin by coin: what is too much of one is no answer to what lacks of another.
    let unequal = coin_deltas(view.held()).map(|all| all.values().map(|value| value.abs()).sum::<Amount>());
    let net: Option<Amount> =
        view.held().try_fold(Amount::ZERO, |sum, row| Some(sum + super::history::net(&view.trip(&row.pair)?.lines)));
    let next = view.held().filter_map(|row| row.next_settlement_ms).min();
    let nearest = now.distances.iter().filter_map(|(.., distance)| *distance).min();
    html! {
        tr.sum.stale[stale] {
            td.name { b { (count) @if count == 1 { " pair held" } @else { " pairs held" } } }
            td.n.aged { b { (total.map_or_else(|| NONE.to_owned(), words::level)) } }
            td.n.aged { b { (unequal.map_or_else(|| NONE.to_owned(), words::level)) } small { "of all coins, unsigned" } }
            td {} td {}
            td.n { @if let Some(at) = next { b { (words::until(at, now.at_ms)) } } }
            td {}
            td.n.aged { b { (words::gain_or(net)) } }
            td {}
            td.aged { @if let Some(nearest) = nearest { b { (words::percent(nearest.to_f64(), 1)) } " nearest" } }
            td {}
        }
    }
}

/// A pair on a small screen.
fn small(view: &View, now: &Snapshot, row: &PairRow) -> Markup {
    let trouble = matches!(row.phase.as_str(), "naked" | "repair");
    let class = if trouble {
        "pair trouble"
    } else if row.holds() && view.is_stale(row) {
        "pair stale"
    } else {
        "pair"
    };
    let field = |name: &str, value: Markup| html! { div.field { span { (name) } div { (value) } } };
    html! {
        article class=(class) {
            div.name { (name(view, now, row)) }
            div.net { (net(view, now, row)) }
            (field("size", sizes(row))) (field("delta", deltas(row, trouble)))
            (field("basis, bps", basis(view, row))) (field("next", settlement(now, row)))
            div.field.whole { span { "funding" } div { (funding(row)) } }
            div.field.whole { span { "carry, % a year" } div { (carry(row)) } }
            @if row.holds() {
                div.field.drawn { span { "break-even" } div { (breakeven(view, row)) } }
                div.field.drawn { span { "to liquidation" } div { (liquidation(now, row)) } }
            }
            div.field.last { span { "action" } div { (action(row)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::control::detail::GateRow;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn a_pair_that_is_out_never_says_only_that_every_gate_is_open() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut row = Snapshot::of(&state, START).pairs.remove(0);
        assert!(change(&row).contains("a price is missing"), "{}", change(&row));
        let gate = GateRow { name: "entry.funding".to_owned(), text: String::new(), open: true };
        row.detail.as_mut().unwrap().gates = vec![gate];
        row.may_enter = false;
        assert!(change(&row).contains("entries are stopped"), "{}", change(&row));
        row.may_enter = true;
        assert!(change(&row).contains("it is entered at the next decision"), "{}", change(&row));
        row.waits_for = Some("entry.funding 0.0062 %/8h, must be > 0.0100 %/8h".to_owned());
        assert_eq!(change(&row), "entry.funding 0.0062 %/8h, must be > 0.0100 %/8h");
    }

    #[test]
    fn whose_a_pair_is_stands_in_its_rows_and_on_its_page_where_there_are_several_strategies() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut view = View::nothing("s", std::path::Path::new("s"));
        view.snapshot = Some(Snapshot::of(&state, START));
        let name = view.pairs()[0].pair.clone();
        let pages = |view: &View| {
            [card(view), super::super::pair::page(view, &name), super::super::ladder::page(view)]
                .map(maud::PreEscaped::into_string)
        };
        for page in pages(&view) {
            assert!(page.contains(&name) && !page.contains("strategy"), "{page}");
        }
        if let Some(now) = &mut view.snapshot {
            now.pairs[0].strategy = Some("dear-coins".to_owned());
        }
        for page in pages(&view) {
            assert!(page.contains("strategy") && page.contains("dear-coins"), "{page}");
        }
    }
}
