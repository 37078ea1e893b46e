//! Health: every reason why less is done than could be, ages of every price, orders in doubt, starts, files.
//!
//! Tests: at the end, `tests/commands/page.rs`.

use super::frame::quoted;
use super::parts::{self, Mark};
use super::view::View;
use super::words::{self, NONE};
use crate::control::link::Link;
use crate::control::snapshot::Snapshot;
use crate::domain::WallTime;
use crate::orders::OrderState;
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn page(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return super::overview::nothing(view) };
    html! {
        (stops(view, now))
        div.two { (feeds(view, now)) div.stack { (venues(now)) (orders(view, now)) (process(view, now)) } }
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
                        td.words { @if stop.why == "differs" && view.runs {
                            a.button href=(super::frame::address(view, "/plan?verb=accept")) { "what accepting would book" } " or "
                        } @match &stop.clear { Some(clear) => { code { (view.naming(clear)) } } None => { "it passes by itself" } } }
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

/// The way to each venue: what works, when it was compared, the clocks, what was spent of its limits, how fast it answers.
fn venues(now: &Snapshot) -> Markup {
    let compared = |at: Option<WallTime>| {
        at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", words::age(now.at_ms.since(at).0)))
    };
    html! {
        section.card id="venues" {
            (parts::head("Venues", &html! { "clock: theirs less ours · answers since the start" }))
            @if now.venues.is_empty() { p.note { "No venue is known yet." } }
            @for venue in &now.venues {
                @let works = venue.reachable && venue.missing.is_empty();
                @let mark = if works { Mark::Yes } else { Mark::No };
                table { tbody {
                    tr { td { b { (venue.venue) } } td.n { span class=(mark.class()) { (parts::mark(mark)) }
                        @if !venue.reachable { " cannot be reached" } @else if works { " reached" } @else { " lacks " (venue.missing.join(", ")) } } }
                    tr { td { "lists and ledger compared" } td.n { (compared(venue.reconciled_ms))
                        @match venue.agrees { Some(false) => { ", " b.against { "they differ" } } Some(true) => { ", equal" } None => {} } } }
                    @if let Some(link) = &venue.link { (network(link)) }
                } }
            }
        }
    }
}

fn network(link: &Link) -> Markup {
    let answers = link.answers;
    let mean = answers.sum_us.checked_div(answers.count);
    let ms = |us: u64| words::plain(words::ms(i64::try_from(us).unwrap_or(i64::MAX)) / 1e3, 1);
    html! {
        tr { td { "clock" } td.n { @match link.clock_ms {
            Some((off, error)) => { (words::minus(&off.to_string())) "\u{a0}ms ± " (error) }
            None => { "not measured lately" }
        } } }
        @for row in &link.spent {
            tr { td { (row.host) " " (row.what) } td.n { (row.used) " of " (row.limit) " in " (words::age(row.window_ms)) } }
        }
        tr { td { "answers" } td.n { @match mean {
            Some(mean) => { (answers.count) ", mean " (ms(mean)) "\u{a0}ms, longest " (ms(answers.longest_us)) "\u{a0}ms" }
            None => { "none yet" }
        } } }
    }
}

/// Ways to settle an order in doubt: each shows its plan first.
fn settle(view: &View, id: &str) -> Markup {
    let to = |word: &str| super::frame::address(view, &format!("/plan?verb=resolve&id={}&as={word}", quoted(id)));
    html! { br; a.button href=(to("executed")) { "it was executed" } " " a.button href=(to("absent")) { "it is not there" } }
}

fn orders(view: &View, now: &Snapshot) -> Markup {
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
                        td { (serde_json::to_value(order.state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default())
                            @if view.runs && order.state == OrderState::Unknown { (settle(view, &order.id)) } }
                    } } }
                } }
            }
        }
    }
}

fn process(view: &View, now: &Snapshot) -> Markup {
    let history = view.history.as_ref();
    let booted = now.booted_ms;
    let at = Some(now.last_event_ms).filter(|at| at.0 > 0);
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
                (row("last event", html! { "number " (now.last_sequence) ", " (at.map_or_else(|| NONE.to_owned(), words::clock)) }))
                (row("ledger and venue compared", html! { (compared) }))
            } }
            @if view.runs {
                p { a.button href=(super::frame::address(view, "/plan?verb=reload")) { "settings: read the files again" } }
            }
            p.note { code { "carry doctor" (view.option()) } " looks at clock, keys, limits and disk." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::control::link::SpentRow;
    use crate::control::snapshot::OrderRow;
    use crate::control::stops::Stop;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn the_way_to_a_venue_and_what_settles_a_doubt_are_shown() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut view = View::nothing("s", std::path::Path::new("runs/s"));
        let mut now = Snapshot::of(&state, START);
        let mut answers = crate::control::latency::Latency::default();
        answers.note(std::time::Duration::from_millis(20));
        let spent =
            SpentRow { host: "spot".to_owned(), what: "weight".to_owned(), used: 40, limit: 6_000, window_ms: 60_000 };
        now.venues[0].link = Some(Link { clock_ms: Some((-12, 3)), spent: vec![spent], answers });
        now.orders = vec![OrderRow {
            id: "c1-0-7".to_owned(),
            pair: "alpha:BTCUSDT".to_owned(),
            leg: "spot".to_owned(),
            side: "buy".to_owned(),
            quantity: crate::domain::Quantity::ZERO,
            filled: crate::domain::Quantity::ZERO,
            limit: crate::domain::Price::parse("1").unwrap(),
            state: OrderState::Unknown,
            decided_ms: START,
            reason: String::new(),
        }];
        now.stops = vec![Stop {
            why: "differs".to_owned(),
            venue: Some("alpha".to_owned()),
            pair: None,
            since_ms: None,
            text: String::new(),
            clear: Some("carry reconcile".to_owned()),
        }];
        view.snapshot = Some(now);
        let links = ["verb=resolve&amp;id=c1-0-7&amp;as=executed", "as=absent", "/plan?verb=accept"];
        let dead = page(&view).into_string();
        assert!(links.iter().all(|link| !dead.contains(link)), "nobody would answer: {dead}");
        view.runs = true;
        let shown = page(&view).into_string();
        for part in ["\u{2212}12\u{a0}ms ± 3", "40 of 6000 in 60\u{a0}s", "1, mean 20.0\u{a0}ms"].iter().chain(&links)
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
