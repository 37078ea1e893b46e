//! The first page: the alarm if there is one, the five answers, the pairs, profit, equity, events.

use super::answers::delta;
use super::frame::{self, Screen};
use super::view::View;
use super::words;
use super::{answers, events, parts, profit, table};
use crate::control::snapshot::{PairRow, Snapshot};
use maud::{Markup, html};

/// The content.
#[must_use]
pub fn content(view: &View) -> Markup {
    if view.snapshot.is_none() {
        return nothing(view);
    }
    html! {
        (alarm(view)) (answers::card(view)) (table::card(view))
        div.three id="three" { (profit::card(view)) (profit::equity(view)) (events::card(view)) }
    }
}

/// Where nothing is known, why.
#[must_use]
pub fn nothing(view: &View) -> Markup {
    let why = view.problem.as_deref().unwrap_or("The session has not answered yet.");
    html! { section.card id="nothing" { (parts::head("Nothing to show", &html! { (view.dir.display()) })) p { (why) } } }
}

/// The card that stands above all when a person should look.
fn alarm(view: &View) -> Markup {
    let Some(now) = view.snapshot.as_ref().filter(|_| frame::in_alarm(view)) else { return html! {} };
    let odd = view.pairs().iter().find(|row| matches!(row.phase.as_str(), "naked" | "repair"));
    html! {
        section.card.alarm id="alarm" role="alert" {
            div.what {
                (parts::mark(parts::Mark::No))
                div { h2 { (title(now, odd)) } p { (effect(view, now)) } }
            }
            div.columns {
                div { h3 { "What was done" } (done(view)) }
                div { h3 { "What stops it" } (stops(now)) }
                div { h3 { "What to type" } (typed(view, now)) }
            }
        }
    }
}

fn title(now: &Snapshot, odd: Option<&PairRow>) -> String {
    let Some(row) = odd else {
        return match now.state.as_str() {
            "halted" => "The session is halted: nothing is sent".to_owned(),
            "no_process" => "No process runs for this session".to_owned(),
            "no_answer" => "The session does not answer".to_owned(),
            _ => format!("{} orders are in doubt", now.in_doubt),
        };
    };
    let value = delta(row).map_or_else(|| "of unknown value".to_owned(), words::change);
    let quote = row.quote.map_or_else(String::new, |quote| quote.to_string());
    let since = row.unequal_since_ms;
    let time = since.map_or_else(String::new, |at| format!(", for {}", words::age(now.at_ms.since(at).0)));
    let what = if row.phase == "naked" { "One leg is naked" } else { "Being mended" };
    format!("{what}: {} {value} {quote}{time}", row.pair)
}

fn effect(view: &View, now: &Snapshot) -> Markup {
    let others = view.held().filter(|row| row.phase == "hedged").count();
    html! { (others) " other pairs are hedged · " (now.orders.len()) " orders unsettled, " (now.in_doubt) " in doubt" }
}

fn done(view: &View) -> Markup {
    let rows = events::rows(view, None, 5);
    html! { table { tbody { @for row in &rows { tr { td.time { (words::clock(row.at)) } td.words { (row.text) @if !row.done.is_empty() { "; " (row.done) } } } } } } }
}

fn stops(now: &Snapshot) -> Markup {
    html! {
        @if now.stops.is_empty() { p { "Nothing: it is mended by itself." } }
        @for stop in now.stops.iter().take(4) {
            p { (stop.pair.as_ref().or(stop.venue.as_ref()).map_or_else(String::new, |of| format!("{of}: "))) (stop.text) }
        }
    }
}

fn typed(view: &View, now: &Snapshot) -> Markup {
    let dir = view.dir.display();
    html! {
        p.soft { "To watch" } p { code { "carry status --watch --state " (dir) } }
        @for order in now.orders.iter().filter(|order| order.state == crate::orders::OrderState::Unknown).take(2) {
            p.soft { "You see at the venue what became of the order" }
            p { code { "carry resolve " (order.id) " --as executed|absent --state " (dir) } }
        }
        @for stop in now.stops.iter().filter(|stop| stop.clear.is_some()).take(2) {
            p.soft { (stop.text) } p { code { (stop.clear.as_deref().unwrap_or_default()) } }
        }
    }
}

/// The content of any page of a session but a plan.
#[must_use]
pub fn of(view: &View, screen: &Screen) -> Markup {
    if view.snapshot.is_none() {
        return nothing(view);
    }
    match screen {
        Screen::Overview | Screen::Plan => content(view),
        Screen::Opportunities => super::ladder::page(view),
        Screen::Ledger => super::days::page(view, None),
        Screen::Month(month) => super::days::page(view, Some(month)),
        Screen::Risk => super::risk::page(view),
        Screen::Health => super::health::page(view),
        Screen::Events => events::page(view),
        Screen::Pair(name) => super::pair::page(view, name),
    }
}
