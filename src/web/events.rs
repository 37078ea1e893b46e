//! What happened: alarms with cause and effect, what was done and what to type; fills, settlements and round trips beside them.

use super::parts;
use super::view::View;
use super::words;
use crate::control::recent::Event;
use crate::domain::{Amount, Span, WallTime};
use crate::report::run::{FillRow, FundingRow, TripRow};
use maud::{Markup, html};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub at: WallTime,
    /// `page`, `notify` or `log`.
    pub level: String,
    /// Cause and effect.
    pub text: String,
    /// What was done.
    pub done: String,
    /// What to type.
    pub typed: String,
}

/// Fills of one leg this close together are one line.
const CLOSE: Span = Span::MINUTE;
/// Rows of each kind that are looked at.
const LOOK: usize = 200;

/// The latest, of all or of one pair, the newest first.
#[must_use]
pub fn rows(view: &View, pair: Option<&str>, most: usize) -> Vec<Row> {
    let of = |name: &str| pair.is_none_or(|pair| pair == name);
    let alarms = view.snapshot.iter().flat_map(|now| &now.events);
    let mut rows: Vec<Row> =
        alarms.filter(|event| of(event.of.as_deref().unwrap_or_default())).map(|event| alarm(view, event)).collect();
    if let Some(history) = &view.history {
        let result = &history.result;
        rows.extend(fills(result.fills.iter().rev().filter(|fill| of(&fill.pair))));
        let simulated = history.last.simulated;
        rows.extend(settlements(simulated, result.funding.iter().rev().filter(|paid| of(&paid.pair))));
        rows.extend(result.trips.iter().rev().filter(|trip| of(&trip.pair)).take(LOOK).flat_map(trip));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    rows.truncate(most);
    rows
}

fn alarm(view: &View, event: &Event) -> Row {
    let of = event.of.as_ref().map_or_else(String::new, |of| format!("{of}: "));
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    Row {
        at: event.at_ms,
        level: event.level.clone(),
        text: format!("{of}{}{times}", event.text),
        done: event.done.clone(),
        typed: view.naming(&event.typed),
    }
}

fn log(at: WallTime, text: String, done: &str) -> Row {
    Row { at, level: "log".to_owned(), text, done: done.to_owned(), typed: String::new() }
}

/// The newest first. Fills of one leg and side that follow each other closely, in one line.
fn fills<'a>(all: impl Iterator<Item = &'a FillRow>) -> Vec<Row> {
    let mut rows: Vec<(WallTime, &FillRow, Amount, usize)> = Vec::new();
    for fill in all.take(LOOK) {
        let value = fill.price.times(fill.quantity);
        match rows.last_mut() {
            Some((at, first, sum, count))
                if (&first.pair, first.leg, first.side) == (&fill.pair, fill.leg, fill.side)
                    && at.since(fill.at).0 <= CLOSE.0 =>
            {
                *sum += value;
                *count += 1;
                *at = fill.at;
            }
            _ => rows.push((fill.at, fill, value, 1)),
        }
    }
    let text = |(_, fill, value, count): &(WallTime, &FillRow, Amount, usize)| {
        let (verb, leg) = (if fill.side == crate::domain::Side::Buy { "bought" } else { "sold" }, fill.leg);
        let fills = if *count == 1 { "1 fill".to_owned() } else { format!("{count} fills") };
        let text = format!(
            "{}: {verb} {leg} for {} in {fills} ({})",
            fill.pair,
            words::level(*value),
            fill.reason.replace('_', " ")
        );
        log(fill.at, text, "booked")
    };
    rows.iter().map(text).collect()
}

/// The newest first. Settlements of one stamp in one line.
fn settlements<'a>(simulated: bool, all: impl Iterator<Item = &'a FundingRow>) -> Vec<Row> {
    let mut rows: Vec<(WallTime, Vec<String>)> = Vec::new();
    for row in all.take(LOOK) {
        let text = format!("{} {}", row.symbol, words::change(row.amount));
        match rows.last_mut() {
            Some((at, texts)) if *at == row.at => texts.push(text),
            _ => rows.push((row.at, vec![text])),
        }
    }
    let done = if simulated { "booked as the simulated venue paid it" } else { "booked from the venue's list" };
    rows.into_iter().map(|(at, texts)| log(at, format!("Funding {}", texts.join(", ")), done)).collect()
}

fn trip(trip: &TripRow) -> Vec<Row> {
    let opened = format!(
        "{}: entered at a basis of {} bps ({})",
        trip.pair,
        words::signed(trip.entry_basis_bps, 1),
        trip.entry_reason.replace('_', " ")
    );
    let mut rows = vec![log(trip.opened, opened, "held from here on")];
    if let Some(at) = trip.closed {
        let net = super::history::net(&trip.lines);
        let why = trip.exit_reason.as_deref().unwrap_or("no reason told").replace('_', " ");
        rows.push(log(
            at,
            format!("{}: closed, net {} over {} settlements ({why})", trip.pair, words::change(net), trip.settlements),
            "flat",
        ));
    }
    rows
}

/// The card of the overview.
#[must_use]
pub fn card(view: &View) -> Markup {
    let rows = rows(view, None, 8);
    let note = html! { "latest " (rows.len()) " · " a href=(super::frame::address(view, "/events")) { "all" } };
    html! {
        section.card.events id="events" {
            (parts::head("Events", &note))
            @if rows.is_empty() { p.note { "Nothing happened yet." } }
            table { tbody { @for row in &rows { tr {
                td.time { time { (words::moment(row.at)) } }
                td.level { (level(&row.level)) }
                td.words { (row.text) @if !row.typed.is_empty() { br; code { (row.typed) } } }
            } } } }
        }
    }
}

fn level(level: &str) -> Markup {
    match level {
        "page" => html! { b.against { "page" } },
        "notify" => html! { b { "notify" } },
        other => html! { span.soft { (other) } },
    }
}

/// The page of events.
#[must_use]
pub fn page(view: &View) -> Markup {
    let rows = rows(view, None, 200);
    html! {
        section.card id="events-all" {
            (parts::head("Events", &html! { "latest " (rows.len()) " · alarms since the start of the process · UTC" }))
            div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table.list {
                thead { tr { th { "UTC" } th { "level" } th { "cause and effect" } th { "done" } th { "type" } } }
                tbody { @for row in &rows { tr {
                    td.time { (words::day(row.at)) " " (words::clock(row.at)) }
                    td { (level(&row.level)) }
                    td.words { (row.text) }
                    td.words { (row.done) }
                    td.words { @if row.typed.is_empty() { "nothing" } @else { code { (row.typed) } } }
                } } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Rate, SignedQuantity};

    #[test]
    fn settlements_of_one_stamp_are_one_line() {
        let row = |at, symbol: &str| FundingRow {
            at: WallTime(at),
            pair: format!("a:{symbol}"),
            venue: "a".to_owned(),
            symbol: symbol.to_owned(),
            quantity: SignedQuantity::ZERO,
            mark_price: Price::parse("1").unwrap(),
            mark_source: "mark".to_owned(),
            rate: Rate::ZERO,
            amount: Amount::whole(2),
        };
        let rows = |simulated| settlements(simulated, [row(1, "X"), row(5, "X"), row(5, "Y")].iter().rev());
        assert!(!rows(true)[0].done.contains("venue's list") && rows(false)[0].done.contains("venue's list"));
        let rows = rows(false);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].text, "Funding Y +2.00, X +2.00");
    }
}
