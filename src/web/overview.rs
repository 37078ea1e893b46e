//! The first page: the alarm if there is one, the five answers, the pairs, profit, equity, events.

use super::answers::delta;
use super::frame::Screen;
use super::view::View;
use super::words;
use super::{answers, events, parts, profit, table};
use crate::control::recent::Event;
use crate::control::snapshot::{PairRow, Snapshot};
use crate::control::stops::Stop;
use crate::domain::Span;
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
    let (Some(now), Some(title)) = (&view.snapshot, trouble(view)) else { return html! {} };
    html! {
        section.card.alarm id="alarm" role="alert" {
            div.what {
                (parts::mark(parts::Mark::No))
                div { h2 { (title) } p { (effect(view, now)) } }
            }
            div.columns {
                div { h3 { "What was done" } (done(view)) }
                div { h3 { "What stops it" } (stops(now)) }
                div { h3 { "What to type" } (typed(view, now)) }
            }
        }
    }
}

/// What a person should look at now, the worst first; `None` where there is nothing.
#[must_use]
pub fn trouble(view: &View) -> Option<String> {
    let now = view.snapshot.as_ref()?;
    let odd = view.pairs().iter().find(|row| matches!(row.phase.as_str(), "naked" | "repair"));
    odd.map(|row| unequal(now, row)).or_else(|| of_session(now)).or_else(|| of_venue(now)).or_else(|| liquidated(now))
}

fn unequal(now: &Snapshot, row: &PairRow) -> String {
    let value = delta(row).map_or_else(|| "of unknown value".to_owned(), words::change);
    let quote = row.quote.map_or_else(String::new, |quote| quote.to_string());
    let since = row.unequal_since_ms;
    let time = since.map_or_else(String::new, |at| format!(", for {}", words::age(now.at_ms.since(at).0)));
    let what = if row.phase == "naked" { "One leg is naked" } else { "Being mended" };
    format!("{what}: {} {value} {quote}{time}", row.pair)
}

fn of_session(now: &Snapshot) -> Option<String> {
    Some(match now.state.as_str() {
        "halted" => "The session is halted: nothing is sent".to_owned(),
        "no_process" => "No process runs for this session".to_owned(),
        "no_answer" => "The session does not answer".to_owned(),
        _ if now.in_doubt > 0 => format!("{} orders are in doubt", now.in_doubt),
        _ => return None,
    })
}

fn of_venue(now: &Snapshot) -> Option<String> {
    let stop = |why: &str| now.stops.iter().find(|stop| stop.why == why);
    let of = |stop: &Stop| stop.venue.clone().unwrap_or_else(|| "a venue".to_owned());
    if let Some(found) = stop("unreachable") {
        return Some(format!("{} cannot be reached", of(found)));
    }
    let floor = now.detail.as_ref().map(|detail| detail.floor);
    let near = now.distances.iter().filter_map(|(venue, quote, distance)| Some(((*distance)?, venue, quote)));
    if let Some((distance, venue, quote)) =
        near.filter(|(distance, ..)| floor.is_some_and(|floor| *distance < floor)).min()
    {
        let distance = words::percent(distance.to_f64(), 1);
        return Some(format!("Below the floor: {venue} {quote} is {distance} from liquidation"));
    }
    stop("differs").map(|found| format!("Ledger and {} differ", of(found)))
}

/// What is told once: it stands above all for an hour.
fn liquidated(now: &Snapshot) -> Option<String> {
    let young = |event: &&Event| event.kind == "liquidated" && now.at_ms.since(event.at_ms) < Span::HOUR;
    let event = now.events.iter().find(young)?;
    let of = event.of.as_ref().map_or_else(String::new, |of| format!(" of {of}"));
    Some(format!("The venue liquidated the short{of}, {} ago", words::age(now.at_ms.since(event.at_ms).0)))
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
    let option = view.option();
    html! {
        p.soft { "To watch" } p { code { "carry status --watch" (option) } }
        @for order in now.orders.iter().filter(|order| order.state == crate::orders::OrderState::Unknown).take(2) {
            p.soft { "You see at the venue what became of the order" }
            p { code { "carry resolve " (order.id) " --as executed|absent" (option) } }
        }
        @for stop in now.stops.iter().filter(|stop| stop.clear.is_some()).take(2) {
            p.soft { (stop.text) } p { code { (view.naming(stop.clear.as_deref().unwrap_or_default())) } }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::Rate;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn a_venue_down_a_floor_a_difference_and_a_liquidation_stand_above_all() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut view = View::nothing("s", std::path::Path::new("runs/s"));
        let calm = Snapshot { state: "ready".to_owned(), stops: Vec::new(), ..Snapshot::of(&state, START) };
        view.runs = true;
        let mut said = |now: Snapshot| {
            view.snapshot = Some(now);
            (trouble(&view), alarm(&view).into_string())
        };
        assert_eq!(said(calm.clone()), (None, String::new()));
        let stop = |why: &str| Stop {
            why: why.to_owned(),
            venue: Some("alpha".to_owned()),
            pair: None,
            since_ms: None,
            text: String::new(),
            clear: Some("carry reconcile".to_owned()),
        };
        let of_stop = |why: &str| Snapshot { stops: vec![stop(why)], ..calm.clone() };
        let near = vec![("alpha".to_owned(), calm.currency, Rate::parse("0.0001").ok())];
        let event = |ago: i64| Event {
            at_ms: crate::domain::WallTime(calm.at_ms.0 - ago * 60_000),
            level: "page".to_owned(),
            kind: "liquidated".to_owned(),
            of: Some("alpha:BTCUSDT".to_owned()),
            text: String::new(),
            done: String::new(),
            typed: String::new(),
            count: 1,
            number: 1,
        };
        for (now, title) in [
            (of_stop("unreachable"), "alpha cannot be reached"),
            (of_stop("differs"), "Ledger and alpha differ"),
            (Snapshot { distances: near, ..calm.clone() }, "Below the floor: alpha"),
            (Snapshot { events: vec![event(5)], ..calm.clone() }, "The venue liquidated the short of alpha:BTCUSDT"),
        ] {
            let (found, card) = said(now);
            assert!(found.is_some_and(|found| found.starts_with(title)) && card.contains(title), "{title}: {card}");
        }
        assert_eq!(said(Snapshot { events: vec![event(61)], ..calm.clone() }).0, None, "an hour later it is an event");
        let (_, card) = said(of_stop("differs"));
        assert!(card.contains("carry reconcile --state runs/s"), "{card}");
    }
}
