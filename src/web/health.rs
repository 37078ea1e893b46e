//! Health: every reason why less is done than could be, ages of every price, orders in doubt, starts, files.

use super::parts::{self, Mark};
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::Snapshot;
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn page(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return super::overview::nothing(view) };
    html! {
        (stops(view, now))
        div.two { (feeds(view, now)) div.stack { (orders(now)) (process(view, now)) } }
    }
}

fn stops(view: &View, now: &Snapshot) -> Markup {
    html! {
        section.card id="stops" {
            (parts::head("What stops it", &html! { "state " b { (now.state.replace('_', " ")) } }))
            @if now.stops.is_empty() { p { span.ours { (parts::mark(Mark::Yes)) } " Nothing: every pair may be entered as far as its gates allow." } }
            @if !now.stops.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table.list {
                    thead { tr { th { "since" } th { "about" } th { "reason" } th { "what clears it" } } }
                    tbody { @for stop in &now.stops { tr {
                        td.time { (stop.since_ms.filter(|at| at.0 > 0).map_or_else(|| NONE.to_owned(), words::moment)) }
                        td { (stop.pair.as_ref().or(stop.venue.as_ref()).map_or("session", String::as_str)) }
                        td.words { (stop.text) }
                        td.words { @match &stop.clear { Some(clear) => { code { (view.naming(clear)) } } None => { "it passes by itself" } } }
                    } } }
                } }
            }
        }
    }
}

fn feeds(view: &View, now: &Snapshot) -> Markup {
    let most = now.detail.as_ref().map_or_else(|| NONE.to_owned(), |detail| words::age(detail.max_age.0));
    let mut rows: Vec<_> = view.pairs().iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.age_ms.unwrap_or(i64::MAX)));
    let leg = |age: Option<i64>| age.map_or_else(|| "none".to_owned(), words::age);
    html! {
        section.card id="feeds" {
            (parts::head("Prices", &html! { "age of each leg, the oldest first · stale after " (most) }))
            table {
                thead { tr { th { "pair" } th.n { "long leg" } th.n { "short leg" } th { "fresh" } } }
                tbody { @for row in rows.iter().take(30) {
                    @let mark = if view.is_stale(row) { Mark::Stale } else { Mark::Yes };
                    @let legs = row.ages_ms;
                    tr {
                        td { (row.pair) }
                        td.n { (leg(legs.0)) }
                        td.n { (leg(legs.1)) }
                        td { span class=(mark.class()) { (parts::mark(mark)) } @if mark == Mark::Yes { " yes" } @else { " stale" } }
                    }
                } }
            }
        }
    }
}

fn orders(now: &Snapshot) -> Markup {
    html! {
        section.card id="orders" {
            (parts::head("Unsettled orders", &html! { (now.orders.len()) ", of them in doubt " (now.in_doubt) }))
            @if now.orders.is_empty() { p.note { "No order is unsettled." } }
            @if !now.orders.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table {
                    thead { tr { th { "id" } th { "pair" } th { "order" } th.n { "filled" } th { "state" } } }
                    tbody { @for order in now.orders.iter().take(20) { tr {
                        td { code { (order.id) } } td { (order.pair) }
                        td { (order.side) " " (order.quantity) " " (order.leg) } td.n { (order.filled) }
                        td { (serde_json::to_value(order.state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()) }
                    } } }
                } }
            }
        }
    }
}

fn process(view: &View, now: &Snapshot) -> Markup {
    let history = view.history.as_ref();
    let booted = now.booted_ms;
    let compared = now.reconciled_ms.map_or_else(
        || super::answers::not_compared(now).to_owned(),
        |at| format!("{} ago", words::age(now.at_ms.since(at).0)),
    );
    let row = |name: &str, value: Markup| html! { tr { td { (name) } td.n { (value) } } };
    html! {
        section.card id="process" {
            (parts::head("Session", &html! { code { (view.dir.display()) } }))
            table { tbody {
                (row("process", html! { (super::answers::process(view)) }))
                (row("this view", html! { (words::age_of(view.age())) " old" }))
                (row("market", html! { (history.map_or(NONE, |history| history.identity.market.as_str())) }))
                (row("strategy", html! { code { (history.map_or_else(String::new, |history| history.identity.strategy.chars().take(12).collect())) } }))
                (row("starts", html! { (history.map_or_else(|| NONE.to_owned(), |history| history.boots.to_string())) }))
                (row("this start", html! { (booted.map_or_else(|| NONE.to_owned(), words::moment)) }))
                (row("last event", html! { "number " (now.last_sequence) ", " (words::clock(now.last_event_ms)) }))
                (row("ledger and venue compared", html! { (compared) }))
            } }
            @if view.runs {
                p { a.button href=(super::frame::address(view, "/plan?verb=reload")) { "settings: read the files again" } }
            }
            p.note { code { "carry doctor" (view.option()) } " looks at clock, keys, limits and disk." }
        }
    }
}
